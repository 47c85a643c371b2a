"""The ledger: each record ends once, and no state goes out ahead of its records."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_bigin.records.ledger import Ledger
from target_bigin.records.record import Record, Reject

NO = Reject("rejected", "INVALID_DATA", "no")


def ledger_with(count):
    ledger = Ledger(lambda _record, _reject: None)
    account = ledger.account("s")
    return ledger, [Record(ledger.read(account), "s", {}) for _ in range(count)]


def test_a_state_waits_for_every_record_before_it():
    """Otherwise a tap would go on behind a record that was never written."""
    ledger, first = ledger_with(2)
    ledger.queue_state({"at": 2})
    third = Record(ledger.read(ledger.account("s")), "s", {})

    ledger.end(third, "inserted")
    ledger.end(first[1], "inserted")
    assert ledger.due_state() is None
    ledger.end(first[0], NO)

    assert ledger.due_state() == {"at": 2}
    assert ledger.due_state() is None


def test_only_the_latest_of_several_due_states_goes_out():
    """The others say less."""
    ledger, records = ledger_with(1)
    for value in ("a", "b"):
        ledger.queue_state(value)
    ledger.end(records[0], "updated")

    assert ledger.due_state() == "b"


def test_how_far_a_state_covers_is_known_when_it_goes_out():
    """What was noted about those records has served; of later ones it must be kept."""
    ledger, records = ledger_with(2)
    before = ledger.stated_up_to, ledger.covered_up_to
    ledger.queue_state("a")
    later = Record(ledger.read(ledger.account("s")), "s", {})
    for record in (*records, later):
        ledger.end(record, "inserted")

    assert (before, ledger.stated_up_to, ledger.covered_up_to) == ((0, 0), 2, 0)
    assert ledger.due_state() == "a"
    assert (ledger.stated_up_to, ledger.covered_up_to) == (2, 2)


def test_a_state_waits_for_no_later_one():
    """What is between them may be open for long."""
    ledger, (first,) = ledger_with(1)
    ledger.queue_state("a")
    ledger.read(ledger.account("s"))
    ledger.queue_state("b")

    ledger.end(first, "updated")

    assert ledger.due_state() == "a"


def test_how_each_record_ended_is_told_once():
    """To whoever keeps the reasons, and to whoever looks for what replaced an earlier one."""
    told = []
    ledger = Ledger(
        lambda record, reject: told.append((record, reject)),
        on_good=lambda record, action: told.append((record, action)),
    )
    account = ledger.account("s")
    records = [Record(ledger.read(account), "s", {}) for _ in range(4)]
    begun = time.monotonic()

    for place, outcome in ((2, NO), (0, "inserted"), (3, "merged")):
        ledger.end(records[place], outcome)

    assert told == [(records[2], NO), (records[0], "inserted"), (records[3], "merged")]
    assert (ledger.open, ledger.taken, ledger.rejected) == (1, 4, 1)
    assert account.examples == {("rejected", "INVALID_DATA", None): (3, NO)}
    assert begun <= account.ended <= time.monotonic()


def test_a_record_ends_once():
    """A second end would hide that another record has none."""
    ledger, records = ledger_with(4)
    for place in (0, 1, 3):
        ledger.end(records[place], "inserted")

    for record in (records[0], records[1], records[3], Record(5, "s", {})):
        with pytest.raises(RuntimeError):
            ledger.end(record, "inserted")


def test_an_account_that_does_not_balance_is_named():
    """Read = written + unchanged + rejected, or something was forgotten."""
    ledger, records = ledger_with(2)
    ledger.end(records[0], "inserted")

    assert ledger.imbalance() == ["s: read 2, settled 1"]


@given(st.permutations(range(30)), st.sets(st.integers(0, 30)))
def test_whatever_the_order_no_state_is_ahead(order, states):
    """Calls land in any order."""
    ledger = Ledger(lambda _record, _reject: None)
    account = ledger.account("s")
    records = []
    for number in range(31):
        if number in states:
            ledger.queue_state(number)
        if number < 30:
            records.append(Record(ledger.read(account), "s", {}))
    ended = set()
    latest = -1
    for place in order:
        ledger.end(records[place], "inserted")
        ended.add(place)
        due = ledger.due_state()
        if due is not None:
            assert due > latest
            assert set(range(due)) <= ended
            latest = due
    assert (ledger.open, ledger.taken) == (0, 30)
    assert latest == max(states, default=-1)
