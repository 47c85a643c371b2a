"""What a stream's state says and may say: bookmark, overlap, and the scan that is under way. Pure.

An entry under ``bookmarks``:

    {"replication_key": "Modified_Time", "replication_key_value": "2026-05-14T09:53:58Z",
     "pass": {...}}                     # only while a scan is under way, see ``Scan``

The bookmark is Bigin's clock before the first page of the last complete pass, so everything up to it
has been emitted. It moves only when a pass is complete, and never back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Annotated, Any, Literal

import msgspec
from msgspec.structs import replace

from bigin_api.errors import SettingsError
from bigin_api.moments import parse_moment, utc_text

to_utc_text, from_text = utc_text, parse_moment
Entry = Mapping[str, Any]
Kind = Literal["full", "incremental", "bulk"]
Interval = tuple[str, str | None]
"""Both ends included, in the order of the sort column: two ids, or two moments. None: to the end."""

DELETED_RECORDS = "deleted_records"
BEGUN = "begun"  # in the mark of a list of what was deleted: it is being read

READ_OVERLAP = timedelta(seconds=2)
"""A write may be stamped a moment before it can be read; the setting ``overlap_seconds`` says how long."""

# A token that is about to end is not worth a refused call.
TOKEN_MARGIN = timedelta(minutes=5)


Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class Jobs(msgspec.Struct, frozen=True, omit_defaults=True):
    """The jobs of a scan."""

    ids: tuple[str, ...] = ()
    rows: int = 0  # of their files, one after the other, that are written
    counted: int = 0  # what Bigin counted before the first of them


class Top(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far a long list has been read from its other end, which comes down to meet the scan."""

    last: tuple[str, str]  # Modified_Time and id: everything above has been emitted
    tokens: tuple[str, ...] = ()
    expires: Moment | None = None
    reached: int = 0  # so many records from that end, as page numbers count


