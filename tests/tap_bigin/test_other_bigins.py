"""Bigins that answer otherwise than the sandbox, within what is known of Bigin: nothing may be lost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from support.rewriting import Asked, OtherBigin, Rewritten
from support.sandbox import Sandbox
from support.tap import TapRun, assert_holds, discover, run_tap, select, select_fields

CONTACTS = {"modules": ["Contacts"]}


@pytest.fixture
def other(sandbox: Sandbox) -> Iterator[OtherBigin]:
    """The sandbox with short pages, behind a proxy that as yet changes nothing."""
    sandbox.settings(most_per_page=10)
    proxy = OtherBigin(sandbox)
    yield proxy
    proxy.close()


def test_module_that_cannot_be_counted_is_read_all_the_same(sandbox: Sandbox, other: OtherBigin) -> None:
    """The count only plans, and needs scopes of its own: no record depends on it."""
    other.answering(
        "/Contacts/actions/count", lambda _: Rewritten.of({"code": "INTERNAL_ERROR", "status": "error"}, 500)
    )
    other.rewrite("/Accounts/actions/count", lambda _, body: body.update(count=None))

    run = run_tap(other, modules=["Contacts", "Accounts"], max_retries=0)

    assert run.code == 0
    assert_holds(sandbox, "Contacts", run.latest("Contacts"))
    assert_holds(sandbox, "Accounts", run.latest("Accounts"))


def test_related_list_is_read_where_parents_cannot_be_counted(sandbox: Sandbox, other: OtherBigin) -> None:
    """Counting needs a scope that reading does not."""
    other.refuse("/.*/actions/count", 401, "OAUTH_SCOPE_MISMATCH")

    usual = run_tap(sandbox, modules=["Contacts"], related_lists=["Contacts.Emails"])
    run = run_tap(other, modules=["Contacts"], related_lists=["Contacts.Emails"])

    assert sorted(run.ids("contacts_emails")) == sorted(usual.ids("contacts_emails")) != []


@pytest.mark.timeout(30)
def test_list_that_promises_more_for_ever_ends_at_its_first_empty_page(
    sandbox: Sandbox, other: OtherBigin
) -> None:
    """A run that never ends spends the credits of the day."""

    def promise(_: Asked, body: Any) -> None:
        info = body["info"]
        if not info["more_records"]:
            info.update(more_records=True, next_page_token="e" * 256)

    nothing = {"data": [], "info": {"per_page": 200, "count": 0, "more_records": False}}
    is_empty = {"e" * 256}
    other.answering(
        "/Contacts",
        lambda asked: Rewritten.of(nothing) if asked.query.get("page_token") in is_empty else None,
    )
    other.rewrite("/Contacts|/users|/Contacts/deleted", promise)

    run = run_tap(other, **CONTACTS)

    assert run.code == 0
    assert_holds(sandbox, "Contacts", run.latest("Contacts"))


def test_fewer_ids_a_call_are_asked_for_by_halves(sandbox: Sandbox, other: OtherBigin) -> None:
    """How many ids a call takes is not documented: what is read by id must not depend on a guess."""
    sandbox.create("Contacts", Last_Name="Last")
    sandbox.mutate({"op": "create", "module": "Contacts", "count": 120, "data": {"Last_Name": "Person {n}"}})
    limit = {"code": "LIMIT_EXCEEDED", "details": {"limit": 50}, "message": "too many", "status": "error"}
    other.answering(
        "/Contacts",
        lambda asked: Rewritten.of(limit, 400) if asked.query.get("ids", "").count(",") >= 50 else None,
    )
    # No token is any good, and by number no more than one page: the rest is read by key.
    other.answering(
        "/Contacts",
        lambda asked: (
            Rewritten.of({"code": "EXPIRED_VALUE", "details": {}, "status": "error"}, 400)
            if "page_token" in asked.query or asked.query.get("page", "1") != "1"
            else None
        ),
    )

    run = run_tap(other, **CONTACTS)

    assert run.code == 0
    assert_holds(sandbox, "Contacts", run.latest("Contacts"))


@pytest.mark.parametrize("tokens", ["none", "refused"])
def test_pages_are_read_by_number_where_tokens_are_no_good(
    sandbox: Sandbox, other: OtherBigin, tokens: str
) -> None:
    """COQL, the other way past a lost token, knows no notes, and may be closed to the token's scope."""
    other.refuse("/coql", 401, "OAUTH_SCOPE_MISMATCH")
    if tokens == "none":
        other.rewrite("/Contacts|/Notes", lambda _, body: body["info"].update(next_page_token=None))
    refusal = {
        "code": "TOKEN_BOUND_DATA_MISMATCH",
        "details": {"param_name": "page_token"},
        "status": "error",
    }
    other.answering(
        "/Contacts|/Notes",
        lambda asked: Rewritten.of(refusal, 400) if "page_token" in asked.query else None,
    )

    run = run_tap(other, modules=["Contacts", "Notes"])

    assert run.code == 0
    assert_holds(sandbox, "Contacts", run.latest("Contacts"))
    assert_holds(sandbox, "Notes", run.latest("Notes"))


