"""Waiting records → calls: at most so many, no key twice, the order of each record kept. No I/O."""

from __future__ import annotations

from itertools import islice

from target_bigin.concurrency.tasks import Tasks, Wait
from target_bigin.records.order import Order
from target_bigin.records.record import Action, Record, Reject
from target_bigin.settings import Operation

Kind = tuple[Operation, bool, bool]  # operation, alone, by bulk: what may share a call


class Queue:
    """The records of one stream that are ready to be written, cut into calls.

    A record that ``send`` was called for is taken by ``take`` once no earlier record of its keys is open,
    so a call never holds a key twice. Whoever takes it tells ``record.wait`` how it ended: the action, a
    Reject, or the seconds after which it is to be taken once more, in its old place.
    """

    def __init__(self, order: Order, tasks: Tasks, *, merge: bool) -> None:
        self._order = order
        self._tasks = tasks
        self._merge = merge
        self._free: dict[Kind, dict[int, Record]] = {}
        self._behind: set[Record] = set()  # ready, and not the first of their keys

    @property
    def waiting(self) -> int:
        """How many could be taken now."""
        return sum(map(len, self._free.values()))

    @property
    def for_bulk(self) -> int:
        """How many of these are for a bulk job."""
        return sum(len(free) for (_, _, by_bulk), free in self._free.items() if by_bulk)

    async def send(self, record: Record) -> Action:
        """Until Bigin has taken the record, or a later one that says all that it says. Raises Reject."""
        if self._merge:
            self._stand_for_the_one_before(record)
        told: Action | float | None = None
        while not isinstance(told, str):
            if told:
                await self._tasks.sleep(told)
            if self._order.is_first(record):
                self._free.setdefault(_kind(record), {})[record.number] = record
            else:
                self._behind.add(record)
            record.wait = Wait(self._tasks)
            try:
                told = await record.wait
            except Reject:
                self._give_way(record)
                raise
            self._behind.discard(record)
        for earlier in record.merged or ():
            tell(earlier, "merged")
        return told

    def take(self, most: int, *, least: int = 1, by_bulk: bool = False, inserts: bool = True) -> list[Record]:
        """The records of the next call, all of one operation: [] if there are not ``least`` of one.

        A record that must be ``alone`` is a call by itself; one for a bulk job comes ``by_bulk`` alone.
        ``inserts`` False: they stay where they are.
        """
        for (operation, alone, in_bulk), free in self._free.items():
            if operation == "insert" and not inserts:
                continue
            if in_bulk is by_bulk and len(free) >= (1 if alone else least):
                numbers = list(islice(free, 1 if alone else most))
                return [free.pop(number) for number in numbers]
        return []

    def _stand_for_the_one_before(self, record: Record) -> None:
        """Take the place of the earlier record of the same keys, if it still waits here and says no more."""
        earlier = self._order.before(record)
        if earlier is None or not _may_merge(earlier, record):
            return
        is_free = self._free.get(_kind(earlier), {}).pop(earlier.number, None) is not None
        if not is_free and earlier not in self._behind:
            return  # it is in flight, or on its way elsewhere
        record.merged, earlier.merged = [*(earlier.merged or ()), earlier], None
        self._order.replace_before(record, earlier)

    def _give_way(self, record: Record) -> None:
        """The record was refused: the one it stood for is sent after all."""
        if record.merged:
            earlier = record.merged.pop()
            earlier.merged, record.merged = record.merged, None
            self._order.give_back(record, earlier)
            tell(earlier, None)


def tell(record: Record, told: Action | Reject | float | None) -> None:
    """Say how a record that was sent has ended, or in how many seconds it may go again."""
    wait, record.wait = record.wait, None
    if wait is None:
        return
    if isinstance(told, Reject):
        wait.set_exception(told)
    else:
        wait.set_result(told)


def again(record: Record, delay: float = 0.0) -> None:
    """Let a record be sent once more, in its old place, after so many seconds."""
    record.attempts += 1
    tell(record, delay)


def _kind(record: Record) -> Kind:
    return record.operation, record.alone, record.by_bulk


def _may_merge(earlier: Record, record: Record) -> bool:
    return (
        record.operation == earlier.operation
        and record.operation in ("upsert", "update")
        and record.mergeable
        and earlier.mergeable
        and record.id == earlier.id
        and earlier.body.keys() <= record.body.keys()
    )
