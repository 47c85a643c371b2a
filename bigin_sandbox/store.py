"""The organisation in SQLite: its description (see `metadata`), its records, its recycle bin.

**The stored form of a record** is a dict by field api_name, as the list API would print it, but
- an absent key means empty (`null`, `false` for a boolean, `[]` for Tag),
- datetimes are UTC text, `2026-05-14T09:53:58Z`; dates stay `2026-05-14`,
- lookups, owners, users are `{"id": "…"}`: names are looked up when rendered, so a renamed company shows
  at once, without moving Modified_Time,
- `Tag` is `[{"id": "…"}]` (see `tag_ids`),
- `Parent_Id`, `What_Id` are `{"id"}`, and the key `$se_module` beside them names the module,
- a multi-select lookup is `[{"id": <link id>, "<lookup api_name>": {"id"}}]`, a subform `[{"id", …columns}]`,
- `id`, `Created_Time`, `Modified_Time`, `Created_By`, `Modified_By` are in it and kept by the store, as are
  `Full_Name`, auto-numbers and `Last_Activity_Time`.

One thread uses a store; nothing here locks.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from bigin_sandbox.clock import UTC, Clock, from_text, to_text
from bigin_sandbox.metadata import Metadata

Record = dict[str, Any]

_SCHEMA = """
create table if not exists records
  (id integer primary key, module text, created integer, modified integer, name text, body text);
create table if not exists bin
  (id integer primary key, module text, created integer, deleted integer, name text, body text,
   kind text, deleted_by text, cause integer);
