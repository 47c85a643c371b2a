"""POST /{module}: statuses, entries, defaults, unique values, price. FACTS 5."""

from __future__ import annotations

import json

import pytest
from support.writing import codes, credits_of, insert, read, refusal, send


@pytest.fixture(autouse=True)
def empty(sandbox):
    sandbox.reset(size="empty")


def test_all_good_is_201_with_one_entry_for_each_record_in_order(sandbox):
    """Readers pair answers with records by their place."""
    status, entries = send(sandbox, "POST", "/Contacts", *({"Last_Name": f"No {n}"} for n in range(3)))

    assert status == 201
    assert codes(entries) == ["SUCCESS"] * 3
    names = [read(sandbox, "Contacts", entry["details"]["id"])["Last_Name"] for entry in entries]
    assert names == ["No 0", "No 1", "No 2"]


def test_a_success_entry_is_laid_out_as_live_answers_are(sandbox):
    """The order of keys and the offset of the token's user are those of recorded answers."""
    sandbox.clock(set="2026-10-09T19:10:52Z", freeze=True)

    answer = sandbox.api("POST", "/Contacts", json={"data": [{"Last_Name": "Berg"}]})

    entry = answer.json()["data"][0]
    assert list(entry) == ["code", "details", "message", "status"]
    assert (entry["code"], entry["message"], entry["status"]) == ("SUCCESS", "record added", "success")
    details = entry["details"]
    assert list(details) == ["Modified_Time", "Modified_By", "Created_Time", "id", "Created_By"]
    assert details["Modified_Time"] == details["Created_Time"] == "2026-10-09T21:10:52+02:00"
    assert details["Modified_By"]["name"] == details["Created_By"]["name"] == "Ann Ek"
    assert list(details["Created_By"]) == ["name", "id"]


def test_a_mixture_is_207_and_one_failure_touches_no_other(sandbox):
    """A 2xx says nothing about a single record."""
    status, entries = send(
        sandbox, "POST", "/Contacts", {"Last_Name": "A"}, {"Title": "B"}, {"Last_Name": "C"}
    )

    assert status == 207
    assert codes(entries) == ["SUCCESS", "MANDATORY_NOT_FOUND", "SUCCESS"]
    assert sandbox.count("Contacts") == 2


def test_all_bad_is_400_with_the_same_array(sandbox):
    """The array is what tells which record failed and why."""
    status, entries = send(sandbox, "POST", "/Contacts", {"Title": "A"}, {"Title": "B"})

    assert status == 400
    assert entries[1] == {
        "code": "MANDATORY_NOT_FOUND",
        "details": {"api_name": "Last_Name", "json_path": "$.data[1].Last_Name"},
        "message": "required field not found",
        "status": "error",
    }


def test_more_than_100_records_are_refused_as_a_whole(sandbox):
    """One entry for 101 records, and nothing written."""
    status, entries = send(sandbox, "POST", "/Contacts", *({"Last_Name": "N"} for _ in range(101)))

    assert status == 400
    assert entries == [
        {
            "code": "LIMIT_EXCEEDED",
            "details": {"maximum_length": 100, "api_name": "data"},
            "message": "count of records in your request exceeds the limit",
            "status": "error",
        }
    ]
    assert sandbox.count("Contacts") == 0


@pytest.mark.parametrize(
    ("content", "code", "details"),
    [
        (b'{"data": [', "INVALID_DATA", {"expected_data_type": "jsonobject"}),
        (b"[]", "INVALID_DATA", {"expected_data_type": "jsonobject"}),
        (b"", "INVALID_DATA", {"expected_data_type": "jsonobject"}),
        (b"{}", "MANDATORY_NOT_FOUND", {"api_name": "data"}),
        (b'{"data": []}', "INVALID_DATA", {"expected_data_type": "jsonarray", "api_name": "data"}),
        (b'{"data": {}}', "INVALID_DATA", {"expected_data_type": "jsonarray", "api_name": "data"}),
    ],
)
def test_a_body_that_is_no_batch_of_records_is_refused_flat(sandbox, content, code, details):
    """A fault of the whole call comes without `data`."""
    answer = sandbox.api("POST", "/Contacts", data=content)

    assert answer.status_code == 400
    body = answer.json()
    assert (body["code"], body["details"], body["status"]) == (code, details, "error")


def test_an_entry_that_is_no_object_is_refused_alone(sandbox):
    """The rest of the batch is still records."""
    status, entries = send(sandbox, "POST", "/Contacts", "Berg", {"Last_Name": "Berg"})

    assert status == 207
    assert entries[0]["details"]["expected_data_type"] == "jsonobject"
    assert entries[1]["code"] == "SUCCESS"


