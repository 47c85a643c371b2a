"""What all kinds of streams share, whatever the SDK makes of it (``singer.sync``).

A kind of stream has a definition (a subclass of ``discovery.StreamDefinition``) and a subclass of
``BiginStream`` with one method, ``read``. The table in ``tap_bigin.offer`` joins the two.

``read`` is a generator of ``Batch`` and runs in a thread of ``prefetch``, beside the other streams'. So it

- gets its entry of the state as an argument, and never touches ``self.tap_state`` or writes messages;
- says in each batch what the state is once the batch's records are written (None: as before);
- calls ``self.client``, whose calls are counted under the stream's name, and spreads calls of one
  page over threads with ``self.calls`` (never submit there what waits for another piece of work);
- lets ``BiginError`` fly: the stream is then skipped with a warning (PermissionDenied,
  ModuleUnavailable), or fails the run at its end, after the others are written;
- ends when everything is read, and only then yields a batch whose state has a new bookmark.
"""

from __future__ import annotations

import copy
from abc import abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Generic, TypeVar

from singer_sdk.helpers.conform import TypeConformanceLevel

from bigin_api import (
    BiginError,
    CreditBudgetReached,
    InvalidRequest,
    ModuleUnavailable,
    PermissionDenied,
)
from bigin_api.limits import DELETED_MODULES
from tap_bigin.bookmarks import Scan, believed, complete, from_text, read_from, to_utc_text, with_fields
from tap_bigin.discovery.definition import StreamDefinition
from tap_bigin.discovery.turns import TURN
from tap_bigin.report import alone, ends_run
from tap_bigin.singer.sync import SyncedStream
from tap_bigin.singer.versions import is_older, versioned
from tap_bigin.values.conversion import Conversion

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from singer_sdk import Tap

    from tap_bigin.run import Run
    from tap_bigin.singer.batch import Batch, Record, State

D = TypeVar("D", bound=StreamDefinition)

CREDITS_OF_A_PAGE = 10
"""A page of a module, with fields in several groups, a count, and the list of what was deleted."""

REFUSED = "refused"
"""In the state of a stream that Bigin refused at the latest sweep: it is tried again at the next one."""


class BiginStream(SyncedStream[D], Generic[D]):
    """A stream of any kind: ``BiginStream[ModuleDefinition]`` is one of that definition."""

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # values fit their schema before they come here

    run: Run

    def __init__(self, tap: Tap, run: Run, definition: D) -> None:
        super().__init__(tap, run, definition)
        self.selected_by_default = definition.selected_by_default
        self.primary_keys = list(definition.primary_keys)
        self.replication_key = definition.replication_key
        self.client = run.client.labelled(definition.name)
        self.calls = run.calls
        self.settings = run.settings
        self._is_swept_now = False  # with a feed: this run reads it by its bookmark

    @abstractmethod
    def read(self, state: State) -> Iterator[Batch]:
        """The stream's records, from what its state says on. Runs in a thread: see above."""

    # What kinds have in common

    @property
    def bookmark_key(self) -> str | None:
        """The replication key; None where everything is read at each run."""
        return self.replication_key if self.is_incremental else None

    def reads_from(self, state: State) -> datetime | None:
        """From when a scan reads: a little before the bookmark, or the start date; None: everything."""
        if self.bookmark_key is None:
            return None
        start = self.settings.start_date
        if "sweeping" in state:  # what rows stand for since an earlier start date is not gone
            start = from_text(state["since"]) if "since" in state else None
        return read_from(state, self.bookmark_key, start_date=start, overlap=self.settings.overlap)

    def new_scan(self, state: State, *, shape: str) -> Scan:
        """A scan from the bookmark or the start date, full where there is neither."""
        since = self.reads_from(state)
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

    @cached_property
    def convert(self) -> Conversion:
        """Makes records ready to leave, with the properties that are asked for and no others."""
        schema = self.definition.schema
        properties = {name: each for name, each in schema.properties.items() if self.is_asked_for(name)}
        return Conversion(properties, schema.treatments, warn=self.report.warn)

    # With a feed

    @property
    def relies_on_feed(self) -> bool:
        """Whether notifications tell of its records, so that a silence makes a sweep due."""
        return False

    def is_sweep_due(self, state: State) -> bool:
        """Whether it is read by its bookmark in this run: with a feed, where it is due or was interrupted."""
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

    def read_by_plan(self, state: State) -> Iterator[Batch]:
        """Everything that this run reads of the stream."""
        if self.name in self.run.unreadable:
            raise BiginError(self.run.unreadable[self.name])
        if self.is_sweep_due(state):
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

    # How it begins and ends

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

    @property
    def least_credits(self) -> int:
        """What it takes at least to come further, beside what describes it."""
        return CREDITS_OF_A_PAGE

    def end_turn(self) -> None:
        """Note when its turn within a budget ended: others have waited longer from now on."""
        if (now := self.client.server_time) is not None:
            self.add_to_state({TURN: to_utc_text(now)})

    def end(self, error: BaseException | None) -> None:
        """Everything is written, or reading ended with an error: that ends the stream, seldom the run."""
        self.report.end()
        error = error or self.map_failure
        if isinstance(error, (PermissionDenied, ModuleUnavailable)):
            self.report.skip(error)
        elif isinstance(error, InvalidRequest) and error.code == "INVALID_URL_PATTERN":
            # Listed, and yet there is no such address.
            self.report.skip(error)
        elif isinstance(error, CreditBudgetReached):
            self.report.unfinished = True
            self.run.budget_reached = error
            return
        elif error is not None and ends_run(error):
            raise error
        elif error is not None:
            self.report.failure = alone(error)
            self.logger.debug("%s: failed.", self.name, exc_info=error)
            return
        if self.run.feed is not None and self._is_swept_now:
            self.run.feed.has_been_swept(self.name)
            if error is not None:
                self.take_over({**self.saved_state(), REFUSED: True})
