"""A Bulk Write job that is not made: what its result would say of each row. In a thread."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from bigin_api import RowError, RowResult
from bigin_api.http.calls import Call
from bigin_api.limits import BULK_WRITE_CREDITS
from target_bigin.bulk.job import Sent
from target_bigin.bulk.sheet import Sheet
from target_bigin.files.job_log import JobLog
from target_bigin.foresight.answers import Answers, Found
from target_bigin.foresight.client import DryClient
from target_bigin.foresight.judgement import NotTaken, Shape
from target_bigin.foresight.questions import Questions
from target_bigin.records.record import Record
from target_bigin.schema.context import StreamContext

CALLS = {
    "bulk_write_upload": 1,
    "bulk_write": BULK_WRITE_CREDITS,
    "bulk_write_status": 1,
    "bulk_write_result": 1,
}
"""A job's calls and their prices. How often it is asked how far it is depends on Bigin: once at least."""

SAID_BY_ROWS = frozenset(
    ("MANDATORY_NOT_FOUND", "INVALID_DATA", "DUPLICATE_DATA", "LIMIT_EXCEEDED", "RESOURCE_NOT_FOUND")
)
IN_OTHER_WORDS = {"MAPPING_MISMATCH": "INVALID_DATA", "MULTIPLE_OR_MULTI_ERRORS": "DUPLICATE_DATA"}
"""What a row says where a call says this; of all else CANNOT_PROCESS. Source: write.md 10."""


def foresee_job(
    client: DryClient, context: StreamContext, sheet: Sheet, records: Sequence[Record], _log: JobLog
) -> Sent:
    """What would become of a job, in the place of ``run_job``. Raises CreditBudgetReached."""
    module, label, answers = context.module.api_name, context.client.label, client.answers
    client.organization.zgid()  # which the upload names; the run asks for it once, too
    for endpoint, price in CALLS.items():
        client.plan(Call("POST", "/write", endpoint=endpoint, module=module, label=label, credits=price))
    shape = answers.shape_of(module)
    key = sheet.key
    bodies = [
        {name: value for name, value in each.body.items() if value is not None or sheet.blanks_erase}
        for each in records
    ]

    def judge(record: Record, body: dict[str, object], asked: Questions) -> Found | NotTaken:
        """A job finds rows by its key alone; that of an update is the id."""
        if key != "id":
            return answers.verdict(shape, body, asked, matched=[key])
        if not asked.is_there(module, record.id):
            return NotTaken("RESOURCE_NOT_FOUND", "id")
        return answers.verdict(shape, body, asked, record_id=record.id)

    verdicts = answers.judged([partial(judge, *each) for each in zip(records, bodies, strict=True)])
    results = {}
    for record, body, verdict in zip(records, bodies, verdicts, strict=True):
        results[sheet.form(record)] = _row(answers, shape, body, verdict)
    return Sent(records, results=results)


def _row(answers: Answers, shape: Shape, body: dict[str, object], verdict: Found | NotTaken) -> RowResult:
    if isinstance(verdict, NotTaken):
        code = verdict.code
        if code not in SAID_BY_ROWS:
            code = IN_OTHER_WORDS.get(code, "CANNOT_PROCESS")
        return RowResult({}, "SKIPPED", errors=(RowError(code, (verdict.field,)),))
    found, _ = verdict
    return RowResult({}, "UPDATED" if found else "ADDED", answers.carry_out(shape, body, found))
