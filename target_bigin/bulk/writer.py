"""Bulk Write for a stream: when a job is worth its price, and what its rows mean.

A job takes up to 25,000 records for 500 credits; calls take 10 for one, so a job pays from 5,000 on. What
a file cannot say, what a job did not settle and what is too little goes by calls: an upsert or an update
may be repeated, so that nothing has to be known about a job that went wrong.
"""

from __future__ import annotations

import contextlib
import logging
from collections import defaultdict
from collections.abc import Sequence
from functools import partial

from bigin_api import BulkJobFailed, NotFound, RowResult
from bigin_api.limits import (
    BULK_WRITE_CREDITS,
    MAX_RECORDS_PER_BULK_WRITE,
    RECORDS_PER_WRITE_CREDIT,
    write_credits,
)
from target_bigin.bulk.choice import found_by, may_go_by_jobs
from target_bigin.bulk.job import RunJob
from target_bigin.bulk.sheet import Shape, Sheet, columns_of, shape_of, sheet_for, why_not
from target_bigin.files.job_log import JobLog
from target_bigin.records.record import Action, Kind, Record, Reject
from target_bigin.schema.context import StreamContext
from target_bigin.schema.keys import KeyPlan
from target_bigin.writing.calls import RecordWriter
from target_bigin.writing.queue import Queue, tell

logger = logging.getLogger("target-bigin")

WORTH_A_JOB = BULK_WRITE_CREDITS * RECORDS_PER_WRITE_CREDIT  # records

CALLS_KNOW_BETTER = frozenset(("DUPLICATE_DATA", "CANNOT_PROCESS"))
"""Codes of rows that a call decides otherwise, or explains: it matches by other unique fields, too."""


