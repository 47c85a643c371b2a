"""What the streams of a run share: the id map, the directory of records, the cache of what was written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bigin_api import PermissionDenied
from target_bigin.files.fingerprints import Written
from target_bigin.files.id_map import IdMap
from target_bigin.files.job_log import BulkNotes
from target_bigin.lookups.directory import Directory
from target_bigin.records.record import Prepared
from target_bigin.schema.context import Run
from target_bigin.streams.steps import Step
from target_bigin.writing.unchanged import CompareAlone, SkipUnchanged, SlotOf, UnderWay


class Shared:
    """Made once a run, closed at its end. A dry run leaves the files as they are."""

    def __init__(self, run: Run) -> None:
        settings = run.settings
        self.run = run
        self.id_map = IdMap(settings.id_map_path, read_only=settings.dry_run)
        self.directory = Directory(
            run.client, run.flights, self.id_map, trigger=settings.trigger, dry_run=settings.dry_run
        )
        self.bulk_notes = BulkNotes(None if settings.dry_run else settings.journal_path)
        self._cache = Written(settings.unchanged_cache_path) if settings.unchanged_cache_path else None
        self._under_way: dict[str, UnderWay] = {}  # by stream

    def under_way(
        self,
        stream: str,
        slot_of: SlotOf,
        settings: Mapping[str, Any],
        *,
        is_there: Callable[[Prepared], bool] = lambda _record: True,
    ) -> UnderWay | None:
        """What the steps around a stream's cache share, None without a cache.

        ``settings``: what its writes depend on beside the record. ``is_there``: whether Bigin still has it.
        """
        if self._cache is None:
            return None
        self._cache.use(stream, {"organisation": self._organisation(), **settings})
        if stream not in self._under_way:
            self._under_way[stream] = UnderWay(
                self._cache,
                slot_of,
                settled_up_to=lambda: self.run.ledger.settled_up_to,
                is_there=is_there,
            )
        return self._under_way[stream]

    def skipping(self, under_way: UnderWay | None) -> Iterator[Step]:
        """The step that leaves out what is unchanged, if there is a cache."""
        if under_way is not None:
            yield CompareAlone(under_way) if self.run.settings.dry_run else SkipUnchanged(under_way)

    def save(self) -> None:
        """A STATE is about to go out: what it covers must be on disk."""
        self.id_map.flush()
        if self._cache is not None:
            self._cache.commit()

    def close(self) -> None:
        """The run has ended: what was settled is kept, whatever ended it."""
        self.id_map.close()
        if self._cache is not None:
            self._cache.close()

    def _organisation(self) -> str:
        """Which one it is: a cache of another must not count. Costs 1 credit, once a run."""
        try:
            return self.run.flights.wait_for(self.run.client.organization.zgid)
        except PermissionDenied:
            return ""  # the token may not ask
