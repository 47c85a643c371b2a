"""Custom views as streams, and the stages of every sub-pipeline."""

from __future__ import annotations

import pytest
from support.tap import discover, run_tap, select, select_fields


def view_of(sandbox, module, name):
    views = sandbox.api("GET", "/settings/custom_views", params={"module": module}).json()["custom_views"]
    return next(each["id"] for each in views if each["name"] == name)


def test_view_gives_its_records_with_the_modules_schema(sandbox):
    """Three credits a page of 200: that is what a view costs, and what is charged."""
    sandbox.mutate(
        {"op": "create", "module": "Contacts", "count": 450, "data": {"Email_Opt_Out": True}},
    )
    cvid = view_of(sandbox, "Contacts", "Opted Out")
    before = sandbox.usage()["by_endpoint"].get("GET /Contacts", {"credits": 0})["credits"]

    run = run_tap(
        sandbox,
        modules=["Products"],
        custom_views=[{"name": "opted_out", "module": "Contacts", "cvid": cvid}],
    )

    run.validate()
    there = {each["id"] for each in sandbox.dump("Contacts") if each["Email_Opt_Out"]}
    assert run.latest("opted_out").keys() == there
    assert sandbox.usage()["by_endpoint"]["GET /Contacts"]["credits"] - before == 9


def test_view_of_more_than_fifty_fields_is_read_whole(sandbox):
    """A call takes 50 fields: the others come with calls of their own."""
    cvid = view_of(sandbox, "Site_Surveys", "All Site Surveys")

    run = run_tap(
        sandbox,
        modules=["Products"],
        custom_views=[{"name": "surveys", "module": "Site_Surveys", "cvid": cvid}],
    )

    run.validate()
    there = {each["id"]: each["Measure_56"] for each in sandbox.dump("Site_Surveys")}
    assert {each["id"]: each["Measure_56"] for each in run.records["surveys"]} == there


def test_view_that_is_not_there_is_refused_with_those_that_are(sandbox):
    """An id of another organisation, say."""
    run = run_tap(sandbox, custom_views=[{"name": "mine", "module": "Contacts", "cvid": "123"}])

    assert run.code == 1
    assert "custom_views: mine" in run.log[-1]
    assert "Opted Out" in run.log[-1]


def _sub_pipelines(sandbox):
    """A catalog with their stream, which is not read unless it is asked for."""
    return select(discover(sandbox, modules=["Pipelines"]), "settings_sub_pipelines")


def test_stages_of_every_sub_pipeline_come_in_order(sandbox):
    """A funnel needs the order of stages, which only the layouts of Pipelines tell."""
    run = run_tap(sandbox, catalog=_sub_pipelines(sandbox))

    run.validate()
    rows = run.records["settings_sub_pipelines"]
    inbound = [
        row["stage"]
        for row in rows
        if (row["pipeline"], row["sub_pipeline"]) == ("Sales Pipeline", "Inbound")
    ]
    assert inbound == ["Qualification", "Needs Analysis", "Proposal", "Closed Won", "Closed Lost"]
    pairs = {(row["pipeline_id"], row["sub_pipeline"], row["stage"]) for row in rows}
    deals = {
        (each["Pipeline"]["id"], each["Sub_Pipeline"], each["Stage"]) for each in sandbox.dump("Pipelines")
    }
    assert deals <= pairs
    assert next(row["stage_label"] for row in rows if row["stage"] == "Closed Won") == "Won"


def test_what_the_catalog_deselects_of_a_stage_is_not_sent(sandbox):
    """A record has what its SCHEMA has."""
    catalog = _sub_pipelines(sandbox)
    select_fields(catalog, "settings_sub_pipelines", "stage_label")

    run = run_tap(sandbox, catalog=catalog)

    run.validate()
    found = {tuple(sorted(each)) for each in run.records["settings_sub_pipelines"]}
    assert found == {("pipeline_id", "stage", "stage_label", "sub_pipeline")}


@pytest.mark.parametrize("key", ["forecast_type", "deal_category"])
def test_won_and_lost_come_from_the_metadata(sandbox, key):
    """A stage may be called anything: only Bigin's own category says that it is won."""
    stage = next(
        each
        for each in sandbox.api("GET", "/settings/fields", params={"module": "Pipelines"}).json()["fields"]
        if each["api_name"] == "Stage"
    )
    values = [
        {**each, key: "Closed Won"} if each["actual_value"] == "Live" else each
        for each in stage["pick_list_values"]
    ]
    sandbox.change_metadata(
        {"op": "set_field", "module": "Pipelines", "field": "Stage", "data": {"pick_list_values": values}}
    )

    run = run_tap(sandbox, catalog=_sub_pipelines(sandbox))

    categories = {row["stage"]: row["category"] for row in run.records["settings_sub_pipelines"]}
    assert categories["Live"] == "Closed Won"
    assert categories["Closed Won"] is None
