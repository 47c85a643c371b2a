"""One scan of a module: by list pages or by jobs, what is counted for it, and what happens where a job fails."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace
from support.bulk_read import Made
from support.listed import DAY, NINE, Listed, Now

from bigin_api import BulkReadJob, Field, NotFound, PermissionDenied, ServerError
from tap_bigin.bookmarks import Jobs, Scan, to_utc_text
from tap_bigin.bulk.jobs import BulkUnusable
from tap_bigin.extraction import Extraction
from tap_bigin.lists.pages import ModulePages

NAME, TIME = Field("Name", "text", "string"), Field("Modified_Time", "datetime", "string")
IMAGE = Field("Record_Image", "profileimage", "string")
OTHER = Field("Other", "text", "string")  # which the stream does not ask for
GONE = NotFound("the job is gone")
FAILED = ServerError("it is broken")
FULL = Scan("full", NINE + DAY, "shape")
INCREMENTAL = replace(FULL, kind="incremental", since=NINE)


class Module(Listed):
    """A module that jobs can read, too. ``failing``: what is raised where a call begins with these words."""

    def __init__(self, size: int, *, counted: int | None = None, **failing: Exception) -> None:
        super().__init__({each: each for each in range(1, size + 1)})
        self.counted = size if counted is None else counted
        self.failing = failing
        self.tags = self.metadata = self.bulk_read = self.organization = self
        self._made = 0

    @property
    def asked(self) -> list[str]:
        """The calls, but for those of a list or of ids, which are told by how many there were."""
        return [each for each in self.calls if not each.startswith(("id ", "Modified_Time ", "ids "))]

    @property
    def listed(self) -> int:
        return sum(each.startswith(("id ", "Modified_Time ")) for each in self.calls)

    def urgent(self) -> Any:
        return self

    def of_module(self, _module: str) -> list[Any]:
        return []

    def count(self, _module: str, *, criteria: str | None) -> int:
        self._do(f"count {criteria or 'all'}")
        return self.counted

    def create(self, _module: str, fields: Any, *, criteria: Any, page: int) -> BulkReadJob:
        self._made += 1
        self._do(f"create {' '.join(fields)} page {page}{' since' if criteria else ''}")
        return BulkReadJob(str(self._made), "ADDED")

    def wait(self, job: Any, *, expected_rows: int) -> BulkReadJob:
        job_id = job if isinstance(job, str) else job.id
        self._do(f"wait {job_id} for {expected_rows}")
        return BulkReadJob(job_id, "COMPLETED", count=len(self.times), more_records=False)

    def download(self, _job: BulkReadJob, into: Any) -> None:
        rows = [
            [str(each), "N", to_utc_text(NINE + timedelta(seconds=at))] for each, at in self.times.items()
        ]
        into.write(Made(("Id", "Name", "Modified_Time"), rows).zipped())

    def _do(self, what: str) -> None:
        self._call(what)
        error = self.failing.pop(what.partition(" ")[0], None)
        if error is not None:
            raise error


class Unheard(Module):
    """One of which no call has told the clock yet."""

    def __getattribute__(self, name: str) -> Any:
        is_silent = name == "server_time" and not self.__dict__.get("is_heard")
        return None if is_silent else super().__getattribute__(name)

    def _call(self, what: str) -> Any:
        self.is_heard = True
        return super()._call(what)


def _extraction(
    module: Module, *, wish: str = "auto", fields: tuple[Field, ...] = (NAME, TIME)
) -> Extraction:
    names = [each.api_name for each in fields]
    client: Any = module
    calls: Any = Now()
    settings: Any = SimpleNamespace(extraction_method=wish, lookups="object")
    return Extraction(
        client,
        calls,
        "Contacts",
        [*fields, OTHER],
        pages=ModulePages(client, calls, "Contacts", names, report=module.report),
        settings=settings,
        report=module.report,
    )


def _read(module: Module, scan: Scan, **more: Any) -> tuple[Extraction, list[tuple[int, Scan]]]:
    """What was read to the end of a scan: records and where it stood after each page."""
    extraction = _extraction(module, **more)
    return extraction, [(len(records), reached) for records, reached in extraction.pages(scan)]


def _by_job(scan: Scan, *, jobs: Jobs, emitted: int) -> Scan:
    return Scan("bulk", scan.started, scan.shape, since=scan.since, jobs=jobs, emitted=emitted)


def test_a_small_module_is_counted_and_read_by_list() -> None:
    """Its size decides that, and the account holds what was read against it."""
    module = Module(300)

    extraction, pages = _read(module, FULL)

    assert [count for count, _ in pages] == [200, 100]
    assert module.asked == ["count all"]
    assert module.report.counted == 300
    assert extraction.pages_read == 2
    assert extraction.scan.emitted == 300
    assert module.said == [
        "Contacts: read by list pages: 300 records cost 3 credits by list, 54 by Bulk Read."
    ]


@pytest.mark.parametrize(
    ("scan", "wish"),
    [
        (replace(FULL, after="100"), "auto"),
        (replace(FULL, last=("2026-05-14T09:00:00Z", "100")), "auto"),
        (INCREMENTAL, "auto"),
        (FULL, "list"),
    ],
)
def test_what_needs_no_size_is_not_counted(scan: Scan, wish: str) -> None:
    """A scan that goes on, or what changed since a bookmark: a count costs a credit."""
    module = Module(300)

    _, pages = _read(module, scan, wish=wish)

    assert [each for each in module.asked if each.startswith("count")] == []
    assert sum(count for count, _ in pages) >= 200


def test_what_cannot_be_counted_is_read_by_list() -> None:
    """It only plans."""
    for error in (FAILED, PermissionDenied("no")):
        module = Module(300, count=error)

        _, pages = _read(module, FULL)

        assert [count for count, _ in pages] == [200, 100]
        assert module.report.counted is None


@pytest.mark.usefixtures("cheap_jobs")
@pytest.mark.parametrize("count", [1_600, 3_000])
def test_a_large_module_is_read_by_a_job(count: int) -> None:
    """The job is told before it is waited for, with the count that its plan stands on."""
    module = Module(count)

    extraction, pages = _read(module, FULL)

    jobs = Jobs(ids=("1",), counted=count)
    sizes = [1_000] * (count // 1_000) + [count % 1_000] * bool(count % 1_000)
    assert [each for each, _ in pages] == [0, *sizes]
    assert pages[0][1] == _by_job(FULL, jobs=jobs, emitted=0)
    assert extraction.scan == _by_job(FULL, jobs=replace(jobs, rows=count), emitted=count)
    assert module.asked == ["count all", "create Name Modified_Time page 1", f"wait 1 for {count}"]
    assert module.listed == 0
    assert extraction.pages_read == len(pages)


def test_whoever_wants_jobs_has_them_whatever_they_cost() -> None:
    """Also where little is counted."""
    module = Module(3)

    extraction, _ = _read(module, FULL, wish="bulk")

    assert module.asked == ["count all", "create Name Modified_Time page 1", "wait 1 for 3"]
    assert extraction.scan.emitted == 3


@pytest.mark.usefixtures("cheap_jobs")
@pytest.mark.parametrize(
    ("scan", "counted", "asked"),
    [
        (FULL, 0, "count all, count all, create"),  # it lags: as many as came are counted at least
        (FULL, 700, "count all"),  # so many more did not come
        (INCREMENTAL, 100, "count since, create since"),
        (INCREMENTAL, 2_300, "count since, create since"),
    ],
)
def test_where_far_more_come_than_were_known_of_jobs_take_over(scan: Scan, counted: int, asked: str) -> None:
    """They begin the scan again, and bring with it what the pages may have skipped."""
    module = Module(2_400, counted=counted)

    extraction, pages = _read(module, scan)

    calls = ", ".join(each for each in module.asked if not each.startswith(("wait", "coql")))
    since = "(Modified_Time:greater_equal:2026-05-14T09:00:00+00:00)"
    assert calls.replace(since, "since").replace(" Name Modified_Time page 1", "") == asked
    by_list = [(count, reached) for count, reached in pages if reached.kind != "bulk"]
    listed = sum(count for count, _ in by_list)
    if "create" in asked:
        jobs = Jobs(("1",), counted=max(counted, listed))
        assert 2_000 <= listed < 2_200
        assert pages[len(by_list)] == (0, _by_job(scan, jobs=jobs, emitted=0))
    assert extraction.scan.emitted == 2_400
    assert extraction.pages_read == len(pages)


@pytest.mark.parametrize(
    ("scan", "size", "counts"),
    [
        (FULL, 1_999, 1),
        (FULL, 2_000, 2),
        (INCREMENTAL, 1_999, 0),
        (INCREMENTAL, 2_000, 1),
        (INCREMENTAL, 4_200, 2),
    ],
)
def test_pages_are_counted_again_each_time_that_far_more_have_come(
    scan: Scan, size: int, counts: int
) -> None:
    """2,000, and not at each page after that: it costs a credit."""
    module = Module(size, counted=0)

    _read(module, scan)

    assert sum(each.startswith("count") for each in module.asked) == counts


@pytest.mark.usefixtures("cheap_jobs")
def test_where_no_count_can_be_had_as_many_as_came_decide() -> None:
    """It only plans."""
    module = Module(2_400, count=FAILED)

    extraction, _ = _read(module, INCREMENTAL)

    assert extraction.scan.jobs == Jobs(("1",), 2_400, 2_000)


@pytest.mark.parametrize(
    ("scan", "size", "fields", "expected"),
    [
        (INCREMENTAL, 1_999, (NAME, TIME, IMAGE), None),
        (INCREMENTAL, 2_000, (NAME, TIME, IMAGE), 2_600),
        (INCREMENTAL, 2_200, (NAME, TIME, IMAGE), 2_600),
        (FULL, 2_600, (NAME, TIME), None),  # it has been counted
    ],
)
def test_a_person_who_waits_is_told_of_how_many_once(
    scan: Scan, size: int, fields: tuple[Field, ...], expected: int | None
) -> None:
    """Of a long list that nobody has counted; it costs a credit."""
    module = Module(size, counted=2_600)
    module.report.is_watched = True

    _read(module, scan, fields=fields)

    assert sum(each.startswith("count") for each in module.asked) == (expected is not None or scan is FULL)
    assert module.report.expected == expected


@pytest.mark.parametrize(("wish", "counted"), [("list", 50), ("auto", 60)])
def test_the_account_has_bigins_own_count(wish: str, counted: int) -> None:
    """Of a list of one page, which tells it, or as it was asked for."""
    module = Module(50, counted=60)

    _read(module, FULL, wish=wish)

    assert module.report.counted == counted


# Jobs that fail, or that an earlier run made

RESUMED = _by_job(FULL, jobs=Jobs(("7",), counted=300), emitted=0)


def test_a_job_of_an_earlier_run_is_asked_for() -> None:
    """It is paid for."""
    module = Module(300)

    extraction, pages = _read(module, RESUMED)

    assert module.asked == ["wait 7 for 300"]
    assert [count for count, _ in pages] == [300]
    assert extraction.scan.jobs == Jobs(("7",), 300, 300)


@pytest.mark.parametrize(
    ("age", "is_gone", "since", "asked"),
    [
        (DAY, False, None, ["wait 7 for 300"]),
        (DAY + timedelta(seconds=1), False, None, ["count all", "create", "wait 1 for 400"]),
        (DAY, True, None, ["wait 7 for 300", "count all", "create", "wait 1 for 400"]),
        (DAY, True, NINE, ["wait 7 for 300", "create", "wait 1 for 0"]),
    ],
)
def test_a_job_that_bigin_has_forgotten_is_made_anew(
    age: timedelta, *, is_gone: bool, since: Any, asked: list[str]
) -> None:
    """Results are kept for a day; the bookmark is Bigin's clock before the new one."""
    module = Module(300, counted=400, **({"wait": GONE} if is_gone else {}))
    module.times = {each: each for each in range(1, 401)}
    scan = replace(RESUMED, started=module.server_time - age, since=since, emitted=100)

    extraction, pages = _read(module, scan)

    made = " Name Modified_Time page 1" + (" since" if since else "")
    assert module.asked == [each + made if each == "create" else each for each in asked]
    if "create" in asked:
        assert [count for count, _ in pages] == [0, 400]
        expected = int(asked[-1].split()[-1])
        began = extraction.scan.started
        assert began is not None
        assert began > scan.started
        assert pages[0][1] == replace(
            _by_job(scan, jobs=Jobs(("1",), counted=expected), emitted=0), started=began
        )
        assert module.said[0].startswith("Contacts: a job of an earlier run is gone: it is made anew. ")


