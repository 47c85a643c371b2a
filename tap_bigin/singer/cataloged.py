"""What a catalog says of a stream: selection, and a schema that may have aged."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Generic, TypeVar

from singer_sdk.singerlib import Catalog, Schema
from singer_sdk.singerlib.catalog import Metadata, MetadataMapping
from singer_sdk.streams import Stream

from bigin_api.errors import did_you_mean
from tap_bigin.discovery.definition import StreamDefinition
from tap_bigin.values.drift import reconcile

if TYPE_CHECKING:
    from singer_sdk.mapper import StreamMap
    from singer_sdk.singerlib.catalog import CatalogEntry

    from tap_bigin.report import StreamReport
    from tap_bigin.values.drift import Reconciled

D = TypeVar("D", bound=StreamDefinition)

PROPERTY_DEPTH = len(("properties", "Owner"))


class CatalogedStream(Stream, Generic[D]):
    """A stream whose definition knows what can be selected, what always is, and what never can be."""

    definition: D
    report: StreamReport

    def is_asked_for(self, name: str) -> bool:
        """Whether a property is in the SCHEMA that is sent: selected in the catalog, or a key."""
        return name in self.effective_schema["properties"] and bool(self.mask["properties", name])

    @property
    def is_incremental(self) -> bool:
        """Whether the bookmark counts; a catalog may force a full table."""
        return bool(self.replication_key) and self.replication_method != "FULL_TABLE"

    @cached_property
    def has_deselected_parts(self) -> bool:
        """Whether the catalog deselects something inside a property, such as an owner's e-mail address."""
        return any(
            len(breadcrumb) > PROPERTY_DEPTH and not is_selected and self.mask[breadcrumb[:PROPERTY_DEPTH]]
            for breadcrumb, is_selected in self.mask.items()
        )

    @property
    def stream_maps(self) -> list[StreamMap]:
        """The SDK's; for a stream that is not selected, which a test reads all the same, made when asked."""
        if self.name not in self._tap.mapper.stream_maps:
            entry = self._singer_catalog_entry
            entry.metadata = MetadataMapping(
                {**entry.metadata, (): replace(entry.metadata.root, selected=True)}
            )
            self._tap.mapper.register_raw_streams_from_catalog(Catalog([(self.name, entry)]))
        return super().stream_maps

    @property
    def metadata(self) -> MetadataMapping:
        """The SDK's, with what can never be selected and what always is marked as such."""
        is_new = self._metadata is None
        mapping = super().metadata
        if is_new:
            for name in self.definition.schema.unsupported:
                mapping["properties", name].inclusion = Metadata.InclusionType.UNSUPPORTED
            for name in self._automatic:
                mapping["properties", name].inclusion = Metadata.InclusionType.AUTOMATIC
        return mapping

    @property
    def _automatic(self) -> list[str]:
        key = self.definition.replication_key
        return [*self.definition.primary_keys, *self.definition.schema.automatic, *([key] if key else [])]

    def apply_catalog(self, catalog: Catalog) -> None:
        """Take a catalog's selection, and its schema as far as it can hold what Bigin has now."""
        entry = catalog.get_stream(self.name)
        if entry is not None:
            given = entry.schema.to_dict()
            found = reconcile(self.schema, given, automatic=self._automatic)
            if is_selected(entry):
                self._tell_differences(found)
                self._tell_unknown(entry)
            if found.schema != given:  # seldom, and to make one takes a millisecond a stream
                entry.schema = Schema.from_dict(found.schema)
            entry.key_properties = entry.key_properties or list(self.definition.primary_keys)
            entry.replication_key = self.definition.replication_key
        super().apply_catalog(catalog)
        self.replication_key = self.definition.replication_key

    def _tell_unknown(self, entry: CatalogEntry) -> None:
        """Names that the catalog selects by hand, and that neither it nor Bigin describes."""
        known = {*self.schema["properties"], *entry.schema.to_dict().get("properties", {})}
        for breadcrumb, said in entry.metadata.items():
            name = breadcrumb[-1] if len(breadcrumb) == PROPERTY_DEPTH else None
            if name is not None and name not in known and said.selected:
                hint = did_you_mean(name, known, otherwise=".")
                self.report.warn(f"the catalog selects {name!r}, which there is not{hint}")

    def _tell_differences(self, found: Reconciled) -> None:
        for name in found.changed:
            self.report.warn(
                f"property {name!r} has another type in Bigin than in the catalog: Bigin's is sent."
            )
        if found.gone:
            self.report.warn(f"Bigin has no {', '.join(found.gone)} any more: null from now on.")
        if found.new:
            self.report.inform(
                f"not in the catalog, so not read: {', '.join(found.new)}. Discover again to select them."
            )


def is_selected(entry: CatalogEntry) -> bool:
    """Whether a catalog selects a stream."""
    of_the_stream = MetadataMapping(each for each in entry.metadata.items() if not each[0])
    return bool(of_the_stream.resolve_selection()[()])
