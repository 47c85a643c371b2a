"""Deals: a stage lies in its sub-pipeline, and that in its Team Pipeline; said before anything is sent."""

from __future__ import annotations

import pytest
from support.target import record, records, schema

from bigin_api.models import Layout, LayoutField, PickListValue
from target_bigin.records.record import Reject
from target_bigin.values.checks import check_stage


def sub(name, *stages):
    return PickListValue(
        name, name, maps={"Stage": tuple(PickListValue(each, f"{each}!") for each in stages)}
    )


def team(layout_id, name, *subs):
    return Layout(
        layout_id, name, display_label=name, fields=(LayoutField("Sub_Pipeline", pick_list_values=subs),)
    )


PIPELINES = [
    team("1", "Sales", sub("Inbound", "Demo", "Won"), sub("Shared", "Demo")),
    team("2", "Partners", sub("Resellers", "Applied"), sub("Shared", "Live")),
]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"Sub_Pipeline": "Inbound", "Stage": "Won"}, {"Pipeline": {"id": "1"}}),
        ({"Sub_Pipeline": "inbound", "Stage": "Won!"}, {"Sub_Pipeline": "Inbound", "Stage": "Won"}),
        ({"Sub_Pipeline": "Shared", "Stage": "Live"}, {"Stage": "Live"}),
        ({"Pipeline": {"name": "partners"}, "Sub_Pipeline": "Shared"}, {"Pipeline": {"id": "2"}}),
        ({"Pipeline": {"id": "2", "name": "x"}, "Sub_Pipeline": "Resellers"}, {"Pipeline": {"id": "2"}}),
        ({"Stage": "Anything"}, {"Stage": "Anything"}),
        ({}, {}),
    ],
)
def test_what_fits_takes_the_stored_form(sent, expected):
    """Labels become stored values, and a Team Pipeline that is certain is filled in."""
    body = dict(sent)

    check_stage(PIPELINES, body)

    assert body.items() >= expected.items()


def test_a_sub_pipeline_of_two_teams_does_not_choose_one():
    """It is Bigin's default that decides then, not we."""
    body = {"Sub_Pipeline": "Shared", "Stage": "Demo"}

    check_stage(PIPELINES, body)

    assert "Pipeline" not in body


@pytest.mark.parametrize(
    ("sent", "field", "says"),
    [
        ({"Sub_Pipeline": "Inbound", "Stage": "Applied"}, "Stage", "knows Demo, Won"),
        ({"Sub_Pipeline": "Nope"}, "Sub_Pipeline", "any Team Pipeline"),
        ({"Pipeline": {"id": "1"}, "Sub_Pipeline": "Resellers"}, "Sub_Pipeline", "'Sales'"),
        ({"Pipeline": {"id": "9"}}, "Pipeline", "Sales, Partners"),
        ({"Pipeline": {"name": "Nope"}}, "Pipeline", "'Nope'"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_would(sent, field, says):
    """Bigin says MAPPING_MISMATCH; here it says what the sub-pipeline knows."""
    with pytest.raises(Reject) as refused:
        check_stage(PIPELINES, dict(sent))

    assert refused.value.field == field
    assert says in refused.value.message


def test_ids_of_another_organisations_pipelines_are_found_by_name():
    """A copied deal names the Team Pipeline of the organisation it comes from."""
    body = {"Pipeline": {"id": "1", "name": "Partners"}}

    check_stage(PIPELINES, body, foreign_ids=True)

    assert body == {"Pipeline": {"id": "2"}}


def test_a_wrong_stage_costs_nothing(sandbox, target):
    """It is rejected before the call, and the deals beside it are written."""
    rows = [
        {"Deal_Name": "Good", "Sub_Pipeline": "Inbound", "Stage": "Qualification"},
        {"Deal_Name": "Label", "Sub_Pipeline": "Inbound", "Stage": "Won"},
        {"Deal_Name": "Bad", "Sub_Pipeline": "Inbound", "Stage": "Trained"},
        {
            "Deal_Name": "Partner",
            "Sub_Pipeline": "Resellers",
            "Stage": "Trained",
            "Closing_Date": "2026-12-31",
        },
    ]

    run = target([schema("Pipelines", *rows[3]), *records("Pipelines", rows)], max_rejects=1)

    assert run.outcomes("Pipelines") == {"inserted": 3, "invalid": 1}
    (reject,) = run.rejects
    assert (reject["code"], reject["field"], reject["record"]["Deal_Name"]) == (
        "STAGE_MISMATCH",
        "Stage",
        "Bad",
    )
    stages = {each["Deal_Name"]: each["Stage"] for each in sandbox.dump("Pipelines")}
    assert stages["Label"] == "Closed Won"
    assert stages["Partner"] == "Trained"


def test_a_layouts_mandatory_field_is_never_cleared(sandbox, target):
    """null_values: write clears what may be empty; what must not be stays as it is."""
    deal = {"Deal_Name": "Keep", "Sub_Pipeline": "Inbound", "Stage": "Qualification", "Amount": 5}
    target([schema("Pipelines", *deal), record("Pipelines", **deal)])

    run = target(
        [schema("Pipelines", *deal), record("Pipelines", **{**deal, "Stage": None, "Amount": None})],
        null_values="write",
    )

    assert run.error is None
    (kept,) = [each for each in sandbox.dump("Pipelines") if each["Deal_Name"] == "Keep"]
    assert (kept["Stage"], kept["Amount"]) == ("Qualification", None)
