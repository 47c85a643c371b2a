"""Which records of a module, in which order: told as data, made into SQL here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bigin_sandbox.clock import from_text
from bigin_sandbox.storage.database import Record, to_row_id

SORT_COLUMNS = {"id": "id", "Created_Time": "created", "Modified_Time": "modified"}
_PRIME = 1_000_003


@dataclass(frozen=True)
class Selection:
    """Which records of a module, and in which order; the default is all of them, newest id first."""

    sort_by: str = "id"  # "id", "Created_Time", "Modified_Time"
    descending: bool = True
    modified_from: datetime | None = None  # inclusive, as all bounds
    modified_to: datetime | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None
    id_from: int | None = None
    id_to: int | None = None
    ids: tuple[str, ...] | None = None
    holding: tuple[str, str] | None = None  # an indexed field and its value, such as a company's id
    after: tuple[int, int] | None = None  # (value of the sort column, id) of the record before
    shuffle: int | None = None  # a seed: equal sort values come in an order of its own

    def to_sql(self, columns: str, module: str, source: str = "records") -> tuple[str, list[Any]]:
        """A select of these columns out of a table or view of records, and its values."""
        sort, direction = SORT_COLUMNS[self.sort_by], "desc" if self.descending else "asc"
        where, values = ["module = ?"], [module]
        for condition, bound in self._conditions(module, sort):
            where.append(condition)
            values += bound
        order = f"{sort} {direction}" + ("" if sort == "id" else f", {self._among_equals(direction)}")
        sql = f"select {columns} from {source} where {' and '.join(where)} order by {order}"
        return sql, values

    def key_of(self, record: Record) -> tuple[int, int]:
        """Where a record stands in the order: value of the sort column, id."""
        record_id = int(record["id"])
        if self.sort_by == "id":
            return record_id, record_id
        return int(from_text(record[self.sort_by]).timestamp()), record_id

    def _among_equals(self, direction: str) -> str:
        if self.shuffle is None:
            return f"id {direction}"
        # Another order at every seed, computed without calling back into Python.
        return f"(id % {_PRIME}) * {self.shuffle % _PRIME} % {_PRIME}"

    def _conditions(self, module: str, sort: str) -> Iterator[tuple[str, list[Any]]]:
        bounds = {
            "modified >= ?": _epoch(self.modified_from),
            "modified <= ?": _epoch(self.modified_to),
            "created >= ?": _epoch(self.created_from),
            "created <= ?": _epoch(self.created_to),
            "id >= ?": self.id_from,
            "id <= ?": self.id_to,
        }
        yield from ((condition, [bound]) for condition, bound in bounds.items() if bound is not None)
        if self.ids is not None:
            row_ids = [to_row_id(record_id) for record_id in self.ids]
            yield f"id in ({', '.join('?' * len(row_ids))})", row_ids
        if self.holding is not None:
            held = "select id from lookups where module = ? and field = ? and value = ?"
            yield f"id in ({held})", [module, *self.holding]
        if self.after is not None:
            sign = "<" if self.descending else ">"
            value, record_id = self.after
            if sort == "id":
                yield f"id {sign} ?", [record_id]
            else:
                yield f"({sort}, id) {sign} (?, ?)", [value, record_id]


EVERYTHING = Selection()


def _epoch(instant: datetime | None) -> int | None:
    return None if instant is None else int(instant.timestamp())
