"""What the streams of one run share: settings, client, threads, the account, and what is fetched ahead."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Protocol

from bigin_api import Client, InFlight
from tap_bigin.discovery.description import Description
from tap_bigin.lists.deletions import DeletedLists
from tap_bigin.report import RunReport
from tap_bigin.settings import TapSettings
from tap_bigin.singer.prefetch import Prefetch

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from bigin_api import CreditBudgetReached
    from tap_bigin.discovery.catalog_cache import Carried
    from tap_bigin.singer.batch import Batch, State

CALLS_AT_THE_GATE = 64
DELETED_RECORDS = "deleted_records"


class Readable(Protocol):
    """What a run needs to know of a stream."""

    name: str
    selected: bool

    def read_ahead(self, state: State) -> Iterator[Batch]:
        """Its batches, read in a thread."""

    def saved_state(self) -> State:
        """A copy of its entry of the state."""


class Run:
    """One run of the tap. ``streams`` gives all that it offers, once they are known."""

    def __init__(
        self,
        config: Mapping[str, Any],
        *,
        logger: logging.Logger,
        carried: Mapping[str, Carried],
        streams: Callable[[], Collection[Readable]],
    ) -> None:
        self._config = config
        self._carried = carried
        self._streams = streams
        self._prefetch: Prefetch | None = None
        self.report = RunReport(logger)
        self.deleted_lists = DeletedLists()  # of each module, read once for all streams
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
    def description(self) -> Description:
        """What the metadata says that this token can read."""
        return Description(self.client, self.calls, wanted=self.settings.modules, carried=self._carried)

    @cached_property
    def tracks_deletions(self) -> bool:
        """Whether deletions are read anyway, so that modules can find what was restored."""
        is_selected = any(each.name == DELETED_RECORDS and each.selected for each in self._streams())
        return is_selected or self.settings.deleted_records == "soft"

    def batches_ahead(self, name: str) -> Iterable[Batch]:
        """A stream's batches, fetched ahead across all selected streams."""
        if self._prefetch is None:
            self._prefetch = Prefetch(
                {
                    each.name: partial(each.read_ahead, each.saved_state())
                    for each in self._streams()
                    if each.selected
                }
            )
        return self._prefetch.batches(name)

    def states_ahead(self) -> Mapping[str, State]:
        """States of streams whose turn has not come, to be kept already."""
        return self._prefetch.states_ahead() if self._prefetch is not None else {}

    def close(self) -> None:
        """End what runs in threads, and the client."""
        self.report.close()
        if self._prefetch is not None:
            self._prefetch.close()
        self.calls.close(wait_for_running=False)
        self.client.close()
