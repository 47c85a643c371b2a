"""Bulk Read: taken where it costs less, paid for once, completed, and left where it does not work."""

from __future__ import annotations

import json

import pytest
from support.processes import PIPE, start
from support.tap import discover, read_messages, run_tap, select, select_fields, tap_command

MANY = 11_000
MANY_WHERE_JOBS_ARE_CHEAP = 1_500
PLAIN = ("id", "Last_Name", "Email", "Account_Name", "Owner", "Email_Opt_Out", "Modified_Time")


@pytest.fixture(autouse=True)
def quick_jobs(sandbox):
    """Jobs take no longer than their work."""
    sandbox.bulk(seconds_per_state=0.05)


@pytest.fixture
def few_fields(sandbox):
    """A catalog of Contacts with fields that a job gives, all of them."""
    catalog = select(discover(sandbox, modules=["Contacts"]), "Contacts")
    select_fields(catalog, "Contacts", *PLAIN)
    return catalog


def fill(sandbox, count=MANY):
    """So many contacts more, and time for Bigin's count to know of them."""
    sandbox.mutate(
        {"op": "create", "module": "Contacts", "count": count, "data": {"Last_Name": "Person {n}"}}
    )
    sandbox.clock(advance=120)


def contacts(sandbox):
    return {each["id"]: each["Last_Name"] for each in sandbox.dump("Contacts")}


def names(*runs):
    return {each["id"]: each["Last_Name"] for run in runs for each in run.records.get("Contacts", [])}


def stop_after_making_the_job(sandbox, catalog):
    """A run that Bigin leaves in the lurch between making the job and asking after it; gives its state."""
    sandbox.fault("GET /bulk/read/*", status=500)
    stopped = run_tap(sandbox, catalog=catalog, extraction_method="bulk", max_retries=0)
    assert stopped.code == 1
    assert len(stopped.state["bookmarks"]["Contacts"]["pass"]["jobs"]["ids"]) == 1
    return stopped.state


def job_fails(sandbox, outcome, times=1):
    sandbox._control("POST", "bulk", {"outcome": outcome, "times": times})


def test_large_module_is_read_by_one_job(sandbox, few_fields):
    """From some 10,000 records on a job costs less than pages, and both prices are told beforehand."""
    fill(sandbox)
    before = sandbox.usage()["credits"]

    run = run_tap(sandbox, catalog=few_fields, modules=["Contacts"], deleted_records="none")

    assert run.code == 0
    assert names(run) == contacts(sandbox)
    assert sandbox.calls("POST /bulk/read") == 1
    assert sandbox.calls("GET /Contacts") == 0
    assert sandbox.usage()["credits"] - before <= 60
    assert run.said("11,048 records cost 59 credits by list, 56 by Bulk Read")
    run.validate()


def test_next_run_after_a_job_reads_only_what_changed(sandbox, few_fields):
    """The bookmark of a pass by job is Bigin's clock before the job, as after any other pass."""
    first = run_tap(sandbox, catalog=few_fields, extraction_method="bulk")
    some = sandbox.dump("Contacts")[0]["id"]
    sandbox.clock(advance=10)
    sandbox.mutate({"op": "edit", "module": "Contacts", "id": some, "data": {"Last_Name": "Changed"}})

    second = run_tap(sandbox, catalog=few_fields, state=first.state)

    assert names(second) == {some: "Changed"}
    assert sandbox.calls("POST /bulk/read") == 1


def test_field_that_only_the_list_gives_keeps_a_module_on_the_list(sandbox):
    """Tags and images come with list pages alone: a job beside them would only add its price."""
    run = run_tap(sandbox, modules=["Contacts"])

    assert sandbox.calls("POST /bulk/read") == 0
    assert run.said("Bulk Read does not give Tag, Record_Image") or run.said(
        "Bulk Read does not give Record_Image"
    )


