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
    from bigin_sandbox.metadata import Metadata
    from bigin_sandbox.rules.columns import Column
    from bigin_sandbox.rules.record_sql import Row

ID_COLUMN = "Id"  # so seen in live files; the documentation writes `id`


def write_csv(
    file: TextIO, rows: Iterable[Row], columns: Sequence[Column], metadata: Metadata, *, zone: str
) -> None:
    """Header and rows."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([ID_COLUMN, *(column.path for column in columns)])
    cells = [(column, metadata.field(column.module, column.name), _cell(column, zone)) for column in columns]
    writer.writerows(
        [row.record["id"], *(cell(row.value(column, field)) for column, field, cell in cells)] for row in rows
    )


def _cell(column: Column, zone: str) -> Callable[[Any], Any]:
    """How a value of a column is written; a csv.writer writes None as an empty cell."""
    if column.kind == "datetime":
        return lambda value: None if value is None else in_zone(value, zone)
    if column.kind == "lookup":
        return lambda value: None if value is None else value["id"]
    if column.kind == "multi":
        return lambda value: None if value is None else ";".join(value)
    if column.kind == "boolean":
        return lambda value: "true" if value else "false"
    return lambda value: value
