"""ACTIVATE_VERSION: what it may delete, and what stops it."""

from __future__ import annotations

import pytest
from support.target import records, schema

CONTACTS = schema("Contacts", "Last_Name", "Email", key=["Email"])
PEOPLE = [{"Last_Name": f"Berg {n}", "Email": f"berg{n}@example.org"} for n in range(8)]


@pytest.fixture(autouse=True)
def empty(sandbox):
    sandbox.reset(size="empty")


@pytest.fixture
def write(sandbox, target, tmp_path):
    """``write(rows, version=2)`` sends the stream, and waits until Bigin's count, which lags, is right."""

    def run(rows, *, version=None, **settings):
        active = [{"type": "ACTIVATE_VERSION", "stream": "Contacts", "version": version}] if version else []
        ended = target(
            [CONTACTS, *records("Contacts", rows), *active],
            deletes="delete",
            id_map_path=str(tmp_path / "ids.jsonl"),
            **settings,
        )
        sandbox.clock(advance=3600)
        return ended

    return run


def test_the_first_version_of_a_stream_deletes_nothing(sandbox, write):
    """What earlier runs brought without a version was never said to be all there is."""
    write(PEOPLE)

    run = write(PEOPLE[:6], version=1)

    assert run.error is None
    assert sandbox.count("Contacts") == 8


@pytest.mark.parametrize(("kept", "left"), [(6, 6), (5, 8)])
def test_a_new_version_may_delete_a_quarter_of_the_module(sandbox, write, kept, left):
    """A source that was emptied by mistake must not empty Bigin, by whatever message."""
    write(PEOPLE, version=1)

    run = write(PEOPLE[:kept], version=2)

    assert sandbox.count("Contacts") == left
    assert run.accounts["Contacts"].notes["deleted, for the stream's new version lacks them"] == 8 - left
    assert ("allow_mass_delete" in str(run.error)) is (left == 8)


def test_what_the_brake_held_back_goes_once_that_is_allowed(sandbox, write):
    """The version was not taken for complete."""
    write(PEOPLE, version=1)
    write(PEOPLE[:1], version=2)

    run = write(PEOPLE[:1], version=2, streams={"Contacts": {"allow_mass_delete": True}})

    assert run.error is None
    assert [each["Email"] for each in sandbox.dump("Contacts")] == ["berg0@example.org"]


def test_a_refused_deletion_is_tried_again_by_the_next_version(sandbox, write):
    """The record is still there, so it must not be forgotten that the stream brought it."""
    no = {"code": "NO_PERMISSION", "details": {}, "message": "permission denied", "status": "error"}
    write(PEOPLE, version=1)
    sandbox.fault("DELETE /Contacts", status=207, body={"data": [no]})

    refused = write(PEOPLE[:7], version=2)
    there = sandbox.count("Contacts")
    write(PEOPLE[:7], version=3)

    assert refused.accounts["Contacts"].notes["deleted, for the stream's new version lacks them"] == 0
    assert there == 8
    assert sandbox.count("Contacts") == 7


def test_what_somebody_else_has_deleted_is_forgotten(sandbox, write):
    """Otherwise each new version would ask for its deletion once more."""
    write(PEOPLE, version=1)
    sandbox.mutate({"op": "delete", "module": "Contacts", "id": sandbox.dump("Contacts")[7]["id"]})

    for version in (2, 3):
        write(PEOPLE[:7], version=version)

    assert sandbox.calls("DELETE /Contacts") == 1


WIDER = schema("Contacts", "Last_Name", "Email", "Phone", key=["Email"])
ALL_MAY_GO = {"deletes": "delete", "streams": {"Contacts": {"allow_mass_delete": True}}}


@pytest.fixture
def mapped(target, tmp_path):
    """``mapped(messages)``: a stream that may delete all that it wrote before."""

    def run(*messages, **settings):
        return target(messages, **{"id_map_path": str(tmp_path / "ids.jsonl"), **ALL_MAY_GO, **settings})

    return run


def active(version, stream="Contacts"):
    return {"type": "ACTIVATE_VERSION", "stream": stream, "version": version}


