"""The sandbox's own clock, and the two forms in which an instant is written.

Inside the sandbox an instant is an aware datetime in UTC, in whole seconds as Bigin counts, or the
text `2026-05-14T09:53:58Z` in a stored record. Bigin's own text carries the offset of the token's user
and is made only when a record is rendered.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import datetime, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

UTC = timezone.utc
_OFFSET = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(Z|[+-]\d\d:?\d\d)$")


class Clock:
    """Follows the real clock, unless it is set, advanced or frozen; never runs backwards by itself."""

    def __init__(self, real: Callable[[], float] = time.time) -> None:
        self._real = real
        self._shift = 0.0
        self._frozen_at: float | None = None
        self._latest = 0.0
        self.date_ahead = 0.0  # seconds by which answers' Date header is ahead of the stamps

    def told(self) -> datetime:
        """The present as answers tell it in their Date header."""
        return datetime.fromtimestamp(int(self.timestamp() + self.date_ahead), UTC)

    def now(self) -> datetime:
        """The present in whole seconds, aware, UTC."""
        return datetime.fromtimestamp(int(self.timestamp()), UTC)

    def timestamp(self) -> float:
        """The present in seconds since 1970, with fractions."""
        if self._frozen_at is not None:
            return self._frozen_at
        self._latest = max(self._latest, self._real() + self._shift)
        return self._latest

    def advance(self, seconds: float) -> None:
        """Jump ahead (a negative number: back)."""
        self._move_to(self.timestamp() + seconds)

    def set(self, instant: datetime) -> None:
        """Make it that instant; the clock runs on from there, unless frozen."""
        self._move_to(instant.timestamp())

    def freeze(self, *, frozen: bool = True) -> None:
        """Stop the clock, or let it run on from where it stands."""
        present = self.timestamp()
        self._frozen_at = present if frozen else None
        self._move_to(present)

    def follow(self) -> None:
        """Forget all that: be the real clock again."""
        self._shift, self._frozen_at, self._latest = 0.0, None, 0.0
        self.date_ahead = 0.0

    def _move_to(self, timestamp: float) -> None:
        self._shift = timestamp - self._real()
        self._latest = timestamp
        if self._frozen_at is not None:
            self._frozen_at = timestamp


def to_text(instant: datetime) -> str:
    """The stored form: `2026-05-14T09:53:58Z`."""
    utc = instant.astimezone(UTC).isoformat(timespec="seconds")  # many times faster than strftime
    return utc.removesuffix("+00:00") + "Z"


def from_text(text: str) -> datetime:
    """An instant from its stored form."""
    return datetime.fromisoformat(text.removesuffix("Z") + "+00:00")  # many times faster than strptime


def parse_instant(text: str, *, allow_z: bool = True) -> datetime | None:
    """An instant from what a caller wrote: whole seconds with an offset. None if it is not one.

    >>> parse_instant("2026-05-14T12:53:58+03:00").isoformat()
    '2026-05-14T09:53:58+00:00'
    >>> parse_instant("2026-05-14T12:53:58Z", allow_z=False) is None
    True
    """
    match = _OFFSET.match(text)
    if not match or (match[2] == "Z" and not allow_z):
        return None
    offset = "+0000" if match[2] == "Z" else match[2].replace(":", "")
    try:
        return datetime.strptime(match[1] + offset, "%Y-%m-%dT%H:%M:%S%z").astimezone(UTC)
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=100_000)
def in_zone(text: str, zone: str) -> str:
    """A stored instant as Bigin prints it for a user of that zone, daylight saving included.

    >>> in_zone("2026-05-14T09:53:58Z", "Europe/Stockholm")
    '2026-05-14T11:53:58+02:00'
    """
    return from_text(text).astimezone(ZoneInfo(zone)).isoformat()
