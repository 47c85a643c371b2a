"""Keys: by what a record is known in Bigin, found by it, and refused where it would make twins."""

from __future__ import annotations

import pytest
from support.target import record, records, schema

from bigin_api.errors import SettingsError
from bigin_api.models import Field
from target_bigin.schema.keys import KeyPlan, plan_key
from target_bigin.settings import StreamSettings

CONTACTS = {
    name: Field(name, data_type, is_unique=unique)
    for name, data_type, unique in (
        ("Last_Name", "text", False),
        ("Email", "email", True),
        ("Customer_No", "text", True),
        ("Phone", "phone", False),
        ("Description", "textarea", False),
    )
}
TASKS = {
    "Subject": Field("Subject", "text"),
    "Ref": Field("Ref", "text"),
    "Notes": Field("Notes", "textarea"),
}
DEALS = {"Deal_Name": Field("Deal_Name", "text"), "Ref": Field("Ref", "text")}
UNIQUE = ("Email", "Customer_No")


def plan(module, fields, *, key_fields=(), has_id=False, has_map=False, **settings):
    return plan_key(
        module,
        fields,
        StreamSettings(module, **settings),
        key_fields=key_fields,
        has_id=has_id,
        has_map=has_map,
    )


@pytest.mark.parametrize(
    ("module", "fields", "given", "expected"),
    [
        ("Contacts", CONTACTS, {}, KeyPlan("check", ("Email",), UNIQUE)),
        ("Contacts", CONTACTS, {"key_fields": ["Customer_No"]}, KeyPlan("check", ("Customer_No",), UNIQUE)),
        (
            "Contacts",
            CONTACTS,
            {"key_fields": ["Email"], "duplicate_check_fields": ("Customer_No", "Email")},
            KeyPlan("check", ("Customer_No", "Email"), UNIQUE),
        ),
        ("Contacts", CONTACTS, {"external_key": "Phone"}, KeyPlan("find", ("Phone",), UNIQUE)),
        ("Contacts", CONTACTS, {"external_key": "Customer_No"}, KeyPlan("check", ("Customer_No",), UNIQUE)),
        ("Contacts", CONTACTS, {"operation": "insert"}, KeyPlan("none", unique=UNIQUE)),
        (
            "Contacts",
            CONTACTS,
            {"operation": "update", "key_fields": ["Phone"]},
            KeyPlan("find", ("Phone",), UNIQUE),
        ),
        ("Contacts", CONTACTS, {"operation": "delete"}, KeyPlan("find", ("Email",), UNIQUE)),
        (
            "Contacts",
            CONTACTS,
            {"operation": "update", "external_key": "Customer_No"},
            KeyPlan("find", ("Customer_No",), UNIQUE),
        ),
        (
            "Contacts",
            CONTACTS,
            {"key_fields": ["Email", "Customer_No"], "has_map": True},
            KeyPlan("find", ("Email", "Customer_No"), UNIQUE, has_map=True, all_of=True),
        ),
        (
            "Contacts",
            CONTACTS,
            {"key_fields": ["Email", "Phone"], "duplicate_check_fields": ("Customer_No", "Email")},
            KeyPlan("check", ("Customer_No", "Email"), UNIQUE),
        ),
        ("Contacts", {"Email": Field("Email", "email")}, {}, KeyPlan("check", ("Email",), ("Email",))),
        (
            "Contacts",
            {"No": Field("No", "text", is_unique=True)},
            {"has_map": True},
            KeyPlan("check", ("No",), ("No",), has_map=True),
        ),
        (
            "Contacts",
            CONTACTS,
            {"external_key": "Phone", "has_map": True},
            KeyPlan("find", ("Phone",), UNIQUE, has_map=True),
        ),
        ("Pipelines", DEALS, {}, KeyPlan("check", ("Deal_Name",))),
        ("Pipelines", DEALS, {"external_key": "Ref"}, KeyPlan("find", ("Ref",))),
        ("Pipelines", DEALS, {"external_key": "Deal_Name"}, KeyPlan("find", ("Deal_Name",))),
        ("Tasks", TASKS, {"external_key": "Ref"}, KeyPlan("find", ("Ref",))),
        ("Tasks", TASKS, {"has_id": True}, KeyPlan("id")),
        ("Tasks", TASKS, {"has_map": True}, KeyPlan("map", has_map=True)),
    ],
)
def test_how_a_record_is_recognised(module, fields, given, expected):
    """Configured before the stream's own key, that before the module's own."""
    assert plan(module, fields, **given) == expected


