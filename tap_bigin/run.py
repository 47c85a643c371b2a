"""What the streams of one run share: settings, client, threads, the account; and what comes is written."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import datetime, timezone
from functools import cached_property, partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from bigin_api import Client, CreditBudgetReached, InFlight, Refused
from bigin_api.errors import TransientError
from tap_bigin.bookmarks import DELETED_RECORDS
from tap_bigin.discovery.catalog_cache import MOST_AGE_WITHIN_BUDGET
from tap_bigin.discovery.description import Description
from tap_bigin.discovery.turns import TOLD_METADATA
from tap_bigin.feed import memory
from tap_bigin.lists.deletions import DeletedLists, gone_on, taken_over
from tap_bigin.lists.marks import Mark
from tap_bigin.report import RunReport
from tap_bigin.settings import TapSettings
from tap_bigin.singer.prefetch import MOST_READERS, Prefetch

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from tap_bigin.discovery.catalog_cache import Carried
    from tap_bigin.discovery.turns import Turns
    from tap_bigin.feed.reading import Feed
    from tap_bigin.lists.deletions import News
    from tap_bigin.singer.batch import Batch
    from tap_bigin.singer.prefetch import Arrival
    from tap_bigin.singer.sync import SyncedStream

CALLS_AT_THE_GATE = 64


class Run:
    """One run of the tap. ``streams`` gives all that it offers, once they are known."""

    def __init__(
        self,
        config: Mapping[str, Any],
        *,
        logger: logging.Logger,
        carried: Mapping[str, Carried],
        told_before: Mapping[str, Collection[str]],
        streams: Callable[[], Collection[SyncedStream[Any]]],
        turns: Turns | None = None,
        unreadable: Mapping[str, str] = MappingProxyType({}),
        entries: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """``entries``: the bookmarks when it begins. ``unreadable``: those that cannot be read, and why."""
        self._turns = turns
        self._entries = entries
        self.unreadable = unreadable
        self._began = datetime.now(timezone.utc)
        self._config = config
        self._carried = carried
        self._streams = streams
        self._prefetch: Prefetch | None = None
        self.ended: set[str] = set()  # streams that were read to their end, well or badly
        self._begun: set[str] = set()  # streams that have written what the state knows of
        self.report = RunReport(logger, told_before)
        self.budget_reached: CreditBudgetReached | None = None
        self.too_large: str | None = None  # a stream that no run with this budget would bring further
        self._cut: str | None = None  # the first stream in which the budget ended the run

    @cached_property
    def settings(self) -> TapSettings:
        """The tap's settings. Raises SettingsError."""
        return TapSettings.from_mapping(self._config)

    @cached_property
    def client(self) -> Client:
        """The one client of the process."""
        client = Client.from_settings(self._config)
        if self.feed is not None:
            self.feed.recall(client.metadata)
        else:
            client.metadata.recall(memory.recalled(self._told_metadata, self._began, MOST_AGE_WITHIN_BUDGET))
        return client

    @cached_property
    def feed(self) -> Feed | None:
        """What the feed's log tells, None without one. Raises LogUnusable."""
        settings = self.settings
        if settings.feed_log is None:
            return None
        from tap_bigin.feed.reading import Feed  # noqa: PLC0415 -- SQLAlchemy takes a while to import

        return Feed(
            settings.feed_log,
            settings=self._config,
            sweep_every=settings.sweep_every,
            overlap=settings.overlap,
        )

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
        return Description(
            self.client,
            self.calls,
            wanted=self.settings.modules,
            carried=self._carried,
            turns=self._turns,
        )

    @cached_property
    def tracks_deletions(self) -> bool:
        """Whether deletions are read anyway, so that modules can find what was restored."""
        is_selected = any(each.name == DELETED_RECORDS and each.selected for each in self._streams())
        return is_selected or self.settings.deleted_records == "soft"

    def deletions_told(self, module: str, mark: Mark) -> News | None:
        """The news of a module's deleted list that need not be read again within a budget, None if it must.

        An earlier run read it whole for ``deleted_records``.
        """
        if self._turns is None or not self.tracks_deletions:
            return None
        return taken_over(mark, self._mark_before(module), self.client.server_time)

    def deletions_begun(self, module: str, mark: Mark) -> Mark:
        """The mark, gone on with where an earlier run left the module's list for ``deleted_records``."""
        return gone_on(mark, self._mark_before(module), self.client.server_time)

    def _mark_before(self, module: str) -> Mark:
        """What ``deleted_records`` knew of a module's list when the run began."""
        entry = self._entries.get(DELETED_RECORDS, {})
        return Mark.from_state((entry.get("modules") or {}).get(module))

    def write_until_done(self, name: str) -> None:
        """Write what comes, of whichever stream, until this one has ended."""
        while name not in self.ended:
            arrival = next(self._arrivals)
            stream = self._selected[arrival.stream]
            if arrival.batch is not None:
                stream.write(arrival.batch)
                self.note_batch(arrival.stream, arrival.batch)
            else:
                self.note_end(stream, arrival.error)

    def note_batch(self, name: str, batch: Batch) -> None:
        """A stream has brought a batch."""
        if batch.state is not None:
            self._begun.add(name)

    def note_end(self, stream: SyncedStream[Any], error: BaseException | None) -> None:
        """A stream's reader has ended, with this error if so."""
        self._see_headway(stream, error)
        self.ended.add(stream.name)
        stream.end(error)

    def _see_headway(self, stream: SyncedStream[Any], error: BaseException | None) -> None:
        """Within a budget a stream's turn ends; the first one that comes no further never will."""
        if self._turns is None:
            return
        is_cut = isinstance(error, CreditBudgetReached)
        if is_cut and self._cut is None:
            self._cut = stream.name
        if is_cut and not self.ended and stream.name not in self._begun:
            self.too_large = stream.name
        if not (is_cut and self.ended and stream.name not in self._begun):  # whose turn did not come keeps it
            stream.end_turn()

    @property
    def others_come(self) -> bool:
        """Whether streams are still being read, with whose batches the state will be told."""
        return self._prefetch is not None and len(self.ended) < len(self._selected)

    @cached_property
    def _selected(self) -> dict[str, SyncedStream[Any]]:
        return {each.name: each for each in self._streams() if each.selected}

    @cached_property
    def _arrivals(self) -> Iterator[Arrival]:
        """What all selected streams read, side by side."""
        # With a budget one after the other, so that streams come to their end, and what is begun goes first.
        streams = list(self._selected.values())
        if self._turns is not None:
            streams = [self._selected[each] for each in self._turns.in_order(self._selected)]
        # With a feed what was deleted comes last: the others find out what is not there.
        last = [each for each in streams if self.feed is not None and each.name == DELETED_RECORDS]
        first = [each for each in streams if each not in last]
        for some in filter(None, (first, last)):
            self._prefetch = Prefetch(
                {each.name: partial(each.read_ahead, each.saved_state()) for each in some},
                at_once=MOST_READERS if self._turns is None else 1,
            )
            yield from self._prefetch.arrivals()
            self._prefetch.close()

    # Within a budget

    def begin_turns(self) -> None:
        """See that Bigin's clock is known before a pass begins; 1 credit where no metadata was asked for.

        A pass that is gone on with has its clock, and needs none; with a feed ``begin_feed`` sees to it.
        """
        recalls = self.feed is None and self.client.metadata.recalls
        if self._turns is None or not recalls or self.client.server_time is not None or not self._selected:
            return
        first = self._turns.in_order(self._selected)[0]
        if "pass" not in self._turns.entries.get(first, {}) or first == DELETED_RECORDS:
            with suppress(Refused, TransientError):
                self.client.organization.get()

    def end_turns(self, state: dict[str, Any]) -> bool:
        """Keep what the metadata told for the run that goes on. True if the state is to be told."""
        is_cut = self.budget_reached or self.description.left
        if self._turns is None or self.feed is not None or not is_cut:
            return False
        answers = memory.keep(self._told_metadata, self.client.metadata.answered(), self._began)
        # What a stream emits is to be as it is now, and a refusal may be mended by then.
        kept = {
            name: each
            for name, each in answers.items()
            if "refused" not in each
            and (name.startswith("fields ") or f"settings_{name.partition(' ')[0]}" not in self._selected)
        }
        state[TOLD_METADATA] = memory.packed(kept, memory.name_of(self._config))
        return True

    @cached_property
    def _told_metadata(self) -> dict[str, Any]:
        """What the metadata told the runs before, as the state keeps it."""
        kept = self._turns.told_metadata if self._turns is not None else None
        return memory.unpacked(kept, memory.name_of(self._config))

    # The feed

    def resume_feed(self, state: Mapping[str, Any]) -> None:
        """Go on from where the state says that the log was read to; what is due for a sweep is known then."""
        if self.feed is not None:
            self.feed.resume(state.get("feed"))

    def begin_feed(self, state: Mapping[str, Any]) -> None:
        """Resume, and see that the log is this organisation's before its word is taken for it."""
        self.resume_feed(state)
        if self.feed is None:
            return
        if self.feed.why_not is not None:
            self.report.say(logging.WARNING, f"Feed: {self.feed.why_not}: everything is swept.")
        if any(each.is_sweep_due(each.saved_state()) for each in self._selected.values()):
            self.feed.check_organisation(self.client)

    def end_feed(self, state: dict[str, Any]) -> bool:
        """Every stream has ended: the position moves if all is written. True if the state is to be told."""
        if self.feed is None:
            return False
        is_complete = not (self.report.failures or self.budget_reached or self.description.left)
        reached = self.feed.reached(state.get("feed"), is_complete=is_complete, selected=self._selected)
        is_under_way = any("pass" in each for each in state.get("bookmarks", {}).values())
        if reached == state.get("feed") and not is_under_way:
            self.too_large = self._cut  # what was told is read whole or begun anew
        if reached is not None:
            state["feed"] = reached
        for line in self.feed.lines():
            self.report.say(logging.INFO, line)
        return True

    def remember_metadata(self) -> None:
        """Keep what was told of modules and fields in the log, for runs that do not ask."""
        why_not = None if self.feed is None else self.feed.remember(self.client.metadata)
        if why_not is not None:
            self.report.say(
                logging.WARNING, f"feed_log: modules and fields cannot be kept, each run asks. {why_not}"
            )

    def close(self) -> None:
        """End what runs in threads, and the client."""
        self.report.close()
        if self._prefetch is not None:
            self._prefetch.close()
        self.calls.close(wait_for_running=False)
        self.client.close()
        if self.feed is not None:
            self.feed.close()
