"""The log: what was told, in the order in which it was stored, and what was missed meanwhile."""

from bigin_feed.log.database import LogUnusable
from bigin_feed.log.log import FeedLog
from bigin_feed.log.reading import Change, Row, Silence, State, coalesce
from bigin_feed.log.writer import LogWriter, Unwritten

__all__ = [
    "Change",
    "FeedLog",
    "LogUnusable",
    "LogWriter",
    "Row",
    "Silence",
    "State",
    "Unwritten",
    "coalesce",
]
