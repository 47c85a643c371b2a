"""Runs within a ``credit_budget`` that is too small for everything: each comes further, or says what would."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from support.rewriting import OtherBigin
from support.sandbox import Sandbox
from support.tap import TapRun, aged, assert_holds, discover, run_tap, select, select_fields

QUERY = [{"name": "few", "query": "select Last_Name from Contacts where id is not null"}]
ORDERED = [{"name": "all", "query": "select Last_Name from Contacts where id > 0 order by Last_Name"}]


def test_a_page_of_long_texts_is_read_in_as_many_runs_as_its_credits_take(sandbox: Sandbox) -> None:
    """Each costs a credit, and a page has up to 200: what a run paid for, the next one does not pay again."""
    long = {"Name": "S{n}", "Terms": "x" * 600}
    sandbox.mutate({"op": "create", "module": "Subscriptions", "count": 20, "data": long})
    sandbox.clock(advance=60)  # beyond the overlap of two passes
    texts = sum(len(each["Terms"] or "") >= 500 for each in sandbox.dump("Subscriptions"))
    kept: list[Any] = []
    state: Any = None
    before, runs = sandbox.calls("GET /Subscriptions/{id}"), 0
    while runs < 12 and "replication_key_value" not in ((state or {}).get("bookmarks") or {}).get(
        "Subscriptions", {}
    ):
        run = run_tap(sandbox, modules=["Subscriptions"], state=state, credit_budget=8)
        assert run.code == 0, run.log[-1]
        kept += run.messages
        state, runs = run.state, runs + 1

    assert 2 < runs < 12
    assert_holds(sandbox, "Subscriptions", TapRun(kept).latest("Subscriptions"), but=("Margin",))
    assert len(TapRun(kept).ids("Subscriptions")) == sandbox.count("Subscriptions")
    assert sandbox.calls("GET /Subscriptions/{id}") - before <= texts + runs


@pytest.mark.parametrize(
    ("stream", "settings", "budget"),
    [
        ("Contacts", {"modules": ["Contacts"]}, 1),
        ("Contacts", {"modules": ["Contacts"], "extraction_method": "bulk"}, 20),
        ("Subscriptions", {"modules": ["Subscriptions"]}, 2),
        ("contacts_emails", {"modules": ["Contacts"], "related_lists": ["Contacts.Emails"]}, 4),
        ("few", {"modules": ["Contacts"], "queries": QUERY}, 2),
        ("all", {"modules": ["Contacts"], "queries": ORDERED}, 12),
        ("contacts_notes", {"related_lists": ["Contacts.Notes", "Accounts.*"]}, 2),
    ],
)
def test_the_least_that_is_named_brings_a_stream_further(
    sandbox: Sandbox, stream: str, settings: dict[str, Any], budget: int
) -> None:
    """Whoever sets exactly that must not be told the same again."""
    sandbox.mutate(
        {"op": "create", "module": "Subscriptions", "count": 3, "data": {"Name": "S", "Terms": "x" * 600}}
    )
    if stream == "all":
        sandbox.mutate({"op": "create", "module": "Contacts", "count": 5_000, "data": {"Last_Name": "P"}})
    catalog = select(discover(sandbox, **settings), stream)

    stuck = run_tap(sandbox, catalog=catalog, credit_budget=budget, **settings)
    least = int(re.findall(r"at least (\d+) are needed", stuck.log[-1])[0])
    enough = run_tap(sandbox, catalog=catalog, credit_budget=least, **settings)

    assert stuck.code == 1
    assert enough.code == 0, enough.log[-1]
    assert enough.ids(stream)


def test_within_a_budget_each_parent_is_asked_once(sandbox: Sandbox) -> None:
    """A credit a parent: those that a run paid for are handed on, though it ends before its batch is full."""
    settings: dict[str, Any] = {"modules": ["Contacts"], "related_lists": ["Contacts.Emails"]}
    catalog = select(discover(sandbox, **settings), "contacts_emails")
    usual = run_tap(sandbox, catalog=catalog, **settings)
    kept: list[Any] = []
    state: Any = None
    before = sandbox.calls("GET /Contacts/{id}/Emails")
    for _ in range(12):
        run = run_tap(sandbox, catalog=catalog, state=state, credit_budget=14, **settings)
        assert run.code == 0, run.log[-1]
        kept += run.messages
        state = run.state
        if "pass" not in state["bookmarks"]["contacts_emails"]:
            break

    assert sorted(TapRun(kept).ids("contacts_emails")) == sorted(usual.ids("contacts_emails"))
    asked = sandbox.calls("GET /Contacts/{id}/Emails") - before
    assert asked <= 1.25 * sandbox.count("Contacts")


def test_a_parent_with_more_than_a_budget_holds_is_read_in_several_runs(sandbox: Sandbox) -> None:
    """E-mails come ten at a time, and a company has had thousands: its list goes on where a run ended in it."""
    sandbox.reset(size="empty")
    company = {"id": sandbox.create("Accounts", Account_Name="Large")}
    person = {"Last_Name": "P{n}", "Account_Name": company}
    sandbox.mutate({"op": "create", "module": "Contacts", "count": 40, "data": person})
    sandbox.settings(most_per_page=2)
    settings: dict[str, Any] = {"modules": ["Accounts"], "related_lists": ["Accounts.Contacts"]}
    catalog = select(discover(sandbox, **settings), "accounts_contacts")
    usual = run_tap(sandbox, catalog=catalog, **settings)
    kept: list[Any] = []
    state: Any = None
    for _ in range(30):
        run = run_tap(sandbox, catalog=catalog, state=state, credit_budget=14, **settings)
        assert run.code == 0, run.log[-1]
        kept += run.messages
        state = run.state
        if "pass" not in state["bookmarks"]["accounts_contacts"]:
            break

    assert sorted(TapRun(kept).latest("accounts_contacts")) == sorted(usual.ids("accounts_contacts"))
    assert len(TapRun(kept).ids("accounts_contacts")) < 2 * len(usual.ids("accounts_contacts"))


def test_what_completes_a_jobs_rows_is_handed_on_as_it_comes(sandbox: Sandbox) -> None:
    """A thousand rows take ten credits more: a run that ends among them has handed on what it paid for."""
    sandbox.reset(size="empty")
    sandbox.mutate({"op": "create", "module": "Contacts", "count": 1_000, "data": {"Last_Name": "P{n}"}})
    sandbox.clock(advance=60)
    settings: dict[str, Any] = {"modules": ["Contacts"], "extraction_method": "bulk"}
    catalog = select(discover(sandbox, **settings), "Contacts")
    select_fields(catalog, "Contacts", "Last_Name", "Record_Image")

    first = run_tap(sandbox, catalog=catalog, credit_budget=60, **settings)
    second = run_tap(sandbox, catalog=catalog, state=first.state, **settings)

    handed_on = len(first.ids("Contacts"))
    assert first.code == 0, first.log[-1]
    assert 100 <= handed_on < 1_000
    assert first.state["bookmarks"]["Contacts"]["pass"]["jobs"]["rows"] == handed_on
    assert len(second.ids("Contacts")) == 1_000 - handed_on
    assert sandbox.calls("POST /bulk/read") == 1


@pytest.mark.parametrize(("budget", "counts"), [(99, 0), (100, 1)])
def test_a_budget_that_holds_no_job_is_not_spent_on_one(sandbox: Sandbox, budget: int, counts: int) -> None:
    """A module of 10,000 records would have waited for 50 credits in every run."""
    catalog = select(discover(sandbox, modules=["Contacts"]), "Contacts")
    select_fields(catalog, "Contacts", "Last_Name", "Modified_Time")

    run_tap(sandbox, catalog=catalog, credit_budget=budget, modules=["Contacts"])

    assert sandbox.calls("GET /Contacts/actions/count") == counts


def test_turns_are_kept_with_files_too(sandbox: Sandbox, tmp_path: Path) -> None:
    """With batch_config the same streams would have taken the budget at every run."""
    batch = {
        "encoding": {"format": "jsonl", "compression": "gzip"},
        "storage": {"root": f"file://{tmp_path}", "prefix": "b-"},
    }
    modules = ["Accounts", "Contacts", "Tasks"]
    catalog = select(discover(sandbox, modules=modules), *modules)
    state: Any = None
    for _ in range(6):
        run = run_tap(
            sandbox,
            catalog=catalog,
            state=state,
            credit_budget=5,
            modules=modules,
            batch_config=batch,
            deleted_records="none",
        )
        assert run.code == 0, run.log[-1]
        state = run.state
        if all("replication_key_value" in state["bookmarks"].get(each, {}) for each in modules):
            break

    assert all("turn" in state["bookmarks"][each] for each in modules)
    assert all("replication_key_value" in state["bookmarks"][each] for each in modules)


@pytest.mark.parametrize("mode", ["stream", "soft"])
def test_a_list_of_deletions_longer_than_a_budget_goes_on_where_a_run_ended_in_it(
    sandbox: Sandbox, mode: str
) -> None:
    """It was begun anew by each run, which said that the stream comes no further."""
    ids = _deleted_products(sandbox, 1_300)
    settings: dict[str, Any] = {"modules": ["Products"], "deleted_records": mode}
    stream = "deleted_records" if mode == "stream" else "Products"
    catalog = select(discover(sandbox, **settings), stream)
    usual = run_tap(sandbox, catalog=catalog, **settings)

    runs = _runs(sandbox, catalog=catalog, credit_budget=5, **settings)
    more = _deleted_products(sandbox, 1)
    sandbox.clock(advance=60)
    later = run_tap(sandbox, catalog=catalog, state=runs[-1].state, **settings)

    told = [each for run in runs for each in run.ids(stream)]
    assert set(ids) < set(told)
    assert len(told) == len(set(told)) == len(usual.ids(stream))
    assert 2 <= len(runs) <= 4
    assert max(len(json.dumps(each)) for run in runs for each in run.states) < 6_000
    assert "begun" not in json.dumps(runs[-1].state)
    assert more[0] in later.ids(stream)


def test_between_two_runs_in_a_list_of_deletions_people_delete_and_restore(sandbox: Sandbox) -> None:
    """The list has no place but a number: what moved up is not skipped, what came on top belongs to the next."""
    ids = _deleted_products(sandbox, 900)
    settings: dict[str, Any] = {"modules": ["Products"]}
    catalog = select(discover(sandbox, **settings), "deleted_records")
    first = run_tap(sandbox, catalog=catalog, credit_budget=4, **settings)
    told = first.ids("deleted_records")
    sandbox.mutate(*({"op": "restore", "module": "Products", "id": each} for each in told[:70]))
    second = run_tap(sandbox, catalog=catalog, state=first.state, credit_budget=4, **settings)
    sandbox.clock(advance=60)
    more = _deleted_products(sandbox, 300)
    sandbox.clock(advance=60)

    runs = [first, second, *_runs(sandbox, state=second.state, catalog=catalog, credit_budget=6, **settings)]
    sandbox.clock(advance=25 * 3600)
    sandbox.forget_tokens()
    last = run_tap(sandbox, catalog=catalog, state=runs[-1].state, **settings)

    rows = [each for run in [*runs, last] for each in run.records["deleted_records"]]
    assert {each["id"] for each in rows if each["type"] == "recycle"} >= {*ids, *more}
    assert {each["id"] for each in rows if each["type"] == "restored"} == set(told[:70])


def test_within_a_budget_a_list_of_deletions_is_read_once_for_both_of_its_streams(sandbox: Sandbox) -> None:
    """The module's own stream looks there for what comes back: it takes over what the other one has read."""
    ids = _deleted_products(sandbox, 900)
    settings: dict[str, Any] = {"modules": ["Products"]}
    catalog = select(discover(sandbox, **settings), "Products", "deleted_records")

    runs = _runs(sandbox, catalog=catalog, credit_budget=6, **settings)
    asked = sandbox.calls("GET /Products/deleted")
    sandbox.mutate({"op": "restore", "module": "Products", "id": ids[5]})
    sandbox.clock(advance=25 * 3600)
    sandbox.forget_tokens()
    later = run_tap(sandbox, catalog=catalog, state=runs[-1].state, **settings)

    assert len(runs) > 1
    assert asked < 2 * 6  # pages: all of the list for each stream
    assert ids[5] in later.ids("Products")


