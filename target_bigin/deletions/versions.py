"""ACTIVATE_VERSION: what a stream's new version left out is deleted, where deletions are asked for.

Nothing is deleted before the input has ended, and only if the message was the last word of its stream: one
that comes before the version's records says nothing of whether they were all read, so a source that dies
among them deletes nothing. A version older than the one before is ignored. Only records that this stream
itself wrote can be meant, and only the id map knows those: without it nothing is deleted. A version that
was active before has left nothing out.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial

from bigin_api import BiginError, WriteResult
from bigin_api.limits import MAX_RECORDS_PER_WRITE
from target_bigin.deletions.brake import Brakes
from target_bigin.files.id_map import IdMap
from target_bigin.records.record import Record
from target_bigin.schema.context import StreamContext
from target_bigin.writing.results import is_gone

logger = logging.getLogger("target-bigin")


class OldVersions:
    """Notes which records a run brings, and deletes the others once a new version is active."""

    def __init__(self, context: StreamContext, id_map: IdMap, brakes: Brakes) -> None:
        self._context = context
        self._stream = context.stream
        self._module = context.module.api_name
        self._id_map = id_map
        self._brakes = brakes
        self._brought: set[str] = set()
        self._active: int | None = None
        self._newest = 0

    def note(self, record: Record) -> None:
        """The source has it, whatever becomes of it: what was refused is not missing there."""
        self._active = None  # the version goes on
        key = self._context.source_key(record.raw)
        if key is not None:
            self._brought.add(key)

    def activate(self, version: int) -> None:
        """All of this version's records have come, if no other follows."""
        newest = max((each for each in (self._id_map.version(self._stream), self._newest) if each), default=0)
        if version < newest:
            logger.warning(
                "%s: ACTIVATE_VERSION %d is ignored: %d was active already.", self._stream, version, newest
            )
            return
        self._newest = self._active = version

    def finish(self) -> None:
        """The version is complete: what it does not have is deleted."""
        version, self._active = self._active, None
        if version is None:
            return
        if not self._id_map.kept_between_runs:
            logger.warning(
                "%s: ACTIVATE_VERSION deletes nothing, for without id_map_path nobody knows what this stream "
                "wrote before.",
                self._stream,
            )
            return
        known = self._id_map.version(self._stream)
        left = [key for key in self._id_map.keys(self._stream) if key not in self._brought]
        if known in (None, version) or not left:
            self._id_map.remember_version(self._stream, version)
            return
        self._context.run.tasks.create_task(self._delete(version, left))

    async def _delete(self, version: int, keys: Sequence[str]) -> None:
        """Raises BiginError if there are too many."""
        ids = [str(self._id_map.of_stream(self._stream, key)) for key in keys]
        if not self._context.settings.allow_mass_delete:
            reject = await self._brakes.too_many(self._module, ids, stream=self._stream)
            if reject is not None:
                self._context.account.notes["deletions of old versions that were too many"] += len(keys)
                raise BiginError(reject.message)
        results = await self._context.run.tasks.call(partial(self._call, ids))
        for key, result in zip(keys, results, strict=False):
            if result.succeeded or is_gone("delete", result):
                self._id_map.forget(self._stream, key)
                self._context.account.notes["deleted, for the stream's new version lacks them"] += 1
            else:
                logger.error("%s: %s was not deleted: %s", self._stream, key, result.message)
        self._id_map.remember_version(self._stream, version)

    def _call(self, ids: Sequence[str]) -> list[WriteResult]:
        """In a thread."""
        fire = bool(self._context.run.settings.trigger)
        return [
            result
            for start in range(0, len(ids), MAX_RECORDS_PER_WRITE)
            for result in self._context.client.records.delete(
                self._module, ids[start : start + MAX_RECORDS_PER_WRITE], fire_workflows=fire
            )
        ]
