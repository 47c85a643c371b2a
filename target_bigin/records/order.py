"""Who comes first among the records of one module that share a key. No I/O."""

from __future__ import annotations

from target_bigin.concurrency.tasks import Tasks, Wait
from target_bigin.records.record import Lock, Record


class Order:
    """Shared by all streams of a module.

    Invariants: a record is first for a lock only if every earlier record with that lock has ended;
    so records that may go at the same time share no lock.
    """

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        self._lines: dict[Lock, list[Record]] = {}  # a deque of one takes eight times as much

    def enter(self, record: Record) -> None:
        """Take a place behind every record that shares a lock."""
        record.has_place = True
        for lock in record.locks:
            line = self._lines.get(lock)
            if line is None:
                self._lines[lock] = [record]
            else:
                line.append(record)

    def is_first(self, record: Record) -> bool:
        """Whether no earlier record that shares a lock is still open."""
        for lock in record.locks:  # noqa: SIM110 -- asked for each record: a generator costs three times as much
            if self._lines[lock][0] is not record:
                return False
        return True

    async def turn(self, record: Record) -> None:
        """Wait until every earlier record that shares a lock has ended."""
        while not self.is_first(record):
            record.wait = Wait(self._tasks)
            await record.wait

    def leave(self, record: Record) -> None:
        """The record has ended: the next of its keys may go."""
        if not record.has_place:
            return
        record.has_place = False
        next_ones: list[Record] = []
        for lock in record.locks:
            line = self._lines[lock]
            was_first = line[0] is record
            line.remove(record)
            if not line:
                del self._lines[lock]
            elif was_first:
                next_ones.append(line[0])
        for each in dict.fromkeys(next_ones):
            wait, each.wait = each.wait, None
            if wait is not None:
                wait.set_result(None)

    def before(self, record: Record) -> Record | None:
        """The record right before the one that entered last, if they share exactly the same locks."""
        found: Record | None = None
        for lock in record.locks:
            line = self._lines[lock]
            if len(line) < 2 or line[-1] is not record or found not in (None, line[-2]):  # noqa: PLR2004
                return None
            found = line[-2]
        return found if found is not None and found.locks == record.locks else None

    def replace_before(self, record: Record, earlier: Record) -> None:
        """The record that entered last takes the place of the one right before it."""
        earlier.has_place = False
        for lock in record.locks:
            line = self._lines[lock]
            line.pop()
            line[-1] = record

    def give_back(self, record: Record, earlier: Record) -> None:
        """``earlier`` takes the place of the one that stood for it."""
        record.has_place, earlier.has_place = False, True
        for lock in record.locks:
            line = self._lines[lock]
            line[line.index(record)] = earlier
