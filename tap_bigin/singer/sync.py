"""The way of a record in: how the SDK gets what a stream reads, and writes it. Read it from the top.

A stream is read in a thread of ``prefetch``, beside the others (``read_ahead``). When the SDK comes to a
stream, whatever has been read of any is written (``write``) until that one has ended, and the state of a
batch is taken over with its records. With ``batch_config`` the SDK writes files instead (``get_batches``),
one stream after the other; for ``--test`` it takes some records of each (``get_records``).

The SDK's own bookkeeping is switched off: it compares bookmarks as strings, promotes them when a
reader stops early and caps them by this machine's clock.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast

from singer_sdk.batch import Batcher
from singer_sdk.mapper import SameRecordTransform

from bigin_api import BiginError
from bigin_api.json_values import mended
from tap_bigin.discovery.definition import StreamDefinition
from tap_bigin.singer.batch import for_parquet, in_time
from tap_bigin.singer.cataloged import CatalogedStream
from tap_bigin.singer.writer import record_lines

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping

    from singer_sdk import Tap
    from singer_sdk.helpers._batch import BaseBatchFileEncoding, BatchConfig
    from singer_sdk.singerlib import RecordMessage

    from tap_bigin.report import RunReport
    from tap_bigin.singer.batch import Batch, Record, State
    from tap_bigin.singer.writer import PageWriter, ShortStateWriter

D = TypeVar("D", bound=StreamDefinition)

MOST_NAMED = 10  # records of a stream for which a stream map fails; more are counted


class Session(Protocol):
    """What a stream that is written needs of its run."""

    report: RunReport

    @property
    def others_come(self) -> bool:
        """Whether streams are still being read, with whose batches the state will be told."""

    def write_until_done(self, name: str) -> None:
        """Write what comes, of whichever stream, until this one has ended."""

    def note_batch(self, name: str, batch: Batch) -> None:
        """A stream has brought a batch."""

    def note_end(self, stream: SyncedStream[Any], error: BaseException | None) -> None:
        """A stream's reader has ended, with this error if so."""


