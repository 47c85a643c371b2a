"""Dates and datetimes: ISO 8601 in any offset and epochs, as Bigin takes them. No I/O."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from bigin_api.moments import offset_text, parse_day, parse_moment
from target_bigin.values.errors import invalid, wrong

_A_DATE = "a date (YYYY-MM-DD)"
_A_MOMENT = "a date and time (ISO 8601, such as 2026-05-14T09:53:58+02:00)"

_UTC = ("Z", "+00:00")
_EPOCH = re.compile(r"-?\d{9,19}(?:\.\d+)?", re.ASCII)
_COMPACT = re.compile(
    r"((?:19|20)\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"
    r"(?:([01]\d|2[0-3])(?:([0-5]\d)(?:([0-5]\d)(?:\d{3})?)?)?)?(?:\.\d*)?",
    re.ASCII,
)
_DAY_AND_HOUR = 10
"""20260514, 202605141230, 20260514123045, also with milliseconds or made a float by a data frame: read as
they are written; as epochs they mean no time of ours. 2026051412 may be a day and an hour, or March 2034."""

_DIGITS = 20  # more have no moments
_LATEST_YEAR = 2200  # an epoch beyond is no moment that anybody means
_SECONDS_FROM = 10**8  # March 1973: anything nearer to zero is more likely no epoch at all
_MILLISECONDS_FROM = 10**11  # in seconds this is the year 5138
_MICROSECONDS_FROM = 10**14
_NANOSECONDS_FROM = 10**17
_EPOCH_START = datetime(1970, 1, 1, tzinfo=timezone.utc)


def to_date(value: Any) -> str | None:
    """A day. Of a datetime it is the day that it says, in its own offset; of an epoch the day in UTC.

    >>> to_date("2026-05-14T23:30:00+02:00"), to_date(1778745600)
    ('2026-05-14', '2026-05-14')
    """
    if isinstance(value, str):
        if not value.strip():
            return None
        with suppress(ValueError):
            return parse_day(value).isoformat()
    return _from_epoch(value, _A_DATE).date().isoformat()


def to_datetime(value: Any) -> str | None:
    """A moment in UTC, whole seconds. Without an offset it is taken as UTC, without a time as midnight.

    >>> to_datetime("2026-05-14T12:53:58.250+03:00")
    '2026-05-14T09:53:58+00:00'
    """
    if isinstance(value, str):
        try:
            # As most write it, in a third of the time; later Pythons would read weeks and other separators.
            if value[7:8] == "-" and value[10:11] == "T" and value[19:] in _UTC:
                return datetime.fromisoformat(value[:19]).isoformat(timespec="seconds") + "+00:00"
        except ValueError:
            pass
        if not value.strip():
            return None
        with suppress(ValueError):
            return offset_text(parse_moment(value))
    return offset_text(_from_epoch(value, _A_MOMENT))


def _from_epoch(value: Any, takes: str) -> datetime:
    if (compact := _compact(value, takes)) is not None:
        return compact
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
        raise invalid(
            "INVALID_VALUE", f"{value} is too near to 1970 to be told from a plain number: {takes}."
        )
    for start, parts in (
        (_NANOSECONDS_FROM, 10**9),
        (_MICROSECONDS_FROM, 10**6),
        (_MILLISECONDS_FROM, 10**3),
        (_SECONDS_FROM, 1),
    ):
        if size >= start:
            with suppress(OverflowError):
                moment = _EPOCH_START + timedelta(seconds=count // parts)
                if moment.year <= _LATEST_YEAR:
                    return moment
            break
    raise wrong(value, takes)


def _compact(value: Any, takes: str) -> datetime | None:
    """The moment that is written without signs, None where none is."""
    written = "" if isinstance(value, bool) else _plain(value)
    found = _COMPACT.fullmatch(written)
    if found is None:
        return None
    if len(written.partition(".")[0]) == _DAY_AND_HOUR:
        raise invalid("INVALID_VALUE", f"{written} is a day and an hour, or an epoch: {takes}.")
    year, month, day, hour, minute, second = (int(each or 0) for each in found.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc)
    except ValueError:
        raise wrong(value, takes) from None


def _plain(value: Any) -> str:
    """As it is written, without an exponent."""
    if isinstance(value, float | Decimal):
        number = Decimal(str(value))
        return format(number, "f") if number.is_finite() and abs(number.adjusted()) < _DIGITS else ""
    return str(value).strip()
