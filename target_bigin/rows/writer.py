"""Rows that a record carries, written after it.

Rows append each time they are sent, so they do not travel with the record: once it is written, what is
there is read (1 credit a record that was not just made) and only the difference is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from bigin_api import BiginError, TransientError, WriteResult
from target_bigin.records.record import Prepared, Reject
from target_bigin.rows.difference import Row, rows_to_send
from target_bigin.rows.fields import RowField
from target_bigin.streams.steps import Step
from target_bigin.writing.results import RETRIABLE, refusal

if TYPE_CHECKING:
    from bigin_api import Labelled
    from target_bigin.concurrency.tasks import Flights

READ_AT_ONCE = 10  # records whose rows are read one by one, and written for one credit
ROUNDS = 4  # after a lost answer: read what is there, send what is missing, so often


@dataclass
class Aside:
    """The rows of records that are under way, by the record's number; shared by two steps."""

    shapes: Mapping[str, RowField]
    rows: dict[int, dict[str, list[Row]]] = field(default_factory=dict)


class SetRowsAside(Step):
    """Takes the rows out of what is written, so that the write may be repeated."""

    def __init__(self, aside: Aside) -> None:
        self._aside = aside

    def take(self, record: Prepared) -> bool:
        """Keep them for the time after."""
        carried = [name for name in self._aside.shapes if name in record.body]
        if carried:
            self._aside.rows[record.number] = {name: record.body.pop(name) or [] for name in carried}
            record.repeatable = True
        return True


@dataclass
class RowJob:
    """Rows that one record shall have. ``is_new``: it was just made, so there are none yet."""

    record_id: str
    rows: Mapping[str, Sequence[Row]]
    is_new: bool = False
    outcome: Reject | None = None
    done: bool = False
    sent: bool = False  # False once it is done: everything was there already


class RowWriter:
    """Reads what is there and sends the difference. In a thread."""

    def __init__(
        self,
        client: Labelled,
        module: str,
        shapes: Mapping[str, RowField],
        *,
        remove_others: bool,
        trigger: Sequence[str],
    ) -> None:
        self._client = client
        self._module = module
        self._shapes = shapes
        self._remove_others = remove_others
        self._trigger = trigger

    def __call__(self, jobs: Sequence[RowJob]) -> Sequence[RowJob]:
        """Every job done, or with the reason why not. Raises the TransientError that would not end."""
        for left in range(ROUNDS - 1, -1, -1):
            todo = [(job, sent) for job in jobs if not job.done and (sent := self._difference(job))]
            if not todo:
                break
            bodies = [{"id": job.record_id, **sent} for job, sent in todo]
            for job, _ in todo:
                job.sent, job.is_new = True, False  # whatever the answer: from here on it must be read
            try:
                results = self._client.records.update(
                    self._module, bodies, trigger=self._trigger, repeatable=False
                )
            except TransientError:
                if not left:
                    raise
            else:
                for (job, _), result in zip(todo, results, strict=False):
                    self._judge(job, result, last=not left)
        return jobs

    def _difference(self, job: RowJob) -> dict[str, list[Row]]:
        present: Mapping[str, Any] = {}
        if not job.is_new:
            present = self._client.records.get(self._module, job.record_id, list(job.rows)) or {}
        sent = {
            name: rows_to_send(
                present.get(name) or [],
                list(rows),
                by=self._shapes[name].by,
                remove_others=self._remove_others,
            )
            for name, rows in job.rows.items()
        }
        changes = {name: rows for name, rows in sent.items() if rows}
        job.done = not changes
        return changes

    @staticmethod
    def _judge(job: RowJob, result: WriteResult, *, last: bool) -> None:
        if result.succeeded:
            job.done = True
        elif last or result.code not in RETRIABLE:
            job.done, job.outcome = True, refusal("update", result)


JobOf = Callable[[Prepared], "RowJob | None"]
"""What is to be done for a record, None if it has no rows."""


def job_from(aside: Aside, *, may_be_new: bool) -> JobOf:
    """The rows that were set aside; ``may_be_new`` False: an insert may be one that an earlier run made."""

    def job_of(record: Prepared) -> RowJob | None:
        rows = aside.rows.pop(record.number, None)
        if rows is None or record.action == "deleted":
            return None
        is_new = may_be_new and record.action == "inserted" and not record.attempts
        return RowJob(str(record.id), rows, is_new)

    return job_of


class WriteRows(Step):
    """Holds records until they have their rows."""

    def __init__(self, job_of: JobOf, write: RowWriter, flights: Flights) -> None:
        self._job_of = job_of
        self._write = write
        self._flights = flights
        self._waiting: list[tuple[Prepared, RowJob]] = []

    def take(self, record: Prepared) -> bool:
        """Write its rows, if it has any."""
        job = self._job_of(record)
        if job is None:
            return True
        self._waiting.append((record, job))
        if len(self._waiting) >= READ_AT_ONCE:
            self._send()
        return False

    def tick(self, *, flush: bool) -> None:
        """With ``flush`` send what waits."""
        if flush and self._waiting:
            self._send()

    def _send(self) -> None:
        waiting, self._waiting = self._waiting, []
        jobs = [job for _, job in waiting]
        self._flights.start(partial(self._write, jobs), partial(self._landed, waiting))

    def _landed(self, waiting: Sequence[tuple[Prepared, RowJob]], future: Future[Sequence[RowJob]]) -> None:
        try:
            future.result()
        except BiginError as error:
            self.fail(error)
            return
        for record, job in waiting:
            if job.outcome is None:
                record.action = record.action or ("updated" if job.sent else "unchanged")
                self.go_on(record)
            else:
                message = job.outcome.message
                if record.action is not None:
                    message = f"the record was written, but not its rows: {message}"
                field_ = job.outcome.field or ", ".join(job.rows)
                self.refuse(record, Reject(job.outcome.kind, job.outcome.code, message, field_))