@pytest.mark.parametrize(
    "module", ["Nonsense", "Documents", "Associated_Products", "Attachments", "contacts"]
)
def test_a_module_that_takes_no_records_is_refused(sandbox, module):
    """Unknown, unsupported, a subform, written otherwise, or spelt in another case."""
    answer = sandbox.api("POST", f"/{module}", json={"data": [{"Name": "x"}]})

    assert answer.status_code == 400
    assert answer.json()["code"] == "INVALID_MODULE"
    assert answer.json()["details"] == {"resource_path_index": 0}


def test_a_module_that_the_user_may_not_write_is_403(sandbox):
    """Listed by metadata, and refused all the same."""
    answer = sandbox.api("POST", "/Payroll", json={"data": [{"Name": "x"}]})

    assert answer.status_code == 403
    assert answer.json()["code"] == "NO_PERMISSION"
    assert answer.json()["details"] == {"permissions": ["Crm_Implied_Create_Payroll"]}


def test_json_is_taken_without_a_content_type(sandbox):
    """Both official SDKs send it so."""
    answer = sandbox.api("POST", "/Contacts", data=json.dumps({"data": [{"Last_Name": "Berg"}]}).encode())

    assert answer.status_code == 201


def test_unknown_read_only_and_system_fields_are_dropped_without_a_word(sandbox):
    """A 201 hides that a field was ignored."""
    given = {
        "Last_Name": "Berg",
        "Shoe_Size": 44,
        "Full_Name": "Somebody Else",
        "Created_Time": "2001-01-01T00:00:00+00:00",
        "Modified_By": {"id": "1"},
        "Last_Activity_Time": "2001-01-01T00:00:00+00:00",
        "Unsubscribed_Mode": "Manual",
        "id": "6100000000000999999",
    }

    record_id = insert(sandbox, "Contacts", **given)

    record = read(sandbox, "Contacts", record_id)
    assert record_id != given["id"]
    assert "Shoe_Size" not in record
    assert record["Full_Name"] == "Berg"
    assert record["Unsubscribed_Mode"] is None
    assert record["Created_Time"] > "2025"
    assert record["Modified_By"]["name"] == "Ann Ek"


def test_a_field_that_the_profile_may_only_read_is_dropped_for_that_user(sandbox):
    """Writable is a matter of metadata and of the profile."""
    body = {"data": [{"Last_Name": "Berg", "Mobile": "070 123"}]}

    entry = sandbox.api("POST", "/Contacts", json=body, refresh_token=sandbox.limited_refresh_token).json()[
        "data"
    ][0]

    assert read(sandbox, "Contacts", entry["details"]["id"])["Mobile"] is None


def test_a_field_that_metadata_call_read_only_is_dropped_whatever_its_view(sandbox):
    """Owner alone says so and is writable."""
    read_only = {"op": "set_field", "module": "Contacts", "field": "Title", "data": {"field_read_only": True}}
    sandbox.change_metadata(read_only)

    record_id = insert(sandbox, "Contacts", Last_Name="Berg", Title="Chief")

    assert read(sandbox, "Contacts", record_id)["Title"] is None


def test_owner_is_the_tokens_user_unless_another_is_named(sandbox):
    """Owner says that it is read-only, and is writable."""
    mine = insert(sandbox, "Contacts", Last_Name="Mine")
    luis = sandbox.api("GET", "/users").json()["users"][1]
    his = insert(sandbox, "Contacts", Last_Name="His", Owner={"id": luis["id"]})

    assert read(sandbox, "Contacts", mine)["Owner"]["name"] == "Ann Ek"
    assert read(sandbox, "Contacts", his)["Owner"]["id"] == luis["id"]


def test_numbers_formulas_and_active_products_come_from_the_server(sandbox):
    """A caller cannot set them, and reads them all the same."""
    first = insert(sandbox, "Subscriptions", Name="A", Number="SUB-9", Total=1, Price=9.5, Seats=2)
    second = insert(sandbox, "Subscriptions", Name="B")
    product = insert(sandbox, "Products", Product_Name="Lamp")

    one, two = (
        int(read(sandbox, "Subscriptions", i)["Number"].removeprefix("SUB-")) for i in (first, second)
    )
    assert two == one + 1
    assert read(sandbox, "Subscriptions", first)["Total"] == 19.0
    assert read(sandbox, "Products", product)["Product_Active"] is True


