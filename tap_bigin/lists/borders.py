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
from bigin_api.errors import TransientError
from bigin_api.limits import DELETED_MODULES, RECORDS_PER_PAGE
from tap_bigin.bookmarks import READ_OVERLAP, Interval, from_text, moment_told, to_utc_text
from tap_bigin.lists.deletions import DELETED_TIME, deleted_pages
from tap_bigin.lists.id_set import IdSet
from tap_bigin.lists.marks import REMEMBERED, Begun, ids_of, newest, text_of
from tap_bigin.planning import BORDERS_PER_PROOF

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from bigin_api import Labelled
    from tap_bigin.bookmarks import Scan

Record = dict[str, Any]

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
        >>> BY_ID_DOWN.interval({"id": "12"}, {"id": "7"}), BY_ID_DOWN.interval({"id": "12"}, None)
        (('7', '12'), ('0', '12'))
        >>> older = {"Modified_Time": "2026-05-14T09:00:00Z"}
        >>> newer = {"Modified_Time": "2026-05-14T09:00:01Z"}
        >>> BY_TIME.interval(newer, older)
        ('2026-05-14T09:00:00Z', '2026-05-14T09:00:01Z')
        >>> BY_TIME.interval(older, newer) is None
        True
        """
        here: str = last[self.column]
        there: str | None = first[self.column] if first else None
        if self.column == "id":
            low, high = (here, there) if self.direction == "asc" else (there or "0", here)
            return (low, high) if high is None or int(low) < int(high) else None
        low = max(there or "", floor)
        return (low, here) if low <= here else None


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
    """The same intervals of time, the earliest first, as one where they touch: ties give one over and over.

    >>> merged([("b", "c"), ("a", "b"), ("e", "e"), ("e", "e")])
    [('a', 'c'), ('e', 'e')]
    """
    joined: list[Interval] = []
    for each in sorted(set(intervals), key=lambda each: each[0]):
        touches = joined and _rank(each[0]) <= _rank(joined[-1][1])
        joined.append(span([joined.pop(), each]) if touches else each)
    return joined


def span(intervals: Sequence[Interval]) -> Interval:
    """All of the intervals and what lies between them, as one.

    >>> span([("7", "12"), ("140", None), ("20", "30")]), span([("20", "30"), ("7", "12")])
    (('7', None), ('7', '30'))
    """
    return min((low for low, _ in intervals), key=_rank), max((high for _, high in intervals), key=_rank)


def _rank(end: str | None) -> tuple[float, str]:
    """What ids, or moments, sort by; the open end comes last."""
    return (math.inf, "") if end is None else (len(end), end)


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
        self.has_ties = scan.ties
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
            if self.refused is not None:
                # Should another run be allowed to ask, it reads again what lies between them.
                self.unproven = (span(self.unproven),)

    def remember(self, records: Sequence[Record]) -> None:
        """These are emitted."""
        if self.order is BY_TIME or len(self._emitted) < EMITTED_KEPT:
            self._emitted.update(int(each["id"]) for each in records)
        if self.order is BY_TIME:
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
        if self.refused is not None:
            return ""
        return text_of(newest({*self._by_earlier_run, *(each for _, each in self._near)}))

    def not_emitted(self, records: Sequence[Record]) -> list[Record]:
        """Those of the records that were not emitted before, as far as that is known."""
        return [each for each in records if int(each["id"]) not in self._emitted]

    def forget(self) -> None:
        """The pages are read again: what lay between the old ones is not asked for."""
        self.unproven = ()

    def prove_when_many(self) -> Iterator[list[str]]:
        """Ids that slipped at those borders that no page to come can touch, once they are worth a call.

        By time the lowest one is left: it may be within a second that goes on.
        """
        if len(self.unproven) >= BORDERS_PER_PROOF:
            self._merge()
            left = int(self.order is BY_TIME)
            yield from self._prove(self.unproven[left:], later=self.unproven[:left])

    def prove_begun(self) -> Iterator[list[str]]:
        """Ids that slipped at the borders which an earlier run was looking through."""
        yield from self._prove(self.unproven[: self.proving], later=self.unproven[self.proving :])

    def prove_rest(self) -> Iterator[list[str]]:
        """Ids that slipped at any border that is left."""
        self._merge()
        yield from self._prove(self.unproven)

    def _merge(self) -> None:
        if self.order is BY_TIME:
            self.unproven = tuple(merged(self.unproven))

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
        try:
            for some in deleted_pages(self._client, self._module, Begun(asked=then, since=then)):
                times = [moment_told(each.get(DELETED_TIME)) for each in some.entries]
                # The clock is taken from a page that has rows which are no entries: they may be of any time.
                if some.place.asked is None or any(time is None or time >= since for time in times):
                    return True
        except (Refused, TransientError):
            return None
        return False
