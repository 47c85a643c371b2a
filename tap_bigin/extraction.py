"""How one module is read: list pages, Bulk Read jobs, or both, whichever costs fewer credits.

The size is asked for (1 credit) only where it decides something: before a full scan that a job might
make cheaper, and when far more records come than were known of.
What a job cannot do falls back to list pages, with a warning that names the price; unless
``extraction_method`` is bulk, which says that list pages are not wanted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from bigin_api.errors import NotFound, Refused, TransientError
from bigin_api.limits import BULK_RESULT_LIFETIME, MAX_RECORDS_BY_PAGE
from tap_bigin.bookmarks import Jobs, Scan
from tap_bigin.bulk.bulk_scan import BulkScan
from tap_bigin.bulk.choice import JobChoice
from tap_bigin.bulk.jobs import BulkUnusable
from tap_bigin.lists.list_scan import ListScan
from tap_bigin.lists.pages import MODIFIED, ModulePages, Record
from tap_bigin.planning import list_credits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bigin_api import Field, InFlight, Labelled
    from tap_bigin.bookmarks import Kind
    from tap_bigin.report import StreamReport
    from tap_bigin.settings import TapSettings

Pages = Iterator[tuple[list[Record], Scan]]
"""Pages of raw records, each with where the scan stands once they are written."""


class Extraction:
    """One scan of one module, in whichever way is cheapest.

    ``pages_read`` tells how far it is, ``scan`` how it stands in the end.
    """

    def __init__(
        self,
        client: Labelled,
        calls: InFlight,
        module: str,
        described: Sequence[Field],
        *,
        pages: ModulePages,
        settings: TapSettings,
        report: StreamReport,
    ) -> None:
        """``described`` are all fields of the module; ``pages`` asks for those of the stream."""
        asked = {name for group in pages.groups for name in group}
        self._client = client
        self._calls = calls
        self._module = module
        self._fields = [each for each in described if each.api_name in asked]
        self._lookups = [each.api_name for each in described if each.data_type == "lookup"]
        self._pages = pages
        self._wish = settings.extraction_method
        self._report = report
        self._choice = JobChoice(client, module, self._fields, settings=settings, report=report)
        self.pages_read = 0

    def pages(self, scan: Scan) -> Pages:
        """The records from where the scan stands to its end, each page with where it stands after it.

        When this returns, ``scan`` is complete. Raises BiginError.
        """
        if scan.kind == "bulk":
            yield from self._by_jobs(scan)
        elif scan.since is not None:
            yield from self._by_list_or_jobs(scan, 0)
        elif scan.last is not None or scan.after is not None:
            yield from self._by_list(scan)
        else:
            yield from self._full(scan)

    def _full(self, scan: Scan) -> Pages:
        """A full scan from its beginning."""
        counted = self._count(scan) if self._choice.may_pay else None
        self._report.counted = counted
        if counted is not None and self._choice.are_cheaper(counted, wish=self._wish):
            yield from self._by_jobs(replace(scan, kind="bulk", jobs=Jobs(counted=counted)))
        else:
            yield from self._by_list_or_jobs(scan, counted or 0)

    def _by_list_or_jobs(self, scan: Scan, counted: int) -> Pages:
        """List pages, and jobs in their place once there turn out to be so many records that jobs cost less.

        ``counted`` are the records that there are known to be. Each time that far more have come they are
        counted anew; since that count lags by minutes, at least as many as came. The jobs begin the scan
        again, and bring with it what the pages may have skipped.
        """
        for page in self._by_list(scan):
            yield page
            emitted = page[1].emitted
            if self._report.is_watched and emitted >= MAX_RECORDS_BY_PAGE and not counted:
                self._report.is_watched = False
                self._report.expected = self._count(scan)
            if not self._choice.may_pay or emitted < counted + MAX_RECORDS_BY_PAGE:
                continue
            counted = max(self._count(scan) or emitted, emitted)
            if self._choice.are_cheaper(counted, wish="auto"):
                jobs = Jobs(counted=counted)
                yield from self._by_jobs(Scan("bulk", scan.started, scan.shape, since=scan.since, jobs=jobs))
                return

    def _by_list(self, scan: Scan) -> Pages:
        reading = ListScan(self._client, self._module, self._pages, report=self._report)
        yield from self._read(reading, scan)
        if self._report.counted is None:
            self._report.counted = reading.counted

    def _by_jobs(self, scan: Scan) -> Pages:
        """By jobs, or from the start by list pages if no job can do it."""
        try:
            yield from self._by_living_jobs(scan)
        except BulkUnusable as unusable:
            if self._wish == "bulk":
                raise BulkUnusable(
                    f"{unusable.message} With extraction_method auto it would be read by list pages.",
                    module=self._module,
                ) from unusable
            counted = (scan.jobs or Jobs()).counted
            price = list_credits(counted, len(self._fields))
            self._report.warn(f"read by list pages after all, some {price:,} credits. {unusable.message}")
            kind: Kind = "full" if scan.since is None else "incremental"
            listed = Scan(kind, self._client.server_time, scan.shape, since=scan.since)
            yield from self._by_list(listed)

    def _by_living_jobs(self, scan: Scan) -> Pages:
        """By the jobs of an earlier run, or by new ones if Bigin has forgotten those."""
        is_resumed = bool(scan.jobs and scan.jobs.ids)
        if is_resumed and self._is_too_old(scan):
            is_resumed, scan = False, self._begun_anew(scan, "Results are kept for a day.")
        try:
            yield from self._read(self._job_reading(), scan)
        except NotFound as gone:
            if not is_resumed:
                raise BulkUnusable(gone.message, module=self._module) from gone
            yield from self._read(self._job_reading(), self._begun_anew(scan, gone.message))

    def _is_too_old(self, scan: Scan) -> bool:
        now = self._client.server_time
        return now is not None and scan.started is not None and now - scan.started > BULK_RESULT_LIFETIME

    def _begun_anew(self, scan: Scan, why: str) -> Scan:
        self._report.inform(f"a job of an earlier run is gone: it is made anew. {why}")
        counted = (self._count(scan) or 0) if scan.since is None else 0
        jobs = Jobs(counted=counted)
        return Scan("bulk", self._client.server_time, scan.shape, since=scan.since, jobs=jobs)

    def _read(self, reader: ListScan | BulkScan, scan: Scan) -> Pages:
        for page in reader.pages(scan):
            self.pages_read += 1
            yield page
        self.scan = reader.scan

    def _job_reading(self) -> BulkScan:
        columns = self._choice.columns
        beside = None
        if columns.left_to_list:
            names = list(dict.fromkeys((MODIFIED, *columns.left_to_list)))
            beside = ModulePages(self._client, self._calls, self._module, names, report=self._report)
        return BulkScan(
            self._client,
            self._module,
            columns,
            pages=self._pages,
            beside=beside,
            lookups=self._lookups,
            report=self._report,
        )

    def _count(self, scan: Scan) -> int | None:
        """How many records a scan has to read, None where it cannot be told. 1 credit."""
        criteria = None
        if scan.since is not None:
            criteria = f"({MODIFIED}:greater_equal:{scan.since.replace(microsecond=0).isoformat()})"
        try:
            return self._client.urgent().records.count(self._module, criteria=criteria)
        except (Refused, TransientError):
            return None  # it only plans: what cannot be counted can be read
