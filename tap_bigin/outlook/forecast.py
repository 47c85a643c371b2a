"""What a run would cost, stream by stream, before it is made; and what a daily run costs after it. Pure.

``estimates`` finds out the sizes. Prices of pages and jobs stand in ``planning``; here stands how the readers
use them: two ends of a list by number overlap a little, borders beyond are proven.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

from bigin_api.limits import (
    BULK_READ_CREDITS,
    COQL_MAX_ROWS,
    CREDITS_PER_VIEW_PAGE,
    MAX_IDS_PER_CALL,
    MAX_RECORDS_BY_PAGE,
    MAX_RECORDS_BY_TOKEN,
    RECORDS_PER_PAGE,
)
from tap_bigin.planning import BORDERS_PER_PROOF, field_chunks, list_credits

OVERLAP = 4  # records that two pages by number share
JOB_MINUTES = 1.0  # that a Bulk Read job takes at Bigin, as far as published integrations tell


@dataclass(frozen=True)
class StreamForecast:
    """What one stream would cost. ``records`` is None where Bigin cannot be asked."""

    stream: str
    records: int | None
    method: str  # list, bulk, metadata, deleted, query, view, parents, feed
    calls: int
    credits: int
    jobs: int = 0

    def to_json(self) -> dict[str, Any]:
        """As the keys of ``bigin plan --json``."""
        return {
            "stream": self.stream,
            "records": self.records,
            "method": self.method,
            "calls": self.calls,
            "credits": self.credits,
        }

    def plus(self, calls: int) -> StreamForecast:
        """The same with so many more calls of 1 credit."""
        return replace(self, calls=self.calls + calls, credits=self.credits + calls)


def by_list(stream: str, records: int, fields: int) -> StreamForecast:
    """A full scan by list pages.

    >>> [by_list("x", records, 30).credits for records in (0, 200, 240, 480, 1_600, 1_920, 3_840, 7_200)]
    [1, 1, 2, 3, 9, 10, 21, 40]
    """
    if records <= RECORDS_PER_PAGE:
        pages = field_chunks(fields) if records else 1
    elif records > MAX_RECORDS_BY_TOKEN:
        pages = list_credits(records, fields)
    else:
        own = ceil((records - OVERLAP) / (RECORDS_PER_PAGE - OVERLAP))
        proofs = ceil(max(0, own - 2 * MAX_RECORDS_BY_PAGE // RECORDS_PER_PAGE) / BORDERS_PER_PROOF)
        ends = (records > MAX_RECORDS_BY_PAGE) + (records > 2 * MAX_RECORDS_BY_PAGE)  # where two chains meet
        pages = own * field_chunks(fields) + proofs + ends
    return StreamForecast(stream, records, "list", pages, pages)


def by_changes(stream: str, records: int, fields: int) -> StreamForecast:
    """An incremental scan: what was modified, newest first.

    >>> [by_changes("x", records, 60).credits for records in (0, 7, 500)]
    [1, 2, 7]
    """
    if not records:
        return StreamForecast(stream, 0, "list", 1, 1)
    pages = list_credits(records, fields)
    return StreamForecast(stream, records, "list", pages, pages)


def by_feed(stream: str, told: int, fields: int) -> StreamForecast:
    """What the feed told of, by id.

    >>> [by_feed("x", told, 30).credits for told in (0, 1, 101)]
    [0, 1, 2]
    """
    calls = ceil(told / MAX_IDS_PER_CALL) * field_chunks(fields)
    return StreamForecast(stream, told, "feed", calls, calls)


def by_jobs(stream: str, records: int, credits_: int, jobs: int) -> StreamForecast:
    """A full scan by Bulk Read jobs, at the price that ``planning`` gives.

    >>> by_jobs("x", 60_000, 54, 1).calls
    5
    """
    calls = credits_ - jobs * (BULK_READ_CREDITS - 1)
    return StreamForecast(stream, records, "bulk", calls, credits_, jobs)


def by_parents(stream: str, parents: int) -> StreamForecast:
    """A related list, asked of each parent; the parents come by COQL, and are counted first.

    >>> by_parents("contacts_emails", 480).credits
    484
    """
    calls = max(1, ceil(parents / COQL_MAX_ROWS)) + parents + 1
    return StreamForecast(stream, None, "parents", calls, calls)


def by_query(stream: str, records: int | None, *, by_id: bool) -> StreamForecast:
    """A COQL query; by id a last page that is full is followed by an empty one. None counts as no row.

    >>> by_query("x", 400, by_id=True).calls, by_query("x", 400, by_id=False).calls
    (3, 2)
    """
    rows = records or 0
    calls = rows // COQL_MAX_ROWS + 1 if by_id else max(1, ceil(rows / COQL_MAX_ROWS))
    return StreamForecast(stream, records, "query", calls, calls)


def by_view(stream: str, records: int, fields: int) -> StreamForecast:
    """A custom view, 3 credits a page.

    >>> by_view("x", 450, 30).credits
    9
    """
    calls = max(1, ceil(records / RECORDS_PER_PAGE)) * field_chunks(fields)
    return StreamForecast(stream, records, "view", calls, calls * CREDITS_PER_VIEW_PAGE)


def described(stream: str, calls: int) -> StreamForecast:
    """A stream of metadata: 1 credit an answer that discovery has not asked for."""
    return StreamForecast(stream, None, "metadata", calls, calls)


def whole_texts(records: int, seen: int, cut: int) -> int:
    """Calls for rich texts that lists cut, by their share in a page that was seen.

    >>> whole_texts(1_000, seen=200, cut=20), whole_texts(50, seen=0, cut=0)
    (100, 0)
    """
    return ceil(records * cut / seen) if seen else 0


def minutes(streams: Iterable[StreamForecast], *, metadata: int, latency: float, concurrency: int) -> float:
    """How long a run lasts: the slowest stream, or all calls side by side, whichever is longer.

    >>> minutes([by_list("x", 1_920, 30)], metadata=5, latency=0.6, concurrency=5)
    0.1
    """
    known = list(streams)
    longest = max((each.calls for each in known), default=0)
    together = (sum(each.calls for each in known) + metadata) / concurrency
    waiting = max((each.jobs for each in known), default=0) * JOB_MINUTES
    return round(max(longest, together) * latency / 60 + waiting, 1)


@dataclass(frozen=True)
class Plan:
    """What a run would cost, and a daily one after it."""

    metadata: int
    streams: Sequence[StreamForecast]
    daily: Sequence[StreamForecast]
    daily_metadata: int
    latency: float
    concurrency: int
    remaining: int | None
    spent: int  # to find out

    @property
    def credits(self) -> int:
        """Of the run, metadata and deletions included."""
        return self.metadata + sum(each.credits for each in self.streams)

    def to_json(self) -> dict[str, Any]:
        """As ``bigin plan --json``."""
        return {
            "program": "tap-bigin",
            "credits": self.credits,
            "minutes": minutes(
                self.streams, metadata=self.metadata, latency=self.latency, concurrency=self.concurrency
            ),
            "daily": {"credits": self.daily_metadata + sum(each.credits for each in self.daily)},
            "remaining": self.remaining,
            "metadata": {"credits": self.metadata},
            "spent": self.spent,
            "latency_ms": round(self.latency * 1000),
            "streams": [each.to_json() for each in self.streams],
        }
