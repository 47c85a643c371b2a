"""DELETE /{module}?ids= and DELETE /{module}/{id}. FACTS 5; write.md 6."""

from __future__ import annotations

import pytest
from support.writing import codes, credits_of, exists, insert

NOBODY = "6100000000000999999"


@pytest.fixture(autouse=True)
def empty(sandbox):
    sandbox.reset(size="empty")


def test_a_list_answers_one_entry_for_each_id_in_order(sandbox):
    """An unknown one is an error that may mean "done"."""
    record_id = insert(sandbox, "Contacts", Last_Name="Berg")

    answer = sandbox.api("DELETE", "/Contacts", params={"ids": f"{NOBODY},{record_id}"})

    assert answer.status_code == 207
    assert answer.json()["data"] == [
        {
            "code": "INVALID_DATA",
            "details": {"id": NOBODY},
            "message": "record not deleted",
            "status": "error",
        },
        {"code": "SUCCESS", "details": {"id": record_id}, "message": "record deleted", "status": "success"},
    ]
    assert not exists(sandbox, "Contacts", record_id)


def test_statuses_are_200_where_all_went_and_400_where_none(sandbox):
    """The array stays."""
    ids = ",".join(insert(sandbox, "Contacts", Last_Name=name) for name in "AB")

    first = sandbox.api("DELETE", "/Contacts", params={"ids": ids})
    again = sandbox.api("DELETE", "/Contacts", params={"ids": ids})

    assert (first.status_code, codes(first.json()["data"])) == (200, ["SUCCESS"] * 2)
    assert (again.status_code, codes(again.json()["data"])) == (400, ["INVALID_DATA"] * 2)


def test_a_single_unknown_id_answers_flat(sandbox):
    """So a repeated delete is an error without `data`."""
    record_id = insert(sandbox, "Contacts", Last_Name="Berg")

    first = sandbox.api("DELETE", f"/Contacts/{record_id}")
    again = sandbox.api("DELETE", f"/Contacts/{record_id}")

    assert first.status_code == 200
    assert first.json()["data"][0]["message"] == "record deleted"
    assert again.status_code == 400
    assert again.json() == {
        "code": "INVALID_DATA",
        "details": {"resource_path_index": 1},
        "message": "record not deleted",
        "status": "error",
    }


@pytest.mark.parametrize("params", [{}, {"ids": ""}, {"ids": " , "}])
def test_ids_must_be_given(sandbox, params):
    """Nothing is ever deleted by default."""
    insert(sandbox, "Contacts", Last_Name="Berg")

    answer = sandbox.api("DELETE", "/Contacts", params=params)

    assert answer.status_code == 400
    assert answer.json()["code"] == "REQUIRED_PARAM_MISSING"
    assert answer.json()["details"] == {"param_name": "ids"}
    assert sandbox.count("Contacts") == 1


def test_more_than_100_ids_delete_nothing(sandbox):
    """The limit is that of a write."""
    record_id = insert(sandbox, "Contacts", Last_Name="Berg")

    answer = sandbox.api("DELETE", "/Contacts", params={"ids": ",".join([record_id] * 101)})

    assert (answer.status_code, answer.json()["code"]) == (400, "LIMIT_EXCEEDED")
    assert exists(sandbox, "Contacts", record_id)


def test_a_company_takes_its_contacts_along(sandbox):
    """Seen live; they appear among the deleted, and their ids are gone at once."""
    company = insert(sandbox, "Accounts", Account_Name="Acme")
    contact = insert(sandbox, "Contacts", Last_Name="Berg", Account_Name={"id": company})
    other = insert(sandbox, "Contacts", Last_Name="Ek")

    sandbox.api("DELETE", f"/Accounts/{company}")

    assert not exists(sandbox, "Contacts", contact)
    assert exists(sandbox, "Contacts", other)
    assert [entry["id"] for entry in sandbox.deleted("Contacts")] == [contact]


def test_a_contact_leaves_its_products(sandbox):
    """The link goes, the product stays."""
    contact = insert(sandbox, "Contacts", Last_Name="Berg")
    product = insert(sandbox, "Products", Product_Name="Lamp")
    sandbox.api("PUT", f"/Contacts/{contact}/Products/{product}", json={"data": [{}]})

    sandbox.api("DELETE", f"/Contacts/{contact}")

    assert exists(sandbox, "Products", product)
    related = sandbox.api("GET", f"/Products/{product}/Contacts", params={"fields": "Last_Name"})
    assert related.status_code == 204


@pytest.mark.parametrize(
    ("params", "fired"), [({}, 1), ({"wf_trigger": "true"}, 1), ({"wf_trigger": "false"}, 0)]
)
def test_automation_runs_unless_wf_trigger_is_false(sandbox, params, fired):
    """The query says so, for there is no body."""
    sandbox.mutate({"op": "create", "module": "Contacts", "data": {"Last_Name": "Berg"}})
    record_id = sandbox.dump("Contacts")[0]["id"]

    sandbox.api("DELETE", f"/Contacts/{record_id}", params=params)

    assert sandbox.automation()["fired"] == fired


def test_a_delete_of_many_costs_one_credit(sandbox):
    """Only inserts and updates are priced by the record."""
    ids = ",".join(insert(sandbox, "Contacts", Last_Name="N") for _ in range(12))

    sandbox.api("DELETE", "/Contacts", params={"ids": ids})

    assert credits_of(sandbox, "DELETE /Contacts") == 1
