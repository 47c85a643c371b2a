"""Dates and datetimes: ISO 8601 in any offset and epochs, as Bigin takes them. No I/O."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from target_bigin.values.errors import BadValue, wrong

_A_DATE = "a date (YYYY-MM-DD)"
_A_MOMENT = "a date and time (ISO 8601, such as 2026-05-14T09:53:58+02:00)"

_ISO = re.compile(
    r"(\d{4})-?(\d\d)-?(\d\d)"
    r"(?:[T ](\d\d):?(\d\d)(?::?(\d\d)(?:[.,]\d+)?)?\s?(?:([Zz]|UTC)|([+-])(\d\d):?(\d\d)?)?)?",
    re.ASCII,
)
_EPOCH = re.compile(r"-?\d{9,19}(?:\.\d+)?", re.ASCII)
_SECONDS_FROM = 10**8  # March 1973: anything nearer to zero is more likely no epoch at all
_MILLISECONDS_FROM = 10**11  # in seconds this is the year 5138
_MICROSECONDS_FROM = 10**14
_NANOSECONDS_FROM = 10**17
_EPOCH_START = datetime(1970, 1, 1, tzinfo=timezone.utc)
_UTC_SUFFIXES = ("Z", "z")
_LENGTH_WITH_Z = 20
_LENGTH_WITH_OFFSET = 25


def to_date(value: Any) -> str | None:
    """A day. Of a datetime it is the day that it says, in its own offset; of an epoch the day in UTC.

    >>> to_date("2026-05-14T23:30:00+02:00"), to_date(1778745600)
    ('2026-05-14', '2026-05-14')
    """
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return None
        found = _ISO.fullmatch(text)
        if found:
            try:
                return date(int(found[1]), int(found[2]), int(found[3])).isoformat()
            except ValueError:
                raise wrong(value, _A_DATE) from None
    return _from_epoch(value, _A_DATE).date().isoformat()


def to_datetime(value: Any) -> str | None:
    """A moment in UTC, whole seconds. Without an offset it is taken as UTC, without a time as midnight.

    >>> to_datetime("2026-05-14T12:53:58.250+03:00")
    '2026-05-14T09:53:58+00:00'
    """
    if isinstance(value, str):
        quick = _quick_utc(value)
        if quick is not None:
            return quick
        text = value.strip()
        if not text:
            return None
        found = _ISO.fullmatch(text)
        if found:
            return _text_of(_moment(found, value), value)
    return _text_of(_from_epoch(value, _A_MOMENT), value)


def _quick_utc(text: str) -> str | None:
    """The common form, in a fraction of the time: 2026-05-14T09:53:58Z or with +00:00."""
    length = len(text)
    if length == _LENGTH_WITH_Z and text.endswith(_UTC_SUFFIXES):
        plain = text[:-1]
    elif length == _LENGTH_WITH_OFFSET and text.endswith("+00:00"):
        plain = text[:-6]
    else:
        return None
    if plain[10] != "T" or plain[4] != "-" or plain[7] != "-":
        return None
    try:
        datetime.fromisoformat(plain)
    except ValueError:
        return None
    return plain + "+00:00"


def _moment(found: re.Match[str], value: Any) -> datetime:
    year, month, day, hour, minute, second, _utc, sign, off_hours, off_minutes = found.groups()
    offset = timedelta(hours=int(off_hours or 0), minutes=int(off_minutes or 0))
    try:
        return datetime(
            int(year),
            int(month),
            int(day),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            tzinfo=timezone(-offset if sign == "-" else offset),
        )
    except ValueError:
        raise wrong(value, _A_MOMENT) from None


def _from_epoch(value: Any, takes: str) -> datetime:
    if isinstance(value, str) and _EPOCH.fullmatch(value.strip()):
        value = Decimal(value.strip())
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise wrong(value, takes)
    try:
        count = int(value)
    except (ValueError, OverflowError):
        raise wrong(value, takes) from None
    size = abs(count)
    if size < _SECONDS_FROM:
        raise BadValue(
            "INVALID_VALUE", f"{value} is too near to 1970 to be told from a plain number: {takes}."
        )
    for start, parts in (
        (_NANOSECONDS_FROM, 10**9),
        (_MICROSECONDS_FROM, 10**6),
        (_MILLISECONDS_FROM, 10**3),
        (_SECONDS_FROM, 1),
    ):
        if size >= start:
            try:
                return _EPOCH_START + timedelta(seconds=count // parts)
            except OverflowError:
                break
    raise wrong(value, takes)


def _text_of(moment: datetime, value: Any) -> str:
    try:
        return moment.astimezone(timezone.utc).isoformat(timespec="seconds")
    except OverflowError:
        raise wrong(value, _A_MOMENT) from None