class Scan(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a reading of a module stands, which may take several runs. It is its own form in state.

    Everything up to ``last`` has been emitted but for what lies in ``unproven``: borders between two
    pages, where a deletion may have made the list skip something.
    """

    kind: Kind
    started: Moment | None = None  # Bigin's clock before the first page: the bookmark once it is complete
    shape: str = ""  # of what was asked for: tokens are bound to it, and half a scan of others is no use
    since: Moment | None = None  # incremental: nothing older
    emitted: int = 0
    tokens: tuple[str, ...] = ()  # of the next page, one for each group of fields
    expires: Moment | None = None  # of the tokens
    last: tuple[str, str] | None = None  # Modified_Time and id of the last record of the list
    reached: int = 0  # so many records of a list that is read from both its ends, from the bottom
    top: Top | None = None  # of a list that is read from both its ends
    unproven: tuple[Interval, ...] = ()
    ties: bool = False  # a second straddled a border, which an interval may not show any more
    proving: int = 0  # so many of them, the first ones, are being looked through
    proven: str = "0"  # up to this id, they are
    known: str = ""  # ids of records in them that have been emitted, as text: ties are many
    listed: bool = False  # the list has been read to its end: what is left is unproven
    ended: tuple[str, ...] = ()  # modules of which all that was deleted has been emitted
    after: str | None = None  # read by key: everything up to this id has been emitted
    jobs: Jobs | None = None  # of a bulk scan
    ahead: tuple[str, ...] = ()  # ids of the page that comes next: emitted already, with their long texts

    def has_live_tokens(self, now: datetime | None) -> bool:
        """Whether the chain of pages can go on where it was, and that from the top as well."""
        ends: list[Scan | Top] = [self, self.top] if self.top else [self]
        return all(
            end.tokens and (end.expires is None or now is None or now + TOKEN_MARGIN < end.expires)
            for end in ends
        )


def is_under_way(entry: Entry) -> bool:
    """Whether a run ended in a scan, or in a list of what was deleted.

    >>> is_under_way({"deleted": {"begun": {}}}), is_under_way({"modules": {"Contacts": {"gone": ""}}})
    (True, False)
    """
    marks = [entry.get("deleted"), *(entry.get("modules") or {}).values()]
    return "pass" in entry or any(BEGUN in mark for mark in marks if mark)


def begin(entry: Entry, scan: Scan) -> dict[str, Any]:
    """The entry while a pass is under way: the old bookmark, and the pass beside it."""
    return {**entry, "pass": msgspec.to_builtins(scan)}


def complete(entry: Entry, scan: Scan, *, replication_key: str | None) -> dict[str, Any]:
    """The entry after a pass: its own start becomes the bookmark, unless that would move it back.

    >>> started = from_text("2026-05-14T09:00:00Z")
    >>> complete({}, Scan("full", started, "x"), replication_key="Modified_Time")
    {'replication_key': 'Modified_Time', 'replication_key_value': '2026-05-14T09:00:00Z'}
    """
    rest = {name: value for name, value in entry.items() if name != "pass"}
    if replication_key is None or scan.started is None:
        return rest
    old = bookmark_of(entry, replication_key)
    moment = scan.started if old is None else max(old, scan.started)
    return {**rest, "replication_key": replication_key, "replication_key_value": to_utc_text(moment)}


def bookmark_of(entry: Entry, replication_key: str) -> datetime | None:
    """The bookmark, None where there is none or it is of another key."""
    if entry.get("replication_key", replication_key) != replication_key:
        return None
    value = entry.get("replication_key_value")
    return None if value is None else from_text(value)


def believed(entry: Entry, replication_key: str, now: datetime, overlap: timedelta) -> Entry:
    """The entry with a bookmark that is not later than Bigin's clock, or without any.

    A clock that was ahead by less than the overlap does no harm; what is later nobody has read.

    >>> entry = {"replication_key": "Modified_Time", "replication_key_value": "2026-05-14T09:00:07Z"}
    >>> nine, minute = from_text("2026-05-14T09:00:00Z"), timedelta(minutes=1)
    >>> believed(entry, "Modified_Time", nine, minute)["replication_key_value"]
    '2026-05-14T09:00:00Z'
    >>> believed(entry, "Modified_Time", nine - minute, minute)
    {}
    """
    bookmark = bookmark_of(entry, replication_key)
    if bookmark is None:
        return entry
    if bookmark > now + overlap:
        return {name: each for name, each in entry.items() if not name.startswith("replication_key")}
    return {**entry, "replication_key_value": to_utc_text(min(bookmark, now))}


def read_from(
    entry: Entry, replication_key: str, *, start_date: datetime | None, overlap: timedelta
) -> datetime | None:
    """The first moment that an incremental pass reads; None where everything is to be read.

    >>> entry = {"replication_key": "Modified_Time", "replication_key_value": "2026-05-14T09:00:00Z"}
    >>> to_utc_text(read_from(entry, "Modified_Time", start_date=None, overlap=timedelta(minutes=1)))
    '2026-05-14T08:59:00Z'
    """
    bookmark = bookmark_of(entry, replication_key)
    return start_date if bookmark is None else bookmark - overlap


ITS_CONDITION = "its condition"


def with_fields(entry: Entry, names: Iterable[str], *, asks: str = "") -> tuple[dict[str, Any], list[str]]:
    """The entry with the fields that are read, and those for which its bookmark does not stand.

    An entry that names none is taken for one of the same fields. ``asks`` is what else is asked for.

    >>> with_fields({"fields": ["Email"]}, ["Phone", "Email"])
    ({'fields': ['Email', 'Phone']}, ['Phone'])
    >>> with_fields({"fields": ["Email"], "asks": "1a"}, ["Email"], asks="2b")
    ({'fields': ['Email'], 'asks': '2b'}, ['its condition'])
    """
    read = sorted(names)
    new = sorted(set(read).difference(entry.get("fields", read)))
    if asks and entry.get("asks", asks) != asks:
        new.append(ITS_CONDITION)
    return {**entry, "fields": read, **({"asks": asks} if asks else {})}, new


def scan_of(entry: Entry, *, shape: str) -> Scan | None:
    """The pass that an interrupted run left, None if there is none or it asked for something else."""
    kept = entry.get("pass")
    if not kept:
        return None
    scan = msgspec.convert(kept, Scan)
    return scan if scan.shape == shape else None


def shape_of_scan(*parts: object) -> str:
    """A short name of what a pass asks for.

    >>> shape_of_scan("Contacts", ["Email"]) == shape_of_scan("Contacts", ["Email"])
    True
    >>> shape_of_scan("Contacts", ["Email"]) == shape_of_scan("Contacts", ["Phone"])
    False
    """
    return blake2b(repr(parts).encode(), digest_size=6).hexdigest()


def without_tokens(scan: Scan) -> Scan:
    """The same pass, its chain of pages given up."""
    top = scan.top and replace(scan.top, tokens=(), expires=None)
    return replace(scan, tokens=(), expires=None, top=top)


def unwrapped_state(content: Any) -> Any:
    """The state itself, where a whole STATE message holds it, or what ``meltano state get`` prints.

    >>> unwrapped_state({"type": "STATE", "value": {"singer_state": {"bookmarks": {}}}})
    {'bookmarks': {}}
    """
    while isinstance(content, Mapping):
        if content.get("type") == "STATE" and "value" in content:
            content = content["value"]
        elif "singer_state" in content:
            content = content["singer_state"]
        else:
            break
    return content


def check_state(state: Any) -> None:
    """See that state has the shape that this tap writes.

    Raises SettingsError that names what is wrong and where.
    """
    check_shape(state)
    for stream, entry in state.get("bookmarks", {}).items():
        check_entry(stream, entry)


def check_shape(state: Any) -> None:
    """See that there are entries. Raises SettingsError."""
    if not isinstance(state, Mapping):
        raise SettingsError(f"state: expected an object with bookmarks, got {type(state).__name__}.")
    bookmarks = state.get("bookmarks", {})
    if not isinstance(bookmarks, Mapping):
        raise SettingsError(f"state: bookmarks: expected an object, got {type(bookmarks).__name__}.")


def check_entry(stream: str, entry: Any) -> None:
    """See that a stream's entry is as this tap writes it. Raises SettingsError."""
    where = f"state: bookmarks: {stream}"
    if not isinstance(entry, Mapping):
        raise SettingsError(f"{where}: expected an object, got {type(entry).__name__}.")
    value = entry.get("replication_key_value")
    if value is not None and entry.get("replication_key") is None:
        raise SettingsError(f"{where}: replication_key_value {value!r} has no replication_key beside it.")
    moments = {
        "replication_key_value": value,
        "swept": entry.get("swept") or None,
        "since": entry.get("since"),
    }
    for name, told in moments.items():
        if told is not None and moment_told(told) is None:
            raise SettingsError(
                f"{where}: {name} {told!r} is no moment such as 2026-05-14T09:53:58Z. "
                "Without this entry the stream is read in full."
            )
    if not isinstance(version := entry.get("version", 0), int):
        raise SettingsError(f"{where}: version {version!r} is no whole number.")
    fields = entry.get("fields", [])
    if not isinstance(fields, list) or not all(isinstance(each, str) for each in fields):
        raise SettingsError(f"{where}: fields: expected a list of names, got {str(fields)[:50]}.")
    if entry.get("pass") is None:
        return
    try:
        msgspec.convert(entry["pass"], Scan)
    except msgspec.ValidationError as error:
        raise SettingsError(
            f"{where}: pass: not as this tap writes it ({error}). "
            "Without it the stream goes on from its bookmark."
        ) from None


def moment_told(value: Any) -> datetime | None:
    """The moment that an answer tells, None where it tells none.

    >>> moment_told("soon"), moment_told(7), moment_told("2026-05-14T09:00:00Z").hour
    (None, None, 9)
    """
    try:
        return from_text(value) if isinstance(value, str) else None
    except ValueError:
        return None
