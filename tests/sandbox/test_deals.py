"""Pipelines: Team Pipeline, sub-pipeline, stage; a deal's products and contacts. FACTS 3 and 5."""

from __future__ import annotations

import pytest
from support.writing import insert, read, refusal, send

NOBODY = "6100000000000999999"
DEAL = {"Deal_Name": "Lamps", "Sub_Pipeline": "Inbound", "Stage": "Proposal"}


@pytest.fixture(autouse=True)
def empty(sandbox):
    sandbox.reset(size="empty")


@pytest.fixture
def team_pipelines(sandbox):
    """Name -> id of the organisation's Team Pipelines, the default one first."""
    layouts = sandbox.api("GET", "/settings/layouts", params={"module": "Pipelines"}).json()["layouts"]
    return {layout["name"]: layout["id"] for layout in layouts}


def test_a_deal_without_a_team_pipeline_gets_the_default_one(sandbox, team_pipelines):
    """Several live projects leave it out."""
    record_id = insert(sandbox, "Pipelines", **DEAL)

    default = next(iter(team_pipelines.items()))
    assert read(sandbox, "Pipelines", record_id)["Pipeline"] == {"name": default[0], "id": default[1]}


@pytest.mark.parametrize("key", ["Pipeline", "Layout"])
def test_a_deal_goes_to_the_team_pipeline_it_names(sandbox, team_pipelines, key):
    """A Team Pipeline is a layout, so either key names it."""
    chosen = {"id": team_pipelines["Partner Onboarding"]}

    record_id = insert(
        sandbox,
        "Pipelines",
        Deal_Name="P",
        Sub_Pipeline="Resellers",
        Stage="Live",
        Closing_Date="2026-12-31",
        **{key: chosen},
    )

    assert read(sandbox, "Pipelines", record_id)["Pipeline"]["name"] == "Partner Onboarding"


def test_a_layout_may_ask_for_what_the_field_itself_does_not(sandbox, team_pipelines):
    """Seen live; neither left out on insert nor emptied later."""
    deal = {"Deal_Name": "P", "Sub_Pipeline": "Resellers", "Stage": "Live"}
    deal["Pipeline"] = {"id": team_pipelines["Partner Onboarding"]}
    record_id = insert(sandbox, "Pipelines", Closing_Date="2026-12-31", **deal)

    missing = refusal(sandbox, "Pipelines", **deal)
    _, emptied = send(sandbox, "PUT", "/Pipelines", {"id": record_id, "Closing_Date": None})

    for entry in (missing, emptied[0]):
        assert (entry["code"], entry["details"]["api_name"]) == ("MANDATORY_NOT_FOUND", "Closing_Date")


@pytest.mark.parametrize("missing", ["Deal_Name", "Sub_Pipeline", "Stage"])
def test_name_sub_pipeline_and_stage_are_mandatory(sandbox, missing):
    """All three, on insert."""
    entry = refusal(sandbox, "Pipelines", **{name: value for name, value in DEAL.items() if name != missing})

    assert (entry["code"], entry["details"]["api_name"]) == ("MANDATORY_NOT_FOUND", missing)


@pytest.mark.parametrize("stage", ["Demo", "Live", "Invented", "Won"])
def test_a_stage_outside_its_sub_pipeline_is_a_mismatch(sandbox, stage):
    """Another sub-pipeline's, another Team Pipeline's, nobody's, and a label ("Won" is stored as Closed Won)."""
    entry = refusal(sandbox, "Pipelines", **{**DEAL, "Stage": stage})

    assert entry == {
        "code": "MAPPING_MISMATCH",
        "details": {"mapped_field": "Sub_Pipeline", "api_name": "Stage", "json_path": "$.data[0].Stage"},
        "message": "Pipeline doesn't contain the Stage",
        "status": "error",
    }


@pytest.mark.parametrize("sub_pipeline", ["Resellers", "Invented"])
def test_a_sub_pipeline_outside_its_team_pipeline_is_a_mismatch(sandbox, sub_pipeline):
    """The default Team Pipeline has others."""
    entry = refusal(sandbox, "Pipelines", **{**DEAL, "Sub_Pipeline": sub_pipeline})

    assert entry["code"] == "MAPPING_MISMATCH"
    assert entry["details"]["mapped_field"] == "Pipeline"
    assert entry["details"]["api_name"] == "Sub_Pipeline"
    assert entry["message"] == "Layout doesn't contain the Pipeline"


def test_a_stage_is_written_by_its_actual_value(sandbox):
    """Never by the label that people see."""
    record_id = insert(sandbox, "Pipelines", **{**DEAL, "Stage": "Closed Won"})

    assert read(sandbox, "Pipelines", record_id)["Stage"] == "Closed Won"


def test_an_update_is_judged_with_what_the_deal_has_already(sandbox, team_pipelines):
    """A stage alone, a sub-pipeline alone, a Team Pipeline alone."""
    record_id = insert(sandbox, "Pipelines", **DEAL)

    def update(**changes):
        return send(sandbox, "PUT", "/Pipelines", {"id": record_id, **changes})[1][0]["code"]

    assert update(Stage="Qualification") == "SUCCESS"
    assert update(Stage="Demo") == "MAPPING_MISMATCH"
    assert update(Sub_Pipeline="Outbound") == "SUCCESS"  # it has a Qualification, too
    assert update(Stage="Demo") == "SUCCESS"
    assert update(Sub_Pipeline="Inbound") == "MAPPING_MISMATCH"
    assert update(Pipeline={"id": team_pipelines["Partner Onboarding"]}) == "MAPPING_MISMATCH"
    assert update(Amount=10) == "SUCCESS"


