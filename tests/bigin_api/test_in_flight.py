"""Work side by side: in order, bounded, and no exception lost."""

import contextlib
import threading
import time
from concurrent.futures import CancelledError

import pytest

from bigin_api import InFlight


def test_results_come_in_the_order_of_their_items():
    """What is fetched side by side is written in the order that was asked for."""

    def work(number: int) -> int:
        time.sleep(0.002 * (number % 3))
        return number * number

    with InFlight(8) as flights:
        assert list(flights.map_in_order(work, range(60))) == [n * n for n in range(60)]


@pytest.mark.parametrize(("ahead", "most"), [(None, 4), (7, 7), (1, 1), (0, 1)])
def test_no_more_than_so_many_are_begun_beyond_the_one_that_is_waited_for(ahead, most):
    """What is fetched ahead lies in memory: the bound is what keeps it small."""
    begun = []
    items = (begun.append(number) or number for number in range(20))

    with InFlight(4) as flights:
        for number in flights.map_in_order(int, items, ahead=ahead):
            assert len(begun) == min(20, number + 1 + most)


def test_what_is_left_takes_no_work_any_more():
    """Its threads end with it; a debugger shows whose they are."""
    with InFlight(1, name="calls") as flights:
        assert flights.submit(threading.current_thread).result().name == "calls_0"

    with pytest.raises(RuntimeError):
        flights.submit(int)


@pytest.mark.parametrize(("ahead", "at_once"), [(None, 4), (2, 3), (0, 2)])
def test_so_many_are_under_way_at_once(ahead, at_once):
    """One after the other, the calls of a run take as many times as long."""
    everybody = threading.Barrier(at_once)

    with InFlight(4) as flights:
        list(flights.map_in_order(lambda _: everybody.wait(10), range(at_once * 3), ahead=ahead))


def test_the_next_is_under_way_while_one_is_worked_on():
    """Whoever fetches one ahead must not wait for it."""
    second_began = threading.Event()

    with InFlight(1) as flights:
        results = flights.map_in_order(lambda number: number and second_began.set(), range(3), ahead=1)
        next(results)
        assert second_began.wait(10)


def test_an_exception_comes_at_its_items_turn():
    """Pages before the failed one are good and must be written first."""

    def work(number: int) -> int:
        return 10 // (number - 3)

    with InFlight(4) as flights:
        results = flights.map_in_order(work, range(10))
        seen = [next(results), next(results), next(results)]
        with pytest.raises(ZeroDivisionError):
            next(results)

    assert seen == [-4, -5, -10]


def test_what_has_not_begun_is_not_begun_after_an_exception():
    """A run that ends must not go on spending credits."""
    begun = []

    def work(number: int) -> None:
        begun.append(number)
        time.sleep(0.005)
        if number == 0:
            raise ZeroDivisionError

    with InFlight(1) as flights:
        with pytest.raises(ZeroDivisionError):
            list(flights.map_in_order(work, range(1000), ahead=50))
        flights.submit(int).result()

    assert len(begun) <= 3


def test_what_follows_from_items_comes_as_it_is_ready():
    """A long list must not keep the pages of the others waiting: whoever is killed has lost those."""
    first_may_end = threading.Event()
    begun = []

    def work(asked: tuple[str, int]) -> tuple[tuple[str, int], tuple[str, int] | None]:
        name, page = asked
        begun.append(asked)
        if asked == ("a", 1):
            assert first_may_end.wait(10)
        return asked, (name, page + 1) if page < 3 else None

    seen = []
    with InFlight(4) as flights:
        for each in flights.as_they_come(work, [(name, 1) for name in "abcdef"], at_once=3):
            seen.append(each)
            assert len(begun) <= len(seen) + 3
            if each == ("f", 3):
                first_may_end.set()

    for name in "abcdef":
        assert [page for other, page in seen if other == name] == [1, 2, 3]
    assert seen[-3:] == [("a", 1), ("a", 2), ("a", 3)]


@pytest.mark.parametrize("breaks", ["work", "items"])
def test_an_exception_comes_after_what_was_under_way(breaks):
    """Answers that are on their way are paid for."""
    others_may_end = threading.Event()

    def work(number: int) -> tuple[int, None]:
        if number == 0 and breaks == "work":
            raise ZeroDivisionError
        assert others_may_end.wait(10)
        return number, None

    def items():
        yield from range(3)
        others_may_end.set()
        if breaks == "items":
            raise ZeroDivisionError
        yield from range(3, 100)

    seen: list[int] = []
    with InFlight(4) as flights:
        results = flights.as_they_come(work, items(), at_once=4)
        with pytest.raises(ZeroDivisionError):
            seen.extend(results)

    assert {1, 2} <= set(seen) <= {0, 1, 2, 3}


def test_of_several_exceptions_the_first_comes():
    """It is the cause, the others may follow from it."""

    def work(number: int) -> tuple[int, None]:
        raise ValueError(number)

    with InFlight(1) as flights, pytest.raises(ValueError, match="1"):
        list(flights.as_they_come(work, [1, 2], at_once=2))


def test_whoever_waits_for_what_comes_ends_when_the_pool_is_closed():
    """A run whose target had died never ended: its reader waited for a call that was not to begin any more."""
    calls, goes_on, all_begun = InFlight(1), threading.Event(), threading.Event()

    def items():
        yield from (1, 2)
        all_begun.set()

    def read():
        with contextlib.suppress(CancelledError):
            list(calls.as_they_come(lambda each: (goes_on.wait(10), None), items(), at_once=3))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    all_begun.wait(10)

    calls.close(wait_for_running=False)
    goes_on.set()

    reader.join(10)
    assert not reader.is_alive()
