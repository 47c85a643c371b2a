"""Singer's messages become Airbyte's: each line, in its order, and what a platform counts by."""

from __future__ import annotations

import json
import logging
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest
from singer_sdk.singerlib import ActivateVersionMessage, RecordMessage, SchemaMessage, StateMessage

from bigin_airbyte.states import SHARED
from bigin_airbyte.writer import AirbyteWriter
from tap_bigin.singer import writer as output


class Out:
    """Standard output."""

    def __init__(self) -> None:
        self.buffer = self
        self.text = b""

    def write(self, data: Any) -> int:
        self.text += bytes(data)
        return len(data)

    def flush(self) -> None:
        """At once."""

    def told(self) -> list[Any]:
        """What was written since it was asked before, without its moments."""
        lines, self.text = self.text.splitlines(), b""
        return [_short(json.loads(each)) for each in lines]


def _short(message: dict[str, Any]) -> Any:
    kind = message["type"]
    if kind == "RECORD":
        told = message["record"]
        assert abs(told.pop("emitted_at") - time.time() * 1000) < 60_000
        return told["stream"], told["data"]
    if kind == "TRACE":
        told = message["trace"]["stream_status"]
        return told["stream_descriptor"]["name"], told["status"]
    if kind == "STATE":
        state = message["state"]
        stream = state["stream"]
        return (
            stream["stream_descriptor"]["name"],
            stream["stream_state"],
            state["sourceStats"]["recordCount"],
        )
    return message


@pytest.fixture
def out(monkeypatch: pytest.MonkeyPatch) -> Out:
    made = Out()
    monkeypatch.setattr(output, "sys", SimpleNamespace(stdout=made))
    return made


def _schema(stream: str, *, deletions: bool = False, cursor: list[str] | None = None) -> SchemaMessage:
    properties = {"id": {}, **({"_sdc_deleted_at": {}} if deletions else {})}
    return SchemaMessage(
        stream=stream, schema={"properties": properties}, key_properties=["id"], bookmark_properties=cursor
    )


def _lines(stream: str, *records: Any) -> bytes:
    return b"".join(
        json.dumps({"type": "RECORD", "stream": stream, "record": each}).encode() + b"\n" for each in records
    )


def test_a_stream_begins_once_runs_with_its_first_records_and_counts_them(out: Out) -> None:
    """A platform shows by these whether a stream stands still."""
    writer = AirbyteWriter()

    writer.write_message(_schema("Notes"))
    writer.write_message(_schema("Notes"))
    writer.write_lines(b"")
    assert out.told() == [("Notes", "STARTED")]
    assert writer.told == {"Notes": 0}

    writer.write_lines(_lines("Notes", {"id": "7", "n": 1.50}, {"id": "8"}))
    writer.write_message(RecordMessage(stream="Notes", record={"id": "9"}))
    writer.write_message(ActivateVersionMessage(stream="Notes", version=1))

    assert out.told() == [
        ("Notes", "RUNNING"),
        ("Notes", {"id": "7", "n": 1.5}),
        ("Notes", {"id": "8"}),
        ("Notes", {"id": "9"}),
    ]
    assert writer.told == {"Notes": 3}


def test_a_state_is_told_of_the_streams_that_have_something_new_and_with_their_records(out: Out) -> None:
    """Counts that do not add up fail a sync; the last state is one of every stream."""
    writer = AirbyteWriter()
    for stream in ("a", "b", "c"):
        writer.begin(stream)
    writer.write_lines(_lines("a", {"id": "1"}, {"id": "2"}))
    writer.write_lines(_lines("a", {"id": "3"}))
    writer.write_lines(_lines("b", {"id": "1"}))
    out.told()

    writer.write_message(StateMessage(value={"bookmarks": {"a": {"x": 1}}}))
    assert out.told() == [("a", {"x": 1}, 3.0), ("b", {}, 1.0)]
    writer.tell_state({"bookmarks": {"a": {"x": 1}}})
    assert out.told() == []
    writer.tell_state({"bookmarks": {"a": {"x": 1}, "b": {"x": 0}}})
    assert out.told() == [("b", {"x": 0}, 0.0)]
    writer.tell_state({"bookmarks": {"a": {"x": 1}}, "feed": {"position": 1}}, last=True)

    shared = {SHARED: {"number": 1, "state": {"feed": {"position": 1}}}}
    assert out.told() == [("a", {"x": 1, **shared}, 0.0), ("b", shared, 0.0), ("c", shared, 0.0)]
    writer.tell_state({"bookmarks": {"a": {"x": 1}}, "feed": {"position": 1}}, last=True)
    assert [each[0] for each in out.told()] == ["a", "b", "c"]


