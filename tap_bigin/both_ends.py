"""A long list read from both its ends at once: half the chain, and as few calls.

Pages by token come one after the other, so a list of many pages is what a run waits for. By id the list
has a bottom and a top; a page of each is fetched in every round, until they meet.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from bigin_api import PageTokenRefused
from bigin_api.limits import RECORDS_PER_PAGE
from tap_bigin.gaps import BY_ID, BY_ID_DOWN, Order
from tap_bigin.pages import (
    OVERLAP,
    PAGES_BY_NUMBER,
    REACH_OF_OVERLAPPING,
    Listing,
    Place,
    overlapping_places,
    places_after_first,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_bigin.bookmarks import Interval, Pass
    from tap_bigin.pages import JoinedPage, ModulePages

Taken = tuple["JoinedPage", Order]
"""A page, and the order in which its end of the list is read."""

ENDS = {order: Listing(order.column, order.direction, is_long=True) for order in (BY_ID, BY_ID_DOWN)}


def is_worth_it(first: JoinedPage, counted: int | None) -> bool:
    """Whether a list is longer than page numbers reach from its bottom."""
    return bool(counted and first.more_records and counted > PAGES_BY_NUMBER * len(first.records))


def from_both_ends(
    pages: ModulePages, pass_: Pass, first: JoinedPage | None, counted: int | None
) -> Iterator[Taken]:
    """Pages from the bottom and from the top in turn, until one end has reached the other.

    ``first`` is the first page from the bottom, None where a pass goes on. The caller stops when the two
    have met. Raises PageTokenRefused, PaginationLimit.
    """
    latest: dict[Order, JoinedPage] = {}
    if first is not None:
        yield first, BY_ID
        asked = _by_number(counted or 0, len(first.records))
    else:
        asked = [(place, order) for order, place in _places(pass_).items()]
    while True:
        answers = pages.pages_of([(place, ENDS[order]) for place, order in asked])
        for (_, order), page in zip(asked, answers, strict=True):
            latest[order] = page
            yield page, order
        if not all(page.more_records for page in latest.values()):
            return
        asked = [(_following(page), order) for order, page in latest.items()]


def _by_number(counted: int, per_page: int) -> list[tuple[Place, Order]]:
    """The pages by number of a list of so many records, but for the first from the bottom.

    Where they are enough to meet they overlap, which proves that nothing slipped between them.

    >>> [(place.number, place.size) for place, order in _by_number(2_300, 200) if order is BY_ID_DOWN]
    [(1, 200), (2, 198), (3, 197)]
    >>> len(_by_number(12_000, 200)), {place.size for place, _ in _by_number(12_000, 200)}
    (19, {200})
    """
    if counted <= 2 * REACH_OF_OVERLAPPING:
        from_bottom = overlapping_places()
        rest = max(1, counted - REACH_OF_OVERLAPPING) + OVERLAP
        from_top = [Place(1), *places_after_first(min(rest, REACH_OF_OVERLAPPING))]
    else:
        from_bottom = [Place(number) for number in range(2, PAGES_BY_NUMBER + 1)]
        pages_left = ceil(counted / per_page) - PAGES_BY_NUMBER
        from_top = [Place(number) for number in range(1, min(PAGES_BY_NUMBER, pages_left) + 1)]
    return [*((place, BY_ID) for place in from_bottom), *((place, BY_ID_DOWN) for place in from_top)]


def between(pass_: Pass, page: JoinedPage, order: Order) -> Interval | None:
    """What may lie between a page and the one before it from the same end."""
    top = pass_.top.last if pass_.top else None
    end = pass_.last if order is BY_ID else top
    if end is None:
        return None
    if not page.records:  # though it was promised: all that the other end has not reached
        return _middle(pass_)
    here, there = end[1], page.records[0]["id"]
    low, high = (here, there) if order is BY_ID else (there, here)
    return (low, high) if int(low) < int(high) else None


def have_met(pass_: Pass) -> bool:
    """Whether nothing is left between the two ends."""
    return pass_.last is not None and pass_.top is not None and int(pass_.last[1]) >= int(pass_.top.last[1])


def _middle(pass_: Pass) -> Interval | None:
    if pass_.last is None or pass_.top is None or have_met(pass_):
        return None
    return pass_.last[1], pass_.top.last[1]


def _places(pass_: Pass) -> dict[Order, Place]:
    top = pass_.top
    return {
        BY_ID: Place(None, pass_.tokens, RECORDS_PER_PAGE),
        BY_ID_DOWN: Place(None, top.tokens, RECORDS_PER_PAGE) if top else Place(1),
    }


def _following(page: JoinedPage) -> Place:
    place = page.next_place
    if place is None:
        raise PageTokenRefused("a page came without the token of the next.")
    return place
