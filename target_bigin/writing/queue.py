"""Waiting records → calls: at most so many, no key twice, the order of each record kept. No I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import islice

from target_bigin.records.record import Lock, Prepared
from target_bigin.settings import Operation

Kind = tuple[Operation, bool, bool]  # operation, alone, by bulk: what may share a call


class Order:
    """Who comes first among the records of one module that share a key.

    Invariants: a record is first for a lock only if every earlier record with that lock has ended;
    so records that may go at the same time share no lock.
    """

    def __init__(self) -> None:
        self._lines: dict[Lock, deque[Prepared]] = {}

    def enter(self, record: Prepared) -> None:
        """Take a place behind every record that shares a lock."""
        for lock in record.locks:
            line = self._lines.get(lock)
            if line is None:
                self._lines[lock] = deque((record,))
            else:
                line.append(record)

    def is_first(self, record: Prepared) -> bool:
        """Whether no earlier record that shares a lock is still open."""
        for lock in record.locks:  # noqa: SIM110 -- asked for each record: a generator costs three times as much
            if self._lines[lock][0] is not record:
                return False
        return True

    def before(self, record: Prepared) -> Prepared | None:
        """The record right before the one that entered last, if they share exactly the same locks."""
        found: Prepared | None = None
        for lock in record.locks:
            line = self._lines[lock]
            if len(line) < 2 or line[-1] is not record or found not in (None, line[-2]):  # noqa: PLR2004
                return None
            found = line[-2]
        return found if found is not None and found.locks == record.locks else None

    def replace_before(self, record: Prepared) -> None:
        """The record that entered last takes the place of the one right before it."""
        for lock in record.locks:
            line = self._lines[lock]
            line.pop()
            line[-1] = record

    def give_back(self, record: Prepared, earlier: Prepared) -> None:
        """``earlier`` takes the place of the one that stood for it."""
        for lock in record.locks:
            line = self._lines[lock]
            line[line.index(record)] = earlier

    def leave(self, record: Prepared) -> list[Prepared]:
        """The record has ended. Those that are first now."""
        freed: list[Prepared] = []
        for lock in record.locks:
            line = self._lines[lock]
            if line[0] is record:
                line.popleft()
            else:
                line.remove(record)
            if not line:
                del self._lines[lock]
            elif self.is_first(line[0]) and line[0] not in freed:
                freed.append(line[0])
        return freed


class Queue:
    """The records of one stream that are ready to be written, cut into calls.

    A record ``enter``s when it is read, is ``ready`` when the steps before the writing are done, is
    taken by ``take`` and ``leave``s when it has ended. Only ready records without an open
    predecessor are taken, so a call never holds a key twice. A record may be made ``ready`` again
    after it was taken: to be tried once more, in its old place.
    """

    def __init__(
        self,
        order: Order,
        *,
        merge: bool = True,
        on_first: Callable[[Prepared], None] = lambda _record: None,
    ) -> None:
        self._order = order
        self._merge = merge
        self.on_first = on_first  # told of a record that became the first of its key before it was ready
        self.waiting = 0  # how many could be written now
        self.for_bulk = 0  # how many of these are for a bulk job
        self._free: dict[Kind, dict[int, Prepared]] = {}

    def enter(self, record: Prepared) -> None:
        """Keep a place for a record that was read."""
        record.queue = self
        self._order.enter(record)

    def ready(self, record: Prepared) -> None:
        """The record may be written as soon as all before it have ended."""
        record.is_ready = True
        if self._order.is_first(record):
            self._put(record)
        elif self._merge:
            self._merge_into(record)

    def is_first(self, record: Prepared) -> bool:
        """Whether no earlier record of the same key is open."""
        return self._order.is_first(record)

    def take(self, most: int, *, least: int = 1, by_bulk: bool = False) -> list[Prepared]:
        """The records of the next call, all of one operation: [] if there are not ``least`` of one.

        A record that must be ``alone`` is a call by itself; one for a bulk job comes ``by_bulk`` alone.
        """
        for (_, alone, in_bulk), free in self._free.items():
            if in_bulk is by_bulk and free and (alone or len(free) >= least):
                numbers = list(islice(free, 1 if alone else most))
                self.waiting -= len(numbers)
                self.for_bulk -= len(numbers) if by_bulk else 0
                return [_picked(free, number) for number in numbers]
        return []

    def leave(self, record: Prepared) -> None:
        """The record has ended: the next of its key may go."""
        for freed in self._order.leave(record):
            if freed.queue is not None:
                freed.queue._become_first(freed)  # noqa: SLF001 -- maybe of another stream

    def unmerge(self, record: Prepared) -> bool:
        """The record was refused: the one it stood for is sent after all. Whether there was one."""
        if not record.merged:
            return False
        earlier = record.merged.pop()
        earlier.merged, record.merged = record.merged or None, None
        self._order.give_back(record, earlier)
        self.ready(earlier)
        return True

    def _become_first(self, record: Prepared) -> None:
        if record.is_ready:
            self._put(record)
        else:
            self.on_first(record)

    def _put(self, record: Prepared) -> None:
        self._free.setdefault(_kind(record), {})[record.number] = record
        self.waiting += 1
        if record.by_bulk:
            self.for_bulk += 1

    def _merge_into(self, record: Prepared) -> None:
        """Let the record stand for the one before it, if that one is still waiting and says no more."""
        earlier = self._order.before(record)
        if (
            earlier is None
            or earlier.queue is not self
            or not earlier.is_ready
            or not _may_merge(earlier, record)
        ):
            return
        record.merged = [*(earlier.merged or ()), earlier]
        earlier.merged = None
        earlier.is_ready = False
        self._order.replace_before(record)
        free = self._free.get(_kind(earlier))
        if free is not None and free.pop(earlier.number, None) is not None:
            self.waiting -= 1
            self.for_bulk -= earlier.by_bulk
            self._put(record)


def _kind(record: Prepared) -> Kind:
    return record.operation, record.alone, record.by_bulk


def _picked(free: dict[int, Prepared], number: int) -> Prepared:
    record = free.pop(number)
    record.is_ready = False
    return record


def _may_merge(earlier: Prepared, record: Prepared) -> bool:
    return (
        record.operation == earlier.operation
        and record.operation in ("upsert", "update")
        and record.mergeable
        and earlier.mergeable
        and record.id == earlier.id
        and earlier.body.keys() <= record.body.keys()
    )
