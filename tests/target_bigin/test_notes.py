"""A stream of notes: each hangs on its parent."""

from __future__ import annotations

import pytest
from support.target import record, records, schema

NOTES = schema("Notes", "Note_Title", "Note_Content", "Parent_Id")


def notes(sandbox):
    return {
        each["Note_Title"]: each["Parent_Id"]
        for each in sandbox.dump("Notes")
        if (each["Note_Title"] or "").startswith("Test")
    }


@pytest.mark.parametrize("module", ["Contacts", "Accounts", "Pipelines"])
def test_a_note_hangs_on_its_parent_however_the_module_is_named(sandbox, target, module):
    """Beside the id, inside the link, or not at all: then the id is looked for."""
    parent = sandbox.dump(module)[0]["id"]
    rows = [
        {"Note_Title": "Test 1", "Parent_Id": {"id": parent, "module": {"api_name": module}}},
        {"Note_Title": "Test 2", "Parent_Id": parent, "$se_module": module},
        {"Note_Title": "Test 3", "Parent_Id": parent},
    ]

    run = target(
        [NOTES, *records("Notes", [{**row, "Note_Content": "Called."} for row in rows])],
        default_operation="insert",
    )

    assert run.error is None
    assert {title: link["id"] for title, link in notes(sandbox).items()} == {
        row["Note_Title"]: parent for row in rows
    }


def test_a_parent_is_found_by_what_a_person_knows(sandbox, target):
    """A note for a contact by e-mail, who comes later in the same pipe."""
    lookups = {"Parent_Id": {"match_on": "Email", "module": "Contacts"}}

    run = target(
        [
            NOTES,
            record("Notes", Note_Title="Test 1", Note_Content="Called.", Parent_Id="berg@example.org"),
            schema("Contacts", "Last_Name", "Email", key=["Email"]),
            record("Contacts", Last_Name="Berg", Email="berg@example.org"),
        ],
        streams={"Notes": {"operation": "insert", "lookups": lookups}},
    )

    assert run.error is None
    assert notes(sandbox)["Test 1"]["name"] == "Berg"


@pytest.mark.parametrize("on_missing", ["reject", "null"])
def test_a_note_without_a_parent_is_rejected(sandbox, target, on_missing):
    """A note hangs on something: it cannot be left empty."""
    lookups = {"Parent_Id": {"match_on": "Email", "module": "Contacts", "on_missing": on_missing}}

    run = target(
        [NOTES, record("Notes", Note_Title="Test 1", Note_Content="Called.", Parent_Id="nobody@example.org")],
        streams={"Notes": {"operation": "insert", "lookups": lookups}},
    )

    assert notes(sandbox) == {}
    assert [(reject["kind"], reject["field"]) for reject in run.rejects] == [("unmatched", "Parent_Id")]


def test_a_lost_answer_makes_no_second_note(sandbox, target):
    """COQL knows no notes, so what became of them is read from their list, texts and all."""
    parent = sandbox.dump("Contacts")[0]["id"]
    texts = ["Called.", "Called.", "Called again,\ntwice.", "x" * 1000]
    rows = [
        {"Note_Title": f"Test {n}", "Note_Content": text, "Parent_Id": parent, "$se_module": "Contacts"}
        for n, text in enumerate(texts)
    ]
    before = sandbox.count("Notes")
    sandbox.fault("POST /Notes", lose_response=True, times=1)

    run = target([NOTES, *records("Notes", rows)], default_operation="insert")

    assert run.error is None
    assert sandbox.count("Notes") == before + len(rows)
    assert run.outcomes("Notes") == {"inserted": len(rows)}
