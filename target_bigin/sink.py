"""The SDK's sink: hands each record to its stream. It keeps nothing and drains nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from singer_sdk import Target
from singer_sdk.sinks import Sink

from target_bigin.records.record import Fields
from target_bigin.schema.context import Schema
from target_bigin.streams.stream import Stream


class BiginSink(Sink):
    """A stream, as long as its schema stays the same.

    What the SDK does to each record by default is left out, since the stream does it better: validation
    (one bad value would end the run), parsing of timestamps (likewise), removal of ``_sdc_`` keys.
    """

    def __init__(
        self,
        target: Target,
        stream_name: str,
        schema: dict[str, Any],
        key_properties: Sequence[str] | None,
    ) -> None:
        super().__init__(target, stream_name, schema, key_properties)
        self._engine: Any = target.engine  # type: ignore[attr-defined]
        self._taken = 0
        self._schema = Schema(stream_name, self.original_schema["properties"], tuple(key_properties or ()))
        self._stream: Stream | None = self._engine.open_stream(self._schema)

    is_full = False

    def process_record(self, record: Fields, context: object = None) -> None:
        """A record, as the stream maps left it. Raises MissingKeyPropertiesError, as the SDK's tests want."""
        del context
        stream = self._stream
        if type(record) is dict:  # one that is spoiled ends by that, whatever it lacks
            for name in self._key_properties:
                if name not in record and not (stream is not None and stream.judges(name)):
                    self._singer_validate_message(record)
        self._taken += 1
        if stream is None:
            stream = self._stream = self._engine.open_stream(self._schema, record)
        self._engine.take(stream, record)

    def clean_up(self) -> None:
        """Tell the SDK's metric what did not pass through the SDK."""
        self.record_counter_metric.increment(self._taken)
        super().clean_up()

    def get_validator(self) -> None:
        """No validation: each value is converted or its record rejected."""

    def process_batch(self, context: dict[str, Any]) -> None:
        """Nothing was kept back."""

    def activate_version(self, new_version: int) -> None:
        """All records of this version have been read."""
        if self._stream is not None:
            self._stream.activate_version(new_version)