def test_changes_beyond_the_numbers_are_read_where_no_token_comes(
    sandbox: Sandbox, other: OtherBigin
) -> None:
    """Numbers lead to 2,000 records: the end of them is not the end of what changed."""
    first = run_tap(other, modules=["Products"])
    for count in (250, 2_050):  # the earlier ones, beyond the numbers, share no second with those within
        sandbox.clock(advance=60)
        data = {"Product_Name": "P{n}"}
        sandbox.mutate({"op": "create", "module": "Products", "count": count, "data": data})
    other.rewrite("/Products", lambda _, body: body["info"].update(next_page_token=None))

    second = run_tap(other, modules=["Products"], state=first.state)

    assert second.code == 0
    assert_holds(sandbox, "Products", TapRun(first.messages + second.messages).latest("Products"))


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (403, "NO_PERMISSION"),
        (401, "OAUTH_SCOPE_MISMATCH"),
        (404, "INVALID_URL_PATTERN"),
        (400, "INVALID_REQUEST"),
    ],
)
def test_organisation_that_does_not_describe_itself_is_read_all_the_same(
    sandbox: Sandbox, other: OtherBigin, status: int, code: str
) -> None:
    """Users, roles and layouts have scopes of their own, and no record depends on them."""
    other.refuse(
        "/org|/users|/settings/(roles|profiles|layouts|custom_views|related_lists|tags)", status, code
    )

    run = run_tap(other, catalog=discover(sandbox, **CONTACTS), **CONTACTS)

    assert run.code == 0
    assert run.said("users: skipped")
    assert run.said("settings_roles: skipped")
    assert_holds(sandbox, "Contacts", run.latest("Contacts"))


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/Attachments", 404, "INVALID_URL_PATTERN"),
        ("/Attachments", 400, "INVALID_MODULE"),
        ("/settings/fields", 400, "INVALID_DATA"),
    ],
)
def test_module_that_is_listed_and_refused_is_skipped(
    sandbox: Sandbox, other: OtherBigin, path: str, status: int, code: str
) -> None:
    """Metadata lists more than the API gives."""
    refusal = {"code": code, "details": {}, "message": "refused", "status": "error"}
    other.answering(
        path,
        lambda asked: (
            Rewritten.of(refusal, status)
            if asked.query.get("module", "Attachments") == "Attachments"
            else None
        ),
    )

    run = run_tap(other, modules=["Contacts", "Attachments"])

    assert run.code == 0
    assert run.said("Attachments: ")
    assert_holds(sandbox, "Contacts", run.latest("Contacts"))


def test_module_and_field_without_a_name_are_no_stream_and_no_property(
    sandbox: Sandbox, other: OtherBigin
) -> None:
    """One odd entry of the metadata must not cost the whole organisation."""
    other.rewrite("/settings/modules", lambda _, body: body["modules"].append({"api_supported": True}))
    other.rewrite("/settings/fields", lambda _, body: body["fields"].append({"api_name": None}))
    other.rewrite(
        "/settings/fields", lambda _, body: body["fields"].append({"api_name": "id", "data_type": "bigint"})
    )

    run = run_tap(other)

    assert run.code == 0
    assert "" not in run.schemas
    assert "" not in run.schemas["Contacts"]["schema"]["properties"]
    assert run.schemas["Contacts"]["schema"]["properties"]["id"] == {"type": "string"}
    assert_holds(sandbox, "Contacts", run.latest("Contacts"))


