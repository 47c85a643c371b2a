"""One bad record costs itself: a call refused for its sake is cut until it is alone."""

from __future__ import annotations

import pytest
from support.refusals import BLOCKED, FAILURES, HASTY, POISON, REFUSALS, bad_one, people, refuse
from support.rewriting import Rewritten
from support.target import records, schema, state

from target_bigin.writing import calls

CONTACTS = schema("Contacts", "Last_Name", key=["Email"])


@pytest.mark.parametrize("bad", [0, 17])
@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_a_record_that_is_refused_takes_no_other_along(other, sandbox, target, refusal, bad):
    """Whoever refuses, in whatever words: 29 of 30 are written, and the 30th is told."""
    refuse(other, "/Contacts/upsert", refusal)

    run = target([CONTACTS, *records("Contacts", people(30, bad=bad))])

    assert run.error is None
    assert run.outcomes("Contacts") == {"inserted": 29, "rejected": 1}
    assert run.rejects[0]["record"]["Last_Name"] == POISON


@pytest.mark.parametrize(
    ("failure", "operation"),
    [*((each, "upsert") for each in FAILURES), ("500 in Bigin's words", "insert"), ("no answer", "insert")],
)
def test_a_record_at_which_bigin_fails_takes_no_other_along(other, sandbox, target, failure, operation):
    """A 500 for the sake of one looks like a Bigin that is down; the others go through."""
    refuse(other, "/Contacts(/upsert)?", FAILURES[failure])

    run = target(
        [CONTACTS, *records("Contacts", people(30)), state("end")],
        **HASTY,
        default_operation=operation,
    )

    assert run.error is None
    assert run.outcomes("Contacts") == {"inserted": 29, "rejected": 1}
    assert run.rejects[0]["record"]["Last_Name"] == POISON
    assert sandbox.count("Contacts") == 29
    assert run.states == ["end"]
    assert len(other.asked("/Contacts(/upsert)?")) < 30


def test_an_insert_at_which_bigin_fails_for_a_moment_is_written(other, sandbox, target, monkeypatch):
    """It failed twice with others, alone, and alone once more: it is to blame if the last try fails, too."""
    failed, waits = [], []
    monkeypatch.setattr(calls, "delay_before", lambda attempt: waits.append(attempt) or 0.001)

    def fail(asked):
        if POISON.encode() in asked.body and len(failed) < 4:
            failed.append(asked)
            return FAILURES["500 in Bigin's words"]
        return None

    other.answering("/Contacts", fail)

    run = target(
        [CONTACTS, *records("Contacts", people(3, bad=1))],
        **{**HASTY, "max_retries": 1},
        default_operation="insert",
    )

    assert run.rejects == []
    assert len(failed) == len(other.asked("/coql")) == 4  # each time it is asked whether it was done
    assert waits == [1]
    assert sandbox.count("Contacts") == 3


def test_what_bigin_failed_at_may_have_been_done(other, sandbox, target):
    """It is asked for before any part is sent again: nothing is doubled."""

    def fail(asked, answer):
        if POISON.encode() in asked.body:
            answer.status, answer.body = 500, b"<html>"

    other.changing("/Tasks", fail)
    rows = [{"Subject": POISON if n == 3 else f"Call {n}"} for n in range(20)]

    run = target([schema("Tasks", "Subject"), *records("Tasks", rows)], **HASTY, default_operation="insert")

    assert run.error is None
    assert run.outcomes("Tasks") == {"inserted": 20}
    assert sandbox.count("Tasks") == 20