def test_module_without_tags_needs_no_list_for_them(sandbox):
    """If a module has no tag at all, each record's tags are [] without asking for one."""
    for tag in sandbox.api("GET", "/settings/tags", params={"module": "Contacts"}).json()["tags"]:
        assert sandbox.api("DELETE", f"/settings/tags/{tag['id']}").status_code == 200
    catalog = select(discover(sandbox, modules=["Contacts"]), "Contacts")
    select_fields(catalog, "Contacts", "id", "Last_Name", "Tag", "Modified_Time")

    run = run_tap(sandbox, catalog=catalog, extraction_method="bulk", deleted_records="none")

    assert {json.dumps(each["Tag"]) for each in run.records["Contacts"]} == {"[]"}
    assert sandbox.calls("GET /Contacts") == 0


def test_rows_without_parent_that_a_job_left_out_are_fetched(sandbox, few_fields):
    """Seen on the sister product: 1,466 of 28,005 rows were missing, and the job did not count them."""
    job_fails(sandbox, "omit_null_parents")

    run = run_tap(sandbox, catalog=few_fields, extraction_method="bulk")

    assert names(run) == contacts(sandbox)
    assert run.said("left out records without Account_Name")


def test_file_that_is_short_is_completed_at_a_price_told_first(sandbox, few_fields):
    """The job counts more rows than its file has: every id is looked at, and it is said what that costs."""
    job_fails(sandbox, "short_file")

    run = run_tap(sandbox, catalog=few_fields, extraction_method="bulk")

    assert names(run) == contacts(sandbox)
    assert run.said("the job gave 44 of 48 records")


@pytest.mark.usefixtures("cheap_jobs")
def test_failed_job_falls_back_to_list_pages(sandbox, few_fields):
    """Data matter more than the cheapest way: the list does it, with a warning that names the price."""
    fill(sandbox, MANY_WHERE_JOBS_ARE_CHEAP)
    job_fails(sandbox, "FAILURE")

    run = run_tap(sandbox, catalog=few_fields)

    assert run.code == 0
    assert names(run) == contacts(sandbox)
    assert run.said("read by list pages after all, some 9 credits")


def test_failed_job_fails_a_stream_that_is_to_be_read_by_bulk(sandbox, few_fields):
    """Who asked for jobs alone is told, and not charged for pages."""
    job_fails(sandbox, "FAILURE")

    run = run_tap(sandbox, catalog=few_fields, extraction_method="bulk")

    assert run.code == 1
    assert "INTERNAL_SERVER_ERROR" in run.log[-1]
    assert "extraction_method auto" in run.log[-1]
    assert sandbox.calls("GET /Contacts") == 0


def test_job_that_was_made_is_picked_up_and_not_paid_for_again(sandbox, few_fields):
    """The run fails between making the job and asking after it: the state has its id already."""
    state = stop_after_making_the_job(sandbox, few_fields)

    run = run_tap(sandbox, catalog=few_fields, extraction_method="bulk", state=state)

    assert names(run) == contacts(sandbox)
    assert sandbox.calls("POST /bulk/read") == 1
    assert "pass" not in run.state["bookmarks"]["Contacts"]


def test_job_that_bigin_has_forgotten_is_made_anew(sandbox, few_fields):
    """Results are kept for a day; a run that comes later begins again, and says so."""
    state = stop_after_making_the_job(sandbox, few_fields)
    run_tap(sandbox, catalog=few_fields, extraction_method="bulk", state=state)
    sandbox.clock(advance=25 * 3600)

    run = run_tap(sandbox, catalog=few_fields, extraction_method="bulk", state=state)

    assert names(run) == contacts(sandbox)
    assert sandbox.calls("POST /bulk/read") == 2
    assert run.said("is gone: it is made anew")


