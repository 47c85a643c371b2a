"""POST /{module}/upsert: which record is meant, and what becomes of it. FACTS 5; write.md 5."""

from __future__ import annotations

import pytest
from support.writing import codes, insert, read, send

NOBODY = "6100000000000999999"
UNIQUE = {"unique": {"casesensitive": "0"}}


@pytest.fixture(autouse=True)
def empty(sandbox):
    sandbox.reset(size="empty")


@pytest.fixture
def two_more_unique_fields(sandbox):
    """Contacts with user-defined unique fields beside Email: Title and Home_Phone."""
    sandbox.change_metadata(
        *(
            {"op": "set_field", "module": "Contacts", "field": name, "data": UNIQUE}
            for name in ("Title", "Home_Phone")
        )
    )


def upsert(sandbox, module, *records, fields=None, **body):
    named = {} if fields is None else {"duplicate_check_fields": fields}
    return send(sandbox, "POST", f"/{module}/upsert", *records, **named, **body)


def test_inserting_everything_is_200_all_the_same(sandbox):
    """201 belongs to insert."""
    record = {"Last_Name": "Berg", "Email": "eva@example.org"}

    status, entries = upsert(sandbox, "Contacts", record, fields=["Email"])

    assert status == 200
    assert list(entries[0]) == ["code", "duplicate_field", "action", "details", "message", "status"]
    assert (entries[0]["action"], entries[0]["duplicate_field"]) == ("insert", None)
    assert entries[0]["message"] == "record added"


def test_a_match_updates_and_says_by_which_field(sandbox):
    """Case and outer blanks do not count; what is not sent stays."""
    record_id = insert(sandbox, "Contacts", Last_Name="Berg", Email="eva@example.org", Title="Chief")

    status, entries = upsert(
        sandbox, "Contacts", {"Last_Name": "Ek", "Email": " EVA@example.org"}, fields=["Email"]
    )

    assert status == 200
    assert (entries[0]["action"], entries[0]["duplicate_field"]) == ("update", "Email")
    assert (entries[0]["message"], entries[0]["details"]["id"]) == ("record updated", record_id)
    record = read(sandbox, "Contacts", record_id)
    assert (record["Last_Name"], record["Title"]) == ("Ek", "Chief")


def test_an_error_entry_has_no_action(sandbox):
    """Mixed results are 207, all bad 400."""
    good, bad = {"Last_Name": "Berg"}, {"Title": "Chief"}

    mixed, entries = upsert(sandbox, "Contacts", good, bad)
    failed, _ = upsert(sandbox, "Contacts", bad)

    assert (mixed, failed) == (207, 400)
    assert "action" not in entries[1]
    assert entries[1]["code"] == "MANDATORY_NOT_FOUND"


def test_mandatory_fields_may_be_absent_where_a_record_is_found(sandbox):
    """Only the insert leg needs them."""
    record_id = insert(sandbox, "Contacts", Last_Name="Berg", Email="eva@example.org")

    _, entries = upsert(sandbox, "Contacts", {"Email": "eva@example.org", "Title": "Chief"}, fields=["Email"])

    assert entries[0]["details"]["id"] == record_id


@pytest.mark.parametrize(
    ("named", "decides"),
    [
        (None, "Email"),
        ([], "Email"),
        (["Email"], "Email"),
        (["Title"], "Title"),
        (["Home_Phone"], "Home_Phone"),
        (["Home_Phone", "Title"], "Home_Phone"),
        (["Title", "Home_Phone"], "Title"),
        (["Home_Phone", "Email"], "Home_Phone"),
        (["Last_Name"], "Title"),
    ],
)
@pytest.mark.usefixtures("two_more_unique_fields")
def test_the_list_orders_the_fields_in_which_a_match_is_sought(sandbox, named, decides):
    """Three records each hold one of the values: the first field in order decides, the rest collide."""
    key = {"Email": "a@example.org", "Title": "Chief", "Home_Phone": "08 1"}
    holders = {
        name: insert(sandbox, "Contacts", Last_Name=name, **{name: value}) for name, value in key.items()
    }

    _, entries = upsert(sandbox, "Contacts", {"Last_Name": "New", **key}, fields=named)

    entry = entries[0]
    collisions = {error["details"]["id"] for error in entry["details"]["errors"]}
    assert entry["code"] == "MULTIPLE_OR_MULTI_ERRORS"
    assert collisions == set(holders.values()) - {holders[decides]}


