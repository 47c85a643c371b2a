"""What is read from the log, and what follows from it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class State:
    """How far the log is: its id, its last ``seq``, the one that it begins after, the last heartbeat."""

    id: str
    head: int
    pruned: int  # where its numbers began, at first
    heartbeat: str

    def why_not_from(self, log: str, position: int) -> str | None:
        """Why reading cannot go on from a position: a sweep is due. None if it can.

        >>> State("a", 9, 4, "").why_not_from("a", 3)
        'the log was pruned up to 4, the position is 3'
        """
        if log != self.id:
            return f"the position belongs to another log ({log})"
        if position > self.head:
            return f"the position {position} is ahead of the log, which ends at {self.head}"
        if position < self.pruned:
            return f"the log was pruned up to {self.pruned}, the position is {position}"
        return None


@dataclass(frozen=True)
class Row:
    """One record of one notification, as it was stored."""

    seq: int
    received: str
    channel: str
    module: str
    id: str
    operation: str
    time: str | None
    person: str | None  # JSON {"name", "id", "email"}
    fields: tuple[str, ...]
    values: str | None  # JSON


@dataclass(frozen=True)
class Silence:
    """A time in which notifications may have been missed. It has a number in the order of the rows."""

    seq: int
    begun: str
    ended: str
    why: str


@dataclass(frozen=True)
class Change:
    """What was told of a record since a position, however often: its last ``seq`` and what happened."""

    module: str
    id: str
    seq: int
    was_inserted: bool
    was_deleted: bool  # a hint: notifications come in any order, so look whether the record is there


def coalesce(told: Iterable[tuple[int, str, str, str]]) -> list[Change]:
    """One change a record from ``(seq, module, id, operation)`` in the order of seq.

    >>> coalesce([(1, "Tasks", "7", "insert"), (2, "Tasks", "7", "update")])
    [Change(module='Tasks', id='7', seq=2, was_inserted=True, was_deleted=False)]
    """
    found: dict[tuple[str, str], Change] = {}
    for seq, module, record_id, operation in told:
        before = found.pop((module, record_id), None)  # the last to change goes last
        found[module, record_id] = Change(
            module,
            record_id,
            seq,
            was_inserted=operation == "insert" or (before is not None and before.was_inserted),
            was_deleted=operation == "delete" or (before is not None and before.was_deleted),
        )
    return list(found.values())
