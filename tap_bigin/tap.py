"""TapBigin: one client, discovery, the order of streams, and how a run ends."""

from __future__ import annotations

import sys
from functools import cached_property, partial
from typing import IO, TYPE_CHECKING, Any

from singer_sdk import Tap
from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities
from singer_sdk.plugin_base import JSONSchemaValidator, PluginBase, _ConfigInput

from bigin_api import Client, InFlight, SettingsError
from tap_bigin.bookmarks import check_state
from tap_bigin.catalogs import check_catalog
from tap_bigin.deletions import DeletedLists, define_deleted
from tap_bigin.describing import Description
from tap_bigin.discovery import define_module
from tap_bigin.ending import FAILED, Terminated, clear_ending, read_json, read_settings_file
from tap_bigin.organisation import ORGANISATION_STREAMS, define_organisation
from tap_bigin.prefetch import Prefetch
from tap_bigin.queries import define_queries
from tap_bigin.related_lists import define_related
from tap_bigin.report import RunReport
from tap_bigin.settings import CONFIG_SCHEMA, SECRETS, TapSettings
from tap_bigin.streams import BiginStream, make_stream
from tap_bigin.streams.cataloged import is_selected
from tap_bigin.sub_pipelines import PIPELINES, SUB_PIPELINES
from tap_bigin.views import define_views
from tap_bigin.writer import PageWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from types import FrameType

    import click

    from bigin_api import CreditBudgetReached
    from tap_bigin.chunks import Chunk, State
    from tap_bigin.describing import Described
    from tap_bigin.discovery import StreamDefinition


CALLS_AT_THE_GATE = 64


