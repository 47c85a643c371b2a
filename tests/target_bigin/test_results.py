"""What one entry of Bigin's answer means for its record."""

from __future__ import annotations

import pytest
from support.target import record, records, run_target, schema

from bigin_api import WriteResult
from target_bigin.writing.results import action_of, is_gone, refusal

CONTACTS = schema("Contacts", "Last_Name", "Title", key=["id"])
BY_EMAIL = schema("Contacts", "Last_Name", key=["Email"])


def refused(code, details=None):
    return WriteResult.from_json({"code": code, "details": details or {}, "message": "no", "status": "error"})


@pytest.mark.parametrize(
    ("operation", "code", "field", "kind"),
    [
        ("update", "INVALID_DATA", "id", "unmatched"),
        ("update", "INVALID_DATA", None, "unmatched"),  # older answers name no field
        ("update", "INVALID_DATA", "Email", "rejected"),
        ("update", "DUPLICATE_DATA", "id", "rejected"),
        ("update", "NO_PERMISSION", None, "rejected"),
        ("insert", "INVALID_DATA", "id", "rejected"),
        ("upsert", "INVALID_DATA", None, "rejected"),
        ("delete", "NO_PERMISSION", None, "rejected"),
    ],
)
def test_only_an_update_of_an_unknown_id_is_unmatched(operation, code, field, kind):
    """Whoever reads the rejects looks for a missing record in one case, for a wrong value in the other."""
    result = refused(code, {"api_name": field} if field else {})

    assert refusal(operation, result).kind == kind


@pytest.mark.parametrize(
    ("code", "details", "message"),
    [
        ("INVALID_DATA", {}, "no"),
        (
            "INVALID_DATA",
            {"expected_data_type": "email", "maximum_length": 9},
            "no, expects email, takes 9 at most",
        ),
        ("DUPLICATE_DATA", {"duplicate_record": {"id": "7"}}, "no, record 7 has this value"),
        ("DUPLICATE_DATA", {"id": "7", "more_records": True}, "no, record 7 has this value, and others too"),
        ("DUPLICATE_DATA", {"more_records": True}, "no"),  # whose value it is, older answers do not say
        ("NO_PERMISSION", {"id": "7", "permissions": "Crm_Edit"}, "no, needs Crm_Edit"),
    ],
)
def test_a_refusal_is_told_with_what_its_details_say(code, details, message):
    """Whoever reads the line looks for what it names: a twin where none is would be looked for in vain."""
    assert refusal("insert", refused(code, details)).message == message


def test_a_refusal_without_words_is_told_by_its_code():
    """An empty line would say nothing at all."""
    result = WriteResult.from_json({"code": "ODD", "status": "error"})

    assert refusal("insert", result).message == "ODD"


MANY = {"code": "DUPLICATE_DATA", "details": {"api_name": "Email", "id": "8"}, "message": "duplicate"}
SEVERAL = "MULTIPLE_OR_MULTI_ERRORS"


@pytest.mark.parametrize(
    ("code", "errors", "told"),
    [
        (
            SEVERAL,
            [MANY, "odd", {"code": "ODD"}],
            (SEVERAL, "DUPLICATE_DATA Email: duplicate, record 8 has this value; ODD : ODD", "Email"),
        ),
        (SEVERAL, ["odd"], (SEVERAL, "", None)),
        (SEVERAL, [], (SEVERAL, "no", None)),
        (SEVERAL, {"0": MANY}, (SEVERAL, "no", None)),
        ("ODD", [MANY], ("ODD", "no", None)),
        (None, [], ("UNKNOWN", "no", None)),
    ],
)
def test_several_reasons_are_told_together_and_the_first_names_the_field(code, errors, told):
    """Where they are told as documented; else by what the entry itself says."""
    entry = {"code": code, "details": {"errors": errors}, "message": "no", "status": "error"}
    reject = refusal("insert", WriteResult.from_json(entry))

    assert (reject.kind, reject.code, reject.message, reject.field) == ("rejected", *told)


@pytest.mark.parametrize(
    ("said", "action"),
    [
        ({"action": "insert"}, "inserted"),
        ({"action": "update"}, "updated"),
        ({"message": "record added"}, "inserted"),
        ({"message": "record updated"}, "updated"),
    ],
)
def test_what_an_upsert_did_is_told_by_its_action_or_else_by_its_words(said, action):
    """An answer without the action is a record that was written all the same."""
    assert action_of("upsert", WriteResult.from_json({"status": "success", **said})) == action


