"""Records that are ready → calls in flight → what became of each."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Protocol

from bigin_api import WriteResult
from bigin_api.errors import (
    BiginError,
    InvalidRequest,
    ModuleUnavailable,
    PermissionDenied,
    RateLimited,
    TransientError,
)
from target_bigin.records.record import Action, Prepared, Reject
from target_bigin.schema.context import StreamContext
from target_bigin.settings import Operation
from target_bigin.writing.inserting import Inserter
from target_bigin.writing.queue import Queue
from target_bigin.writing.results import (
    ACTIONS,
    MAY_HAVE_HAPPENED,
    RETRIABLE,
    SPEAKS_OF_ONE,
    action_of,
    is_gone,
    refusal,
)

MOST_TRIES = 4  # of a record that Bigin says to try again
FIRST_DELAY = 1.0  # seconds
HTTP_REDIRECT = 300

DIVISIBLE = SPEAKS_OF_ONE | {None, "UNABLE_TO_PARSE_DATA_TYPE", "REQUEST_ENTITY_TOO_LARGE", "LIMIT_EXCEEDED"}
"""Codes by which a whole call is refused for the sake of one record in it, or for its size: it is halved."""


class Outcomes(Protocol):
    """Where a writer says what became of a record; a lane is one. Main thread alone."""

    def written(self, record: Prepared, action: Action) -> None:
        """Bigin took it; ``record.id`` is set. It goes through the steps after the writing."""

    def rejected(self, record: Prepared, reject: Reject) -> None:
        """It will not be written."""

    def again(self, record: Prepared, *, delay: float) -> None:
        """It is to be written once more, in its old place, in ``delay`` seconds."""

    def fail(self, error: BaseException) -> None:
        """The run cannot go on: nothing more is sent, what is in flight is settled, exit code 1."""


class Writer(Protocol):
    """Takes ready records from a lane's queue and sends them. Main thread alone.

    ``RecordWriter`` sends calls of up to 100; the writer of bulk jobs stands before it and hands
    over what it does not take.
    """

    def pump(self, *, flush: bool) -> None:
        """Start the calls that are due: full ones, and with ``flush`` all that waits."""

    @property
    def is_full(self) -> bool:
        """Whether so much waits that reading had better stop until something lands."""


MakeWriter = Callable[[Outcomes], Writer]


class RecordWriter:
    """Writes by insert, update, upsert and delete calls of up to ``batch_size`` records."""

    def __init__(
        self,
        context: StreamContext,
        queue: Queue,
        outcomes: Outcomes,
        *,
        check_fields: Sequence[str],
        inserter: Inserter,
    ) -> None:
        self._context = context
        self._module = context.module.api_name
        self._flights = context.run.flights
        self._queue = queue
        self._outcomes = outcomes
        self._check_fields = list(check_fields)
        self._inserter = inserter
        self._size = context.run.settings.batch_size
        self._trigger = context.run.settings.trigger
        self._cut: deque[list[Prepared]] = deque()  # halves of a call that was refused as a whole
        self._refused: dict[Operation, Reject] = {}  # operations that this token may not do here

    @property
    def is_full(self) -> bool:
        """Whether a full call waits and no place in flight is free."""
        stands_still = not self._flights.has_room or not self._inserter.may_send
        return self._queue.waiting >= self._size and stands_still

    def pump(self, *, flush: bool) -> None:
        """Start calls as long as there is room."""
        self._inserter.tick()
        least = 1 if flush else self._size
        while self._flights.has_room:
            records = self._cut.popleft() if self._cut else self._queue.take(self._size, least=least)
            if not records:
                return
            operation = records[0].operation
            if operation in self._refused:
                for record in records:
                    self._outcomes.rejected(record, self._refused[operation])
            elif operation == "insert":
                self._inserter.send(records, self._landed)
                if not self._inserter.may_send:
                    return
            else:
                self._flights.start(partial(self._call, operation, records), partial(self._landed, records))

    def _call(self, operation: Operation, records: Sequence[Prepared]) -> list[WriteResult]:
        """In a thread."""
        to = self._context.client.records
        if operation == "upsert":
            return to.upsert(
                self._module,
                [each.body for each in records],
                duplicate_check_fields=self._check_fields,
                trigger=self._trigger,
                repeatable=all(each.repeatable for each in records),
            )
        if operation == "update":
            bodies = [{**each.body, "id": each.id} for each in records]
            return to.update(self._module, bodies, trigger=self._trigger)
        ids = [str(each.id) for each in records]
        return to.delete(self._module, ids, fire_workflows=bool(self._trigger))

    def _landed(self, records: Sequence[Prepared], future: Future[list[WriteResult]]) -> None:
        try:
            results = future.result()
        except (PermissionDenied, ModuleUnavailable) as error:
            reject = Reject("rejected", error.code or type(error).__name__, error.message)
            self._refused[records[0].operation] = reject
            for record in records:
                self._outcomes.rejected(record, reject)
        except InvalidRequest as error:
            self._cut_in_two(records, error)
        except TransientError as error:
            self._lost(records, error)
        except BiginError as error:
            self._outcomes.fail(error)
        else:
            self._judge(records, results)

    def _judge(self, records: Sequence[Prepared], results: Sequence[WriteResult]) -> None:
        if len(results) != len(records) and len(records) > 1:
            # Which entry speaks of which record cannot be told; one by one it can.
            for record in records:
                record.alone = True
            if records[0].operation == "insert":
                self._inserter.find_out(records, answered=True)
            else:
                self._cut.extend([record] for record in records)
            return
        for record, result in zip(records, results, strict=False):
            if result.succeeded:
                self._succeed(record, result)
            elif result.code in RETRIABLE and record.attempts + 1 < MOST_TRIES:
                self._try_again(record, result)
            elif is_gone(record.operation, result):
                self._was_gone(record)
            else:
                self._outcomes.rejected(record, refusal(record.operation, result))

    def _succeed(self, record: Prepared, result: WriteResult) -> None:
        record.id = result.id or record.id
        action = action_of(record.operation, result)
        matched = result.duplicate_field
        if (
            action == "updated"
            and matched
            and record.operation == "upsert"
            and matched not in self._check_fields
        ):
            self._context.account.notes[
                f"matched on {matched}, not on {' or '.join(self._check_fields)}"
            ] += 1
        self._outcomes.written(record, action)

    def _was_gone(self, record: Prepared) -> None:
        self._context.account.notes["already deleted in Bigin"] += 1
        self._outcomes.written(record, ACTIONS["delete"])

    def _try_again(self, record: Prepared, result: WriteResult) -> None:
        if record.operation == "insert" and result.code in MAY_HAVE_HAPPENED:
            self._inserter.find_out([record], answered=True)
        else:
            self._outcomes.again(record, delay=delay_before(record.attempts + 1))

    def _cut_in_two(self, records: Sequence[Prepared], error: InvalidRequest) -> None:
        if len(records) > 1 and error.code in DIVISIBLE:
            half = len(records) // 2
            self._cut.extend((list(records[:half]), list(records[half:])))
            return
        if len(records) == 1 and records[0].operation == "delete" and error.code == "INVALID_DATA":
            self._was_gone(records[0])
            return
        reject = Reject("rejected", error.code or "INVALID_REQUEST", error.message)
        for record in records:
            self._outcomes.rejected(record, reject)

    def _lost(self, records: Sequence[Prepared], error: TransientError) -> None:
        """The client has tried what may be tried: only what must not be repeated blindly is left."""
        tries = max(record.attempts for record in records)
        most = self._context.run.client.limits.max_retries
        if isinstance(error, RateLimited) or not error.may_have_happened or tries >= most:
            self._outcomes.fail(error)
        elif records[0].operation == "insert":
            self._inserter.find_out(records)
        elif len(records) > 1 and error.status is not None and error.status < HTTP_REDIRECT:
            # It answered, but not for each record: one by one it can be told which.
            for record in records:
                record.attempts += 1
            self._cut.extend([record] for record in records)
        elif all(record.repeatable for record in records):
            self._outcomes.fail(error)
        else:
            for record in records:
                self._outcomes.again(record, delay=delay_before(record.attempts + 1))


def delay_before(attempt: int) -> float:
    """Seconds before a further try, with full jitter."""
    return random.uniform(0, FIRST_DELAY * 2.0 ** min(attempt, 5))  # noqa: S311
