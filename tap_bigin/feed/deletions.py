"""Deletions that a notification told of, on their way to the stream of deleted records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from tap_bigin.bookmarks import from_text, to_utc_text

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from bigin_feed.log import Row


@dataclass(frozen=True)
class Deletion:
    """Of which record, when and by whom. Bigin's own list has it with its name at the next sweep."""

    id: str
    time: str  # UTC, whole seconds
    person: Mapping[str, Any] | None

    @classmethod
    def of(cls, row: Row) -> Deletion:
        """Read a row of the log; a webhook tells no time, so it is when the row was received."""
        person = None if row.person is None else msgspec.json.decode(row.person)
        moment = to_utc_text(from_text(row.time or row.received))
        return cls(row.id, moment, {name: person.get(name) for name in ("id", "name")} if person else None)

    def entry(self) -> dict[str, Any]:
        """As an entry of Bigin's list of what was deleted, as far as that is known."""
        return {"id": self.id, "deleted_time": self.time, "deleted_by": self.person}


class Deletions:
    """What the streams of modules found of deletions, for the stream that tells of them.

    Safe for threads: a module is told of by its own stream alone, and each step is one of a dict or a set.
    """

    def __init__(self) -> None:
        self._told: dict[str, list[Deletion]] = {}
        self._listed: set[str] = set()
        self._looked_at: set[str] = set()
        self._back: dict[str, list[str]] = {}

    def tell(self, module: str, deletions: Collection[Deletion]) -> None:
        """These records of a module are gone, and a notification said so."""
        self._told[module] = list(deletions)

    def ask_list(self, module: str) -> None:
        """The module's list of what was deleted was read, since a record is gone of which nobody said why."""
        self._listed.add(module)

    def look_at(self, module: str) -> None:
        """The module's own stream looks at what was told of it."""
        self._looked_at.add(module)

    def tell_back(self, module: str, ids: Collection[str]) -> None:
        """These records were in the recycle bin, and are there again."""
        self._back[module] = sorted(ids)

    def back_of(self, module: str) -> list[str]:
        """The records of a module that are there again."""
        return self._back.get(module, [])

    def told_of(self, module: str) -> list[Deletion]:
        """What was told of a module."""
        return self._told.get(module, [])

    def is_listed(self, module: str) -> bool:
        """Whether its list was read in this run."""
        return module in self._listed

    def is_looked_at(self, module: str) -> bool:
        """Whether its own stream looks at what was told."""
        return module in self._looked_at
