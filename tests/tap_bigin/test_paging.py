"""Past every wall of a list, and over every gap that people tear into it while it is read."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from support.rewriting import Asked, OtherBigin, Rewritten
from support.sandbox import Sandbox
from support.tap import assert_holds, discover, run_here, run_tap, select, select_fields

READINGS = pytest.mark.parametrize("token_paging", ["keyset", "offset"])


def _ids(sandbox: Sandbox, module: str) -> list[str]:
    return sorted((record["id"] for record in sandbox.dump(module)), key=int)


def _delete(module: str, *ids: str) -> dict[str, Any]:
    return {"op": "delete", "module": module, "ids": list(ids)}


@READINGS
def test_more_than_2000_records_are_read_by_token(sandbox: Sandbox, token_paging: str) -> None:
    """Page numbers end at 2,000 records."""
    sandbox.reset(size="empty", token_paging=token_paging)
    sandbox.mutate({"op": "create", "module": "Products", "count": 2_300, "data": {"Product_Name": "P{n}"}})

    run = run_tap(sandbox, modules=["Products"])

    assert len(run.ids("Products")) == 2_300
    assert_holds(sandbox, "Products", run.latest("Products"))


@READINGS
def test_2500_records_of_one_second_all_arrive(sandbox: Sandbox, token_paging: str) -> None:
    """A bulk import gives thousands of records the same second, whose order no page promises."""
    sandbox.reset(size="empty", token_paging=token_paging)
    first = run_tap(sandbox, modules=["Products"])
    sandbox.clock(advance=60)
    sandbox.mutate({"op": "create", "module": "Products", "count": 2_500, "data": {"Product_Name": "P{n}"}})

    second = run_tap(sandbox, modules=["Products"], state=first.state)

    assert_holds(sandbox, "Products", second.latest("Products"))


def test_more_than_50_fields_are_joined(sandbox: Sandbox) -> None:
    """One call takes 50 names; a record must not be torn between two of them."""
    sandbox.settings(most_per_page=7, token_paging="offset")
    surveys = _ids(sandbox, "Site_Surveys")
    edit = {"op": "edit", "module": "Site_Surveys", "ids": surveys[:20], "data": {"Name": "Edited"}}
    # Between the call for the first fifty fields of a page and the call for the others.
    sandbox.fault("GET /Site_Surveys", query="*page=1&*", after=1, mutate=[edit])

    run = run_tap(sandbox, modules=["Site_Surveys"])

    run.validate()
    assert len(run.schemas["Site_Surveys"]["schema"]["properties"]) > 51
    assert_holds(sandbox, "Site_Surveys", run.latest("Site_Surveys"))


@READINGS
@pytest.mark.parametrize("kind", ["full", "incremental"])
def test_deletions_between_two_pages_lose_nothing(sandbox: Sandbox, token_paging: str, kind: str) -> None:
    """If a token is a position, a deletion moves the rest up, and no later run would bring what slipped."""
    sandbox.reset(token_paging=token_paging, most_per_page=4)
    state = {}
    if kind == "incremental":
        state = run_tap(sandbox, modules=["Tasks", "Events"]).state
        sandbox.clock(advance=60)
        for record_id in _ids(sandbox, "Tasks"):
            sandbox.mutate({"op": "edit", "module": "Tasks", "id": record_id, "data": {"Subject": "New"}})
            sandbox.clock(advance=1)
    ids = _ids(sandbox, "Tasks")
    read_first = ids[::-1] if state else ids
    sandbox.fault("GET /Tasks", after=1, mutate=[_delete("Tasks", *read_first[:2])])
    sandbox.fault("GET /Tasks", after=2, mutate=[_delete("Tasks", read_first[2], read_first[5])])

    run = run_tap(sandbox, modules=["Tasks"], state=state)

    assert set(run.ids("Tasks")) >= set(_ids(sandbox, "Tasks"))


@READINGS
def test_without_coql_a_deletion_makes_it_read_again(sandbox: Sandbox, token_paging: str) -> None:
    """A token without the scope for queries must not lose records either: the deleted list warns."""
    sandbox.reset(token_paging=token_paging, most_per_page=4)
    ids = _ids(sandbox, "Tasks")
    sandbox.fault("POST /coql", status=403, times=None)
    sandbox.fault("GET /Tasks", after=1, mutate=[_delete("Tasks", *ids[:2])])

    run = run_tap(sandbox, modules=["Tasks"])

    assert run.code == 0
    assert set(run.ids("Tasks")) >= set(_ids(sandbox, "Tasks"))


def test_without_coql_a_deletion_that_cannot_be_read_makes_it_read_again(sandbox: Sandbox) -> None:
    """A row of the deleted list that is no entry may be of any time: it was passed by, and what slipped lost."""
    sandbox.reset(token_paging="offset", most_per_page=4)
    ids = _ids(sandbox, "Tasks")
    sandbox.fault("POST /coql", status=403, times=None)
    sandbox.fault("GET /Tasks", after=1, mutate=[_delete("Tasks", *ids[:4])])
    other = OtherBigin(sandbox)
    other.rewrite("/Tasks/deleted", lambda _, body: body.update(data=[None for _ in body["data"]]))

    run = run_tap(other, modules=["Tasks"], deleted_records="none", max_concurrent_requests=1)
    other.close()

    assert run.code == 0
    assert set(run.ids("Tasks")) >= set(_ids(sandbox, "Tasks"))


def test_without_coql_ties_across_a_border_are_told(sandbox: Sandbox) -> None:
    """Records of one second may come in another order at every request: silence would be a promise."""
    sandbox.reset(token_paging="offset", most_per_page=4)
    first = run_tap(sandbox, modules=["Tasks"])
    sandbox.clock(advance=60)
    sandbox.mutate({"op": "edit", "module": "Tasks", "data": {"Subject": "New"}})
    sandbox.fault("POST /coql", status=403, times=None)

    run = run_tap(sandbox, modules=["Tasks"], state=first.state)

    assert run.code == 0
    assert run.said("Tasks: records may be missing")


def test_what_cannot_be_proven_is_read_twice(sandbox: Sandbox) -> None:
    """Attachments know neither queries nor a deleted list: two readings that agree are what there is."""
    sandbox.settings(most_per_page=3)

    run = run_tap(sandbox, modules=["Attachments"])

    assert sorted(run.ids("Attachments")) == _ids(sandbox, "Attachments")
    assert not run.said("may be missing")


def test_without_coql_and_deleted_list_it_is_read_until_two_readings_agree(sandbox: Sandbox) -> None:
    """What slipped in the first reading is found by the second."""
    sandbox.settings(most_per_page=1, token_paging="offset")
    ids = _ids(sandbox, "Notes")
    sandbox.fault("GET /Notes", after=12, mutate=[{"op": "delete", "module": "Notes", "id": ids[0]}])

    run = run_tap(sandbox, modules=["Notes"])

    assert run.code == 0
    assert set(run.ids("Notes")) >= set(_ids(sandbox, "Notes"))
    assert not run.said("may be missing")


def test_what_cannot_be_proven_at_all_is_said(sandbox: Sandbox) -> None:
    """A list too long to be read twice, without queries and deleted list: silence would be a promise."""
    sandbox.settings(most_per_page=1)
    sandbox.mutate({"op": "create", "module": "Notes", "count": 50, "data": {"Note_Title": "{n}"}})

    run = run_tap(sandbox, modules=["Notes"])

    assert run.code == 0
    assert run.said("Notes: records may be missing")


def test_a_chain_that_ends_goes_on_by_key(sandbox: Sandbox) -> None:
    """Chains of tokens end at 100,000 records; COQL gives the ids of the rest, `ids` the records."""
    sandbox.settings(most_per_page=3)
    sandbox.fault(
        "GET /Contacts",
        query="*page_token*",
        status=400,
        body={
            "code": "PAGINATION_LIMIT_EXCEEDED",
            "details": {"limit": 100_000},
            "message": "pagination limit exceeded",
            "status": "error",
        },
        times=None,
    )

    run = run_tap(sandbox, modules=["Contacts"], extraction_method="list")

    assert run.code == 0
    assert run.said("PAGINATION_LIMIT_EXCEEDED")
    assert_holds(sandbox, "Contacts", run.latest("Contacts"))
    assert sandbox.calls("POST /coql") > 0


def test_only_selected_fields_are_asked_for(sandbox: Sandbox) -> None:
    """What is not selected is not fetched: fewer calls in wide modules, and no data that nobody wanted."""
    catalog = select(discover(sandbox), "Site_Surveys", "Contacts")
    select_fields(catalog, "Site_Surveys", "Name")
    select_fields(catalog, "Contacts", "Email", "Last_Name")

    run = run_tap(sandbox, catalog=catalog)

    assert run.code == 0
    run.validate()
    assert run.records.keys() == {"Contacts", "Site_Surveys"}
    assert set(run.records["Contacts"][0]) == {"id", "Modified_Time", "Email", "Last_Name"}
    assert set(run.schemas["Contacts"]["schema"]["properties"]) == {
        "id",
        "Modified_Time",
        "Email",
        "Last_Name",
    }
    assert sandbox.calls("GET /Site_Surveys") == 1  # 70 fields would be two


def test_pages_by_number_are_fetched_side_by_side(sandbox: Sandbox) -> None:
    """Within the first 2,000 records no page has to wait for the one before."""
    sandbox.settings(most_per_page=5, latency_ms=150)

    run = run_here(sandbox, modules=["Contacts"])

    assert len(run.ids("Contacts")) == sandbox.count("Contacts")
    assert sandbox.usage()["most_in_flight"] > 2


@READINGS
def test_a_long_list_is_read_from_both_ends(sandbox: Sandbox, token_paging: str) -> None:
    """Half the chain to wait for, no call more, and deletions on both sides lose nothing."""
    sandbox.reset(token_paging=token_paging, most_per_page=1, count_lag_seconds=0)
    ids = _ids(sandbox, "Contacts")
    gone = _delete("Contacts", ids[1], ids[12], ids[-2], ids[-13])
    sandbox.fault("GET /Contacts", query="*page_token*", after=3, mutate=[gone])

    run = run_tap(sandbox, modules=["Contacts"], extraction_method="list", deleted_records="none")

    left = _ids(sandbox, "Contacts")
    assert len(left) == len(ids) - 4
    assert set(run.ids("Contacts")) >= set(left)
    assert len(run.ids("Contacts")) == len(set(run.ids("Contacts")))
    emitted = run.ids("Contacts")
    assert emitted.index(ids[-1]) < emitted.index(ids[15])
    assert sandbox.calls("GET /Contacts") <= len(ids) + 8


@pytest.mark.parametrize("records", [201, 398, 399, 1_980, 2_000, 3_999])
def test_where_streams_are_many_lists_are_not_counted_and_no_page_is_too_much(
    sandbox: Sandbox, records: int
) -> None:
    """Up to 4,000 records a list costs its pages and nothing beside: pages that overlap prove themselves."""
    sandbox.reset(size="empty", token_paging="offset")
    new = {"op": "create", "module": "Products", "count": records, "data": {"Product_Name": "P{n}"}}
    sandbox.mutate(new)
    ids = _ids(sandbox, "Products")
    sandbox.clock(advance=60)
    sandbox.fault("GET /Products", after=2, mutate=[_delete("Products", ids[0], ids[-1])])

    run = run_tap(
        sandbox,
        modules=["Products"],
        extraction_method="list",
        deleted_records="none",
        max_concurrent_requests=1,
    )

    assert set(run.ids("Products")) >= set(_ids(sandbox, "Products"))
    assert len(run.ids("Products")) == len(set(run.ids("Products"))) >= records - 2
    assert sandbox.calls("GET /Products/actions/count") == sandbox.calls("POST /coql") == 0
    assert sandbox.calls("GET /Products") <= -(-records // 200) + 1 + (records == 3_999)


FIVE = ["Products", "Contacts", "Tasks", "Calls", "Events"]


def _create(sandbox: Sandbox, module: str, count: int, name: str) -> None:
    sandbox.mutate({"op": "create", "module": module, "count": count, "data": {name: "N{n}"}})


def _most_at_once(api_log: Path, module: str) -> int:
    calls = [json.loads(line) for line in api_log.read_text().splitlines()]
    ends = {
        number: datetime.fromisoformat(call["time"].replace("Z", "+00:00")).timestamp() * 1_000
        for number, call in enumerate(calls)
        if call["path"] == f"/{module}"
    }
    begins = {number: end - calls[number]["ms"] for number, end in ends.items()}
    return max(sum(begins[each] <= end - 5 < ends[each] for each in ends) for end in ends.values())


def test_a_list_that_seems_long_is_read_several_pages_at_once(sandbox: Sandbox, tmp_path: Path) -> None:
    """Among many streams the longest is what the run waits for; its ids show it after two pages."""
    _create(sandbox, "Products", 7_000, "Product_Name")
    sandbox.settings(latency_ms=100)

    run = run_tap(
        sandbox,
        modules=FIVE,
        extraction_method="list",
        deleted_records="none",
        max_concurrent_requests=5,
        api_log_path=str(tmp_path / "api.jsonl"),
    )

    assert_holds(sandbox, "Products", run.latest("Products"))
    assert sandbox.calls("GET /Products/actions/count") == 0
    assert sandbox.calls("GET /Products") <= 7_000 // 200 + 4
    assert _most_at_once(tmp_path / "api.jsonl", "Products") >= 4


def test_ids_far_apart_cost_no_more_than_half_of_what_was_read(sandbox: Sandbox) -> None:
    """Other modules take their ids from the same row of numbers: a gap is no proof of records."""
    _create(sandbox, "Products", 600, "Product_Name")
    _create(sandbox, "Notes", 20_000, "Note_Title")
    _create(sandbox, "Products", 600, "Product_Name")
    sandbox.settings(latency_ms=20)

    run = run_tap(
        sandbox, modules=FIVE, extraction_method="list", deleted_records="none", max_concurrent_requests=5
    )

    assert_holds(sandbox, "Products", run.latest("Products"))
    assert sandbox.calls("GET /Products") <= 7 + 3


@READINGS
def test_deletions_by_the_dozen_between_pages_by_number_lose_nothing(
    sandbox: Sandbox, token_paging: str
) -> None:
    """More than two pages share: then they prove nothing, and what lies between is asked for."""
    sandbox.reset(size="empty", token_paging=token_paging)
    new = {"op": "create", "module": "Products", "count": 3_000, "data": {"Product_Name": "P{n}"}}
    sandbox.mutate(new)
    ids = _ids(sandbox, "Products")
    sandbox.clock(advance=60)
    gone = _delete("Products", *ids[50:80], *ids[-80:-50])
    sandbox.fault("GET /Products", after=4, mutate=[gone])

    run = run_tap(sandbox, modules=["Products"], extraction_method="list", max_concurrent_requests=1)

    assert set(run.ids("Products")) >= set(_ids(sandbox, "Products"))
    assert run.said("had slipped between pages")


@pytest.mark.parametrize("kind", ["full", "incremental"])
def test_a_server_that_does_not_sort_as_asked_loses_nothing(sandbox: Sandbox, kind: str) -> None:
    """What stops early, or reads from the top, trusts the order: it looks whether there is one."""
    sandbox.settings(most_per_page=3 if kind == "full" else 20, count_lag_seconds=0, ims="ignored")
    state: Any = {}
    if kind == "incremental":
        state = run_tap(sandbox, modules=["Contacts"]).state
        sandbox.clock(advance=60)
        edited = _ids(sandbox, "Contacts")[::3]
        sandbox.mutate({"op": "edit", "module": "Contacts", "ids": edited, "data": {"Phone": "1"}})
    other = OtherBigin(sandbox)

    def by_id(asked: Asked) -> Rewritten | None:
        if "sort_by" not in asked.query:
            return None
        sorted_by_id = {**asked.query, "sort_by": "id", "sort_order": "asc"}
        answer = sandbox.api("GET", asked.path, params=sorted_by_id)
        return Rewritten(answer.status_code, answer.content, {"Content-Type": "application/json"})

    other.answering("/Contacts", by_id)
    try:
        run = run_tap(other, modules=["Contacts"], state=state, extraction_method="list")
    finally:
        other.close()

    assert run.code == 0
    assert run.said("the server does not sort")
    wanted = _ids(sandbox, "Contacts") if kind == "full" else edited
    assert set(run.ids("Contacts")) == set(wanted)
