"""Streams read side by side and written as they come, in bounded memory."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.sandbox import Sandbox
from support.tap import run_tap

from bigin_api import Field, InFlight, ServerError
from tap_bigin.report import StreamReport
from tap_bigin.singer import writer
from tap_bigin.singer.batch import Batch, in_portions
from tap_bigin.singer.prefetch import BATCHES_WAITING, Prefetch
from tap_bigin.singer.writer import PageWriter, ShortStateWriter
from tap_bigin.values.rich_text import RichTexts

ENOUGH = 10  # seconds until a test that hangs says so


def _records(count: int) -> list[dict[str, Any]]:
    return [{"id": str(number)} for number in range(count)]


def _told(prefetch: Prefetch) -> list[tuple[str, int]]:
    return [(each.stream, each.batch.count) for each in prefetch.arrivals() if each.batch is not None]


def test_what_has_come_does_not_wait_for_the_streams_before() -> None:
    """A run that is killed has handed on what it paid for."""
    other_is_written = threading.Event()

    def slow() -> Iterator[Batch]:
        assert other_is_written.wait(ENOUGH)
        yield Batch(_records(1))

    prefetch = Prefetch({"a": slow, "b": lambda: iter([Batch(_records(2))])})
    told = []

    for each in prefetch.arrivals():
        told.append((each.stream, each.batch.count if each.batch else None))
        if told[-1] == ("b", 2):
            other_is_written.set()

    prefetch.close()
    assert told[0] == ("b", 2)
    assert [each for each in told if each[0] == "a"] == [("a", 1), ("a", None)]
    assert each.error is None


def test_a_streams_own_batches_keep_their_order() -> None:
    """The state of a batch holds for all before it."""
    prefetch = Prefetch(
        {name: lambda: iter([Batch(_records(number)) for number in range(50)]) for name in ("a", "b", "c")}
    )

    told = _told(prefetch)

    prefetch.close()
    for name in ("a", "b", "c"):
        assert [count for stream, count in told if stream == name] == list(range(50))


def test_an_exception_comes_after_what_its_stream_brought() -> None:
    """One failing stream does not take the records of others with it, nor its own."""

    def failing() -> Iterator[Batch]:
        yield Batch(_records(1))
        raise ValueError("b failed")

    prefetch = Prefetch({"a": lambda: iter([Batch(_records(2))]), "b": failing})

    arrivals = list(prefetch.arrivals())

    prefetch.close()
    of_b = [each for each in arrivals if each.stream == "b"]
    assert [each.batch is None for each in of_b] == [False, True]
    assert isinstance(of_b[1].error, ValueError)
    assert sum(each.batch.count for each in arrivals if each.batch) == 3


def test_readers_wait_for_room() -> None:
    """Memory does not grow with the number of records: so much is read ahead, and no more."""
    made: list[int] = []
    enough = threading.Event()

    def endless() -> Iterator[Batch]:
        for number in range(500):
            made.append(number)
            if number + 1 >= BATCHES_WAITING:
                enough.set()
            yield Batch(_records(1))

    prefetch = Prefetch({"a": endless})
    assert enough.wait(ENOUGH)
    threading.Event().wait(0.2)
    ahead = len(made)

    told = _told(prefetch)

    prefetch.close()
    assert ahead == BATCHES_WAITING
    assert len(told) == 500


def test_while_a_slow_target_takes_nothing_no_reader_asks_for_more() -> None:
    """What waits when such a run is killed was paid for in vain, with sixty streams as with one."""
    readers, made = 20, [0]
    at_work, lock = threading.Barrier(readers), threading.Lock()

    def endless() -> Iterator[Batch]:
        at_work.wait(ENOUGH)
        for _ in range(50):
            with lock:
                made[0] += 1
            yield Batch(_records(1))

    prefetch = Prefetch({f"s{number}": endless for number in range(readers)})
    threading.Event().wait(0.3)
    ahead = made[0]
    told = _told(prefetch)

    prefetch.close()
    assert ahead <= readers + 4
    assert len(told) == 50 * readers


def test_a_reader_that_waits_for_room_ends_with_the_run() -> None:
    """A process must not hang in a thread that nobody reads from any more."""
    ended = threading.Event()

    def endless() -> Iterator[Batch]:
        try:
            while True:
                yield Batch(_records(1))
        finally:
            ended.set()

    prefetch = Prefetch({"a": endless})
    next(iter(prefetch.arrivals()))

    prefetch.close()

    assert ended.wait(ENOUGH)


def test_many_streams_are_read_though_threads_are_few() -> None:
    """An organisation may have more streams than there are threads."""
    names = [f"s{number:03}" for number in range(100)]
    prefetch = Prefetch({name: lambda: iter([Batch(_records(2))]) for name in names})

    assert sorted(_told(prefetch)) == [(name, 2) for name in names]
    prefetch.close()


def test_streams_are_read_side_by_side(sandbox: Sandbox) -> None:
    """Twenty streams of a page each are not twenty round trips."""
    sandbox.settings(latency_ms=200)

    run = run_tap(sandbox, max_concurrent_requests=5)

    assert run.code == 0
    assert sandbox.usage()["most_in_flight"] == 5


@pytest.mark.parametrize("more", [{}, {"stream_maps": {"Contacts": {"more": "'x'"}}}])
def test_each_stream_is_introduced_once_and_before_its_records(
    sandbox: Sandbox, more: dict[str, Any]
) -> None:
    """A second SCHEMA would make a loader flush, a record before it ends the load."""
    run = run_tap(sandbox, **more)

    assert run.code == 0
    introduced: list[str] = []
    for message in run.messages:
        if message["type"] == "SCHEMA":
            introduced.append(message["stream"])
        elif message["type"] == "RECORD":
            assert message["stream"] in introduced
    assert len(introduced) == len(set(introduced)) > 10


def test_a_state_never_runs_ahead_of_the_files_that_are_told(sandbox: Sandbox, tmp_path: Path) -> None:
    """Records in a file that no BATCH message has named yet are lost if the run is killed."""
    sandbox.reset(size="empty")
    sandbox.mutate({"op": "create", "module": "Contacts", "count": 1_500, "data": {"Last_Name": "C{n}"}})
    batch = {
        "encoding": {"format": "jsonl", "compression": "gzip"},
        "storage": {"root": tmp_path.as_uri()},
        "batch_size": 1_200,
    }

    run = run_tap(
        sandbox, modules=["Contacts"], batch_config=batch, extraction_method="list", deleted_records="none"
    )

    assert run.code == 0
    told = 0
    for message in run.messages:
        if message["type"] == "BATCH" and message["stream"] == "Contacts":
            for file in message["manifest"]:
                path = Path(file.removeprefix("file://"))
                told += len(gzip.decompress(path.read_bytes()).splitlines())
        if message["type"] == "STATE":
            entry = message["value"].get("bookmarks", {}).get("Contacts", {})
            emitted = entry.get("pass", {}).get("emitted", 0)
            assert emitted <= told
            assert told == 1_500 or "replication_key_value" not in entry
    assert told == 1_500


def test_the_state_is_told_seldom_and_in_the_end(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be long: of thousands of deletions a line a stream was most of what a loader got."""
    monkeypatch.setattr(writer, "SECONDS_PER_STATE", 60.0)  # as on a machine with nothing else to do
    run = run_tap(sandbox)

    assert run.code == 0
    assert 1 <= len(run.states) <= 5
    assert run.messages[-1]["type"] in ("STATE", "ACTIVATE_VERSION", "SCHEMA")
    modules = {name for name, entry in run.state["bookmarks"].items() if "replication_key_value" in entry}
    assert {"Contacts", "Accounts", "Notes", "Tasks", "Pipelines"} <= modules


