"""Ids of very many records in little memory: 8 bytes each, a tenth of what a set takes."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from heapq import merge
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_UNSORTED = 20_000


class IdSet:
    """Ids that are added one after the other and looked for.

    >>> ids = IdSet()
    >>> ids.update(range(0, 60_000, 2)); ids.update([7])
    >>> 59_998 in ids, 7 in ids, 9 in ids, len(ids)
    (True, True, False, 30001)
    """

    def __init__(self) -> None:
        self._sorted = array("Q")
        self._latest: set[int] = set()

    def __len__(self) -> int:
        return len(self._sorted) + len(self._latest)

    def __contains__(self, record_id: int) -> bool:
        if record_id in self._latest:
            return True
        place = bisect_left(self._sorted, record_id)
        return place < len(self._sorted) and self._sorted[place] == record_id

    def update(self, ids: Iterable[int]) -> None:
        """Add ids; what is there already is kept once."""
        self._latest.update(each for each in ids if each not in self)
        if len(self._latest) > MOST_UNSORTED:
            self._sorted = array("Q", merge(self._sorted, sorted(self._latest)))
            self._latest = set()
