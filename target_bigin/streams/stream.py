"""One stream's way: prepared, through the steps, written, through the steps after, settled."""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from target_bigin.records.ledger import Account, Ledger
from target_bigin.records.record import Action, Prepared, Record, Refused, Reject
from target_bigin.schema.context import StreamContext
from target_bigin.schema.conversion import Preparer
from target_bigin.streams.steps import Step
from target_bigin.writing.calls import MakeWriter
from target_bigin.writing.queue import Queue

PATIENCE = 3.0  # seconds a record waits for company before its call goes out
COMPANY = 1.0  # seconds a question waits for others before it is asked

Fail = Callable[[BaseException], None]


class SideLane:
    """A stream that does not become records of one module. By default nothing waits here."""

    is_full = False
    has_retries = False

    def take(self, raw: Record) -> None:
        """A record was read."""
        raise NotImplementedError

    def tick(self, *, flush: bool) -> None:
        """Called about once a second, and with ``flush`` when nothing more comes."""

    def judges(self, key_property: str) -> bool:  # noqa: ARG002 -- for those that do
        """Whether a record without this key property is refused here."""
        return False

    def wind_up(self) -> None:
        """The run ends early: nothing more is sent."""

    def finish(self) -> None:
        """No further record will come."""

    def activate_version(self, version: int) -> None:
        """The stream's records of this version have all been read."""

    def close(self, *, in_good_order: bool) -> None:
        """The run has ended."""


class RefusingLane(SideLane):
    """A stream that can go nowhere: each of its records is rejected with the reason."""

    def __init__(self, stream: str, account: Account, ledger: Ledger, reason: str) -> None:
        self._stream = stream
        self._account = account
        self._ledger = ledger
        self._reject = Reject("invalid", "NO_MODULE", f"{reason}.")

    def take(self, raw: Record) -> None:
        """Reject it."""
        record = Prepared(self._ledger.read(self._account), self._stream, raw)
        self._ledger.reject(record, self._reject)


class Lane:
    """The way of a stream that goes to a module. Main thread alone.

    The order of a key is noted before the first step and given up when the record has ended, so the
    steps may hold records back as they like.
    """

    def __init__(
        self,
        context: StreamContext,
        preparer: Preparer,
        queue: Queue,
        *,
        before: Sequence[Step],
        after: Sequence[Step],
        make_writer: MakeWriter,
        fail: Fail,
    ) -> None:
        self.context = context
        self.fail = fail
        self._stream = context.stream
        self._account = context.account
        self._ledger = context.run.ledger
        self._preparer = preparer
        self._queue = queue
        self._before = before
        self._after = after
        self._writer = make_writer(self)
        self._size = context.run.settings.batch_size
        self._ignores_deletes = (
            context.run.settings.deletes == "ignore" and context.settings.operation != "delete"
        )
        self._first: deque[Prepared] = deque()
        self._retries: list[tuple[float, int, Prepared]] = []
        self._waits_since: float | None = None
        self._steps_flushed = time.monotonic()
        for place, step in enumerate(before):
            self._bind(step, partial(self._go, place + 1))
        for place, step in enumerate(after):
            self._bind(step, partial(self._end, place + 1))
        queue.on_first = self._freed

    @property
    def has_retries(self) -> bool:
        """Whether records wait for their next try."""
        return bool(self._retries)

    @property
    def is_full(self) -> bool:
        """Whether so much waits for a place in flight that reading had better stop."""
        return self._queue.waiting >= self._size and self._writer.is_full

    def take(self, raw: Record) -> None:
        """A record was read."""
        record = Prepared(self._ledger.read(self._account), self._stream, raw)
        try:
            self._preparer.prepare(record)
        except Refused as refused:
            self._ledger.reject(record, refused.reject)
            return
        if record.operation == "delete" and self._ignores_deletes:
            self._account.notes["deletions ignored (deletes: ignore)"] += 1
            self._ledger.settle(record, "unchanged")
            return
        self._queue.enter(record)
        self._go(0, record)
        if self._queue.waiting >= self._size:
            self._pump(flush=False)

    def judges(self, key_property: str) -> bool:
        """Whether a record without this key property is refused here: if it is a field of the module."""
        return key_property in self.context.matched

    def tick(self, *, flush: bool) -> None:
        """Let what has waited long enough go on, and with ``flush`` all that waits."""
        now = time.monotonic()
        while self._retries and self._retries[0][0] <= now:
            self._go_again(heapq.heappop(self._retries)[2])
        flush_steps = flush or now - self._steps_flushed >= COMPANY
        if flush_steps:
            self._steps_flushed = now
        for step in (*self._before, *self._after):
            step.tick(flush=flush_steps)
        if self._queue.waiting and self._waits_since is None:
            self._waits_since = now
        aged = self._waits_since is not None and now - self._waits_since >= PATIENCE
        self._pump(flush=flush or aged)

    def wind_up(self) -> None:
        """The run ends early: what is written goes through the steps after, nothing more is sent."""
        for step in self._after:
            step.tick(flush=True)

    def finish(self) -> None:
        """No further record will come."""
        for step in (*self._before, *self._after):
            step.finish()

    def activate_version(self, version: int) -> None:
        """The stream's records of this version have all been read."""
        for step in (*self._before, *self._after):
            step.activate_version(version)

    def close(self, *, in_good_order: bool) -> None:
        """Close what the steps hold open."""
        for step in (*self._before, *self._after):
            step.close(in_good_order=in_good_order)

    # What the writer says

    def written(self, record: Prepared, action: Action) -> None:
        """Bigin took it."""
        record.action = action
        self._end(0, record)

    def rejected(self, record: Prepared, reject: Reject) -> None:
        """Bigin refused it; one that it stood for is written instead."""
        stood_for = self._queue.unmerge(record)
        self._ledger.reject(record, reject)
        if not stood_for:
            self._queue.leave(record)

    def again(self, record: Prepared, *, delay: float) -> None:
        """Once more, in its old place."""
        record.attempts += 1
        heapq.heappush(self._retries, (time.monotonic() + delay, record.number, record))

    def _go_again(self, record: Prepared) -> None:
        # Rows that append are compared with what is there by a step before the writing.
        if record.repeatable:
            self._queue.ready(record)
        else:
            self._go(0, record)

    def _go(self, place: int, record: Prepared) -> None:
        for step in self._before[place:]:
            if not step.take(record):
                return
        self._queue.ready(record)

    def _end(self, place: int, record: Prepared) -> None:
        for step in self._after[place:]:
            if not step.take(record):
                return
        self.settle(record, record.action or "unchanged")

    def settle(self, record: Prepared, action: Action) -> None:
        """The record has ended well."""
        record.action = action
        self._ledger.settle(record, action)
        self._queue.leave(record)

    def _bind(self, step: Step, go_on: Callable[[Prepared], None]) -> None:
        step.go_on = go_on
        step.refuse = self.rejected
        step.settle = self.settle
        step.fail = self.fail

    def _freed(self, record: Prepared) -> None:
        """The record is the first of its key now, and a step may have waited for that."""
        self._first.append(record)
        if len(self._first) > 1:
            return  # the loop below is at work further up the stack: thousands may follow each other
        while self._first:
            for step in self._before:
                step.freed(self._first[0])
            self._first.popleft()

    def _pump(self, *, flush: bool) -> None:
        self._writer.pump(flush=flush)
        if not self._queue.waiting:
            self._waits_since = None