@pytest.mark.parametrize(
    ("module", "fields", "given", "says"),
    [
        ("Contacts", CONTACTS, {"key_fields": ["Last_Name"]}, "Email or Customer_No"),
        ("Contacts", CONTACTS, {"key_fields": ["Email", "Phone"]}, "Contacts.Phone cannot identify"),
        ("Contacts", CONTACTS, {"duplicate_check_fields": ("email",)}, "did you mean 'Email'?"),
        ("Contacts", CONTACTS, {"external_key": "Nope"}, "has no field 'Nope'"),
        ("Contacts", CONTACTS, {"external_key": "Description"}, "cannot be asked"),
        ("Contacts", CONTACTS, {"operation": "update", "key_fields": ["Description"]}, "cannot be asked"),
        ("Tasks", TASKS, {}, "Set external_key"),
        ("Tasks", TASKS, {"key_fields": ["Subject"]}, "neither Tasks's own check field nor"),
    ],
)
def test_a_key_that_cannot_work_is_refused_with_what_to_do(module, fields, given, says):
    """Bigin takes a check field that is not unique without an error, and inserts a twin at each run."""
    with pytest.raises(SettingsError, match=says.replace(".", r"\.").replace("?", r"\?")):
        plan(module, fields, **given)


def by_name(sandbox, module, name, field="Last_Name"):
    return [each for each in sandbox.dump(module) if each[field] == name]


def test_an_update_by_key_never_creates(sandbox, target):
    """What is not found is unmatched, and so is what is found twice, with both ids and never a guess."""
    sandbox.reset(size="empty")
    one = sandbox.create("Contacts", Last_Name="One", Phone="1")
    twins = [sandbox.create("Contacts", Last_Name=f"Twin {n}", Phone="2") for n in range(2)]
    before = sandbox.count("Contacts")
    rows = [{"Phone": phone, "Title": "CEO"} for phone in ("1", "2", "3")]

    run = target(
        [schema("Contacts", "Title", key=["Phone"]), *records("Contacts", rows)],
        default_operation="update",
        max_rejects=2,
    )

    assert run.outcomes("Contacts") == {"updated": 1, "unmatched": 2}
    assert {each["code"]: each for each in run.rejects}.keys() == {"SEVERAL_FOUND", "NOT_FOUND"}
    (several,) = [each for each in run.rejects if each["code"] == "SEVERAL_FOUND"]
    assert all(twin in several["message"] for twin in twins)
    assert sandbox.count("Contacts") == before
    assert [each["id"] for each in sandbox.dump("Contacts") if each["Title"] == "CEO"] == [one]


def test_what_is_not_found_is_told_by_the_keys_that_the_record_has(sandbox, target):
    """It was looked for by these alone."""
    rows = [{"Email": "nobody@example.org", "Phone": None, "Title": "CEO"}, {"Phone": "9", "Title": "CEO"}]

    run = target(
        [schema("Contacts", "Email", "Phone", "Title"), *records("Contacts", rows)],
        default_operation="update",
        streams={"Contacts": {"duplicate_check_fields": ["Email", "Phone"]}},
        max_rejects=2,
    )

    assert {(each["code"], each["field"], each["message"]) for each in run.rejects} == {
        ("NOT_FOUND", "Email", "no record of Contacts has Email 'nobody@example.org'."),
        ("NOT_FOUND", "Phone", "no record of Contacts has Phone '9'."),
    }