class SyncedStream(CatalogedStream[D], Generic[D]):
    """A stream that the SDK syncs, whatever it reads."""

    run: Session

    def __init__(self, tap: Tap, run: Session, definition: D) -> None:
        super().__init__(tap, schema=definition.schema.to_json(), name=definition.name)
        self.run = run
        self.definition = definition
        self.report = run.report.stream(definition.name)
        self._is_introduced = False
        self._in_file: State | None = None  # what is reached once a file of records is whole
        self._unmapped: list[str] = []  # records for which a stream map fails: no bookmark passes them

    # What the kinds of streams share knows of it

    @abstractmethod
    def saved_state(self) -> State:
        """A copy of its entry of the state."""

    @abstractmethod
    def is_sweep_due(self, state: State) -> bool:
        """Whether it is read by its bookmark in this run."""

    @abstractmethod
    def read_by_plan(self, state: State) -> Iterator[Batch]:
        """Everything that this run reads of the stream."""

    @abstractmethod
    def end_turn(self) -> None:
        """Note in its entry of the state when its turn within a budget ended."""

    @abstractmethod
    def end(self, error: BaseException | None) -> None:
        """Its reader has ended, with this error if so."""

    # Read, in a thread

    def read_ahead(self, state: State) -> Iterator[Batch]:
        """What is read, as lines where nothing is left to be done to the records."""
        self.report.begin()
        straight = self._goes_straight
        for batch in self.read_by_plan(state):
            if straight:
                lines = self._lines(batch)
                yield replace(batch, records=[], lines=lines, lines_count=len(batch.records))
            else:
                yield batch

    @cached_property
    def _goes_straight(self) -> bool:
        """Whether a record leaves as its reader made it."""
        if self.config.get("batch_config") or self.ABORT_AT_RECORD_COUNT is not None:
            return False
        plain = all(
            type(each) is SameRecordTransform
            and each.stream_alias == self.name
            and not each.flattening_enabled
            for each in self.stream_maps
        )
        return plain and len(self.stream_maps) == 1 and not self.has_deselected_parts

    def _lines(self, batch: Batch) -> bytes:
        try:
            return record_lines(self.name, batch.records, batch.extracted, batch.version)
        except UnicodeEncodeError:  # a job's file may hold what is no Unicode
            told: list[str] = []
            records = [mended(each, tell=told.append) for each in batch.records]
            for place in told:
                self.report.warn(f"{place}: what came is no text. It is null.")
            return record_lines(self.name, records, batch.extracted, batch.version)

    # Written

    def _sync_records(
        self, context: Any = None, *, write_messages: bool = True
    ) -> Generator[dict[str, Any], Any, Any]:
        """Write what comes, of whichever stream, until this one is written."""
        if write_messages and self.ABORT_AT_RECORD_COUNT is None:
            self.run.write_until_done(self.name)
            return
        # A test ends after some: the SDK would end it with an error for every stream.
        encoding = (self.config.get("batch_config") or {}).get("encoding") or {}
        is_parquet = encoding.get("format") == "parquet"
        for read in islice(self.get_records(context), self.ABORT_AT_RECORD_COUNT):
            if write_messages:
                self._write_record_message(read)
                yield read
                continue
            # The SDK's files would hold what stream maps hide and what is deselected inside a property.
            for each in self._generate_record_messages(read):
                yield for_parquet(each.record) if is_parquet else each.record
        if write_messages:
            self._write_state()

    def write(self, batch: Batch) -> None:
        """Write a batch, the schema before the first, and take over its state."""
        self._write_schema_message()
        with self._writer.unbroken():
            if batch.lines is not None:
                self._writer.write_lines(batch.lines)
            else:  # stream maps, flattening and what is deselected inside a property are the SDK's
                self._stream_version = batch.version
                for record in batch.records:
                    self._write_record_message(record)
            self._writer.flush()
            self.report.emitted += batch.count
            if batch.activates and batch.version is not None and not self._unmapped:
                self._write_activate_version_message(batch.version)
            self.take_over(batch.state)
        if self._state_writer.is_due(batch):
            self._write_state()

    def _write_schema_message(self) -> None:
        """Once a run: a stream whose records come before its turn has been introduced already."""
        if not self._is_introduced:
            self._is_introduced = True
            super()._write_schema_message()

    def _generate_record_messages(self, record: Record) -> Generator[RecordMessage, None, None]:
        """As the SDK; a record for which a stream map fails is left out, and the stream fails in the end."""
        try:
            messages = list(super()._generate_record_messages(record))
        except Exception as error:  # noqa: BLE001 -- whatever an expression of the user's runs into
            said = f"record {record.get('id')}: a stream map fails ({str(error).rstrip('.')})"
            if len(self._unmapped) < MOST_NAMED:
                self.report.lacks(f"{said}: left out.")
            self._unmapped.append(said)
            return
        yield from messages

    @property
    def map_failure(self) -> BiginError | None:
        """Why the stream fails in the end where a stream map failed for a record; else None."""
        if not self._unmapped:
            return None
        others = f", and {len(self._unmapped) - 1:,} others" if len(self._unmapped) > 1 else ""
        return BiginError(f"{self._unmapped[0]}{others}. The bookmark stays: mend stream_maps.")

    def take_over(self, state: State | None) -> None:
        """Make this the stream's entry of the state, unless a record was left out."""
        if state is not None and not self._unmapped:
            # One assignment: a signal between two would leave half an entry.
            self.tap_state.setdefault("bookmarks", {})[self.name] = dict(state)
            self._state_writer.is_told = False

    def add_to_state(self, said: State) -> None:
        """Say more in the latest entry; in that of an open file where there is one."""
        if self._in_file is not None:
            self._in_file = {**self._in_file, **said}
        else:
            self.take_over({**self.tap_state.get("bookmarks", {}).get(self.name, {}), **said})

    def finalize_state_progress_markers(self, state: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Write the state as the last batch left it, if no later stream will."""
        self.take_over(self._in_file)
        if self.tap_state.get("told", {}) != self.run.report.told:
            self._state_writer.is_told = False
        if not (self._state_writer.is_told or self.run.others_come):
            self._write_state()

    def _write_state(self) -> None:
        told, state = self.run.report.told, cast("dict[str, Any]", self.tap_state)
        if told or "told" in state:
            state["told"] = told
        self.state_manager.is_flushed = False
        self._write_state_message()

    @property
    def _writer(self) -> PageWriter:
        return cast("PageWriter", self._tap.message_writer)

    @property
    def _state_writer(self) -> ShortStateWriter:
        return cast("ShortStateWriter", self._tap.state_writer)

    # Files of records

    def get_batches(
        self, batch_config: BatchConfig, context: Mapping[str, Any] | None = None
    ) -> Iterator[tuple[BaseBatchFileEncoding, list[str]]]:
        """Files of records, as the SDK writes them, none of which stays open for long.

        Raises BiginError where they cannot be written, or would have to hold several streams.
        """
        if len(self.stream_maps) > 1:
            raise BiginError(
                f"{self.name}: stream_maps make several streams of it, and a file (batch_config) holds one."
            )
        batcher = Batcher(tap_name=self.tap_name, stream_name=self.name, batch_config=batch_config)
        try:
            for some in in_time(self._sync_records(context, write_messages=False)):
                for manifest in batcher.get_batches(some):
                    yield batch_config.encoding, manifest
        except OSError as error:
            raise BiginError(
                f"batch_config: {batch_config.storage.root} cannot be written ({error.strerror or error})."
            ) from error

    def get_records(self, context: Mapping[str, Any] | None) -> Iterable[dict[str, Any]]:  # noqa: ARG002
        """The records alone, one stream after the other: for files (BATCH) and for tests.

        A batch's state is taken over once the file with its records is told.
        """
        self.report.begin()
        ended: Exception | None = None
        try:
            for batch in self.read_by_plan(self.saved_state()):
                self._stream_version = batch.version
                yield from batch.records
                self.report.emitted += batch.count
                self._in_file = batch.state or self._in_file
                self.run.note_batch(self.name, batch)
        except Exception as error:  # noqa: BLE001 -- judged where those of threads are
            ended = error
        self.run.note_end(self, ended)

    def _write_batch_message(self, encoding: BaseBatchFileEncoding, manifest: list[str]) -> None:
        if encoding.format == "jsonl":  # the SDK packs its lines whatever is asked for
            encoding = replace(encoding, compression="gzip")
        super()._write_batch_message(encoding, manifest)
        self.take_over(self._in_file)
        self.state_manager.is_flushed = False

    # The SDK's bookkeeping

    def get_replication_key_signpost(self, context: Any = None) -> None:  # noqa: ARG002
        """None: the end of the window is Bigin's clock, see ``bookmarks``."""
        return

    def _write_starting_replication_value(self, context: Any) -> None:
        """Nothing: the bookmark itself is where the stream starts."""

    def _increment_stream_state(self, latest_record: Any, *, context: Any = None) -> None:
        """Nothing: batches carry the state."""
