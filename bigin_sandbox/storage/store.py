"""The organisation: its description (see `metadata`), its records, its recycle bin.

Built up in layers, each with one subject: `database` (tables, ids) < `metadata` < `veils` (what readers do
not see) < `records_table` (which tells what a stored record looks like) < `tags` < `Store` (how records
come, change and go).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from bigin_sandbox.clock import UTC, Clock, to_text
from bigin_sandbox.storage.database import FIRST_ID, Record, to_row_id
from bigin_sandbox.storage.records_table import normal
from bigin_sandbox.storage.selection import EVERYTHING, Selection
from bigin_sandbox.storage.tags import Tags

__all__ = ["EVERYTHING", "FIRST_ID", "Binned", "Change", "Deleted", "Record", "Selection", "Store", "normal"]

ACTIVITIES = frozenset({"Tasks", "Events", "Calls"})
# What a deleted record takes along: (of which module, if not of any), child module, its lookup. FACTS 4
TAKEN_ALONG = (
    ("Accounts", "Contacts", "Account_Name"),
    (None, "Notes", "Parent_Id"),
    (None, "Attachments", "Parent_Id"),
)


@dataclass(frozen=True)
class Change:
    """What happened to records of one module: told to whoever subscribed."""

    operation: str  # "insert", "update", "delete"
    module: str
    ids: tuple[str, ...]
    fields: tuple[str, ...]  # api_names that an update touched
    user_id: str | None
    cause: str = "edit"  # or "bulk" (a Bulk Write job), "import", "cascade" (taken along by a deletion)


@dataclass(frozen=True)
class Deleted:
    """One entry of the recycle bin, or of what was emptied out of it (`kind` "permanent")."""

    id: str
    module: str
    name: str
    kind: str
    deleted: datetime
    deleted_by: str | None
    created_by: str | None


class Binned(NamedTuple):
    """A record on its way into the bin."""

    record: Record
    deleted: int  # seconds since 1970
    kind: str
    deleted_by: str
    cause: str | None = None  # the record that took it along


class Store(Tags):
    """Records of all modules. Writes here are unchecked: rules are the endpoints' business."""

    def __init__(self, db_path: str, clock: Clock) -> None:
        self._listeners: list[Callable[[Change], None]] = []
        self._cause = "edit"
        super().__init__(db_path, clock)

    def clear(self) -> None:
        """Forget the organisation, its records, and who wanted to be told of them."""
        self._listeners.clear()
        super().clear()

    def take_copy(self, copy: sqlite3.Connection) -> None:
        """Become the organisation of a copy, and forget who wanted to be told of the one before."""
        self._listeners.clear()
        super().take_copy(copy)

    def subscribe(self, listener: Callable[[Change], None]) -> None:
        """Be told of every insert, update and delete from now on."""
        self._listeners.append(listener)

    @contextmanager
    def caused_by(self, cause: str) -> Iterator[None]:
        """What happens meanwhile is told with this cause; see `Change`."""
        self._cause = cause
        try:
            yield
        finally:
            self._cause = "edit"

    def insert(
        self, module: str, values: Record, *, user_id: str, created_time: datetime | None = None
    ) -> Record:
        """A new record from values in the stored form; gives the record as stored."""
        return self.insert_many(module, [values], user_id=user_id, created_time=created_time)[0]

    def insert_many(
        self,
        module: str,
        many: Iterable[Record],
        *,
        user_id: str,
        created_time: datetime | None = None,
    ) -> list[Record]:
        """New records, all of one moment, each from values in the stored form."""
        now = to_text(created_time or self.clock.now())
        with self.transaction():
            ready = list(many)
            ids = self.new_ids(len(ready))
            records = [
                self._new(module, values, now, user_id, record_id)
                for record_id, values in zip(ids, ready, strict=True)
            ]
            for record in records:
                self._veil_change(record["id"])
            self.load(module, records)
            for record in records:
                self._touch_linked(module, record)
        for record in records:
            self._tell(Change("insert", module, (record["id"],), (), user_id, self._cause))
        return records

    def update(
        self, module: str, record_id: str, changes: Record, *, user_id: str, touch: bool = True
    ) -> Record | None:
        """Change some fields (None empties); gives the record, or None if there is none.

        Without `touch` neither Modified_Time nor Modified_By moves.
        """
        record = self.get(module, record_id)
        if record is None:
            return None
        record.update(changes)
        if touch:
            record |= {"Modified_Time": to_text(self.clock.now()), "Modified_By": {"id": user_id}}
            record.pop("Last_Activity_Time", None)  # becomes Modified_Time again
        record = {name: value for name, value in record.items() if value is not None}
        with self.transaction():
            self._veil_change(record_id)
            self._write(module, record, changed=changes.keys())
            if touch:
                self._touch_linked(module, record)
        fields = tuple(name for name in changes if not name.startswith("$"))
        self._tell(Change("update", module, (record_id,), fields, user_id, self._cause))
        return record

    def note_activity(self, record_id: str) -> None:
        """Move Last_Activity_Time to the present; Modified_Time stays. FACTS 3."""
        module = self.module_of(record_id)
        if module and self.field(module, "Last_Activity_Time"):
            sql = "update records set body = json_set(body, '$.Last_Activity_Time', ?) where id = ?"
            self._db.execute(sql, (to_text(self.clock.now()), to_row_id(record_id)))

    def delete(self, module: str, record_ids: Iterable[str], *, user_id: str) -> list[str]:
        """Put records into the recycle bin; a company takes its contacts, a record its notes.

        Gives the ids, of those asked for, that were there.
        """
        with self.transaction():
            return [record_id for record_id in record_ids if self._bin(module, record_id, user_id, None)]

    def restore(self, module: str, record_id: str) -> bool:
        """Take a record out of the recycle bin, with what it had taken along; Modified_Time stays."""
        sql = "select body from bin where id = ? and module = ? and kind = 'recycle'"
        row = self._db.execute(sql, (to_row_id(record_id), module)).fetchone()
        if row is None:
            return False
        with self.transaction():
            record = msgspec.json.decode(row[0])
            self._db.execute("delete from bin where id = ?", (to_row_id(record_id),))
            self._write(module, record, changed=record.keys())
            taken_along = "select module, id from bin where cause = ? and kind = 'recycle'"
            for other, other_id in self._db.execute(taken_along, (to_row_id(record_id),)).fetchall():
                self.restore(other, str(other_id))
        return True

    def purge(self, module: str, record_id: str) -> bool:
        """Empty a record out of the recycle bin: it becomes a permanent entry without a name."""
        sql = (
            "update bin set kind = 'permanent', body = null where id = ? and module = ? and kind = 'recycle'"
        )
        return self._db.execute(sql, (to_row_id(record_id), module)).rowcount > 0

    def deleted(
        self, module: str, *, since: dict[str, datetime], after: datetime | None, limit: int, offset: int
    ) -> list[Deleted]:
        """Deleted records, newest deletion first.

        `since` gives, for each kind asked for, how far back its entries are still shown; `after` is a
        bound that the deletion must have passed.
        """
        kinds = " or ".join("(kind = ? and deleted >= ?)" for _ in since)
        values: list[Any] = [module, -1 if after is None else int(after.timestamp())]
        for kind, earliest in since.items():
            values += [kind, int(earliest.timestamp())]
        sql = (
            "select id, name, kind, deleted, deleted_by, body from bin where module = ? and deleted > ? "
            f"and ({kinds}) order by deleted desc, id desc limit ? offset ?"
        )
        return [_deleted(module, row) for row in self._db.execute(sql, [*values, limit, offset])]

    def load_bin(self, module: str, entries: Iterable[Binned]) -> None:
        """Put records straight into the bin."""
        for entry in entries:
            self._complete(module, entry.record)
            record_id, _, created, _, name, body = self._row(module, entry.record)
            kept = body if entry.kind == "recycle" else None
            cause = None if entry.cause is None else int(entry.cause)
            row = (record_id, module, created, entry.deleted, name, kept, entry.kind, entry.deleted_by, cause)
            self._db.execute("insert or replace into bin values (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    def _new(self, module: str, values: Record, now: str, user_id: str, record_id: str) -> Record:
        record = {name: value for name, value in values.items() if value is not None}
        record |= {"id": record_id, "Created_Time": now, "Modified_Time": now}
        record |= {"Created_By": {"id": user_id}, "Modified_By": {"id": user_id}}
        record.setdefault("Owner", {"id": user_id})
        self._number(module, record)
        return record

    def _number(self, module: str, record: Record) -> None:
        for field in self.fields(module):
            if field["data_type"] == "autonumber":
                form = field["auto_number"]
                number = self.next_number(f"{module}.{field['api_name']}", int(form["start_number"]))
                record[field["api_name"]] = f"{form['prefix']}{number:04d}{form['suffix']}"

    def _touch_linked(self, module: str, record: Record) -> None:
        if module in ACTIVITIES:
            for link in (record.get("Who_Id"), record.get("What_Id")):
                if link:
                    self.note_activity(link["id"])

    def _bin(self, module: str, record_id: str, user_id: str, cause: str | None) -> bool:
        record = self.get(module, record_id)
        if record is None:
            return False
        now = int(self.clock.now().timestamp())
        self.load_bin(module, [Binned(record, now, "recycle", user_id, cause)])
        self._erase(record_id)
        for of, child, lookup in TAKEN_ALONG:
            if of in {None, module}:
                for child_id in self.find(child, lookup, record_id):
                    self._bin(child, child_id, user_id, record_id)
        why = "cascade" if cause else self._cause
        self._tell(Change("delete", module, (record_id,), (), user_id, why))
        return True

    def _tell(self, change: Change) -> None:
        for listener in self._listeners:
            listener(change)


def _deleted(module: str, row: tuple[Any, ...]) -> Deleted:
    record_id, name, kind, deleted, deleted_by, body = row
    created_by = msgspec.json.decode(body)["Created_By"]["id"] if body else None
    moment = datetime.fromtimestamp(deleted, UTC)
    return Deleted(str(record_id), module, name, kind, moment, deleted_by, created_by)
