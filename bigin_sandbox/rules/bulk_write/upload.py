"""The uploaded file of a Bulk Write job: a zip with one CSV. Source: FACTS 5, upload-file, limitations."""

from __future__ import annotations

import codecs
import csv
import io
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass

MAX_BYTES = 25 * 1024 * 1024
MAX_ROWS = 25_000
MAX_COLUMNS = 200
DELIMITERS = ",;:|"


class UploadRefused(Exception):  # noqa: N818 - what a caller sent, not a failure of the sandbox
    """The file cannot be worked with; `code` is Bigin's word for it."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Table:
    """An uploaded CSV: its name, its header and its rows."""

    name: str
    header: list[str]
    rows: list[list[str]]

    def cell(self, row: list[str], index: int) -> str:
        """A cell without outer blanks; what a short row lacks is blank."""
        return row[index].strip() if index < len(row) else ""


def member_of(content: bytes) -> str:
    """The name of the one CSV in a zip. Raises UploadRefused."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
    except zipfile.BadZipFile:
        raise UploadRefused("INVALID_FILE_FORMAT") from None
    if len(members) != 1 or not members[0].filename.lower().endswith(".csv"):
        raise UploadRefused("FILE_NOT_SUPPORTED")
    if members[0].file_size > MAX_BYTES:
        raise UploadRefused("FILE_TOO_LARGE")
    return members[0].filename


def read_table(content: bytes, encoding: str) -> Table:
    """Header and rows of the CSV in a zip. Raises UploadRefused for what exceeds a limit."""
    name = member_of(content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        raw = archive.read(name).removeprefix(codecs.BOM_UTF8)
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        raise UploadRefused("INVALID_FORMAT") from None
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=guessed_delimiter(text))
    header = [cell.strip() for cell in next(lines, [])]
    rows = _filled(lines)
    if len(header) > MAX_COLUMNS:
        raise UploadRefused("HEADER_LIMIT_EXCEEDED")
    if len(rows) > MAX_ROWS:
        raise UploadRefused("LIMIT_EXCEEDED")
    return Table(name, header, rows)


def _filled(lines: Iterable[list[str]]) -> list[list[str]]:
    try:
        return [row for row in lines if row]
    except csv.Error:
        raise UploadRefused("INVALID_FORMAT") from None


def guessed_delimiter(text: str) -> str:
    """The sign that the header has most of, outside quotes.

    >>> guessed_delimiter('"Account_Name.id, really"|Last_Name'), guessed_delimiter("Last_Name")
    ('|', ',')
    """
    header = text.split("\n", 1)[0]
    plain = "".join(header.split('"')[::2])
    return max(DELIMITERS, key=plain.count)