def test_job_whose_result_is_gone_is_made_anew(sandbox, few_fields):
    """Bigin may forget a result sooner than it says."""
    state = stop_after_making_the_job(sandbox, few_fields)
    gone = {"code": "RESOURCE_NOT_FOUND", "details": {}, "message": "gone", "status": "error"}
    sandbox.fault("GET /bulk/read/*/result", status=404, body=gone)

    run = run_tap(sandbox, catalog=few_fields, extraction_method="bulk", state=state)

    assert names(run) == contacts(sandbox)
    assert sandbox.calls("POST /bulk/read") == 2
    assert run.said("is gone: it is made anew")


@pytest.mark.usefixtures("cheap_jobs")
def test_file_that_is_damaged_is_not_half_believed(sandbox, few_fields):
    """Bytes that are no zip: the list does it, and it is said."""
    fill(sandbox, MANY_WHERE_JOBS_ARE_CHEAP)
    sandbox.fault("GET /bulk/read/*/result", status=200, body={"no": "zip"})

    run = run_tap(sandbox, catalog=few_fields)

    assert run.code == 0
    assert names(run) == contacts(sandbox)
    assert run.said("read by list pages after all")


def test_killed_run_goes_on_in_the_file_of_its_job(sandbox, few_fields, tmp_path):
    """Killed half-way through the rows: the next run writes the others, and pays for no second job."""
    fill(sandbox, 2_000)
    command = tap_command(sandbox, tmp_path, catalog=few_fields, extraction_method="bulk")
    with start(*command, stdout=PIPE, text=True) as running:
        assert running.stdout
        lines = []
        for line in running.stdout:
            lines.append(line)
            if '"rows":1000' in line.replace(" ", ""):
                break
        running.kill()
    killed = read_messages("".join(lines))
    state = next(each["value"] for each in reversed(killed) if each["type"] == "STATE")
    written = {each["record"]["id"] for each in killed if each["type"] == "RECORD"}

    run = run_tap(sandbox, catalog=few_fields, extraction_method="bulk", state=state)

    assert written | names(run).keys() == contacts(sandbox).keys()
    assert len(run.records["Contacts"]) == len(contacts(sandbox)) - 1000
    assert sandbox.calls("POST /bulk/read") == 1


def test_ids_of_jobs_are_told_before_their_streams_have_their_turn(sandbox, tmp_path):
    """The first stream waits for its job; killed meanwhile, the second one's job must not be paid twice."""
    job_fails(sandbox, "stuck", times=2)
    command = tap_command(sandbox, tmp_path, modules=["Contacts", "Products"], extraction_method="bulk")
    with start(*command, stdout=PIPE, text=True) as running:
        assert running.stdout
        ids = {}
        for line in running.stdout:
            message = json.loads(line)
            passes = message.get("value", {}).get("bookmarks", {})
            ids |= {
                name: each["pass"]["jobs"]["ids"]
                for name, each in passes.items()
                if "jobs" in each.get("pass", {})
            }
            if len(ids) == 2:
                break
        running.kill()

    assert ids.keys() == {"Contacts", "Products"}
    assert len({job for jobs in ids.values() for job in jobs}) == sandbox.calls("POST /bulk/read") == 2


@pytest.mark.usefixtures("cheap_jobs")
def test_long_incremental_pass_goes_over_to_a_job(sandbox, few_fields):
    """An import changed so many records since the bookmark that a job reads the window for less."""
    first = run_tap(sandbox, catalog=few_fields)
    sandbox.clock(advance=600)
    fill(sandbox, 2 * MANY_WHERE_JOBS_ARE_CHEAP)
    older = set(contacts(sandbox)) - set(names(first))

    run = run_tap(sandbox, catalog=few_fields, state=first.state)

    assert set(names(run)) == older
    assert sandbox.calls("POST /bulk/read") == 1
    assert sandbox.calls("GET /Contacts") < 25


