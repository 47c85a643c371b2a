"""What became of each row of a Bulk Write job: the CSV of its result, row by row.

Source: bulk-write/download-result (Bigin v2).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from bigin_api.bulk.csv_archive import read_rows
from bigin_api.errors import ArchiveRefused
from bigin_api.json_values import id_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_VERDICT_COLUMNS = ("STATUS", "RECORD_ID", "ERRORS")
_NEXT_ERROR = re.compile(r":(?=[A-Z][A-Z0-9_]*(?:-|:|$))")


@dataclass(frozen=True)
class RowError:
    """One reason why a row was not written, and the columns it names."""

    code: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class RowResult:
    """What became of one row: find it again by ``values``, the first three columns that were mapped."""

    values: Mapping[str, str]
    status: str  # ADDED, UPDATED, SKIPPED, UNPROCESSED
    id: str | None = None
    errors: tuple[RowError, ...] = ()

    @property
    def succeeded(self) -> bool:
        """The row was written."""
        return self.status in ("ADDED", "UPDATED")


def read_results(file: BinaryIO) -> Iterator[RowResult]:
    """What became of each row, from the zip of a job's result; rows come in any order.

    Raises ArchiveRefused for a zip that is not what it should be.
    """
    rows = read_rows(file)
    header = next(rows, [])
    places = [_place(header, name) for name in _VERDICT_COLUMNS]
    status, record_id, errors = places
    named = [(number, name) for number, name in enumerate(header) if number not in places]
    for row in rows:
        yield RowResult(
            values={name: row[number] for number, name in named},
            status=row[status].strip().upper(),
            id=id_text(row[record_id]),
            errors=read_errors(row[errors]),
        )


def read_errors(cell: str) -> tuple[RowError, ...]:
    """The ERRORS column: ``CODE-column,column:CODE-column``.

    >>> read_errors("MANDATORY_NOT_FOUND-Company,Last_Name:DUPLICATE_DATA-Email")[1]
    RowError(code='DUPLICATE_DATA', columns=('Email',))
    """
    found = []
    for part in _NEXT_ERROR.split(cell.strip()):
        code, _, columns = part.partition("-")
        if code:
            found.append(RowError(code, tuple(name for name in columns.split(",") if name)))
    return tuple(found)


def _place(header: Sequence[str], name: str) -> int:
    """Where a column of the verdict stands, the last one if a mapped column has the same name."""
    for number in reversed(range(len(header))):
        if header[number].strip().upper() == name:
            return number
    raise ArchiveRefused(f"The result of a bulk write has no column {name}.")
