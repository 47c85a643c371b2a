"""One Bulk Write job from its file to its result. In a thread; nothing here decides about records.

Costs 500 credits and a handful for upload, questions and result. A job that fails, or of which the result
cannot be had, says nothing about its rows: all of them may have been written, or none.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bigin_api import (
    ArchiveRefused,
    BulkJobFailed,
    CsvArchive,
    InvalidRequest,
    RowResult,
    TransientError,
    read_results,
)
from bigin_api.errors import BulkJobError, Refused
from target_bigin.bulk.sheet import Sheet
from target_bigin.files.job_log import JobLog
from target_bigin.files.jsonl import named
from target_bigin.records.record import Record
from target_bigin.schema.context import StreamContext
from target_bigin.values.sameness import Alike

logger = logging.getLogger("target-bigin")


@dataclass(frozen=True)
class Sent:
    """What became of a job. ``results``: by the form of the key, of the rows that the result tells of.

    ``left`` did not fit into the file. ``refusal``: why bulk jobs are no way for this stream at all.
    """

    records: Sequence[Record]
    left: Sequence[Record] = ()
    results: Mapping[str, RowResult] = field(default_factory=dict)
    trouble: str | None = None  # why nothing is known of the rows
    refusal: str | None = None


RunJob = Callable[[StreamContext, Sheet, Sequence[Record], JobLog], Sent]
"""Makes a job of some records and gives what became of it, or would in a dry run. In a thread."""


@named("TMPDIR", Path(os.environ.get("TMPDIR", "/tmp")))  # noqa: S108 -- as tempfile has it
def run_job(context: StreamContext, sheet: Sheet, records: Sequence[Record], log: JobLog) -> Sent:
    """Write the file, make the job, wait for it, read its result.

    The job is noted in ``log`` as soon as it exists, until it has ended. Raises what ends the
    run: AuthError, CreditBudgetReached, ClientClosed; SettingsError for a TMPDIR that is full.
    """
    client, module = context.client, context.module.api_name
    with tempfile.TemporaryFile() as file:
        with CsvArchive(file, f"{module}.csv", sheet.header) as archive:
            taken = next(
                (place for place, each in enumerate(records) if not archive.add(sheet.row(each))),
                len(records),
            )
        sent, left = records[:taken], records[taken:]
        try:
            file_id = client.bulk_write.upload(file, f"{module}.zip")
            made = client.bulk_write.create(
                module,
                file_id,
                sheet.mappings,
                operation="update" if sheet.key == "id" else "upsert",
                find_by=sheet.key,
                ignore_empty=not sheet.blanks_erase,
                records=len(sent),
            )
        except (InvalidRequest, TransientError) as error:  # it may be about this file alone
            return Sent(sent, left, trouble=error.message)
        except Refused as error:
            return Sent(sent, left, refusal=error.message)
    log.note(made.id, module)
    try:
        done = client.bulk_write.wait(made, expected_rows=len(sent))
        log.forget(made.id)
        with tempfile.TemporaryFile() as file:
            client.bulk_write.download(done, file)
            results = by_key(read_results(file), sheet.key, alike=sheet.columns[0].alike)
    except (BulkJobError, Refused, ArchiveRefused, TransientError) as error:
        if isinstance(error, BulkJobFailed):
            log.forget(made.id)
        return Sent(sent, left, trouble=error.message)
    return Sent(sent, left, results)


def by_key(rows: Iterable[RowResult], key: str, *, alike: Alike) -> dict[str, RowResult]:
    """The result of each key, but for those of which there are several that do not say the same.

    >>> added, skipped = RowResult({"Email": "a"}, "ADDED", "7"), RowResult({"Email": "a"}, "SKIPPED")
    >>> by_key([added, added], "Email", alike=str)["a"].status, by_key([added, skipped], "Email", alike=str)
    ('ADDED', {})
    """
    results: dict[str, RowResult] = {}
    unsure = set()
    for row in rows:
        form = alike(row.values.get(key, ""))
        if results.setdefault(form, row) != row:
            unsure.add(form)
    return {form: row for form, row in results.items() if form not in unsure}
