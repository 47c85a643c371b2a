"""Recurring tasks and events: one record, and one entry of the answer, for each occurrence.

Understood of an RRULE are FREQ, INTERVAL, COUNT, UNTIL and DTSTART, which say when and how often; what
narrows it to certain days (BYDAY, BYMONTHDAY, BYSETPOS) is stored but not computed. A rule without an
end makes its first occurrence only.
Source: FACTS 5 (one entry per occurrence); write.md 8 (INTERVAL, COUNT 1-99).
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import count, islice, takewhile
from typing import Any

from bigin_sandbox.clock import UTC, from_text, to_text
from bigin_sandbox.rules.writing.refused import refused_value

Record = dict[str, Any]

MOST_OCCURRENCES = 99  # COUNT 1-99: write.md 8
FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
DATED_FIELDS = {"Tasks": ("Due_Date",), "Events": ("Start_DateTime", "End_DateTime")}
_NUMBER = re.compile(r"[1-9]\d?")


def occurrences(module: str, values: Record, *, path: str) -> list[Record]:
    """The values of each occurrence; just the values themselves where nothing recurs."""
    recurring = values.get("Recurring_Activity")
    dated = [name for name in DATED_FIELDS.get(module, ()) if values.get(name)]
    if not recurring or not dated:
        return [values]
    rule = _parsed(recurring.get("RRULE"), f"{path}.Recurring_Activity.RRULE")
    first = date.fromisoformat(values[dated[0]][:10])
    days = _days(rule, _day(rule["DTSTART"]) if "DTSTART" in rule else first)
    if not days:
        raise refused_value("RRULE", f"{path}.Recurring_Activity.RRULE")
    return [{**values, **{name: _moved(values[name], day - first) for name in dated}} for day in days]


def _parsed(text: Any, at: str) -> dict[str, str]:
    """`FREQ=DAILY;COUNT=3` as a dict. Refused if it has no known frequency or a number out of range."""
    parts = [part.partition("=") for part in str(text).split(";")]
    rule = {name: value for name, _, value in parts}
    numbers = [rule[name] for name in ("INTERVAL", "COUNT") if name in rule]
    days = [rule[name] for name in ("UNTIL", "DTSTART") if name in rule]
    if (
        rule.get("FREQ") not in FREQUENCIES
        or not all(_NUMBER.fullmatch(number) for number in numbers)
        or not all(_is_day(day) for day in days)
    ):
        raise refused_value("RRULE", at)
    return rule


def _days(rule: dict[str, str], start: date) -> list[date]:
    endless = "COUNT" not in rule and "UNTIL" not in rule
    most = 1 if endless else int(rule.get("COUNT", MOST_OCCURRENCES))
    last = _day(rule["UNTIL"]) if "UNTIL" in rule else date.max
    days = takewhile(lambda day: day <= last, _every(start, rule["FREQ"], int(rule.get("INTERVAL", "1"))))
    return list(islice(days, most))


def _every(start: date, frequency: str, interval: int) -> Iterator[date]:
    days = (_step(start, frequency, interval * number) for number in count())
    return (day for day in takewhile(lambda day: day is not None, days) if day is not None)


def _step(start: date, frequency: str, steps: int) -> date | None:
    """So many days, weeks, months or years later; None beyond the year 9999."""
    try:
        if frequency in {"DAILY", "WEEKLY"}:
            return start + timedelta(days=steps * (7 if frequency == "WEEKLY" else 1))
        months = start.month - 1 + steps * (12 if frequency == "YEARLY" else 1)
        year, month = start.year + months // 12, months % 12 + 1
        return date(year, month, min(start.day, monthrange(year, month)[1]))
    except (ValueError, OverflowError):
        return None


def _moved(value: str, by: timedelta) -> str:
    """A stored date or instant, so many days later."""
    if len(value) == len("2026-05-14"):
        return (date.fromisoformat(value) + by).isoformat()
    return to_text(from_text(value) + by)


def _is_day(text: str) -> bool:
    try:
        _day(text)
    except ValueError:
        return False
    return True


def _day(text: str) -> date:
    return datetime.strptime(text[:10], "%Y-%m-%d").replace(tzinfo=UTC).date()
