"""TapBigin: discovery, the order of streams, and how a run ends."""

from __future__ import annotations

import logging
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any

from singer_sdk.helpers._catalog import get_selected_schema  # what its mapper uses
from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities
from singer_sdk.plugin_base import PluginBase

from bigin_api import SettingsError
from bigin_api.access.checkup import Problem, verdict
from bigin_api.progress import Progress, Row
from bigin_api.run_files.run_report import RunFile
from tap_bigin.discovery.catalog_cache import carry
from tap_bigin.discovery.turns import TOLD_METADATA, Turns
from tap_bigin.offer import KINDS, define_streams
from tap_bigin.outlook.checkup import examine
from tap_bigin.report import METADATA
from tap_bigin.run import Run
from tap_bigin.settings import CONFIG_SCHEMA
from tap_bigin.singer.cataloged import is_selected
from tap_bigin.singer.command import BiginCommand
from tap_bigin.singer.ending import FAILED
from tap_bigin.streams.module import ModuleStream
from tap_bigin.streams.stream import BiginStream

if TYPE_CHECKING:
    from collections.abc import Sequence


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

    @cached_property
    def shared(self) -> Run:
        """What the streams of this run share."""
        return Run(
            self.config,
            logger=self.logger,
            carried=self.carried_today if self._turns else self.carried,
            turns=self._turns,
            told_before=self.told_before,
            streams=lambda: [each for each in self.streams.values() if isinstance(each, BiginStream)],
            unreadable=self.unreadable,
            entries=(self.known_state or {}).get("bookmarks") or {},
        )

    @cached_property
    def _turns(self) -> Turns | None:
        """Whose turn it is, of a run with a budget; discovery describes everything."""
        budget = self.config.get("credit_budget")
        if not budget or self.only_discovers:
            return None
        state = self.known_state or {}
        return Turns(int(budget), state.get("bookmarks") or {}, state.get(TOLD_METADATA))

    # Discovery

    def discover_streams(self) -> Sequence[BiginStream[Any]]:
        """A stream for each definition. Raises BiginError if the organisation cannot be described."""
        definitions = define_streams(self.shared, chosen=self._selected_in_catalog())
        self.shared.remember_metadata()
        return [KINDS[type(each)](self, self.shared, each) for each in definitions]

    def run_discovery(self) -> str:
        """Print the catalog, and end what ran in threads for it."""
        try:
            return super().run_discovery()
        finally:
            self.shared.close()

    @property
    def catalog_dict(self) -> dict[str, Any]:
        """The catalog, which carries each module's fields for a run that follows at once."""
        catalog = super().catalog_dict
        discovered = self.shared.description.discovered
        if discovered is not None:
            fields = {
                each.name: each.definition.fields
                for each in self.streams.values()
                if isinstance(each, ModuleStream)
            }
            carry(catalog, fields, discovered=discovered)
        return catalog

    def _selected_in_catalog(self) -> frozenset[str] | None:
        """Names of selected streams, None without a catalog."""
        if self.input_catalog is None:
            return None
        return frozenset(each.tap_stream_id for each in self.input_catalog.streams if is_selected(each))

    def setup_mapper(self) -> None:
        """Discover first: a catalog's schemas are mended by what Bigin says now.

        The mapper copies each schema twice, so it is told of the streams that are read. What a run
        selects later, for a test, says so itself; settings that map streams are checked for every one.
        """
        streams = self.streams.items()
        PluginBase.setup_mapper(self)
        are_mapped = bool(self.config.get("stream_maps"))
        for name, each in streams:
            if are_mapped or each.selected:
                schema = get_selected_schema(name, each.effective_schema, each.mask)
                self.mapper.register_raw_stream_schema(name, schema, each.primary_keys)

    # The run

    def run(self) -> None:
        """Write all selected streams, then say what was done. Exits with 1 if a stream failed."""
        file = RunFile(self.config)
        error: BaseException | None = None
        try:
            self.shared.begin_feed(self.state)
            if self._turns is not None:  # with files the SDK reads them in this order, one by one
                names = self._turns.in_order(self.streams)
                self._streams = {name: self.streams[name] for name in names}
                self.shared.begin_turns()
            with Progress(self._rows, self.logger) as progress:
                if progress.is_live:
                    self.shared.report.watch()
                self.sync_all()
            is_changed = [end(self.state) for end in (self.shared.end_feed, self.shared.end_turns)]  # type: ignore[arg-type]
            if any(is_changed):
                self.state_writer.write_state(self.state)
        except BaseException as caught:
            error = caught
            # Every batch that was written whole is in it.
            self.state_writer.write_state(self.state)
            raise
        finally:
            try:
                self.message_writer.flush()
            finally:  # also where nobody reads any more: readers wait for room until they are told
                self.shared.close()
                self._write_report(file, error)
        self._tell()

    def require_selection(self) -> None:
        """Raises SettingsError where nothing would be read: a run that does nothing is no good one."""
        if not any(each.selected for each in self.streams.values()) and not self.shared.report.failures:
            raise SettingsError(
                "Nothing is selected, so nothing would be read. Check the catalog (in Meltano: select), "
                "and modules."
            )

    def _rows(self) -> list[Row]:
        """The streams that are being read."""
        return self.shared.report.rows(self.shared.client.spent())

    def _write_report(self, file: RunFile, error: BaseException | None) -> None:
        if not file.is_wanted:
            return
        told = self.shared.report.to_json(self.name, self.shared.client.spent())
        if error is not None:
            told.outcome, told.error = "failed", str(error) or type(error).__name__
        elif self.shared.budget_reached is not None and told.outcome == "good":
            told.outcome, told.error = "stopped", self.shared.budget_reached.message
        file.write(told)

    def test(self) -> None:
        """Read a record of each stream, then say what the doctor says. Exits with 1 if a run would fail."""
        try:
            self.run_connection_test()
        finally:
            self.message_writer.flush()
            self.shared.close()
        checkup = examine(self.config)
        for failed in self.shared.report.failures:
            told = f"{failed.name}: failed, the other streams can be read. {failed.failure}"
            checkup.problems.insert(0, Problem("error", told, told))
        for problem in checkup.problems:
            level = logging.ERROR if problem.severity == "error" else logging.WARNING
            what = problem.what if problem.what == problem.do else f"{problem.what} {problem.do}"
            self.logger.log(level, "%s", what)
        self.logger.info("%s", verdict(checkup.problems))
        if any(each.severity == "error" for each in checkup.problems):
            sys.exit(FAILED)

    def _tell(self) -> None:
        """The account, then what went wrong, if anything: the last line says how the run ended."""
        for line in self.shared.report.lines(self.shared.client.spent()):
            self.logger.info("%s", line)
        reached = self.shared.budget_reached
        left = [each.name for each in self.shared.report.streams.values() if each.unfinished]
        left += sorted(self.shared.description.left)
        too_large = self.streams.get(self.shared.too_large or "")
        if reached is not None and self._turns is not None and isinstance(too_large, BiginStream):
            metadata = self.shared.client.spent().by_label.get(METADATA, 0)
            self.logger.error(
                "%s %s comes no further with it in any run: at least %d are needed, or do without that "
                "stream. Others take their turn at the next run.",
                reached.message,
                too_large.name,
                self._turns.least(
                    too_large.least_credits,
                    metadata=metadata,
                    undescribed=len(self.shared.description.left),
                ),
            )
            sys.exit(FAILED)
        if left:
            self.logger.warning(
                "%s The state says where the next run goes on: %s.",
                reached.message if reached is not None else "credit_budget: some have to wait.",
                ", ".join(left),
            )
        self._tell_failures()

    def _tell_failures(self) -> None:
        """Say which streams failed, and end so."""
        for failed in self.shared.report.failures:
            self.logger.error("%s: failed, the other streams are written. %s", failed.name, failed.failure)
        if self.shared.report.failures:
            sys.exit(FAILED)
