"""Inserts: noted before they are sent, and never sent again before their fate is known."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from bigin_api import WriteResult
from target_bigin.files.journal import Journal
from target_bigin.records.record import Prepared, Reject
from target_bigin.schema.context import StreamContext
from target_bigin.writing.insert_recovery import LONGEST_CALL, Lost
from target_bigin.writing.inserts import Inquiry, InsertWatch

if TYPE_CHECKING:
    from target_bigin.writing.calls import Outcomes

logger = logging.getLogger("target-bigin")

Landed = Callable[[Sequence[Prepared], "Future[list[WriteResult]]"], None]


@dataclass
class _Sent:
    """An insert call: in flight, or with records of unknown fate. ``ids``: what is known to be written."""

    records: Sequence[Prepared]
    since: datetime
    note: int
    ids: dict[int, str] = field(default_factory=dict)


class Inserter:
    """Sends the insert calls of one stream. Main thread alone.

    With a journal, records that a former run has sent are recognised: written ones are settled, those
    of unknown fate are asked for first.
    """

    def __init__(
        self, context: StreamContext, outcomes: Outcomes, *, watch: InsertWatch, journal: Journal
    ) -> None:
        self._context = context
        self._outcomes = outcomes
        self._watch = watch
        self._journal = journal
        self._begun = time.monotonic()  # what a former run sent, it sent before this
        self._held: list[tuple[list[Prepared], Landed]] = []  # calls that wait for an answer that was lost
        self._of: dict[int, _Sent] = {}  # record's number → its call

    @property
    def may_send(self) -> bool:
        """Whether a call would go out now."""
        return self._watch.may_send

    def send(self, records: list[Prepared], landed: Landed) -> None:
        """Insert records; ``landed`` follows with the answer. They wait while an answer is lost."""
        fresh = self._not_sent_before(records) if self.may_send else records
        if not fresh:
            return
        if not self.may_send:
            self._held.append((fresh, landed))
            return
        since = self._watch.clock.now()
        sent = _Sent(fresh, since, self._journal.sending(fresh, since))
        for record in fresh:
            self._of[record.number] = sent
        token = self._watch.started()
        self._context.run.flights.start(
            partial(self._call, fresh), partial(self._answered, sent, token, landed)
        )

    def find_out(self, records: Sequence[Prepared], *, answered: bool = False) -> None:
        """What became of these records is asked, then they are settled or sent again.

        ``answered``: the call has ended, so nothing can be at work on them any more.
        """
        sent = self._of[records[0].number]

        def noted(found: dict[int, str]) -> None:
            sent.ids.update(found)
            self._journal.answered(sent.note, [sent.ids.get(each.number) for each in sent.records])

        self._ask(records, sent.since, noted, sent_before=float("-inf") if answered else time.monotonic())

    def tick(self) -> None:
        """Send what waited for a lost answer."""
        while self._held and self._watch.may_send:
            records, landed = self._held.pop(0)
            self.send(records, landed)

    def _call(self, records: Sequence[Prepared]) -> list[WriteResult]:
        """In a thread."""
        return self._context.client.records.insert(
            self._context.module.api_name,
            [each.body for each in records],
            trigger=self._context.run.settings.trigger,
        )

    def _answered(self, sent: _Sent, token: int, landed: Landed, future: Future[list[WriteResult]]) -> None:
        self._watch.clock.note(self._context.run.client.server_time)
        if future.exception() is None:
            results = future.result()
            if len(results) == len(sent.records):
                for record, result in zip(sent.records, results, strict=True):
                    if result.succeeded and result.id is not None:
                        sent.ids[record.number] = result.id
            self._journal.answered(sent.note, [sent.ids.get(each.number) for each in sent.records])
        landed(sent.records, future)
        self._watch.ended(token, list(sent.ids.values()))
        for record in sent.records:
            if self._of.get(record.number) is sent:
                del self._of[record.number]

    def _not_sent_before(self, records: list[Prepared]) -> list[Prepared]:
        """Those that no former run has sent. The others are settled, or asked about."""
        fresh: list[Prepared] = []
        unknown: defaultdict[datetime, list[Prepared]] = defaultdict(list)
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
                self._outcomes.written(record, "inserted")
        for since, lost in unknown.items():
            self._ask(lost, since, lambda _found: None, sent_before=self._begun)
        return fresh

    def _ask(
        self,
        records: Sequence[Prepared],
        since: datetime,
        noted: Callable[[dict[int, str]], None],
        *,
        sent_before: float,
    ) -> None:
        logger.warning(
            "%s: the answer to an insert of %d records was lost; asking Bigin what was written.",
            self._context.stream,
            len(records),
        )

        def told(found: dict[int, str]) -> None:
            noted(found)
            for record in records:
                if record.number in found:
                    record.id = found[record.number]
                    self._outcomes.written(record, "inserted")
                else:
                    self._outcomes.again(record, delay=0.0)

        def unknown(reject: Reject) -> None:
            for record in records:
                self._outcomes.rejected(record, reject)

        at_work_for = min(LONGEST_CALL, self._context.run.client.limits.request_timeout)
        lost = Lost(records, since, until=sent_before + at_work_for)
        self._watch.inquire(
            Inquiry(self._context, lost, told=told, unknown=unknown, fail=self._outcomes.fail)
        )
