"""Inserts: noted before they are sent, and never sent again before it is known what became of them."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

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
from target_bigin.records.record import Record, Reject
from target_bigin.schema.context import StreamContext
from target_bigin.writing.insert_gate import InsertGate
from target_bigin.writing.queue import again, tell

logger = logging.getLogger("target-bigin")


class Insert:
    """An insert call of a stream: what became of its records, as far as it is known. Main thread alone.

    With a journal, records that a former run has sent are recognised: written ones are told so, those
    of which nothing is known are asked for first.
    """

    def __init__(self, context: StreamContext, gate: InsertGate) -> None:
        self._context = context
        self._gate = gate
        self._journal = gate.journal
        self.records: Sequence[Record] = ()
        self._since: datetime  # Bigin's time before they are sent
        self._note: int | None = None  # None where nothing is sent
        # Of the records in their order, None for what is not known to be written. Further ones follow: an
        # insert makes a record of each occurrence of a recurring activity.
        self._ids: list[str | None] = []

    async def begin(self, records: Sequence[Record]) -> Sequence[Record]:
        """Those records that no former run has sent, noted. Waits while an answer is lost."""
        self.records = self._not_sent_before(records)
        await self._gate.wait_to_send()
        self._since = self._context.run.client.clock.at_least()
        self._ids = [None] * len(self.records)
        if self.records:
            self._note = self._journal.sending(self.records, self._since)
        return self.records

    async def send(self) -> list[WriteResult]:
        """Bigin's answer. Raises what the client raises; then ``find_out`` may be due."""
        if not self.records:
            return []
        token = self._gate.started()
        try:
            results = await self._context.run.tasks.call(self._call)
        except BiginError as error:
            if not _may_have_happened(error):
                self._journal.answered(self._note, self._ids)  # a next run need not ask for them
            self._gate.ended(token)
            raise
        if len(self.records) in (1, len(results)):
            self._ids = [each.id if each.succeeded else None for each in results]
        self._journal.answered(self._note, self._ids)
        self._gate.ended(token, self._ids)
        return results

    async def find_out(self, records: Sequence[Record], *, answered: bool) -> list[Record]:
        """Ask what became of these of its records, and tell those that were written. Gives the others.

        ``answered``: the call has ended, so nothing can be at work on them any more.
        """
        sent_before = float("-inf") if answered else time.monotonic()
        return await self._ask(records, self._since, sent_before=sent_before)

    def _call(self) -> list[WriteResult]:
        """In a thread."""
        return self._context.client.records.insert(
            self._context.module.api_name,
            [each.body for each in self.records],
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
            former = Insert(self._context, self._gate)  # that run's own, noted by it
            self._context.run.tasks.create_task(former.ask_again(lost, since))
        return fresh

    async def ask_again(self, records: Sequence[Record], since: datetime) -> None:
        """What became of records that a former run sent; those that are not there are sent.

        A row that may be one of them may also be another record of that run that has yet to come: about
        these it is asked once more when the input has ended.
        """
        doubtful: list[Record] = []
        for record in await self._ask(records, since, sent_before=self._gate.begun, doubtful=doubtful):
            again(record)
        if doubtful:
            await self._gate.end_of_input()
            for record in await self._ask(doubtful, since, sent_before=self._gate.begun):
                again(record)

    async def _ask(
        self,
        records: Sequence[Record],
        since: datetime,
        *,
        sent_before: float,
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
            lost = await self._gate.inquire(
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
            for place, record in enumerate(self.records):
                self._ids[place] = lost.found.get(record.number, self._ids[place])
            self._journal.answered(self._note, self._ids)
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
        self._gate.go_on()
        return left


def _may_have_happened(error: BiginError) -> bool:
    """Whether an insert that ended by this may have been done; such a call is not tried again."""
    if isinstance(error, TransientError):
        return error.may_have_happened
    if isinstance(error, Refused):
        return error.code is None
    return not isinstance(error, CreditBudgetReached | AuthError | ClientClosed)
