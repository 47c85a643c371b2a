"""What all streams share: how a kind of stream meets the SDK.

A kind of stream has a definition (a subclass of ``discovery.StreamDefinition``) and a subclass of
``BiginStream`` with one method, ``read``. The table in ``tap_bigin.streams`` joins the two.

``read`` is a generator of ``Chunk`` and runs in a thread of ``prefetch``, ahead of its turn. So it

- gets its entry of the state as an argument, and never touches ``self.tap_state`` or writes messages;
- says in each chunk what the state is once the chunk's records are written (None: as before);
- calls ``self.client``, whose calls are counted under the stream's name, and spreads calls of one
  page over threads with ``self.calls`` (never submit there what waits for another piece of work);
- lets ``BiginError`` fly: the stream is then skipped with a warning (PermissionDenied,
  ModuleUnavailable), or fails the run at its end, after the others are written;
- ends when everything is read, and only then yields a chunk whose state has a new bookmark.

The SDK's own bookkeeping is switched off: it compares bookmarks as strings, promotes them when a
reader stops early and caps them by this machine's clock.
"""

from __future__ import annotations

import copy
import time
from abc import abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from singer_sdk.helpers._util import utc_now
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.singerlib import RecordMessage, Schema
from singer_sdk.singerlib.catalog import Metadata
from singer_sdk.streams import Stream

from bigin_api import AuthError, BiginError, CreditBudgetReached, ModuleUnavailable, PermissionDenied
from tap_bigin.catalogs import reconcile
from tap_bigin.discovery import StreamDefinition

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping

    from singer_sdk.singerlib import Catalog
    from singer_sdk.singerlib.catalog import CatalogEntry, MetadataMapping

    from bigin_api import InFlight, Labelled
    from tap_bigin.catalogs import Reconciled
    from tap_bigin.chunks import Chunk, State
    from tap_bigin.report import StreamReport
    from tap_bigin.settings import TapSettings
    from tap_bigin.tap import TapBigin

D = TypeVar("D", bound=StreamDefinition)

RECORDS_PER_STATE = 1_000
"""A STATE message at the first border of a chunk after so many records, and at the stream's end."""

PROPERTY_DEPTH = len(("properties", "Owner"))

SECONDS_PER_STATE = 5.0
"""The same after so much time: a chunk of few records may have cost many calls."""