@pytest.mark.usefixtures("two_more_unique_fields")
def test_unique_fields_that_are_not_named_are_still_looked_at(sandbox):
    """The list is no restriction: a record that was not meant is updated."""
    record_id = insert(sandbox, "Contacts", Last_Name="Berg", Home_Phone="08 1")

    _, entries = upsert(sandbox, "Contacts", {"Title": "Chief", "Home_Phone": "08 1"}, fields=["Title"])

    assert (entries[0]["action"], entries[0]["duplicate_field"]) == ("update", "Home_Phone")
    assert entries[0]["details"]["id"] == record_id


@pytest.mark.usefixtures("two_more_unique_fields")
def test_the_system_field_is_ignored_where_only_others_are_named(sandbox):
    """It no longer matches, so the insert leg meets its unique value."""
    record_id = insert(sandbox, "Contacts", Last_Name="Berg", Email="eva@example.org")

    _, entries = upsert(
        sandbox,
        "Contacts",
        {"Last_Name": "Ek", "Email": "eva@example.org", "Title": "Chief"},
        fields=["Title"],
    )

    assert entries[0]["code"] == "DUPLICATE_DATA"
    assert entries[0]["details"]["id"] == record_id


@pytest.mark.usefixtures("two_more_unique_fields")
def test_an_update_onto_a_third_records_value_is_a_duplicate(sandbox):
    """Matched by one field, colliding by another."""
    insert(sandbox, "Contacts", Last_Name="Meant", Title="Chief")
    third = insert(sandbox, "Contacts", Last_Name="Third", Email="eva@example.org")

    _, entries = upsert(sandbox, "Contacts", {"Title": "Chief", "Email": "eva@example.org"}, fields=["Title"])

    assert entries[0]["code"] == "DUPLICATE_DATA"
    assert (entries[0]["details"]["api_name"], entries[0]["details"]["id"]) == ("Email", third)


def test_a_field_that_is_not_unique_matches_nothing(sandbox):
    """It is inserted again, without an error: silent twins."""
    insert(sandbox, "Contacts", Last_Name="Berg")

    _, entries = upsert(sandbox, "Contacts", {"Last_Name": "Berg"}, fields=["Last_Name"])

    assert entries[0]["action"] == "insert"
    assert sandbox.count("Contacts") == 2


@pytest.mark.parametrize("value", [None, "", "missing"])
def test_an_empty_key_matches_nothing(sandbox, value):
    """Null, blank and absent are inserted again."""
    record = {"Last_Name": "Berg"} if value == "missing" else {"Last_Name": "Berg", "Email": value}
    insert(sandbox, "Contacts", Last_Name="Berg")

    _, entries = upsert(sandbox, "Contacts", record, fields=["Email"])

    assert entries[0]["action"] == "insert"


@pytest.mark.parametrize(
    ("module", "field", "extra"),
    [
        ("Accounts", "Account_Name", {}),
        ("Products", "Product_Name", {}),
        ("Pipelines", "Deal_Name", {"Sub_Pipeline": "Inbound", "Stage": "Proposal"}),
        ("Subscriptions", "Name", {}),
        ("Subscriptions", "Contract_Code", {"Name": "S"}),
    ],
)
def test_each_module_has_its_check_fields(sandbox, module, field, extra):
    """The system's where none is named, deals by their name included."""
    record = {**extra, field: "Lamp"}
    record_id = insert(sandbox, module, **record)

    _, entries = upsert(sandbox, module, record, fields=None if field != "Contract_Code" else [field])

    assert (entries[0]["action"], entries[0]["duplicate_field"]) == ("update", field)
    assert entries[0]["details"]["id"] == record_id