def test_moment_that_no_calendar_has_in_utc_becomes_null(sandbox: Sandbox, other: OtherBigin) -> None:
    """People type the year 1; a run that ends there never gets past the record."""
    other.rewrite(
        "/Contacts",
        lambda _, body: [
            each.update(Last_Activity_Time="0001-01-01T00:00:00+14:00") for each in body.get("data", [])
        ],
    )

    run = run_tap(other, **CONTACTS)

    assert run.code == 0
    assert {each["Last_Activity_Time"] for each in run.records["Contacts"]} == {None}
    assert_holds(sandbox, "Contacts", run.latest("Contacts"), but=("Last_Activity_Time",))


def test_deletion_without_its_time_is_told_with_the_time_of_the_run(
    sandbox: Sandbox, other: OtherBigin
) -> None:
    """An entry that lacks its time must neither end the run nor be lost."""
    other.rewrite(
        "/Contacts/deleted", lambda _, body: [each.update(deleted_time=None) for each in body["data"]]
    )
    first = run_tap(other, deleted_records="soft", **CONTACTS)
    gone = sandbox.dump("Contacts")[0]["id"]
    sandbox.mutate({"op": "delete", "module": "Contacts", "id": gone})

    second = run_tap(other, state=first.state, deleted_records="soft", **CONTACTS)

    assert second.code == 0
    assert second.latest("Contacts")[gone]["_sdc_deleted_at"] is not None


def test_more_records_may_be_a_word(sandbox: Sandbox, other: OtherBigin) -> None:
    """Bigin mixes strings and values in its metadata: a list must not end unseen after a page."""
    other.rewrite("/Contacts", lambda _, body: body["info"].update(more_records="true"))

    run = run_tap(other, **CONTACTS)

    assert_holds(sandbox, "Contacts", run.latest("Contacts"))


@pytest.mark.usefixtures("cheap_jobs")
@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/bigin/bulk/v2/read", 500, "INTERNAL_ERROR"),
        ("/bigin/bulk/v2/read/[0-9]+", 404, "INVALID_URL_PATTERN"),
        ("/bigin/bulk/v2/read/[0-9]+/result", 400, "INVALID_REQUEST"),
    ],
)
def test_module_is_read_by_list_where_bulk_read_fails(
    sandbox: Sandbox, other: OtherBigin, path: str, status: int, code: str
) -> None:
    """A job is never asked for twice, since each is paid for; the records can be read all the same."""
    sandbox.mutate(
        {"op": "create", "module": "Contacts", "count": 1_500, "data": {"Last_Name": "Person {n}"}}
    )
    sandbox.settings(most_per_page=200)
    sandbox.clock(advance=700)
    other.refuse(path, status, code)
    catalog = select(discover(sandbox, **CONTACTS), "Contacts")
    select_fields(catalog, "Contacts", "Last_Name", "Modified_Time")

    run = run_tap(other, catalog=catalog, max_retries=0, **CONTACTS)

    assert run.code == 0
    assert run.said("read by list pages after all")
    assert_holds(sandbox, "Contacts", run.latest("Contacts"))


@pytest.mark.parametrize("obeyed", ["always 200", "at most 190", "as asked, in reverse"])
@pytest.mark.parametrize("in_flight", [1, 5])
def test_lists_whose_pages_are_not_of_the_size_or_order_asked_for(
    sandbox: Sandbox, obeyed: str, in_flight: int
) -> None:
    """Overlapping pages rest on both: where they do not overlap, what lies between is asked for."""
    sandbox.reset(size="empty", token_paging="offset")
    new = {"op": "create", "module": "Products", "count": 1_300, "data": {"Product_Name": "P{n}"}}
    sandbox.mutate(new)
    sandbox.clock(advance=700)
    other = OtherBigin(sandbox)

    def another_page(asked: Asked) -> Rewritten | None:
        query = {**asked.query}
        if "sort_by" not in query:
            return None
        if obeyed == "as asked, in reverse":
            query["sort_order"] = {"asc": "desc", "desc": "asc"}[query["sort_order"]]
        elif "page_token" not in query:
            query["per_page"] = "200" if obeyed == "always 200" else str(min(190, int(query["per_page"])))
        answer = sandbox.api("GET", asked.path, params=query)
        return Rewritten(answer.status_code, answer.content, {"Content-Type": "application/json"})

    other.answering("/Products", another_page)
    try:
        run = run_tap(
            other, modules=["Products"], extraction_method="list", max_concurrent_requests=in_flight
        )
    finally:
        other.close()

    assert run.code == 0
    assert_holds(sandbox, "Products", run.latest("Products"))


