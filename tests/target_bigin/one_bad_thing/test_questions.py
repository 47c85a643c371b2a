"""What is asked, made or removed for one record's sake and is refused costs that record alone."""

from __future__ import annotations

import pytest
from support.refusals import BLOCKED, FAILURES, POISON, REFUSALS, bad_one, people, refuse
from support.rewriting import Rewritten
from support.target import records, schema

CONTACTS = schema("Contacts", "Last_Name", key=["Email"])


LOOKUP_REFUSALS = {
    each: refusal for each, refusal in {**REFUSALS, **FAILURES}.items() if not each.startswith("200 with")
}


@pytest.mark.parametrize("refusal", LOOKUP_REFUSALS.values(), ids=LOOKUP_REFUSALS)
def test_a_lookup_value_that_is_refused_costs_its_record(other, sandbox, target, refusal):
    """Fifty values share a question: the other 49 are found, and the run goes on."""
    refuse(other, "/coql", refusal)
    for n in range(60):
        sandbox.create("Accounts", Account_Name=f"Acme {n}")
    rows = people(60, bad=-1)
    for n, row in enumerate(rows):
        row["Account_Name"] = POISON if n == 30 else f"Acme {n}"

    run = target(
        [schema("Contacts", "Last_Name", "Account_Name", key=["Email"]), *records("Contacts", rows)],
        streams={"Contacts": {"lookups": {"Account_Name": {"match_on": "Account_Name"}}}},
        max_retries=0,
    )

    assert run.error is None
    assert run.outcomes("Contacts") == {"inserted": 59, "rejected": 1}
    assert len([each for each in sandbox.dump("Contacts") if each["Account_Name"]]) == 59


def test_a_key_that_is_refused_costs_its_record(other, sandbox, target):
    """By an external key each record is looked for before it is written."""
    refuse(other, "/coql", BLOCKED)
    rows = [{"Subject": POISON if n == 3 else f"Call {n}"} for n in range(30)]

    run = target(
        [schema("Tasks", key=["Subject"]), *records("Tasks", rows)],
        streams={"Tasks": {"external_key": "Subject"}},
    )

    assert run.error is None
    assert run.outcomes("Tasks") == {"inserted": 29, "rejected": 1}


def test_a_company_that_is_refused_costs_those_who_name_it(other, sandbox, target):
    """A hundred companies are made by one call."""
    refuse(other, "/Accounts(/upsert)?", BLOCKED)
    rows = people(30, bad=-1)
    for n, row in enumerate(rows):
        row["Account_Name"] = POISON if n in (3, 4) else f"Acme {n}"
    lookups = {"Account_Name": {"match_on": "Account_Name", "on_missing": "create"}}

    run = target(
        [schema("Contacts", "Last_Name", "Account_Name", key=["Email"]), *records("Contacts", rows)],
        streams={"Contacts": {"lookups": lookups}},
    )

    assert run.error is None
    assert run.outcomes("Contacts") == {"inserted": 28, "rejected": 2}
    assert sandbox.count("Accounts") == 28


def test_a_tag_that_is_refused_is_told_of_its_record(other, sandbox, target):
    """Five hundred share a call; that the record itself was written is said."""
    refuse(other, "/Contacts/actions/add_tags", BLOCKED, poison=lambda: bad_one(sandbox))

    run = target([CONTACTS, *records("Contacts", people(30))], streams={"Contacts": {"tags": ["vip"]}})

    assert run.error is None
    assert run.outcomes("Contacts") == {"inserted": 29, "rejected": 1}
    assert run.rejects[0]["message"].startswith("the record was written, but not its tags")
    assert len([each for each in sandbox.dump("Contacts") if each["Tag"]]) == 29


def test_rows_that_cannot_be_read_cost_their_record(other, sandbox, target):
    """The rows of ten deals are read one by one and written by one call."""
    desk = sandbox.create("Products", Product_Name="Desk")
    deals = [
        {"Deal_Name": POISON if n == 3 else f"Deal {n}", "Sub_Pipeline": "Inbound", "Stage": "Qualification"}
        for n in range(8)
    ]
    for deal in deals:
        sandbox.create("Pipelines", **deal)
        deal["Associated_Products"] = [{"Product": {"id": desk}, "Quantity": 1, "List_Price": 9}]
    refuse(other, "/Pipelines/[0-9]+", BLOCKED, poison=lambda: bad_one(sandbox, "Pipelines", "Deal_Name"))

    run = target([schema("Pipelines", *deals[0], key=["Deal_Name"]), *records("Pipelines", deals)])

    assert run.error is None
    assert run.outcomes("Pipelines") == {"updated": 7, "rejected": 1}
    assert run.rejects[0]["field"] == "Associated_Products"


