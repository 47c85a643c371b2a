"""What goes to standard output: whole lines, in pieces that a pipe takes together, and states not too often."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

import pytest
from singer_sdk.singerlib import RecordMessage, SchemaMessage, StateMessage

from tap_bigin.singer import writer as module
from tap_bigin.singer.batch import Batch, in_portions, in_time
from tap_bigin.singer.writer import PageWriter, ShortStateWriter, record_lines

MOMENT = datetime(2026, 5, 14, 9, tzinfo=timezone.utc)


class Out:
    """Standard output that takes at most so many bytes at once, as an unbuffered one does."""

    def __init__(self, most: int = 10**9) -> None:
        self.most = most
        self.taken: list[bytes] = []
        self.events: list[Any] = []
        self.buffer = self

    def write(self, data: Any) -> int:
        self.events.append(bytes(data))
        self.taken.append(bytes(data[: self.most]))
        return len(self.taken[-1])

    def flush(self) -> None:
        self.events.append("flush")


@pytest.fixture
def out(monkeypatch: pytest.MonkeyPatch) -> Out:
    made = Out()
    monkeypatch.setattr(module, "sys", SimpleNamespace(stdout=made))
    monkeypatch.setattr(module, "PIPE_BUF", 10)
    return made


def test_records_are_lines_of_singers() -> None:
    """With the version of their stream where it has one, and when they were read."""
    moment = "2026-05-14T09:00:00+00:00"

    plain = record_lines("Notes", [{"id": "7"}, {"id": "8"}], MOMENT)
    versioned = record_lines("Notes", [{"id": "7"}], MOMENT, 0)

    said = {"type": "RECORD", "stream": "Notes", "time_extracted": moment}
    assert [json.loads(each) for each in plain.splitlines()] == [
        {**said, "record": {"id": "7"}},
        {**said, "record": {"id": "8"}},
    ]
    assert json.loads(versioned) == {**said, "version": 0, "record": {"id": "7"}}
    assert plain.endswith(b"\n")


@pytest.mark.parametrize(
    ("lines", "pieces"),
    [
        (b"", []),
        (b"aaaa\nbbbb\n", [b"aaaa\nbbbb\n"]),  # as much as a pipe takes together
        (b"aaaa\nbbbbb\n", [b"aaaa\n", b"bbbbb\n"]),
        (b"aa\nbb\ncc\ndd\nee\n", [b"aa\nbb\ncc\n", b"dd\nee\n"]),
        (b"aaaaaaaaaaaaaaa\nb\n", [b"aaaaaaaaaaaaaaa\n", b"b\n"]),  # longer than that: alone
        (b"a\nbbbbbbbbbbbbbbb\nc", [b"a\n", b"bbbbbbbbbbbbbbb\n", b"c"]),
        (b"aaaaaaaaaaaaaaa", [b"aaaaaaaaaaaaaaa"]),
    ],
)
def test_lines_leave_in_pieces_that_a_pipe_takes_together_or_not_at_all(
    out: Out, lines: bytes, pieces: Any
) -> None:
    """A run that is killed while its target is slow leaves no half line, at which the target would end."""
    PageWriter().put(lines)

    assert [each for each in out.events if each != "flush"] == pieces
    assert out.events == [event for piece in pieces for event in (piece, "flush")]


def test_what_is_taken_in_parts_is_written_to_its_end(out: Out) -> None:
    """Unbuffered output takes less than it is given, at a signal too."""
    out.most = 3

    PageWriter().put(b"aaaa\nbbbb\nccccc\n")

    assert b"".join(out.taken) == b"aaaa\nbbbb\nccccc\n"


def test_all_but_a_record_is_seen_at_once(out: Out) -> None:
    """A target waits for the schema and for the state; records come by the page."""
    writer = PageWriter()

    writer.write_message(SchemaMessage(stream="Notes", schema={"properties": {}}, key_properties=["id"]))
    schema_flushes = out.events.count("flush")
    writer.write_message(RecordMessage(stream="Notes", record={"id": "7"}))
    record_flushes = out.events.count("flush") - schema_flushes
    writer.write_message(StateMessage(value={"bookmarks": {}}))

    said = [json.loads(each) for each in b"".join(out.taken).splitlines()]
    assert said == [
        {"type": "SCHEMA", "stream": "Notes", "schema": {"properties": {}}, "key_properties": ["id"]},
        {"type": "RECORD", "stream": "Notes", "record": {"id": "7"}},
        {"type": "STATE", "value": {"bookmarks": {}}},
    ]
    assert writer.state_bytes == len(b'{"type":"STATE","value":{"bookmarks":{}}}\n')
    pieces = [each for each in out.events if each != "flush"]
    assert (schema_flushes, record_flushes) == (2, 1)  # a piece each, and what need not wait once more
    assert len(pieces) == 3


def test_an_end_that_comes_within_what_belongs_together_comes_after_it() -> None:
    """Records without the state that holds after them would come twice."""
    writer, done = PageWriter(), []

    def write() -> None:
        with writer.unbroken():
            writer.interruption = KeyboardInterrupt()
            with writer.unbroken():
                done.append(writer.is_writing)
            done.append(writer.is_writing)

    with pytest.raises(KeyboardInterrupt):
        write()

    assert (done, writer.is_writing, writer.interruption) == ([True, True], False, None)
    with writer.unbroken():
        pass


def test_an_error_within_leaves_nothing_locked() -> None:
    """The next line is written all the same."""
    writer = PageWriter()

    with pytest.raises(ValueError, match="broken"), writer.unbroken():
        raise ValueError("broken")

    assert not writer.is_writing


NOTHING = Batch([], {})
JOB = Batch([], {"pass": {"jobs": {}}})


def _batch(number: int, state: Any = None) -> Batch:
    return Batch([{}] * number, {} if state is None else state)


@pytest.mark.parametrize(
    ("state_bytes", "batches", "expected"),
    [
        (0, [(0, NOTHING), (0.5, NOTHING), (1.0, NOTHING), (1.1, NOTHING), (2.0, NOTHING), (2.2, NOTHING)], "100101"),
        (0, [(0, NOTHING), (0.1, _batch(999)), (0.1, _batch(1)), (0.1, _batch(1))], "1010"),
        (0, [(0, NOTHING), (0.1, _batch(600)), (0.1, _batch(600)), (0.1, _batch(600))], "1010"),
        (0, [(0, NOTHING), (0.1, Batch([{}] * 1_000)), (0.1, NOTHING)], "101"),
        (0, [(0, NOTHING), (0.1, JOB), (0.1, JOB), (0.1, _batch(1, JOB.state))], "1110"),
        (2_000, [(0, NOTHING), (0.1, _batch(1_999)), (0.1, _batch(1))], "101"),
        (60_000, [(0, NOTHING), (2.9999, NOTHING), (3.0001, NOTHING)], "101"),
    ],
)  # fmt: skip
def test_a_state_is_told_after_some_time_or_some_records(
    monkeypatch: pytest.MonkeyPatch, state_bytes: int, batches: Any, expected: str
) -> None:
    """A long one more seldom; that a job was made at once, since it cannot be found out again."""
    page = SimpleNamespace(state_bytes=state_bytes)
    states = ShortStateWriter(page, {})  # type: ignore[arg-type]
    due = []

    for now, batch in batches:
        monkeypatch.setattr(module.time, "monotonic", lambda now=now: 100 + now)
        due.append(states.is_due(batch))

    assert "".join(str(int(each)) for each in due) == expected


def test_what_could_not_be_read_of_a_state_goes_out_as_it_came() -> None:
    """Another version of the tap may read it."""
    written: list[Any] = []
    page = SimpleNamespace(write_message=lambda message: written.append(message.value))
    states = ShortStateWriter(page, {"Odd": 7})  # type: ignore[arg-type]

    assert not states.is_told
    states.write_state({"bookmarks": {"Notes": {"x": 1}}})  # type: ignore[typeddict-item]

    assert states.is_told
    assert written == [{"bookmarks": {"Notes": {"x": 1}, "Odd": 7}}]


@pytest.mark.parametrize(
    ("number", "sizes"), [(0, []), (1, [1]), (1_000, [1_000]), (1_001, [1_000, 1]), (2_000, [1_000, 1_000])]
)
def test_records_at_hand_go_in_portions_whose_last_has_the_state(number: int, sizes: list[int]) -> None:
    """A state with an earlier one would pass over the others."""
    records, state = [{"id": str(each)} for each in range(number)], {"x": 1}

    batches = list(in_portions(records, state))

    assert [each.count for each in batches] == sizes
    assert [each for batch in batches for each in batch.records] == records
    assert [each.state for each in batches] == ([None] * (len(sizes) - 1) + [state] if sizes else [])


def test_lines_count_as_the_records_that_they_stand_for() -> None:
    """The records themselves are gone by then."""
    assert Batch([{}, {}]).count == 2
    assert Batch([], lines=b"", lines_count=3).count == 3
    assert not Batch([]).activates


def test_a_file_ends_with_what_comes_after_its_time() -> None:
    """None of it waits for the next, and none is left out."""
    times = iter([0.0, 1.0, 5.0, 7.0, 8.0, 12.1])

    assert [list(each) for each in in_time(iter("abcdefg"), clock=lambda: next(times, 20.0))] == [
        ["a", "b", "c"],
        ["d", "e", "f"],
        ["g"],
    ]
