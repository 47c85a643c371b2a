"""ACTIVATE_VERSION: what a stream's new version left out is deleted, where deletions are asked for.

Nothing is deleted before the input has ended, and only if the message was the last word of its stream: one
that comes before the version's records says nothing of whether they were all read, so a source that dies
among them deletes nothing, and one of which no record came at all is believed only with
``allow_mass_delete``. A version older than the one before is ignored. Only records that this stream itself
wrote can be meant, and only the id map knows those: without it nothing is deleted. A version that was active
before has left nothing out.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from bigin_api import BiginError
from bigin_api.errors import Refused
from target_bigin.deletions.brake import Brakes
from target_bigin.deletions.calls import deletions_of
from target_bigin.files.id_map import IdMap
from target_bigin.records.record import Record
from target_bigin.schema.context import StreamContext
from target_bigin.writing.results import is_gone

logger = logging.getLogger("target-bigin")


class OldVersions:
    """Notes which records a run brings, and deletes the others once a new version is active.

    One for a stream and a run, however often its SCHEMA changes meanwhile.
    """

    def __init__(self, context: StreamContext, id_map: IdMap, brakes: Brakes) -> None:
        self._context = context
        self._stream = context.stream
        self._module = context.module.api_name
        self._id_map = id_map
        self._brakes = brakes
        self._brought: set[str] = set()
        self._active: int | None = None
        self._newest = id_map.version(self._stream) or 0

    def note(self, record: Record) -> None:
        """The source has it, whatever becomes of it: what was refused is not missing there."""
        self._active = None  # the version goes on
        key = self._context.source_key(record.raw)
        if key is not None:
            self._brought.add(key)

    def activate(self, version: int) -> None:
        """All of this version's records have come, if no other follows."""
        if version < self._newest:
            said = "%s: ACTIVATE_VERSION %d is ignored: %d was active already."
            logger.warning(said, self._stream, version, self._newest)
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
        left = {} if known in (None, version) else self._left_out()
        if not left:
            self._id_map.remember_version(self._stream, version)
        elif self._brought or self._context.settings.allow_mass_delete:
            self._context.run.tasks.create_task(self._delete(version, left))
        else:
            logger.warning(
                "%s: version %d is active and no record of it came: as that is what a source looks like that "
                "has failed, nothing is deleted. If it is meant, set allow_mass_delete for the stream.",
                self._stream,
                version,
            )

    def _left_out(self) -> dict[str, str]:
        """The ids of records that this run did not bring, under whatever key, by their keys.

        Two rows of the source may have become one record, a stream may have got another key, and another
        stream may write the same record: what one of these still stands for is not left out.
        """
        ids = self._id_map.ids_of(self._stream, self._module)
        stays = self._id_map.ids_of_others(self._stream).union(ids.get(key, "") for key in self._brought)
        return {key: record_id for key, record_id in ids.items() if record_id not in stays}

    async def _delete(self, version: int, left: Mapping[str, str]) -> None:
        """Raises BiginError if there are too many."""
        ids = list(dict.fromkeys(left.values()))
        if not self._context.settings.allow_mass_delete:
            reject = await self._brakes.too_many(self._module, ids, stream=self._stream)
            if reject is not None:
                self._context.account.notes["deletions of old versions that were too many"] += len(left)
                raise BiginError(reject.message)
        calls = deletions_of(self._module, self._context.client, self._context.run)
        results = {record_id: calls.ask(record_id, None) for record_id in ids}
        calls.flush()
        for key, record_id in left.items():
            try:
                result = await results[record_id]
                why_not = None if result.succeeded or is_gone("delete", result) else result.message
            except Refused as refused:
                why_not = refused.message
            if why_not is None:
                self._id_map.forget(self._stream, self._module, key)
                self._context.account.notes["deleted, for the stream's new version lacks them"] += 1
            else:
                logger.error("%s: %s was not deleted: %s", self._stream, key, why_not)
        self._id_map.remember_version(self._stream, version)
