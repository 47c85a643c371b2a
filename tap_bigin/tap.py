"""TapBigin: one client, discovery, the order of streams, and how a run ends."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from singer_sdk import Tap
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities

from bigin_api import Client, InFlight, ModuleUnavailable, PermissionDenied
from tap_bigin.discovery import Organisation, define_module, readable_modules
from tap_bigin.prefetch import Prefetch
from tap_bigin.queries import define_queries
from tap_bigin.related_lists import define_related
from tap_bigin.report import RunReport
from tap_bigin.settings import CONFIG_SCHEMA, TapSettings
from tap_bigin.streams import BiginStream, make_stream
from tap_bigin.sub_pipelines import PIPELINES, SUB_PIPELINES
from tap_bigin.views import define_views

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bigin_api import CreditBudgetReached
    from bigin_api.metadata import Field, Module
    from tap_bigin.chunks import Chunk
    from tap_bigin.discovery import StreamDefinition


class TapBigin(Tap):
    """Singer tap for Bigin by Zoho CRM: everything an organisation holds, from its own metadata."""

    name = "tap-bigin"
    package_name = "bigin-singer"
    config_jsonschema = CONFIG_SCHEMA
    dynamic_catalog = True
    message_writer_class = MsgSpecWriter
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
        """Threads for the calls of one page or of discovery; what runs here waits for nothing else."""
        return InFlight(self.client.limits.max_concurrent_requests, name="bigin-call")

    @cached_property
    def report(self) -> RunReport:
        """The account of the run."""
        return RunReport(self.logger)

    @cached_property
    def organisation(self) -> Organisation:
        """What the metadata says that this token can read; fields are asked for side by side."""
        modules = readable_modules(self.client.metadata.modules(), wanted=self.settings.modules)
        described = dict(zip(modules, self.calls.map_in_order(self._fields_of, modules), strict=True))
        return Organisation(
            modules=tuple(module for module, fields in described.items() if fields is not None),
            fields={module.api_name: tuple(fields) for module, fields in described.items() if fields},
        )

    def discover_streams(self) -> Sequence[BiginStream[Any]]:
        """A stream for each definition. Raises BiginError if the organisation cannot be described."""
        return [make_stream(self, definition) for definition in self._definitions()]

    def chunks_of(self, stream: BiginStream[Any]) -> Iterable[Chunk]:
        """A stream's chunks, fetched ahead across streams unless it is a test run."""
        if stream.ABORT_AT_RECORD_COUNT is not None:
            return stream.read(stream.saved_state())
        if self._prefetch is None:
            self._prefetch = Prefetch(
                {
                    each.name: partial(each.read, each.saved_state())
                    for each in self.streams.values()
                    if isinstance(each, BiginStream) and each.selected
                },
                calls_in_flight=self.client.limits.max_concurrent_requests,
            )
        return self._prefetch.chunks(stream.name)

    def close(self) -> None:
        """End what runs in threads, and the client."""
        if self._prefetch is not None:
            self._prefetch.close()
        self.calls.close(wait_for_running=False)
        self.client.close()

    def _definitions(self) -> Iterator[StreamDefinition]:
        organisation = self.organisation
        for module in organisation.modules:
            yield define_module(
                module, organisation.fields.get(module.api_name, ()), lookups=self.settings.lookups
            )
        if any(module.api_name == PIPELINES for module in organisation.modules):
            yield SUB_PIPELINES
        settings, report = self.settings, self.report
        yield from define_related(
            self.client,
            settings.related_lists,
            offered=organisation.modules,
            lookups=settings.lookups,
            report=report,
        )
        yield from define_queries(self.client, settings.queries, lookups=settings.lookups, report=report)
        yield from define_views(self.client, settings.custom_views, lookups=settings.lookups, report=report)

    def _fields_of(self, module: Module) -> tuple[Field, ...] | None:
        """A module's fields, None if the token may not see them."""
        try:
            return self.client.metadata.fields(module.api_name)
        except (PermissionDenied, ModuleUnavailable) as refused:
            self.report.stream(module.api_name).warn(f"no stream. {refused.message}")
            return None
