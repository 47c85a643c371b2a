"""Contacts and products, tied and untied. FACTS 5; write.md 8."""

from __future__ import annotations

import pytest
from support.writing import codes, exists, insert, read

NOBODY = "6100000000000999999"
NOTHING = {"data": [{}]}


@pytest.fixture(autouse=True)
def empty(sandbox):
    sandbox.reset(size="empty")


@pytest.fixture
def contact(sandbox):
    """A contact's id."""
    return insert(sandbox, "Contacts", Last_Name="Berg")


@pytest.fixture
def products(sandbox):
    """Two products' ids."""
    return [insert(sandbox, "Products", Product_Name=name) for name in ("Lamp", "Bulb")]


def related(sandbox, path):
    answer = sandbox.api("GET", path, params={"fields": "id"})
    return {record["id"] for record in answer.json()["data"]} if answer.status_code == 200 else set()


def test_a_product_is_added_to_a_contact_and_seen_from_both(sandbox, contact, products):
    """A second time it is "updated"."""
    path = f"/Contacts/{contact}/Products/{products[0]}"

    first = sandbox.api("PUT", path, json=NOTHING)
    again = sandbox.api("PUT", path, json=NOTHING)

    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json()["data"] == [
        {"code": "SUCCESS", "details": {"id": products[0]}, "message": "relation added", "status": "success"}
    ]
    assert again.json()["data"][0]["message"] == "relation updated"
    assert related(sandbox, f"/Contacts/{contact}/Products") == {products[0]}
    assert related(sandbox, f"/Products/{products[0]}/Contacts") == {contact}


def test_several_are_added_in_one_call_from_either_side(sandbox, contact, products):
    """An unknown one is an entry of its own."""
    body = {"data": [{"id": products[0]}, {"id": NOBODY}, {}]}

    mixed = sandbox.api("PUT", f"/Contacts/{contact}/Products", json=body)
    other_way = sandbox.api("PUT", f"/Products/{products[1]}/Contacts", json={"data": [{"id": contact}]})

    assert mixed.status_code == 207
    assert codes(mixed.json()["data"]) == ["SUCCESS", "INVALID_DATA", "MANDATORY_NOT_FOUND"]
    assert other_way.status_code == 200
    assert related(sandbox, f"/Contacts/{contact}/Products") == set(products)


def test_a_link_is_removed_and_both_stay(sandbox, contact, products):
    """What is not linked cannot be removed again."""
    path = f"/Contacts/{contact}/Products/{products[0]}"
    sandbox.api("PUT", path, json=NOTHING)

    first = sandbox.api("DELETE", path)
    again = sandbox.api("DELETE", path)

    assert (first.status_code, first.json()["data"][0]["message"]) == (200, "relation removed")
    assert again.status_code == 400
    assert again.json()["data"] == [
        {
            "code": "INVALID_DATA",
            "details": {"id": products[0]},
            "message": "relation not found",
            "status": "error",
        }
    ]
    assert exists(sandbox, "Contacts", contact)
    assert exists(sandbox, "Products", products[0])


def test_links_are_removed_by_a_list_of_ids(sandbox, contact, products):
    """In the query, as records are deleted."""
    sandbox.api("PUT", f"/Contacts/{contact}/Products", json={"data": [{"id": i} for i in products]})

    answer = sandbox.api("DELETE", f"/Contacts/{contact}/Products", params={"ids": ",".join(products)})

    assert (answer.status_code, codes(answer.json()["data"])) == (200, ["SUCCESS"] * 2)
    assert related(sandbox, f"/Contacts/{contact}/Products") == set()


def test_an_unknown_contact_is_a_server_error_and_an_unknown_product_is_400(sandbox, contact, products):
    """Seen live."""
    nobody = sandbox.api("PUT", f"/Contacts/{NOBODY}/Products/{products[0]}", json=NOTHING)
    nothing = sandbox.api("PUT", f"/Contacts/{contact}/Products/{NOBODY}", json=NOTHING)

    assert (nobody.status_code, nobody.json()["code"]) == (500, "INTERNAL_ERROR")
    assert (nothing.status_code, codes(nothing.json()["data"])) == (400, ["INVALID_DATA"])


@pytest.mark.parametrize("path", ["/Contacts/{contact}/Nonsense/1", "/Accounts/{contact}/Products/1"])
def test_a_relation_that_does_not_exist_is_refused(sandbox, contact, path):
    """By its place in the address."""
    answer = sandbox.api("PUT", path.format(contact=contact), json=NOTHING)

    assert answer.status_code == 400
    assert answer.json()["details"] == {"resource_path_index": 2}
    assert answer.json()["message"] == "the relation name given seems to be invalid"


def test_linking_moves_no_modified_time(sandbox, contact, products):
    """Neither the contact nor the product is written."""
    sandbox.clock(advance=60)
    before = read(sandbox, "Contacts", contact)["Modified_Time"]
    sandbox.api("PUT", f"/Contacts/{contact}/Products/{products[0]}", json=NOTHING)

    assert read(sandbox, "Contacts", contact)["Modified_Time"] == before
