"""Records as they stand in the tables: read by id, value or selection, written with their index.

**The stored form of a record** is a dict by field api_name, as the list API would print it, but
- an absent key means empty (`null`, `false` for a boolean, `[]` for Tag),
- datetimes are UTC text, `2026-05-14T09:53:58Z`; dates stay `2026-05-14`,
- lookups, owners, users are `{"id": "…"}`: names are looked up when rendered, so a renamed company shows
  at once, without moving Modified_Time,
- `Tag` is `[{"id": "…"}]` (see `Store.tag_ids`),
- `Parent_Id`, `What_Id` are `{"id"}`, and the key `$se_module` beside them names the module,
- a multi-select lookup is `[{"id": <link id>, "<field api_name>": {"id"}}]`, a subform `[{"id", …columns}]`,
- `id`, `Created_Time`, `Modified_Time`, `Created_By`, `Modified_By` are in it and kept by the store, as are
  `Full_Name`, auto-numbers and `Last_Activity_Time`; formulas are not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec

from bigin_sandbox.clock import from_text
from bigin_sandbox.storage.database import Record, to_body, to_row_id
from bigin_sandbox.storage.selection import EVERYTHING, Selection
from bigin_sandbox.storage.veils import EVERYTHING_TRUE, Veils

_ROWS_AT_ONCE = 5_000
_IDS_AT_ONCE = 500  # SQLite may take no more than 999 values in a statement
_INSERT = "insert or replace into records values (?, ?, ?, ?, ?, ?)"
_INDEX = "insert into lookups values (?, ?, ?, ?)"
_decode = msgspec.json.Decoder(dict).decode


class RecordsTable(Veils):
    """The records of all modules, without the rules of their coming and going."""

    def get(self, module: str, record_id: str) -> Record | None:
        """One record in its stored form; None if the module has none of that id."""
        sql = "select body from records where id = ? and module = ?"
        row = self._db.execute(sql, (to_row_id(record_id), module)).fetchone()
        return _decode(row[0]) if row else None

    def seen(self, module: str, record_id: str) -> Record | None:
        """One record as a reader sees it at this moment, also under approval."""
        sql = f"select body from {self.source('both')} where id = ? and module = ?"
        row = self._db.execute(sql, (to_row_id(record_id), module)).fetchone()
        return _decode(row[0]) if row else None

    def get_many(self, module: str, record_ids: Iterable[str]) -> dict[str, Record]:
        """Those of the records that exist, by id."""
        found = ((record_id, self.get(module, record_id)) for record_id in record_ids)
        return {record_id: record for record_id, record in found if record is not None}

    def module_of(self, record_id: str) -> str | None:
        """The module in which a record of that id lives."""
        sql = "select module from records where id = ?"
        row = self._db.execute(sql, (to_row_id(record_id),)).fetchone()
        return row[0] if row else None

    def name(self, record_id: str) -> str | None:
        """What a record is called, whatever its module; None if there is none of that id."""
        row = self._db.execute("select name from records where id = ?", (to_row_id(record_id),)).fetchone()
        return row[0] if row else None

    def names(self, record_ids: Iterable[str]) -> dict[str, str]:
        """What many records are called, by id."""
        row_ids = iter([to_row_id(record_id) for record_id in record_ids])
        found: dict[str, str] = {}
        while chunk := list(islice(row_ids, _IDS_AT_ONCE)):
            sql = f"select id, name from records where id in ({', '.join('?' * len(chunk))})"
            found |= {str(row_id): name for row_id, name in self._db.execute(sql, chunk)}
        return found

    def find(self, module: str, field: str, value: Any) -> list[str]:
        """Ids of the records with that value, oldest first; case and outer blanks do not count.

        For a lookup the value is the id. At once for `indexed_fields`, a scan for others.
        """
        wanted = normal(value)
        if field not in self.indexed_fields(module):
            everything = self.iterate(module, Selection(descending=False))
            return [record["id"] for record in everything if wanted in index_values(record.get(field))]
        sql = "select distinct id from lookups where module = ? and field = ? and value = ? order by id"
        return [str(row[0]) for row in self._db.execute(sql, (module, field, wanted))]

    def iterate(self, module: str, selection: Selection = EVERYTHING) -> Iterator[Record]:
        """The selected records in their stored form, lazily; do not write meanwhile."""
        sql, values = selection.to_sql("body", module)
        for (body,) in self._db.execute(sql, values):
            yield _decode(body)

    def page(
        self,
        module: str,
        selection: Selection,
        *,
        limit: int,
        offset: int = 0,
        source: str = EVERYTHING_TRUE,
    ) -> list[Record]:
        """A stretch of the selected records; `source` is what a reader selects from, see `Veils`."""
        sql, values = selection.to_sql("id", module, source)
        rows = self._db.execute(f"{sql} limit ? offset ?", [*values, limit, offset]).fetchall()
        # Ids first: the many records of one second are then sorted without their bodies.
        by_id = f"select body from {source} where id = ?"
        return [_decode(self._db.execute(by_id, row).fetchone()[0]) for row in rows]

    def count(self, module: str, selection: Selection = EVERYTHING) -> int:
        """How many records are selected, at this moment."""
        sql, values = selection.to_sql("count(*)", module)
        return int(self._db.execute(sql, values).fetchone()[0])

    def count_as_of(self, module: str, instant: datetime) -> int:
        """How many records the module had then."""
        moment = int(instant.timestamp())
        living = f"select count(*) from {self.source()} where module = ? and created <= ?"
        gone = "select count(*) from bin where module = ? and created <= ? and deleted > ?"
        now = self._db.execute(living, (module, moment)).fetchone()[0]
        return int(now + self._db.execute(gone, (module, moment, moment)).fetchone()[0])

    def total(self) -> int:
        """How many records there are in all modules together."""
        return int(self._db.execute("select count(*) from records").fetchone()[0])

    def load(self, module: str, records: Iterable[Record]) -> None:
        """Write very many complete records that were not there before; nobody is told."""
        pending = iter(records)
        while chunk := list(islice(pending, _ROWS_AT_ONCE)):
            for record in chunk:
                self._complete(module, record)
            self._db.executemany(_INSERT, [self._row(module, record) for record in chunk])
            rows = (row for record in chunk for row in self._index_rows(module, record))
            self._db.executemany(_INDEX, rows)

    def _write(self, module: str, record: Record, *, changed: Iterable[str]) -> None:
        """Write one record; its index only for the fields that changed."""
        self._complete(module, record)
        self._db.execute(_INSERT, self._row(module, record))
        fields = self.indexed_fields(module).intersection({*changed, "Full_Name"})
        for field in fields:
            sql = "delete from lookups where id = ? and module = ? and field = ?"
            self._db.execute(sql, (int(record["id"]), module, field))
        self._db.executemany(_INDEX, self._index_rows(module, record, fields))

    def _erase(self, record_id: str) -> None:
        self._unveil(record_id)
        self._db.execute("delete from records where id = ?", (to_row_id(record_id),))
        self._db.execute("delete from lookups where id = ?", (to_row_id(record_id),))

    def _row(self, module: str, record: Record) -> tuple[Any, ...]:
        created, modified = times(record)
        name = str(record.get(self.display_field(module)) or "")
        return (int(record["id"]), module, created, modified, name, to_body(record))

    def _index_rows(
        self, module: str, record: Record, fields: Iterable[str] | None = None
    ) -> Iterator[tuple[Any, ...]]:
        row_id = int(record["id"])
        for field in self.indexed_fields(module) if fields is None else fields:
            for value in index_values(record.get(field)):
                yield (module, field, value, row_id)

    def _complete(self, module: str, record: Record) -> None:
        """What the platform keeps by itself: a contact's whole name, the last activity."""
        if module == "Contacts":
            names = (record.get("First_Name"), record.get("Last_Name"))
            record["Full_Name"] = " ".join(str(name) for name in names if name)
        if "Last_Activity_Time" not in record and self.field(module, "Last_Activity_Time"):
            record["Last_Activity_Time"] = record["Modified_Time"]


def normal(value: Any) -> str:
    """How values are compared: without case and outer blanks (FACTS 5, 7.13), no more; a lookup by its id."""
    return str(value["id"] if isinstance(value, dict) else value).strip().lower()


def index_values(value: Any) -> Iterator[str]:
    """The normal forms under which a value is found: each id of a multi-select lookup or subform, too."""
    if value is None or value == "":
        return
    if not isinstance(value, list):
        yield normal(value)
        return
    for entry in value:
        if not isinstance(entry, dict):
            yield normal(entry)
            continue
        for part in entry.values():
            if isinstance(part, dict):
                yield normal(part)


def times(record: Record) -> tuple[int, int]:
    """When a record was made and last changed, in seconds since 1970."""
    created, modified = from_text(record["Created_Time"]), from_text(record["Modified_Time"])
    return int(created.timestamp()), int(modified.timestamp())
