"""Streams fetched side by side, written one after the other, in bounded memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.sandbox import Sandbox
from support.tap import run_tap

from tap_bigin.singer.batch import BYTES_PER_VALUE, Batch
from tap_bigin.singer.prefetch import Prefetch

ENOUGH = 10  # seconds until a test that hangs says so


def _records(count: int) -> list[dict[str, Any]]:
    return [{"id": str(number)} for number in range(count)]


def test_chunks_come_in_the_order_of_the_streams_whoever_is_first() -> None:
    """A Singer target expects one stream after the other."""
    later_is_done = threading.Event()

    def slow() -> Iterator[Batch]:
        assert later_is_done.wait(ENOUGH)
        yield Batch(_records(1))
        yield Batch(_records(2))

    def fast() -> Iterator[Batch]:
        yield Batch(_records(3))
        later_is_done.set()

    prefetch = Prefetch({"a": slow, "b": fast})

    written = [len(batch.records) for name in ("a", "b") for batch in prefetch.batches(name)]

    prefetch.close()
    assert written == [1, 2, 3]


def test_an_exception_comes_at_its_streams_turn_after_what_came_before() -> None:
    """One failing stream does not take the records of others with it."""

    def failing() -> Iterator[Batch]:
        yield Batch(_records(1))
        raise ValueError("b failed")

    prefetch = Prefetch(
        {"a": lambda: iter([Batch(_records(2))]), "b": failing, "c": lambda: iter([Batch(_records(3))])}
    )

    assert [len(batch.records) for batch in prefetch.batches("a")] == [2]
    batches = prefetch.batches("b")
    assert len(next(batches).records) == 1
    with pytest.raises(ValueError, match="b failed"):
        next(batches)
    assert [len(batch.records) for batch in prefetch.batches("c")] == [3]
    prefetch.close()


def test_what_is_ahead_waits_for_room() -> None:
    """Memory does not grow with the number of streams and records."""
    made: list[int] = []
    a_may_end = threading.Event()

    def head() -> Iterator[Batch]:
        assert a_may_end.wait(ENOUGH)
        yield Batch(_records(1))

    def endless() -> Iterator[Batch]:
        for number in range(100):
            made.append(number)
            yield Batch(_records(10))

    prefetch = Prefetch({"a": head, "b": endless}, bytes_waiting=50 * BYTES_PER_VALUE)
    while len(made) < 6:
        a_may_end.wait(0.01)
    a_may_end.wait(0.1)
    ahead = len(made)
    a_may_end.set()

    written = sum(len(batch.records) for name in ("a", "b") for batch in prefetch.batches(name))

    prefetch.close()
    assert ahead <= 7
    assert written == 1_001


def test_the_head_of_the_line_is_never_held_back_by_others() -> None:
    """If what waits for its turn fills the room, the stream whose turn it is must go on all the same."""
    filled = threading.Event()

    def head() -> Iterator[Batch]:
        assert filled.wait(ENOUGH)
        for _ in range(20):
            yield Batch(_records(10))

    def filler() -> Iterator[Batch]:
        yield Batch(_records(60))
        filled.set()
        yield Batch(_records(1))

    first: Callable[[], Iterator[Batch]] = lambda: iter([Batch(_records(60))])  # noqa: E731
    prefetch = Prefetch({"a": head, "b": first, "c": filler}, bytes_waiting=50 * BYTES_PER_VALUE)
    filled.set()

    written = {name: sum(len(batch.records) for batch in prefetch.batches(name)) for name in "abc"}

    prefetch.close()
    assert written == {"a": 200, "b": 60, "c": 61}


def test_many_streams_begin_though_threads_are_few() -> None:
    """An organisation may have more streams than calls in flight."""
    names = [f"s{number:02}" for number in range(40)]
    prefetch = Prefetch({name: lambda: iter([Batch(_records(2))]) for name in names})

    assert [sum(len(each.records) for each in prefetch.batches(name)) for name in names] == [2] * 40
    prefetch.close()


def test_streams_are_read_side_by_side(sandbox: Sandbox) -> None:
    """Twenty streams of a page each are not twenty round trips."""
    sandbox.settings(latency_ms=100)

    run = run_tap(sandbox, max_concurrent_requests=5)

    assert run.code == 0
    assert sandbox.usage()["most_in_flight"] == 5
    schemas = [each["stream"] for each in run.messages if each["type"] == "SCHEMA"]
    assert schemas == sorted(schemas)
