"""A new owner for one record or for many. FACTS 5; write.md 9."""

from __future__ import annotations

import pytest
from support.writing import codes, insert, read

NOBODY = "6100000000000999999"


@pytest.fixture(autouse=True)
def empty(sandbox):
    sandbox.reset(size="empty")


@pytest.fixture
def users(sandbox):
    """All users."""
    return sandbox.api("GET", "/users").json()["users"]


def test_a_record_gets_another_owner(sandbox, users):
    """An edit like any other: Modified_Time moves."""
    sandbox.clock(set="2026-03-01T10:00:00Z", freeze=True)
    record_id = insert(sandbox, "Contacts", Last_Name="Berg")
    sandbox.clock(advance=60)

    answer = sandbox.api(
        "POST",
        f"/Contacts/{record_id}/actions/change_owner",
        json={"owner": {"id": users[1]["id"]}, "notify": True},
    )

    assert answer.status_code == 200
    assert answer.json()["data"] == [
        {
            "code": "SUCCESS",
            "details": {"id": record_id},
            "message": "owner is successfully updated",
            "status": "success",
        }
    ]
    record = read(sandbox, "Contacts", record_id)
    assert record["Owner"]["id"] == users[1]["id"]
    assert record["Modified_Time"] > record["Created_Time"]


def test_many_records_get_another_owner_and_one_of_nobody_is_an_entry(sandbox, users):
    """Mixed as any write."""
    record_id = insert(sandbox, "Contacts", Last_Name="Berg")
    body = {"ids": [record_id, NOBODY], "owner": {"id": users[1]["id"]}}

    answer = sandbox.api("POST", "/Contacts/actions/change_owner", json=body)

    assert (answer.status_code, codes(answer.json()["data"])) == (207, ["SUCCESS", "INVALID_DATA"])


@pytest.mark.parametrize("owner", [{"id": NOBODY}, {"email": "luis.ortega@example.org"}, "x", None, "gone"])
def test_a_bad_owner_is_refused_flat(sandbox, users, owner):
    """Nobody, an e-mail, no object, a person who left."""
    record_id = insert(sandbox, "Contacts", Last_Name="Berg")
    if owner == "gone":
        owner = {"id": next(user["id"] for user in users if user["status"] != "active")}

    answer = sandbox.api("POST", f"/Contacts/{record_id}/actions/change_owner", json={"owner": owner})

    assert answer.status_code == 400
    assert (answer.json()["code"], answer.json()["details"]) == ("INVALID_DATA", {"param_name": "owner"})
    assert answer.json()["message"] == "the owner id given is invalid"


@pytest.mark.parametrize(
    ("ids", "code"), [([NOBODY] * 501, "LIMIT_EXCEEDED"), ([], "INVALID_DATA"), ("1", "INVALID_DATA")]
)
def test_a_list_of_ids_has_one_to_500(sandbox, users, ids, code):
    """Nothing is changed beyond."""
    body = {"ids": ids, "owner": {"id": users[1]["id"]}}

    answer = sandbox.api("POST", "/Contacts/actions/change_owner", json=body)

    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_changing_an_owner_needs_a_scope_of_its_own(sandbox, users):
    """The right to write records is not enough."""
    record_id = insert(sandbox, "Contacts", Last_Name="Berg")

    answer = sandbox.api(
        "POST",
        f"/Contacts/{record_id}/actions/change_owner",
        json={"owner": {"id": users[1]["id"]}},
        refresh_token=sandbox.limited_refresh_token,
    )

    assert (answer.status_code, answer.json()["code"]) == (401, "OAUTH_SCOPE_MISMATCH")
