"""What all streams share: how a kind of stream meets the SDK.

A kind of stream has a definition (a subclass of ``discovery.StreamDefinition``) and a subclass of
``BiginStream`` with one method, ``read``. The table in ``tap_bigin.streams`` joins the two.

``read`` is a generator of ``Batch`` and runs in a thread of ``prefetch``, beside the other streams'. So it

- gets its entry of the state as an argument, and never touches ``self.tap_state`` or writes messages;
- says in each batch what the state is once the batch's records are written (None: as before);
- calls ``self.client``, whose calls are counted under the stream's name, and spreads calls of one
  page over threads with ``self.calls`` (never submit there what waits for another piece of work);
- lets ``BiginError`` fly: the stream is then skipped with a warning (PermissionDenied,
  ModuleUnavailable), or fails the run at its end, after the others are written;
- ends when everything is read, and only then yields a batch whose state has a new bookmark.

The SDK's own bookkeeping is switched off: it compares bookmarks as strings, promotes them when a
reader stops early and caps them by this machine's clock.
"""

from __future__ import annotations

import copy
from abc import abstractmethod
from dataclasses import replace
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from singer_sdk.batch import Batcher
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import SameRecordTransform

from bigin_api import (
    BiginError,
    CreditBudgetReached,
    InvalidRequest,
    ModuleUnavailable,
    PermissionDenied,
)
from bigin_api.json_values import mended
from bigin_api.limits import DELETED_MODULES
from tap_bigin.bookmarks import Scan, believed, complete, from_text, read_from, to_utc_text, with_fields
from tap_bigin.discovery.definition import StreamDefinition
from tap_bigin.discovery.turns import TURN
from tap_bigin.report import alone, ends_run
from tap_bigin.singer.batch import Batch, for_parquet, in_time
from tap_bigin.singer.cataloged import CatalogedStream
from tap_bigin.singer.versions import is_older, versioned
from tap_bigin.singer.writer import record_lines
from tap_bigin.values.conversion import Conversion

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping

    from singer_sdk import Tap
    from singer_sdk.helpers._batch import BaseBatchFileEncoding, BatchConfig
    from singer_sdk.singerlib import RecordMessage

    from bigin_api import InFlight, Labelled
    from tap_bigin.run import Run
    from tap_bigin.settings import TapSettings
    from tap_bigin.singer.batch import Record, State
    from tap_bigin.singer.writer import PageWriter

D = TypeVar("D", bound=StreamDefinition)

MOST_NAMED = 10  # records of a stream for which a stream map fails; more are counted

CREDITS_OF_A_PAGE = 10
"""A page of a module, with fields in several groups, a count, and the list of what was deleted."""

REFUSED = "refused"
"""In the state of a stream that Bigin refused at the latest sweep: it is tried again at the next one."""


