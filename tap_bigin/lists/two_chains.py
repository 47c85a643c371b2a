"""Which pages come next of a list that is read from both its ends: by number, then by token.

By id a list has a bottom and a top, and page numbers reach 2,000 records from each. Such pages overlap,
which proves without a further call that nothing slipped between them; by token they do not. Both chains
are resumed: by number from where they came to, beyond by their tokens if those live.
"""

from __future__ import annotations

from itertools import islice, zip_longest
from typing import TYPE_CHECKING

from bigin_api import PageTokenRefused
from bigin_api.endpoints.results import Progress
from bigin_api.limits import RECORDS_PER_PAGE
from tap_bigin.lists.borders import BY_ID, BY_ID_DOWN
from tap_bigin.lists.pages import JoinedPage, Listing
from tap_bigin.lists.places import Place, overlapping_places

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tap_bigin.bookmarks import Scan
    from tap_bigin.lists.borders import Order
    from tap_bigin.lists.pages import ModulePages

Turn = tuple[JoinedPage, "Order"]
"""A page, and the order in which its end of the list is read."""
Asked = tuple[Place, "Order"]
Latest = dict["Order", JoinedPage]

ENDS = (BY_ID, BY_ID_DOWN)
PAGES_OF_LONG_LIST = 16
"""If more are left, the list is most likely what a run will wait for: it goes before others."""
RESUMED_OVERLAP = 50  # records that are read again where an earlier run ended


class TwoChains:
    """The pages of one list by id, from where a scan stands. The caller stops when the ends have met."""

    def __init__(self, pages: ModulePages, scan: Scan, *, has_tokens: bool) -> None:
        self._pages = pages
        self._scan = scan
        self._has_tokens = has_tokens
        self._latest: Latest = {}
        self._progress = {order: Progress() for order in ENDS}

    def turns(self) -> Iterator[Turn]:
        """Pages from the bottom and from the top in turn. Raises PageTokenRefused, PaginationLimit.

        The next round of tokens is on its way while one is worked on.
        """
        yield from self._by_number()
        taken: list[Turn] = []
        while _goes_on(self._latest):
            following = [(place, order) for order in ENDS if (place := self._after(order))]
            if len(following) < len(ENDS):
                yield from taken
                raise PageTokenRefused("there is no token of the next page.")
            under_way = self._begin(following)
            yield from taken
            taken = list(under_way)
            for page, order in taken:
                self._progress[order].see(page.records, page.tokens)
            self._latest.update((order, page) for page, order in taken)
        yield from taken

    def _by_number(self) -> Iterator[Turn]:
        """The pages that numbers reach, as long as each is as full as was asked for."""
        bottom = _resumed(self._scan.reached)
        if self._scan.last is None:
            first = self._latest[BY_ID] = self._pages.page(Place(1), Listing(BY_ID.column, BY_ID.direction))
            yield first, BY_ID
            if not first.more_records:
                return
            bottom = len(first.records)
        top = _resumed(self._scan.top.reached) if self._scan.top else 0
        left = _in_turn(overlapping_places(bottom), overlapping_places(top))
        read = len(self._latest)
        while some := list(islice(left, self._at_once(read))):
            read += len(some)
            for page, order in self._begin(some):
                self._latest[order] = page
                yield page, order
                if not page.is_full:
                    return

    def _at_once(self, read: int) -> int:
        """How many pages to ask for: several only of a list that seems long, or where there is room.

        How close ids are may mislead, so never more than half of what was read: at worst that is lost.
        """
        left = pages_left(self._latest)
        if left > PAGES_OF_LONG_LIST or self._pages.has_room:
            return max(1, min(int(left), read // 2))
        return 1

    def _after(self, order: Order) -> Place | None:
        """Where the chain from an end goes on, by its latest page or an earlier run; None if none tells."""
        if order in self._latest:
            return self._latest[order].next_place
        end = self._scan if order is BY_ID else self._scan.top
        return Place(None, end.tokens) if self._has_tokens and end else None

    def _begin(self, asked: Sequence[Asked]) -> Iterator[Turn]:
        is_long = pages_left(self._latest) > PAGES_OF_LONG_LIST
        pages = self._pages.begin(
            [(place, Listing(order.column, order.direction, is_long=is_long)) for place, order in asked]
        )
        return ((next(pages), order) for _, order in asked)


def pages_left(latest: Latest) -> float:
    """About how many pages lie between the latest ones, if ids are as close there; 0 if nothing tells.

    >>> def page(*ids):
    ...     return JoinedPage([{"id": str(each)} for each in ids], True, (), None, Place(1), None, 0)
    >>> pages_left({BY_ID: page(*range(1, 201)), BY_ID_DOWN: page(*range(1200, 1000, -1))})
    4.005
    >>> pages_left({BY_ID: page(*range(1, 201))}), pages_left({BY_ID: page(1), BY_ID_DOWN: page(9)})
    (0.0, 0.0)
    >>> pages_left({BY_ID: page(1, 2), BY_ID_DOWN: page(802)})
    4.0
    """
    bottom, top = (latest[order].records if order in latest else [] for order in ENDS)
    if not (bottom and top):
        return 0.0
    low, high = int(bottom[-1]["id"]), int(top[-1]["id"])
    spans = low - int(bottom[0]["id"]) + int(top[0]["id"]) - high
    known = len(bottom) + len(top) - len(ENDS)
    return (high - low) * known / max(1, spans) / RECORDS_PER_PAGE


def _resumed(reached: int) -> int:
    """From which record of the list numbers go on: some back, for between two runs many may be deleted.

    >>> _resumed(0), _resumed(149), _resumed(150), _resumed(1_000)
    (0, 0, 100, 950)
    """
    back = reached - RESUMED_OVERLAP
    return back if back >= RECORDS_PER_PAGE // 2 else 0


def _goes_on(latest: Latest) -> bool:
    """Whether something may lie between the latest pages from both ends."""
    if not all(page.more_records for page in latest.values()):
        return False
    bottom, top = (latest[order].records if order in latest else [] for order in ENDS)
    return not (bottom and top) or int(bottom[-1]["id"]) < int(top[-1]["id"])


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
