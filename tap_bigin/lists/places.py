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

    @property
    def start(self) -> int:
        """How many records of the list come before it, of a page by number."""
        return ((self.number or 1) - 1) * self.size


def overlapping_places(reached: int) -> Iterator[Place]:
    """The pages by number from a record of the list on, each beginning before the last one ended.

    >>> places = list(overlapping_places(0))
    >>> [(place.number, place.start) for place in places[:4]], len(places)
    ([(1, 0), (2, 198), (3, 394), (4, 588)], 11)
    >>> [place.start for place in overlapping_places(1_500)]
    [1496, 1674, 1800]
    """
    if reached == 0:
        yield Place(1)
        reached = RECORDS_PER_PAGE
    while place := next_by_number(reached):
        yield place
        reached = place.start + place.size


def next_by_number(reached: int) -> Place | None:
    """The page that begins before ``reached`` and goes furthest beyond it; None if that is not far.

    >>> next_by_number(200), next_by_number(398)
    (Place(number=2, tokens=(), size=198), Place(number=3, tokens=(), size=198))
    >>> next_by_number(1_910), next_by_number(2_000)
    (Place(number=10, tokens=(), size=200), None)
    """
    sizes = (
        (number, min(RECORDS_PER_PAGE, (reached - OVERLAP) // (number - 1), MAX_RECORDS_BY_PAGE // number))
        for number in range(2, PAGES_BY_NUMBER + 2)
    )
    number, size = max(sizes, key=lambda each: each[0] * each[1])
    return Place(number, size=size) if number * size >= reached + RECORDS_PER_PAGE // 4 else None
