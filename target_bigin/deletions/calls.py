"""Calls that delete records by their ids."""

from __future__ import annotations

from collections.abc import Mapping

from bigin_api import Labelled, WriteResult
from bigin_api.limits import MAX_RECORDS_PER_WRITE
from target_bigin.concurrency.batcher import Batcher
from target_bigin.schema.context import Run
from target_bigin.writing.results import paired


def deletions_of(module: str, client: Labelled, run: Run) -> Batcher[str, None, WriteResult]:
    """Gathers ids of a module's records and deletes them, up to 100 in a call."""

    def delete(ids: Mapping[str, None]) -> Mapping[str, WriteResult]:
        fire = bool(run.settings.trigger)
        return paired(ids, client.records.delete(module, list(ids), fire_workflows=fire))

    return Batcher(run.tasks, delete, size=MAX_RECORDS_PER_WRITE)
