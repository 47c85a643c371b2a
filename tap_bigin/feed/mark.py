"""The feed's part of the state: how far the loader has got, and when each stream was swept. Pure.

    {"log": "<id of the log>", "position": 41, "swept": {"Contacts": "2026-05-14T09:53:58Z"},
     "due": {"Contacts": ["6100000000000451010"]}}  # only where records are looked for at the next sweep

A sweep is an ordinary incremental pass of a stream. Everything told up to ``position`` was written, of every
selected stream, before this state was.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec

from bigin_api.errors import SettingsError
from tap_bigin.bookmarks import from_text

MOST_DUE = 2_000  # ids a module in state
STARTS_DIFFER_BY = timedelta(seconds=30)  # a run each hour must not wait another one for its sweep
CLOCK_WENT_BACK = timedelta(minutes=1)  # a sweep that is later than this machine's clock by more is no news


class FeedMark(msgspec.Struct, frozen=True):
    """It is its own form in state."""

    log: str
    position: Annotated[int, msgspec.Meta(ge=0)]
    swept: dict[str, str] = {}
    due: dict[str, list[str]] = {}

    @classmethod
    def from_state(cls, kept: Any) -> FeedMark | None:
        """The mark that a state holds, None where it holds none. Raises SettingsError for what is no mark."""
        if kept is None:
            return None
        try:
            mark = msgspec.convert(kept, cls)
            for moment in mark.swept.values():
                from_text(moment)
        except ValueError as error:  # msgspec's are such, too
            raise SettingsError(
                f"state: feed: not as this tap writes it ({error}). Without it every stream is swept."
            ) from None
        return mark

    def to_state(self) -> dict[str, Any]:
        """The mark as state keeps it."""
        kept: dict[str, Any] = msgspec.to_builtins(self)
        if not self.due:
            del kept["due"]
        return kept


def is_sweep_due(swept: str, now: datetime, after: timedelta) -> bool:
    """Whether a stream's latest sweep is too long ago, by this machine's clock.

    >>> nine, hour = from_text("2026-05-14T09:00:00Z"), timedelta(hours=1)
    >>> [is_sweep_due(each, nine, hour) for each in ("2026-05-14T08:00:30Z", "2026-05-14T08:01:00Z")]
    [True, False]
    >>> [is_sweep_due(each, nine, hour) for each in ("2026-05-14T09:01:00Z", "2026-05-14T09:01:01Z")]
    [False, True]
    >>> is_sweep_due("2026-05-14T08:59:25Z", nine, timedelta(minutes=1))
    False
    """
    age = now - from_text(swept)
    return age >= after - min(STARTS_DIFFER_BY, after / 10) or age < -CLOCK_WENT_BACK


def check_feed(state: Mapping[str, Any]) -> None:
    """See that a state's part of the feed has the shape that this tap writes. Raises SettingsError."""
    FeedMark.from_state(state.get("feed"))
