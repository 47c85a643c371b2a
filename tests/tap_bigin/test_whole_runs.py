"""Runs of everything: each line fits its schema, and what left is what the organisation holds."""

from __future__ import annotations

import json

import pytest
from support.sandbox import Sandbox
from support.tap import assert_holds, discover, run_tap, select

MODULES = (
    "Accounts",
    "Calls",
    "Contacts",
    "Events",
    "Notes",
    "Pipelines",
    "Products",
    "Site_Surveys",
    "Subscriptions",
    "Tasks",
)
HIDDEN = ("Margin",)  # from the profile of the token's user


@pytest.mark.parametrize("more", [0, 2_000])
def test_every_line_fits_its_schema_and_nothing_is_missing(sandbox: Sandbox, more: int) -> None:
    """A warehouse refuses a line that does not fit, and a person trusts that no record is missing.

    With more, the contacts are beyond the 2,000 to which page numbers lead.
    """
    sandbox.reset(size="500", token_paging="offset")
    sandbox.mutate({"op": "create", "module": "Contacts", "count": more, "data": {"Last_Name": "Ek {n}"}})

    run = run_tap(sandbox)

    assert run.code == 0
    run.validate()
    for module in MODULES:
        assert len(run.ids(module)) == len(set(run.ids(module)))
        assert_holds(sandbox, module, run.latest(module), but=HIDDEN)


def test_second_run_emits_only_what_changed(sandbox: Sandbox) -> None:
    """Incremental means that a run in which little changed costs little."""
    first = run_tap(sandbox)
    sandbox.clock(advance=60)
    contact = first.ids("Contacts")[0]
    sandbox.mutate({"op": "edit", "module": "Contacts", "id": contact, "data": {"Last_Name": "Lund"}})
    company = sandbox.create("Accounts", Account_Name="Norrsken")

    second = run_tap(sandbox, state=first.state)

    assert second.code == 0
    moved = {
        name: [each["id"] for each in records] for name, records in second.records.items() if name in MODULES
    }
    assert {name: ids for name, ids in moved.items() if ids} == {"Contacts": [contact], "Accounts": [company]}
    assert second.latest("Contacts")[contact]["Last_Name"] == "Lund"


def test_a_record_edited_while_it_is_read_is_in_the_next_run(sandbox: Sandbox) -> None:
    """The bookmark is Bigin's clock before the first page: what is edited later is still to come."""
    sandbox.settings(most_per_page=10)
    on_page_1 = min(sandbox.dump("Contacts"), key=lambda each: int(each["id"]))
    edit = {"op": "edit", "module": "Contacts", "id": on_page_1["id"], "data": {"Last_Name": "Edited"}}
    sandbox.fault("GET /Contacts", after=2, mutate=[edit])

    first = run_tap(sandbox, modules=["Contacts"])
    second = run_tap(sandbox, modules=["Contacts"], state=first.state)

    assert first.latest("Contacts")[on_page_1["id"]]["Last_Name"] == on_page_1["Last_Name"]
    assert second.latest("Contacts")[on_page_1["id"]]["Last_Name"] == "Edited"


def test_every_selected_stream_sends_its_schema_also_when_it_is_empty(sandbox: Sandbox) -> None:
    """Models in a warehouse break on a table that does not exist."""
    sandbox.reset(size="empty")

    run = run_tap(sandbox, catalog=discover(sandbox))

    assert run.code == 0
    assert run.schemas.keys() >= {*MODULES, "Payroll", "deleted_records", "users", "settings_sub_pipelines"}
    assert all(each["key_properties"] for each in run.schemas.values())


def test_a_refused_module_is_a_warning_and_the_others_are_read(sandbox: Sandbox) -> None:
    """One right that the token lacks must not stop a pipeline."""
    run = run_tap(sandbox)

    assert run.code == 0
    assert run.said("Payroll: skipped.")
    assert run.said("NO_PERMISSION")
    assert run.ids("Contacts")


def test_a_module_whose_fields_are_refused_has_no_stream(sandbox: Sandbox) -> None:
    """Without its fields nothing can be said of its records."""
    sandbox.fault("GET /settings/fields", query="*module=Tasks*", status=403)

    run = run_tap(sandbox)

    assert run.code == 0
    assert run.said("Tasks: no stream.")
    assert "Tasks" not in run.schemas
    assert run.ids("Contacts")


def test_another_failure_fails_the_run_after_the_others_are_written(sandbox: Sandbox) -> None:
    """The other streams keep what they did, and the exit code says that something is missing."""
    sandbox.fault("GET /Contacts", status=500, times=None)

    run = run_tap(sandbox, max_retries=0)

    assert run.code == 1
    assert "Contacts: failed" in run.log[-1]
    assert run.ids("Tasks")
    assert "replication_key_value" in run.state["bookmarks"]["Tasks"]
    assert "replication_key_value" not in run.state["bookmarks"].get("Contacts", {})


