"""Did anything slip between two pages? Which intervals to ask for, and how they are proven.

If a page token means a position, a record that is deleted while we page moves the rest up, and one
record is skipped at the next border. It lies between the last record of one page and the first of the
next: asking COQL for what lies there proves the border, or finds what is missing. Ties of one second,
whose order no page promises, are covered by the same interval.

Borders are kept with the scan until they are proven, so that another run can ask for them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from operator import le
from typing import TYPE_CHECKING, Any, Literal

from bigin_api import BiginError, Refused
from bigin_api.endpoints.coql import all_of, moment
from bigin_api.endpoints.results import Progress
from bigin_api.errors import TransientError
from bigin_api.limits import COQL_MAX_CRITERIA, DELETED_MODULES, RECORDS_PER_PAGE
from tap_bigin.bookmarks import READ_OVERLAP, Interval, from_text, moment_told, to_utc_text
from tap_bigin.lists.id_set import IdSet
from tap_bigin.lists.marks import REMEMBERED, ids_of, newest, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from bigin_api import Labelled
    from tap_bigin.bookmarks import Scan

Record = dict[str, Any]

BORDERS_PER_PROOF = COQL_MAX_CRITERIA - 1  # one criterion is needed to page through the answer
MOST_REFUSED = 2 * BORDERS_PER_PROOF  # borders that state keeps where COQL may not be asked, some 2 KB
PAGES_WORTH_READING_TWICE = 50
EMITTED_KEPT = PAGES_WORTH_READING_TWICE * RECORDS_PER_PAGE  # ids of a full scan


@dataclass(frozen=True)
class Order:
    """The order of a scan. By id edits move nothing, and new records come last. Times descend."""

    column: Literal["id", "Modified_Time"]
    direction: Literal["asc", "desc"]

    def interval(self, last: Record, first: Record | None, *, floor: str = "") -> Interval | None:
        """What lies between two pages, ends included; None where they overlap.

        ``first`` is None if the next page was empty though it was promised. Nothing older than
        ``floor`` is asked for.

        >>> BY_ID.interval({"id": "7"}, {"id": "12"}), BY_ID.interval({"id": "7"}, {"id": "7"})
        (('7', '12'), None)
        >>> BY_ID_DOWN.interval({"id": "12"}, {"id": "7"})
        ('7', '12')
        >>> older = {"Modified_Time": "2026-05-14T09:00:00Z"}
        >>> newer = {"Modified_Time": "2026-05-14T09:00:01Z"}
        >>> BY_TIME.interval(newer, older)
        ('2026-05-14T09:00:00Z', '2026-05-14T09:00:01Z')
        >>> BY_TIME.interval(older, newer) is None
        True
        """
        here: str | None = last[self.column]
        there: str | None = first[self.column] if first else None
        if self.column == "id":
            low, high = (here, there) if self.direction == "asc" else (there, here)
            return (low or "0", high) if high is None or int(low or 0) < int(high) else None
        low = max(there or "", floor)
        return (low, here) if here is not None and low <= here else None


BY_ID = Order("id", "asc")
BY_ID_DOWN = Order("id", "desc")
BY_TIME = Order("Modified_Time", "desc")


def is_in_order(records: Sequence[Record], order: Order) -> bool:
    """Whether a page is sorted as it was asked to be.

    >>> is_in_order([{"id": "12"}, {"id": "7"}], BY_ID_DOWN), is_in_order([{"id": "12"}, {"id": "7"}], BY_ID)
    (True, False)
    """
    if order.column == "id":
        values: list[Any] = [int(each["id"]) for each in records]
    else:
        values = [each[order.column] for each in records if each[order.column]]
    if order.direction == "desc":
        values.reverse()
    return all(map(le, values, values[1:]))


def merged(intervals: Sequence[Interval]) -> list[Interval]:
    """The same intervals of time without those that touch or repeat: ties give one over and over.

    >>> merged([("b", "c"), ("a", "b"), ("e", "e"), ("e", "e")])
    [('a', 'c'), ('e', 'e')]
    """
    joined: list[Interval] = []
    for low, high in sorted(set(intervals), key=lambda each: each[0]):
        if joined and high is not None and joined[-1][1] is not None and low <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return joined


def coarser(intervals: Sequence[Interval]) -> tuple[Interval, ...]:
    """Half as many intervals, each with all of two neighbours and what lies between them.

    >>> coarser([("7", "12"), ("140", None), ("20", "30"), ("80", "95"), ("50", "60")])
    (('7', '30'), ('50', '95'), ('140', None))
    """
    ranked = sorted(intervals, key=lambda each: _rank(each[0]))
    return tuple(
        (two[0][0], max((high for _, high in two), key=_rank))
        for two in (ranked[at : at + 2] for at in range(0, len(ranked), 2))
    )


def _rank(end: str | None) -> tuple[float, str]:
    """What ids, or moments, sort by; the open end comes last."""
    return (math.inf, "") if end is None else (len(end), end)


def provable(intervals: Sequence[Interval], order: Order, last: Record) -> list[Interval]:
    """Those that the pages to come cannot touch any more: a second that goes on is asked for once.

    >>> provable([("a", "b"), ("d", "e")], BY_TIME, {"Modified_Time": "a"})
    [('d', 'e')]
    """
    if order.column == "id":
        return list(intervals)
    return [each for each in merged(intervals) if each[0] > last["Modified_Time"]]


def condition(intervals: Sequence[Interval], order: Order) -> str:
    """The intervals as a COQL condition.

    >>> condition([("7", "12"), ("20", None)], BY_ID)
    '(id between 7 and 12 or id > 20)'
    >>> condition([("2026-05-14T09:00:00Z", "2026-05-14T09:00:01Z")], BY_TIME)
    "Modified_Time between '2026-05-14T09:00:00+00:00' and '2026-05-14T09:00:01+00:00'"
    """
    return all_of([_criterion(each, order) for each in intervals], word="or")


def _criterion(interval: Interval, order: Order) -> str:
    low, high = interval
    if high is None:
        return f"id > {low}"
    if order.column == "id":
        return f"id between {low} and {high}"
    return f"Modified_Time between {moment(from_text(low))} and {moment(from_text(high))}"


class Borders:
    """The borders between the pages of one scan that are still to be proven, and what was emitted.

    ``refused`` is why COQL cannot tell, if so; ``has_ties``: whether a second straddled a border.
    """

    def __init__(self, client: Labelled, module: str, scan: Scan) -> None:
        self.order = BY_ID if scan.since is None else BY_TIME
        self.floor = to_utc_text(scan.since) if scan.since else ""
        self.unproven = scan.unproven
        self.has_ties = scan.ties or any(low == high for low, high in scan.unproven)
        self.refused: BiginError | None = None
        self._client = client
        self._module = module
        self.proving, self.proven = scan.proving, scan.proven
        # All of an incremental scan, for its borders; the first ones of a full scan, if it is read again.
        self._emitted = IdSet()
        self._by_earlier_run = ids_of(scan.known)
        self._emitted.update(map(int, self._by_earlier_run))
        self._near: list[tuple[str, str]] = []  # times and ids of what this run emitted on a border

    def note(self, interval: Interval | None) -> None:
        """Something may lie there that the pages did not show."""
        if interval is not None:
            self.unproven = (*self.unproven, interval)
            self.has_ties = self.has_ties or interval[0] == interval[1]
        if self.refused is not None and len(self.unproven) > MOST_REFUSED:
            # Should another run be allowed to ask, it reads again what lies between them.
            self.unproven = coarser(self.unproven)

    def remember(self, records: Sequence[Record]) -> None:
        """These are emitted."""
        if self.order is BY_TIME or len(self._emitted) < EMITTED_KEPT:
            self._emitted.update(int(each["id"]) for each in records)
        if self.order is BY_TIME and records:
            self._near += [(each["Modified_Time"], each["id"]) for each in records if each["Modified_Time"]]
            end = self._near[-1][0] if self._near else ""  # a border may come that begins there
            ends = {(end, end), *self.unproven}
            near = (each for each in self._near if any(low <= each[0] <= (high or low) for low, high in ends))
            self._near = [*near][-REMEMBERED:]

    @property
    def known(self) -> str:
        """Ids of what was emitted on borders, for a run that goes on: COQL will tell of them, too.

        None where it is refused, as it most likely will be then.
        """
        if self.refused is not None or not self.unproven:
            return ""
        return text_of(newest({*self._by_earlier_run, *(each for _, each in self._near)}))

    def not_emitted(self, records: Sequence[Record]) -> list[Record]:
        """Those of the records that were not emitted before, as far as that is known."""
        return [each for each in records if int(each["id"]) not in self._emitted]

    def forget(self) -> None:
        """The pages are read again: what lay between the old ones is not asked for."""
        self.unproven = ()

    def prove_when_many(self, last: tuple[str, str] | None) -> Iterator[list[str]]:
        """Ids that slipped at those borders that no page to come can touch, once they are worth a call."""
        if len(self.unproven) < BORDERS_PER_PROOF or last is None:
            return
        ready = provable(self.unproven, self.order, {"Modified_Time": last[0]})
        if self.order is BY_TIME:
            self.unproven = tuple(merged(self.unproven))
        if len(ready) >= BORDERS_PER_PROOF // 2:
            yield from self._prove(ready, later=[each for each in self.unproven if each not in ready])

    def prove_begun(self) -> Iterator[list[str]]:
        """Ids that slipped at the borders which an earlier run was looking through."""
        if self.proving:
            yield from self._prove(self.unproven[: self.proving], later=self.unproven[self.proving :])

    def prove_rest(self) -> Iterator[list[str]]:
        """Ids that slipped at any border that is left."""
        yield from self._prove(merged(self.unproven) if self.order is BY_TIME else self.unproven)

    def _prove(self, intervals: Sequence[Interval], *, later: Sequence[Interval] = ()) -> Iterator[list[str]]:
        """1 credit for 24 intervals, and for 200 ids found in them."""
        for at in range(0, len(intervals), BORDERS_PER_PROOF):
            some = intervals[at : at + BORDERS_PER_PROOF]
            self.unproven, self.proving = (*intervals[at:], *later), len(some)
            yield from self._missing(some)
            self.proving, self.proven = 0, "0"
            if self.refused is not None:
                # Kept: should another run finish the scan, it may be allowed to ask.
                return
            self.unproven = (*intervals[at + BORDERS_PER_PROOF :], *later)

    def _missing(self, intervals: Sequence[Interval]) -> Iterator[list[str]]:
        """Ids in the intervals that were not emitted, a page as it comes, which may hold none of them.

        Nothing where COQL was refused, once or before.
        """
        if self.refused is not None:
            return
        known: IdSet | set[int] = self._emitted
        if self.order is BY_ID:  # nothing within an interval was emitted: only its ends were
            known = {int(end) for interval in intervals for end in interval if end is not None}
        where = condition(intervals, self.order)
        try:
            for records in self._client.coql.pages_by_id(
                self._module, ["id"], where=where, after_id=self.proven
            ):
                self.proven = records[-1]["id"]
                yield [each["id"] for each in records if int(each["id"]) not in known]
        except Refused as refused:
            self.refused = refused

    def any_deleted_since(self, then: datetime) -> bool | None:
        """Whether a record was deleted since then; None if this module's deletions cannot be read."""
        if self._module not in DELETED_MODULES:
            return None
        since = then - READ_OVERLAP
        number, progress = 1, Progress()
        try:
            while True:
                page = self._client.records.deleted(self._module, page=number, modified_since=since)
                progress.see(page.records)
                times = [moment_told(each.get("deleted_time")) for each in page.records]
                if any(time is None or time >= since for time in times):
                    return True
                if not page.more_records:
                    return False
                number += 1
        except (Refused, TransientError):
            return None