class TapBigin(Tap):
    """Singer tap for Bigin by Zoho CRM: everything an organisation holds, from its own metadata."""

    name = "tap-bigin"
    package_name = "bigin-singer"
    config_jsonschema = CONFIG_SCHEMA
    dynamic_catalog = True
    message_writer_class = PageWriter
    message_writer: PageWriter
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

    # Discovery

    @cached_property
    def description(self) -> Description:
        """What the metadata says that this token can read."""
        return Description(self.client, self.calls, wanted=self.settings.modules)

    def discover_streams(self) -> Sequence[BiginStream[Any]]:
        """A stream for each definition. Raises BiginError if the organisation cannot be described."""
        streams = [make_stream(self, definition) for definition in self._definitions()]
        self._warn_of_missing({stream.name for stream in streams})
        return streams

    def _definitions(self) -> Iterator[StreamDefinition]:
        settings, report, chosen = self.settings, self.report, self._selected_in_catalog()
        lookups, soft = settings.lookups, settings.deleted_records == "soft"
        names = set()
        for module, fields in self._described(chosen):
            names.add(module.api_name)
            yield define_module(module, fields, lookups=lookups, soft_deletes=soft)
        yield from define_organisation(lookups=lookups)
        if PIPELINES in names or (chosen and SUB_PIPELINES.name in chosen):
            yield SUB_PIPELINES
        if settings.deleted_records == "stream":
            yield define_deleted(lookups=lookups)
        if settings.related_lists:
            yield from define_related(
                self.client,
                settings.related_lists,
                offered=self.description.modules,
                lookups=lookups,
                report=report,
            )
        yield from define_queries(self.client, settings.queries, lookups=lookups, report=report)
        yield from define_views(self.client, settings.custom_views, lookups=lookups, report=report)

    def _described(self, chosen: frozenset[str] | None) -> Iterator[Described]:
        """The modules that streams are made of, with their fields."""
        if chosen is None:
            return self.description.every_module()
        others = {"deleted_records", SUB_PIPELINES.name, *ORGANISATION_STREAMS}
        others |= {str(each["name"]) for each in (*self.settings.queries, *self.settings.custom_views)}
        names = chosen - others
        if self.settings.related_lists:
            # The names of their streams look like modules' names.
            names &= {module.api_name for module in self.description.modules}
        return self.description.named(names)

    def _selected_in_catalog(self) -> frozenset[str] | None:
        """Names of selected streams, None without a catalog."""
        if self.input_catalog is None:
            return None
        return frozenset(each.tap_stream_id for each in self.input_catalog.streams if is_selected(each))

    def _warn_of_missing(self, names: Collection[str]) -> None:
        refusals = self.description.refusals
        chosen = self._selected_in_catalog()
        if chosen is None:
            for name, why in refusals.items():
                self.logger.warning("%s: no stream. %s", name, why)
            return
        for name in sorted(chosen.difference(names)):
            why = refusals.get(name) or "Bigin has no such module (any more), or the settings leave it out."
            self.logger.warning("%s: selected in the catalog, but there is no such stream. %s", name, why)

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
        for failed in self.report.failures:
            self.logger.error("%s: failed, the other streams are written. %s", failed.name, failed.failure)
        if self.report.failures:
            sys.exit(FAILED)

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """End between two lines; ``run`` writes the state."""
        ended = Terminated(signum)
        if self.message_writer.is_writing:
            self.message_writer.interruption = ended
        else:
            raise ended

    # What comes in

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over a state of the right shape. Raises SettingsError for another."""
        check_state(state)
        super().load_state(state)

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """All that is wrong with the settings, in words that show no secret. Raises SettingsError."""
        self.append_builtin_config(self.config_jsonschema)
        errors = [
            _explained(error)
            for error in JSONSchemaValidator(self.config_jsonschema).iter_errors(self._config)
        ]
        if errors and raise_errors:
            raise SettingsError(f"Settings: {'; '.join(errors)}.")
        for name in self._config.keys() - self.config_jsonschema["properties"].keys():
            self.logger.warning("Settings: there is no %r; --about lists those that there are.", name)
        return errors

    # Commands

    @classmethod
    def invoke(  # type: ignore[override]
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: _ConfigInput | None = None,
        state: IO[str] | None = None,
        catalog: IO[str] | None = None,
    ) -> None:
        """Run the tap, or print what it is."""
        PluginBase.invoke.__func__(cls, about=about, about_format=about_format)  # type: ignore[attr-defined]
        cls.print_version(print_fn=cls.logger.info)
        config = config or _ConfigInput()
        with clear_ending(cls.logger):
            tap = cls(
                config=config.config,
                state=_read(state, "state", check_state),
                catalog=_read(catalog, "catalog", check_catalog),
                parse_env_config=config.parse_env,
                validate_config=True,
            )
            tap.run()

    @classmethod
    def cb_config(
        cls,
        ctx: click.Context,  # noqa: ARG003
        param: click.Option,  # noqa: ARG003
        value: tuple[str, ...],
    ) -> _ConfigInput:
        """Settings from files and, for ``ENV``, from the environment."""
        with clear_ending(cls.logger):
            files = [read_settings_file(path) for path in value if path != "ENV"]
            merged = {name: each for file in files for name, each in file.items()}
            return _ConfigInput(config=merged, parse_env="ENV" in value)

    @classmethod
    def cb_discover(cls, ctx: click.Context, param: click.Option, value: bool) -> None:  # noqa: FBT001
        """Print the catalog."""
        with clear_ending(cls.logger):
            super().cb_discover(ctx, param, value)

    @classmethod
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        """Read a record of each stream, or write the schemas alone."""
        with clear_ending(cls.logger):
            super().cb_test(ctx, param, value)


def _read(file: IO[str] | None, what: str, check: Callable[[Any], None]) -> dict[str, Any] | None:
    """What a file holds, once it has the right shape. Raises SettingsError for another."""
    if file is None:
        return None
    content: dict[str, Any] = read_json(file.read(), what)
    check(content)
    return content


def _explained(error: Any) -> str:
    """What is wrong with a setting, without its value where that is a secret."""
    name = str(error.path[0]) if error.path else ""
    if name in SECRETS:
        return f"{name}: a {type(error.instance).__name__}, but it takes a text"
    return f"{name}: {error.message}" if name else error.message
