"""Airbyte's messages to standard output, from those of Singer: one line each, never torn.

The tap writes pages and the state after them. A page's records are taken from their Singer lines without
being decoded, a state is told in parts, and threads that log wait for the line that is being written.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec
from singer_sdk.singerlib import RecordMessage, SchemaMessage, StateMessage
from singer_sdk.singerlib.encoding.simple import Message as SingerMessage

from bigin_airbyte import messages
from bigin_airbyte.catalog import AIRBYTE_DELETED_AT
from bigin_airbyte.messages import Message
from bigin_airbyte.states import States
from tap_bigin.discovery.definition import DELETED_AT
from tap_bigin.singer.writer import PageWriter


class SingerRecord(msgspec.Struct):
    """What is read of a Singer RECORD."""

    stream: str
    record: msgspec.Raw


class Content(msgspec.Struct):
    """Of a RECORD of Airbyte's."""

    stream: str
    data: Any
    emitted_at: int


class Record(msgspec.Struct, tag_field="type", tag="RECORD"):
    """A RECORD of Airbyte's."""

    record: Content


_decoder = msgspec.json.Decoder(SingerRecord)
_encoder = msgspec.json.Encoder()


class AirbyteWriter(PageWriter):
    """What the tap writes its Singer messages to."""

    def __init__(self) -> None:
        super().__init__()
        self.states = States(None, ())
        self.told: dict[str, int] = {}  # records of each stream that has begun
        self._since_state: dict[str, int] = {}
        self._cursors: dict[str, list[str]] = {}  # of streams whose deletions come as records
        self._lock = threading.RLock()

    def tell(self, *told: Message) -> None:
        """Write messages, whole and at once."""
        with self._alone():
            self.put(_encoder.encode_lines(told))

    def tell_log(self, record: logging.LogRecord) -> None:
        """The same for a line of the log, from any thread."""
        self.tell(messages.log(record))

    def write_message(self, message: SingerMessage) -> None:
        """Tell what the tap says in a message of Singer's."""
        if isinstance(message, RecordMessage):
            self.write_lines(bytes(self.format_message(message)))
        elif isinstance(message, SchemaMessage):
            if DELETED_AT in message.schema["properties"]:
                self._cursors[message.stream] = list(message.bookmark_properties or ())
            self.begin(message.stream)
        elif isinstance(message, StateMessage):
            self.tell_state(message.value)

    def begin(self, stream: str) -> None:
        """Say that a stream has begun."""
        if stream not in self.told:
            self.told[stream] = 0
            self.tell(messages.stream_status(stream, "STARTED"))

    def write_lines(self, lines: bytes) -> None:
        """Tell records that come as lines of Singer's, all of one stream."""
        records = _decoder.decode_lines(lines)
        if not records:
            return
        stream = records[0].stream
        if not self.told[stream]:
            self.tell(messages.stream_status(stream, "RUNNING"))
        moment = messages.now()
        told = [Record(Content(stream, self._data(each), moment)) for each in records]
        with self._alone():
            self.put(_encoder.encode_lines(told))
            self.told[stream] += len(told)
            self._since_state[stream] = self._since_state.get(stream, 0) + len(told)

    def tell_state(self, singer: Mapping[str, Any], *, last: bool = False) -> None:
        """Tell the parts of a state that say something new; the ``last`` says it of every stream."""
        with self.unbroken():
            for stream, part, is_new in self.states.split(singer, list(self.told)):
                count = self._since_state.pop(stream, 0)
                if is_new or count or last:
                    self.tell(messages.stream_state(stream, part, records=count))

    def _data(self, record: SingerRecord) -> Any:
        cursors = self._cursors.get(record.stream)
        if cursors is None:
            return record.record
        data: Message = msgspec.json.decode(record.record)
        deleted = data.pop(DELETED_AT, None)
        if deleted is not None:  # the latest by the cursor counts, so a deletion has one
            data |= {name: deleted for name in cursors if data.get(name) is None}
        return {**data, AIRBYTE_DELETED_AT: deleted}

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other line in between, and in the main thread, which signals interrupt, no end either."""
        if threading.current_thread() is threading.main_thread():
            with self.unbroken(), self._lock:
                yield
        else:
            with self._lock:
                yield
