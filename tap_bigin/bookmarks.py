"""What a stream's state says and may say: bookmark, overlap, and the pass that is under way. Pure.

An entry under ``bookmarks``, as the SDK keeps it:

    {"replication_key": "Modified_Time", "replication_key_value": "2026-05-14T09:53:58Z",
     "pass": {...}}                     # only while a pass is under way, see ``Pass``

The bookmark is Bigin's clock before the first page of the last complete pass, so everything up to it
has been emitted. It moves only when a pass is complete.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

# A write may be stamped a moment before it can be read.
READ_OVERLAP = timedelta(seconds=2)


def to_utc_text(moment: datetime) -> str:
    """A moment as state and records carry it: UTC, whole seconds, ``Z``.

    >>> to_utc_text(datetime(2026, 5, 14, 12, 53, 58, tzinfo=timezone(timedelta(hours=3))))
    '2026-05-14T09:53:58Z'
    """
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def from_text(text: str) -> datetime:
    """A moment out of state or a record. Raises ValueError.

    >>> from_text("2026-05-14T12:53:58+03:00").isoformat()
    '2026-05-14T09:53:58+00:00'
    """
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))  # Python 3.10 reads no `Z`
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return moment.astimezone(timezone.utc)