create table if not exists lookups (module text, field text, value text, id integer);
create table if not exists links (kind text, one integer, other integer, unique (kind, one, other));
create table if not exists emails (id integer primary key, parent integer, body text);
create table if not exists files (id text primary key, name text, content blob);
create table if not exists numbers (name text primary key, value integer);
create index if not exists bin_by_module on bin (module, deleted);
create index if not exists emails_by_parent on emails (parent);
"""
_INDEXES = {
    "records_by_module": "records (module)",
    "records_by_created": "records (module, created)",
    "records_by_modified": "records (module, modified)",
    "lookups_by_value": "lookups (module, field, value)",
    "lookups_by_id": "lookups (id)",
}
FIRST_ID = 6_100_000_000_000_451_001  # 19 digits beyond 2^53, as FACTS 3 says
ACTIVITIES = frozenset({"Tasks", "Events", "Calls"})
SORT_COLUMNS = {"id": "id", "Created_Time": "created", "Modified_Time": "modified"}


@dataclass(frozen=True)
class Change:
    """What happened to records of one module: told to whoever subscribed."""

    operation: str  # "insert", "update", "delete"
    module: str
    ids: tuple[str, ...]
    fields: tuple[str, ...]  # api_names that an update touched
    user_id: str | None


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


@dataclass(frozen=True)
class Selection:
    """Which records of a module, and in which order; the default is all of them, newest id first."""

    sort_by: str = "id"  # "id", "Created_Time", "Modified_Time"
    descending: bool = True
    modified_from: datetime | None = None  # inclusive
    modified_to: datetime | None = None  # inclusive
    created_from: datetime | None = None
    created_to: datetime | None = None
    id_from: int | None = None
    id_to: int | None = None
    ids: tuple[str, ...] | None = None
    after: tuple[int, int] | None = None  # (value of the sort column, id) of the record before
    shuffle: int | None = None  # a seed: equal sort values come in an order of its own


EVERYTHING = Selection()


class Store(Metadata):
    """Records of all modules. Writes here are unchecked: rules are the endpoints' business."""

    def __init__(self, db_path: str, clock: Clock) -> None:
        connection = sqlite3.connect(db_path, isolation_level=None, check_same_thread=False)
        connection.executescript("pragma journal_mode = memory; pragma synchronous = off;" + _SCHEMA)
        self.clock = clock
        self._listeners: list[Callable[[Change], None]] = []
        super().__init__(connection)
        self.build_indexes()

    def close(self) -> None:
        """Let go of the database."""
        self._db.close()

    def clear(self) -> None:
        """Forget the organisation and all its records."""
        for table in ("metadata", "records", "bin", "lookups", "links", "emails", "files", "numbers"):
            self._db.execute(f"delete from {table}")
        self._listeners.clear()
        self.reload_metadata()

    def build_indexes(self) -> None:
        """Make the indexes that are not there."""
        for name, columns in _INDEXES.items():
            self._db.execute(f"create index if not exists {name} on {columns}")

    def drop_indexes(self) -> None:
        """Before writing very many records; `build_indexes` afterwards."""
        for name in _INDEXES:
            self._db.execute(f"drop index if exists {name}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; a transaction inside another is part of it."""
        if self._db.in_transaction:
            yield
            return
        self._db.execute("begin")
        try:
            yield
        except BaseException:
            self._db.execute("rollback")
            raise
        self._db.execute("commit")

    def subscribe(self, listener: Callable[[Change], None]) -> None:
        """Be told of every insert, update and delete from now on."""
        self._listeners.append(listener)

    # ids and numbers

    def new_id(self) -> str:
        """An id that no record, tag, row, job or file of this organisation has."""
        return str(self.next_number("id", FIRST_ID))

    def next_number(self, name: str, start: int = 1) -> int:
        """The next number of a sequence that begins at `start`."""
        sql = (
            "insert into numbers values (?, ?) on conflict (name) do update set value = value + 1 "
            "returning value"
        )
        return int(self._db.execute(sql, (name, start)).fetchall()[0][0])

    def skip_numbers(self, name: str, value: int) -> None:
        """Say that a sequence was used up to `value`."""
        self._db.execute("insert or replace into numbers values (?, ?)", (name, value))

    # reading

    def get(self, module: str, record_id: str) -> Record | None:
        """One record in its stored form; None if the module has none of that id."""
        if not record_id.isdecimal():
            return None
        sql = "select body from records where id = ? and module = ?"
        row = self._db.execute(sql, (_int(record_id), module)).fetchone()
        return msgspec.json.decode(row[0]) if row else None

    def get_many(self, module: str, record_ids: Iterable[str]) -> dict[str, Record]:
        """Those of the records that exist, by id."""
        found = ((record_id, self.get(module, record_id)) for record_id in record_ids)
        return {record_id: record for record_id, record in found if record is not None}

    def module_of(self, record_id: str) -> str | None:
        """The module in which a record of that id lives."""
        if not record_id.isdecimal():
            return None
        row = self._db.execute("select module from records where id = ?", (_int(record_id),)).fetchone()
        return row[0] if row else None

    def name(self, record_id: str) -> str | None:
        """What a record is called, whatever its module; None if there is none of that id."""
        row = self._db.execute("select name from records where id = ?", (_int(record_id),)).fetchone()
        return row[0] if row else None

    def find(self, module: str, field: str, value: Any) -> list[str]:
        """Ids of the records with that value, oldest first; case and outer blanks do not count.

        For a lookup the value is the id. At once for `indexed_fields`, a scan for others.
        """
        wanted = normal(value)
        if field not in self.indexed_fields(module):
            return [r["id"] for r in self.iterate(module, Selection(descending=False)) if normal(r.get(field)) == wanted]
        sql = "select distinct id from lookups where module = ? and field = ? and value = ? order by id"
        return [str(row[0]) for row in self._db.execute(sql, (module, field, wanted))]

    def iterate(self, module: str, selection: Selection = EVERYTHING) -> Iterator[Record]:
        """The selected records in their stored form, lazily; do not write meanwhile."""
        sql, values = _select("body", module, selection)
        decode = msgspec.json.Decoder(dict).decode
        for (body,) in self._db.execute(sql, values):
            yield decode(body)

    def page(self, module: str, selection: Selection, *, limit: int, offset: int = 0) -> list[Record]:
        """A stretch of the selected records."""
        sql, values = _select("body", module, selection)
        decode = msgspec.json.Decoder(dict).decode
        rows = self._db.execute(f"{sql} limit ? offset ?", [*values, limit, offset])
        return [decode(body) for (body,) in rows]

    def count(self, module: str, selection: Selection = EVERYTHING) -> int:
        """How many records are selected, at this moment."""
        sql, values = _select("count(*)", module, selection)
        return int(self._db.execute(sql, values).fetchone()[0])

    def count_as_of(self, module: str, instant: datetime) -> int:
        """How many records the module had then."""
        moment = int(instant.timestamp())
        living = "select count(*) from records where module = ? and created <= ?"
        gone = "select count(*) from bin where module = ? and created <= ? and deleted > ?"
        now = self._db.execute(living, (module, moment)).fetchone()[0]
        return int(now + self._db.execute(gone, (module, moment, moment)).fetchone()[0])

    def total(self) -> int:
        """How many records there are in all modules together."""
        return int(self._db.execute("select count(*) from records").fetchone()[0])

    def query(self, sql: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Rows of a select over the tables above, lazily: see `rules.record_sql`, which writes them."""
        return self._db.execute(sql, values)

    def define(self, name: str, arity: int, function: Callable[..., Any]) -> None:
        """Make a function known to the selects of `query`."""
        self._db.create_function(name, arity, function, deterministic=True)

    def snapshot(self, path: Path, sql: str, values: Sequence[Any] = ()) -> None:
        """Keep what a select gives, as it is now, in the table `rows` of a new database file."""
        self._db.execute("attach database ? as snapshot", (str(path),))
        try:
            self._db.execute("pragma snapshot.journal_mode = off")
            self._db.execute(f"create table snapshot.rows as {sql}", values)
        finally:
            self._db.execute("detach database snapshot")

    # writing

    def insert(
        self, module: str, values: Record, *, user_id: str, created_time: datetime | None = None
    ) -> Record:
        """A new record from values in the stored form; gives the record as stored."""
        now = to_text(created_time or self.clock.now())
        record = {name: value for name, value in values.items() if value is not None}
        record |= {"id": self.new_id(), "Created_Time": now, "Modified_Time": now}
        record |= {"Created_By": {"id": user_id}, "Modified_By": {"id": user_id}}
        record.setdefault("Owner", {"id": user_id})
        with self.transaction():
            self._number(module, record)
            self._write(module, record, changed=record.keys())
            self._note_activity(module, record)
        self._tell(Change("insert", module, (record["id"],), (), user_id))
        return record

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
        record = {name: value for name, value in record.items() if value is not None}
        with self.transaction():
            self._write(module, record, changed=changes.keys())
            if touch:
                self._note_activity(module, record)
        self._tell(Change("update", module, (record_id,), tuple(changes), user_id))
        return record

    def delete(self, module: str, record_ids: Iterable[str], *, user_id: str) -> list[str]:
        """Put records into the recycle bin; a company takes its contacts, a record its notes.

        Gives the ids, of those asked for, that were there.
        """
        with self.transaction():
            gone = [record_id for record_id in record_ids if self._bin(module, record_id, user_id, None)]
        return gone

    def restore(self, module: str, record_id: str) -> bool:
        """Take a record out of the recycle bin, with what it had taken along; Modified_Time stays."""
        sql = "select body from bin where id = ? and module = ? and kind = 'recycle'"
        row = self._db.execute(sql, (_int(record_id), module)).fetchone()
        if row is None:
            return False
        with self.transaction():
            record = msgspec.json.decode(row[0])
            self._db.execute("delete from bin where id = ?", (_int(record_id),))
            self._write(module, record, changed=record.keys())
            taken_along = "select module, id from bin where cause = ? and kind = 'recycle'"
            for other, other_id in self._db.execute(taken_along, (_int(record_id),)).fetchall():
                self.restore(other, str(other_id))
        return True

    def purge(self, module: str, record_id: str) -> bool:
        """Empty a record out of the recycle bin: it becomes a permanent entry without a name."""
        sql = "update bin set kind = 'permanent', body = null where id = ? and module = ? and kind = 'recycle'"
        return self._db.execute(sql, (_int(record_id), module)).rowcount > 0

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

    # tags, links, e-mails, files

    def tag_ids(self, module: str, names: Iterable[str], *, user_id: str) -> list[str]:
        """Ids of the tags of these names (case does not count); unknown ones are created."""
        tags = {tag["name"].casefold(): tag["id"] for tag in self.tags(module)}
        for name in names:
            if name.casefold() not in tags:
                tag = self._new_tag(name, user_id)
                self.put_metadata("tags", [*self.tags(module), tag], owner=module)
                tags[name.casefold()] = tag["id"]
        return [tags[name.casefold()] for name in names]

    def link(self, kind: str, one: str, other: str) -> None:
        """Tie two records, e.g. kind `Contacts-Products`: one contact, other product."""
        self._db.execute("insert or ignore into links values (?, ?, ?)", (kind, _int(one), _int(other)))

    def unlink(self, kind: str, one: str, other: str) -> bool:
        """Untie two records; False if they were not tied."""
        sql = "delete from links where kind = ? and one = ? and other = ?"
        return self._db.execute(sql, (kind, _int(one), _int(other))).rowcount > 0

    def linked(self, kind: str, *, one: str | None = None, other: str | None = None) -> list[str]:
        """Ids tied to `one`, or to `other`."""
        wanted, given, value = ("other", "one", one) if one is not None else ("one", "other", other)
        sql = f"select {wanted} from links where kind = ? and {given} = ? order by {wanted}"
        return [str(row[0]) for row in self._db.execute(sql, (kind, _int(value or "0")))]

    def add_email(self, parent_id: str, email: Record) -> None:
        """Put an e-mail beside a record; it is read as a related list only."""
        row = (int(self.new_id()), _int(parent_id), _json(email))
        self._db.execute("insert into emails values (?, ?, ?)", row)

    def emails(self, parent_id: str) -> list[Record]:
        """The e-mails of a record, newest first."""
        sql = "select body from emails where parent = ? order by id desc"
        return [msgspec.json.decode(body) for (body,) in self._db.execute(sql, (_int(parent_id),))]

    def put_file(self, name: str, content: bytes) -> str:
        """Keep bytes; gives the file's id."""
        file_id = self.new_id()
        self._db.execute("insert into files values (?, ?, ?)", (file_id, name, content))
        return file_id

    def get_file(self, file_id: str) -> tuple[str, bytes] | None:
        """Name and bytes of a kept file."""
        row = self._db.execute("select name, content from files where id = ?", (file_id,)).fetchone()
        return (row[0], row[1]) if row else None

    # inside

    def _write(self, module: str, record: Record, *, changed: Iterable[str]) -> None:
        record_id = int(record["id"])
        if module == "Contacts":
            names = (record.get("First_Name"), record.get("Last_Name"))
            record["Full_Name"] = " ".join(str(name) for name in names if name)
            changed = {*changed, "Full_Name"}
        row = (record_id, module, *_times(record), record_name(self, module, record), _json(record))
        self._db.execute("insert or replace into records values (?, ?, ?, ?, ?, ?)", row)
        for field in self.indexed_fields(module).intersection(changed):
            self._db.execute("delete from lookups where id = ? and module = ? and field = ?", (record_id, module, field))
            rows = [(module, field, value, record_id) for value in index_values(record.get(field))]
            self._db.executemany("insert into lookups values (?, ?, ?, ?)", rows)

    def _number(self, module: str, record: Record) -> None:
        for field in self.fields(module):
            if field["data_type"] == "autonumber":
                form = field["auto_number"]
                number = self.next_number(f"{module}.{field['api_name']}", int(form["start_number"]))
                record[field["api_name"]] = f"{form['prefix']}{number:04d}{form['suffix']}"

    def _note_activity(self, module: str, record: Record) -> None:
        """Last_Activity_Time moves by itself, and with it no Modified_Time. FACTS 3."""
        moment = record["Modified_Time"]
        self._set_activity(module, record["id"], moment)
        if module in ACTIVITIES:
            for lookup in (record.get("Who_Id"), record.get("What_Id")):
                other = self.module_of(lookup["id"]) if lookup else None
                if lookup and other:
                    self._set_activity(other, lookup["id"], moment)

    def _set_activity(self, module: str, record_id: str, moment: str) -> None:
        if self.field(module, "Last_Activity_Time"):
            sql = "update records set body = json_set(body, '$.Last_Activity_Time', ?) where id = ?"
            self._db.execute(sql, (moment, _int(record_id)))

    def _bin(self, module: str, record_id: str, user_id: str, cause: str | None) -> bool:
        record = self.get(module, record_id)
        if record is None:
            return False
        now = int(self.clock.now().timestamp())
        row = (int(record_id), module, _times(record)[0], now, record_name(self, module, record), _json(record))
        cause_id = None if cause is None else int(cause)
        self._db.execute("insert or replace into bin values (?, ?, ?, ?, ?, ?, 'recycle', ?, ?)", (*row, user_id, cause_id))
        self._db.execute("delete from records where id = ?", (int(record_id),))
        self._db.execute("delete from lookups where id = ?", (int(record_id),))
        for other, field in (("Contacts", "Account_Name"), ("Notes", "Parent_Id"), ("Attachments", "Parent_Id")):
            if module == "Accounts" or other != "Contacts":
                for other_id in self.find(other, field, record_id):
                    self._bin(other, other_id, user_id, record_id)
        self._tell(Change("delete", module, (record_id,), (), user_id))
        return True

    def _new_tag(self, name: str, user_id: str) -> Record:
        now = to_text(self.clock.now())
        by = {"id": user_id}
        return {
            "id": self.new_id(),
            "name": name,
            "color_code": None,
            "created_time": now,
            "modified_time": now,
            "created_by": by,
            "modified_by": by,
        }

    def _tell(self, change: Change) -> None:
        for listener in self._listeners:
            listener(change)


def normal(value: Any) -> str:
    """How values are compared for equality: without case and outer blanks; a lookup by its id."""
    return str(value["id"] if isinstance(value, dict) else value).strip().casefold()


def index_values(value: Any) -> Iterator[str]:
    """The normal forms under which a value is found: each id of a multi-select lookup, too."""
    if value is None or value == "":
        return
    if not isinstance(value, list):
        yield normal(value)
        return
    for entry in value:
        for part in entry.values():
            if isinstance(part, dict):
                yield normal(part)


def record_name(metadata: Metadata, module: str, record: Record) -> str:
    """What a record is called where it is linked."""
    return str(record.get(metadata.display_field(module)) or "")


def _select(columns: str, module: str, selection: Selection) -> tuple[str, list[Any]]:
    sort, direction = SORT_COLUMNS[selection.sort_by], "desc" if selection.descending else "asc"
    where, values = ["module = ?"], [module]
    for condition, value in _conditions(selection, sort):
        where.append(condition)
        values += value
    order = [f"{sort} {direction}", f"id {direction}"][: 1 if sort == "id" else 2]
    if selection.shuffle is not None and sort != "id":
        # A different order among equals at every seed, computed without calling back into Python.
        order[1] = f"(id % 1000003) * {selection.shuffle % 1000003} % 1000003"
    return f"select {columns} from records where {' and '.join(where)} order by {', '.join(order)}", values


def _conditions(selection: Selection, sort: str) -> Iterator[tuple[str, list[Any]]]:
    bounds = {
        "modified >= ?": _epoch(selection.modified_from),
        "modified <= ?": _epoch(selection.modified_to),
        "created >= ?": _epoch(selection.created_from),
        "created <= ?": _epoch(selection.created_to),
        "id >= ?": selection.id_from,
        "id <= ?": selection.id_to,
    }
    yield from ((condition, [bound]) for condition, bound in bounds.items() if bound is not None)
    if selection.ids is not None:
        ids = [_int(record_id) for record_id in selection.ids]
        yield f"id in ({', '.join('?' * len(ids))})", ids
    if selection.after is not None:
        sign = "<" if selection.descending else ">"
        value, record_id = selection.after
        yield (f"id {sign} ?", [record_id]) if sort == "id" else (f"({sort}, id) {sign} (?, ?)", [value, record_id])


def _deleted(module: str, row: tuple[Any, ...]) -> Deleted:
    record_id, name, kind, deleted, deleted_by, body = row
    created_by = msgspec.json.decode(body)["Created_By"]["id"] if body else None
    moment = datetime.fromtimestamp(deleted, UTC)
    return Deleted(str(record_id), module, name, kind, moment, deleted_by, created_by)


def _times(record: Record) -> tuple[int, int]:
    created, modified = from_text(record["Created_Time"]), from_text(record["Modified_Time"])
    return int(created.timestamp()), int(modified.timestamp())


def _epoch(instant: datetime | None) -> int | None:
    return None if instant is None else int(instant.timestamp())


def _int(record_id: str) -> int:
    """An id as SQLite holds it; one too long for any record becomes one that no record has."""
    return int(record_id) if record_id.isdecimal() and len(record_id) <= 18 + 1 and int(record_id) < 2**63 else -1


def _json(record: Record) -> str:
    return msgspec.json.encode(record).decode()
