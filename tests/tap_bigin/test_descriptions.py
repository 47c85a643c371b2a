"""A catalog carries what discovery was told of the fields: a run right after it does not ask again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.sandbox import Sandbox
from support.tap import aged, assert_holds, discover, run_tap, select

from tap_bigin.bookmarks import from_text
from tap_bigin.discovery.catalog_cache import DESCRIPTION

ASKED = "GET /settings/fields"
MODULES = ("Accounts", "Contacts", "Tasks")  # Accounts is the first: asked for in any case
SHOE_SIZE = {"api_name": "Shoe_Size", "data_type": "integer", "json_type": "integer"}


@pytest.fixture
def catalog(sandbox: Sandbox) -> dict[str, Any]:
    """Three modules, discovered a moment ago."""
    return select(discover(sandbox), *MODULES)


@pytest.fixture
def asked(sandbox: Sandbox) -> Callable[[], int]:
    """How often Bigin was asked for fields since the last time that this was asked."""
    seen = 0

    def calls() -> int:
        nonlocal seen
        before, seen = seen, sandbox.calls(ASKED)
        return seen - before

    return calls


def _carried(catalog: dict[str, Any], module: str) -> dict[str, Any]:
    """What a catalog carries of a module, to be looked at or changed."""
    entry = next(each for each in catalog["streams"] if each["tap_stream_id"] == module)
    root = next(each["metadata"] for each in entry["metadata"] if not each["breadcrumb"])
    told: dict[str, Any] = root[DESCRIPTION]
    return told


def _schemas(run: Any) -> dict[str, Any]:
    return {name: message["schema"] for name, message in run.schemas.items()}


# In a run


def test_a_run_right_after_discovery_asks_for_one_module(
    sandbox: Sandbox, catalog: dict[str, Any], asked: Callable[[], int]
) -> None:
    """Meltano discovers before each run: nobody should pay, and wait, for the same answers twice."""
    asked()

    run = run_tap(sandbox, catalog=catalog)
    with_catalog = asked()
    live = run_tap(sandbox, catalog=aged(catalog))

    assert (with_catalog, asked()) == (1, 3)
    assert run.code == live.code == 0
    run.validate()
    assert run.said("Fields of 2 modules as just discovered")
    assert not live.said("as just discovered")
    assert run.records == live.records
    assert _schemas(run) == _schemas(live)
    for module in MODULES:
        assert_holds(sandbox, module, run.latest(module))


def test_the_bookmark_is_bigins_clock_of_the_run_itself(sandbox: Sandbox, catalog: dict[str, Any]) -> None:
    """One module is asked for live, so the clock is known before the first page; discovery's is too old."""
    sandbox.clock(advance=120)

    run = run_tap(sandbox, catalog=catalog)

    discovered = from_text(_carried(catalog, "Tasks")["discovered"])
    bookmarks = [run.state["bookmarks"][module]["replication_key_value"] for module in MODULES]
    assert all((from_text(each) - discovered).total_seconds() >= 119 for each in bookmarks)


def test_a_second_run_with_the_same_catalog_asks_for_all(
    sandbox: Sandbox, catalog: dict[str, Any], asked: Callable[[], int]
) -> None:
    """On a plain pipe a catalog is kept for months: each run but the first sees what has changed."""
    first = run_tap(sandbox, catalog=catalog)
    sandbox.change_metadata({"op": "add_field", "module": "Tasks", "field": SHOE_SIZE})
    asked()

    second = run_tap(sandbox, catalog=catalog, state=first.state)

    assert asked() == 3
    assert second.said("Tasks: not in the catalog, so not read: Shoe_Size")


def test_a_run_that_goes_on_after_an_interrupted_one_asks_for_all(
    sandbox: Sandbox, catalog: dict[str, Any], asked: Callable[[], int]
) -> None:
    """It left no bookmark, but a pass that began after the discovery."""
    sandbox.settings(most_per_page=5)
    select(catalog, "Contacts", "Tasks")
    first = run_tap(sandbox, catalog=catalog, credit_budget=6, extraction_method="list")
    assert first.code == 0
    assert all("replication_key_value" not in each for each in first.state["bookmarks"].values())
    asked()

    second = run_tap(sandbox, catalog=catalog, state=first.state, extraction_method="list")

    assert asked() == 2
    assert set(first.ids("Contacts") + second.ids("Contacts")) == {
        each["id"] for each in sandbox.dump("Contacts")
    }


