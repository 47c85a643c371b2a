"""Notes: written at the record, or in a list with their parent named. FACTS 5; write.md 9."""

from __future__ import annotations

import pytest
from support.writing import codes, credits_of, exists, insert, read, refusal, send

NOBODY = "6100000000000999999"


@pytest.fixture(autouse=True)
def empty(sandbox):
    sandbox.reset(size="empty")


@pytest.fixture
def contact(sandbox):
    """A contact's id."""
    return insert(sandbox, "Contacts", Last_Name="Berg")


def test_a_note_is_written_at_its_record(sandbox, contact):
    """Without a parent in the body: 201."""
    status, entries = send(
        sandbox, "POST", f"/Contacts/{contact}/Notes", {"Note_Content": "Call"}, {"Note_Content": "B"}
    )

    assert (status, [entry["message"] for entry in entries]) == (201, ["record added"] * 2)
    parent = read(sandbox, "Notes", entries[0]["details"]["id"])["Parent_Id"]
    assert (parent["id"], parent["name"], parent["module"]["api_name"]) == (contact, "Berg", "Contacts")


@pytest.mark.parametrize("form", ["object", "plain", "dollar"])
def test_a_note_names_its_parent_in_every_form(sandbox, contact, form):
    """The newer form, the older one, and the older one as other modules spell it."""
    parent = {
        "object": {"Parent_Id": {"module": {"api_name": "Contacts"}, "id": contact}},
        "plain": {"Parent_Id": contact, "se_module": "Contacts"},
        "dollar": {"Parent_Id": {"id": contact}, "$se_module": "Contacts"},
    }[form]

    record_id = insert(sandbox, "Notes", Note_Title="T", Note_Content="Call", **parent)

    note = read(sandbox, "Notes", record_id)
    assert (note["Note_Title"], note["Note_Content"], note["Parent_Id"]["id"]) == ("T", "Call", contact)
    listed = sandbox.api("GET", f"/Contacts/{contact}/Notes", params={"fields": "Note_Content"}).json()[
        "data"
    ]
    assert [note["id"] for note in listed] == [record_id]


def test_what_is_read_of_a_parent_can_be_written(sandbox, contact):
    """A copy of a note keeps the form of its parent."""
    first = insert(sandbox, "Notes", Note_Content="A", Parent_Id=contact, se_module="Contacts")

    second = insert(sandbox, "Notes", Note_Content="B", Parent_Id=read(sandbox, "Notes", first)["Parent_Id"])

    assert read(sandbox, "Notes", second)["Parent_Id"] == read(sandbox, "Notes", first)["Parent_Id"]


@pytest.mark.parametrize(
    ("values", "code", "field"),
    [
        ({"Note_Content": "A"}, "MANDATORY_NOT_FOUND", "Parent_Id"),
        ({"Parent_Id": "{contact}", "se_module": "Contacts"}, "MANDATORY_NOT_FOUND", "Note_Content"),
        ({"Note_Content": "A", "Parent_Id": "{contact}"}, "MANDATORY_NOT_FOUND", "$se_module"),
        ({"Note_Content": "A", "Parent_Id": NOBODY, "se_module": "Contacts"}, "INVALID_DATA", "Parent_Id"),
        (
            {"Note_Content": "A", "Parent_Id": "{contact}", "se_module": "Accounts"},
            "INVALID_DATA",
            "Parent_Id",
        ),
    ],
)
def test_a_note_without_content_or_parent_is_refused(sandbox, contact, values, code, field):
    """Its parent must live where the note says."""
    filled = {name: value.format(contact=contact) for name, value in values.items()}

    entry = refusal(sandbox, "Notes", **filled)

    assert (entry["code"], entry["details"]["api_name"]) == (code, field)
    if code == "INVALID_DATA":
        assert entry["message"] == "the related id given seems to be invalid"


def test_notes_at_an_unknown_record_are_refused_flat(sandbox):
    """The address is wrong, not a note."""
    answer = sandbox.api("POST", f"/Contacts/{NOBODY}/Notes", json={"data": [{"Note_Content": "A"}]})

    assert answer.status_code == 400
    assert answer.json()["details"] == {"resource_path_index": 1}
    assert answer.json()["message"] == "the related id given seems to be invalid"


def test_a_note_is_changed_and_deleted_like_any_record(sandbox, contact):
    """By one id or in a list."""
    one, two = (
        insert(sandbox, "Notes", Note_Content=text, Parent_Id=contact, se_module="Contacts") for text in "AB"
    )

    status, _ = send(sandbox, "PUT", f"/Notes/{one}", {"Note_Content": "C"})
    deleted = sandbox.api("DELETE", "/Notes", params={"ids": f"{one},{two}"})

    assert (status, deleted.status_code) == (200, 200)
    assert not exists(sandbox, "Notes", one)


def test_a_changed_note_keeps_its_parent(sandbox, contact):
    """Its content alone was sent."""
    record_id = insert(sandbox, "Notes", Note_Content="A", Parent_Id=contact, se_module="Contacts")

    send(sandbox, "PUT", "/Notes", {"id": record_id, "Note_Content": "B"})

    note = read(sandbox, "Notes", record_id)
    assert (note["Note_Content"], note["Parent_Id"]["id"]) == ("B", contact)


def test_notes_are_not_unique(sandbox, contact):
    """A repeated insert doubles them: never repeat it blindly."""
    note = {"Note_Content": "A", "Parent_Id": contact, "se_module": "Contacts"}

    _, entries = send(sandbox, "POST", "/Notes", note, note)

    assert codes(entries) == ["SUCCESS"] * 2


def test_a_deleted_record_takes_its_notes_along(sandbox, contact):
    """A note has no life of its own."""
    record_id = insert(sandbox, "Notes", Note_Content="A", Parent_Id=contact, se_module="Contacts")

    sandbox.api("DELETE", f"/Contacts/{contact}")

    assert not exists(sandbox, "Notes", record_id)


def test_ten_notes_cost_one_credit(sandbox, contact):
    """The price is that of inserts."""
    send(sandbox, "POST", f"/Contacts/{contact}/Notes", *([{"Note_Content": "A"}] * 11))

    assert credits_of(sandbox, "POST /Contacts/{id}/Notes") == 2
