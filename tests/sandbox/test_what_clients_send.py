"""What published clients send though no page shows it: ids as numbers, page 0, fields that are none.

FACTS 7.19: both official SDKs send record ids as JSON numbers, and a server takes both.
FACTS 7.20: a published connector asks for `page=0` and for `Due Date`, and gets an answer.
"""

from __future__ import annotations

import pytest
from support.writing import insert, read, refusal, send


@pytest.fixture
def company(sandbox):
    return int(insert(sandbox, "Accounts", Account_Name="Nordlys"))


@pytest.fixture
def contact(sandbox):
    return int(insert(sandbox, "Contacts", Last_Name="Berg"))


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/Contacts"), ("POST", "/Contacts/upsert")], ids=["update", "upsert"]
)
def test_an_update_takes_its_id_as_a_number(sandbox, contact, method, path):
    """FACTS 7.19: the record is found, and no digit is lost beyond 2^53."""
    status, _ = send(sandbox, method, path, {"id": contact, "Title": "CEO"})

    assert (status, read(sandbox, "Contacts", str(contact))["Title"]) == (200, "CEO")


@pytest.mark.parametrize("wrong", [6.1e18, True, [1]])
def test_an_id_that_is_neither_text_nor_whole_number_is_refused(sandbox, wrong):
    """A float has lost its last digits already."""
    _, (entry,) = send(sandbox, "PUT", "/Contacts", {"id": wrong, "Title": "CEO"})

    assert (entry["code"], entry["details"]["api_name"]) == ("INVALID_DATA", "id")


@pytest.mark.parametrize("form", ["module and id", "id", "plain"])
def test_a_note_takes_its_parents_id_as_a_number(sandbox, contact, form):
    """FACTS 7.19 names notes; FACTS 5 gives the forms of a parent."""
    parent = {
        "module and id": {"Parent_Id": {"module": {"api_name": "Contacts"}, "id": contact}},
        "id": {"Parent_Id": {"id": contact}, "$se_module": "Contacts"},
        "plain": {"Parent_Id": contact, "se_module": "Contacts"},
    }[form]

    note = read(sandbox, "Notes", insert(sandbox, "Notes", Note_Content="A", **parent))

    assert note["Parent_Id"]["id"] == str(contact)


def test_links_take_numbers_and_are_read_as_texts(sandbox, company, contact):
    """A lookup, What_Id, an owner, a layout: all say texts when they are read."""
    owner = int(sandbox.api("GET", "/users").json()["users"][2]["id"])
    (_, partners) = sandbox.api("GET", "/settings/layouts?module=Pipelines").json()["layouts"]
    task = insert(sandbox, "Tasks", **{"Subject": "A", "What_Id": {"id": company}, "$se_module": "Accounts"})
    deal = insert(
        sandbox,
        "Pipelines",
        Deal_Name="Lamps",
        Pipeline={"id": int(partners["id"])},
        Sub_Pipeline="Resellers",
        Stage="Applied",
        Closing_Date="2026-12-01",
        Contact_Name={"id": contact},
        Owner={"id": owner},
    )

    made = read(sandbox, "Pipelines", deal)
    assert read(sandbox, "Tasks", task)["What_Id"]["id"] == str(company)
    assert (made["Contact_Name"]["id"], made["Owner"]["id"]) == (str(contact), str(owner))
    assert made["Pipeline"]["id"] == partners["id"]


def test_rows_of_a_subform_are_named_by_numbers_too(sandbox):
    """The row is changed, not appended."""
    product = int(insert(sandbox, "Products", Product_Name="Lamp"))
    row = {"Product": {"id": product}, "Quantity": 1}
    deal = insert(
        sandbox,
        "Pipelines",
        Deal_Name="Lamps",
        Sub_Pipeline="Inbound",
        Stage="Proposal",
        Associated_Products=[row],
    )
    (before,) = read(sandbox, "Pipelines", deal)["Associated_Products"]

    send(
        sandbox,
        "PUT",
        "/Pipelines",
        {"id": deal, "Associated_Products": [{"id": int(before["id"]), "Quantity": 5}]},
    )

    (after,) = read(sandbox, "Pipelines", deal)["Associated_Products"]
    assert (after["id"], after["Quantity"], after["Product"]["id"]) == (before["id"], 5, str(product))


def test_a_number_that_no_record_has_is_refused_as_a_text_is(sandbox):
    """Taking numbers must not mean taking anything."""
    entry = refusal(
        sandbox, "Notes", Note_Content="A", Parent_Id={"module": {"api_name": "Contacts"}, "id": 7}
    )

    assert (entry["code"], entry["details"]["api_name"]) == ("INVALID_DATA", "Parent_Id")


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/Contacts", {"fields": "Last_Name"}),
        ("/Contacts/search", {"word": "example"}),
        ("/Contacts/deleted", {}),
        ("/users", {}),
        ("/settings/custom_views", {"module": "Contacts"}),
    ],
)
def test_page_zero_is_the_first_page(sandbox, path, params):
    """FACTS 7.20: an answer, not a 400."""
    sandbox.settings(search_lag_seconds=0)

    zeroth = sandbox.api("GET", path, params={**params, "page": 0, "per_page": 2})
    first = sandbox.api("GET", path, params={**params, "page": 1, "per_page": 2})

    assert (zeroth.status_code, first.status_code) == (200, 200)
    entries, _info = zeroth.json()
    assert zeroth.json()[entries] == first.json()[entries]
    assert zeroth.json()["info"]["page"] == 1


def test_a_page_below_zero_is_refused(sandbox):
    """What is asked for there nobody knows."""
    answer = sandbox.api("GET", "/Contacts", params={"fields": "Last_Name", "page": -1})

    assert (answer.status_code, answer.json()["details"]["param_name"]) == (400, "page")


@pytest.mark.parametrize("path", ["/Tasks", "/Tasks/search"])
def test_a_field_with_a_blank_in_its_name_is_just_absent(sandbox, path):
    """FACTS 7.20 and 4: a name that the module lacks gives no error."""
    sandbox.settings(search_lag_seconds=0)

    answer = sandbox.api("GET", path, params={"fields": "Subject,Due Date", "word": "quote"})

    assert answer.status_code == 200
    assert {*answer.json()["data"][0]} == {"id", "Subject"}


def test_a_written_field_with_a_blank_in_its_name_is_dropped(sandbox):
    """FACTS 5: unknown fields are dropped without a word."""
    task = insert(sandbox, "Tasks", **{"Subject": "A", "Due Date": "2026-12-01"})

    assert read(sandbox, "Tasks", task)["Due_Date"] is None