def test_a_field_of_a_type_nobody_described_is_taken_as_it_is(sandbox: Sandbox) -> None:
    """New data types appear without notice: a warning, never a dead pipeline."""
    run = run_tap(sandbox, modules=["Subscriptions"])

    assert run.said("Subscriptions: field 'Site_Position' is of a type that is new here, 'geolocation'")
    assert any(record["Site_Position"] for record in run.records["Subscriptions"])


@pytest.mark.parametrize("counted", ["characters", "utf16"])
def test_rich_text_that_lists_cut_is_read_whole(sandbox: Sandbox, counted: str) -> None:
    """Lists cut rich text to 500 without saying so; an emoji counts one or two."""
    sandbox.settings(rich_text_cut=counted)
    run = run_tap(sandbox, modules=["Subscriptions"])

    terms = {record["id"]: record["Terms"] for record in sandbox.dump("Subscriptions")}
    assert max(map(len, filter(None, terms.values()))) > 500
    assert {record["id"]: record["Terms"] for record in run.records["Subscriptions"]} == terms


def test_settings_choose_modules_by_glob(sandbox: Sandbox) -> None:
    """A large organisation is offered only what is wanted."""
    catalog = discover(sandbox, modules=["C*", "Tasks"])

    streams = {each["tap_stream_id"] for each in catalog["streams"]}
    assert streams & {*MODULES, "Payroll"} == {"Calls", "Contacts", "Tasks"}


def test_start_date_is_a_floor_for_the_first_run(sandbox: Sandbox) -> None:
    """Whoever needs only this year pays only for this year."""
    times = sorted(record["Modified_Time"] for record in sandbox.dump("Contacts"))
    middle = times[len(times) // 2].replace("+00:00", "Z")

    run = run_tap(sandbox, modules=["Contacts"], start_date=middle)

    expected = {each["id"] for each in sandbox.dump("Contacts") if each["Modified_Time"][:19] >= middle[:19]}
    assert set(run.ids("Contacts")) == expected


def test_a_full_table_knows_no_start_date(sandbox: Sandbox) -> None:
    """Its rows are all that there is: a warehouse would take those that are left out for gone."""
    catalog = select(discover(sandbox, modules=["Contacts"]), "Contacts")
    catalog["streams"][0]["replication_method"] = "FULL_TABLE"

    run = run_tap(sandbox, catalog=catalog, modules=["Contacts"], start_date=sandbox.clock())

    assert len(run.ids("Contacts")) == sandbox.count("Contacts")


def test_lookups_may_be_flat_ids(sandbox: Sandbox) -> None:
    """A key to join on is all that many models want."""
    run = run_tap(sandbox, modules=["Contacts"], lookups="id")

    run.validate()
    links = {each["id"]: each["Account_Name"] for each in sandbox.dump("Contacts")}
    assert any(links.values())
    for record in run.records["Contacts"]:
        assert record["Account_Name"] == (links[record["id"]] or {}).get("id")
        assert record["Owner"].isdigit()


@pytest.mark.parametrize("ims", ["exclusive", "inclusive", "ignored"])
def test_whatever_if_modified_since_means_nothing_is_lost(sandbox: Sandbox, ims: str) -> None:
    """Nobody has documented the header for v2 lists: a wish, whose effect is checked."""
    sandbox.settings(ims=ims)
    first = run_tap(sandbox, modules=["Contacts"])
    sandbox.clock(advance=60)
    edited = first.ids("Contacts")[:7]
    sandbox.mutate({"op": "edit", "module": "Contacts", "ids": edited, "data": {"Phone": "1"}})

    second = run_tap(sandbox, modules=["Contacts"], state=first.state)

    assert sorted(second.ids("Contacts")) == sorted(edited)
    assert bool(second.said("the server ignores If-Modified-Since")) == (ims == "ignored")


def test_what_describes_the_settings_is_read_where_it_is_selected(sandbox: Sandbox) -> None:
    """It more than doubles the price of an hourly run, and few people need it; its schema is whole all the same."""
    catalog = json.loads(run_tap(sandbox, "--discover", modules=["Contacts"]).stdout)
    roots = {
        each["tap_stream_id"]: entry["metadata"]
        for each in catalog["streams"]
        for entry in each["metadata"]
        if not entry["breadcrumb"]
    }

    plain = run_tap(sandbox, modules=["Contacts"])
    tested = run_tap(sandbox, "--test", modules=["Contacts"])

    left_out = {name for name, root in roots.items() if root.get("selected-by-default") is False}
    assert left_out == {name for name in roots if name.startswith("settings_")}
    assert plain.schemas.keys() == roots.keys() - left_out
    assert tested.records["settings_roles"][0]["display_label"]
