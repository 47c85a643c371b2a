"""A catalog carries what discovery was told of the fields: a run right after it does not ask again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from support.sandbox import Sandbox
from support.tap import aged, assert_holds, discover, run_tap, select

from bigin_api import Client, Field
from bigin_api.models import Module
from tap_bigin.bookmarks import from_text
from tap_bigin.bulk.columns import job_columns
from tap_bigin.discovery.catalog_cache import DESCRIPTION, Carried, carried_in, carry, reduced
from tap_bigin.discovery.definition import define_module, readable_modules
from tap_bigin.discovery.related_lists import define_related
from tap_bigin.report import RunReport
from tap_bigin.values.data_types import COMPUTED, DATA_TYPES

ASKED = "GET /settings/fields"
MODULES = ("Accounts", "Contacts", "Tasks")  # Accounts is the first: asked for in any case
SHOE_SIZE = {"api_name": "Shoe_Size", "data_type": "integer", "json_type": "integer"}
NOW = from_text("2026-05-14T09:00:00Z")


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


# What is carried


def _round_trip(module: str, fields: tuple[Field, ...]) -> tuple[Field, ...]:
    """The fields, carried by a catalog through a file."""
    catalog = {"streams": [{"tap_stream_id": module, "metadata": [{"breadcrumb": [], "metadata": {}}]}]}
    carry(catalog, {module: fields}, discovered=NOW)
    carried = carried_in(json.loads(json.dumps(catalog)), None)[module]
    assert carried.agrees_with(fields)
    return carried.fields


def _without_choices(fields: tuple[Field, ...]) -> list[Field]:
    """Pick lists are carried where several values may be chosen, and of these only what records hold."""
    return [
        replace(
            each,
            pick_list_values=tuple(
                value.actual_value for value in each.pick_list_values if each.data_type.startswith("multi")
            ),
        )
        for each in fields
    ]


@pytest.fixture
def described(sandbox: Sandbox) -> Iterator[dict[str, tuple[Field, ...]]]:
    """The fields of every module of a large organisation."""
    sandbox.reset(size="large")
    with Client.from_settings(sandbox.settings_for()) as client:
        modules = readable_modules(client.metadata.modules())
        yield {each.api_name: client.metadata.fields(each.api_name) for each in modules}


def test_what_is_carried_defines_the_same_streams(described: dict[str, tuple[Field, ...]]) -> None:
    """Schema, treatments, columns of a job: of every module that there is, more than 50 fields or few."""
    assert max(map(len, described.values())) > 50
    for name, live in described.items():
        carried = _round_trip(name, live)
        assert _without_choices(carried) == _without_choices(live)
        for lookups in ("object", "id"):
            ours, theirs = (
                define_module(Module(name), fields, lookups=lookups, soft_deletes=True)
                for fields in (carried, live)
            )
            assert (ours.schema, ours.replication_key) == (theirs.schema, theirs.replication_key)
            assert job_columns(carried, display_fields={}, flat_lookups=lookups == "id") == job_columns(
                live, display_fields={}, flat_lookups=lookups == "id"
            )


def test_what_is_carried_defines_the_same_rows_inside_records(sandbox: Sandbox) -> None:
    """A subform's module and a link's name in a linking row are parts of a field's entry."""
    sandbox.reset(size="large")
    found = []
    for is_carried in (False, True):
        with Client.from_settings(sandbox.settings_for()) as client:
            offered = [Module("Pipelines", api_supported=True), Module("Subscriptions", api_supported=True)]
            if is_carried:
                for name in ("Pipelines", "Subscriptions", "Associated_Products"):
                    fields = client.metadata.complete_fields(name)
                    client.metadata.assume(name, _round_trip(name, fields))
            wanted = ["Pipelines.Associated_Products", "Subscriptions.*"]
            report = RunReport(None)  # type: ignore[arg-type]
            found.append(
                list(define_related(client, wanted, offered=offered, lookups="object", report=report))
            )
    assert any(each.source == "rows" for each in found[0])
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "raw",
    [
        *({"data_type": each} for each in (*DATA_TYPES, *COMPUTED, "hologram", "unknown")),
        *({"data_type": each, "json_type": "jsonobject"} for each in ("bigint", "hologram")),
        {"data_type": "formula", "formula": {"return_type": "double", "expression": "1+1"}},
        {"data_type": "textarea", "textarea": {"type": "rich_text"}},
        {"data_type": "lookup", "lookup": {"module": "Accounts", "id": "7"}},
        {"data_type": "lookup", "lookup": {"module": {"api_name": "Accounts", "id": "7"}}},
        {
            "data_type": "multiselectlookup",
            "multiselectlookup": {
                "connected_module": {"api_name": "Products", "id": "8"},
                "connectedlookup_apiname": "Things",
                "linking_module": {"api_name": "X"},
            },
        },
        {"data_type": "text", "unique": {"casesensitive": "0"}, "field_label": "", "display_label": "Shown"},
        {"data_type": "text", "view_type": {"view": True, "edit": True, "create": False}, "length": 0},
        {
            "data_type": "text",
            "view_type": {"edit": True},
            "profiles": [{"permission_type": "read_only"}] * 3,
        },
        {
            "data_type": "multiselectpicklist",
            "pick_list_values": [
                {"actual_value": "A;B", "display_value": "AB"},
                {"actual_value": None, "display_value": "-None-"},
                {"display_value": "C"},
            ],
        },
        {"data_type": "picklist", "pick_list_values": [{"actual_value": "A", "display_value": "A"}]},
    ],
)
def test_every_kind_of_field_is_carried_whole(raw: dict[str, Any]) -> None:
    """A key that is left out by mistake would change a schema in silence."""
    live = Field.from_json(
        {"api_name": "Mood", "json_type": "string", "id": "7", "custom_field": True, **raw}
    )

    carried = Field.from_json(json.loads(json.dumps(reduced(live))))

    assert _without_choices((carried,)) == _without_choices((live,))
    assert job_columns([carried], display_fields={}) == job_columns([live], display_fields={})
    assert reduced(carried) == reduced(live)


