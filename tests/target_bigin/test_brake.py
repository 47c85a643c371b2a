"""The brake counts what a run deletes: each record once, however often and at whichever moment."""

from __future__ import annotations

import pytest
from support.rewriting import Rewritten
from support.target import record, records, run_target, schema

GONE = {"_sdc_deleted_at": "2026-05-14T00:00:00Z"}
BY_ID = schema("Contacts", "id", "_sdc_deleted_at", key=["id"])
BY_EMAIL = schema("Contacts", "Last_Name", "Email", key=["Email"])


def people(sandbox, count):
    """A module of so many, of which Bigin's count, which lags, knows."""
    sandbox.reset(size="empty")
    rows = [{"Last_Name": f"Berg {n}", "Email": f"berg{n}@example.org"} for n in range(count)]
    made = [{**row, "id": sandbox.create("Contacts", **row)} for row in rows]
    sandbox.clock(advance=3600)
    return made


def test_a_record_that_is_deleted_again_and_again_counts_once(sandbox, target):
    """Taps send tombstones at each run, and some of them twice in one."""
    first, second, *_ = people(sandbox, 8)
    tombstones = [{"id": each["id"], **GONE} for each in (first, second, first, first, second)]

    run = target([BY_ID, *records("Contacts", tombstones)], deletes="delete")

    assert run.error is None
    assert run.outcomes("Contacts") == {"deleted": 5}
    assert sandbox.count("Contacts") == 6


@pytest.mark.parametrize(("count", "outcomes"), [(14, {"deleted": 4}), (8, {"deleted": 2, "invalid": 2})])
def test_what_the_run_has_deleted_before_counts_too(sandbox, target, count, outcomes):
    """Deleted, come back, deleted once more: the second time is decided when the first is done.

    What is gone already counts as if it were still there, on both sides of the quarter.
    """
    rows = [{name: each[name] for name in ("Last_Name", "Email")} for each in people(sandbox, count)[:2]]

    run = target(
        [
            BY_EMAIL,
            *records("Contacts", [{**row, **GONE} for row in rows]),
            *records("Contacts", rows),
            *records("Contacts", [{**row, **GONE} for row in rows]),
        ],
        deletes="delete",
        max_rejects=2,
    )

    assert run.error is None
    assert run.outcomes("Contacts") == {"inserted": 2, **outcomes}


def test_what_cannot_be_counted_is_not_deleted_and_said_with_a_code(other, sandbox, tmp_path):
    """A proxy that refuses the count gives no code of Bigin's; whoever sorts the rejects needs one."""
    somebody, *_ = people(sandbox, 8)
    refusal = Rewritten(400, b"<html>Bad request</html>", {"Content-Type": "text/html"})
    other.answering("/Contacts/actions/count", lambda _asked: refusal)

    run = run_target(
        other,
        tmp_path,
        [BY_ID, record("Contacts", id=somebody["id"], **GONE)],
        deletes="delete",
        max_rejects=1,
    )

    assert [(each["kind"], each["code"]) for each in run.rejects] == [("rejected", "NO_COUNT")]
    assert sandbox.count("Contacts") == 8


def test_the_same_deletion_by_key_is_no_second_one(sandbox, target):
    """What a key means is looked for when the record before it has ended: there is nobody any more."""
    row = people(sandbox, 4)[0]

    run = target(
        [BY_EMAIL, *[record("Contacts", Email=row["Email"], **GONE)] * 2], deletes="delete", max_rejects=1
    )

    assert run.outcomes("Contacts") == {"deleted": 1, "unmatched": 1}


def test_what_companies_take_along_counts_with_what_is_deleted_beside_them(sandbox, target):
    """A quarter of the contacts with their company and a quarter by themselves are half of them.

    Both were counted at once, and each believed that it was alone.
    """
    contacts = people(sandbox, 8)
    companies = [sandbox.create("Accounts", Account_Name=f"Company {n}") for n in range(8)]
    taken_along = {"Account_Name": {"id": companies[0]}}
    sandbox.mutate(
        {
            "op": "edit",
            "module": "Contacts",
            "ids": [each["id"] for each in contacts[:2]],
            "data": taken_along,
        }
    )
    sandbox.clock(advance=3600)
    sandbox.forget_tokens()
    sandbox.fault("GET /Contacts/actions/count", delay_ms=200, times=9)
    entries = [{"module": "Accounts", "id": companies[0]}]
    entries += [{"module": "Contacts", "id": each["id"]} for each in contacts[2:4]]

    run = target(
        [schema("deleted_records", key=["module", "id"]), *records("deleted_records", entries)],
        deletes="delete",
        max_rejects=9,
    )

    assert {each["code"] for each in run.rejects} == {"MASS_DELETE"}
    assert sandbox.count("Contacts") == 6
