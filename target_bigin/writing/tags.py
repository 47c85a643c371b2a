"""A stream's tags, added to what it wrote: 500 records a call, 50 a credit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bigin_api import WriteResult
from bigin_api.errors import Refused
from bigin_api.limits import MAX_IDS_PER_TAG_CALL
from target_bigin.concurrency.batcher import Batcher
from target_bigin.records.record import Action, Record
from target_bigin.schema.context import StreamContext
from target_bigin.writing.results import paired, refusal, reject_of


class Tags:
    """Of one stream. May be repeated: a tag is there or it is not."""

    def __init__(self, context: StreamContext) -> None:
        self._client = context.client
        self._module = context.module.api_name
        self._tags = context.settings.tags
        self._wishes = Batcher(context.run.tasks, self._add, size=MAX_IDS_PER_TAG_CALL)
        self.flush = self._wishes.flush

    async def add(self, record: Record, action: Action) -> None:
        """Until a written record has its tags. Raises Reject."""
        if not self._tags or action == "deleted":
            return
        try:
            result = await self._wishes.ask(str(record.id), None)
        except Refused as error:
            raise replace(reject_of(error).of_part("tags"), field="Tag") from None
        if not result.succeeded:
            raise replace(refusal("upsert", result).of_part("tags"), field="Tag")

    def _add(self, ids: Mapping[str, None]) -> Mapping[str, WriteResult]:
        """In a thread. One record may have been written twice: its tags are asked for once."""
        results = self._client.tags.add(self._module, list(ids), self._tags)
        return paired(ids, results)
