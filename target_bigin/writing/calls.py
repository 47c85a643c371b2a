"""Records that are ready → calls in flight → what became of each."""

from __future__ import annotations

import logging
import random
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from bigin_api import WriteResult
from bigin_api.errors import Refused, TransientError
from target_bigin.concurrency.division import Division, blamed
from target_bigin.concurrency.tasks import Wait
from target_bigin.records.record import Record, Reject
from target_bigin.schema.context import StreamContext
from target_bigin.settings import Operation
from target_bigin.writing.insert_gate import InsertGate
from target_bigin.writing.inserts import Insert
from target_bigin.writing.queue import Queue, again, tell
from target_bigin.writing.results import (
    ACTIONS,
    MAY_HAVE_HAPPENED,
    RETRIABLE,
    action_of,
    is_gone,
    paired,
    refusal,
    reject_of,
)

logger = logging.getLogger("target-bigin")

MOST_TRIES = 4  # of a record that Bigin says to try again
FIRST_DELAY = 1.0  # seconds

Caller = Callable[[Callable[[], list[WriteResult]]], Wait[list[WriteResult]]]
"""How a call is made in a thread: patiently, or once."""


NotJudged = tuple[Sequence[Record], TransientError]
"""Records of which no answer says what became of them, and what came in its place. No insert is there."""


