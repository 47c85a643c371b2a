"""Singer messages to standard output: flushed at the borders of pages, never torn by a signal."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from singer_sdk.contrib.msgspec import MsgSpecWriter, encoder, serialize_jsonl
from singer_sdk.helpers._state import StateWriter
from singer_sdk.singerlib import RecordMessage, StateMessage

from tap_bigin.lists.marks import told_once
from tap_bigin.singer.state import with_unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from singer_sdk.helpers.types import TapState
    from singer_sdk.singerlib.encoding.simple import Message

    from tap_bigin.singer.state import Unreadable


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
    """Writes the state without saying anything twice, with what could not be read of the one that came in."""

    unreadable: Mapping[str, Unreadable] = MappingProxyType({})

    def write_state(self, state: TapState) -> None:
        """Write the state, if it has changed."""
        told = with_unreadable(told_once(cast("dict[str, Any]", state)), self.unreadable)
        super().write_state(cast("TapState", told))


class PageWriter(MsgSpecWriter):
    """Writes whole what belongs together. The SDK's writers flush after each record: a system call a line.

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
        """Hand bytes to the output, all of them."""
        left = memoryview(lines)
        while left:  # unbuffered output (PYTHONUNBUFFERED) takes a part at a time, less at a signal
            left = left[sys.stdout.buffer.write(left) :]

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
