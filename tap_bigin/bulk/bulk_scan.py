"""A scan of a module by Bulk Read jobs: resumable at each page of rows, completed by COQL and by ids.

The state has the jobs' ids and how many of their rows are written: a run that finds them goes on after
the last one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from bigin_api.bulk.bulk_read import greater_equal
from tap_bigin.bookmarks import Jobs
from tap_bigin.bulk.completeness import Completion, SeenIds
from tap_bigin.bulk.jobs import BulkFiles, BulkUnusable
from tap_bigin.bulk.links import BulkLinks
from tap_bigin.lists.pages import MODIFIED, in_hundreds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bigin_api import Labelled
    from bigin_api.bulk.bulk_read import Criteria
    from tap_bigin.bookmarks import Scan
    from tap_bigin.lists.pages import ModulePages, Record
    from tap_bigin.planning import JobColumns
    from tap_bigin.report import StreamReport


class BulkScan:
    """One scan of one module."""

    def __init__(
        self,
        client: Labelled,
        module: str,
        columns: JobColumns,
        *,
        pages: ModulePages,
        beside: ModulePages | None,
        lookups: Sequence[str],
        report: StreamReport,
    ) -> None:
        """``pages`` reads records whole, ``beside`` the fields that no job gives, if any are asked for.

        ``lookups`` are all that the module has.
        """
        self._client = client
        self._module = module
        self._columns = columns
        self._pages = pages
        self._beside = beside
        self._lookups = lookups
        self._report = report

    def pages(self, scan: Scan) -> Iterator[tuple[list[Record], Scan]]:
        """The records from where the scan stands to its end, each page with where it stands after it.

        When this returns, ``scan`` is complete. Raises BulkUnusable, and
        NotFound for a job that is gone.
        """
        self.scan = scan
        files = BulkFiles(
            self._client,
            self._module,
            self._columns,
            jobs=scan.jobs or Jobs(),
            links=BulkLinks(self._client, self._module, self._columns),
            criteria=self._criteria(),
        )
        seen = SeenIds()
        written = files.jobs.rows  # by an earlier run
        self._doubtful = list(self._lookups)
        for page in files.pages():
            if page is None:
                yield self._page([], files.jobs)
                continue
            place = {each: row for row, each in enumerate(page.ids, start=seen.rows + 1)}
            records = page.records(skipped=max(0, written - seen.rows))
            seen.add(page.ids, begins_file=page.begins_file)
            self._clear_doubts(records)
            for last_id, some in self._completed(self._told_by_list(records, page.unclear)):
                files.jobs = replace(files.jobs, rows=place[last_id])
                yield self._page(some, files.jobs)
        yield from self._what_is_missing(seen, files)

    def _clear_doubts(self, records: list[Record]) -> None:
        """A job that gives a row with an empty lookup does not leave such rows out."""
        self._doubtful = [
            name for name in self._doubtful if all(record.get(name, "") is not None for record in records)
        ]

    def _told_by_list(self, records: list[Record], unclear: set[str]) -> list[Record]:
        """With those rows read whole of which the file does not tell everything; 1 credit for 100."""
        if not unclear:
            return records
        wholes = {each["id"]: each for each in self._pages.by_ids(sorted(unclear))}
        there = (each for each in records if each["id"] not in unclear or each["id"] in wholes)
        return [wholes.get(each["id"], each) for each in there]

    def _completed(self, records: list[Record]) -> Iterator[tuple[str, list[Record]]]:
        """With the fields that no job gives, 1 credit for 100 records and 50 fields, as they come.

        A record that changed since the job was made is read whole, one that is gone is left out. Each portion
        comes with the id of the last row that it stands for.
        """
        if self._beside is None:
            if records:
                yield records[-1]["id"], records
            return
        utc = self._beside.instants.utc
        portions = self._beside.by_ids_in_turn([each["id"] for each in records])
        for some in in_hundreds(records):
            others = {other["id"]: other for other in next(portions)}
            there = [each for each in some if each["id"] in others]
            changed = [each["id"] for each in there if utc(each[MODIFIED]) != others[each["id"]][MODIFIED]]
            wholes = {whole["id"]: whole for whole in self._pages.by_ids(changed)}
            joined = {each["id"]: {**each, **others[each["id"]]} for each in there} | wholes
            yield (
                some[-1]["id"],
                [record for each, record in joined.items() if each in wholes or each not in changed],
            )

    def _page(self, records: list[Record], jobs: Jobs) -> tuple[list[Record], Scan]:
        self.scan = replace(self.scan, jobs=jobs, emitted=self.scan.emitted + len(records))
        return records, self.scan

    def _criteria(self) -> Criteria | None:
        """What an incremental pass is to read."""
        return None if self.scan.since is None else greater_equal(MODIFIED, self.scan.since)

    def _what_is_missing(self, seen: SeenIds, files: BulkFiles) -> Iterator[tuple[list[Record], Scan]]:
        completion = Completion(self._client, self._module, self.scan, seen=seen, report=self._report)
        counted = files.jobs.counted
        missing = completion.missing(
            self._doubtful, counted=counted, promised=files.promised, rest=files.rest_is_left
        )
        for ids in missing:
            records = self._pages.by_ids(ids)
            seen.add_beside(str(record["id"]) for record in records)
            yield self._page(records, files.jobs)
        if completion.refused is None:
            return
        if len(seen) < max(counted, files.promised):
            raise BulkUnusable(
                f"the job gave {seen.rows:,} of {counted:,} records, and COQL may not be asked for the "
                f"others. {completion.refused}",
                module=self._module,
            )
        self._report.lacks(f"that the job left nothing out cannot be proven. {completion.refused}")
