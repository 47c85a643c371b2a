"""Singer messages to standard output: some whole lines at a time, torn by no signal that can be caught."""

from __future__ import annotations

import select
import sys
import time
from contextlib import contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING, Any, cast

from singer_sdk.contrib.msgspec import MsgSpecWriter, encoder, serialize_jsonl
from singer_sdk.helpers._state import StateWriter
from singer_sdk.singerlib import RecordMessage, StateMessage

from bigin_api.json_values import mapping
from tap_bigin.lists.marks import told_once

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from singer_sdk.helpers.types import TapState
    from singer_sdk.singerlib.encoding.simple import Message

    from tap_bigin.singer.batch import Batch

RECORDS_PER_STATE = 1_000
"""A STATE message after so many records of all streams; a long one after as many as it has bytes."""

SECONDS_PER_STATE = 1.0
"""The same after so much time: a batch of few records may have cost many calls. A long one more seldom."""

STATE_BYTES_PER_SECOND = 20_000

PIPE_BUF: int = getattr(select, "PIPE_BUF", 4_096)  # Windows has none


def record_lines(
    stream: str, records: Sequence[Mapping[str, Any]], extracted: datetime, version: int | None = None
) -> bytes:
    """The RECORD messages of records that are ready as they are."""
    shared: dict[str, Any] = {"type": "RECORD", "stream": stream}
    if version is not None:
        shared["version"] = version
    moment = extracted.isoformat()
    return encoder.encode_lines([{**shared, "record": each, "time_extracted": moment} for each in records])


class ShortStateWriter(StateWriter):
    """Writes the state seldom, for it may be long, and without saying anything twice."""

    _message_writer: PageWriter

    def __init__(self, message_writer: PageWriter, unreadable: Mapping[str, Any]) -> None:
        """``unreadable``: entries of the state that came in and cannot be read. They go out as they came."""
        super().__init__(message_writer)
        self._unreadable = unreadable
        self.is_told = False  # the state as it is has been written
        self._records = 0  # since the latest STATE
        self._due = 0.0  # the first at once: a run that is killed early goes on from somewhere

    def is_due(self, batch: Batch) -> bool:
        """Whether the state is to be told, now that a batch is written."""
        length = self._message_writer.state_bytes
        self._records += batch.count
        now = time.monotonic()
        is_due = self._records >= max(RECORDS_PER_STATE, length) or now > self._due
        # That a job was made cannot be found out again.
        makes_job = batch.state is not None and not batch.count and "jobs" in batch.state.get("pass", {})
        if batch.state is None or not (is_due or makes_job):
            return False
        self._records = 0
        self._due = now + max(SECONDS_PER_STATE, length / STATE_BYTES_PER_SECOND)
        return True

    def write_state(self, state: TapState) -> None:
        """Write the state, if it has changed."""
        self.is_told = True
        told = told_once(cast("dict[str, Any]", state))
        if self._unreadable:
            told = {**told, "bookmarks": {**mapping(told.get("bookmarks")), **self._unreadable}}
        super().write_state(cast("TapState", told))


class PageWriter(MsgSpecWriter):
    """Writes whole what belongs together. The SDK's writers flush after each record, however short.

    Whoever wants the run to end (a signal) sets ``interruption`` while ``is_writing``: it is raised
    afterwards.
    """

    def __init__(self) -> None:
        super().__init__()
        self.state_bytes = 0  # of the latest STATE
        self.is_writing = False
        self.interruption: BaseException | None = None

    def serialize_message(self, message: Message) -> bytearray:
        """A line, without the dict of a message that the SDK makes: for it whole schemas are copied."""
        if isinstance(message, RecordMessage):
            return super().serialize_message(message)
        said = {each.name: getattr(message, each.name) for each in fields(message)}
        return serialize_jsonl({name: value for name, value in said.items() if value is not None})

    def write_message(self, message: Message) -> None:
        """Write a line; all but a record is seen by the target at once."""
        line = bytes(self.format_message(message))
        if isinstance(message, StateMessage):
            self.state_bytes = len(line)
        with self.unbroken():
            self.write_lines(line)
            if not isinstance(message, RecordMessage):
                self.flush()

    def write_lines(self, lines: bytes) -> None:
        """Write messages that are encoded already."""
        with self.unbroken():
            self.put(lines)

    def put(self, lines: bytes) -> None:
        """Hand lines to the output, all of them.

        A few whole ones at a time, as many as a pipe takes together or not at all: of a run that is killed
        while its target is slow, half a line would end the target, with all that it had not stored yet. A
        line that is longer may still be torn.
        """
        out, at = sys.stdout.buffer, 0
        while at < len(lines):
            end = lines.rfind(b"\n", at, at + PIPE_BUF) + 1 or lines.find(b"\n", at) + 1 or len(lines)
            left = memoryview(lines)[at:end]
            while left:  # unbuffered output (PYTHONUNBUFFERED) takes a part at a time, less at a signal
                left = left[out.write(left) :]
            out.flush()
            at = end

    def flush(self) -> None:
        """Let the target see what is written."""
        sys.stdout.flush()

    @contextmanager
    def unbroken(self) -> Iterator[None]:
        """What is done in here is done whole: messages, and the state that holds once they are written."""
        if self.is_writing:
            yield
            return
        self.is_writing = True
        try:
            yield
        finally:
            self.is_writing = False
        if self.interruption is not None:
            interruption, self.interruption = self.interruption, None
            raise interruption