@pytest.mark.parametrize(
    ("module", "field", "extra"),
    [
        ("Contacts", "Email", {"Last_Name": "Berg"}),
        ("Accounts", "Account_Name", {}),
        ("Products", "Product_Name", {}),
        ("Subscriptions", "Contract_Code", {"Name": "S"}),
    ],
)
def test_a_unique_value_is_taken_once_whatever_its_case_and_blanks(sandbox, module, field, extra):
    """Unique out of the box, or made so by an administrator."""
    first = insert(sandbox, module, **extra, **{field: "ann@example.org"})

    entry = refusal(sandbox, module, **extra, **{field: " Ann@Example.ORG "})

    assert entry["code"] == "DUPLICATE_DATA"
    assert entry["details"]["id"] == first


def test_a_duplicate_is_told_with_the_record_that_is_there(sandbox):
    """The existing id stands in two places."""
    first = insert(sandbox, "Contacts", Last_Name="Berg", Email="eva@example.org")
    module_id = sandbox.api("GET", "/settings/modules/Contacts").json()["modules"][0]["id"]
    ann = sandbox.api("GET", "/users").json()["users"][0]

    entry = refusal(sandbox, "Contacts", Last_Name="Ek", Email="eva@example.org")

    assert entry["message"] == "duplicate data"
    assert entry["details"] == {
        "api_name": "Email",
        "json_path": "$.data[0].Email",
        "id": first,
        "more_records": False,
        "duplicate_record": {
            "id": first,
            "module": {"api_name": "Contacts", "id": module_id},
            "Owner": {"name": "Ann Ek", "id": ann["id"], "zuid": ann["zuid"]},
        },
    }


def test_unique_values_are_compared_among_the_records_of_a_call(sandbox):
    """The second finds the first, which is written by then."""
    record = {"Last_Name": "Berg", "Email": "eva@example.org"}

    status, entries = send(sandbox, "POST", "/Contacts", record, record)

    assert status == 207
    assert codes(entries) == ["SUCCESS", "DUPLICATE_DATA"]
    assert entries[1]["details"]["id"] == entries[0]["details"]["id"]


def test_several_duplicates_in_one_record_come_as_one_error(sandbox):
    """A client that knows DUPLICATE_DATA only would miss it."""
    sandbox.change_metadata(
        {
            "op": "set_field",
            "module": "Contacts",
            "field": "Title",
            "data": {"unique": {"casesensitive": "0"}},
        }
    )
    insert(sandbox, "Contacts", Last_Name="A", Email="a@example.org")
    insert(sandbox, "Contacts", Last_Name="B", Title="Chief")

    entry = refusal(sandbox, "Contacts", Last_Name="C", Email="a@example.org", Title="chief")

    assert entry["code"] == "MULTIPLE_OR_MULTI_ERRORS"
    assert entry["message"] == "Multiple errors in the request"
    assert [error["code"] for error in entry["details"]["errors"]] == ["DUPLICATE_DATA"] * 2
    assert {error["details"]["api_name"] for error in entry["details"]["errors"]} == {"Email", "Title"}


def test_a_value_in_the_recycle_bin_does_not_block(sandbox):
    """What was deleted is free again."""
    first = insert(sandbox, "Contacts", Last_Name="Berg", Email="eva@example.org")
    sandbox.api("DELETE", f"/Contacts/{first}")

    assert insert(sandbox, "Contacts", Last_Name="Berg", Email="eva@example.org") != first


def test_empty_unique_values_do_not_collide(sandbox):
    """Null is no value."""
    status, entries = send(
        sandbox, "POST", "/Contacts", {"Last_Name": "A", "Email": None}, {"Last_Name": "B", "Email": ""}
    )

    assert status == 201, entries


@pytest.mark.parametrize(("records", "price"), [(1, 1), (10, 1), (11, 2), (100, 10)])
def test_ten_records_cost_one_credit(sandbox, records, price):
    """Rounded up, and at least one."""
    send(sandbox, "POST", "/Contacts", *({"Last_Name": "N"} for _ in range(records)))

    assert credits_of(sandbox, "POST /Contacts") == price


def test_a_refused_call_is_paid_for(sandbox):
    """Credits are spent by failed calls, too."""
    sandbox.api("POST", "/Contacts", data=b"{")

    assert credits_of(sandbox, "POST /Contacts") == 1


@pytest.mark.parametrize(("module", "told"), [("Products", True), ("Accounts", False)])
def test_a_new_product_is_told_to_be_approved(sandbox, module, told):
    """write.md 1: an extra key in `details`, which a reader must bear."""
    name = {"Products": "Product_Name", "Accounts": "Account_Name"}[module]
    _, (entry,) = send(sandbox, "POST", f"/{module}", {name: "Lamp of approval"})

    assert ("$approval_state" in entry["details"]) is told
    assert entry["details"].get("$approval_state", "approved") == "approved"
