"""A zip with one CSV: read with its guard up, row by row; written within Bigin's limits.

Memory stays flat in both directions, whatever the number of rows.
"""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from bigin_api.errors import ArchiveRefused, InvalidRequest
from bigin_api.limits import (
    MAX_BYTES_PER_BULK_WRITE,
    MAX_COLUMNS_PER_BULK_WRITE,
    MAX_RECORDS_PER_BULK_WRITE,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from typing_extensions import Self

MAX_UNPACKED_BYTES = 8 << 30  # 200,000 rows of 40 kB
MAX_RATIO = 250  # unpacked to packed; deflate ends at 1,032, tables of many empty columns stay below 100
UNSUSPICIOUS_BYTES = 4 << 20  # so little may be packed as tightly as it likes


def read_rows(file: BinaryIO) -> Iterator[list[str]]:
    """The rows of the one CSV in a zip, its header first.

    Raises ArchiveRefused for anything but one plain ``.csv`` member of sane size, for a file that is
    cut off or damaged, and for a row that has not as many columns as the header.
    """
    with _refusing_what_is_broken(), zipfile.ZipFile(file) as archive:
        member = _only_member(archive)
        with (
            archive.open(member) as packed,
            io.TextIOWrapper(packed, "utf-8-sig", "surrogateescape", newline="") as text,
        ):
            yield from _whole_rows(csv.reader(text, strict=True))


def _whole_rows(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    header = next(rows, None)
    if header is None:
        return
    yield header
    width = len(header)
    for number, row in enumerate(rows, start=2):
        if len(row) != width:
            if not row:
                continue  # an empty line
            raise ArchiveRefused(f"The CSV's row {number} has {len(row)} columns, its header {width}.")
        yield row


@contextmanager
def _refusing_what_is_broken() -> Iterator[None]:
    try:
        yield
    except (
        zipfile.BadZipFile,
        zlib.error,
        csv.Error,
        EOFError,
        ValueError,  # offsets that point nowhere; text that is no UTF-8
        RuntimeError,  # a password, features that zipfile does not know
    ) as exc:
        raise ArchiveRefused(f"The zip cannot be read ({exc!s:.200}).") from exc


def _only_member(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = archive.infolist()
    if len(members) != 1:
        raise ArchiveRefused(f"The zip holds {len(members)} members, one CSV was expected.")
    (member,) = members
    name = member.filename
    if not name.lower().endswith(".csv") or any(sign in name for sign in "/\\:\0"):
        raise ArchiveRefused(f"The zip's member {name[:80]!r} is no plain .csv file.")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ArchiveRefused(f"The zip's member {name[:80]!r} is packed in a way that no result is.")
    # zipfile reads no more than the size that the member declares, so the declared size is the limit.
    most = max(UNSUSPICIOUS_BYTES, MAX_RATIO * member.compress_size)
    if member.file_size > min(most, MAX_UNPACKED_BYTES):
        raise ArchiveRefused(
            f"The zip's member would unpack {member.compress_size} bytes to {member.file_size}: refused."
        )
    return member


class CsvArchive:
    """Writes the zip of one Bulk Write job: at most 25,000 rows, 200 columns and 25 MB of CSV.

    Use it as a context manager; the file stays open. Cells are quoted, for the delimiter is guessed.
    Source: bulk-write/limitations; whether the 25 MB are those of the CSV or of the zip is not said.
    """

    def __init__(self, file: BinaryIO, name: str, header: Sequence[str]) -> None:
        if len(header) > MAX_COLUMNS_PER_BULK_WRITE:
            raise InvalidRequest(
                f"{len(header)} columns: a bulk write takes at most {MAX_COLUMNS_PER_BULK_WRITE}."
            )
        self.rows = 0
        self.bytes = 0
        self._width = len(header)
        self._archive = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED)
        member = zipfile.ZipInfo(name)
        member.compress_type = zipfile.ZIP_DEFLATED
        self._member = self._archive.open(member, "w")
        self._write(_line(header))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def add(self, row: Sequence[str | None]) -> bool:
        """Write a row; None is an empty cell. False, and nothing written, if it does not fit any more."""
        if len(row) != self._width:
            raise ValueError(f"a row of {len(row)} cells under {self._width} columns")
        line = _line(row)
        if self.rows >= MAX_RECORDS_PER_BULK_WRITE or self.bytes + len(line) > MAX_BYTES_PER_BULK_WRITE:
            return False
        self._write(line)
        self.rows += 1
        return True

    def close(self) -> None:
        """Finish the zip."""
        try:
            self._member.close()
        finally:  # else it would close itself once more when it is thrown away
            self._archive.close()

    def _write(self, line: bytes) -> None:
        self._member.write(line)
        self.bytes += len(line)


def _line(cells: Iterable[str | None]) -> bytes:
    r"""One line of CSV.

    >>> _line(["a", None, 'the "b"!'])
    b'"a","","the ""b""!"\r\n'
    """
    quoted = ",".join('"' + (cell or "").replace('"', '""') + '"' for cell in cells)
    return f"{quoted}\r\n".encode()