def test_a_discovery_after_the_last_run_is_believed_again(
    sandbox: Sandbox, catalog: dict[str, Any], asked: Callable[[], int]
) -> None:
    """Discover and run, discover and run: never twice."""
    first = run_tap(sandbox, catalog=catalog)
    sandbox.clock(advance=60)
    later = select(discover(sandbox), *MODULES)
    asked()

    second = run_tap(sandbox, catalog=later, state=first.state)

    assert (second.code, asked()) == (0, 1)


@pytest.mark.parametrize(("seconds", "calls"), [(540, 1), (660, 3), (-30, 1), (-120, 3)])
def test_ten_minutes_is_the_age_to_which_it_is_believed(
    sandbox: Sandbox, catalog: dict[str, Any], asked: Callable[[], int], seconds: int, calls: int
) -> None:
    """By Bigin's clock; a discovery of the future is none."""
    asked()

    run = run_tap(sandbox, catalog=aged(catalog, seconds=seconds))

    assert (run.code, asked()) == (0, calls)


@pytest.mark.parametrize(
    "wish",
    [
        {"op": "add_field", "field": SHOE_SIZE},
        {"op": "remove_field", "field": "Phone"},
        {"op": "set_field", "field": "Phone", "data": {"data_type": "integer", "json_type": "integer"}},
    ],
)
def test_nothing_is_believed_when_the_module_asked_for_has_changed(
    sandbox: Sandbox, catalog: dict[str, Any], asked: Callable[[], int], wish: dict[str, Any]
) -> None:
    """Where one answer has aged, the others may have too."""
    sandbox.change_metadata({"module": "Accounts", **wish})
    sandbox.change_metadata({"op": "add_field", "module": "Tasks", "field": SHOE_SIZE})
    asked()

    run = run_tap(sandbox, catalog=catalog)

    assert (run.code, asked()) == (0, 3)
    assert run.said("Tasks: not in the catalog, so not read: Shoe_Size")
    run.validate()


def test_nothing_is_believed_when_the_module_asked_for_is_refused(
    sandbox: Sandbox, catalog: dict[str, Any], asked: Callable[[], int]
) -> None:
    """Rights have changed since."""
    sandbox.fault(ASKED, query="*module=Accounts*", status=403, times=None)
    asked()

    run = run_tap(sandbox, catalog=catalog)

    assert run.code == 0
    assert run.said("Accounts: selected in the catalog, but there is no such stream")
    assert sandbox.calls(ASKED) > 3
    assert run.ids("Tasks")


def test_a_module_that_the_catalog_does_not_describe_is_asked_for(
    sandbox: Sandbox, catalog: dict[str, Any], asked: Callable[[], int]
) -> None:
    """A person may take a description out; the others stand."""
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if stream["tap_stream_id"] == "Tasks":
                entry["metadata"].pop(DESCRIPTION, None)
    asked()

    run = run_tap(sandbox, catalog=catalog)

    assert (run.code, asked()) == (0, 2)
    assert_holds(sandbox, "Tasks", run.latest("Tasks"))


def test_a_description_that_makes_no_sense_counts_as_absent(
    sandbox: Sandbox, catalog: dict[str, Any], asked: Callable[[], int]
) -> None:
    """Catalogs are edited by hand, and what is beside the point must not stop a run."""
    _carried(catalog, "Accounts")["discovered"] = "yesterday"
    _carried(catalog, "Contacts")["fields"] = {"Email": "email"}
    _carried(catalog, "Tasks")["fields"].append({"data_type": "text"})
    asked()

    run = run_tap(sandbox, catalog=catalog)

    assert (run.code, asked()) == (0, 3)
    assert not run.said("WARNING")
    for module in MODULES:
        assert_holds(sandbox, module, run.latest(module))


def test_wrong_credentials_are_told_as_ever(sandbox: Sandbox, catalog: dict[str, Any]) -> None:
    """The one module that is asked for checks the token before anything is written."""
    run = run_tap(sandbox, catalog=catalog, refresh_token="1000.wrong")

    assert run.code == 1
    assert "data center" in run.log[-1] or "data_center" in run.log[-1]
    assert not run.messages


