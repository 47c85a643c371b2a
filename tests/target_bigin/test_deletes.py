"""Deletions: only what was asked for, never a module by mistake."""

from __future__ import annotations

import pytest
from support.target import record, records, schema, state

CONTACTS = schema("Contacts", "id", "_sdc_deleted_at", key=["id"])
GONE = {"_sdc_deleted_at": "2026-05-14T00:00:00Z"}
EMAILS = schema("Contacts", "Last_Name", "Email", key=["Email"])


def ids(sandbox, module="Contacts"):
    return [each["id"] for each in sandbox.dump(module)]


def test_a_tombstone_is_ignored_unless_deletions_are_asked_for(sandbox, target):
    """Whoever did not ask for deletions must not lose a record by a tap's tombstones."""
    there = ids(sandbox)

    run = target([CONTACTS, record("Contacts", id=there[0], **GONE)])

    assert ids(sandbox) == there
    assert run.error is None


def test_tombstones_delete_where_asked_for(sandbox, target):
    """By id, and only those."""
    there = ids(sandbox)

    run = target(
        [CONTACTS, *records("Contacts", [{"id": each, **GONE} for each in there[:5]])], deletes="delete"
    )

    assert ids(sandbox) == there[5:]
    assert run.outcomes("Contacts") == {"deleted": 5}


def test_a_stream_may_delete_by_key(sandbox, target):
    """operation: delete with what a person knows: the id is found first."""
    there = [each["Email"] for each in sandbox.dump("Contacts") if each["Email"]]

    run = target(
        [EMAILS, *records("Contacts", [{"Email": each.upper()} for each in there[:5]])],
        streams={"Contacts": {"operation": "delete"}},
    )

    assert run.outcomes("Contacts") == {"deleted": 5}
    assert [each["Email"] for each in sandbox.dump("Contacts") if each["Email"]] == there[5:]


def test_a_deletion_that_is_repeated_is_done(sandbox, target):
    """Bigin calls it an error; nothing is left to do."""
    there = ids(sandbox)
    messages = [CONTACTS, *records("Contacts", [{"id": each, **GONE} for each in there[:5]])]
    target(messages, deletes="delete")

    run = target(messages, deletes="delete")

    assert run.error is None
    assert run.outcomes("Contacts") == {"deleted": 5}
    assert ids(sandbox) == there[5:]


def test_more_than_a_quarter_of_a_module_is_not_deleted(sandbox, target):
    """A source that was emptied by mistake must not empty Bigin: nothing is deleted, all else is written."""
    there = ids(sandbox)
    sandbox.clock(advance=3600)  # so that the count, which lags, is of today
    many = there[: len(there) // 4 + 1]
    messages = [
        CONTACTS,
        *records("Contacts", [{"id": each, **GONE} for each in many]),
        EMAILS,
        record("Contacts", Last_Name="Berg", Email="berg@example.org"),
        state({"at": 1}),
    ]

    run = target(messages, deletes="delete")

    assert ids(sandbox)[: len(there)] == there
    assert len(run.rejects) == len(many)
    assert {reject["code"] for reject in run.rejects} == {"MASS_DELETE"}
    assert "allow_mass_delete" in run.rejects[0]["message"]
    assert run.outcomes("Contacts")["inserted"] == 1
    assert run.error is not None


def test_a_quarter_may_go_and_all_if_that_is_allowed(sandbox, target):
    """The brake is for surprises, not for decisions."""
    there = ids(sandbox)
    sandbox.clock(advance=3600)
    quarter = there[: len(there) // 4]

    first = target(
        [CONTACTS, *records("Contacts", [{"id": each, **GONE} for each in quarter])], deletes="delete"
    )
    rest = target(
        [CONTACTS, *records("Contacts", [{"id": each, **GONE} for each in ids(sandbox)])],
        deletes="delete",
        streams={"Contacts": {"allow_mass_delete": True}},
    )

    assert first.outcomes("Contacts") == {"deleted": len(quarter)}
    assert rest.error is None
    assert ids(sandbox) == []


def test_order_is_kept_around_a_deletion(sandbox, target):
    """Updated, deleted, come back: the record of the end is a new one, with the last values."""
    row = {"Last_Name": "Berg", "Email": "berg@example.org"}
    target([EMAILS, record("Contacts", **row)])
    (old,) = [each["id"] for each in sandbox.dump("Contacts") if each["Email"] == row["Email"]]

    run = target(
        [
            EMAILS,
            record("Contacts", **row, Title="Engineer"),
            record("Contacts", **row, **GONE),
            record("Contacts", **row, Title="Director"),
        ],
        deletes="delete",
    )

    assert run.error is None
    (new,) = [each for each in sandbox.dump("Contacts") if each["Email"] == row["Email"]]
    assert new["id"] != old
    assert new["Title"] == "Director"
    assert old in {each["id"] for each in sandbox.deleted("Contacts")}


def test_what_is_deleted_by_key_and_not_there_is_unmatched(sandbox, target):
    """A key that means nobody is worth a look; nothing was deleted."""
    there = ids(sandbox)

    run = target([EMAILS, record("Contacts", Email="nobody@example.org", **GONE)], deletes="delete")

    assert ids(sandbox) == there
    assert [reject["kind"] for reject in run.rejects] == ["unmatched"]


@pytest.mark.parametrize("first", [None, 1])
def test_a_new_version_deletes_what_it_lacks(sandbox, target, tmp_path, first):
    """Some taps send ACTIVATE_VERSION before the version's records, some after: the end decides."""
    settings = {
        "deletes": "delete",
        "id_map_path": str(tmp_path / "ids.jsonl"),
        "streams": {"Contacts": {"allow_mass_delete": False}},
    }
    others = ids(sandbox)
    rows = [{"Last_Name": f"Berg {n}", "Email": f"berg{n}@example.org"} for n in range(8)]

    def version(number, rows):
        active = {"type": "ACTIVATE_VERSION", "stream": "Contacts", "version": number}
        sent = records("Contacts", rows)
        return [EMAILS, active, *sent] if first else [EMAILS, *sent, active]

    target(version(1, rows), **settings)
    sandbox.clock(advance=3600)
    again = target(version(1, rows[:7]), **settings)
    same_version = sandbox.count("Contacts")
    run = target(version(2, rows[:6]), **settings)

    assert again.error is None
    assert same_version == len(others) + 8
    assert run.error is None
    assert {each["Last_Name"] for each in sandbox.dump("Contacts") if each["id"] not in others} == {
        f"Berg {n}" for n in range(6)
    }


def test_a_new_version_without_an_id_map_deletes_nothing(sandbox, target):
    """What this stream wrote before nobody knows, and what others wrote is not its business."""
    there = ids(sandbox)

    run = target([EMAILS, {"type": "ACTIVATE_VERSION", "stream": "Contacts", "version": 2}], deletes="delete")

    assert ids(sandbox) == there
    assert run.said("ACTIVATE_VERSION deletes nothing")
