"""Inserts: noted before they are sent, and never sent again before it is known what became of them."""

from __future__ import annotations

import logging
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from bigin_api import WriteResult
from bigin_api.errors import BiginError, InvalidRequest, PermissionDenied
from bigin_api.http.meter import OUR_CLOCK_MAY_BE_WRONG_BY, ServerClock
from target_bigin.concurrency.tasks import Tasks, Wait
from target_bigin.files.journal import Journal
from target_bigin.records.record import Record, Reject
from target_bigin.schema.context import StreamContext
from target_bigin.writing.insert_recovery import find_written
from target_bigin.writing.queue import tell, tell_refused

logger = logging.getLogger("target-bigin")

LIKELY_WRONG_BY = timedelta(hours=3)  # our clock: a zone or two
REMEMBERED = (
    30.0  # seconds before the oldest call in flight, beside the doubt of the clock: an id still matters
)


class InsertGate:
    """The insert calls of one module, of all its streams. Main thread alone.

    While an answer is lost no insert of the module is sent: what is in flight is awaited first, so that
    every record that is not ours to find has a known id. One inquiry follows the other: what one has
    found is not the next one's.
    """

    def __init__(self, tasks: Tasks, clock: ServerClock) -> None:
        self._tasks = tasks
        self._clock = clock
        self._in_flight: dict[int, float] = {}  # token: when it was sent
        self._tokens = 0
        self._taken: deque[tuple[float, Sequence[str]]] = deque()  # when, and which ids are known by then
        self._inquiries = 0  # waiting or under way
        self._is_asking = False
        self._change: Wait[None] = Wait(tasks)  # a call or an inquiry has ended

    @property
    def may_send(self) -> bool:
        """Whether no answer is lost."""
        return not self._inquiries

    async def wait_to_send(self) -> None:
        """Until no answer is lost."""
        while not self.may_send:
            await self._change

    def started(self) -> int:
        """A call goes out; gives a token for ``ended``."""
        self._tokens += 1
        self._in_flight[self._tokens] = time.monotonic()
        return self._tokens

    def ended(self, token: int, ids: Sequence[str] = ()) -> None:
        """A call was answered with these ids, or its answer is lost."""
        begun = self._in_flight.pop(token)
        self._taken.append((time.monotonic(), ids))
        oldest = min(self._in_flight.values(), default=begun)
        while self._taken and self._taken[0][0] < oldest - REMEMBERED - self._clock.doubt:
            self._taken.popleft()
        self.go_on()

    async def inquire(
        self,
        context: StreamContext,
        records: Sequence[Record],
        *,
        since: datetime,
        until: float,
        known: Iterable[str],
    ) -> tuple[dict[int, str], dict[int, str]]:
        """The ids of those lost records that were written, or may have been: see ``find_written``.

        ``known``: ids of other records that former runs wrote.

        Raises InvalidRequest or PermissionDenied if Bigin cannot be asked.
        """
        self._inquiries += 1
        while self._in_flight or self._is_asking:
            await self._change
        self._is_asking = True
        taken = frozenset((*known, *(each for _, ids in self._taken for each in ids)))
        name, fields = context.module.api_name, context.fields
        ask = partial(
            find_written,
            context.client,
            name,
            fields,
            records,
            since=since,
            until=until,
            taken=taken,
            sure_since=None if self._clock.latest else since + OUR_CLOCK_MAY_BE_WRONG_BY - LIKELY_WRONG_BY,
        )
        try:
            found, doubtful = await self._tasks.call(ask)
            self._taken.append((time.monotonic(), list(found.values())))
            return found, doubtful
        finally:
            self._is_asking = False
            self._inquiries -= 1

    def go_on(self) -> None:
        """A call has ended, or an inquiry, and its records were told: whoever waits looks again."""
        change, self._change = self._change, Wait(self._tasks)
        change.set_result(None)


@dataclass
class InsertCall:
    """An insert call. ``ids``: of the records that are known to be written, by number.

    ``further``: ids beyond the first of a recurring activity, whose insert makes a record an occurrence.
    """

    records: Sequence[Record]
    since: datetime
    note: int
    ids: dict[int, str] = field(default_factory=dict)
    further: list[str] = field(default_factory=list)