@pytest.mark.parametrize(("kind", "count"), [("full", 6_300), ("incremental", MANY_WHERE_JOBS_ARE_CHEAP)])
def test_an_import_that_is_not_counted_yet_goes_over_to_a_job(sandbox, few_fields, request, kind, count):
    """The count lags by minutes: nobody pays a thousand pages for what it did not know of."""
    state = None
    if kind == "incremental":
        request.getfixturevalue("cheap_jobs")
        state = run_tap(sandbox, catalog=few_fields, modules=["Contacts"]).state
        sandbox.clock(advance=60)
    for _ in range(2):
        sandbox.mutate({"op": "create", "module": "Contacts", "count": count, "data": {"Last_Name": "P{n}"}})
    before = sandbox.usage()["credits"]

    run = run_tap(sandbox, catalog=few_fields, modules=["Contacts"], state=state, deleted_records="none")

    assert run.code == 0
    assert names(run).items() <= contacts(sandbox).items()
    assert len(names(run)) >= 2 * count
    assert run.said("read by Bulk Read")
    assert sandbox.calls("POST /bulk/read") == 1
    assert sandbox.usage()["credits"] - before < 135  # a job, and the pages until it was seen to be cheaper


def test_what_changes_while_a_job_runs_belongs_to_the_next_run(sandbox, few_fields):
    """A job holds the records of the moment it was made; the bookmark stays before it."""
    state = stop_after_making_the_job(sandbox, few_fields)
    some, other = (each["id"] for each in sandbox.dump("Contacts")[:2])
    sandbox.mutate(
        {"op": "edit", "module": "Contacts", "id": some, "data": {"Last_Name": "Edited"}},
        {"op": "delete", "module": "Contacts", "id": other},
    )
    new = sandbox.create("Contacts", Last_Name="New")

    first = run_tap(sandbox, catalog=few_fields, extraction_method="bulk", state=state)
    second = run_tap(sandbox, catalog=few_fields, state=first.state)

    assert sandbox.calls("POST /bulk/read") == 1
    held = names(first, second)
    held.pop(other, None)  # its deletion is told by the stream of deleted records
    assert held == contacts(sandbox)
    assert held[new] == "New"


@pytest.mark.parametrize("token_paging", ["keyset", "offset"])
def test_fields_from_list_pages_join_the_rows_of_a_job(sandbox, token_paging):
    """Tags come from pages, the rest from the file; what changed in between is read whole."""
    sandbox.settings(token_paging=token_paging)
    fill(sandbox, 900)
    catalog = select(discover(sandbox, modules=["Contacts"]), "Contacts")
    select_fields(catalog, "Contacts", *PLAIN, "Tag", "Record_Image")
    state = stop_after_making_the_job(sandbox, catalog)
    ids = [each["id"] for each in sandbox.dump("Contacts")]
    sandbox.mutate(
        {
            "op": "edit",
            "module": "Contacts",
            "id": ids[300],
            "data": {"Last_Name": "Edited", "Tag": [{"name": "vip"}]},
        },
        {"op": "delete", "module": "Contacts", "ids": ids[100:110]},
        {"op": "create", "module": "Contacts", "count": 5, "data": {"Last_Name": "New {n}"}},
    )

    run = run_tap(sandbox, catalog=catalog, extraction_method="bulk", state=state)

    assert sandbox.calls("POST /bulk/read") == 1
    held = {
        each["id"]: (each["Last_Name"], [tag["name"] for tag in each["Tag"]])
        for each in run.records["Contacts"]
    }
    there = {
        each["id"]: (each["Last_Name"], [tag["name"] for tag in each["Tag"]])
        for each in sandbox.dump("Contacts")
    }
    assert held == there
    run.validate()


def test_module_that_jobs_do_not_know_is_read_by_list(sandbox):
    """extraction_method bulk drops nothing: notes come by list, and it is said."""
    run = run_tap(sandbox, modules=["Notes"], extraction_method="bulk")

    assert run.code == 0
    assert len(run.latest("Notes")) == sandbox.count("Notes")
    assert run.said("Bulk Read does not know this module")
