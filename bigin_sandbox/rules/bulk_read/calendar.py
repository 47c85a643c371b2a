"""A Bulk Read file of Events as a calendar (RFC 5545). Source: FACTS 4, create-job (`file_type: ics`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from bigin_sandbox.rules.reading.record_sql import Row
    from bigin_sandbox.storage.store import Record

FOLD_AT = 75  # octets of a line: RFC 5545, 3.1


def write_ics(file: TextIO, rows: Iterable[Row]) -> None:
    """A calendar with one event for each row."""
    _write(file, ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Bigin sandbox//EN"])
    for row in rows:
        _write(file, _event(row.record))
    _write(file, ["END:VCALENDAR"])


def _event(record: Record) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{record['id']}"
    yield f"DTSTAMP:{_compact(record['Modified_Time'])}"
    for name, key in (("DTSTART", "Start_DateTime"), ("DTEND", "End_DateTime")):
        if record.get(key):
            yield f"{name}:{_compact(record[key])}"
    for name, key in (("SUMMARY", "Event_Title"), ("LOCATION", "Venue"), ("DESCRIPTION", "Description")):
        if record.get(key):
            yield f"{name}:{_escape(record[key])}"
    yield "END:VEVENT"


def _compact(instant: str) -> str:
    return instant.replace("-", "").replace(":", "")


def _escape(text: str) -> str:
    for plain, escaped in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\r\n", "\\n"), ("\n", "\\n")):
        text = text.replace(plain, escaped)
    return text


def _write(file: TextIO, lines: Iterable[str]) -> None:
    file.writelines("\r\n ".join(_folded(line)) + "\r\n" for line in lines)


def _folded(line: str) -> Iterator[str]:
    """A long line in pieces of at most 74 octets, none of them cutting a character."""
    piece = ""
    for character in line:
        if len((piece + character).encode()) >= FOLD_AT:
            yield piece
            piece = ""
        piece += character
    yield piece