@pytest.mark.parametrize("brought_before", [4, 8])
def test_a_schema_that_changes_among_the_records_forgets_none(sandbox, mapped, brought_before):
    """Taps widen a SCHEMA on the way: what came before it was taken for left out, and deleted."""
    mapped(CONTACTS, *records("Contacts", PEOPLE), active(1))
    first, last = PEOPLE[:brought_before], PEOPLE[brought_before:]

    run = mapped(CONTACTS, *records("Contacts", first), WIDER, *records("Contacts", last), active(2))

    assert run.error is None
    assert sandbox.count("Contacts") == 8


def test_a_version_that_goes_on_under_another_schema_deletes_nothing(sandbox, mapped):
    """The message was not the stream's last word, though its SCHEMA came once more after it."""
    mapped(CONTACTS, *records("Contacts", PEOPLE), active(1))

    mapped(CONTACTS, *records("Contacts", PEOPLE[:2]), active(2), WIDER, *records("Contacts", PEOPLE[2:3]))

    assert sandbox.count("Contacts") == 8


@pytest.mark.parametrize(("settings", "left"), [({"streams": {}}, 8), ({}, 0)])
def test_a_version_without_any_record_is_believed_only_if_all_may_go(sandbox, mapped, settings, left):
    """A source that says its version first and dies before its first record looks like an empty one."""
    mapped(CONTACTS, *records("Contacts", PEOPLE), active(1))
    sandbox.create("Contacts", Last_Name="Other")
    for number in range(30):  # so that eight are less than a quarter
        sandbox.create("Contacts", Last_Name=f"Other {number}")
    sandbox.clock(advance=3600)

    run = mapped(CONTACTS, active(2), **settings)

    assert sandbox.count("Contacts") - 31 == left
    assert bool(run.said("no record of it came")) is (left == 8)


def test_a_record_that_another_row_still_stands_for_stays(sandbox, mapped):
    """Two rows of the source are one contact here; the new version has one of them."""
    by_email = {"streams": {"Contacts": {"duplicate_check_fields": ["Email"], "allow_mass_delete": True}}}
    twins = [{"no": number, "Last_Name": "Berg", "Email": "berg@example.org"} for number in (1, 2)]
    numbers = schema("Contacts", "Last_Name", "Email", key=["no"])
    mapped(numbers, *records("Contacts", twins), active(1), **by_email)

    mapped(numbers, *records("Contacts", twins[:1]), active(2), **by_email)

    assert [each["Email"] for each in sandbox.dump("Contacts")] == ["berg@example.org"]


def test_a_record_that_another_stream_has_written_stays(sandbox, mapped):
    """The shop no longer has her, the ticket system still does."""
    both = {"streams": {"*": {"module": "Contacts", "allow_mass_delete": True}}}
    shop, tickets = (schema(stream, "Last_Name", key=["Email"]) for stream in ("shop", "tickets"))
    mapped(shop, *records("shop", PEOPLE[:2]), active(1, "shop"), **both)
    mapped(tickets, *records("tickets", PEOPLE[1:2]), active(1, "tickets"), **both)

    mapped(shop, *records("shop", PEOPLE[:1]), active(2, "shop"), **both)

    assert {each["Last_Name"] for each in sandbox.dump("Contacts")} == {"Berg 0", "Berg 1"}


def test_a_stream_under_a_new_key_keeps_its_records(sandbox, mapped):
    """The id map knows them by their old keys, which no row has any more."""
    mapped(CONTACTS, *records("Contacts", PEOPLE), active(1))
    rows = [{**row, "no": number} for number, row in enumerate(PEOPLE)]

    mapped(schema("Contacts", "Last_Name", "Email", key=["no"]), *records("Contacts", rows), active(2))

    assert sandbox.count("Contacts") == 8


@pytest.mark.parametrize("version", ["2", None, 2.5, True])
def test_a_version_that_is_no_number_ends_the_run_by_a_line(sandbox, mapped, version):
    """It cannot be compared with the one before, so nothing follows from it."""
    mapped(CONTACTS, *records("Contacts", PEOPLE), active(1))

    run = mapped(CONTACTS, *records("Contacts", PEOPLE[:1]), active(version))

    assert "no whole number" in str(run.error)
    assert sandbox.count("Contacts") == 8
