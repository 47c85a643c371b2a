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