class BiginStream(Stream, Generic[D]):
    """A stream of any kind: ``BiginStream[ModuleDefinition]`` is one of that definition."""

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # values fit their schema before they come here

    definition: D
    client: Labelled
    calls: InFlight
    settings: TapSettings
    report: StreamReport

    def __init__(self, tap: TapBigin, definition: D) -> None:
        super().__init__(tap, schema=definition.schema.to_json(), name=definition.name)
        self.tap = tap
        self.definition = definition
        self.primary_keys = list(definition.primary_keys)
        self.replication_key = definition.replication_key
        self.client = tap.client.labelled(definition.name)
        self.calls = tap.calls
        self.settings = tap.settings
        self.report = tap.report.stream(definition.name)
        self._since_state = 0
        self._state_due = time.monotonic() + SECONDS_PER_STATE

    @abstractmethod
    def read(self, state: State) -> Iterator[Chunk]:
        """The stream's records, from what its state says on. Runs in a thread: see above."""

    def is_asked_for(self, name: str) -> bool:
        """Whether a property is in the SCHEMA that is sent: selected in the catalog, or a key."""
        return name in self.effective_schema["properties"] and bool(self.mask["properties", name])

    @property
    def metadata(self) -> MetadataMapping:
        """The SDK's, with what can never be selected and what always is marked as such."""
        is_new = self._metadata is None
        mapping = super().metadata
        if is_new:
            schema = self.definition.schema
            for name in schema.unsupported:
                mapping["properties", name].inclusion = Metadata.InclusionType.UNSUPPORTED
            for name in (*schema.automatic, *self._automatic):
                mapping["properties", name].inclusion = Metadata.InclusionType.AUTOMATIC
        return mapping

    @property
    def _automatic(self) -> list[str]:
        key = self.definition.replication_key
        return [*self.definition.primary_keys, *([key] if key else [])]

    def apply_catalog(self, catalog: Catalog) -> None:
        """Take a catalog's selection, and its schema as far as it can hold what Bigin has now."""
        entry = catalog.get_stream(self.name)
        if entry is not None:
            found = reconcile(
                self.schema,
                entry.schema.to_dict(),
                automatic=[*self.definition.schema.automatic, *self._automatic],
            )
            self._tell_differences(found, is_selected=is_selected(entry))
            entry.schema = Schema.from_dict(found.schema)
            entry.key_properties = entry.key_properties or list(self.definition.primary_keys)
            entry.replication_key = self.definition.replication_key
        super().apply_catalog(catalog)
        self.replication_key = self.definition.replication_key

    def _tell_differences(self, found: Reconciled, *, is_selected: bool) -> None:
        if not is_selected:
            return
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

    @property
    def is_incremental(self) -> bool:
        """Whether the bookmark counts; a catalog may force a full table."""
        return bool(self.replication_key) and self.replication_method != "FULL_TABLE"

    def saved_state(self) -> State:
        """A copy of the stream's entry of the state."""
        return copy.deepcopy(self.tap_state.get("bookmarks", {}).get(self.name, {}))

    def get_records(self, context: Mapping[str, Any] | None) -> Iterable[dict[str, Any]]:  # noqa: ARG002
        """The records of every chunk; a chunk's state is taken over when its records are written."""
        self.report.begin()
        try:
            for chunk in self.tap.chunks_of(self):
                yield from chunk.records
                self._settle(chunk)
        except (PermissionDenied, ModuleUnavailable) as refused:
            self.report.warn(f"skipped. {refused.message}")
        except AuthError:
            raise
        except CreditBudgetReached as reached:
            self.report.unfinished = True
            self.tap.budget_reached = reached
        except BiginError as error:
            self.report.failure = error
        finally:
            self.report.end()

    @cached_property
    def _has_deselected_parts(self) -> bool:
        """Whether the catalog deselects something inside a property, such as an owner's e-mail address."""
        return any(
            len(breadcrumb) > PROPERTY_DEPTH and not selected for breadcrumb, selected in self.mask.items()
        )

    def _generate_record_messages(self, record: dict[str, Any]) -> Generator[RecordMessage, None, None]:
        """The SDK's, without its walk through every value of every record for what is deselected.

        A record has exactly the stream's selected properties when it comes here, and its values fit.
        """
        if self._has_deselected_parts:
            yield from super()._generate_record_messages(record)
            return
        for stream_map in self.stream_maps:
            mapped = stream_map.transform(record)
            if mapped is not None:
                yield RecordMessage(
                    stream=stream_map.stream_alias,
                    record=mapped,
                    version=self._stream_version,
                    time_extracted=utc_now(),
                )

    def _settle(self, chunk: Chunk) -> None:
        self.report.emitted += len(chunk.records)
        self._since_state += len(chunk.records)
        self.tap.message_writer.flush()
        ahead = self.tap.states_ahead()
        states = ahead if chunk.state is None else {**ahead, self.name: chunk.state}
        for name, state in states.items():
            # One assignment: a signal between two would leave half an entry.
            self.tap_state.setdefault("bookmarks", {})[name] = dict(state)
        # Without records it says what cannot be found out again, such as the job that was made.
        is_due = self._since_state >= RECORDS_PER_STATE or time.monotonic() > self._state_due
        if ahead or (states and (not chunk.records or is_due)):
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
        """Nothing: chunks carry the state."""

    def _finalize_state(self, state: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        self.state_manager.is_flushed = False

    def finalize_state_progress_markers(self, state: dict[str, Any] | None = None) -> None:
        """Write the state as the last chunk left it."""
        self._finalize_state(state)
        self._write_state_message()


def is_selected(entry: CatalogEntry) -> bool:
    """Whether a catalog selects a stream."""
    return bool(entry.metadata.resolve_selection()[()])
