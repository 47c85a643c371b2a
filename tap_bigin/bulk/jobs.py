"""The Bulk Read jobs of one pass, and the rows of their files: each job paid for once, in flat memory.

Jobs are told as soon as they are made, so that the state has their ids before anything is waited for: a
run that finds them there downloads what is done, or waits for what is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from tempfile import TemporaryFile, gettempdir
from typing import TYPE_CHECKING, BinaryIO

from msgspec.structs import replace

from bigin_api.bulk.csv_archive import read_rows
from bigin_api.errors import (
    ArchiveRefused,
    BiginError,
    BulkJobFailed,
    NotFound,
    Refused,
    TransientError,
)
from bigin_api.limits import RECORDS_PER_BULK_READ
from tap_bigin.bookmarks import Jobs
from tap_bigin.bulk.rows import CsvRows, UnreadableFile
from tap_bigin.planning import jobs_and_rest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bigin_api import Labelled
    from bigin_api.bulk.bulk_read import BulkReadJob, Criteria
    from tap_bigin.bulk.links import BulkLinks
    from tap_bigin.lists.pages import Record
    from tap_bigin.planning import JobColumns

ROWS_PER_PAGE = 1_000


class BulkUnusable(BiginError):  # noqa: N818 -- reads as what happened
    """No job can give this stream: it failed, was refused, or its file is not what was asked for."""


@dataclass(frozen=True)
class RowsPage:
    """Some rows of a file, in its order."""

    rows: list[list[str]]
    ids: list[str]
    begins_file: bool
    convert: CsvRows
    links: BulkLinks

    def records(self, *, skipped: int = 0) -> list[Record]:
        """The records as the list gives them, without the first few. Raises BulkUnusable."""
        try:
            records = self.convert.records(self.rows[skipped:])
        except UnreadableFile as unreadable:
            raise BulkUnusable(unreadable.message) from unreadable
        self.links.name_all(records)
        return records

    @property
    def unclear(self) -> set[str]:
        """Ids of records that only the list tells whole."""
        return self.convert.unclear.intersection(self.ids)


class BulkFiles:
    """The files of a pass. ``jobs`` and ``promised`` grow as they are read."""

    def __init__(
        self,
        client: Labelled,
        module: str,
        columns: JobColumns,
        *,
        jobs: Jobs,
        links: BulkLinks,
        criteria: Criteria | None = None,
    ) -> None:
        self.jobs = jobs
        self.promised = 0  # rows that the jobs say are in their files
        self.rest_is_left = False  # what is beyond the last file is to be read by key
        self._client = client
        self._module = module
        self._columns = columns
        self._links = links
        self._criteria = criteria

    def pages(self) -> Iterator[RowsPage | None]:
        """The rows of job after job; None where a job was made and ``jobs`` has its id.

        Raises BulkUnusable, NotFound for a job that is gone, BulkJobUnfinished for one that the next run
        should ask for again.
        """
        number, more = 1, True
        while more:
            job: BulkReadJob | str
            if number > len(self.jobs.ids):
                job = self._make(number)
                self.jobs = replace(self.jobs, ids=(*self.jobs.ids, job.id))
                yield None
            else:
                job = self.jobs.ids[number - 1]
            done = self._wait(job, number)
            self.promised += done.count or 0
            if done.count != 0:
                yield from self._file(done)
            more = done.more_records
            if more and self._rest_costs_less_by_key(number):
                self.rest_is_left, more = True, False
            number += 1

    def _rest_costs_less_by_key(self, number: int) -> bool:
        jobs, rest = jobs_and_rest(self.jobs.counted, self._columns.field_count)
        return bool(rest) and number == jobs and number == len(self.jobs.ids)

    def _make(self, number: int) -> BulkReadJob:
        try:
            return self._client.bulk_read.create(
                self._module, self._columns.asked_for, criteria=self._criteria, page=number
            )
        except Refused as refused:
            raise BulkUnusable(f"Bulk Read refuses it. {refused.message}", module=self._module) from refused
        except TransientError as failed:  # never asked for twice: each job is paid for
            raise BulkUnusable(f"Bulk Read failed. {failed.message}", module=self._module) from failed

    def _wait(self, job: BulkReadJob | str, number: int) -> BulkReadJob:
        left = max(0, self.jobs.counted - (number - 1) * RECORDS_PER_BULK_READ)
        try:
            return self._client.bulk_read.wait(job, expected_rows=min(left, RECORDS_PER_BULK_READ))
        except NotFound:
            raise
        except (BulkJobFailed, Refused) as failed:
            raise BulkUnusable(failed.message, code=failed.code, module=self._module) from failed

    def _download(self, job: BulkReadJob, into: BinaryIO) -> None:
        try:
            self._client.bulk_read.download(job, into)
        except NotFound:
            raise
        except Refused as refused:
            raise BulkUnusable(refused.message, module=self._module) from refused

    def _file(self, job: BulkReadJob) -> Iterator[RowsPage]:
        try:
            yield from self._rows(job)
        except OSError as full:
            raise BulkUnusable(
                f"job {job.id}: its file cannot be kept in {gettempdir()} ({full.strerror}): set TMPDIR.",
                module=self._module,
            ) from full

    def _rows(self, job: BulkReadJob) -> Iterator[RowsPage]:
        with TemporaryFile(prefix="tap-bigin-") as file:
            self._download(job, file)
            try:
                rows = read_rows(file)
                header = next(rows, None)
                if header is None:
                    return
                convert = CsvRows(header, self._columns.columns, links=self._links.by_kind)
                begins_file = True
                while some := list(islice(rows, ROWS_PER_PAGE)):
                    ids = [row[convert.id_place] for row in some]
                    yield RowsPage(some, ids, begins_file, convert, self._links)
                    begins_file = False
            except (ArchiveRefused, UnreadableFile) as unreadable:
                raise BulkUnusable(f"job {job.id}: {unreadable.message}", module=self._module) from unreadable