@pytest.mark.parametrize("other_answer", ["a row without id", "a refusal"])
def test_a_list_of_deletions_that_comes_as_no_other_is_not_read_again_in_the_same_pass(
    sandbox: Sandbox, other_answer: str
) -> None:
    """Its clock is not noted, or nothing of it: each run began with that list, and none came to the others."""
    ids = _deleted_products(sandbox, 5)
    other = OtherBigin(sandbox)
    if other_answer == "a refusal":
        for module in ("Contacts", "Accounts", "Pipelines"):
            other.refuse(f"/{module}/deleted", 403, "NO_PERMISSION")
    else:
        other.rewrite("/Contacts/deleted", lambda _, body: body["data"].append(None))
    catalog = select(discover(other), "deleted_records")

    runs = _runs(other, catalog=catalog, credit_budget=3)

    other.close()
    told = [each for run in runs for each in run.ids("deleted_records")]
    assert set(ids) < set(told)
    assert len(told) == len(set(told))
    assert len(runs) <= 4


def test_a_full_table_of_deletions_goes_on_where_a_run_ended_in_it(sandbox: Sandbox) -> None:
    """Without a bookmark each pass reads all of the lists: a run that begins them anew never ends one."""
    ids = _deleted_products(sandbox, 900)
    catalog = select(discover(sandbox), "deleted_records")
    for stream in catalog["streams"]:
        stream["replication_method"] = "FULL_TABLE"
    state: Any = None
    for _ in range(2):  # the second pass has the state of the first
        runs = _runs(sandbox, catalog=catalog, state=state, credit_budget=4)
        state = runs[-1].state
        sandbox.forget_tokens()

        told = [each for run in runs for each in run.ids("deleted_records")]
        assert set(ids) < set(told)
        assert len(told) == len(set(told))
        assert len(runs) <= 4  # 6 lists of a page, one of five


