"""What a run spent, and what it may."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import pytest

from bigin_api import Call, CreditBudgetReached
from bigin_api.http.meter import Meter, ServerClock
from bigin_api.limits import tag_credits, write_credits

LIST = Call("GET", "/Contacts", endpoint="list", module="Contacts")
TWO_DAYS = timedelta(days=2)  # our clock is wrong by no more, and servers' differ by no more
WRITE = Call("POST", "/Contacts", endpoint="insert", module="Contacts", label="people", credits=10)


@pytest.mark.parametrize(("records", "price"), [(1, 1), (10, 1), (11, 2), (99, 10), (100, 10)])
def test_writes_cost_one_credit_per_ten_records(records, price):
    """The price of a call is known before it is sent: the budget depends on it."""
    assert write_credits(records) == price


@pytest.mark.parametrize(("records", "price"), [(1, 1), (50, 1), (51, 2), (500, 10)])
def test_tags_cost_one_credit_per_fifty_records(records, price):
    """The same for tags."""
    assert tag_credits(records) == price


def test_spending_is_told_by_endpoint_and_by_stream():
    """A person who wonders where the day's credits went finds the stream and the kind of call."""
    meter = Meter()

    for call in (LIST, LIST, WRITE, Call("GET", "/org")):
        meter.charge(call)

    spent = meter.spent()
    assert (spent.calls, spent.credits) == (4, 13)
    assert spent.by_endpoint == {"list": 2, "insert": 10, "other": 1}
    assert spent.by_label == {"Contacts": 2, "people": 10, "": 1}
    assert spent.calls_by_label == {"Contacts": 2, "people": 1, "": 1}


def test_the_budget_is_never_overspent():
    """The call that would break the budget is not sent, a cheaper one still may be."""
    meter = Meter(budget=11)
    meter.charge(LIST)
    meter.charge(LIST)

    with pytest.raises(
        CreditBudgetReached, match=r"credit_budget of 11.*2 credits are spent.*10 more"
    ) as raised:
        meter.charge(WRITE)
    meter.charge(LIST)

    assert raised.value.module == "Contacts"
    assert meter.spent().credits == 3


class Slow:
    """A call at whose price another thread takes over."""

    endpoint = module = label = what = "slow"

    @property
    def credits(self) -> int:
        time.sleep(0.001)
        return 1


def test_many_threads_spend_exactly_the_budget():
    """Check and charge are one step: two threads cannot both take the last credit, and none gets lost."""
    meter, told = Meter(budget=10), []

    def charge(_: int) -> bool:
        try:
            meter.charge(Slow())
        except CreditBudgetReached:
            return False
        told.append(meter.spent())
        return True

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(charge, range(20))) == 10
        assert meter.credits == 10
        list(pool.map(lambda _: meter.refund(Slow()), range(10)))

    assert meter.spent().by_label == {"slow": 0}
    assert all(each.calls == each.credits == each.by_endpoint["slow"] for each in told)


def test_what_never_reached_bigin_costs_nothing():
    """A connection that was refused is not on Bigin's bill, so it must not be on ours."""
    meter = Meter(budget=10)
    meter.charge(WRITE)

    meter.refund(WRITE)
    meter.charge(WRITE)

    assert (meter.spent().calls, meter.spent().credits) == (1, 10)
    assert meter.spent().by_label == {"people": 10}


def test_what_remains_is_what_the_server_said_last():
    """Most answers do not say what remains: that is no news, not zero."""
    meter = Meter()
    meter.note_remaining(2400)

    meter.note_remaining(None)

    assert meter.spent().remaining == 2400


def test_the_time_is_at_least_that_of_the_slowest_server():
    """A record is dated by the server that wrote it: looked for from a later moment, it is not found."""
    clock, now, minute = ServerClock(), datetime.now(timezone.utc), timedelta(minutes=1)

    def differs(from_now: timedelta) -> bool:
        return abs(clock.at_least() - now - from_now) > minute / 2

    assert not differs(-TWO_DAYS)
    assert (clock.latest, clock.doubt) == (None, 2 * TWO_DAYS.total_seconds())

    for said in (now - minute, None, now + 2 * minute, now):
        clock.note(said)
    assert not differs(-minute)
    assert (clock.latest, round(clock.doubt / 60)) == (now, 3)

    clock.note(now - timedelta(days=30))  # a clock that is not set
    clock.note(now)
    assert not differs(-TWO_DAYS)
    assert round(clock.doubt) == TWO_DAYS.total_seconds()
