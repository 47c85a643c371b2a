"""Rows of a Bulk Read file. Source: FACTS 4 ("The CSV"), read.md 8.3.

The header is the api_names asked for, with `Id` before them. Lookups and owners are bare ids, several
values of a pick list are joined by `;`, instants carry the user's offset, empty is empty.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from bigin_sandbox.clock import in_zone

if TYPE_CHECKING:
    from bigin_sandbox.rules.reading.columns import Column
    from bigin_sandbox.rules.reading.record_sql import Row
    from bigin_sandbox.storage.metadata import Item, Metadata

Cell = Callable[["Row"], Any]

ID_COLUMN = "Id"  # so seen in live files; the documentation writes `id`


def write_csv(
    file: TextIO, rows: Iterable[Row], columns: Sequence[Column], metadata: Metadata, *, zone: str
) -> None:
    """Header and rows."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([ID_COLUMN, *(column.path for column in columns)])
    cells = [_cell(column, metadata.field(column.module, column.name), zone) for column in columns]
    writer.writerows([row.record["id"], *[cell(row) for cell in cells]] for row in rows)


def _cell(column: Column, field: Item | None, zone: str) -> Cell:
    """How a column is written; a csv.writer writes None as an empty cell."""
    read = _reader(column, field)
    shape = _shapes(zone).get(column.kind)
    if shape is None:
        return read

    def cell(row: Row) -> Any:
        value = read(row)
        return None if value is None else shape(value)

    return cell


def _shapes(zone: str) -> dict[str, Callable[[Any], str]]:
    """Kinds whose values are not written as they are stored."""
    return {
        "datetime": lambda value: in_zone(value, zone),
        "lookup": lambda value: str(value["id"]),
        "multi": ";".join,
        "boolean": lambda value: "true" if value else "false",
    }


def _reader(column: Column, field: Item | None) -> Cell:
    """The value of a column; of the millions of a large file most are read by the last line."""
    if column.is_formula or column.joins:
        return lambda row: row.value(column, field)
    name, missing = column.name, False if column.kind == "boolean" else None
    return lambda row: row.record.get(name, missing)
