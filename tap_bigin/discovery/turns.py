"""Whose turn it is within a ``credit_budget``, which may be too small to read everything in one run. Pure.

Streams are read one after the other: a scan that is under way first, then what has waited longest since
its last turn. So each comes to its end in some run, and none takes the budget every time. Modules whose
turn will not come are not described either: that costs a credit each.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

from tap_bigin.bookmarks import DELETED_RECORDS, is_under_way

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TOLD_METADATA = "metadata"  # in the state, beside the bookmarks: what a run that was cut short was told
TURN = "turn"  # in a stream's entry of the state: when its latest turn ended
DESCRIBED = 2  # one credit in so many may go into descriptions, which the next runs know
MORE_AT_LEAST = 10


@dataclass(frozen=True)
class Turns:
    """The order of a run. ``entries`` are the state's bookmarks when it began.

    ``told_metadata`` is what the state keeps of the metadata, see ``feed.memory``.
    """

    budget: int
    entries: Mapping[str, Any]
    told_metadata: Any = None

    @property
    def most_described(self) -> int:
        """So many modules at most are described.

        >>> Turns(12, {}).most_described, Turns(2, {}).most_described
        (6, 1)
        """
        return max(1, self.budget // DESCRIBED)

    def in_order(self, names: Iterable[str]) -> list[str]:
        """The names, whose turn it is first.

        >>> entries = {"Calls": {TURN: "2026-05-14T09:00:00Z"}, "Tasks": {"pass": {}}}
        >>> Turns(12, entries).in_order(["Calls", "Contacts", "Tasks"])
        ['Tasks', 'Contacts', 'Calls']
        """
        return sorted(names, key=self._rank)

    def least(self, stream: int, *, metadata: int, undescribed: int) -> int:
        """The least budget with which a stream comes further, which this one was too small for.

        ``stream`` is what that takes, ``metadata`` was spent on descriptions, and ``undescribed`` modules
        are left, of which a larger budget describes more. Each try brings ten credits more, at least.

        >>> turns = Turns(8, {})
        >>> turns.least(21, metadata=2, undescribed=0), turns.least(21, metadata=2, undescribed=60)
        (23, 37)
        """
        known = stream + metadata
        return next(
            budget
            for budget in count(max(known, self.budget + MORE_AT_LEAST))
            if budget >= known + min(undescribed, budget // DESCRIBED - self.most_described)
        )

    def _rank(self, name: str) -> tuple[bool, str, bool, str]:
        entry = self.entries.get(name) or {}
        latest = entry.get(TURN) or entry.get("replication_key_value") or ""
        # What it reads of the lists of what was deleted, streams of modules need not read.
        return not is_under_way(entry), latest, name != DELETED_RECORDS, name
