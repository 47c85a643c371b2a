"""The log: what was told, in the order in which it was stored, and what was missed meanwhile."""

from bigin_feed.log.database import LogUnusable, cause
from bigin_feed.log.devices import Due, acknowledge, bring_to, device_position
from bigin_feed.log.log import FeedLog, Post, now_text
from bigin_feed.log.reading import Change, Row, Silence, State, coalesce
from bigin_feed.log.writer import LogWriter, Unwritten

__all__ = [
    "Change",
    "Due",
    "FeedLog",
    "LogUnusable",
    "LogWriter",
    "Post",
    "Row",
    "Silence",
    "State",
    "Unwritten",
    "acknowledge",
    "bring_to",
    "cause",
    "coalesce",
    "device_position",
    "now_text",
]