class Inserts:
    """The insert calls of one stream. Main thread alone.

    With a journal, records that a former run has sent are recognised: written ones are told so, those
    of which nothing is known are asked for first.
    """

    def __init__(self, context: StreamContext, *, gate: InsertGate, journal: Journal) -> None:
        self._context = context
        self._gate = gate
        self._journal = journal
        self._begun = time.monotonic()  # what a former run sent, it sent before this

    @property
    def may_send(self) -> bool:
        """Whether a call would go out now."""
        return self._gate.may_send

    async def begin(self, records: Sequence[Record]) -> InsertCall:
        """A call of those records that no former run has sent, noted. Waits while an answer is lost."""
        await self._gate.wait_to_send()
        fresh = self._not_sent_before(records)
        await self._gate.wait_to_send()
        since = self._context.run.client.clock.at_least()
        return InsertCall(fresh, since, self._journal.sending(fresh, since) if fresh else 0)

    async def send(self, insert: InsertCall) -> list[WriteResult]:
        """Bigin's answer. Raises what the client raises; then ``find_out`` may be due."""
        if not insert.records:
            return []
        token = self._gate.started()
        try:
            results = await self._context.run.tasks.call(partial(self._call, insert.records))
        except BiginError:
            self._ended(insert, token)
            raise
        if len(insert.records) in (1, len(results)):
            written = [result.id if result.succeeded else None for result in results]
            for record, record_id in zip(insert.records, written, strict=False):
                if record_id is not None:
                    insert.ids[record.number] = record_id
            insert.further = [each for each in written[len(insert.records) :] if each is not None]
        self._note_ids(insert)
        self._ended(insert, token)
        return results

    async def find_out(
        self, insert: InsertCall, records: Sequence[Record], *, answered: bool = False
    ) -> list[Record]:
        """Ask what became of these records, and tell those that were written. Gives the others.

        ``answered``: the call has ended, so nothing can be at work on them any more.
        """
        sent_before = float("-inf") if answered else time.monotonic()
        return await self._ask(records, insert.since, sent_before=sent_before, insert=insert)

    def _call(self, records: Sequence[Record]) -> list[WriteResult]:
        """In a thread."""
        return self._context.client.records.insert(
            self._context.module.api_name,
            [each.body for each in records],
            trigger=self._context.run.settings.trigger,
        )

    def _ended(self, insert: InsertCall, token: int) -> None:
        self._gate.ended(token, [*insert.ids.values(), *insert.further])

    def _note_ids(self, insert: InsertCall) -> None:
        ids = [insert.ids.get(each.number) for each in insert.records]
        self._journal.answered(insert.note, [*ids, *insert.further])

    def _not_sent_before(self, records: Sequence[Record]) -> list[Record]:
        """Those that no former run has sent. The others are told, or asked about."""
        fresh: list[Record] = []
        unknown: defaultdict[datetime, list[Record]] = defaultdict(list)
        for record in records:
            memory = self._journal.recall(record)
            if memory is None:
                fresh.append(record)
                continue
            self._context.account.notes["sent by a run that ended early"] += 1
            if memory.id is None:
                unknown[memory.since].append(record)
            else:
                record.id = memory.id
                tell(record, "inserted")
        for since, lost in unknown.items():
            self._context.run.tasks.create_task(self._ask_again(lost, since))
        return fresh

    async def _ask_again(self, records: Sequence[Record], since: datetime) -> None:
        """What became of records that a former run sent; those that are not there are sent."""
        for record in await self._ask(records, since, sent_before=self._begun):
            record.attempts += 1
            tell(record, 0.0)

    async def _ask(
        self,
        records: Sequence[Record],
        since: datetime,
        *,
        sent_before: float,
        insert: InsertCall | None = None,
    ) -> list[Record]:
        """Those that are not there; the others are told."""
        left: list[Record] = []
        logger.warning(
            "%s: the answer to an insert of %d records was lost; asking Bigin what was written.",
            self._context.stream,
            len(records),
        )
        # A call whose connection broke may be at work for as long as one may last.
        at_work_for = self._context.run.client.limits.request_timeout
        try:
            found, doubtful = await self._gate.inquire(
                self._context,
                records,
                since=since,
                until=sent_before + at_work_for,
                known=self._journal.ids(),
            )
        except (InvalidRequest, PermissionDenied) as error:
            message = f"the answer to the insert was lost, and Bigin cannot be asked for it: {error.message}"
            tell_refused(records, Reject("rejected", "FATE_UNKNOWN", message))
        else:
            if insert:
                insert.ids.update(found)
                self._note_ids(insert)
            for record in records:
                if record.number in found:
                    record.id = found[record.number]
                    tell(record, "inserted")
                elif record.number in doubtful:
                    message = (
                        f"the answer to the insert was lost; {doubtful[record.number]} was created then and "
                        "is like it but for some values, which automation may have changed. If it is another "
                        "one, send this one again."
                    )
                    tell_refused([record], Reject("rejected", "FATE_UNKNOWN", message))
                else:
                    left.append(record)
        self._gate.go_on()
        return left