class BiginStream(CatalogedStream[D], Generic[D]):
    """A stream of any kind: ``BiginStream[ModuleDefinition]`` is one of that definition."""

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # values fit their schema before they come here

    client: Labelled
    calls: InFlight
    settings: TapSettings

    def __init__(self, tap: Tap, run: Run, definition: D) -> None:
        super().__init__(tap, schema=definition.schema.to_json(), name=definition.name)
        self.run = run
        self.definition = definition
        self.selected_by_default = definition.selected_by_default
        self.primary_keys = list(definition.primary_keys)
        self.replication_key = definition.replication_key
        self.client = run.client.labelled(definition.name)
        self.calls = run.calls
        self.settings = run.settings
        self.report = run.report.stream(definition.name)
        self._is_introduced = False
        self._is_swept_now = False  # with a feed: this run reads it by its bookmark
        self._in_file: State | None = None  # what is reached once a file of records is whole
        self._unmapped: list[str] = []  # records for which a stream map fails: no bookmark passes them

    @abstractmethod
    def read(self, state: State) -> Iterator[Batch]:
        """The stream's records, from what its state says on. Runs in a thread: see above."""

    # What kinds have in common

    @property
    def bookmark_key(self) -> str | None:
        """The replication key; None where everything is read at each run."""
        return self.replication_key if self.is_incremental else None

    def new_scan(self, state: State, *, shape: str) -> Scan:
        """A scan from the bookmark or the start date, full where there is neither."""
        key = self.bookmark_key
        start, overlap = self.settings.start_date, self.settings.overlap
        if "sweeping" in state:  # what rows stand for since an earlier start date is not gone
            start = from_text(state["since"]) if "since" in state else None
        since = read_from(state, key, start_date=start, overlap=overlap) if key else None
        # Bigin's clock at an answer that came before the first page is asked for.
        started = self.client.server_time
        return Scan("full" if since is None else "incremental", started, shape, since=since)

    def with_fields(self, state: State, names: Iterable[str], *, asks: str = "") -> State:
        """The state with the fields that its bookmark stands for, and no bookmark where it stands for fewer.

        ``asks`` is what else is asked for: of a query its condition.
        """
        known, new = with_fields(state, names, asks=asks)
        if not (new and self.is_incremental and "replication_key_value" in state):
            return known
        said = ", ".join(new)
        if not self.settings.backfill:
            self.report.warn(f"{said}: selected since, and null until a record changes (backfill).")
            return {**state, "fields": sorted(set(known["fields"]).difference(new))}
        price = self.price_of_everything()
        self.report.add_note(f"{said}: selected since, so everything is read once{price}.")
        ended = ("pass", "replication_key", "replication_key_value")
        return {name: each for name, each in known.items() if name not in ended}

    def completed(self, state: State, scan: Scan) -> State:
        """The state after a pass; with its old bookmark where a record that is there did not come."""
        if self.report.missed:
            return {name: each for name, each in state.items() if name != "pass"}
        return complete(state, scan, replication_key=self.bookmark_key)

    def with_keys(self, rows: list[Record]) -> list[Record]:
        """The rows that have their keys; the others are told and left out."""
        keys = self.definition.primary_keys
        whole = [row for row in rows if all(row[key] for key in keys)]
        if len(whole) < len(rows):
            self.report.lacks(f"{len(rows) - len(whole)} rows without {' or '.join(keys)}: left out.")
        return whole

    def conversion(self, names: Iterable[str]) -> Conversion:
        """What makes records with these properties ready to leave."""
        schema = self.definition.schema
        properties = {name: schema.properties[name] for name in names}
        return Conversion(properties, schema.treatments, warn=self.report.warn)

    # With a feed

    @property
    def relies_on_feed(self) -> bool:
        """Whether notifications tell of its records, so that a silence makes a sweep due."""
        return False

    def is_sweep_due(self, state: State) -> bool:
        """With a feed: whether it is read by its bookmark in this run, or has none, or was interrupted."""
        feed = self.run.feed
        lacks_bookmark = self.is_incremental and "replication_key_value" not in state and REFUSED not in state
        if feed is None or "pass" in state or lacks_bookmark:
            return True
        return feed.why_sweep(self.name, relies_on_it=self.relies_on_feed) is not None

    def read_told(self, state: State) -> Iterator[Batch]:  # noqa: ARG002 -- of most kinds nothing is told
        """Between two sweeps: what the feed told of. Runs in a thread, as ``read``."""
        yield from ()

    def read_swept(self, state: State) -> Iterator[Batch]:
        """At a sweep: what its bookmark says, beside what the feed told of."""
        yield from self._versioned(state)

    def _read_by_plan(self, state: State) -> Iterator[Batch]:
        """Everything that this run reads of the stream."""
        if self.name in self.run.unreadable:
            raise BiginError(self.run.unreadable[self.name])
        if self.run.feed is None:
            yield from self._versioned(state)
        elif self.is_sweep_due(state):
            self._is_swept_now = True
            yield from self.read_swept({name: each for name, each in state.items() if name != REFUSED})
        else:
            self.report.by_feed = True
            yield from self.read_told(state)

    # Rows that are gone

    @property
    def is_swept(self) -> bool:
        """Whether rows that are gone are found by reading everything: where all is read anyway.

        Also where Bigin lists no deletions: of Notes, Attachments, custom modules, and what is read of them.
        """
        if not self.is_incremental:
            return True
        if self.config.get("batch_config"):  # files carry no version: loaders could drop nothing
            return False
        return self.settings.sweep_after is not None and self.module_read not in DELETED_MODULES

    @property
    def module_read(self) -> str | None:
        """The module whose records it gives, None for what are no records."""
        return None

    def sweep_is_due(self, state: State) -> bool:
        """At each run where all is read anyway; else at the first, and once the latest sweep is old."""
        after = self.settings.sweep_after
        if not self.is_incremental or after is None or not state.get("swept"):
            return True
        is_due = is_older(state["swept"], self.client.server_time, than=after)
        if is_due:
            price = self.price_of_everything()
            self.report.inform(f"reads everything to find what was deleted (deletion_sweep){price}.")
        return is_due

    def price_of_everything(self) -> str:
        """What a full reading costs, for a message; nothing where that is not known beforehand."""
        return ""

    def _versioned(self, state: State) -> Iterator[Batch]:
        """What is read, with the version that tells loaders which rows are gone: see ``singer.versions``."""
        if not self.is_swept:
            return self.read(state)
        return versioned(
            self.read,
            state,
            now=self.client.server_time,
            is_due=self.sweep_is_due,
            start_date=self.settings.start_date,
            is_incremental=self.is_incremental,
            is_partial=lambda: self.report.partial,
        )

    # How the SDK gets the records

    def saved_state(self) -> State:
        """A copy of the stream's entry of the state, with a bookmark that can be believed."""
        entry = copy.deepcopy(self.tap_state.get("bookmarks", {}).get(self.name, {}))
        key, now = self.bookmark_key, self.client.server_time
        if key is None or now is None:
            return entry
        known = believed(entry, key, now, self.settings.overlap)
        if "replication_key_value" in entry and "replication_key_value" not in known:
            self.report.warn(
                f"the bookmark {entry['replication_key_value']} is later than Bigin's clock "
                f"({to_utc_text(now)}): it is not believed, everything is read."
            )
        return known

    def get_records(self, context: Mapping[str, Any] | None) -> Iterable[dict[str, Any]]:  # noqa: ARG002
        """The records alone, one stream after the other: for files (BATCH) and for tests.

        A batch's state is taken over once the file with its records is told.
        """
        self.report.begin()
        try:
            for batch in self._read_by_plan(self.saved_state()):
                self._stream_version = batch.version
                yield from batch.records
                self.report.emitted += batch.count
                self._in_file = batch.state or self._in_file
                self.run.note_batch(self.name, batch)
        except Exception as error:  # noqa: BLE001 -- judged where those of threads are
            ended: Exception | None = error
        else:
            ended = None
        self.run.note_end(self, ended)

    def _sync_records(
        self, context: Any = None, *, write_messages: bool = True
    ) -> Generator[dict[str, Any], Any, Any]:
        """Write what comes, of whichever stream, until this one is written."""
        if write_messages and self.ABORT_AT_RECORD_COUNT is None:
            self.run.write_until_done(self.name)
            return
        # A test ends after some: the SDK would end it with an error for every stream.
        is_parquet = ((self.config.get("batch_config") or {}).get("encoding") or {}).get(
            "format"
        ) == "parquet"
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
            self._take_over(batch.state)
        if self.run.is_state_due(batch):
            self._write_state()

    @property
    def least_credits(self) -> int:
        """What it takes at least to come further, beside what describes it."""
        return CREDITS_OF_A_PAGE

    def end_turn(self) -> None:
        """Note when its turn within a budget ended: others have waited longer from now on."""
        if (now := self.client.server_time) is None:
            return
        ended = {TURN: to_utc_text(now)}
        if self._in_file is not None:
            self._in_file = {**self._in_file, **ended}
        else:
            self._take_over({**self.tap_state.get("bookmarks", {}).get(self.name, {}), **ended})

    def end(self, error: BaseException | None) -> None:
        """Everything is written, or reading ended with an error: that ends the stream, seldom the run."""
        self.report.end()
        if error is None and self._unmapped:
            others = f", and {len(self._unmapped) - 1:,} others" if len(self._unmapped) > 1 else ""
            error = BiginError(f"{self._unmapped[0]}{others}. The bookmark stays: mend stream_maps.")
        if isinstance(error, (PermissionDenied, ModuleUnavailable)):
            self.report.skip(error)
        elif isinstance(error, InvalidRequest) and error.code == "INVALID_URL_PATTERN":
            # Listed, and yet there is no such address.
            self.report.skip(error)
        elif isinstance(error, CreditBudgetReached):
            self.report.unfinished = True
            self.run.budget_reached = error
            return
        elif error is not None and (ends_run(error) or not isinstance(error, Exception)):
            raise error
        elif error is not None:
            self.report.failure = alone(error)
            self.logger.debug("%s: failed.", self.name, exc_info=error)
            return
        if self.run.feed is not None and self._is_swept_now:
            self.run.feed.has_been_swept(self.name)
            if error is not None:
                self._take_over({**self.saved_state(), REFUSED: True})

    def _write_schema_message(self) -> None:
        """Once a run: a stream whose records come before its turn has been introduced already."""
        if not self._is_introduced:
            self._is_introduced = True
            super()._write_schema_message()

    def read_ahead(self, state: State) -> Iterator[Batch]:
        """What is read, as lines where nothing is left to be done to the records. Runs in a thread."""
        self.report.begin()
        straight = self._goes_straight
        for batch in self._read_by_plan(state):
            if straight:
                lines = self._lines(batch)
                yield replace(batch, records=[], lines=lines, lines_count=len(batch.records))
            else:
                yield batch

    def _lines(self, batch: Batch) -> bytes:
        try:
            return record_lines(self.name, batch.records, batch.extracted, batch.version)
        except UnicodeEncodeError:  # a job's file may hold what is no Unicode
            told: list[str] = []
            records = [mended(each, tell=told.append) for each in batch.records]
            for place in told:
                self.report.warn(f"{place}: what came is no text. It is null.")
            return record_lines(self.name, records, batch.extracted, batch.version)

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

    @property
    def _writer(self) -> PageWriter:
        return cast("PageWriter", self._tap.message_writer)

    def _take_over(self, state: State | None) -> None:
        if state is not None and not self._unmapped:
            # One assignment: a signal between two would leave half an entry.
            self.tap_state.setdefault("bookmarks", {})[self.name] = dict(state)
            self.run.is_state_told = False

    def _write_batch_message(self, encoding: BaseBatchFileEncoding, manifest: list[str]) -> None:
        if encoding.format == "jsonl":  # the SDK packs its lines whatever is asked for
            encoding = replace(encoding, compression="gzip")
        super()._write_batch_message(encoding, manifest)
        self._take_over(self._in_file)
        self.state_manager.is_flushed = False

    def get_replication_key_signpost(self, context: Any = None) -> None:  # noqa: ARG002
        """None: the end of the window is Bigin's clock, see ``bookmarks``."""
        return

    def _write_starting_replication_value(self, context: Any) -> None:
        """Nothing: the bookmark itself is where the stream starts."""

    def _increment_stream_state(self, latest_record: Any, *, context: Any = None) -> None:
        """Nothing: batches carry the state."""

    def finalize_state_progress_markers(self, state: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Write the state as the last batch left it, if no later stream will."""
        self._take_over(self._in_file)
        if self.tap_state.get("told", {}) != self.run.report.told:
            self.run.is_state_told = False
        if not (self.run.is_state_told or self.run.others_come):
            self._write_state()

    def _write_state(self) -> None:
        self.run.is_state_told = True
        told, state = self.run.report.told, cast("dict[str, Any]", self.tap_state)
        if told or "told" in state:
            state["told"] = told
        self.state_manager.is_flushed = False
        self._write_state_message()
        self.run.state_bytes = self._writer.state_bytes
