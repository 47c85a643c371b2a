"""PUT /{module} and PUT /{module}/{id}: a merge, by id. FACTS 5; write.md 4."""

from __future__ import annotations

import pytest
from support.writing import codes, credits_of, insert, read, send

NOBODY = "6100000000000999999"


@pytest.fixture(autouse=True)
def empty(sandbox):
    sandbox.reset(size="empty")


def test_fields_that_are_not_sent_stay(sandbox):
    """An update is a merge."""
    record_id = insert(sandbox, "Contacts", Last_Name="Berg", Title="Chief", Phone="08 1")

    status, entries = send(sandbox, "PUT", "/Contacts", {"id": record_id, "Title": None, "Phone": "08 2"})

    assert status == 200
    assert entries[0]["message"] == "record updated"
    record = read(sandbox, "Contacts", record_id)
    assert (record["Last_Name"], record["Title"], record["Phone"]) == ("Berg", None, "08 2")


def test_modified_time_moves_even_if_nothing_changes(sandbox):
    """In whole seconds; a reader by Modified_Time sees every write."""
    sandbox.clock(set="2026-03-01T10:00:00Z", freeze=True)
    record_id = insert(sandbox, "Contacts", Last_Name="Berg")
    sandbox.clock(advance=5)

    _, entries = send(sandbox, "PUT", "/Contacts", {"id": record_id, "Last_Name": "Berg"})

    assert entries[0]["details"]["Modified_Time"] == "2026-03-01T11:00:05+01:00"
    assert entries[0]["details"]["Created_Time"] == "2026-03-01T11:00:00+01:00"


def test_statuses_are_200_207_and_400(sandbox):
    """As the entries are: all good, mixed, all bad."""
    record_id = insert(sandbox, "Contacts", Last_Name="Berg")
    good, bad = {"id": record_id, "Title": "Chief"}, {"id": NOBODY, "Title": "Chief"}

    assert send(sandbox, "PUT", "/Contacts", good)[0] == 200
    assert send(sandbox, "PUT", "/Contacts", good, bad)[0] == 207
    assert send(sandbox, "PUT", "/Contacts", bad)[0] == 400


@pytest.mark.parametrize("sent_id", [NOBODY, "abc", 7])
def test_an_id_of_nobody_is_refused_by_its_path(sandbox, sent_id):
    """Deleted meanwhile, mistyped, or no string: the entry says that it is the id."""
    _, entries = send(sandbox, "PUT", "/Contacts", {"id": sent_id, "Title": "Chief"})

    assert entries[0] == {
        "code": "INVALID_DATA",
        "details": {"api_name": "id", "json_path": "$.data[0].id"},
        "message": "the id given seems to be invalid",
        "status": "error",
    }


def test_a_record_without_id_is_refused(sandbox):
    """PUT never creates."""
    _, entries = send(sandbox, "PUT", "/Contacts", {"Last_Name": "Berg"})

    assert entries[0]["code"] == "MANDATORY_NOT_FOUND"
    assert entries[0]["details"] == {"api_name": "id", "json_path": "$.data[0].id"}
    assert sandbox.count("Contacts") == 0


def test_an_id_of_another_module_is_unknown(sandbox):
    """An id belongs to its module."""
    company = insert(sandbox, "Accounts", Account_Name="Acme")

    assert codes(send(sandbox, "PUT", "/Contacts", {"id": company, "Title": "x"})[1]) == ["INVALID_DATA"]


def test_the_id_of_the_address_wins_over_that_in_the_body(sandbox):
    """With or without `id` inside, both were recorded."""
    one, two = insert(sandbox, "Contacts", Last_Name="One"), insert(sandbox, "Contacts", Last_Name="Two")

    status, entries = send(sandbox, "PUT", f"/Contacts/{one}", {"id": two, "Title": "Chief"})

    assert (status, entries[0]["details"]["id"]) == (200, one)
    assert read(sandbox, "Contacts", one)["Title"] == "Chief"
    assert read(sandbox, "Contacts", two)["Title"] is None


def test_a_single_update_of_an_unknown_id_answers_flat(sandbox):
    """Endpoints of one id answer without `data`."""
    answer = sandbox.api("PUT", f"/Contacts/{NOBODY}", json={"data": [{"Title": "x"}]})

    assert answer.status_code == 400
    assert answer.json() == {
        "code": "INVALID_DATA",
        "details": {"resource_path_index": 1},
        "message": "the id given seems to be invalid",
        "status": "error",
    }


