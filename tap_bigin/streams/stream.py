"""What all streams share: how a kind of stream meets the SDK.

A kind of stream has a definition (a subclass of ``discovery.StreamDefinition``) and a subclass of
``BiginStream`` with one method, ``read``. The table in ``tap_bigin.streams`` joins the two.

``read`` is a generator of ``Batch`` and runs in a thread of ``prefetch``, ahead of its turn. So it

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
import time
from abc import abstractmethod
from dataclasses import replace
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import SameRecordTransform

from bigin_api import (
    AuthError,
    BiginError,
    CreditBudgetReached,
    InvalidRequest,
    ModuleUnavailable,
    PermissionDenied,
)
from tap_bigin.bookmarks import Scan, read_from
from tap_bigin.discovery.definition import StreamDefinition
from tap_bigin.singer.cataloged import CatalogedStream
from tap_bigin.singer.writer import record_lines
from tap_bigin.values.conversion import Conversion

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping

    from singer_sdk import Tap

    from bigin_api import InFlight, Labelled
    from tap_bigin.run import Run
    from tap_bigin.settings import TapSettings
    from tap_bigin.singer.batch import Batch, State
    from tap_bigin.singer.writer import PageWriter

D = TypeVar("D", bound=StreamDefinition)

RECORDS_PER_STATE = 1_000
"""A STATE message at the first border of a batch after so many records, and at the stream's end."""

SECONDS_PER_STATE = 5.0
"""The same after so much time: a batch of few records may have cost many calls."""


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
        self.primary_keys = list(definition.primary_keys)
        self.replication_key = definition.replication_key
        self.client = run.client.labelled(definition.name)
        self.calls = run.calls
        self.settings = run.settings
        self.report = run.report.stream(definition.name)
        self._since_state = 0
        self._state_due = time.monotonic() + SECONDS_PER_STATE

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
        since = read_from(state, key, start_date=self.settings.start_date) if key else None
        # Bigin's clock at an answer that came before the first page is asked for.
        started = self.client.server_time
        return Scan("full" if since is None else "incremental", started, shape, since=since)

    def conversion(self, names: Iterable[str]) -> Conversion:
        """What makes records with these properties ready to leave."""
        schema = self.definition.schema
        properties = {name: schema.properties[name] for name in names}
        return Conversion(properties, schema.treatments, warn=self.report.warn)

    # How the SDK gets the records

    def saved_state(self) -> State:
        """A copy of the stream's entry of the state."""
        return copy.deepcopy(self.tap_state.get("bookmarks", {}).get(self.name, {}))

    def get_records(self, context: Mapping[str, Any] | None) -> Iterable[dict[str, Any]]:  # noqa: ARG002
        """The records of every batch; a batch's state is taken over when its records are written."""
        if self.ABORT_AT_RECORD_COUNT is None:
            yield from self._settled_records()
        else:  # a test ends here: the SDK would end it with an error for every stream
            yield from islice(self._settled_records(), self.ABORT_AT_RECORD_COUNT)

    def _settled_records(self) -> Iterator[dict[str, Any]]:
        for batch in self._batches():
            yield from batch.records
            self._settle(batch)

    def _sync_records(
        self, context: Any = None, *, write_messages: bool = True
    ) -> Generator[dict[str, Any], Any, Any]:
        """Write a batch at a time where nothing is to be done to a record any more.

        The SDK's own way, record by record, is left to stream maps, flattening, batches and tests.
        """
        if not self._goes_straight:
            yield from super()._sync_records(context, write_messages=write_messages)
            return
        with self.get_record_counter() as counter, self.get_sync_timer():
            for batch in self._batches():
                lines = batch.lines
                if lines is None:
                    lines = record_lines(self.name, batch.records, batch.extracted)
                self._writer.write_lines(lines)
                counter.increment(batch.count)
                self._settle(batch)
        self._finalize_state()
        self._write_state_message()

    def read_ahead(self, state: State) -> Iterator[Batch]:
        """What is read, as lines where nothing is left to be done to the records. Runs in a thread."""
        straight = self._goes_straight
        for batch in self.read(state):
            if straight:
                lines = record_lines(self.name, batch.records, batch.extracted)
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

    @property
    def _writer(self) -> PageWriter:
        return cast("PageWriter", self._tap.message_writer)

    def _ahead(self) -> Iterable[Batch]:
        if self.ABORT_AT_RECORD_COUNT is not None:
            return self.read(self.saved_state())
        return self.run.batches_ahead(self.name)

    def _batches(self) -> Iterator[Batch]:
        """What the reader yields. What it raises ends the stream, seldom the run."""
        self.report.begin()
        try:
            yield from self._ahead()
        except (PermissionDenied, ModuleUnavailable) as refused:
            self.report.warn(f"skipped. {refused.message}")
        except InvalidRequest as refused:
            if refused.code == "INVALID_URL_PATTERN":  # listed, and yet there is no such address
                self.report.warn(f"skipped. {refused.message}")
            else:
                self.report.failure = refused
        except AuthError:
            raise
        except CreditBudgetReached as reached:
            self.report.unfinished = True
            self.run.budget_reached = reached
        except BiginError as error:
            self.report.failure = error
        finally:
            self.report.end()

    def _settle(self, batch: Batch) -> None:
        self.report.emitted += batch.count
        self._since_state += batch.count
        self._writer.flush()
        ahead = self.run.states_ahead()
        states = ahead if batch.state is None else {**ahead, self.name: batch.state}
        for name, state in states.items():
            # One assignment: a signal between two would leave half an entry.
            self.tap_state.setdefault("bookmarks", {})[name] = dict(state)
        # Without records it says what cannot be found out again, such as the job that was made.
        is_due = self._since_state >= RECORDS_PER_STATE or time.monotonic() > self._state_due
        if ahead or (states and (not batch.count or is_due)):
            self._since_state = 0
            self._state_due = time.monotonic() + SECONDS_PER_STATE
            self.state_manager.is_flushed = False
            self._write_state_message()

    def get_replication_key_signpost(self, context: Any = None) -> None:  # noqa: ARG002
        """None: the end of the window is Bigin's clock, see ``bookmarks``."""
        return

    def _write_starting_replication_value(self, context: Any) -> None:
        """Nothing: the bookmark itself is where the stream starts."""

    def _increment_stream_state(self, latest_record: Any, *, context: Any = None) -> None:
        """Nothing: batches carry the state."""

    def _finalize_state(self, state: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        self.state_manager.is_flushed = False

    def finalize_state_progress_markers(self, state: dict[str, Any] | None = None) -> None:
        """Write the state as the last batch left it."""
        self._finalize_state(state)
        self._write_state_message()
