"""The platform's own shapes: metadata that say little or mislead, links and ids in each form that is documented."""

from __future__ import annotations

import json

import pytest
from support.target import record, records, run_target, schema

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


def truths_as_words(told):
    """What is told, with ``"true"`` for true all through."""
    if isinstance(told, dict):
        return {name: truths_as_words(each) for name, each in told.items()}
    if isinstance(told, list):
        return [truths_as_words(each) for each in told]
    return str(told).lower() if isinstance(told, bool) else told


def words_for_truths(_asked, body):
    body.update(truths_as_words(body))


def each_field(change):
    return lambda _asked, body: [change(each) for each in body["fields"]]


def say_little_of_fields(field):
    """As older or newer answers of the platform do: other words, and nothing where there was an object."""
    field["json_type"] = {"double": "integer", "integer": "long"}.get(field["json_type"], "string")
    field["data_type"] = field["data_type"].capitalize() if field["data_type"].islower() else "RRULE"
    field["read_only"] = True
    for each in field.get("pick_list_values") or ():
        each["actual_value"] = None
    for name in ("lookup", "multiselectlookup", "subform"):
        field[name] = {}


def name_another_type(field):
    if field["api_name"] == "What_Id":
        field.update(data_type="multi_module_lookup", json_type=None)
    if field["api_name"] == "Tag":
        field.update(data_type="tag", json_type="string")
    if field.get("subform"):
        field["subform"] = {
            "module": "LinkingModule1",
            "id": "7",
        }  # what /settings/modules has as module_name


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("/settings/.*", words_for_truths),
        ("/settings/fields", each_field(say_little_of_fields)),
        ("/settings/fields", each_field(name_another_type)),
    ],
    ids=["truths as words", "little", "other types"],
)
def test_records_are_written_whatever_the_form_of_metadata(other, sandbox, tmp_path, path, change):
    """Each of these made a field unwritable, its values refused, or its module closed."""
    other.rewrite(path, change)
    acme = sandbox.create("Accounts", Account_Name="Acme")
    desk = sandbox.create("Products", Product_Name="Desk")
    ann = sandbox.create("Contacts", Last_Name="Ann")
    deal = {
        "Deal_Name": "Roof",
        **DEAL,
        "Amount": "12.50",
        "Tag": ["vip"],
        "Account_Name": "Acme",
        "Associated_Products": [{"Product": {"id": desk}, "Quantity": 2, "List_Price": 9}],
        "Secondary_Contacts": [{"id": ann}],
    }
    task = {"Subject": "Call", "Priority": "High", "What_Id": acme, "Send_Notification_Email": True}

    run = run_target(
        other,
        tmp_path,
        [
            schema("Pipelines", *deal, key=["Deal_Name"]),
            record("Pipelines", **deal),
            schema("Tasks", *task),
            record("Tasks", **task),
        ],
        streams={
            "Pipelines": {"lookups": {"Account_Name": {"match_on": "Account_Name"}}},
            "Tasks": {"operation": "insert"},
        },
        max_rejects=9,
    )

    assert run.rejects == []
    (written,), (about,) = sandbox.dump("Pipelines"), sandbox.dump("Tasks")
    assert (written["Amount"], written["Account_Name"]["id"], len(written["Tag"])) == (12.5, acme, 1)
    assert [each["Product"]["id"] for each in written["Associated_Products"]] == [desk]
    assert len(written["Secondary_Contacts"]) == 1
    assert (about["Priority"], about["What_Id"]["id"]) == ("High", acme)
    assert about["Send_Notification_Email"] is True


