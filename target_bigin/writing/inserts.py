"""Inserts: noted before they are sent, and never sent again before it is known what became of them."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from bigin_api import WriteResult
from bigin_api.errors import (
    AuthError,
    BiginError,
    ClientClosed,
    CreditBudgetReached,
    InvalidRequest,
    PermissionDenied,
    Refused,
    TransientError,
)
from target_bigin.concurrency.tasks import Wait
from target_bigin.files.journal import Journal
from target_bigin.records.record import Record, Reject
from target_bigin.schema.context import StreamContext
from target_bigin.writing.insert_gate import InsertGate
from target_bigin.writing.queue import again, tell

logger = logging.getLogger("target-bigin")


@dataclass
class InsertCall:
    """An insert call. ``ids``: of its records in their order, None for what is not known to be written.

    Further ones follow: an insert makes a record of each occurrence of a recurring activity.
    """

    records: Sequence[Record]
    since: datetime
    note: int | None  # None where nothing is sent
    ids: list[str | None]


class Inserts:
    """The insert calls of one stream. Main thread alone.

    With a journal, records that a former run has sent are recognised: written ones are told so, those
    of which nothing is known are asked for first.
    """

    def __init__(self, context: StreamContext, *, gate: InsertGate, journal: Journal) -> None:
        self._context = context
        self.gate = gate
        self._journal = journal
        self._begun = time.monotonic()  # what a former run sent, it sent before this

    async def begin(self, records: Sequence[Record]) -> InsertCall:
        """A call of those records that no former run has sent, noted. Waits while an answer is lost."""
        await self.gate.wait_to_send()
        fresh = self._not_sent_before(records)
        await self.gate.wait_to_send()
        since = self._context.run.client.clock.at_least()
        note = self._journal.sending(fresh, since) if fresh else None
        return InsertCall(fresh, since, note, [None] * len(fresh))

    async def send(self, insert: InsertCall) -> list[WriteResult]:
        """Bigin's answer. Raises what the client raises; then ``find_out`` may be due."""
        if not insert.records:
            return []
        token = self.gate.started()
        try:
            results = await self._context.run.tasks.call(partial(self._call, insert.records))
        except BiginError as error:
            if not _may_have_happened(error):
                self._journal.answered(insert.note, insert.ids)  # a next run need not ask for them
            self.gate.ended(token)
            raise
        if len(insert.records) in (1, len(results)):
            insert.ids = [each.id if each.succeeded else None for each in results]
        self._journal.answered(insert.note, insert.ids)
        self.gate.ended(token, insert.ids)
        return results

    async def watch(self, call: Wait[list[WriteResult]]) -> list[WriteResult]:
        """The answer of another call under way: what it writes is no lost insert."""
        token, made = self.gate.started(), list[str | None]()
        try:
            results = await call
            made = [result.id for result in results if result.succeeded]
        finally:
            self.gate.ended(token, made)
        return results

    async def find_out(
        self, insert: InsertCall, records: Sequence[Record], *, answered: bool
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
            record_id, since = memory
            if record_id is None:
                unknown[since].append(record)
            else:
                record.id = record_id
                tell(record, "inserted")
        for since, lost in unknown.items():
            self._context.run.tasks.create_task(self._ask_again(lost, since))
        return fresh

    async def _ask_again(self, records: Sequence[Record], since: datetime) -> None:
        """What became of records that a former run sent; those that are not there are sent.

        A row that may be one of them may also be another record of that run that has yet to come: about
        these it is asked once more when the input has ended.
        """
        doubtful: list[Record] = []
        for record in await self._ask(records, since, sent_before=self._begun, doubtful=doubtful):
            again(record)
        if doubtful:
            await self.gate.end_of_input()
            for record in await self._ask(doubtful, since, sent_before=self._begun):
                again(record)

    async def _ask(
        self,
        records: Sequence[Record],
        since: datetime,
        *,
        sent_before: float,
        insert: InsertCall | None = None,
        doubtful: list[Record] | None = None,
    ) -> list[Record]:
        """Those that are not there; the others are told, or put into ``doubtful`` if more will be known."""
        left: list[Record] = []
        logger.warning(
            "%s: the answer to an insert of %d records was lost; asking Bigin what was written.",
            self._context.stream,
            len(records),
        )
        # A call whose connection broke may be at work for as long as one may last.
        at_work_for = self._context.run.client.limits.request_timeout
        try:
            lost = await self.gate.inquire(
                self._context,
                records,
                since=since,
                until=sent_before + at_work_for,
                may_wait=doubtful is not None,
            )
        except (InvalidRequest, PermissionDenied) as error:
            message = f"the answer to the insert was lost, and Bigin cannot be asked for it: {error.message}"
            for record in records:
                tell(record, Reject("rejected", "FATE_UNKNOWN", message))
        else:
            if insert:
                for place, record in enumerate(insert.records):
                    insert.ids[place] = lost.found.get(record.number, insert.ids[place])
                self._journal.answered(insert.note, insert.ids)
            for record in records:
                if record.number in lost.found:
                    record.id = lost.found[record.number]
                    tell(record, "inserted")
                elif doubtful is not None and record.number in lost.unsettled:
                    doubtful.append(record)
                elif record.number in lost.doubtful:
                    message = (
                        f"the answer to the insert was lost; {lost.doubtful[record.number]} was created then "
                        "and is like it but for some values, which automation may have changed. If it is "
                        "another one, send this one again."
                    )
                    tell(record, Reject("rejected", "FATE_UNKNOWN", message))
                else:
                    left.append(record)
        self.gate.go_on()
        return left


def _may_have_happened(error: BiginError) -> bool:
    """Whether an insert that ended by this may have been done; such a call is not tried again."""
    if isinstance(error, TransientError):
        return error.may_have_happened
    if isinstance(error, Refused):
        return error.code is None
    return not isinstance(error, CreditBudgetReached | AuthError | ClientClosed)