def test_a_long_state_is_told_more_seldom() -> None:
    """Else the states of a run would be more than its records."""
    messages = PageWriter()
    states = ShortStateWriter(messages, {})
    batch = Batch([{"id": "7"}] * 1_000, {})
    assert states.is_due(batch)  # the first at once

    messages.state_bytes = 3_000

    assert [states.is_due(batch) for _ in range(6)] == [False, False, True] * 2


def test_a_short_state_is_told_at_least_each_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls that bring few records cost as much: what a killed run's state does not tell is paid for again."""
    messages = PageWriter()
    states = ShortStateWriter(messages, {})
    batch, seconds = Batch([{"id": "7"}], {}), iter([1.0, 1.5, 2.1, 2.6, 3.2, 9.0, 10.1])
    monkeypatch.setattr(writer, "time", SimpleNamespace(monotonic=lambda: next(seconds)))

    told = [states.is_due(batch) for _ in range(5)]
    messages.state_bytes = 40_000
    told_of_long = [states.is_due(batch) for _ in range(2)]

    assert told == [True, False, True, False, True]
    assert told_of_long == [True, False]


def test_the_state_of_a_first_load_is_told_each_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two chains of pages in a dozen modules: 12,000 bytes were told each third second, some sixty calls."""
    messages = PageWriter()
    states = ShortStateWriter(messages, {})
    batch, seconds = Batch([{"id": "7"}], {}), iter([1.0, 2.1, 3.2])
    monkeypatch.setattr(writer, "time", SimpleNamespace(monotonic=lambda: next(seconds)))
    messages.state_bytes = 12_000

    assert [states.is_due(batch) for _ in range(3)] == [True, True, True]


def test_very_many_records_are_handed_on_in_portions_and_the_state_after_the_last() -> None:
    """Thousands of deletions made one batch: their lines alone filled the memory."""
    batches = list(in_portions(_records(2_500), {"reached": True}))

    assert [each.count for each in batches] == [1_000, 1_000, 500]
    assert [each.state for each in batches] == [None, None, {"reached": True}]
    assert [record for each in batches for record in each.records] == _records(2_500)


class _Texts:
    """In place of a client: gives long texts until it breaks."""

    calls_ahead = None

    def __init__(self, most: int) -> None:
        self.records = self
        self._most = most

    def get(self, _module: str, record_id: str, _names: Any) -> dict[str, Any]:
        if int(record_id) >= self._most:
            raise ServerError("killed")
        return {"Terms": f"whole {record_id}"}


def test_records_of_a_page_are_handed_on_as_their_texts_are_read() -> None:
    """200 calls for a page of long texts: a run that was killed meanwhile had paid for them in vain."""
    terms = Field(
        "Terms", "textarea", "string", raw={"textarea": {"type": "rich_text"}}, may_be_rich_text=True
    )
    page = [{"id": str(at), "Terms": "x" * (500 if at % 2 else 3)} for at in range(100)]
    handed_on: list[dict[str, Any]] = []
    with InFlight(4) as calls:
        client: Any = _Texts(most=70)
        texts = RichTexts(
            client, calls, "Subscriptions", [terms], report=StreamReport("Subscriptions", print)
        )
        with suppress(ServerError):
            for records, _ in texts.portions(page):
                handed_on += records
        whole: Any = _Texts(most=100)
        again = RichTexts(whole, calls, "Subscriptions", [terms], report=StreamReport("Subscriptions", print))
        *_, last = portions = list(again.portions(page))

    assert len(handed_on) >= 50
    assert all(each["Terms"].startswith("whole") for each in handed_on if int(each["id"]) % 2)
    assert [record for records, _ in portions for record in records] == page
    assert [is_last for _, is_last in portions].count(True) == 1
    assert last[1]