def test_ids_are_found_fifty_at_a_time(sandbox, target):
    """A credit finds fifty: 250 updates by key cost five questions, none of which goes before it is full."""
    sandbox.reset(size="empty")
    rows = [{"Email": f"ek{n}@example.org", "Last_Name": f"Ek {n}"} for n in range(250)]
    target([schema("Contacts", "Last_Name", key=["Email"]), *records("Contacts", rows)])
    asked = sandbox.calls("POST /coql")

    run = target(
        [schema("Contacts", "Last_Name", key=["Email"]), *records("Contacts", rows * 2)],
        default_operation="update",
    )

    assert run.outcomes("Contacts")["updated"] >= 250
    assert sum(run.outcomes("Contacts").values()) == 500
    assert sandbox.calls("POST /coql") - asked == 5


def test_modules_without_a_unique_field_are_upserted_by_an_external_key(sandbox, target):
    """Tasks have no check field: the target finds them by a field that holds the source's key."""
    sandbox.reset(size="empty")
    number = {"api_name": "Ref", "data_type": "text", "length": 50, "filterable": True}
    sandbox.change_metadata({"op": "add_field", "module": "Tasks", "field": number})
    settings = {"streams": {"Tasks": {"external_key": "Ref"}}}
    messages = [schema("Tasks", "Subject", key=["Ref"])]
    rows = [{"Ref": f"T-{n}", "Subject": f"Task {n}"} for n in range(60)]

    first = target([*messages, *records("Tasks", rows)], **settings)
    second = target([*messages, *records("Tasks", [{**row, "Subject": "Again"} for row in rows])], **settings)

    assert first.outcomes("Tasks") == {"inserted": 60}
    assert second.outcomes("Tasks") == {"updated": 60}
    assert {each["Subject"] for each in sandbox.dump("Tasks")} == {"Again"}


def test_an_external_key_that_comes_twice_is_inserted_once(sandbox, target):
    """The second record is looked for only when the first has been written: then it is there."""
    sandbox.reset(size="empty")
    number = {"api_name": "Ref", "data_type": "text", "length": 50, "filterable": True}
    sandbox.change_metadata({"op": "add_field", "module": "Tasks", "field": number})
    rows = [{"Ref": f"T-{n % 3}", "Subject": f"Version {n}", "Priority": "High"} for n in range(300)]

    run = target(
        [schema("Tasks", *rows[0]), *records("Tasks", rows)], streams={"Tasks": {"external_key": "Ref"}}
    )

    assert run.error is None
    assert sum(run.outcomes("Tasks").values()) == 300
    assert sorted(each["Subject"] for each in sandbox.dump("Tasks")) == [
        "Version 297",
        "Version 298",
        "Version 299",
    ]


def test_many_records_of_one_unmatched_key_end_one_by_one(sandbox, target):
    """Each end frees the next: thousands of them in a row must not exhaust the stack."""
    rows = [{"Email": "nobody@example.org", "Last_Name": str(n)} for n in range(3000)]

    run = target(
        [schema("Contacts", "Last_Name", key=["Email"]), *records("Contacts", rows)],
        default_operation="update",
        max_rejects=3000,
    )

    assert run.outcomes("Contacts") == {"unmatched": 3000}


def test_a_delete_after_an_upsert_is_written_after_it(sandbox, target):
    """For one record the writes arrive in the order in which they came."""
    sandbox.reset(size="empty")
    rows = []
    for n in range(40):
        for _ in range(2):
            rows.append({"Email": f"ek{n}@example.org", "Last_Name": "Ek"})
            rows.append({"Email": f"ek{n}@example.org", "_sdc_deleted_at": "2026-05-14T00:00:00Z"})
        if n % 2:
            rows.append({"Email": f"ek{n}@example.org", "Last_Name": "Back"})

    run = target(
        [schema("Contacts", "Last_Name", key=["Email"]), *records("Contacts", rows)],
        deletes="delete",
        streams={"Contacts": {"allow_mass_delete": True}},
        batch_size=7,
    )

    assert run.error is None
    assert {each["Last_Name"] for each in sandbox.dump("Contacts")} == {"Back"}
    assert sandbox.count("Contacts") == 20


