"""Moments as Bigin writes them, in the offset of whoever asks → the same in UTC. Pure."""

from __future__ import annotations

from typing import Any

from bigin_api.moments import parse_moment, utc_text

MOST_KEPT = 100_000
_HOUR, _SECOND, _WHOLE = len("2026-05-14T12"), len("2026-05-14T12:53:58"), len("2026-05-14T12:53:58+03:00")


class Instants(dict[Any, Any]):
    """A datetime in any offset → the same in UTC, remembered: a page repeats its seconds.

    What is new costs a glance at its hour, for an offset of whole hours moves hours alone.

    >>> instants = Instants()
    >>> instants["2026-05-14T12:53:58+03:00"], instants["2026-05-14T12:59:01+03:00"]
    ('2026-05-14T09:53:58Z', '2026-05-14T09:59:01Z')
    >>> instants["2026-05-14T12:53:58+05:30"]
    '2026-05-14T07:23:58Z'
    """

    def __init__(self) -> None:
        super().__init__({None: None, "": None})
        self._hours: dict[str, str] = {}  # the beginning and the offset of a text: its beginning in UTC
        self._minutes: set[str] = set()  # ":53:58" and others that have been read

    def utc(self, text: Any) -> Any:
        """The moment in UTC; what is none stays as it came."""
        try:
            utc = self[text]
        except (TypeError, ValueError):
            return text
        self[utc] = utc  # it will be asked for once more
        return utc

    def __missing__(self, text: Any) -> str:
        if not isinstance(text, str):
            raise TypeError(f"{text!r} is no text")
        if len(self) > MOST_KEPT:
            self.clear()
            self.update({None: None, "": None})
        if text.isdecimal():
            raise ValueError(f"{text!r} is a number")
        hour, minutes = text[:_HOUR] + text[_SECOND:], text[_HOUR:_SECOND]
        if hour in self._hours and minutes in self._minutes:
            utc = self._hours[hour] + minutes + "Z"
        else:
            utc = utc_text(parse_moment(text), timespec="auto")
            if len(text) == _WHOLE and text.endswith(":00"):
                self._hours[hour] = utc[:_HOUR]
                self._minutes.add(minutes)
        self[text] = utc
        return utc