@pytest.mark.parametrize("method", ["list", "bulk"])
def test_metadata_in_another_form_change_nothing(sandbox: Sandbox, other: OtherBigin, method: str) -> None:
    """Truths as words, types in capitals or unheard of: a module was closed, a job's rows a fault."""

    def reword(_: Asked, body: Any) -> None:
        for each in body.get("modules", ()):
            each["api_supported"] = str(each["api_supported"]).lower()
        for each in body.get("fields", ()):
            each["json_type"] = "string" if each["api_name"] == "Tag" else each["json_type"].upper()
            each["data_type"] = {"Tag": "tag", "What_Id": "multi_module_lookup"}.get(
                each["api_name"], each["data_type"]
            )

    modules = ["Contacts", "Tasks"]
    usual = run_tap(sandbox, modules=modules, extraction_method=method)
    other.rewrite("/settings/(modules|fields)", reword)

    run = run_tap(other, modules=modules, extraction_method=method)

    assert run.code == 0
    for name in modules:
        assert run.latest(name) == usual.latest(name)
        assert run.schemas[name]["schema"] == usual.schemas[name]["schema"]


def test_ids_and_links_may_be_json_numbers(sandbox: Sandbox, other: OtherBigin) -> None:
    """Both official SDKs send them so: as texts they leave, of tags, users and what was deleted, too."""
    gone = sandbox.create("Contacts", Last_Name="Gone")
    sandbox.mutate({"op": "delete", "module": "Contacts", "id": gone})
    usual = run_tap(sandbox, **CONTACTS)
    other.changing(
        "/.*", lambda _, answer: setattr(answer, "body", re.sub(rb'"id":"(\d+)"', rb'"id":\1', answer.body))
    )
    other.rewrite(
        "/Contacts",
        lambda _, body: [
            each.update(Account_Name=int(each["Account_Name"]["id"]))
            for each in body["data"]
            if each.get("Account_Name")
        ],
    )

    run = run_tap(other, **CONTACTS)

    run.validate()
    assert run.code == 0
    assert run.records["users"] == usual.records["users"]
    assert run.records["deleted_records"] == usual.records["deleted_records"] != []
    ids = {key: (each["Account_Name"] or {}).get("id") for key, each in usual.latest("Contacts").items()}
    assert {
        key: (each["Account_Name"] or {}).get("id") for key, each in run.latest("Contacts").items()
    } == ids
    assert_holds(sandbox, "Contacts", run.latest("Contacts"), but=("Account_Name",))


@pytest.mark.parametrize("told", [None, [], {"type": "RICH_TEXT"}])
def test_a_long_text_is_whole_whatever_is_told_of_its_kind(
    sandbox: Sandbox, other: OtherBigin, told: Any
) -> None:
    """Lists cut rich texts: where the metadata did not call them so, the rest was lost without a word."""
    other.rewrite("/settings/fields", lambda _, body: [each.update(textarea=told) for each in body["fields"]])

    run = run_tap(other, modules=["Subscriptions"])

    assert run.code == 0
    assert any(len(each["Terms"] or "") > 500 for each in run.records["Subscriptions"])
    assert_holds(sandbox, "Subscriptions", run.latest("Subscriptions"), but=("Margin",))


@pytest.mark.parametrize("form", [str, int], ids=["True", "1"])
def test_truths_may_be_words_in_any_case_or_numbers(sandbox: Sandbox, other: OtherBigin, form: Any) -> None:
    """No module was open then, and a list of users ended after its first page."""
    other.rewrite(
        "/settings/modules",
        lambda _, body: [each.update(api_supported=form(each["api_supported"])) for each in body["modules"]],
    )
    other.rewrite(
        "/.*",
        lambda _, body: [
            each.update(more_records=form(each["more_records"]))
            for each in [body.get("info")]
            if each and "more_records" in each
        ],
    )

    run = run_tap(other, **CONTACTS)

    assert run.code == 0
    assert_holds(sandbox, "Contacts", run.latest("Contacts"))