@pytest.mark.parametrize(
    ("operation", "code", "gone"),
    [
        ("delete", "INVALID_DATA", True),
        ("delete", "NO_PERMISSION", False),
        ("delete", "RECORD_LOCKED", False),
        ("update", "INVALID_DATA", False),
    ],
)
def test_only_a_record_that_is_not_there_counts_as_deleted(operation, code, gone):
    """Any other refusal leaves the record where it was."""
    assert is_gone(operation, refused(code)) is gone


def test_a_delete_that_is_not_allowed_is_rejected(sandbox, target):
    """The record is still there, and must not be reported as deleted."""
    there = [each["id"] for each in sandbox.dump("Contacts")]
    no = {"code": "NO_PERMISSION", "details": {}, "message": "permission denied", "status": "error"}
    sandbox.fault("DELETE /Contacts", status=207, body={"data": [no, no]})
    gone = [{"id": each, "_sdc_deleted_at": "2026-05-14T00:00:00Z"} for each in there[:2]]

    run = target([CONTACTS, *records("Contacts", gone)], deletes="delete", max_rejects=2)

    assert run.outcomes("Contacts") == {"rejected": 2}
    assert [each["id"] for each in sandbox.dump("Contacts")] == there


@pytest.mark.parametrize(
    ("code", "outcomes"), [("INVALID_DATA", {"deleted": 1}), ("NO_PERMISSION", {"rejected": 1})]
)
def test_a_single_deletion_may_be_refused_as_a_whole(sandbox, target, code, outcomes):
    """Flat, as the address of one record is answered: gone is gone, and anything else is no deletion."""
    there = sandbox.dump("Contacts")[0]["id"]
    no = {"code": code, "details": {}, "message": "record not deleted", "status": "error"}
    sandbox.fault("DELETE /Contacts", status=400, body=no)

    run = target([CONTACTS, record("Contacts", id=there)], default_operation="delete", max_rejects=1)

    assert run.outcomes("Contacts") == outcomes
    assert run.accounts["Contacts"].notes == (
        {"already deleted in Bigin": 1} if "deleted" in outcomes else {}
    )


def test_an_answer_without_an_id_leaves_the_one_that_is_known(sandbox, target):
    """What follows an update, such as tags, goes to the record that was named."""
    there = sandbox.create("Contacts", Last_Name="Ek")
    sandbox.fault("PUT /Contacts", status=200, body={"data": [{"code": "SUCCESS", "status": "success"}]})

    run = target(
        [CONTACTS, record("Contacts", id=there, Title="Dr")], streams={"Contacts": {"tags": ["vip"]}}
    )

    assert run.outcomes("Contacts") == {"updated": 1}
    (tags,) = [each["Tag"] for each in sandbox.dump("Contacts") if each["id"] == there]
    assert [each["name"] for each in tags] == ["vip"]


def test_a_wrong_value_in_an_update_is_rejected_and_not_unmatched(sandbox, target):
    """The record was found: what is wrong is the value that the reject names."""
    there = sandbox.dump("Contacts")[0]["id"]
    long = {"code": "INVALID_DATA", "details": {"api_name": "Title"}, "message": "invalid", "status": "error"}
    sandbox.fault("PUT /Contacts", status=207, body={"data": [long]})

    run = target([CONTACTS, record("Contacts", id=there, Title="x")], max_rejects=1)

    assert [(each["kind"], each["field"]) for each in run.rejects] == [("rejected", "Title")]


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("operation", ["upsert", "insert"])
def test_an_entry_too_many_is_laid_at_nobodys_door(other, sandbox, tmp_path, operation, count):
    """Entry by entry the second record would be written, and the third refused for its neighbour's fault."""
    other.saying_twice("/Contacts(/upsert)?")
    rows = [{"Last_Name": name, "Email": f"{name}@example.org"} for name in ("Ann", None, "Cid")]

    run = run_target(
        other,
        tmp_path,
        [BY_EMAIL, *records("Contacts", rows[-count:])],
        default_operation=operation,
        null_values="write",
        max_rejects=1,
    )

    assert [each["record"]["Email"] for each in run.rejects] == ["None@example.org"]
    assert run.accounts["Contacts"].rejected == 1
    assert sandbox.count("Contacts") == count - 1
