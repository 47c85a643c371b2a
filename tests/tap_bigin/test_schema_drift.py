"""Bigin changes between two runs: the records fit the SCHEMA that is sent, and a person is told."""

from __future__ import annotations

from typing import Any

import pytest
from support.sandbox import Sandbox
from support.tap import aged, discover, run_tap, select

MODULE = "Contacts"


@pytest.fixture
def catalog(sandbox: Sandbox) -> dict[str, Any]:
    """A catalog made well before anything changes."""
    return aged(select(discover(sandbox), MODULE))


def _change_field(sandbox: Sandbox, op: str, field: Any, **data: Any) -> None:
    sandbox.change_metadata({"op": op, "module": MODULE, "field": field, **({"data": data} if data else {})})


def test_a_new_field_is_told_and_read_after_discovery(sandbox: Sandbox, catalog: dict[str, Any]) -> None:
    """With an old catalog it is not selected; without one it is there at once."""
    _change_field(
        sandbox, "add_field", {"api_name": "Shoe_Size", "data_type": "integer", "json_type": "integer"}
    )
    sandbox.mutate({"op": "edit", "module": MODULE, "data": {"Shoe_Size": 43}})

    old = run_tap(sandbox, catalog=catalog)
    new = run_tap(sandbox, modules=[MODULE])

    assert old.code == 0
    old.validate()
    assert old.said("not in the catalog, so not read: Shoe_Size")
    assert "Shoe_Size" not in old.records[MODULE][0]
    new.validate()
    assert {record["Shoe_Size"] for record in new.records[MODULE]} == {43}


def test_a_field_that_is_gone_is_null_and_told(sandbox: Sandbox, catalog: dict[str, Any]) -> None:
    """The column stays in the warehouse; a value that is no more must not look like one."""
    _change_field(sandbox, "remove_field", "Phone")

    run = run_tap(sandbox, catalog=catalog)

    assert run.code == 0
    run.validate()
    assert run.said("Bigin has no Phone any more")
    assert {record["Phone"] for record in run.records[MODULE]} == {None}


def test_a_field_that_vanishes_during_the_run_is_null_and_told(sandbox: Sandbox) -> None:
    """A name that the module lacks gives no error: its key is just absent."""
    catalog = aged(select(discover(sandbox), MODULE))
    _change_field(sandbox, "set_field", "Phone", profiles=[])
    sandbox.fault(
        "GET /Contacts",
        status=200,
        body={"data": [{"id": "7", "Last_Name": "Berg"}], "info": {"more_records": False}},
    )

    run = run_tap(sandbox, catalog=catalog, extraction_method="list")

    run.validate()
    assert run.said("field 'Phone' is not in what Bigin sends")
    assert run.latest(MODULE)["7"]["Phone"] is None


def test_a_field_of_another_type_sends_its_new_schema(sandbox: Sandbox, catalog: dict[str, Any]) -> None:
    """A record that does not fit the SCHEMA before it ends the loader's run."""
    _change_field(sandbox, "set_field", "Phone", data_type="integer", json_type="integer")
    sandbox.mutate({"op": "edit", "module": MODULE, "data": {"Phone": 46}})

    run = run_tap(sandbox, catalog=catalog)

    assert run.code == 0
    run.validate()
    assert run.said("property 'Phone' has another type in Bigin than in the catalog")
    assert run.schemas[MODULE]["schema"]["properties"]["Phone"]["type"] == ["integer", "null"]
    assert {record["Phone"] for record in run.records[MODULE]} == {46}


def test_values_of_another_type_than_the_metadata_says_are_made_to_fit(sandbox: Sandbox) -> None:
    """Metadata misleads now and then: believe the values, and keep to the SCHEMA."""
    sandbox.mutate({"op": "edit", "module": MODULE, "data": {"Phone": 46}})

    run = run_tap(sandbox, modules=[MODULE])

    run.validate()
    assert run.said("field 'Phone' came as int, though the metadata says string")
    assert {record["Phone"] for record in run.records[MODULE]} == {"46"}


def test_a_new_value_of_a_pick_list_needs_nothing(sandbox: Sandbox, catalog: dict[str, Any]) -> None:
    """Lists of values grow every week: they are no part of the schema."""
    sandbox.mutate({"op": "edit", "module": MODULE, "data": {"Lead_Source": "Carrier pigeon"}})

    run = run_tap(sandbox, catalog=catalog)

    assert run.code == 0
    run.validate()
    assert not run.said("WARNING")


def test_a_schema_that_a_person_widened_is_kept(sandbox: Sandbox, catalog: dict[str, Any]) -> None:
    """Meltano's `schema` extra lets people say what a column shall be."""
    entry = next(each for each in catalog["streams"] if each["tap_stream_id"] == MODULE)
    entry["schema"]["properties"]["Created_Time"] = {"type": ["string", "null"]}

    run = run_tap(sandbox, catalog=catalog)

    assert run.schemas[MODULE]["schema"]["properties"]["Created_Time"] == {"type": ["string", "null"]}
    assert not run.said("another type")


def test_a_module_that_is_closed_between_two_runs_is_told(sandbox: Sandbox, catalog: dict[str, Any]) -> None:
    """Rights change; the other streams of the catalog go on."""
    select(catalog, MODULE, "Tasks")
    sandbox.change_metadata({"op": "close_module", "module": "Tasks"})

    run = run_tap(sandbox, catalog=catalog)

    assert run.code == 0
    assert run.said("Tasks: skipped.") or run.said(
        "Tasks: selected in the catalog, but there is no such stream"
    )
    assert run.ids(MODULE)
