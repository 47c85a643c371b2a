"""The SDK's sink: hands each record to its stream. It keeps nothing and drains nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from singer_sdk import Target
from singer_sdk.sinks import Sink

from target_bigin.records.record import Fields, Spoiled
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
        engine: Any = target.engine  # type: ignore[attr-defined]
        self._open: Callable[..., Stream | None] = engine.open_stream
        self._hand_over: Callable[[Stream, Fields], None] = engine.take
        self._taken = 0
        self._schema = Schema(stream_name, self.original_schema["properties"], tuple(key_properties or ()))
        self._stream = self._open(self._schema)

    is_full = False

    def take(self, record: dict[str, Any]) -> None:
        """A record that no stream map touched. Raises MissingKeyPropertiesError."""
        for name in self._key_properties:
            if name not in record:
                self._singer_validate_message(record)
                break
        self._taken += 1
        self._take(record)

    def take_spoiled(self, record: Spoiled) -> None:
        """A record that ends here, whatever it lacks."""
        self._taken += 1
        self._take(record)

    def clean_up(self) -> None:
        """Tell the SDK's metric what did not pass through the SDK."""
        self.record_counter_metric.increment(self._taken)
        super().clean_up()

    def get_validator(self) -> None:
        """No validation: each value is converted or its record rejected."""

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        """Let the stream have it."""
        del context
        self._take(record)

    def process_batch(self, context: dict[str, Any]) -> None:
        """The records of a file that a BATCH message names; of others nothing was kept back."""
        for record in context.get("records", ()):
            self._singer_validate_message(record)
            self._take(record)

    def activate_version(self, new_version: int) -> None:
        """All records of this version have been read."""
        if self._stream is not None:
            self._stream.activate_version(new_version)

    def _singer_validate_message(self, record: dict[str, Any]) -> None:
        """A record without a key that is a field of the module ends by itself; any other ends the run."""
        if not all(name in record or self._judges(name) for name in self._key_properties):
            super()._singer_validate_message(record)

    def _take(self, record: Fields) -> None:
        if self._stream is None:
            self._stream = self._open(self._schema, record)
        if self._stream is not None:
            self._hand_over(self._stream, record)

    def _judges(self, key_property: str) -> bool:
        return self._stream is not None and self._stream.judges(key_property)

    def _validate_and_parse(self, record: dict[str, Any]) -> dict[str, Any]:
        return record

    def _remove_sdc_metadata_from_record(self, record: dict[str, Any]) -> None:
        """They stay: ``_sdc_deleted_at`` means something here, and the reject log shows what was read."""

    def _after_process_record(self, context: dict[str, Any]) -> None:
        """No debug line for each record."""

    def _get_context(self, record: dict[str, Any]) -> dict[str, Any]:
        del record
        return _NO_CONTEXT


_NO_CONTEXT: dict[str, Any] = {}
