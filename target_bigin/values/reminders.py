"""An event's reminder: read as a moment, written as how long before the start. No I/O."""

from __future__ import annotations

from datetime import datetime

from target_bigin.records.record import Record

_REMINDER, _START = "Remind_At", "Start_DateTime"


def bring_together(body: Record) -> None:
    """Turn a reminder that is a moment into minutes before the event's start; without a start it is dropped.

    >>> body = {"Remind_At": "2026-05-14T06:45:00+00:00", "Start_DateTime": "2026-05-14T07:00:00+00:00"}
    >>> bring_together(body)
    >>> body["Remind_At"]
    [{'unit': 15, 'period': 'minutes'}]
    """
    moment = body.get(_REMINDER)
    if not isinstance(moment, str):
        return
    start = body.get(_START)
    if start is None:
        del body[_REMINDER]
        return
    before = datetime.fromisoformat(start) - datetime.fromisoformat(moment)
    minutes = max(0, round(before.total_seconds() / 60))
    for period, length in (("days", 1440), ("hours", 60), ("minutes", 1)):
        if minutes and minutes % length == 0:
            body[_REMINDER] = [{"unit": minutes // length, "period": period}]
            return
    body[_REMINDER] = [{"unit": 0, "period": "minutes"}]
