"""ISO 8601 moments: read in every form that Bigin, warehouses and people write, written in two. Pure.

Python 3.10 reads few of these forms and later ones read more, so a pattern of our own decides.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timezone

_ISO = re.compile(
    r"(\d{4})-?(\d\d)-?(\d\d)"
    r"(?:[T ](\d\d):?(\d\d)(?::?(\d\d)(?:[.,](\d+))?)?\s?(?:Z|UTC|([+-])(\d\d)(?::?(\d\d))?)?)?",
    re.ASCII | re.IGNORECASE,
)
_COMMON = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)", re.ASCII)  # in a third of the time


def parse_moment(text: str) -> datetime:
    """The moment in UTC. Without an offset it is taken as UTC, without a time as midnight.

    Raises ValueError for anything else, and for a moment that no year from 1 to 9999 holds in UTC.

    >>> parse_moment("2026-05-14T12:53:58+03:00").isoformat()
    '2026-05-14T09:53:58+00:00'
    >>> parse_moment("2026-05-14 09:53:58.5 UTC") == parse_moment("20260514T0953:58,500Z")
    True
    """
    text = text.strip()
    if _COMMON.fullmatch(text) is None:
        day, hour, minute, second, fraction, sign, off_hours, off_minutes = _parts(text)
        offset = f"{sign or '+'}{off_hours or '00'}:{off_minutes or '00'}"
        text = f"{day}T{hour or '00'}:{minute or '00'}:{second or '00'}.{fraction or '0':0<6.6}{offset}"
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc)
    except OverflowError:
        raise ValueError(f"{text!r} is beyond the years that there are") from None


def parse_day(text: str) -> date:
    """The day that a date or a moment says, in its own offset. Raises ValueError.

    >>> parse_day("2026-05-14T23:30:00-08:00")
    datetime.date(2026, 5, 14)
    """
    day, *_ = _parts(text.strip())
    parse_moment(text)  # of 24:00 nobody knows which day is meant
    return date.fromisoformat(day)


def utc_text(moment: datetime, *, timespec: str = "seconds") -> str:
    """A moment as records, state and logs carry it: in UTC, with ``Z``.

    >>> utc_text(parse_moment("2026-05-14T12:53:58+03:00"))
    '2026-05-14T09:53:58Z'
    """
    return moment.astimezone(timezone.utc).isoformat(timespec=timespec).removesuffix("+00:00") + "Z"


def offset_text(moment: datetime) -> str:
    """A moment as Bigin takes it everywhere: whole seconds and a numeric offset, never ``Z``.

    >>> offset_text(parse_moment("2026-05-14T09:53:58.250Z"))
    '2026-05-14T09:53:58+00:00'
    """
    return moment.astimezone(timezone.utc).isoformat(timespec="seconds")


def _parts(text: str) -> tuple[str, ...]:
    """Day, hour, minute, second, fraction, sign, hours and minutes of the offset; '' for what is absent."""
    found = _ISO.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no moment such as 2026-05-14T09:53:58Z")
    year, month, day, *rest = found.groups("")
    return f"{year}-{month}-{day}", *rest