def test_a_deletion_has_the_column_that_destinations_drop_rows_by_and_a_cursor(out: Out) -> None:
    """The latest by its cursor counts; a stream without deletions has no such column."""
    writer = AirbyteWriter()
    writer.write_message(_schema("Contacts", deletions=True, cursor=["Modified_Time", "Other"]))
    writer.write_message(_schema("Tasks", deletions=True))
    writer.write_message(_schema("Notes"))
    gone = {"_sdc_deleted_at": "T2"}
    out.told()

    writer.write_lines(
        _lines(
            "Contacts",
            {"id": "1", "Modified_Time": "T1", "_sdc_deleted_at": None},
            {"id": "2", **gone},
            {"id": "3", "Modified_Time": None, "Other": "T1", **gone},
        )
    )
    writer.write_lines(_lines("Tasks", {"id": "1", **gone}))
    writer.write_lines(_lines("Notes", {"id": "1"}))

    dropped = {"_ab_cdc_deleted_at": "T2"}
    assert [each for each in out.told() if each[1] != "RUNNING"] == [
        ("Contacts", {"id": "1", "Modified_Time": "T1", "_ab_cdc_deleted_at": None}),
        ("Contacts", {"id": "2", "Modified_Time": "T2", "Other": "T2", **dropped}),
        ("Contacts", {"id": "3", "Modified_Time": "T2", "Other": "T1", **dropped}),
        ("Tasks", {"id": "1", **dropped}),
        ("Notes", {"id": "1"}),
    ]


@pytest.mark.parametrize("what", ["message", "records"])
def test_a_line_of_the_log_waits_for_the_line_that_is_written(out: Out, what: str) -> None:
    """From any thread: half a line in a line would be two that nobody can read."""
    writer, began = AirbyteWriter(), threading.Event()
    writer.begin("a")
    writer.write_lines(_lines("a", {"id": "1"}))
    record = logging.LogRecord("tap", logging.WARNING, "", 1, "slow", (), None)

    class Slow(Out):
        def write(self, data: Any) -> int:
            if not began.is_set():
                began.set()
                time.sleep(0.1)
            self.text += bytes(data[:5])
            return min(len(data), 5)

    out.buffer = slow = Slow()
    out.flush = lambda: None  # type: ignore[method-assign]
    teller = threading.Thread(target=lambda: began.wait() and writer.tell_log(record))
    teller.start()
    if what == "message":
        writer.tell({"type": "A", "n": 1})
    else:
        writer.write_lines(_lines("a", {"id": "2"}))
    teller.join()

    assert slow.told() == [
        {"type": "A", "n": 1} if what == "message" else ("a", {"id": "2"}),
        {"type": "LOG", "log": {"level": "WARN", "message": "slow"}},
    ]


def test_a_signal_is_heard_once_the_line_is_whole(out: Out) -> None:
    """In the main thread; others are not interrupted."""
    writer = AirbyteWriter()

    def interrupted() -> None:
        with writer._alone():
            writer.interruption = KeyboardInterrupt()
            writer.tell({"type": "A"})

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert out.told() == [{"type": "A"}]


def test_a_signal_is_heard_once_the_state_is_told_of_every_stream(out: Out) -> None:
    """A part of it alone would leave a stream behind what the feed says of all."""
    writer = AirbyteWriter()
    writer.begin("a")
    writer.begin("b")
    out.told()

    writer.interruption = KeyboardInterrupt()
    teller = threading.Thread(target=writer.tell, args=({"type": "A"},))
    teller.start()
    teller.join()
    assert out.told() == [{"type": "A"}]
    with pytest.raises(KeyboardInterrupt):
        writer.tell_state({"bookmarks": {}}, last=True)

    assert out.told() == [("a", {}, 0.0), ("b", {}, 0.0)]
