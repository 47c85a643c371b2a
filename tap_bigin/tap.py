"""TapBigin: one client, discovery, the order of streams, and how a run ends."""

from __future__ import annotations

import sys
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities

from bigin_api import Client, InFlight
from tap_bigin.defining import Defining
from tap_bigin.discovery.catalog_cache import carry
from tap_bigin.discovery.description import Description
from tap_bigin.lists.deletions import DeletedLists
from tap_bigin.report import RunReport
from tap_bigin.settings import CONFIG_SCHEMA, TapSettings
from tap_bigin.singer.command import BiginCommand
from tap_bigin.singer.ending import FAILED
from tap_bigin.singer.prefetch import Prefetch
from tap_bigin.streams import BiginStream, make_stream
from tap_bigin.streams.cataloged import is_selected
from tap_bigin.streams.module import ModuleStream

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bigin_api import CreditBudgetReached
    from tap_bigin.singer.batch import Chunk, State


CALLS_AT_THE_GATE = 64


class TapBigin(BiginCommand):
    """Singer tap for Bigin by Zoho CRM: everything an organisation holds, from its own metadata."""

    name = "tap-bigin"
    package_name = "bigin-singer"
    config_jsonschema = CONFIG_SCHEMA
    dynamic_catalog = True
    capabilities = [  # noqa: RUF012 -- the SDK's own form
        TapCapabilities.CATALOG,
        TapCapabilities.STATE,
        TapCapabilities.DISCOVER,
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.BATCH,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    budget_reached: CreditBudgetReached | None = None
    _prefetch: Prefetch | None = None

    # What the streams share

    @cached_property
    def settings(self) -> TapSettings:
        """The tap's settings. Raises SettingsError."""
        return TapSettings.from_mapping(self.config)

    @cached_property
    def client(self) -> Client:
        """The one client of the process."""
        return Client.from_settings(self.config)

    @cached_property
    def calls(self) -> InFlight:
        """Threads for the calls of one page or of discovery; what runs here waits for nothing else.

        More than the gate lets in: it knows which call is urgent, a queue before it would not.
        """
        return InFlight(CALLS_AT_THE_GATE, name="bigin-call")

    @cached_property
    def report(self) -> RunReport:
        """The account of the run."""
        return RunReport(self.logger)

    @cached_property
    def deleted_lists(self) -> DeletedLists:
        """Each module's list of deleted records, read once for all streams."""
        return DeletedLists()

    @cached_property
    def tracks_deletions(self) -> bool:
        """Whether deletions are read anyway, so that modules can find what was restored."""
        stream = self.streams.get("deleted_records")
        return self.settings.deleted_records == "soft" or (stream is not None and stream.selected)

    @cached_property
    def is_crowded(self) -> bool:
        """Whether the selected modules are enough to keep all calls in flight."""
        modules = [each for each in self.streams.values() if isinstance(each, ModuleStream)]
        return sum(each.selected for each in modules) >= self.settings.concurrency

    # Discovery

    @cached_property
    def description(self) -> Description:
        """What the metadata says that this token can read."""
        return Description(self.client, self.calls, wanted=self.settings.modules, carried=self.carried)

    def discover_streams(self) -> Sequence[BiginStream[Any]]:
        """A stream for each definition. Raises BiginError if the organisation cannot be described."""
        defining = Defining(
            self.client,
            self.description,
            self.settings,
            chosen=self._selected_in_catalog(),
            report=self.report,
            logger=self.logger,
        )
        return [make_stream(self, definition) for definition in defining.definitions()]

    @property
    def catalog_dict(self) -> dict[str, Any]:
        """The catalog, which carries each module's fields for a run that follows at once."""
        catalog = super().catalog_dict
        if self.description.discovered is not None:
            fields = {
                each.name: each.definition.fields
                for each in self.streams.values()
                if isinstance(each, ModuleStream)
            }
            carry(catalog, fields, discovered=self.description.discovered)
        return catalog

    def _selected_in_catalog(self) -> frozenset[str] | None:
        """Names of selected streams, None without a catalog."""
        if self.input_catalog is None:
            return None
        return frozenset(each.tap_stream_id for each in self.input_catalog.streams if is_selected(each))

    def setup_mapper(self) -> None:
        """Discover first: a catalog's schemas are mended by what Bigin says now."""
        _ = self.streams
        super().setup_mapper()

    # The run

    def run(self) -> None:
        """Write all selected streams, then say what was done. Exits with 1 if a stream failed."""
        try:
            self.sync_all()
        except BaseException:
            # Every chunk that was written whole is in it.
            self.state_writer.write_state(self.state)
            raise
        finally:
            self.message_writer.flush()
            self.close()
        self._tell()

    def test(self) -> None:
        """Read a record of each stream. Exits with 1 if one failed: the SDK's own test would not."""
        try:
            self.run_connection_test()
        finally:
            self.message_writer.flush()
            self.close()
        self._tell_failures()

    def chunks_of(self, stream: BiginStream[Any]) -> Iterable[Chunk]:
        """A stream's chunks, fetched ahead across streams unless it is a test run."""
        if stream.ABORT_AT_RECORD_COUNT is not None:
            return stream.read(stream.saved_state())
        if self._prefetch is None:
            self._prefetch = Prefetch(
                {
                    each.name: partial(each.read_ahead, each.saved_state())
                    for each in self.streams.values()
                    if isinstance(each, BiginStream) and each.selected
                }
            )
        return self._prefetch.chunks(stream.name)

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

    def _tell(self) -> None:
        """The account, then what went wrong, if anything: the last line says how the run ended."""
        for line in self.report.lines(self.client.spent()):
            self.logger.info("%s", line)
        if self.budget_reached is not None:
            self.logger.warning(
                "%s The state says where the next run goes on: %s.",
                self.budget_reached.message,
                ", ".join(each.name for each in self.report.streams.values() if each.unfinished),
            )
        self._tell_failures()

    def _tell_failures(self) -> None:
        """Say which streams failed, and end so."""
        for failed in self.report.failures:
            self.logger.error("%s: failed, the other streams are written. %s", failed.name, failed.failure)
        if self.report.failures:
            sys.exit(FAILED)