def test_what_cannot_be_counted_anew_is_made_anew_all_the_same() -> None:
    """The count only plans."""
    module = Module(300, wait=GONE, count=FAILED)

    extraction, _ = _read(module, RESUMED)

    assert extraction.scan.jobs == Jobs(("1",), 300, 0)


def test_a_job_that_is_gone_though_it_was_just_made_is_not_made_again() -> None:
    """It costs 50 credits each time."""
    module = Module(300, wait=GONE)

    _read(module, replace(RESUMED, started=NINE - DAY))

    assert sum(each.startswith("create") for each in module.asked) == 1
    assert module.said[-1] == f"Contacts: read by list pages after all, some 3 credits. {GONE.message}"


@pytest.mark.parametrize("jobs", [Jobs(counted=300), None])
def test_a_scan_whose_jobs_are_still_to_be_made_is_not_too_old(jobs: Jobs | None) -> None:
    """Pages may have come for longer than a day before jobs took over; its bookmark stays."""
    module = Module(300)
    scan = replace(RESUMED, started=NINE - DAY, jobs=jobs)

    extraction, _ = _read(module, scan)

    counted = jobs.counted if jobs else 0
    assert module.asked == ["create Name Modified_Time page 1", f"wait 1 for {counted}"]
    assert extraction.scan.started == scan.started


