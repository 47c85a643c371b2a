"""The platform's own shapes: metadata that say little or mislead, links and ids in each form that is documented."""

from __future__ import annotations

import pytest
from support.target import record, records, schema

DEAL = {"Sub_Pipeline": "Resellers", "Stage": "Live", "Closing_Date": "2026-12-01"}


@pytest.fixture(autouse=True)
def empty(sandbox):
    sandbox.reset(size="empty")


def say_json_type(sandbox, module, name, json_type):
    change = {"op": "set_field", "module": module, "field": name, "data": {"json_type": json_type}}
    sandbox.change_metadata(change)


@pytest.mark.parametrize("write_method", ["records", "bulk"])
@pytest.mark.parametrize("json_type", ["jsonobject", "string", "absent"])
def test_deals_are_written_whatever_the_json_type_of_pipeline(sandbox, target, json_type, write_method):
    """FACTS 7.21: it is not known. Their Team Pipeline may be an object, an id, a number or a name."""
    sandbox.settings(pipeline_json_type=json_type)
    layouts = sandbox.api("GET", "/settings/layouts", params={"module": "Pipelines"}).json()["layouts"]
    own, name = layouts[1]["id"], layouts[1]["display_label"]
    said = ({"id": own}, {"id": own, "name": name}, {"id": int(own)}, own, int(own), name, {"name": name})
    deals = [{"Deal_Name": f"Deal {n}", **DEAL, "Pipeline": each} for n, each in enumerate(said)]

    run = target(
        [schema("Pipelines", *deals[0], key=["Deal_Name"]), *records("Pipelines", deals)],
        write_method=write_method,
        max_rejects=99,
    )

    assert run.rejects == []
    assert [each["Pipeline"]["id"] for each in sandbox.dump("Pipelines")] == [own] * len(said)
    assert sandbox.calls("POST /Pipelines/upsert") == (write_method == "records")


@pytest.mark.parametrize("json_type", ["jsonobject", "string", None])
def test_links_are_written_whatever_their_json_type(sandbox, target, json_type):
    """As objects, with or without a name, as ids, as JSON numbers (FACTS 7.19), by people too."""
    for name in ("Account_Name", "Owner", "Tag"):
        if json_type != "jsonobject":
            say_json_type(sandbox, "Contacts", name, json_type)
    acme = sandbox.create("Accounts", Account_Name="Acme")
    owner = sandbox.api("GET", "/users", params={"type": "AllUsers"}).json()["users"][1]["id"]
    said = ({"id": acme}, {"name": "Acme", "id": acme}, {"id": int(acme)}, acme, int(acme), f"{acme}.0")
    rows = [
        {
            "Last_Name": "Berg",
            "Email": f"berg{n}@example.org",
            "Account_Name": each,
            "Owner": {"id": int(owner)},
            "Tag": ["vip"],
        }
        for n, each in enumerate(said)
    ]

    run = target([schema("Contacts", *rows[0], key=["Email"]), *records("Contacts", rows)], max_rejects=99)

    assert run.rejects == []
    written = sandbox.dump("Contacts")
    assert {each["Account_Name"]["id"] for each in written} == {acme}
    assert {each["Owner"]["id"] for each in written} == {owner}
    assert [len(each["Tag"]) for each in written] == [1] * len(said)


def test_rows_are_written_whatever_their_json_type(sandbox, target):
    """A deal's products and other contacts are arrays, though metadata may say string."""
    for name in ("Associated_Products", "Secondary_Contacts"):
        say_json_type(sandbox, "Pipelines", name, "string")
    desk = sandbox.create("Products", Product_Name="Desk")
    ann = sandbox.create("Contacts", Last_Name="Ann")
    deal = {
        "Deal_Name": "Roof",
        **DEAL,
        "Associated_Products": [{"Product": {"id": int(desk)}, "Quantity": 2, "List_Price": 9}],
        "Secondary_Contacts": [{"id": int(ann)}],
    }

    run = target([schema("Pipelines", *deal, key=["Deal_Name"]), record("Pipelines", **deal)], max_rejects=9)

    assert run.rejects == []
    (written,) = sandbox.dump("Pipelines")
    assert [each["Product"]["id"] for each in written["Associated_Products"]] == [desk]
    assert len(written["Secondary_Contacts"]) == 1


@pytest.mark.parametrize("shape", ["se_module", "listed"])
@pytest.mark.parametrize(
    "module",
    [{"api_name": "Products"}, {"api_name": "Products", "id": "7"}, {"name": "Products"}, "Products"],
)
def test_a_parent_with_its_module_inside_is_not_looked_for(sandbox, target, shape, module):
    """FACTS 5: the documented form of a note. It says all, so it costs no question."""
    sandbox.settings(any_module_lookups=shape)
    desk = sandbox.create("Products", Product_Name="Desk")
    rows = [
        {"Note_Content": f"Called {n}.", "Parent_Id": {"module": module, "id": each}}
        for n, each in enumerate((desk, int(desk)))
    ]

    run = target(
        [schema("Notes", "Note_Content", "Parent_Id"), *records("Notes", rows)],
        default_operation="insert",
        max_rejects=9,
    )

    assert run.rejects == []
    assert {each["Parent_Id"]["id"] for each in sandbox.dump("Notes")} == {desk}
    assert sandbox.calls("POST /coql") == (0 if "name" not in module else 4)


@pytest.mark.parametrize("module", ["Tasks", "Events", "Calls"])
def test_what_an_activity_is_about_may_say_its_module_inside(sandbox, target, module):
    """FACTS 7.21: metadata name ``se_module``, which is none; so may a link that was read."""
    acme = sandbox.create("Accounts", Account_Name="Acme")
    about = [
        {"id": acme, "module": {"api_name": "Accounts"}},
        {"id": acme, "module": {"api_name": "se_module", "id": None}},
        {"id": acme, "module": {"api_name": None}},
        int(acme),
    ]
    needed = {
        "Tasks": {"Subject": "x"},
        "Events": {
            "Event_Title": "x",
            "Start_DateTime": "2026-05-14T10:00:00Z",
            "End_DateTime": "2026-05-14T11:00:00Z",
        },
        "Calls": {
            "Subject": "x",
            "Call_Type": "Inbound",
            "Call_Start_Time": "2026-05-14T10:00:00Z",
            "Call_Duration": "02:00",
        },
    }[module]

    run = target(
        [
            schema(module, "What_Id", *needed),
            *records(module, [{**needed, "What_Id": each} for each in about]),
        ],
        default_operation="insert",
        max_rejects=9,
    )

    assert run.rejects == []
    assert {each["What_Id"]["id"] for each in sandbox.dump(module)} == {acme}


def test_ids_may_be_json_numbers(sandbox, target):
    """FACTS 7.19: so both official SDKs send them; here in an update, and in what was deleted."""
    ann, bert = (sandbox.create("Contacts", Last_Name=name) for name in ("Ann", "Bert"))

    run = target(
        [
            schema("Contacts", "id", "Title", key=["id"]),
            record("Contacts", id=int(ann), Title="Director"),
            schema("deleted_records", "module", "id", key=["module", "id"]),
            record("deleted_records", module="Contacts", id=int(bert)),
        ],
        deletes="delete",
        max_rejects=9,
    )

    assert run.rejects == []
    assert [(each["id"], each["Title"]) for each in sandbox.dump("Contacts")] == [(ann, "Director")]