def test_fields_read_nothing_that_is_not_carried() -> None:
    """Whoever lets ``Field`` read another key of Bigin's must let the catalog carry it."""
    read: set[str] = set()

    class Watched(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            read.add(key)
            return default

    Field.from_json(Watched())
    known = dict.fromkeys(read, "x") | {
        "view_type": {"create": True},
        "profiles": [{"permission_type": "x"}],
    }
    known |= {
        "lookup": {"module": "x"},
        "multiselectlookup": {"connected_module": "x"},
        "textarea": {"type": "x"},
        "formula": {"return_type": "x"},
    }

    left_out = known.keys() - reduced(Field("Mood", raw=known)).keys()

    assert left_out == {"display_label", "pick_list_values"}  # the label and the choices stand for them


@pytest.mark.parametrize(
    "state",
    [
        {"bookmarks": {"Tasks": {"replication_key_value": "2026-05-14T09:00:00Z"}}},
        {"bookmarks": {"Tasks": {"pass": {"kind": "full", "shape": "x", "started": "2026-05-14T09:00:01Z"}}}},
        {"bookmarks": {"Tasks": {"replication_key_value": "soon"}}},
        {"bookmarks": {"Tasks": {"pass": {"kind": "wild"}}}},
        {"bookmarks": {"Tasks": []}},
        {"bookmarks": [1]},
        [1],
        "state.json",
    ],
)
def test_nothing_is_believed_that_a_run_may_have_used(state: Any) -> None:
    """Nor where the state cannot be read: what is wrong with it, others say."""
    catalog = {"streams": [{"tap_stream_id": "Tasks", "metadata": [{"breadcrumb": [], "metadata": {}}]}]}
    carry(
        catalog,
        {"Tasks": [Field("Subject", raw={"api_name": "Subject", "data_type": "text"})]},
        discovered=NOW,
    )

    assert carried_in(catalog, state) == {}
    assert carried_in(catalog, {"bookmarks": {"Tasks": {"replication_key_value": "2026-05-14T08:59:59Z"}}})
    assert carried_in(catalog, {"bookmarks": {"queries": {"replication_key_value": "2027-01-01T00:00:00Z"}}})


@pytest.mark.parametrize(
    "told",
    [
        None,
        "Tasks",
        {},
        {"module": "Tasks", "discovered": "2026-05-14T09:00:00Z"},
        {"module": "Tasks", "discovered": 7, "fields": []},
        {"module": "Tasks", "discovered": "2026-05-14T09:00:00Z", "fields": ["Subject"]},
        {"module": "Tasks", "discovered": "2026-05-14T09:00:00Z", "fields": [{"api_name": ""}]},
        {"module": "Tasks", "discovered": "2026-05-14T09:00:00Z", "fields": [{"api_name": "Subject"}]},
        {"module": "Contacts", "discovered": "2026-05-14T09:00:00Z", "fields": []},
    ],
)
def test_a_malformed_description_is_passed_over(told: Any) -> None:
    """Each alone; a stream that was given another module's description has none."""
    metadata = [{"breadcrumb": [], "metadata": {DESCRIPTION: told}}]

    assert carried_in({"streams": [{"tap_stream_id": "Tasks", "metadata": metadata}]}, None) == {}


@pytest.mark.parametrize("catalog", [None, [], "catalog.json", {}, {"streams": 7}, {"streams": [None, {}]}])
def test_a_catalog_of_another_form_carries_nothing(catalog: Any) -> None:
    """What is wrong with it, others say."""
    assert carried_in(catalog, None) == {}


def test_fields_of_another_organisation_do_not_agree() -> None:
    """A catalog of the test account, used with the real one: the names are the same, the ids are not."""
    ours, theirs = (
        Field.from_json({"api_name": "Subject", "data_type": "text", "id": each}) for each in ("7", "8")
    )

    assert Carried(NOW, (ours,)).agrees_with([ours])
    assert not Carried(NOW, (ours,)).agrees_with([theirs])