def test_a_deletion_that_is_refused_costs_itself(other, sandbox, target, tmp_path):
    """Of entries of ``deleted_records``, and of what a new version lacks."""
    settings = {"deletes": "delete", "id_map_path": str(tmp_path / "ids.jsonl")}
    allowed = {"allow_mass_delete": True}
    active = [{"type": "ACTIVATE_VERSION", "stream": "Contacts", "version": n} for n in (1, 2)]
    target([CONTACTS, *records("Contacts", people(30)), active[0]], **settings)
    refuse(other, "/Contacts", BLOCKED, poison=lambda: bad_one(sandbox))
    gone = [{"module": "Contacts", "id": each["id"]} for each in sandbox.dump("Contacts")]
    some = [each for each in gone if each["id"] == bad_one(sandbox)] + gone[:9]

    run = target(
        [schema("deleted_records", key=["module", "id"]), *records("deleted_records", some)],
        streams={"deleted_records": allowed},
        **settings,
    )
    version = target(
        [CONTACTS, *records("Contacts", people(1)), active[1]], streams={"*": allowed}, **settings
    )

    assert (run.error, version.error) == (None, None)
    assert run.outcomes("deleted_records") == {"deleted": 9, "rejected": 1}
    assert {each["Last_Name"] for each in sandbox.dump("Contacts")} == {POISON, "Berg 0"}


@pytest.mark.parametrize("replaces", [False, True])
def test_a_row_of_a_deal_that_is_refused_costs_itself(other, sandbox, target, replaces):
    """Its rows share a write; only where they replace what is there, half of them would be worse than none."""
    deal = sandbox.create(
        "Pipelines",
        Deal_Name="Roof",
        Sub_Pipeline="Inbound",
        Stage="Qualification",
        Closing_Date="2026-12-01",
    )
    desks = [sandbox.create("Products", Product_Name=f"Desk {n}") for n in range(5)]
    rows = [{"parent_id": deal, "Product": {"id": each}, "Quantity": 1, "List_Price": 9} for each in desks]
    rows[1]["Product"] = {"id": "6100000000000999999"}
    rows[3]["Quantity"] = "many"

    run = target(
        [
            schema("pipelines_associated_products", *rows[0], key=["parent_id", "Product"]),
            *records("pipelines_associated_products", rows),
        ],
        streams={"pipelines_associated_products": {"replace_rows": replaces}},
    )

    assert run.error is None
    (written,) = sandbox.dump("Pipelines")
    if replaces:
        assert len(run.rejects) == 5
        assert not written["Associated_Products"]
    else:
        assert [each["record"] for each in run.rejects] == [rows[1], rows[3]]
        assert len(written["Associated_Products"]) == 3


def test_a_link_to_a_product_that_is_refused_costs_itself(other, sandbox, target):
    """A contact's products are linked one by one; those after the refused one were left out."""
    ann = sandbox.create("Contacts", Last_Name="Ann")
    desks = [sandbox.create("Products", Product_Name=f"Desk {n}") for n in range(5)]
    refuse(other, f"/Contacts/{ann}/Products/.*", BLOCKED, poison=lambda: desks[1])

    run = target(
        [
            schema("contacts_products", key=["parent_id", "id"]),
            *records("contacts_products", [{"parent_id": ann, "id": each} for each in desks]),
        ]
    )

    assert run.error is None
    assert run.outcomes("contacts_products") == {"updated": 4, "rejected": 1}
    assert [each["record"]["id"] for each in run.rejects] == [desks[1]]


@pytest.mark.parametrize(
    ("stream", "says"),
    [
        ("pipelines_associated_products", "Pipelines: GET /settings/fields: HTTP 403"),
        ("home_products", "this organisation has no module 'home_products'"),  # no API has its fields
    ],
)
def test_a_module_whose_rows_may_not_be_seen_costs_those_rows(other, sandbox, target, stream, says):
    """Its fields tell which of them are rows: who may not see them still writes everything else."""
    refusal = {"code": "NO_PERMISSION", "details": {}, "message": "no", "status": "error"}
    other.answering(
        "/settings/fields",
        lambda asked: Rewritten.of(refusal, 403) if asked.query["module"] != "Accounts" else None,
    )

    run = target(
        [
            schema(stream, key=["parent_id", "id"]),
            *records(stream, [{"parent_id": "1", "id": "2"}]),
            schema("Accounts", key=["Account_Name"]),
            *records("Accounts", [{"Account_Name": "Acme"}]),
        ]
    )

    assert run.error is None
    assert [(each["stream"], each["code"]) for each in run.rejects] == [(stream, "NO_MODULE")]
    assert run.rejects[0]["message"].startswith(says)
    assert run.outcomes("Accounts") == {"inserted": 1}