def test_a_tombstone_needs_its_key_alone(sandbox, target):
    """The rest of it may be anything: nothing of it is written."""
    ek = sandbox.create("Contacts", Last_Name="Ek", Email="ek@example.org")
    row = {"Email": "EK@example.org", "Account_Name": "no id", "_sdc_deleted_at": "2026-05-14T00:00:00Z"}

    run = target(
        [schema("Contacts", *row, key=["Email"]), record("Contacts", **row)],
        deletes="delete",
        streams={"Contacts": {"allow_mass_delete": True}},
    )

    assert run.outcomes("Contacts") == {"deleted": 1}
    assert ek not in {each["id"] for each in sandbox.dump("Contacts")}


def test_deletions_are_ignored_unless_asked_for(sandbox, target):
    """A tombstone must neither delete nor clear anything by default, and is accounted for all the same."""
    ek = sandbox.create("Contacts", Last_Name="Ek", Email="ek@example.org")

    run = target(
        [
            schema("Contacts", "Email", "_sdc_deleted_at", key=["id"]),
            record("Contacts", id=ek, _sdc_deleted_at="2026-05-14T00:00:00Z"),
        ]
    )

    assert run.outcomes("Contacts") == {"unchanged": 1}
    assert ek in {each["id"] for each in sandbox.dump("Contacts")}


EVENT = {
    "Event_Title": "Fair",
    "Start_DateTime": "2026-05-14T10:00:00Z",
    "End_DateTime": "2026-05-14T11:00:00Z",
}


def test_a_moment_is_a_key_in_whatever_offset_bigin_gives_it(sandbox, target):
    """Bigin answers in its user's offset: never found again, the event was inserted by each run."""
    sandbox.reset(size="empty")
    messages = [schema("Events", *EVENT, key=["Event_Title"]), record("Events", **EVENT)]
    settings = {"streams": {"Events": {"external_key": "Start_DateTime"}}}

    first, second = target(messages, **settings), target(messages, **settings)

    assert first.outcomes("Events") == {"inserted": 1}
    assert second.outcomes("Events") == {"updated": 1}


@pytest.mark.parametrize("written", ["12.50", 12.5, "12.501"])
def test_a_number_is_a_key_however_it_is_written(sandbox, target, written):
    """And in one run, too: two writings of one number are one record."""
    sandbox.reset(size="empty")
    price = {"api_name": "Ref", "data_type": "double", "json_type": "double", "decimal_place": 2}
    sandbox.change_metadata({"op": "add_field", "module": "Tasks", "field": price})
    settings = {"streams": {"Tasks": {"external_key": "Ref"}}}
    messages = [schema("Tasks", "Subject", key=["Ref"])]

    once = target(
        [*messages, *records("Tasks", [{"Ref": each, "Subject": "x"} for each in (12.5, written)])],
        **settings,
    )
    again = target([*messages, record("Tasks", Ref=written, Subject="y")], **settings)

    assert (once.error, again.error) == (None, None)
    assert [each["Subject"] for each in sandbox.dump("Tasks")] == ["y"]


def test_a_boolean_may_be_part_of_a_key(sandbox, target):
    """COQL knows no list of them: asked for like a text, they ended the run."""
    sandbox.reset(size="empty")
    for tells in (True, False):
        sandbox.create("Tasks", Subject="Call", Send_Notification_Email=tells)
    rows = [
        {"Subject": "Call", "Send_Notification_Email": tells, "Priority": "Low"} for tells in (True, "no")
    ]

    one = target(
        [schema("Tasks", *rows[0], key=list(rows[0])[:2]), record("Tasks", **rows[0])],
        default_operation="update",
    )
    both = target(
        [schema("Tasks", *rows[0], key=list(rows[0])[:2]), *records("Tasks", rows)],
        default_operation="update",
    )

    assert one.outcomes("Tasks") == {"updated": 1}
    assert both.outcomes("Tasks") == {"updated": 2}
