"""A pass by Bulk Read jobs whose other fields come from list pages: joined row by row, in flat memory.

List pages with the fields that no job gives decide which records there are, and prove it as any list
does (``reading``). Both come by ascending id, so the files are walked along with the pages. Where the
two do not show the same state of a record, it is read whole by its id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from tap_bigin.bookmarks import Jobs
from tap_bigin.bulk.jobs import BulkFiles, BulkUnusable
from tap_bigin.bulk.links import BulkLinks
from tap_bigin.lists.pages import MODIFIED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bigin_api import Labelled
    from tap_bigin.bookmarks import Scan
    from tap_bigin.lists.pages import ModulePages, Record
    from tap_bigin.lists.reading import ListReading
    from tap_bigin.planning import JobColumns

IDS_AT_ONCE = 1_000


class BulkMerging:
    """One full scan of one module."""

    def __init__(
        self,
        client: Labelled,
        module: str,
        columns: JobColumns,
        *,
        listed: ListReading,
        pages: ModulePages,
    ) -> None:
        """``listed`` reads the fields that no job gives; ``pages`` reads records whole."""
        self._client = client
        self._module = module
        self._columns = columns
        self._listed = listed
        self._pages = pages

    def pages(self, scan: Scan) -> Iterator[tuple[list[Record], Scan]]:
        """The records from where the scan stands to its end, as ``BulkReading`` gives them."""
        self.scan = scan
        jobs = scan.jobs or Jobs()
        links = BulkLinks(self._client, self._module, self._columns)
        walk = _Walk(
            BulkFiles(self._client, self._module, self._columns, jobs=jobs, links=links),
            after=_reached(scan),
            utc=self._pages.instants.utc,
        )
        if not jobs.ids:
            walk.make_job()
            self.scan = replace(scan, jobs=walk.jobs)
            yield [], self.scan
        walk.start()
        for listed, _ in self._listed.pages(self.scan):
            records, others = walk.join(listed)
            records += self._pages.by_ids(others)
            self._listed.scan = replace(self._listed.scan, jobs=walk.jobs)
            yield records, self._listed.scan
        self.scan = self._listed.scan
        for ids in walk.rest():
            yield self._pages.by_ids(ids), self.scan


def _reached(scan: Scan) -> int:
    """The id up to which records are written."""
    last = scan.last[1] if scan.last else "0"
    return max(int(last), int(scan.after or 0))


class _Walk:
    """Walks along the files while list pages go by."""

    def __init__(self, files: BulkFiles, *, after: int, utc: Callable[[Any], Any]) -> None:
        self._files = files
        self._pages = files.pages()
        self._rows = self._records()
        self._passed = after
        self._utc = utc
        self._last_row = 0
        self._head: Record | None = None

    @property
    def jobs(self) -> Jobs:
        """The jobs made until now."""
        return self._files.jobs

    def make_job(self) -> None:
        """Make the first job, and wait for nothing."""
        next(self._pages, None)

    def start(self) -> None:
        """Go to the first row that no earlier run has written. Raises NotFound if the job is gone."""
        self._move_to(self._passed + 1)

    def join(self, listed: Sequence[Record]) -> tuple[list[Record], list[str]]:
        """The records that list and file agree on, and ids of those to be read whole."""
        joined: list[Record] = []
        others: list[str] = []
        for record in listed:
            record_id = int(record["id"])
            if record_id <= self._passed:  # slipped between two pages, and found by their proof
                others.append(record["id"])
                continue
            others += self._move_to(record_id)
            self._passed = record_id
            row = self._head
            if row is not None and row["id"] == record["id"]:
                self._head = next(self._rows, None)
                if self._utc(row[MODIFIED]) == record[MODIFIED]:
                    row.update(record)
                    joined.append(row)
                    continue
            others.append(record["id"])
        return joined, others

    def rest(self) -> Iterator[list[str]]:
        """Ids in the files beyond the last list page."""
        ids: list[str] = []
        self._head = self._head or next(self._rows, None)
        while self._head is not None:
            ids.append(self._head["id"])
            self._head = next(self._rows, None)
            if len(ids) >= IDS_AT_ONCE:
                yield ids
                ids = []
        yield ids

    def _move_to(self, record_id: int) -> list[str]:
        """Go on to the first row that is not before an id; gives the ids of those left behind."""
        behind: list[str] = []
        if self._head is None:
            self._head = next(self._rows, None)
        while self._head is not None and int(self._head["id"]) < record_id:
            behind.append(self._head["id"])
            self._head = next(self._rows, None)
        return behind

    def _records(self) -> Iterator[Record]:
        for page in self._pages:
            for record in page.records() if page else ():
                row_id = int(record["id"])
                if row_id <= self._last_row:
                    raise BulkUnusable("its rows do not come by ascending id, so no list page can be joined.")
                self._last_row = row_id
                yield record