def test_a_type_that_changes_between_discovery_and_run_breaks_no_line(
    sandbox: Sandbox, catalog: dict[str, Any], asked: Callable[[], int]
) -> None:
    """The price of not asking: the value takes the old type, which a warning tells; the next run has the new."""
    numbers = {"data_type": "integer", "json_type": "integer"}
    sandbox.change_metadata({"op": "set_field", "module": "Contacts", "field": "Phone", "data": numbers})
    sandbox.mutate({"op": "edit", "module": "Contacts", "data": {"Phone": 46}})
    asked()

    run = run_tap(sandbox, catalog=catalog)
    with_catalog = asked()
    next_run = run_tap(sandbox, catalog=catalog, state=run.state)

    assert (run.code, with_catalog) == (0, 1)
    run.validate()
    assert {record["Phone"] for record in run.records["Contacts"]} == {"46"}
    assert set(run.ids("Contacts")) == {each["id"] for each in sandbox.dump("Contacts")}
    assert run.said("field 'Phone' came as int, though the metadata says string")
    assert next_run.said("property 'Phone' has another type in Bigin than in the catalog")
    assert next_run.schemas["Contacts"]["schema"]["properties"]["Phone"]["type"] == ["integer", "null"]


def test_a_field_that_is_taken_away_between_discovery_and_run_is_null_and_told(
    sandbox: Sandbox, catalog: dict[str, Any]
) -> None:
    """As a field that vanishes during a run."""
    sandbox.change_metadata({"op": "remove_field", "module": "Contacts", "field": "Phone"})

    run = run_tap(sandbox, catalog=catalog)

    run.validate()
    assert run.said("field 'Phone' is not in what Bigin sends")
    assert {record["Phone"] for record in run.records["Contacts"]} == {None}


# What needs more than the catalog carries


def test_the_stream_of_fields_has_all_that_bigin_says(sandbox: Sandbox, asked: Callable[[], int]) -> None:
    """It is made of whole answers, which are asked for once: for itself, and for the other streams too."""
    catalog = select(discover(sandbox), *MODULES, "settings_fields")
    discovery = asked()

    run = run_tap(sandbox, catalog=catalog)
    with_catalog = asked()
    live = run_tap(sandbox, catalog=aged(catalog))

    assert run.records["settings_fields"] == live.records["settings_fields"]
    assert any(each["pick_list_values"] for each in run.records["settings_fields"])
    assert any(each["visible"] for each in run.records["settings_fields"])
    assert with_catalog == asked() == discovery


def test_stages_keep_their_category(sandbox: Sandbox, asked: Callable[[], int]) -> None:
    """The pick list of the field Stage tells which stages are won: Pipelines is asked for, and that will do."""
    described = sandbox.api("GET", "/settings/fields", params={"module": "Pipelines"}).json()["fields"]
    stages = next(each["pick_list_values"] for each in described if each["api_name"] == "Stage")
    told = {"pick_list_values": [{**each, "forecast_type": "Open"} for each in stages]}
    sandbox.change_metadata({"op": "set_field", "module": "Pipelines", "field": "Stage", "data": told})
    catalog = select(discover(sandbox), "Accounts", "Pipelines", "settings_sub_pipelines")
    asked()

    run = run_tap(sandbox, catalog=catalog)
    with_catalog = asked()
    live = run_tap(sandbox, catalog=aged(catalog))

    assert run.records["settings_sub_pipelines"] == live.records["settings_sub_pipelines"]
    assert (with_catalog, asked()) == (1, 3)  # live: Contacts too, whose names deals may link to
    assert {each["category"] for each in run.records["settings_sub_pipelines"]} == {"Open"}


def test_jobs_name_linked_records_by_what_the_catalog_carries(
    sandbox: Sandbox, asked: Callable[[], int]
) -> None:
    """A lookup's name comes from the display field of a module that need not be selected."""
    catalog = select(discover(sandbox), "Contacts")
    asked()

    run = run_tap(sandbox, catalog=catalog, extraction_method="bulk")

    assert (run.code, asked()) == (0, 1)
    assert sandbox.calls("POST /bulk/read") == 1
    assert_holds(sandbox, "Contacts", run.latest("Contacts"))
