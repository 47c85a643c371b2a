"""What a Bulk Read job leaves out is found, and what it does not leave out is not looked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from support.bulk_read import Made, ReadJobs, Rows
from support.rewriting import OtherBigin
from support.sandbox import Sandbox
from support.tap import TapRun, discover, run_here, select, select_fields

from tap_bigin import planning

CATALOGS: dict[str, Any] = {}
HEADER = ("Id", "Product_Name", "Modified_Time")


@pytest.fixture
def other(sandbox: Sandbox) -> Iterator[OtherBigin]:
    """An organisation of sixty products behind a proxy, and a count that knows of them."""
    sandbox.reset(size="empty")
    _create(sandbox, "Products", 60)
    sandbox.clock(advance=120)
    sandbox.clock(freeze=True)
    proxy = OtherBigin(sandbox)
    yield proxy
    proxy.close()


@pytest.fixture
def jobs(sandbox: Sandbox, other: OtherBigin) -> ReadJobs:
    """Its jobs."""
    return ReadJobs(other, sandbox)


def _create(sandbox: Sandbox, module: str, count: int, **data: Any) -> list[str]:
    made = sandbox.mutate({"op": "create", "module": module, "count": count, "data": data})[0]
    return [each["id"] for each in made]


def _ids(sandbox: Sandbox, module: str = "Products") -> list[str]:
    return [each["id"] for each in sandbox.dump(module)]


def _deletion(*ids: str) -> dict[str, Any]:
    return {"op": "delete", "module": "Products", "ids": list(ids)}


def _count_tells(other: OtherBigin, count: int) -> None:
    """It lags, by up to ten minutes."""
    other.rewrite("/Products/actions/count", lambda _, body: body.update(count=count))


def _by_jobs(other: OtherBigin, module: str = "Products", *more: str, **settings: Any) -> TapRun:
    """A run that reads a module by jobs, and only fields that these give."""
    if module not in CATALOGS:
        CATALOGS[module] = discover(other, modules=[module])
    catalog = select(CATALOGS[module], module)
    name = {"Products": "Product_Name", "Contacts": "Last_Name"}[module]
    select_fields(catalog, module, name, "Modified_Time", *more)
    return run_here(other, catalog=catalog, extraction_method="bulk", deleted_records="none", **settings)


def _rows(ids: Sequence[str]) -> Rows:
    return [[each, "In the file", "2026-01-05T08:00:00+01:00"] for each in ids]


def _looked_at_every_id(run: TapRun) -> bool:
    return bool(run.said("Looking at every id"))


# Several files


def test_a_row_that_slipped_between_two_files_is_found(
    sandbox: Sandbox, other: OtherBigin, jobs: ReadJobs
) -> None:
    """A deletion between two jobs moves the rest up, and the count need not tell that a row is missing."""
    _create(sandbox, "Products", 460)
    sandbox.clock(advance=120)
    ids = _ids(sandbox)
    jobs.rows_per_file = 260
    _count_tells(other, 500)
    sandbox.fault("POST /bulk/read", after=1, mutate=[_deletion(ids[4])])

    run = _by_jobs(other)

    assert run.ids("Products") == [*ids[:260], *ids[261:], ids[260]]
    assert sandbox.calls("POST /coql") == 1
    assert not _looked_at_every_id(run)


ARRANGED = {
    "reversed": lambda rows: rows[::-1],
    "the second half first": lambda rows: [*rows[30:], *rows[:30]],
    "one out of its place": lambda rows: [*rows[1::-1], *rows[2:]],
}


@pytest.mark.parametrize("arrange", ARRANGED.values(), ids=ARRANGED.keys())
def test_between_files_in_no_order_every_id_is_looked_at(
    sandbox: Sandbox, other: OtherBigin, jobs: ReadJobs, arrange: Callable[[Rows], Rows]
) -> None:
    """Nothing promises that rows ascend: then what lies between two files is no interval of ids."""
    ids = _ids(sandbox)
    jobs.rows_per_file = 30
    jobs.arrange = lambda _, rows: arrange(rows)
    _count_tells(other, 50)
    first = int(arrange([[str(number)] for number in range(60)])[4][0])
    sandbox.fault("POST /bulk/read", after=1, mutate=[_deletion(ids[first])])

    run = _by_jobs(other)

    assert sorted(run.ids("Products")) == ids
    assert _looked_at_every_id(run)


def test_what_was_found_between_files_is_not_read_again(
    sandbox: Sandbox, other: OtherBigin, jobs: ReadJobs
) -> None:
    """A row that slipped, and another one left out: every id is looked at, and each record read once."""
    ids = _ids(sandbox)
    jobs.rows_per_file = 30
    jobs.arrange = lambda _, rows: [row for row in rows if row[0] != ids[50]]
    sandbox.fault("POST /bulk/read", after=1, mutate=[_deletion(ids[4])])

    run = _by_jobs(other)

    assert sorted(run.ids("Products")) == ids
    assert run.ids("Products")[-2:] == [ids[30], ids[50]]


def test_what_is_missing_is_found_whatever_the_order_of_the_rows(
    sandbox: Sandbox, other: OtherBigin, jobs: ReadJobs
) -> None:
    """And nothing that the file had is read and paid for again."""
    ids = _ids(sandbox)
    jobs.arrange = lambda _, rows: [row for row in rows[::-1] if row[0] != ids[7]]

    run = _by_jobs(other)

    assert run.ids("Products") == [*(each for each in ids[::-1] if each != ids[7]), ids[7]]


@pytest.mark.parametrize("ascending", [True, False])
def test_the_rest_after_a_full_job_is_read_by_key(
    sandbox: Sandbox, other: OtherBigin, jobs: ReadJobs, monkeypatch: pytest.MonkeyPatch, *, ascending: bool
) -> None:
    """Sixty records beyond a file are not worth another job; where they lie the order of the rows tells."""
    jobs.rows_per_file = 2_000  # in place of 200,000
    monkeypatch.setattr(planning, "RECORDS_PER_BULK_READ", jobs.rows_per_file)
    in_file = [str(6_000_000_000_000_000_000 + number) for number in range(jobs.rows_per_file)]
    if not ascending:
        in_file[-1] = "6999999999999999999"  # above all that is left
        in_file[:2] = in_file[1::-1]
    jobs.made = Made(HEADER, _rows(in_file), more_records=True)
    _count_tells(other, jobs.rows_per_file + 60)

    run = _by_jobs(other)

    assert run.ids("Products") == [*in_file, *_ids(sandbox)]
    assert sandbox.calls("POST /bulk/read") == 1
    assert not _looked_at_every_id(run)


# Rows left out, and not counted


def test_more_records_without_a_parent_than_a_page_of_ids_holds_are_all_found(
    sandbox: Sandbox, other: OtherBigin, jobs: ReadJobs
) -> None:
    """A job has been seen to leave them out, and the count may not yet know of them."""
    company = sandbox.create("Accounts", Account_Name="Nordlys")
    _create(sandbox, "Contacts", 20, Account_Name={"id": company})
    sandbox.clock(advance=120)
    _create(sandbox, "Contacts", 450)
    sandbox.clock(advance=2)
    jobs.arrange = lambda header, rows: [row for row in rows if row[header.index("Account_Name")]]

    run = _by_jobs(other, "Contacts", "Account_Name")

    assert sorted(run.ids("Contacts")) == _ids(sandbox, "Contacts")
    assert run.said("left out records without Account_Name")
    assert not _looked_at_every_id(run)


@pytest.mark.parametrize("deleted", [0, 1, 3])
def test_a_row_left_out_is_found_though_deletions_explain_others(
    sandbox: Sandbox, other: OtherBigin, jobs: ReadJobs, deleted: int
) -> None:
    """The count lags by minutes, so what was deleted lately is still in it; what is more is missing."""
    ids = _ids(sandbox)
    sandbox.mutate(_deletion(*ids[:deleted]))
    jobs.arrange = lambda _, rows: [row for row in rows if row[0] != ids[30]]

    run = _by_jobs(other)

    assert sorted(run.ids("Products")) == ids[deleted:]
    assert _looked_at_every_id(run)


def test_a_file_with_fewer_rows_than_its_job_tells_is_completed_though_the_count_is_no_higher(
    sandbox: Sandbox, other: OtherBigin, jobs: ReadJobs
) -> None:
    """The job counts what it meant to write, whatever the lagging count of the module says."""
    ids = _ids(sandbox)
    jobs.made = Made(HEADER, _rows([*ids[:30], *ids[31:]]), told=60)
    _count_tells(other, 50)

    run = _by_jobs(other)

    assert run.ids("Products") == [*ids[:30], *ids[31:], ids[30]]


def test_a_deletion_whose_record_is_in_the_file_explains_no_other_that_is_missing(
    sandbox: Sandbox, other: OtherBigin, jobs: ReadJobs
) -> None:
    """Deleted after the job was made: counted and read, it hides nothing."""
    ids = _ids(sandbox)
    jobs.arrange = lambda _, rows: [row for row in rows if row[0] != ids[30]]
    sandbox.fault("GET /Products/deleted", mutate=[_deletion(ids[0])])

    run = _by_jobs(other)

    assert sorted(run.ids("Products")) == ids
    assert _looked_at_every_id(run)


@pytest.mark.parametrize("deleted", [1, 60])
def test_a_count_that_lags_behind_deletions_costs_no_look_at_every_id(
    sandbox: Sandbox, other: OtherBigin, deleted: int
) -> None:
    """Nothing is missing: 200 ids a credit would be spent at every run of a module where people tidy up."""
    ids = _ids(sandbox)
    sandbox.mutate(_deletion(*ids[:deleted]))
    ReadJobs(other, sandbox)

    run = _by_jobs(other)

    assert run.ids("Products") == ids[deleted:]
    assert run.said(f"Bigin counts {deleted} more records than there are: {deleted} were deleted lately")
    assert not _looked_at_every_id(run)
    assert sandbox.calls("POST /coql") == 0


def test_deletions_are_counted_page_by_page(sandbox: Sandbox, other: OtherBigin, jobs: ReadJobs) -> None:
    """More than two hundred of the last minutes are two pages of the list."""
    more = _create(sandbox, "Products", 250)
    sandbox.clock(advance=120)
    sandbox.mutate(_deletion(*more))

    run = _by_jobs(other)

    assert sorted(run.ids("Products")) == _ids(sandbox)
    assert run.said("250 were deleted lately")
    assert not _looked_at_every_id(run)


def test_of_a_server_that_lists_all_deletions_only_the_late_ones_count(
    sandbox: Sandbox, other: OtherBigin, jobs: ReadJobs
) -> None:
    """If-Modified-Since is a wish: what was deleted an hour ago explains nothing, and no page more is asked for."""
    old = _create(sandbox, "Products", 300)
    sandbox.clock(advance=10)
    sandbox.mutate(_deletion(*old))
    sandbox.clock(advance=3600)
    sandbox.settings(ims="ignored")
    ids = _ids(sandbox)
    sandbox.mutate(_deletion(ids[0]))
    jobs.arrange = lambda _, rows: [row for row in rows if row[0] != ids[30]]

    run = _by_jobs(other)

    assert sorted(run.ids("Products")) == ids[1:]
    assert sandbox.calls("GET /Products/deleted") == 1


def test_without_a_clock_no_deletion_explains_what_is_missing(
    sandbox: Sandbox, other: OtherBigin, jobs: ReadJobs
) -> None:
    """An answer without its date tells no since when: every id is looked at, rather than one be lost."""
    ids = _ids(sandbox)
    sandbox.mutate(_deletion(ids[0]))
    jobs.arrange = lambda _, rows: [row for row in rows if row[0] != ids[30]]
    other.changing(".*", lambda _, answer: _lose(answer.headers, "date"))

    run = _by_jobs(other)

    assert sorted(run.ids("Products")) == ids[1:]
    assert _looked_at_every_id(run)


def _lose(headers: dict[str, str], lost: str) -> None:
    for name in [each for each in headers if each.lower() == lost]:
        del headers[name]