@pytest.mark.parametrize("named", [None, ["Subject"]])
def test_activities_have_no_check_field(sandbox, named):
    """They are inserted each time."""
    upsert(sandbox, "Tasks", {"Subject": "Call back"}, fields=named)

    _, entries = upsert(sandbox, "Tasks", {"Subject": "Call back"}, fields=named)

    assert entries[0]["action"] == "insert"
    assert sandbox.count("Tasks") == 2


def test_deals_of_one_name_may_be_inserted_and_cannot_be_told_apart(sandbox):
    """Two records hold the value: DUPLICATE_DATA with more_records."""
    deal = {"Deal_Name": "Lamps", "Sub_Pipeline": "Inbound", "Stage": "Proposal"}
    first = insert(sandbox, "Pipelines", **deal)
    insert(sandbox, "Pipelines", **deal)

    status, entries = upsert(sandbox, "Pipelines", deal)

    assert (status, codes(entries)) == (400, ["DUPLICATE_DATA"])
    assert entries[0]["details"]["more_records"] is True
    assert entries[0]["details"]["id"] == first


def test_the_same_key_twice_updates_a_record_that_exists_twice(sandbox):
    """In order: the last one holds."""
    record_id = insert(sandbox, "Contacts", Last_Name="Berg", Email="eva@example.org")
    twice = [{"Email": "eva@example.org", "Title": title} for title in ("First", "Second")]

    status, entries = upsert(sandbox, "Contacts", *twice, fields=["Email"])

    assert status == 200
    assert [entry["action"] for entry in entries] == ["update", "update"]
    assert entries[0]["details"]["id"] == entries[1]["details"]["id"] == record_id
    assert read(sandbox, "Contacts", record_id)["Title"] == "Second"


def test_the_same_new_key_twice_is_a_duplicate(sandbox):
    """The harsher reading of what nobody has documented."""
    record = {"Last_Name": "Berg", "Email": "eva@example.org"}

    status, entries = upsert(sandbox, "Contacts", record, record, fields=["Email"])

    assert (status, codes(entries)) == (207, ["SUCCESS", "DUPLICATE_DATA"])
    assert sandbox.count("Contacts") == 1


def test_an_id_wins_over_every_check_field(sandbox):
    """The record of the id is updated, though another would match."""
    meant = insert(sandbox, "Contacts", Last_Name="Meant")
    other = insert(sandbox, "Contacts", Last_Name="Other", Email="eva@example.org")

    _, by_id = upsert(sandbox, "Contacts", {"id": meant, "Title": "Chief"}, fields=["Email"])
    _, colliding = upsert(sandbox, "Contacts", {"id": meant, "Email": "eva@example.org"}, fields=["Email"])

    assert (by_id[0]["action"], by_id[0]["details"]["id"]) == ("update", meant)
    assert by_id[0]["duplicate_field"] is None
    assert (colliding[0]["code"], colliding[0]["details"]["id"]) == ("DUPLICATE_DATA", other)


def test_an_unknown_id_is_an_error_and_no_insert(sandbox):
    """Also where a check field has no match."""
    _, entries = upsert(sandbox, "Contacts", {"id": NOBODY, "Last_Name": "Berg", "Email": "eva@example.org"})

    assert (entries[0]["code"], entries[0]["message"]) == ("INVALID_DATA", "the id given seems to be invalid")
    assert sandbox.count("Contacts") == 0


def test_the_recycle_bin_neither_matches_nor_blocks(sandbox):
    """A deleted contact's key makes a new contact."""
    gone = insert(sandbox, "Contacts", Last_Name="Berg", Email="eva@example.org")
    sandbox.api("DELETE", f"/Contacts/{gone}")

    _, entries = upsert(
        sandbox, "Contacts", {"Last_Name": "Berg", "Email": "eva@example.org"}, fields=["Email"]
    )

    assert entries[0]["action"] == "insert"
    assert entries[0]["details"]["id"] != gone


def test_check_fields_that_are_no_list_of_names_are_refused(sandbox):
    """A bare name is a common mistake."""
    status, body = send(
        sandbox, "POST", "/Contacts/upsert", {"Last_Name": "Berg"}, duplicate_check_fields="Email"
    )

    assert (status, body["code"]) == (400, "INVALID_DATA")
    assert body["details"]["api_name"] == "duplicate_check_fields"