class BulkWriter:
    """Stands before the writer of calls, and leaves to it what it does not take. Main thread alone.

    Nothing of the module is written before jobs of an earlier run have ended that were not seen to, or
    their older values might overwrite newer ones.
    """

    def __init__(
        self,
        context: StreamContext,
        key: KeyPlan,
        queue: Queue,
        calls: RecordWriter,
        log: JobLog,
        *,
        run_job: RunJob,
    ) -> None:
        self._run_job = run_job
        self._context = context
        self._key = key
        self._columns = columns_of(context.fields)
        self._takes_jobs = may_go_by_jobs(context)  # ... and none was refused since
        self._is_finishing = False  # no further record will come
        self._queue = queue
        self._calls = calls
        self._log = log
        self._former = set(log.unfinished(context.module.api_name))
        self._size = context.run.settings.batch_size
        self._tasks = context.run.tasks
        self._is_auto = context.settings.write_method == "auto"
        self._mandatory = [each.api_name for each in context.fields.values() if each.mandatory]
        self._groups: list[list[Record]] = []  # taken from the queue, each for a job of its own
        self._has_made_one = False
        if self._former:
            logger.warning(
                "%s: waits for %d bulk jobs that an earlier run made and did not see end.",
                context.stream,
                len(self._former),
            )
        for job in list(self._former):
            self._tasks.create_task(self._wait_for(job))

    def choose(self, record: Record) -> None:
        """Mark a record that can go by a job."""
        record.by_bulk = self._takes_jobs and self._fits(record)

    def finish(self) -> None:
        """No further record will come: what waits for a job need not wait for company."""
        self._is_finishing = True

    @property
    def is_full(self) -> bool:
        """Whether a full call or a full job waits for a place in flight."""
        if self._tasks.has_room:
            return False
        for_bulk = self._queue.for_bulk
        return for_bulk >= MAX_RECORDS_PER_BULK_WRITE or self._queue.waiting - for_bulk >= self._size

    def pump(self, *, flush: bool) -> None:
        """Start the calls and the jobs that are due."""
        if self._former:
            return
        most = MAX_RECORDS_PER_BULK_WRITE
        # What has waited long enough need not fill a job; with `bulk` that is only the case at the end.
        has_waited = flush and (self._is_auto or self._is_finishing)
        # Of one kind: few updates beside many upserts wait on.
        due, least = (1, 1) if has_waited else (most, WORTH_A_JOB)
        while self._queue.for_bulk >= due and (records := self._queue.take(most, least=least, by_bulk=True)):
            self._group(records)
        while self._groups and self._tasks.has_room:
            self._start(self._groups.pop())
        self._calls.pump(flush=flush)

    async def _wait_for(self, job: str) -> None:
        await self._tasks.call(partial(self._see_end, job))
        self._former.discard(job)

    def _see_end(self, job: str) -> None:
        """In a thread."""
        with contextlib.suppress(BulkJobFailed, NotFound):  # it writes nothing any more
            self._context.client.bulk_write.wait(job)
        self._log.forget(job)

    def _group(self, records: Sequence[Record]) -> None:
        """Cut these into files; what is too little for one goes by calls."""
        groups: defaultdict[Shape, list[Record]] = defaultdict(list)
        for record in records:
            groups[shape_of(record.body)].append(record)
        for group in sorted(groups.values(), key=len, reverse=True):
            # With `bulk` one file is made whatever its size, and none for every odd set of fields, nor
            # for what was left open: second versions of a key, rows that a job did not settle.
            is_asked_for = not self._is_auto and not self._groups and not self._has_made_one
            if self._takes_jobs and (is_asked_for or len(group) >= WORTH_A_JOB):
                self._groups.append(group)
            else:
                self._by_calls(group)

    def _start(self, records: Sequence[Record]) -> None:
        key = str(found_by(records[0], self._key))
        # An upsert wants mandatory fields mapped even where every record is there already.
        mandatory = () if records[0].operation == "update" else self._mandatory
        sheet = sheet_for(records, self._columns, key=key, mandatory=mandatory)
        if sheet is None or (sheet.blanks_erase and not set(mandatory) <= records[0].body.keys()):
            self._by_calls(records)
            return
        self._say(len(records))
        self._has_made_one = True
        self._tasks.create_task(self._write(sheet, records))

    async def _write(self, sheet: Sheet, records: Sequence[Record]) -> None:
        """A job's whole way, from its records to the end of each."""
        sent = await self._tasks.call(partial(self._run_job, self._context, sheet, records, self._log))
        stream = self._context.stream
        for record in sent.left:
            tell(record, None)
        if sent.refusal is not None:
            self._takes_jobs = False
            logger.warning("%s: bulk jobs are refused, all goes by calls. %s", stream, sent.refusal)
        elif sent.trouble is not None:
            logger.warning(
                "%s: no result of a bulk job is known, so its records go by calls. %s", stream, sent.trouble
            )
        left_open = []
        for record in sent.records:
            row = sent.results.get(sheet.form(record))
            if row is None or (decided := decided_by(row)) is None:
                left_open.append(record)
            else:
                record.id = row.id or record.id
                tell(record, decided)
        if left_open and sent.results:
            self._context.account.notes["left open by a bulk job and written by calls"] += len(left_open)
        self._by_calls(left_open)

    def _fits(self, record: Record) -> bool:
        if found_by(record, self._key) is None:
            return False
        name = why_not(record.body, self._columns)
        if name is not None:
            self._context.account.notes[f"by calls, for a bulk file cannot hold {name}"] += 1
        return name is None

    @staticmethod
    def _by_calls(records: Sequence[Record]) -> None:
        for record in records:
            record.by_bulk = False
            tell(record, None)

    def _say(self, records: int) -> None:
        stream = self._context.stream
        if not self._has_made_one:
            logger.warning(
                "%s: bulk jobs know no trigger: whether workflows fire on what they write is for Bigin to "
                "say. write_method: records is sure to fire none.",
                stream,
            )
        if records < WORTH_A_JOB:
            logger.warning(
                "%s: a bulk job takes %d records for %d credits, as write_method: bulk asks for; by calls "
                "they would cost %d. write_method: auto takes what is cheaper.",
                stream,
                records,
                BULK_WRITE_CREDITS,
                write_credits(records),
            )
        else:
            logger.info("%s: a bulk job takes %d records.", stream, records)


def decided_by(row: RowResult) -> Action | Reject | None:
    """How a row of a job's result says that its record ended, None where a call has to tell."""
    if row.succeeded and row.id is not None:
        return "inserted" if row.status == "ADDED" else "updated"
    if (
        row.status != "SKIPPED"
        or not row.errors
        or any(each.code in CALLS_KNOW_BETTER for each in row.errors)
    ):
        return None
    first = row.errors[0]
    columns = [column for each in row.errors for column in each.columns]
    kind: Kind = "unmatched" if first.code == "RESOURCE_NOT_FOUND" else "rejected"
    message = f"Bigin refused {', '.join(columns) or 'the row'} (bulk job)."
    return Reject(kind, first.code, message, next(iter(first.columns), None))
