"""A stream's tags, added to what it wrote: 500 records a call, 50 a credit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bigin_api import WriteResult
from bigin_api.errors import Refused
from bigin_api.limits import MAX_IDS_PER_TAG_CALL
from target_bigin.concurrency.batcher import Batcher
from target_bigin.records.record import Record
from target_bigin.schema.context import StreamContext
from target_bigin.writing.results import paired, refusal, reject_of


def tagging_of(context: StreamContext) -> Batcher[str, None, WriteResult]:
    """Adds a stream's tags to records by their ids. May be repeated: a tag is there or it is not."""

    def add(ids: Mapping[str, None]) -> Mapping[str, WriteResult]:
        """In a thread. One record may have been written twice: its tags are asked for once."""
        return paired(ids, context.client.tags.add(context.module.api_name, list(ids), context.settings.tags))

    return Batcher(context.run.tasks, add, size=MAX_IDS_PER_TAG_CALL)


async def tag(record: Record, tagging: Batcher[str, None, WriteResult]) -> None:
    """Until a written record has its tags. Raises Reject."""
    try:
        result = await tagging.ask(str(record.id), None)
    except Refused as error:
        raise replace(reject_of(error).of_part("tags"), field="Tag") from None
    if not result.succeeded:
        raise replace(refusal("upsert", result).of_part("tags"), field="Tag")
