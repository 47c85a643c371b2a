"""Where a page is in a list: its number or its token, and which numbers make pages that overlap. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bigin_api.limits import MAX_RECORDS_BY_PAGE, RECORDS_PER_PAGE

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGES_BY_NUMBER = MAX_RECORDS_BY_PAGE // RECORDS_PER_PAGE
OVERLAP = 2  # records that two pages by number share: so many deletions between them are harmless


@dataclass(frozen=True)
class Place:
    """Where a page is in the list: a number from 1, or a token for each group of fields."""

    number: int | None
    tokens: tuple[str, ...] = ()
    size: int = RECORDS_PER_PAGE  # records; all pages of a chain have the same


def overlapping_places(reached: int) -> Iterator[Place]:
    """The pages by number from a record of the list on, each beginning before the last one ended.

    Each is the one that goes furthest beyond that; the last one is where none goes far.

    >>> [(place.number, place.size) for place in overlapping_places(0)][:4], len([*overlapping_places(0)])
    ([(1, 200), (2, 198), (3, 197), (4, 196)], 11)
    >>> [(place.number, place.size) for place in overlapping_places(1_500)]
    [(9, 187), (10, 186), (10, 200)]
    >>> list(overlapping_places(1_950)), list(overlapping_places(1_951))
    ([Place(number=10, tokens=(), size=200)], [])
    """
    if reached == 0:
        yield Place(1)
        reached = RECORDS_PER_PAGE
    while True:
        sizes = (
            (number, min(RECORDS_PER_PAGE, (reached - OVERLAP) // (number - 1)))
            for number in range(2, PAGES_BY_NUMBER + 1)
        )
        number, size = max(sizes, key=lambda each: each[0] * each[1])
        if number * size < reached + RECORDS_PER_PAGE // 4:
            return
        yield Place(number, size=size)
        reached = number * size