def test_a_run_that_has_heard_nothing_of_bigin_takes_no_job_for_too_old() -> None:
    """Bigin says what is gone."""
    module = Unheard(300)

    _read(module, RESUMED)

    assert module.asked == ["wait 7 for 300"]


def test_a_scan_of_which_no_clock_is_known_is_not_too_old() -> None:
    """Bigin says what is gone."""
    module = Module(300)

    _read(module, replace(RESUMED, started=None))

    assert module.asked == ["wait 7 for 300"]


@pytest.mark.usefixtures("cheap_jobs")
@pytest.mark.parametrize(
    ("since", "jobs"), [(None, Jobs(counted=1_600)), (NINE, Jobs(counted=1_600)), (None, None)]
)
def test_where_no_job_can_do_it_list_pages_begin_anew(since: Any, jobs: Jobs | None) -> None:
    """With a warning that names the price; the bookmark is Bigin's clock before them."""
    for failing in ({"create": PermissionDenied("no")}, {"wait": GONE}):
        module = Module(1_600, **failing)
        scan = replace(FULL, kind="bulk", since=since, jobs=jobs)

        extraction, pages = _read(module, scan)

        why = "Bulk Read refuses it. no" if "create" in failing else GONE.message
        assert module.said == [
            f"Contacts: read by list pages after all, some {9 if jobs else 1} credits. {why}",
        ]
        assert sum(count for count, _ in pages) >= 1_600
        assert extraction.scan.kind == ("full" if scan.since is None else "incremental")
        assert (extraction.scan.since, extraction.scan.shape) == (scan.since, "shape")
        assert extraction.scan.started is not None
        assert extraction.scan.started > NINE + DAY


def test_whoever_wants_jobs_alone_is_told_and_not_charged_for_pages() -> None:
    """That is what the setting says."""
    module = Module(300, wait=GONE)

    with pytest.raises(
        BulkUnusable, match=r"^the job is gone With extraction_method auto it would be read"
    ) as told:
        _read(module, FULL, wish="bulk")

    assert module.listed == 0
    assert told.value.module == "Contacts"


def test_what_no_job_gives_is_read_by_ids_beside_it() -> None:
    """100 records a credit, with the time by which a change since the job shows."""
    module = Module(300)

    extraction, pages = _read(module, FULL, wish="bulk", fields=(IMAGE, NAME, TIME))

    assert module.asked == ["count all", "create Name Modified_Time page 1", "wait 1 for 300"]
    assert [count for count, _ in pages] == [0, 100, 100, 100]
    assert extraction.scan.emitted == 300
