"""Calls in flight: never more than allowed, and nobody waits for ever."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from bigin_api import ClientClosed
from bigin_api.http.gate import CALLS_TO_GROW, Gate


class Watched:
    """Counts how many are inside at once."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.now = 0
        self.most = 0
        self.lock = threading.Lock()

    def call(self, *, fail: bool = False) -> None:
        with self.gate(urgent=False):
            with self.lock:
                self.now += 1
                self.most = max(self.most, self.now)
            time.sleep(0.0005)
            with self.lock:
                self.now -= 1
            if fail:
                raise ZeroDivisionError


@pytest.mark.parametrize("limit", [1, 3, 10])
def test_never_more_inside_than_allowed(limit):
    """Bigin counts calls in flight for the whole organisation: one too many is a 429 for somebody."""
    watched = Watched(Gate(limit))

    with ThreadPoolExecutor(50) as pool:
        for each in [pool.submit(watched.call) for _ in range(400)]:
            each.result()

    assert watched.most == limit
    assert watched.gate.inside == 0


def test_exceptions_give_their_place_back():
    """A place lost to each failure would end in a run that stands still."""
    watched = Watched(Gate(2))

    with ThreadPoolExecutor(20) as pool:
        tries = [pool.submit(watched.call, fail=number % 2 == 0) for number in range(200)]
        failed = sum(isinstance(each.exception(), ZeroDivisionError) for each in tries)

    assert failed == 100
    assert watched.gate.inside == 0
    with watched.gate(urgent=False):
        assert watched.gate.inside == 1


def test_shrinking_and_growing_under_load_neither_blocks_nor_overfills():
    """The gate moves while fifty threads push: all get through, none beside it."""
    gate = Gate(10)
    watched = Watched(gate)

    def work(number: int) -> None:
        with gate(urgent=False) as seen:
            pass
        if number % 40 == 0:
            gate.shrink(seen)
        watched.call()
        gate.succeed()

    with ThreadPoolExecutor(50) as pool:
        for each in [pool.submit(work, number) for number in range(600)]:
            each.result(timeout=60)

    assert watched.most <= 10
    assert gate.inside == 0


def test_429_halves_what_is_allowed_down_to_one():
    """Fewer calls at once is the only answer that helps, and one must always be possible."""
    gate = Gate(10)
    seen = []

    for _ in range(5):
        with gate(urgent=False) as entered:
            pass
        gate.shrink(entered)
        seen.append(gate.allowed)

    assert seen == [5, 2, 1, 1, 1]


def test_a_volley_that_is_refused_together_shrinks_once():
    """Ten calls refused in the same instant tell one thing: ten halvings would leave one lane for minutes."""
    gate = Gate(8)
    entered = []
    for _ in range(8):
        with gate(urgent=False) as seen:
            entered.append(seen)

    for seen in entered:
        gate.shrink(seen)

    assert gate.allowed == 4


def test_good_calls_win_the_places_back():
    """A busy minute must not slow down the rest of the night; each place is won by itself."""
    gate = Gate(4)
    with gate(urgent=False) as seen:
        pass
    gate.shrink(seen)

    allowed = []
    for _ in range(3 * CALLS_TO_GROW):
        gate.succeed()
        allowed.append(gate.allowed)

    assert allowed == [2] * (CALLS_TO_GROW - 1) + [3] * CALLS_TO_GROW + [4] * (CALLS_TO_GROW + 1)


def test_a_429_starts_the_count_of_good_calls_anew():
    """Only calls in a row without a 429 show that there is room again."""
    gate = Gate(4)
    with gate(urgent=False) as seen:
        pass
    gate.shrink(seen)
    for _ in range(CALLS_TO_GROW - 1):
        gate.succeed()
    with gate(urgent=False) as seen:
        pass
    gate.shrink(seen)

    gate.succeed()

    assert gate.allowed == 1


def test_closing_sends_those_who_wait_away():
    """Who waits for a turn that will not come must be told."""
    gate = Gate(1)
    outcomes = []

    def wait_in_line() -> None:
        with pytest.raises(ClientClosed), gate(urgent=False):
            pass
        outcomes.append("sent away")

    with gate(urgent=False):
        waiting = [threading.Thread(target=wait_in_line) for _ in range(5)]
        for each in waiting:
            each.start()
        gate.close()
        for each in waiting:
            each.join(timeout=30)

    assert outcomes == ["sent away"] * 5
    with pytest.raises(ClientClosed), gate(urgent=False):
        pass


def test_a_call_that_others_hang_on_goes_first_and_the_others_in_their_order():
    """Pages by token come one after the other: a long list that waits in the queue makes the run long."""
    gate, order = Gate(1), []
    names = [*(f"page {number}" for number in range(5)), "chain", "chain 2"]

    def enter(name):
        with gate(urgent="chain" in name):
            order.append(name)

    with ThreadPoolExecutor(10) as pool:
        assert gate.free == 1
        with gate(urgent=False):
            for waiting, name in enumerate(names, start=1):
                pool.submit(enter, name)
                while gate.free > -waiting:
                    time.sleep(0.001)

    assert order == ["chain", "chain 2", "page 0", "page 1", "page 2", "page 3", "page 4"]
    assert gate.free == 1


def test_a_gate_that_grew_never_grows_beyond_its_limit():
    """The limit is what the organisation has; a gate that never shrank counts nothing."""
    gate = Gate(2)
    for _ in range(3 * CALLS_TO_GROW):
        gate.succeed()
    assert gate.allowed == 2

    with gate(urgent=False) as seen:
        gate.shrink(seen)
    allowed = []
    for _ in range(CALLS_TO_GROW):
        gate.succeed()
        allowed.append(gate.allowed)

    assert allowed == [1] * (CALLS_TO_GROW - 1) + [2]


def test_who_waits_goes_in_as_soon_as_the_gate_grows():
    """And not only when somebody comes out."""
    gate, entered = Gate(2), threading.Event()

    def enter():
        with gate(urgent=False):
            entered.set()

    with gate(urgent=False) as seen:
        gate.shrink(seen)
        waiting = threading.Thread(target=enter)
        waiting.start()
        while gate.free > -1:
            time.sleep(0.001)
        for _ in range(CALLS_TO_GROW):
            gate.succeed()
        assert entered.wait(30)
    waiting.join()