def _deleted_products(sandbox: Sandbox, count: int) -> list[str]:
    """So many products that were made and deleted; their ids, the latest first."""
    made = {"op": "create", "module": "Products", "count": count, "data": {"Product_Name": "P{n}"}}
    ids = [each["id"] for each in sandbox.mutate(made)[0]]
    sandbox.mutate({"op": "delete", "module": "Products", "ids": ids})
    sandbox.clock(advance=60)
    return ids[::-1]


def _runs(sandbox: Sandbox, *, state: Any = None, **settings: Any) -> list[TapRun]:
    """Runs one after the other until one ends before its budget, each with an exit code of 0."""
    runs: list[TapRun] = []
    while not runs or runs[-1].said("credit_budget"):
        assert len(runs) < 40, runs[-1].log[-1]
        runs.append(run_tap(sandbox, state=runs[-1].state if runs else state, **settings))
        assert runs[-1].code == 0, runs[-1].log[-1]
    return runs


def test_a_budget_below_what_describes_the_modules_reads_them_all_in_turn(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Without a catalog each module is described for a credit: a run describes what it may, the next goes on."""
    modules = [each["tap_stream_id"] for each in discover(sandbox)["streams"]]
    usual = run_tap(sandbox)

    kept: list[Any] = []
    state: Any = None
    for _ in range(9):
        run = run_tap(sandbox, state=state, credit_budget=6, token_cache_path=str(tmp_path / "token.json"))
        assert run.code == 0, run.log[-1]
        kept += run.messages
        state = run.state

    held = TapRun(kept)
    assert len(modules) > 12
    assert all(held.latest(name).keys() >= usual.latest(name).keys() for name in usual.schemas)


@pytest.mark.parametrize("budget", [5, 12])
def test_an_import_of_one_second_is_read_from_a_start_date_in_the_runs_that_its_price_takes(
    sandbox: Sandbox, budget: int
) -> None:
    """That no page hid a record of such a second is proven by id; each run began that anew, to no end."""
    sandbox.mutate({"op": "create", "module": "Contacts", "count": 700, "data": {"Last_Name": "P{n}"}})
    sandbox.clock(advance=60)
    settings: dict[str, Any] = {"modules": ["Contacts"], "start_date": "2020-01-01T00:00:00Z"}
    catalog = select(discover(sandbox, **settings), "Contacts")
    usual, price = _priced(sandbox, catalog=catalog, **settings)

    runs, spent = _priced(sandbox, catalog=catalog, credit_budget=budget, **settings)

    emitted = [each for run in runs for each in run.ids("Contacts")]
    assert set(emitted) == {each["id"] for each in sandbox.dump("Contacts")}
    assert len(emitted) <= len(usual[0].ids("Contacts")) + 2 * len(runs)
    assert len(runs) <= price // budget + 2
    assert spent <= 1.3 * price + 2
    assert max(len(json.dumps(each)) for run in runs for each in run.states) < 6_000


def _priced(sandbox: Sandbox, **settings: Any) -> tuple[list[TapRun], int]:
    """Runs until one ends before its budget, and the credits of all."""
    before = sandbox.usage()["credits"]
    runs = _runs(sandbox, **settings)
    return runs, sandbox.usage()["credits"] - before


KINDS: list[tuple[int, dict[str, Any], tuple[str, ...]]] = [
    (5, {"deleted_records": "none"}, ("Contacts",)),
    (8, {}, ("Contacts", "deleted_records")),
    (5, {"queries": QUERY}, ("few",)),
    (12, {"related_lists": ["Contacts.Notes"]}, ("Contacts", "contacts_notes")),
    (5, {"modules": ["Notes"]}, ("Notes",)),
    (5, {}, ("users", "organization")),
    (8, {"custom_views": "of contacts"}, ("view",)),
]


@pytest.mark.parametrize(("budget", "settings", "streams"), KINDS)
def test_whatever_is_read_within_a_budget_comes_to_its_end_for_about_its_price(
    sandbox: Sandbox, budget: int, settings: dict[str, Any], streams: tuple[str, ...]
) -> None:
    """A run that spends its budget and hands nothing on, with exit code 0, would be run for ever."""
    contacts = {"op": "create", "module": "Contacts", "count": 700, "data": {"Last_Name": "P{n}"}}
    notes = {"op": "create", "module": "Notes", "count": 700, "data": {"Note_Content": "N{n}"}}
    sandbox.mutate(notes if "Notes" in streams else contacts)
    sandbox.clock(advance=60)
    settings = {"modules": ["Contacts", "Notes"], **settings}
    if "custom_views" in settings:
        views = sandbox.api("GET", "/settings/custom_views", params={"module": "Contacts"}).json()
        cvid = views["custom_views"][0]["id"]
        settings["custom_views"] = [{"name": "view", "module": "Contacts", "cvid": cvid}]
    catalog = select(discover(sandbox, **settings), *streams)
    [usual], price = _priced(sandbox, catalog=catalog, **settings)

    runs, spent = _priced(sandbox, catalog=catalog, credit_budget=budget, **settings)

    assert {each for run in runs for each in _rows(run)} >= set(_rows(usual))
    assert all(_rows(run) for run in runs[:-1])
    assert len(runs) <= -(-price // budget) + 2
    assert spent <= 1.3 * price + len(runs)


def _rows(run: TapRun) -> list[tuple[str, ...]]:
    """What a run handed on: each stream's name, with the keys of a row."""
    return [
        (stream, *(str(row[key]) for key in run.schemas[stream]["key_properties"]))
        for stream, rows in run.records.items()
        for row in rows
    ]


def test_without_a_catalog_a_run_that_goes_on_does_not_ask_for_the_fields_again(sandbox: Sandbox) -> None:
    """Of five credits they were one in each run: a module of long texts cost almost twice its price."""
    long = {"Name": "S{n}", "Terms": "x" * 600}
    sandbox.mutate({"op": "create", "module": "Subscriptions", "count": 12, "data": long})
    sandbox.clock(advance=60)
    settings: dict[str, Any] = {"modules": ["Subscriptions"], "deleted_records": "none"}
    usual, price = _priced(sandbox, **settings)
    asked = sandbox.calls("GET /settings/fields")

    state: Any = None
    runs: list[TapRun] = []
    while "replication_key_value" not in ((state or {}).get("bookmarks") or {}).get("Subscriptions", {}):
        runs.append(run_tap(sandbox, state=state, credit_budget=5, **settings))
        assert runs[-1].code == 0, runs[-1].log[-1]
        state = runs[-1].state

    assert {each for run in runs for each in run.ids("Subscriptions")} == set(usual[0].ids("Subscriptions"))
    assert 5 * len(runs) <= 1.3 * price + 5
    assert sandbox.calls("GET /settings/fields") - asked == 1
    assert all("metadata" in run.state for run in runs[:-1])
    assert max(len(json.dumps(each)) for run in runs for each in run.states) < 6_000


def test_a_sweep_that_lacks_no_more_than_what_changed_since_is_not_begun_anew(sandbox: Sandbox) -> None:
    """A run that ended between the pass it went on with and the next one read every long text once more."""
    long = {"Name": "S{n}", "Terms": "x" * 600}
    sandbox.mutate({"op": "create", "module": "Subscriptions", "count": 4, "data": long})
    sandbox.clock(advance=60)
    settings: dict[str, Any] = {"modules": ["Subscriptions"]}
    catalog = select(discover(sandbox, **settings), "Subscriptions")
    state = run_tap(sandbox, catalog=catalog, **settings).state
    entry = state["bookmarks"]["Subscriptions"]
    entry["sweeping"] = entry.pop("swept")  # as it is once the pass is complete
    before = sandbox.calls("GET /Subscriptions/{id}")

    run = run_tap(sandbox, catalog=catalog, state=state, **settings)

    assert sandbox.calls("GET /Subscriptions/{id}") == before
    assert run.ids("Subscriptions") == []
    assert run.state["bookmarks"]["Subscriptions"]["swept"]
    assert [each["type"] for each in run.messages].count("ACTIVATE_VERSION") == 1


def test_a_list_of_deletions_that_was_read_is_not_read_again_before_the_first_page(sandbox: Sandbox) -> None:
    """Fields and that list took two credits of two in each run, for ever and with exit code 0."""
    _deleted_products(sandbox, 3)
    settings: dict[str, Any] = {"modules": ["Products"], "deleted_records": "soft"}
    catalog = select(discover(sandbox, **settings), "Products")
    state: Any = None
    got: set[str] = set()
    for _ in range(3):
        run = run_tap(sandbox, catalog=catalog, state=state, credit_budget=2, **settings)
        assert run.code == 0, run.log[-1]
        got |= set(run.ids("Products"))
        state = run.state

    assert got >= {each["id"] for each in sandbox.dump("Products")}
    assert "replication_key_value" in state["bookmarks"]["Products"]


def test_lists_of_deletions_are_read_in_as_many_runs_as_they_take(sandbox: Sandbox) -> None:
    """Of seven lists without an entry nothing was noted: each run began with the first, and came no further."""
    ids = _deleted_products(sandbox, 2)
    catalog = select(discover(sandbox), "deleted_records")
    before = sandbox.usage()["by_endpoint"]

    runs: list[TapRun] = []
    while not runs or "pass" in runs[-1].state["bookmarks"]["deleted_records"]:
        state = runs[-1].state if runs else None
        runs.append(run_tap(sandbox, catalog=catalog, state=state, credit_budget=3))
        assert runs[-1].code == 0, runs[-1].log[-1]
        assert len(runs) < 5

    after = sandbox.usage()["by_endpoint"]
    asked = {
        name: entry["calls"] - before.get(name, {"calls": 0})["calls"]
        for name, entry in after.items()
        if name.endswith("/deleted")
    }
    assert len(asked) == 7
    assert set(asked.values()) == {1}
    told = [each for run in runs for each in run.ids("deleted_records")]
    assert set(ids) < set(told)
    assert len(told) == len(set(told))
    assert "replication_key_value" in runs[-1].state["bookmarks"]["deleted_records"]


def test_what_a_budgets_next_run_goes_by_is_neither_emitted_nor_a_refusal(sandbox: Sandbox) -> None:
    """A right that was given meanwhile counts at once, and a stream of the metadata says what Bigin says now."""
    settings: dict[str, Any] = {"related_lists": ["Contacts.Emails"], "modules": ["Contacts", "Notes"]}
    catalog = select(discover(sandbox, **settings), "Notes", "contacts_emails", "settings_modules")
    refusal = {"code": "NO_PERMISSION", "status": "error"}
    sandbox.fault("GET /settings/fields", query="*module=Notes*", status=403, body=refusal, times=2)
    aged(catalog, seconds=200_000)
    first = run_tap(sandbox, catalog=catalog, credit_budget=9, **settings)
    asked = sandbox.calls("GET /settings/modules")

    second = run_tap(sandbox, catalog=catalog, state=first.state, **{**settings, "credit_budget": 90})

    assert first.said("Notes: selected in the catalog, but there is no such stream")
    assert "pass" in first.state["bookmarks"]["contacts_emails"]
    assert second.ids("Notes")
    assert second.records["settings_modules"]
    assert sandbox.calls("GET /settings/modules") == asked + 1


def test_notes_whose_borders_cannot_be_proven_are_not_read_again_for_ever(sandbox: Sandbox) -> None:
    """COQL does not know them, so a list is read until two readings agree: no run had credits for both.

    Beyond 2,000 records from each end, where numbers do not reach: by number pages overlap.
    """
    sandbox.mutate({"op": "create", "module": "Notes", "count": 4_400, "data": {"Note_Content": "N{n}"}})
    sandbox.clock(advance=60)
    settings: dict[str, Any] = {"modules": ["Notes"], "deleted_records": "none"}
    catalog = select(discover(sandbox, **settings), "Notes")
    runs: list[TapRun] = []
    while not runs or "pass" in runs[-1].state["bookmarks"]["Notes"]:
        assert len(runs) < 8
        state = runs[-1].state if runs else None
        runs.append(run_tap(sandbox, catalog=catalog, state=state, credit_budget=9, **settings))
        assert runs[-1].code == 0, runs[-1].log[-1]

    assert len(runs) > 2
    assert {each for run in runs for each in run.ids("Notes")} == {
        each["id"] for each in sandbox.dump("Notes")
    }
    assert "replication_key_value" in runs[-1].state["bookmarks"]["Notes"]
    assert runs[-1].said("records may be missing if others were deleted")
