"""What the log tells of one module, and what a run found of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bigin_api.limits import MAX_IDS_PER_CALL

if TYPE_CHECKING:
    from bigin_feed.log import Change

IDS_AT_ONCE = 5 * MAX_IDS_PER_CALL  # calls side by side, and records in memory


@dataclass
class Told:
    """The records of a module that are to be looked at: told since the position, or due since earlier.

    Whatever a sweep brings meanwhile is as fresh, and needs no other look.
    """

    changes: Mapping[str, Change] = field(default_factory=dict)  # by id
    due: Sequence[str] = ()
    found: set[str] = field(default_factory=set)
    absent: list[str] = field(default_factory=list)

    def see(self, records: Iterable[Mapping[str, Any]]) -> None:
        """These records were read, whoever asked for them."""
        self.found.update(each["id"] for each in records if each["id"] in self._asked_for)

    @cached_property
    def _asked_for(self) -> Mapping[str, None]:
        return dict.fromkeys((*self.due, *self.changes))

    def portions(self) -> Iterator[list[str]]:
        """The ids that are still to be looked at, in the order in which they were told."""
        ids = [each for each in self._asked_for if each not in self.found]
        for start in range(0, len(ids), IDS_AT_ONCE):
            yield ids[start : start + IDS_AT_ONCE]

    def look(self, asked: Iterable[str], records: Iterable[Mapping[str, Any]]) -> None:
        """What came of a portion."""
        given = {each["id"] for each in records}
        self.found |= given
        self.absent.extend(each for each in asked if each not in given)

    @property
    def deleted(self) -> list[str]:
        """Those that are not there, and of which a notification said that they were deleted."""
        return [each for each in self.absent if self._is_told_deleted(each)]

    @property
    def unexplained(self) -> list[str]:
        """Those that are not there, and nobody said why: under approval, not visible yet, deleted unheard."""
        return [each for each in self.absent if not self._is_told_deleted(each)]

    def _is_told_deleted(self, record_id: str) -> bool:
        change = self.changes.get(record_id)
        return change is not None and change.was_deleted