class RecordWriter:
    """Writes by insert, update, upsert and delete calls of up to ``batch_size`` records."""

    def __init__(
        self, context: StreamContext, queue: Queue, *, check_fields: Sequence[str], gate: InsertGate
    ) -> None:
        self._context = context
        self._module = context.module.api_name
        self._tasks = context.run.tasks
        self._queue = queue
        self._check_fields = list(check_fields)
        self._gate = gate
        self._size = context.run.settings.batch_size
        self._trigger = context.run.settings.trigger
        self._cut: deque[Sequence[Record]] = deque()  # parts of a call that was refused as a whole
        self._written = context.run.has_written
        self._divisions = defaultdict[Operation, Division](
            partial(Division, self._tasks.is_up, others_work=self._written.is_set)
        )

    def pump(self, *, flush: bool) -> None:
        """Start calls as long as there is room."""
        least = 1 if flush else self._size
        while self._tasks.has_room:
            records: Sequence[Record]
            if self._cut:
                records = self._cut.popleft()
            else:
                records = self._queue.take(self._size, least=least, inserts=self._gate.may_send)
            if not records:
                return
            self._tasks.create_task(self._write(records))

    async def _write(self, records: Sequence[Record]) -> None:
        """A call's whole way, from its records to the end of each."""
        lost = await self._send(records, self._tasks.call)
        if lost is not None:
            await self._try_in_parts(*lost)

    async def _send(self, records: Sequence[Record], call: Caller) -> NotJudged | None:
        """Send records and tell each how it ended. Gives those of which nothing is known."""
        operation = records[0].operation
        division = self._divisions[operation]
        if division.closed is not None:
            _refuse(records, reject_of(division.closed))
            return None
        insert = Insert(self._context, self._gate) if operation == "insert" else None
        records = await insert.begin(records) if insert else records
        try:
            if insert:
                results = await insert.send()
            else:
                results = await self._gate.watch(call(partial(self._call, operation, records)))
            judged = paired(records, results)
        except Refused as error:
            if insert and error.code is None:  # no word of Bigin's own: it may have been done all the same
                records = await insert.find_out(records, answered=True)
            if records:
                self._divide(records, error, division)
        except TransientError as error:
            if not error.may_have_happened:
                raise
            left = records
            if insert:  # by a code Bigin itself says that it failed: nothing is at work, as behind a gateway
                left = await insert.find_out(records, answered=error.code is not None)
            return (left, error) if left else None
        else:
            division.taken()
            self._written.set()
            await self._judge(judged, insert)
        return None

    def _call(self, operation: Operation, records: Sequence[Record]) -> list[WriteResult]:
        """In a thread."""
        to = self._context.client.records
        if operation == "upsert":
            return to.upsert(
                self._module,
                [each.body for each in records],
                duplicate_check_fields=self._check_fields,
                trigger=self._trigger,
            )
        if operation == "update":
            bodies = [{**each.body, "id": each.id} for each in records]
            return to.update(self._module, bodies, trigger=self._trigger)
        ids = [str(each.id) for each in records]
        return to.delete(self._module, ids, fire_workflows=bool(self._trigger))

    async def _judge(self, judged: Mapping[Record, WriteResult], insert: Insert | None) -> None:
        unsure = []
        for record, result in judged.items():
            if result.succeeded:
                self._succeed(record, result)
            elif result.code in RETRIABLE and record.attempts + 1 < MOST_TRIES:
                if insert and result.code in MAY_HAVE_HAPPENED:
                    unsure.append(record)
                else:
                    _later(record)
            elif is_gone(record.operation, result):
                self._was_gone(record)
            else:
                tell(record, refusal(record.operation, result))
        if insert and unsure:
            for record in await insert.find_out(unsure, answered=True):
                _later(record)

    def _succeed(self, record: Record, result: WriteResult) -> None:
        record.id = result.id or record.id
        matched = result.duplicate_field
        if matched and matched not in self._check_fields:
            note = f"matched on {matched}, not on {' or '.join(self._check_fields)}"
            self._context.account.notes[note] += 1
        tell(record, action_of(record.operation, result))

    def _was_gone(self, record: Record) -> None:
        self._context.account.notes["already deleted in Bigin"] += 1
        tell(record, ACTIONS["delete"])

    def _divide(self, records: Sequence[Record], error: Refused, division: Division) -> None:
        parts = division.cut(records, error)
        if parts:
            self._cut.extendleft(reversed(parts))
        elif records[0].operation == "delete" and error.code == "INVALID_DATA":
            self._was_gone(records[0])  # for its code only a single one is not cut
        else:
            _refuse(records, reject_of(error))

    async def _try_in_parts(self, records: Sequence[Record], error: TransientError) -> None:
        """Of these records nothing is known, and none of them was inserted.

        The client has tried whatever it may try: an insert goes once more; then it is found out at which of
        them Bigin fails. Raises what came in the place of an answer if Bigin is down.
        """
        operation = records[0].operation
        may_repeat = self._context.run.client.limits.max_retries > 0
        if operation == "insert" and may_repeat and not any(each.attempts for each in records):
            for record in records:
                again(record)
            return
        logger.warning(
            "%s Tried in parts for %d records of stream %s.",
            error.message,
            len(records),
            self._context.stream,
        )
        culprits = await self._divisions[operation].culprits(records, error, self._attempt)
        _refuse(culprits, reject_of(blamed(error)))

    async def _attempt(self, records: Sequence[Record], patiently: bool) -> Sequence[Record]:  # noqa: FBT001
        """Those that nothing was answered for. The client tries all but inserts again, if it is to."""
        call = partial(self._tasks.call_again, patiently=patiently)
        lost = await self._send(records, call)
        if lost and patiently and records[0].operation == "insert":
            await self._tasks.sleep(delay_before(1))
            lost = await self._send(lost[0], call)
        return lost[0] if lost else ()


def _refuse(records: Sequence[Record], reject: Reject) -> None:
    for record in records:
        tell(record, reject)


def _later(record: Record) -> None:
    again(record, delay_before(record.attempts + 1))


def delay_before(attempt: int) -> float:
    """Seconds before a further try, with full jitter.

    >>> tries = [[delay_before(attempt) for _ in range(9_999)] for attempt in (1, 2, 5, 9)]
    >>> [(round(min(each)), round(max(each))) for each in tries]
    [(0, 2), (0, 4), (0, 32), (0, 32)]
    """
    return random.uniform(0, FIRST_DELAY * 2.0 ** min(attempt, 5))  # noqa: S311