@pytest.mark.parametrize("pipeline", [{"id": NOBODY}, {"name": "Sales Pipeline"}, 7])
def test_an_unknown_team_pipeline_is_refused(sandbox, pipeline):
    """By id only."""
    entry = refusal(sandbox, "Pipelines", **DEAL, Pipeline=pipeline)

    assert (entry["code"], entry["details"]["api_name"]) == ("INVALID_DATA", "Pipeline")


@pytest.fixture
def products(sandbox):
    """Two products' ids."""
    return [insert(sandbox, "Products", Product_Name=name) for name in ("Lamp", "Bulb")]


def test_product_rows_without_an_id_are_appended_each_time(sandbox, products):
    """A repeat doubles them."""
    row = {"Product": {"id": products[0]}, "Quantity": 2, "List_Price": 10.5}
    record_id = insert(sandbox, "Pipelines", **DEAL, Associated_Products=[row])

    send(sandbox, "PUT", "/Pipelines", {"id": record_id, "Associated_Products": [row]})

    rows = read(sandbox, "Pipelines", record_id)["Associated_Products"]
    assert [row["Product"] for row in rows] == [{"name": "Lamp", "id": products[0]}] * 2
    assert len({row["id"] for row in rows}) == 2
    assert rows[0]["List_Price"] == 10.5


def test_product_rows_are_changed_removed_and_emptied(sandbox, products):
    """By their own ids; rows that are not named stay."""
    sold = [{"Product": {"id": product}, "Quantity": 1} for product in products]
    record_id = insert(sandbox, "Pipelines", **DEAL, Associated_Products=sold)

    def write(rows):
        status, entries = send(sandbox, "PUT", "/Pipelines", {"id": record_id, "Associated_Products": rows})
        assert status == 200, entries
        return read(sandbox, "Pipelines", record_id)["Associated_Products"]

    first, second = read(sandbox, "Pipelines", record_id)["Associated_Products"]
    changed = write([{"id": first["id"], "Quantity": 5}])
    assert [row["Quantity"] for row in changed] == [5, 1]
    assert changed[0]["Product"]["id"] == products[0]
    removed = write([{"id": first["id"], "_delete": None}])
    assert [row["id"] for row in removed] == [second["id"]]
    assert write([]) == []


def test_a_product_row_says_when_it_was_made_and_changed(sandbox, products):
    """It has times of its own."""
    sandbox.clock(set="2026-03-01T10:00:00Z", freeze=True)
    sold = [{"Product": {"id": product}, "Quantity": 1} for product in products]
    record_id = insert(sandbox, "Pipelines", **DEAL, Associated_Products=sold)
    first = read(sandbox, "Pipelines", record_id)["Associated_Products"][0]
    sandbox.clock(advance=60)

    changed = [{"id": first["id"], "Quantity": 5}]
    send(sandbox, "PUT", "/Pipelines", {"id": record_id, "Associated_Products": changed})

    rows = read(sandbox, "Pipelines", record_id)["Associated_Products"]
    assert [row["Created_Time"] for row in rows] == ["2026-03-01T11:00:00+01:00"] * 2
    assert [row["Modified_Time"] for row in rows] == [
        "2026-03-01T11:01:00+01:00",
        "2026-03-01T11:00:00+01:00",
    ]


@pytest.mark.parametrize(
    ("row", "code", "path"),
    [
        ({"Quantity": 1}, "MANDATORY_NOT_FOUND", "$.data[0].Associated_Products[0].Product"),
        (
            {"Product": {"id": NOBODY}, "Quantity": 1},
            "INVALID_DATA",
            "$.data[0].Associated_Products[0].Product",
        ),
        ({"id": NOBODY, "Quantity": 1}, "INVALID_DATA", "$.data[0].Associated_Products[0].id"),
        ("Lamp", "INVALID_DATA", "$.data[0].Associated_Products[0]"),
    ],
)
def test_a_bad_product_row_refuses_the_deal_by_its_path(sandbox, row, code, path):
    """Rows are judged by the fields of the subform's own module."""
    entry = refusal(sandbox, "Pipelines", **DEAL, Associated_Products=[row])

    assert (entry["code"], entry["details"]["json_path"]) == (code, path)


def test_more_than_100_product_rows_are_refused(sandbox, products):
    """What is there counts."""
    row = {"Product": {"id": products[0]}, "Quantity": 1}
    record_id = insert(sandbox, "Pipelines", **DEAL, Associated_Products=[row] * 100)

    _, entries = send(sandbox, "PUT", "/Pipelines", {"id": record_id, "Associated_Products": [row]})

    assert entries[0]["code"] == "LIMIT_EXCEEDED"


@pytest.mark.parametrize("shape", ["plain", "row"])
def test_secondary_contacts_are_taken_in_both_shapes(sandbox, shape):
    """Read alone, a deal shows each link with its own id."""
    contact = insert(sandbox, "Contacts", Last_Name="Berg")
    link = {"id": contact} if shape == "plain" else {"Secondary_Contacts": {"id": contact}}

    record_id = insert(sandbox, "Pipelines", **DEAL, Secondary_Contacts=[link])

    (row,) = read(sandbox, "Pipelines", record_id)["Secondary_Contacts"]
    assert row["Secondary_Contacts"] == {"name": "Berg", "id": contact}
    assert row["id"] != contact


def test_an_unknown_secondary_contact_is_refused(sandbox):
    """In either shape."""
    for link in ({"id": NOBODY}, {"Secondary_Contacts": {"id": NOBODY}}):
        assert refusal(sandbox, "Pipelines", **DEAL, Secondary_Contacts=[link])["code"] == "INVALID_DATA"