@pytest.mark.parametrize("write", [str.capitalize, str.upper])
def test_a_success_is_one_whatever_its_case(other, sandbox, tmp_path, write):
    """Records that were written were told as refused, and whoever sent them again had them twice."""

    def change(asked, answer):
        if asked.method != "GET" and answer.body.startswith(b'{"data"'):
            content = json.loads(answer.body)
            for entry in content["data"]:
                entry["status"] = write(entry["status"])
                entry.update({name: write(entry[name]) for name in ("action",) if name in entry})
            answer.body = json.dumps(content).encode()

    other.changing("/Contacts.*", change)
    rows = [{"Last_Name": "Berg", "Email": email} for email in ("a@b.se", "none", "c@d.se")]

    run = run_target(
        other,
        tmp_path,
        [schema("Contacts", "Last_Name", key=["Email"]), *records("Contacts", rows)],
        max_rejects=1,
    )

    assert run.outcomes("Contacts") == {"inserted": 2, "rejected": 1}
    assert sandbox.count("Contacts") == 2


def no_maps(told):
    """What is told, with null for what each value maps to."""
    if isinstance(told, dict):
        return {name: None if name == "maps" else no_maps(each) for name, each in told.items()}
    return [no_maps(each) for each in told] if isinstance(told, list) else told


@pytest.mark.parametrize("change", [no_maps, dict.fromkeys], ids=["no maps", "null"])
def test_deals_are_written_where_layouts_tell_no_stages(other, sandbox, tmp_path, change):
    """What is not told cannot be held against a deal: Bigin is the judge."""
    other.rewrite("/settings/layouts", lambda _asked, body: body.update(change(body)))
    layouts = sandbox.api("GET", "/settings/layouts", params={"module": "Pipelines"}).json()["layouts"]
    deal = {"Deal_Name": "Roof", **DEAL, "Pipeline": {"id": layouts[1]["id"]}}

    run = run_target(
        other, tmp_path, [schema("Pipelines", *deal, key=["Deal_Name"]), record("Pipelines", **deal)]
    )

    assert run.error is None
    assert run.outcomes("Pipelines") == {"inserted": 1}


@pytest.mark.parametrize("unique", [{"casesensitive": None}, {"casesensitive": ""}, {"brand_new": {}}])
def test_only_what_is_told_to_be_unique_is_taken_to_be(other, sandbox, tmp_path, unique):
    """An upsert by a field that is not inserts twins without an error: at each run every task came again."""
    other.rewrite("/settings/fields", each_field(lambda field: field.update(unique=unique)))
    messages = [
        schema("Tasks", "Priority", key=["Subject"]),
        record("Tasks", Subject="Call", Priority="High"),
    ]

    for _ in range(2):
        run = run_target(other, tmp_path, messages, streams={"Tasks": {"external_key": "Subject"}})

    assert run.outcomes("Tasks") == {"updated": 1}
    assert sandbox.count("Tasks") == 1


@pytest.mark.parametrize(
    "told",
    [
        {"data_type": "text", "json_type": "string"},
        {"data_type": "brand_new", "json_type": None},
        {"multi_module_lookup": {"modules": [{"api_name": "se_module"}, {"api_name": None}]}},
        {"multi_module_lookup": {"modules": ["Accounts", None]}, "lookup": None},
    ],
)
def test_links_to_any_module_are_written_whatever_is_told_of_them(other, sandbox, tmp_path, told):
    """Tasks and notes were refused, or the query asked for a module that is none."""
    fields = ("What_Id", "Parent_Id")
    other.rewrite("/settings/fields", each_field(lambda x: x.update(told if x["api_name"] in fields else {})))
    acme = sandbox.create("Accounts", Account_Name="Acme")
    link = {"module": {"api_name": "Accounts"}, "id": acme}

    run = run_target(
        other,
        tmp_path,
        [
            schema("Tasks", "Subject", "What_Id"),
            *records("Tasks", [{"Subject": "Call", "What_Id": each} for each in (acme, link)]),
            schema("Notes", "Note_Content", "Parent_Id"),
            *records("Notes", [{"Note_Content": "x", "Parent_Id": each} for each in (acme, link)]),
        ],
        default_operation="insert",
        max_rejects=9,
    )

    assert run.rejects == []
    assert [each["What_Id"]["id"] for each in sandbox.dump("Tasks")] == [acme] * 2
    assert [each["Parent_Id"]["id"] for each in sandbox.dump("Notes")] == [acme] * 2
