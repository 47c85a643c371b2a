"""Did anything slip between two pages? Which intervals to ask for, and the query that tells. Pure.

If a page token means a position, a record that is deleted while we page moves the rest up, and one
record is skipped at the next border. It lies between the last record of one page and the first of the
next: asking COQL for what lies there proves the border, or finds what is missing. Ties of one second,
whose order no page promises, are covered by the same interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import le
from typing import Any, Literal

from bigin_api.endpoints.coql import all_of, moment
from bigin_api.limits import COQL_MAX_CRITERIA
from tap_bigin.bookmarks import Interval, from_text

Record = dict[str, Any]

BORDERS_PER_PROOF = COQL_MAX_CRITERIA - 1  # one criterion is needed to page through the answer


@dataclass(frozen=True)
class Order:
    """The order of a pass. Ids ascend: edits move nothing, new records come last. Times descend."""

    column: Literal["id", "Modified_Time"]
    direction: Literal["asc", "desc"]

    def interval(self, last: Record, first: Record | None, *, floor: str = "") -> Interval | None:
        """What lies between two pages, ends included; None where they overlap.

        ``first`` is None if the next page was empty though it was promised. Nothing older than
        ``floor`` is asked for.

        >>> BY_ID.interval({"id": "7"}, {"id": "12"}), BY_ID.interval({"id": "7"}, {"id": "7"})
        (('7', '12'), None)
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
            if there is None or int(str(here)) < int(there):
                return (str(here), there)
            return None
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
        values = [each[order.column] or "" for each in records]
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
