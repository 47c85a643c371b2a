"""Between two pages, at the edge of a second, and where a chain of pages breaks: nothing slips."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from support.rewriting import Asked, OtherBigin, Rewritten
from support.sandbox import Sandbox
from support.tap import TapRun, assert_holds, run_here, run_tap

PRODUCTS = {"modules": ["Products"], "extraction_method": "list"}
ONE_BY_ONE = {**PRODUCTS, "max_concurrent_requests": 1}  # no page beside another, and no count of them
CHAIN_ENDED = {
    "status": 400,
    "body": {"code": "PAGINATION_LIMIT_EXCEEDED", "details": {}, "message": "ended", "status": "error"},
}


@pytest.fixture
def other(sandbox: Sandbox) -> Iterator[OtherBigin]:
    """The sandbox behind a proxy that as yet changes nothing."""
    proxy = OtherBigin(sandbox)
    yield proxy
    proxy.close()


def _products(sandbox: Sandbox, count: int, **options: Any) -> list[str]:
    """An organisation of so many products and nothing else; their ids, oldest first."""
    sandbox.reset(size="empty", **options)
    wish = {"op": "create", "module": "Products", "count": count, "data": {"Product_Name": "P{n}"}}
    made = sandbox.mutate(wish)[0]
    sandbox.clock(advance=60)
    sandbox.clock(freeze=True)
    return [each["id"] for each in made]


def _edit(sandbox: Sandbox, *ids: str) -> None:
    """Edited in a second of their own."""
    sandbox.clock(advance=1)
    wish = {"op": "edit", "module": "Products", "ids": list(ids), "data": {"Description": "Edited"}}
    sandbox.mutate(wish)


def _edited_one_by_one(sandbox: Sandbox, count: int, *, tied: int = 0) -> tuple[list[str], Any]:
    """Products in pages of two, and state before they were edited: some in one second, then each in its own."""
    ids = _products(sandbox, count, token_paging="offset", most_per_page=2)
    state = run_here(sandbox, **PRODUCTS).state
    _edit(sandbox, *ids[:tied])
    for each in ids[tied:]:
        _edit(sandbox, each)
    return ids, state


def _deletion(*ids: str) -> list[dict[str, Any]]:
    return [{"op": "delete", "module": "Products", "ids": list(ids)}]


# An incremental pass, by descending Modified_Time


def test_a_border_before_many_records_of_one_second_is_asked_for_whole(sandbox: Sandbox) -> None:
    """The borders within the second lie in the one before it, which reaches further."""
    ids = _products(sandbox, 14, token_paging="offset", most_per_page=4)
    state = run_here(sandbox, **PRODUCTS).state
    _edit(sandbox, *ids[:9])
    _edit(sandbox, ids[9])
    _edit(sandbox, *ids[10:])
    sandbox.fault("GET /Products", query="*page_token*", mutate=_deletion(ids[13]))  # moves ids[9] up

    run = run_here(sandbox, state=state, **PRODUCTS)

    assert run.said("had slipped between pages")
    assert set(run.ids("Products")) >= set(ids[:13])


def test_more_records_of_the_earliest_second_than_a_page_holds_are_all_read(sandbox: Sandbox) -> None:
    """A page that ends in the second of the floor does not end the pass: the second goes on."""
    ids = _products(sandbox, 10, most_per_page=4)
    state = run_here(sandbox, **PRODUCTS).state
    sandbox.clock(advance=-3)
    _edit(sandbox, *ids)  # two seconds before the bookmark, and readable only now
    sandbox.clock(advance=60)

    run = run_here(sandbox, state=state, **PRODUCTS)

    assert sorted(run.ids("Products")) == ids


def test_a_pass_by_time_that_goes_on_by_key_begins_at_the_first_key(sandbox: Sandbox) -> None:
    """The last record by time may have the highest id of all: what was read says nothing of the keys."""
    ids = _products(sandbox, 40, most_per_page=10)
    state = run_here(sandbox, **PRODUCTS).state
    for at in range(0, 40, 10):
        _edit(sandbox, *ids[at : at + 10])
    sandbox.fault("GET /Products", query="*page_token*", times=None, **CHAIN_ENDED)

    run = run_here(sandbox, state=state, **PRODUCTS)

    assert run.said("PAGINATION_LIMIT_EXCEEDED")
    assert set(run.ids("Products")) == set(ids)


def test_what_slips_where_a_second_goes_on_is_found_after_the_other_borders(sandbox: Sandbox) -> None:
    """24 borders are asked for at once; the one that the next page may still touch waits, and is not lost."""
    ids, state = _edited_one_by_one(sandbox, 56, tied=7)  # the second that goes on begins with page 25
    sandbox.fault("GET /Products", query="*page_token*", after=23, mutate=_deletion(ids[55]))
    before = sandbox.calls("POST /coql")

    run = run_here(sandbox, state=state, **PRODUCTS)

    assert sandbox.calls("POST /coql") - before == 2
    assert run.said("had slipped between pages")
    assert set(run.ids("Products")) >= set(ids[:55])


@pytest.mark.parametrize(("slipped_at", "tied"), [(0, 0), (12, 0), (23, 0), (23, 11)])
def test_borders_that_one_run_may_not_ask_for_are_proven_by_the_next(
    sandbox: Sandbox, slipped_at: int, tied: int
) -> None:
    """A scope that is granted between two halves of a pass is no proof of the first half."""
    ids, state = _edited_one_by_one(sandbox, 60, tied=tied)
    sandbox.fault("POST /coql", status=403)
    sandbox.fault("GET /Products", query="*page_token*", after=slipped_at, mutate=_deletion(ids[-1]))
    sandbox.fault("GET /Products", query="*page_token*", after=26, status=500)

    first = run_tap(sandbox, state=state, max_retries=0, **PRODUCTS)
    second = run_here(sandbox, state=first.state, **PRODUCTS)

    assert first.code == 1
    assert set(first.ids("Products") + second.ids("Products")) >= set(ids[:-1])


@pytest.mark.parametrize(("is_by_time", "most"), [(False, 1_000), (True, 700)])
def test_very_many_borders_that_one_run_may_not_ask_for_take_little_state_and_hide_nothing(
    sandbox: Sandbox, *, is_by_time: bool, most: int
) -> None:
    """One by one those of 100,000 notes were 22 KB, told again and again; the next run may be allowed to ask."""
    if is_by_time:
        ids, state = _edited_one_by_one(sandbox, 240)
    else:
        ids, state = _products(sandbox, 240, token_paging="offset", most_per_page=2), None
    gone = ids[-1] if is_by_time else ids[0]
    sandbox.fault("POST /coql", status=403)
    sandbox.fault("GET /Products", query="*page_token*", after=3, mutate=_deletion(gone))
    sandbox.fault("GET /Products", query="*page_token*", after=110, status=500)

    first = run_tap(sandbox, state=state, max_retries=0, **ONE_BY_ONE)
    second = run_here(sandbox, state=first.state, **ONE_BY_ONE)

    assert first.code == 1
    assert len(json.dumps(first.state["bookmarks"]["Products"]["pass"])) < most
    assert second.said("had slipped between pages")
    assert set(first.ids("Products") + second.ids("Products")) >= set(ids).difference([gone])


def test_that_a_second_straddled_a_border_is_told_by_the_run_that_ends_the_pass(sandbox: Sandbox) -> None:
    """The border is part of a larger one by then, and that nothing was deleted is no proof of such a second."""
    ids, state = _edited_one_by_one(sandbox, 90)
    _edit(sandbox, *ids[:8])
    sandbox.clock(advance=60)  # the pass that follows has nothing to read
    sandbox.fault("POST /coql", status=403, times=None)
    sandbox.fault("GET /Products", query="*page_token*", after=43, status=500)

    first = run_tap(sandbox, state=state, max_retries=0, **PRODUCTS)
    second = run_here(sandbox, state=first.state, **PRODUCTS)

    assert first.code == 1
    assert second.said("many have the same Modified_Time")


def test_a_proof_that_is_interrupted_goes_on_with_the_borders_that_are_left(sandbox: Sandbox) -> None:
    """25 borders are two questions: what the second would have found must not be forgotten with it."""
    ids = _products(sandbox, 120, token_paging="offset", most_per_page=2)
    sandbox.fault("POST /coql", status=500)
    first = run_tap(sandbox, max_retries=0, **ONE_BY_ONE)
    sandbox.fault("GET /Products", query="*page_token*", mutate=_deletion(ids[0]))
    sandbox.fault("POST /coql", after=1, status=500)
    second = run_tap(sandbox, state=first.state, max_retries=0, **ONE_BY_ONE)

    third = run_here(sandbox, state=second.state, **ONE_BY_ONE)

    assert (first.code, second.code, third.code) == (1, 1, 0)
    assert third.said("had slipped between pages")
    read = first.ids("Products") + second.ids("Products") + third.ids("Products")
    assert set(read) == set(ids)


def test_times_of_two_offsets_in_one_scan_are_compared_as_moments(
    sandbox: Sandbox, other: OtherBigin
) -> None:
    """A night in which the clocks change: as texts the later may sort before the earlier.

    Compared so, a scan would end too early, drop what is due, or ask for borders that prove nothing.
    """
    ids, state = _edited_one_by_one(sandbox, 20)
    sandbox.fault("GET /Products", query="*page_token*", after=3, mutate=_deletion(ids[-1]))

    def in_other_offsets(_: Asked, body: Any) -> None:
        for place, record in enumerate(body["data"]):
            moment = datetime.fromisoformat(record["Modified_Time"].replace("Z", "+00:00"))
            hours = timedelta(hours=-8) if place % 2 else timedelta(hours=5, minutes=30)
            record["Modified_Time"] = moment.astimezone(timezone(hours)).isoformat()

    other.rewrite("/Products", in_other_offsets)

    run = run_here(other, state=state, **PRODUCTS)

    assert run.said("had slipped between pages")
    assert set(run.ids("Products")) >= set(ids[:-1])
    assert not run.said("does not sort")
    assert_holds(sandbox, "Products", {each: run.latest("Products")[each] for each in ids[:-1]})


# More than fifty fields


def _surveys_edited(sandbox: Sandbox) -> Any:
    """State of a run after which all surveys were edited."""
    sandbox.settings(most_per_page=7)
    state = run_here(sandbox, modules=["Site_Surveys"]).state
    sandbox.clock(advance=60)
    sandbox.mutate({"op": "edit", "module": "Site_Surveys", "data": {"Name": "Edited"}})
    return state


def test_a_chain_goes_on_by_token_only_if_all_groups_of_fields_have_one(
    sandbox: Sandbox, other: OtherBigin
) -> None:
    """With half a set a page of some fields would meet another page of the others: it goes by number."""
    state = _surveys_edited(sandbox)
    pages = -(-sandbox.count("Site_Surveys") // 7)
    before = sandbox.calls("GET /Site_Surveys")

    def without_token_of_the_others(asked: Asked, body: Any) -> None:
        if asked.query["fields"].count(",") < 49:
            body["info"].update(next_page_token=None)

    other.rewrite("/Site_Surveys", without_token_of_the_others)

    run = run_here(other, modules=["Site_Surveys"], state=state)

    assert_holds(sandbox, "Site_Surveys", run.latest("Site_Surveys"))
    assert sandbox.calls("GET /Site_Surveys") - before == 2 * pages


def test_a_run_that_ended_after_an_empty_page_does_not_go_on_with_half_a_set_of_tokens(
    sandbox: Sandbox, other: OtherBigin
) -> None:
    """Where the first fifty fields find nothing the others are not asked for, so there is no token of theirs."""
    state = _surveys_edited(sandbox)
    nothing = {"data": [], "info": {"count": 0, "more_records": False, "next_page_token": "later"}}
    is_later = [False]

    def empty_at_first(asked: Asked) -> Rewritten | None:
        if "page_token" in asked.query and not is_later[0]:
            return Rewritten.of(nothing)
        if asked.query.get("page_token") != "later":
            return None
        params = {**asked.query, "page": "2"}
        del params["page_token"]
        answer = sandbox.api("GET", asked.path, params=params)
        return Rewritten(answer.status_code, answer.content, {"Content-Type": "application/json"})

    other.answering("/Site_Surveys", empty_at_first)
    sandbox.fault("POST /coql", status=500)

    first = run_tap(other, modules=["Site_Surveys"], state=state, max_retries=0)
    is_later[0] = True
    second = run_tap(other, modules=["Site_Surveys"], state=first.state)

    assert (first.code, second.code) == (1, 0)
    assert_holds(sandbox, "Site_Surveys", TapRun(first.messages + second.messages).latest("Site_Surveys"))


# From both ends of a list


def test_an_end_that_comes_empty_though_it_was_promised_leaves_the_middle_to_be_asked_for(
    sandbox: Sandbox, other: OtherBigin
) -> None:
    """That the top has no more is no proof that the two ends have met."""
    ids = _products(sandbox, 1_000)
    other.answering(
        "/Products",
        lambda asked: (
            Rewritten.of({"data": [], "info": {"count": 0, "more_records": False}})
            if asked.query.get("sort_order") == "desc" and asked.query.get("page") != "1"
            else None
        ),
    )

    run = run_here(other, **ONE_BY_ONE)

    assert sorted(run.ids("Products")) == ids


def test_a_chain_that_ends_without_coql_is_read_again_from_the_first_page(sandbox: Sandbox) -> None:
    """What both ends gave together is no place in the list: there the pass would begin too late."""
    ids = _products(sandbox, 3_000)
    sandbox.fault("POST /coql", status=403, times=None)
    sandbox.fault("GET /Products", query="*sort_by=id*", after=8, **CHAIN_ENDED)

    run = run_here(sandbox, **ONE_BY_ONE)

    assert run.said("reading anew from the first page")
    assert set(run.ids("Products")) == set(ids)


def test_a_refused_question_is_not_asked_again(sandbox: Sandbox) -> None:
    """Each costs a credit, and the scope will not come in the middle of a run."""
    sandbox.settings(most_per_page=1)
    sandbox.fault("POST /coql", status=403, times=None)

    run = run_here(sandbox, modules=["Contacts"], extraction_method="list")

    assert_holds(sandbox, "Contacts", run.latest("Contacts"))
    assert sandbox.calls("POST /coql") == 1
