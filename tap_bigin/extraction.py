"""How one module is read: list pages, Bulk Read jobs, or both, whichever costs fewer credits.

The size is asked for (1 credit) only where it decides something: before a full pass that a job might
make cheaper, for pages to be fetched side by side, and when an incremental pass turns out to be long.
What a job cannot do falls back to list pages, with a warning that names the price; unless
``extraction_method`` is bulk, which says that list pages are not wanted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from msgspec.structs import replace

from bigin_api.errors import NotFound, Refused, ServerError
from bigin_api.limits import BULK_RESULT_LIFETIME, MAX_RECORDS_BY_PAGE, RECORDS_PER_PAGE
from tap_bigin.bookmarks import Jobs, Scan
from tap_bigin.bulk.bulk_scan import BulkReading
from tap_bigin.bulk.choice import JobChoice
from tap_bigin.bulk.jobs import BulkUnusable
from tap_bigin.bulk.merging import BulkMerging
from tap_bigin.lists.pages import MODIFIED, ModulePages, Place, Record
from tap_bigin.lists.proving import Proof
from tap_bigin.lists.reading import ListReading, listing_of
from tap_bigin.planning import list_credits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bigin_api import Field, InFlight, Labelled
    from tap_bigin.bookmarks import Kind
    from tap_bigin.lists.pages import JoinedPage
    from tap_bigin.report import StreamReport
    from tap_bigin.settings import TapSettings

PAGES_BEFORE_COUNTING = MAX_RECORDS_BY_PAGE // RECORDS_PER_PAGE
"""An incremental pass is mostly a page or two: only a long one is worth the question how long."""


Pages = Iterator[tuple[list[Record], Scan]]
"""Pages of raw records, each with where the scan stands once they are written."""


class Reading(Protocol):
    """A pass that is being read, in whichever way."""

    @property
    def scan(self) -> Scan:
        """Where it stands after the latest chunk."""


class Extraction:
    """One scan of one module, in whichever way is cheapest.

    ``scan`` and ``pages_read`` tell how it stands.
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
        is_crowded: bool,
    ) -> None:
        """``described`` are all fields of the module; ``pages`` asks for those of the stream.

        ``is_crowded`` says that there are enough streams to keep all calls in flight: then no page of one
        of them need be fetched beside another, nor the stream be counted for it.
        """
        asked = {name for group in pages.groups for name in group}
        self._client = client
        self._calls = calls
        self._module = module
        self._fields = [each for each in described if each.api_name in asked]
        self._lookups = [each.api_name for each in described if each.data_type == "lookup"]
        self._pages = pages
        self._wish = settings.extraction_method
        self._report = report
        self._is_crowded = is_crowded
        self._choice = JobChoice(
            client,
            module,
            self._fields,
            wish=self._wish,
            flat_lookups=settings.lookups == "id",
            report=report,
        )
        self.pages_read = 0
        self._outgrown = False  # once is enough to ask

    def pages(self, scan: Scan) -> Pages:
        """The records from where the scan stands to its end, each page with where it stands after it.

        When this returns, ``scan`` is complete. Raises BiginError.
        """
        self.scan = scan
        if scan.kind == "bulk":
            yield from self._by_jobs(scan)
        elif scan.since is not None:
            yield from self._incremental(scan)
        elif scan.last is not None or scan.after is not None:
            yield from self._by_list(scan)
        else:
            yield from self._full(scan)

    def _full(self, scan: Scan) -> Pages:
        """A full pass from its beginning."""
        counted = self._count() if self._choice.may_pay else None
        self._report.counted = counted
        if counted is not None and self._choice.are_cheaper(counted, wish=self._wish):
            jobs = Jobs(counted=counted)
            yield from self._by_jobs(replace(scan, kind="bulk", jobs=jobs))
            return
        first: JoinedPage | None = None
        if counted is None:
            first = self._pages.page(Place(1), listing_of(scan))
            if not first.more_records:
                self._report.counted = first.counted  # of the page, which is all there is
            elif not self._is_crowded:
                counted = self._report.counted = self._count()
        reading = self._list_reading(self._pages)
        for page in self._read(reading, reading.pages(scan, first=first, counted=counted)):
            yield page
            if self._has_outgrown(counted, reading.scan.emitted):
                yield from self._by_jobs(self._jobs_instead(scan, reading.scan.emitted))
                return

    def _incremental(self, scan: Scan) -> Pages:
        """List pages, unless so much has changed that a job is cheaper than the pages to come."""
        reading = self._list_reading(self._pages)
        counted = None
        for page in self._read(reading, reading.pages(scan)):
            yield page
            if reading.pages_read < PAGES_BEFORE_COUNTING:
                continue
            if counted is None:
                counted = self._count_since(scan) if self._choice.may_pay else 0
                is_cheaper = counted and self._choice.are_cheaper(counted, wish="auto", alone=True)
            else:
                is_cheaper = self._has_outgrown(counted, reading.scan.emitted, alone=True)
            if is_cheaper:
                # The job reads the whole window again, and with it what the pages may have skipped.
                most = max(counted, reading.scan.emitted)
                yield from self._by_jobs(self._jobs_instead(scan, most))
                return

    def _has_outgrown(self, counted: int | None, emitted: int, *, alone: bool = False) -> bool:
        """Whether far more was read than counted, and pages have cost what a job costs.

        The count lags by minutes, and many records at once are often an import of a moment ago. How many
        are still to come nobody knows: to change over now costs at most twice what was the best.
        """
        if self._outgrown or self._wish != "auto" or emitted < (counted or 0) + MAX_RECORDS_BY_PAGE:
            return False
        self._outgrown = self._choice.might_be_cheaper(emitted)
        return self._outgrown and self._choice.are_cheaper(emitted, wish="auto", alone=alone)

    def _jobs_instead(self, scan: Scan, counted: int) -> Scan:
        """The pass by jobs, from its beginning. What pages have given comes again."""
        return Scan("bulk", scan.started, scan.shape, since=scan.since, jobs=Jobs(counted=counted))

    def _by_list(self, scan: Scan, *, first: JoinedPage | None = None, counted: int | None = None) -> Pages:
        reading = self._list_reading(self._pages)
        yield from self._read(reading, reading.pages(scan, first=first, counted=counted))

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
            yield from self._by_list(listed, counted=counted)

    def _by_living_jobs(self, scan: Scan) -> Pages:
        """By the jobs of an earlier run, or by new ones if Bigin has forgotten those."""
        is_resumed = bool(scan.jobs and scan.jobs.ids)
        if is_resumed and self._is_too_old(scan):
            is_resumed, scan = False, self._begun_anew(scan, "Results are kept for a day.")
        try:
            reading = self._job_reading()
            yield from self._read(reading, reading.pages(scan))
        except NotFound as gone:
            if not is_resumed:
                raise BulkUnusable(gone.message, module=self._module) from gone
            reading = self._job_reading()
            yield from self._read(reading, reading.pages(self._begun_anew(scan, gone.message)))

    def _is_too_old(self, scan: Scan) -> bool:
        now = self._client.server_time
        return now is not None and scan.started is not None and now - scan.started > BULK_RESULT_LIFETIME

    def _begun_anew(self, scan: Scan, why: str) -> Scan:
        self._report.inform(f"a job of an earlier run is gone: it is made anew. {why}")
        counted = (self._count() or 0) if scan.since is None else 0
        jobs = Jobs(counted=counted)
        return Scan("bulk", self._client.server_time, scan.shape, since=scan.since, jobs=jobs)

    def _read(self, reading: Reading, pages: Pages) -> Pages:
        for page in pages:
            self.scan = reading.scan
            self.pages_read += 1
            yield page
        self.scan = reading.scan

    def _job_reading(self) -> BulkReading | BulkMerging:
        columns = self._choice.columns
        if not columns.left_to_list:
            return BulkReading(
                self._client,
                self._module,
                columns,
                pages=self._pages,
                lookups=self._lookups,
                report=self._report,
            )
        names = [MODIFIED, *(each for each in columns.left_to_list if each != MODIFIED)]
        listed = ModulePages(self._client, self._calls, self._module, names)
        return BulkMerging(
            self._client,
            self._module,
            columns,
            listed=self._list_reading(listed),
            pages=self._pages,
        )

    def _list_reading(self, pages: ModulePages) -> ListReading:
        proof = Proof(self._client, self._module)
        return ListReading(self._client, self._module, pages, proof=proof, report=self._report)

    def _count(self, criteria: str | None = None) -> int | None:
        try:
            return self._client.urgent().records.count(self._module, criteria=criteria)
        except (Refused, ServerError):
            return None  # it only plans: what cannot be counted can be read

    def _count_since(self, scan: Scan) -> int:
        """How many records an incremental pass has to read, 0 where it cannot be told."""
        since = scan.since.replace(microsecond=0).isoformat() if scan.since else ""
        return self._count(f"({MODIFIED}:greater_equal:{since})") or 0
