"""How far the feed is, and the tap behind it: from the feed's log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from bigin_api.moments import parse_moment, utc_text
from bigin_feed.log import FeedLog

if TYPE_CHECKING:
    from bigin_api.run_files.run_report import RunReport
    from bigin_feed.log.reading import Silence

PATIENCE = 120.0  # seconds without a heartbeat, of which there is one each five seconds
SILENCES = 5


@dataclass(frozen=True)
class FeedLag:
    """Where the feed stood when the page was made. ``waiting`` came since the tap's last run began."""

    head: int
    heartbeat: str
    seconds: float  # since the heartbeat
    waiting: int | None
    silences: list[Silence]

    @property
    def is_alive(self) -> bool:
        """Whether the receiver was at work."""
        return self.seconds <= PATIENCE


def feed_lag(url: str, runs: Iterable[RunReport], *, now: datetime) -> FeedLag:
    """What the log at this URL tells. Raises LogUnusable."""
    began = max((run.began for run in runs if run.program == "tap-bigin" and run.began), default=None)
    with FeedLog(url, read_only=True) as log:
        state, silences = log.state(), log.silences(last=SILENCES)
        waiting = None
        if began is not None:
            read = log.position_at(utc_text(parse_moment(began), timespec="milliseconds"))
            waiting = max(0, state.head - read)
    seconds = (now - parse_moment(state.heartbeat)).total_seconds()
    return FeedLag(state.head, state.heartbeat, max(0.0, seconds), waiting, silences)
