"""The API log, read again: one entry a line, chosen by when, what and how it ended.

``http.call_log`` writes it. A line that is cut off (the run was killed) or foreign is counted, not fatal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

import msgspec

from bigin_api.moments import parse_moment

_ID = re.compile(r"/\d{4,}(?=/|$)")
# As it is written, and sure to be a day that there is; any other is parsed.
_TIME = re.compile(
    r"\d{3}[1-9]-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$", re.ASCII
)
_AGE = re.compile(r"(\d+)\s*([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_STATUS_CLASS = re.compile(r"([1-5])xx", re.IGNORECASE)
_STATUS_RANGE = re.compile(r"(\d{3})-(\d{3})")
FIRST_ERROR = 400  # HTTP


class Entry(msgspec.Struct, frozen=True):
    """One attempt of one call, with the names of the log's own columns."""

    time: str
    method: str
    path: str
    module: str | None = None
    stream: str | None = None
    status: int | None = None
    code: str | None = None
    ms: int = 0
    credits: int = 0
    records: int = 0
    attempt: int = 1

    @property
    def endpoint(self) -> str:
        """Method and path without ids.

        >>> Entry("2026-05-14T09:53:58Z", "GET", "/Contacts/123456789012345678/Notes").endpoint
        'GET /Contacts/{id}/Notes'
        """
        return f"{self.method} {_ID.sub('/{id}', self.path)}"

    @property
    def moment(self) -> datetime:
        """When it was written. Raises ValueError."""
        return parse_moment(self.time)

    @property
    def hour(self) -> str:
        """The hour it was made in, in UTC.

        >>> Entry("2026-05-14T09:53:58.123Z", "GET", "/org").hour
        '2026-05-14T09:00Z'
        """
        return f"{self.time[:13]}:00Z"

    @property
    def failed(self) -> bool:
        """Whether no good answer came; a write whose records were refused one by one is answered well."""
        return self.status is None or self.status >= FIRST_ERROR


class LogReader:
    """Entries of a log, line by line; ``unreadable`` counts the lines that are none."""

    def __init__(self) -> None:
        self.unreadable = 0
        self._decoder = msgspec.json.Decoder(Entry)

    def read(self, lines: Iterable[bytes]) -> Iterator[Entry]:
        """The entries in the order of the file; blank lines are skipped."""
        for line in lines:
            if not line.strip():
                continue
            try:
                entry = self._decoder.decode(line)
                if _TIME.match(entry.time) is None:
                    _ = entry.moment
            except (msgspec.MsgspecError, ValueError):
                self.unreadable += 1
            else:
                yield entry


@dataclass(frozen=True)
class Choice:
    """Which entries are wanted. What is empty chooses all."""

    since: datetime | None = None
    until: datetime | None = None  # the first moment that is left out
    methods: frozenset[str] = frozenset()
    paths: tuple[str, ...] = ()  # globs
    modules: frozenset[str] = frozenset()
    streams: frozenset[str] = frozenset()
    statuses: tuple[Callable[[int | None], bool], ...] = field(default=())

    def takes(self, entry: Entry) -> bool:
        """Whether an entry is wanted."""
        return (
            (self.since is None or entry.moment >= self.since)
            and (self.until is None or entry.moment < self.until)
            and (not self.methods or entry.method in self.methods)
            and (not self.paths or any(fnmatchcase(entry.path, glob) for glob in self.paths))
            and (not self.modules or entry.module in self.modules)
            and (not self.streams or entry.stream in self.streams)
            and (not self.statuses or any(fits(entry.status) for fits in self.statuses))
        )


def parse_since(text: str, *, now: datetime, is_end: bool = False) -> datetime:
    """A moment, a day, or an age. A day that ends something includes itself. Raises ValueError.

    >>> now = parse_moment("2026-05-14T12:00:00Z")
    >>> parse_since("2h", now=now).isoformat()
    '2026-05-14T10:00:00+00:00'
    >>> parse_since("2026-05-13", now=now, is_end=True).isoformat()
    '2026-05-14T00:00:00+00:00'
    """
    age = _AGE.fullmatch(text.strip())
    if age is not None:
        try:
            return now - timedelta(**{_UNITS[age[2]]: int(age[1])})
        except OverflowError:
            raise ValueError(f"{text!r} is longer ago than there are years") from None
    try:
        moment = parse_moment(text)
    except ValueError:
        raise ValueError(f"{text!r} is no moment, no day and no age such as 24h or 7d") from None
    is_day = len(text.strip()) <= len("2026-05-14")
    return moment + timedelta(days=1) if is_end and is_day else moment


def parse_status(text: str) -> Callable[[int | None], bool]:
    """What tells whether a status is meant: 429, 4xx, 400-499, error (none or 400 and above), none.

    Raises ValueError.

    >>> [parse_status("4xx")(status) for status in (404, 500, None)]
    [True, False, False]
    >>> parse_status("error")(None)
    True
    """
    wanted = text.strip().lower()
    if wanted == "error":
        return lambda status: status is None or status >= FIRST_ERROR
    if wanted == "none":
        return lambda status: status is None
    if found := _STATUS_CLASS.fullmatch(wanted):
        low = int(found[1]) * 100
        return lambda status: status is not None and low <= status < low + 100
    if found := _STATUS_RANGE.fullmatch(wanted):
        first, last = int(found[1]), int(found[2])
        return lambda status: status is not None and first <= status <= last
    if len(wanted) == len("429") and wanted.isdecimal():
        return lambda status: status == int(wanted)
    raise ValueError(f"{text!r} is no status such as 429, 4xx, 400-499, error or none")
