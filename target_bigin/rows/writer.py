"""Rows that a record carries, written after it; and records tied by a related list and nothing else.

Rows append each time they are sent, so they do not travel with the record: once it is written, what is
there is read (1 credit a record that was not just made) and only the difference is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bigin_api import ServerError, TransientError, WriteResult
from bigin_api.errors import Refused
from target_bigin.concurrency.batcher import Batcher
from target_bigin.records.record import Action, Record, Reject
from target_bigin.rows.difference import Row, rows_to_send
from target_bigin.rows.fields import RowField
from target_bigin.schema.context import StreamContext
from target_bigin.writing.results import RETRIABLE, paired, refusal, reject_of

READ_AT_ONCE = 10  # records whose rows are read one by one, and written for one credit
ROUNDS = 4  # after a lost answer: read what is there, send what is missing, so often

Rows = Mapping[str, Sequence[Row]]
"""Rows by the field that holds them."""


@dataclass
class RowJob:
    """Rows that one record shall have. ``is_new``: it was just made, so there are none yet.

    ``removes_others``: those that are there and are not named go.
    """

    record_id: str
    rows: Rows
    is_new: bool
    removes_others: bool
    outcome: Reject | None = None
    done: bool = False
    sent: bool = False  # False once it is done: everything was there already


class RowWriter:
    """Of one module: writes the rows of records that are written."""

    def __init__(self, context: StreamContext, shapes: Mapping[str, RowField]) -> None:
        self._client = context.client
        self._module = context.module.api_name
        self._shapes = shapes
        self._remove_others = context.settings.replace_rows
        self._trigger = context.run.settings.trigger
        # With a journal an insert may be one that an earlier run made, rows and all.
        self._may_be_new = context.run.settings.journal_path is None
        self._jobs = Batcher(context.run.tasks, self._run, size=READ_AT_ONCE)
        self.flush = self._jobs.flush

    def take_out(self, record: Record) -> Rows:
        """The rows that a record carries, out of its body: so its write may be repeated."""
        return {name: record.body.pop(name) or [] for name in self._shapes if name in record.body}

    async def write(self, record: Record, rows: Rows, action: Action | None = None, *, are_all: bool) -> bool:
        """Until a written record has these rows. True if something had to be sent. Raises Reject.

        ``action``: what was done to the record itself, if it was written. One just inserted has no rows yet.
        ``are_all`` False: there may be others of which nothing is known, which stay.
        """
        is_new = self._may_be_new and action == "inserted"
        job = RowJob(str(record.id), rows, is_new, self._remove_others and are_all)
        try:
            await self._jobs.ask(record.number, job)
        except Refused as error:
            job.outcome = reject_of(error)
        if job.outcome is not None:
            outcome = replace(job.outcome, field=job.outcome.field or ", ".join(job.rows))
            raise outcome if action is None else outcome.of_part("rows")
        return job.sent

    def _run(self, jobs: Mapping[int, RowJob]) -> Mapping[int, RowJob]:
        """In a thread: every job done, or with the reason why not. Raises what would not end."""
        lost: TransientError | None = None
        for _ in range(ROUNDS):
            differences = {key: self._difference(job) for key, job in jobs.items() if not job.done}
            todo = {key: sent for key, sent in differences.items() if sent}
            if not todo:
                return jobs
            bodies = [{"id": jobs[key].record_id, **sent} for key, sent in todo.items()]
            for key in todo:
                jobs[key].sent, jobs[key].is_new = True, False  # whatever the answer: it must be read now
            try:
                results = self._client.records.update(
                    self._module, bodies, trigger=self._trigger, repeatable=False
                )
            except TransientError as error:
                lost = error
                continue
            lost = None
            for key, result in paired(todo, results).items():
                jobs[key].done = result.code not in RETRIABLE
                jobs[key].outcome = None if result.succeeded else refusal("update", result)
        if lost is not None:
            raise lost
        return jobs

    def _difference(self, job: RowJob) -> dict[str, list[Row]]:
        present: Mapping[str, Any] = {}
        if not job.is_new:
            present = self._client.records.get(self._module, job.record_id, list(job.rows)) or {}
        sent = {
            name: rows_to_send(
                _rows_in(present, name),
                list(rows),
                by=self._shapes[name].by,
                alike=self._shapes[name].alike,
                remove_others=job.removes_others,
            )
            for name, rows in job.rows.items()
        }
        changes = {name: rows for name, rows in sent.items() if rows}
        job.done, job.outcome = not changes, None
        return changes


def _rows_in(record: Mapping[str, Any], name: str) -> list[Row]:
    """The rows of a field. Raises ServerError for what are none: they would be made once more."""
    found = record.get(name)
    rows = [] if found is None else found
    if not isinstance(rows, list) or not all(isinstance(each, dict) for each in rows):
        raise ServerError(f"What came as {name} are no rows.")
    return rows


class LinkWriter:
    """Links a parent to each record that its rows name, 1 credit a link. May be repeated."""

    def __init__(self, context: StreamContext, *, related_list: str, column: str) -> None:
        self._client = context.client
        self._module = context.module.api_name
        self._list = related_list
        self._column = column
        self._links = Batcher(context.run.tasks, self._call, size=1)
        self.flush = self._links.flush

    async def write(self, record: Record, rows: Rows, *, are_all: bool) -> bool:  # noqa: ARG002 -- it removes none
        """Send one call a link, one after the other. True: something was sent. Raises Reject."""
        linked = [str(row[self._column]["id"]) for row in rows[self._list]]
        why_not = [await self._link(str(record.id), each) for each in dict.fromkeys(linked)]
        reject = next(filter(None, why_not), None)
        if reject is not None:
            raise reject
        return True

    async def _link(self, parent_id: str, linked_id: str) -> Reject | None:
        """Link one; why it was refused, if it was."""
        try:
            result = await self._links.ask((parent_id, linked_id), None)
        except Refused as error:
            return reject_of(error)
        return None if result.succeeded else refusal("update", result)

    def _call(self, links: Mapping[tuple[str, str], None]) -> dict[tuple[str, str], WriteResult]:
        """In a thread."""
        return {
            (parent, linked): self._client.related.link(self._module, parent, self._list, linked)
            for parent, linked in links
        }