def test_a_mandatory_field_cannot_be_emptied(sandbox):
    """Neither with null nor with a blank text; left out it stays."""
    record_id = insert(sandbox, "Contacts", Last_Name="Berg")

    for nothing in (None, "", "  "):
        _, entries = send(sandbox, "PUT", "/Contacts", {"id": record_id, "Last_Name": nothing})
        assert entries[0]["code"] == "MANDATORY_NOT_FOUND"
    assert read(sandbox, "Contacts", record_id)["Last_Name"] == "Berg"


def test_renaming_onto_anothers_unique_value_is_refused(sandbox):
    """One's own value is no duplicate."""
    insert(sandbox, "Accounts", Account_Name="Acme")
    other = insert(sandbox, "Accounts", Account_Name="Nordlys")

    _, refused = send(sandbox, "PUT", "/Accounts", {"id": other, "Account_Name": "ACME"})
    status, _ = send(sandbox, "PUT", "/Accounts", {"id": other, "Account_Name": "NORDLYS"})

    assert refused[0]["code"] == "DUPLICATE_DATA"
    assert refused[0]["details"]["json_path"] == "$.data[0].Account_Name"
    assert status == 200


def test_more_than_100_updates_write_nothing(sandbox):
    """The limit is that of inserts."""
    record_id = insert(sandbox, "Contacts", Last_Name="Berg")

    status, entries = send(sandbox, "PUT", "/Contacts", *([{"id": record_id, "Title": "Chief"}] * 101))

    assert (status, codes(entries)) == (400, ["LIMIT_EXCEEDED"])
    assert read(sandbox, "Contacts", record_id)["Title"] is None


def test_ten_updates_cost_one_credit(sandbox):
    """The price is that of inserts."""
    record_id = insert(sandbox, "Contacts", Last_Name="Berg")

    send(sandbox, "PUT", "/Contacts", *([{"id": record_id, "Title": "Chief"}] * 21))

    assert credits_of(sandbox, "PUT /Contacts") == 3


def test_if_unmodified_since_refuses_what_changed_later(sandbox):
    """412 tells what was written meanwhile, and by whom."""
    sandbox.clock(set="2026-03-01T10:00:00Z", freeze=True)
    record_id = insert(sandbox, "Contacts", Last_Name="Berg")
    body = {"data": [{"id": record_id, "Title": "Chief"}]}

    late = sandbox.api(
        "PUT", "/Contacts", json=body, headers={"If-Unmodified-Since": "2026-03-01T10:59:59+01:00"}
    )
    good = sandbox.api(
        "PUT", "/Contacts", json=body, headers={"If-Unmodified-Since": "2026-03-01T11:00:00+01:00"}
    )

    assert late.status_code == 412
    entry = late.json()["data"][0]
    assert entry["code"] == "ALREADY_MODIFIED"
    assert entry["message"] == "record updated time has already passed if-unmodified-since time"
    assert entry["details"]["Modified_Time"] == "2026-03-01T11:00:00+01:00"
    assert good.status_code == 200


def test_a_locked_record_takes_no_change_until_it_is_unlocked(sandbox):
    """Its neighbours in the call do; the same record may be written later."""
    locked, free = (insert(sandbox, "Contacts", Last_Name=name) for name in "AB")
    changes = [{"id": record_id, "Title": "Chief"} for record_id in (locked, free)]
    sandbox.mutate({"op": "edit", "module": "Contacts", "id": locked, "data": {"Locked__s": True}})

    status, entries = send(sandbox, "PUT", "/Contacts", *changes)
    deleted = sandbox.api("DELETE", f"/Contacts/{locked}")
    sandbox.mutate({"op": "edit", "module": "Contacts", "id": locked, "data": {"Locked__s": None}})
    later, _ = send(sandbox, "PUT", "/Contacts", *changes)

    assert (status, codes(entries), later) == (207, ["RECORD_LOCKED", "SUCCESS"], 200)
    assert entries[0]["details"] == {
        "api_name": "id",
        "json_path": "$.data[0].id",
        "action": "record_locking",
    }
    assert (deleted.status_code, deleted.json()["code"]) == (400, "RECORD_LOCKED")
    assert deleted.json()["details"] == {"id": locked, "action": "record_locking"}


def test_a_wrong_method_is_400(sandbox):
    """Bigin says 400, not 405."""
    answer = sandbox.api("PATCH", "/Contacts", json={"data": []})

    assert answer.status_code == 400
    assert answer.json()["code"] == "INVALID_REQUEST_METHOD"
