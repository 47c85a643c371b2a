"""What the streams of one run share: settings, client, threads, the account; and what comes is written."""

from __future__ import annotations

import time
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Protocol

from bigin_api import Client, InFlight
from tap_bigin.discovery.description import Description
from tap_bigin.lists.deletions import DeletedLists
from tap_bigin.report import RunReport
from tap_bigin.settings import TapSettings
from tap_bigin.singer.prefetch import MOST_READERS, Prefetch

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Collection, Iterator, Mapping

    from bigin_api import CreditBudgetReached
    from tap_bigin.discovery.catalog_cache import Carried
    from tap_bigin.singer.batch import Batch, State
    from tap_bigin.singer.prefetch import Arrival

CALLS_AT_THE_GATE = 64
RECORDS_PER_STATE = 1_000
"""A STATE message after so many records of all streams, and at the end of each."""

SECONDS_PER_STATE = 5.0
"""The same after so much time: a batch of few records may have cost many calls."""

DELETED_RECORDS = "deleted_records"


class Readable(Protocol):
    """What a run needs to know of a stream."""

    name: str
    selected: bool

    @property
    def is_incremental(self) -> bool:
        """Whether a bookmark tells how far it was read."""

    def read_ahead(self, state: State) -> Iterator[Batch]:
        """Its batches, read in a thread."""

    def saved_state(self) -> State:
        """A copy of its entry of the state."""

    def write(self, batch: Batch) -> None:
        """Write a batch, and take over its state."""

    def end(self, error: BaseException | None) -> None:
        """Its reader has ended, with this error if so."""


class Run:
    """One run of the tap. ``streams`` gives all that it offers, once they are known."""

    def __init__(
        self,
        config: Mapping[str, Any],
        *,
        logger: logging.Logger,
        carried: Mapping[str, Carried],
        told_before: Mapping[str, Collection[str]],
        streams: Callable[[], Collection[Readable]],
    ) -> None:
        self._config = config
        self._carried = carried
        self._streams = streams
        self._prefetch: Prefetch | None = None
        self._ended: set[str] = set()
        self.has_progressed = False
        self.is_state_told = False  # the state as it is has been written
        self._since_state = 0
        self._state_due = 0.0  # the first at once: a run that is killed early goes on from somewhere
        self.report = RunReport(logger, told_before)
        self.budget_reached: CreditBudgetReached | None = None

    @cached_property
    def settings(self) -> TapSettings:
        """The tap's settings. Raises SettingsError."""
        return TapSettings.from_mapping(self._config)

    @cached_property
    def client(self) -> Client:
        """The one client of the process."""
        return Client.from_settings(self._config)

    @cached_property
    def calls(self) -> InFlight:
        """Threads for the calls of one page or of discovery; what runs here waits for nothing else.

        More than the gate lets in: it knows which call is urgent, a queue before it would not.
        """
        return InFlight(CALLS_AT_THE_GATE, name="bigin-call")

    @cached_property
    def deleted_lists(self) -> DeletedLists:
        """Those of each module, read once for all streams."""
        return DeletedLists(self.settings.overlap)

    @cached_property
    def description(self) -> Description:
        """What the metadata says that this token can read."""
        return Description(self.client, self.calls, wanted=self.settings.modules, carried=self._carried)

    @cached_property
    def tracks_deletions(self) -> bool:
        """Whether deletions are read anyway, so that modules can find what was restored."""
        is_selected = any(each.name == DELETED_RECORDS and each.selected for each in self._streams())
        return is_selected or self.settings.deleted_records == "soft"

    def write_until_done(self, name: str) -> None:
        """Write what comes, of whichever stream, until this one has ended."""
        while name not in self._ended:
            arrival = next(self._arrivals)
            stream = self._selected[arrival.stream]
            if arrival.batch is not None:
                stream.write(arrival.batch)
                self.has_progressed = True
            else:
                self._ended.add(arrival.stream)
                stream.end(arrival.error)

    def is_state_due(self, batch: Batch) -> bool:
        """Whether the state is to be told, now that a batch is written: not after each, it may be long."""
        self._since_state += batch.count
        now = time.monotonic()
        is_due = self._since_state >= RECORDS_PER_STATE or now > self._state_due
        # That a job was made cannot be found out again.
        makes_job = batch.state is not None and not batch.count and "jobs" in batch.state.get("pass", {})
        if batch.state is None or not (is_due or makes_job):
            return False
        self._since_state, self._state_due = 0, now + SECONDS_PER_STATE
        return True

    @property
    def others_come(self) -> bool:
        """Whether streams are still being read, with whose batches the state will be told."""
        return self._prefetch is not None and len(self._ended) < len(self._selected)

    @cached_property
    def _selected(self) -> dict[str, Readable]:
        return {each.name: each for each in self._streams() if each.selected}

    @cached_property
    def _arrivals(self) -> Iterator[Arrival]:
        """What all selected streams read, side by side."""
        # With a budget one after the other, so that streams come to their end, and what is begun goes first.
        has_budget = bool(self._config.get("credit_budget"))
        streams = list(self._selected.values())
        if has_budget:
            streams.sort(key=_what_is_left)
        self._prefetch = Prefetch(
            {each.name: partial(each.read_ahead, each.saved_state()) for each in streams},
            at_once=1 if has_budget else MOST_READERS,
        )
        return self._prefetch.arrivals()

    def close(self) -> None:
        """End what runs in threads, and the client."""
        self.report.close()
        if self._prefetch is not None:
            self._prefetch.close()
        self.calls.close(wait_for_running=False)
        self.client.close()


def _what_is_left(stream: Readable) -> int:
    """The order within a budget: what is begun, what has not been read in full yet, the rest."""
    state = stream.saved_state()
    if "pass" in state:
        return 0
    return 1 if stream.is_incremental and "replication_key_value" not in state else 2
