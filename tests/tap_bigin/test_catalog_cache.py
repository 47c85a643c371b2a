"""What a catalog carries of the fields defines the same streams, and what it cannot carry is not believed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from support.sandbox import Sandbox

from bigin_api import Client, Field
from bigin_api.models import Module
from tap_bigin.bookmarks import from_text
from tap_bigin.bulk.columns import job_columns
from tap_bigin.discovery.catalog_cache import DESCRIPTION, Carried, carried_in, carry, reduced
from tap_bigin.discovery.definition import define_module, readable_modules
from tap_bigin.discovery.related_lists import define_related
from tap_bigin.report import RunReport
from tap_bigin.values.data_types import COMPUTED, DATA_TYPES

NOW = from_text("2026-05-14T09:00:00Z")


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
    """The fields of every module."""
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
    sandbox.reset(size="medium")
    found = []
    for is_carried in (False, True):
        with Client.from_settings(sandbox.settings_for()) as client:
            offered = [Module("Pipelines", api_supported=True), Module("Subscriptions", api_supported=True)]
            if is_carried:
                for name in ("Pipelines", "Subscriptions", "Associated_Products"):
                    fields = client.metadata.complete_fields(name)
                    client.metadata.assume(name, _round_trip(name, fields))
            wanted = ["Pipelines.Associated_Products", "Subscriptions.*"]
            report = RunReport(None, told_before=())  # type: ignore[arg-type]
            found.append(
                [
                    one
                    for each in wanted
                    for one in define_related(client, each, offered=offered, lookups="object", report=report)
                ]
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
        "operation_type": {"api_create": True},
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
