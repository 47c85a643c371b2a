"""A list read from both its ends at once: half the chain, as few calls, and proven where it can be.

Pages by token come one after the other, so a list of many pages is what a run waits for. By id the list
has a bottom and a top, and page numbers reach 2,000 records from each. Such pages overlap, which proves
without a further call that nothing slipped between them; by token they do not.

Where it is known how many records there are, all pages by number are fetched side by side. Where it is
not, because asking costs a credit, they come from both ends in turn, one by one unless the list seems
long: then hardly any is fetched beyond where the ends meet. Up to 4,000 records nothing is left to prove.
"""

from __future__ import annotations

from itertools import islice, zip_longest
from typing import TYPE_CHECKING

from bigin_api import PageTokenRefused
from bigin_api.limits import RECORDS_PER_PAGE
from tap_bigin.lists.gaps import BY_ID, BY_ID_DOWN, Order
from tap_bigin.lists.pages import (
    OVERLAP,
    PAGES_BY_NUMBER,
    REACH_OF_OVERLAPPING,
    JoinedPage,
    Listing,
    Place,
    overlapping_places,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tap_bigin.bookmarks import Interval, Scan
    from tap_bigin.lists.pages import ModulePages

Taken = tuple["JoinedPage", Order]
"""A page, and the order in which its end of the list is read."""

Asked = tuple[Place, Order]

PAGES_OF_LONG_LIST = 16
"""If more are left, the list is most likely what a run will wait for: it goes before others."""

PAGES_AT_ONCE = 6
"""Of a long list, while page numbers reach."""

ENDS = (BY_ID, BY_ID_DOWN)
SHORT = {order: Listing(order.column, order.direction) for order in ENDS}
LONG = {order: Listing(order.column, order.direction, is_long=True) for order in ENDS}


def is_worth_it(first: JoinedPage, counted: int | None) -> bool:
    """Whether a list goes on, and further than page numbers reach from its bottom, if that is known."""
    if not first.records or not first.more_records:
        return False
    return not counted or counted > PAGES_BY_NUMBER * len(first.records)


def from_both_ends(
    pages: ModulePages, scan: Scan, first: JoinedPage | None, counted: int | None
) -> Iterator[Taken]:
    """Pages from the bottom and from the top in turn, until one end has reached the other.

    ``first`` is the first page from the bottom, None where a pass goes on: by its tokens, if it has any.
    The caller stops when the two have met. Raises PageTokenRefused, PaginationLimit.
    """
    latest: dict[Order, JoinedPage] = {}
    if first is not None:
        latest[BY_ID] = first
        yield first, BY_ID
    if counted and first:
        by_number = _side_by_side(pages, _by_number(counted, len(first.records)))
    elif scan.tokens:
        by_number = _side_by_side(pages, [(place, order) for order, place in _places(scan).items()])
    else:
        by_number = _as_needed(pages, _left_by_number(scan, first), latest)
    for page, order in by_number:
        latest[order] = page
        yield page, order
    yield from _by_token(pages, latest)


def _by_token(pages: ModulePages, latest: dict[Order, JoinedPage]) -> Iterator[Taken]:
    """A page from each end in every round; the next round is on its way while one is worked on."""
    taken: list[Taken] = []
    while _goes_on(latest):
        # One end will do where a page is likely to be all that is left: once, for nobody knows.
        asked = (BY_ID,) if len(taken) != 1 and 0 < pages_left(latest) < 1 else ENDS
        following = [(place, order) for order in asked if (place := _following(latest.get(order), order))]
        if len(following) < len(asked):
            yield from taken
            raise PageTokenRefused("there is no token of the next page.")
        under_way = pages.begin([(place, LONG[order]) for place, order in following])
        yield from taken
        taken = list(zip(under_way, asked, strict=True))
        latest.update((order, page) for page, order in taken)
    yield from taken


def _goes_on(latest: dict[Order, JoinedPage]) -> bool:
    """Whether something may lie between the latest pages from both ends."""
    if not all(page.more_records for page in latest.values()):
        return False
    bottom, top = latest.get(BY_ID), latest.get(BY_ID_DOWN)
    if not (bottom and bottom.records and top and top.records):
        return True
    return int(bottom.records[-1]["id"]) < int(top.records[-1]["id"])


def _side_by_side(pages: ModulePages, asked: list[Asked], *, is_long: bool = True) -> Iterator[Taken]:
    listings = LONG if is_long else SHORT
    answers = pages.pages_of([(place, listings[order]) for place, order in asked])
    for (_, order), page in zip(asked, answers, strict=True):
        yield page, order


def _as_needed(
    pages: ModulePages, asked: Iterator[Asked], latest: Mapping[Order, JoinedPage]
) -> Iterator[Taken]:
    """None more than is needed; none at all once the server's pages are not of the size asked for.

    Several at once only of a list that seems long, or has some way to go while there is nothing else to
    fetch: the run would wait for it. How close ids are may mislead, so never more than half of what was
    read: at worst that is lost.
    """
    read = len(latest)
    while True:
        left = pages_left(latest)
        is_long = left > PAGES_OF_LONG_LIST
        at_once = PAGES_AT_ONCE if is_long else min(left, 2) if pages.has_room else 1
        some = list(islice(asked, max(1, min(int(at_once), read // 2))))
        if not some:
            return
        read += len(some)
        for page, order in _side_by_side(pages, some, is_long=is_long):
            yield page, order
            if not page.more_records or not page.is_full:
                return


def pages_left(latest: Mapping[Order, JoinedPage]) -> float:
    """About how many pages lie between the latest ones, if ids are as close there; 0 if nothing tells.

    >>> def page(*ids):
    ...     return JoinedPage([{"id": str(each)} for each in ids])
    >>> pages_left({BY_ID: page(*range(1, 201)), BY_ID_DOWN: page(*range(1200, 1000, -1))})
    4.005
    >>> pages_left({BY_ID: page(*range(1, 201))})
    0.0
    """
    bottom, top = latest.get(BY_ID), latest.get(BY_ID_DOWN)
    if not (bottom and bottom.records and top and top.records):
        return 0.0
    low, high = int(bottom.records[-1]["id"]), int(top.records[-1]["id"])
    spans = low - int(bottom.records[0]["id"]), int(top.records[0]["id"]) - high
    known = len(bottom.records) + len(top.records) - len(spans)
    return max(0, high - low) * known / max(1, sum(spans)) / RECORDS_PER_PAGE


def _by_number(counted: int, per_page: int) -> list[Asked]:
    """The pages by number of a list of so many records, but for the first from the bottom.

    Where they are enough to meet they overlap, which proves that nothing slipped between them.

    >>> [(place.number, place.size) for place, order in _by_number(2_300, 200) if order is BY_ID_DOWN]
    [(1, 200), (2, 198), (3, 197), (4, 196), (5, 195), (6, 194)]
    >>> len(_by_number(12_000, 200)), {place.size for place, _ in _by_number(12_000, 200)}
    (19, {200})
    """
    if counted > 2 * REACH_OF_OVERLAPPING:
        numbers = range(1, PAGES_BY_NUMBER + 1)
        return list(
            _in_turn([Place(number) for number in numbers[1:]], [Place(number) for number in numbers])
        )
    asked: list[Asked] = []
    reached = {BY_ID: per_page, BY_ID_DOWN: 0}
    from_bottom = overlapping_places(per_page, per_page=per_page)
    for place, order in _in_turn(from_bottom, overlapping_places(0, per_page=per_page)):
        if sum(reached.values()) >= counted + OVERLAP:
            break
        asked.append((place, order))
        reached[order] = place.start + place.size
    return asked


def _left_by_number(scan: Scan, first: JoinedPage | None) -> Iterator[Asked]:
    """The pages that page numbers can still reach, however many there may be."""
    per_page = len(first.records) if first else RECORDS_PER_PAGE
    bottom = len(first.records) if first else scan.reached
    top = scan.top.reached if scan.top else 0
    return _in_turn(overlapping_places(bottom, per_page=per_page), overlapping_places(top, per_page=per_page))


def _in_turn(from_bottom: Iterable[Place], from_top: Iterable[Place]) -> Iterator[Asked]:
    """One place after the other, the top first: its page tells how far it may be.

    >>> [(place.number, order.direction) for place, order in _in_turn([Place(2), Place(3)], [Place(1)])]
    [(1, 'desc'), (2, 'asc'), (3, 'asc')]
    """
    for low, high in zip_longest(from_bottom, from_top):
        if high:
            yield high, BY_ID_DOWN
        if low:
            yield low, BY_ID


def between(scan: Scan, page: JoinedPage, order: Order) -> Interval | None:
    """What may lie between a page and the one before it from the same end."""
    top = scan.top.last if scan.top else None
    end = scan.last if order is BY_ID else top
    if end is None:
        return None
    if not page.records:  # though it was promised: all that the other end has not reached
        return _middle(scan)
    here, there = end[1], page.records[0]["id"]
    low, high = (here, there) if order is BY_ID else (there, here)
    return (low, high) if int(low) < int(high) else None


def have_met(scan: Scan) -> bool:
    """Whether nothing is left between the two ends."""
    return scan.last is not None and scan.top is not None and int(scan.last[1]) >= int(scan.top.last[1])


def _middle(scan: Scan) -> Interval | None:
    if scan.last is None or scan.top is None or have_met(scan):
        return None
    return scan.last[1], scan.top.last[1]


def _places(scan: Scan) -> dict[Order, Place]:
    top = scan.top
    return {
        BY_ID: Place(None, scan.tokens, RECORDS_PER_PAGE),
        BY_ID_DOWN: Place(None, top.tokens, RECORDS_PER_PAGE) if top else Place(1),
    }


def _following(page: JoinedPage | None, order: Order) -> Place | None:
    """Where the chain from an end goes on, None if nothing tells."""
    if page is None:
        return Place(1) if order is BY_ID_DOWN else None
    return page.next_place