@pytest.mark.parametrize("is_done", [True, False])
@pytest.mark.parametrize("body", [b"{}", b"<html>Bad request</html>"], ids=["empty", "of a proxy"])
def test_an_insert_that_is_refused_without_a_word_of_bigins_may_have_been_done(
    other, sandbox, target, body, is_done
):
    """What says no code is no judgement: it is asked for, once, before anything is sent again."""
    before, refused = sandbox.count("Tasks"), []

    def refuse_once(asked, answer=None):
        if asked.method != "POST" or refused:
            return None
        refused.append(asked)
        if answer is None:
            return Rewritten(400, body)
        answer.status, answer.body = 400, body
        return None

    (other.changing if is_done else other.answering)("/Tasks", refuse_once)
    rows = [{"Subject": f"Call {n}"} for n in range(8)]

    run = target([schema("Tasks", "Subject"), *records("Tasks", rows)], default_operation="insert", **HASTY)

    assert run.error is None
    assert run.outcomes("Tasks") == {"inserted": 8}
    assert sandbox.count("Tasks") == before + 8
    assert len(other.asked("/coql")) == 1


@pytest.mark.parametrize("count", [1, 30])
@pytest.mark.parametrize("operation", ["upsert", "insert"])
def test_a_bigin_that_is_down_ends_the_run_soon(other, target, count, operation):
    """Nothing goes through, so nobody is to blame: nothing is rejected, and no state goes out."""
    refuse(other, "/Contacts(/upsert)?", FAILURES["502 of a proxy"], poison=lambda: "Last_Name")

    run = target(
        [CONTACTS, *records("Contacts", people(count)), state("end")],
        **HASTY,
        default_operation=operation,
    )

    assert "HTTP 502" in str(run.error)
    assert (run.rejects, run.states) == ([], [])
    assert len(other.asked("/Contacts(/upsert)?")) < 12


def test_a_record_that_had_a_call_of_its_own_is_to_blame_if_others_go_through(other, target):
    """The thirtieth of calls of ten and nine: what went through before tells that the kind works."""
    refuse(other, "/Contacts/upsert", FAILURES["502 of a proxy"])

    run = target([CONTACTS, *records("Contacts", people(21, bad=20)), state("end")], **HASTY, batch_size=10)

    assert run.error is None
    assert run.outcomes("Contacts") == {"inserted": 20, "rejected": 1}


@pytest.mark.parametrize("operation", ["upsert", "insert"])
def test_the_only_record_of_a_stream_is_to_blame_if_others_are_written(other, target, operation):
    """Each run would end at it, and its state never move on, for one contact that changed beside a company."""
    refuse(other, "/Contacts(/upsert)?", FAILURES["502 of a proxy"])
    company = [schema("Accounts", key=["Account_Name"]), *records("Accounts", [{"Account_Name": "Fjord"}])]
    contacts = schema("Contacts", "Last_Name", "Account_Name", key=["Email"])
    contact = [{**person, "Account_Name": "Fjord"} for person in people(1, bad=0)]  # it waits for its company

    run = target(
        [*company, contacts, *records("Contacts", contact), state("end")],
        **HASTY,
        default_operation=operation,
        streams={"Contacts": {"lookups": {"Account_Name": {"match_on": "Account_Name"}}}},
    )

    assert run.error is None
    assert run.outcomes("Accounts") == {"inserted": 1}
    assert run.outcomes("Contacts") == {"rejected": 1}
    assert run.states[-1] == "end"


@pytest.mark.parametrize("operation", ["insert", "update", "delete"])
def test_whatever_is_done_with_the_records(other, sandbox, target, operation):
    """An insert, too: what is refused as a whole was not done."""
    sandbox.settings(count_lag_seconds=0)
    rows = people(30)
    if operation != "insert":
        rows = [{"id": sandbox.create("Contacts", **row), **row} for row in rows]
    refuse(other, "/Contacts", BLOCKED, poison=lambda: bad_one(sandbox) if operation == "delete" else POISON)

    run = target(
        [schema("Contacts", "id", "Last_Name", key=["Email"]), *records("Contacts", rows)],
        default_operation=operation,
        streams={"Contacts": {"allow_mass_delete": True}},
    )

    done = {"insert": "inserted", "update": "updated", "delete": "deleted"}[operation]
    assert run.error is None
    assert run.outcomes("Contacts") == {done: 29, "rejected": 1}
