"""Records that are tied by a related list and nothing else: 1 credit a link."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from bigin_api import InvalidRequest, WriteResult
from target_bigin.records.record import Action, Record, Reject, Rejected
from target_bigin.rows.writer import Rows
from target_bigin.schema.context import StreamContext
from target_bigin.writing.results import refusal


class LinkWriter:
    """Links a parent to each record that its rows name. May be repeated: a second time changes nothing."""

    def __init__(self, context: StreamContext, *, related_list: str, column: str) -> None:
        self._client = context.client
        self._tasks = context.run.tasks
        self._module = context.module.api_name
        self._list = related_list
        self._column = column

    async def write(self, record: Record, rows: Rows, _action: Action | None) -> bool:
        """Send one call a link, one after the other. True: something was sent. Raises Rejected."""
        linked = [str(row[self._column]["id"]) for row in rows[self._list]]
        try:
            results = await self._tasks.call(partial(self._link, str(record.id), linked))
        except InvalidRequest as error:
            reject = Reject("rejected", error.code or "INVALID_REQUEST", error.message)
            raise Rejected(reject) from error
        refused = next((result for result in results if not result.succeeded), None)
        if refused is not None:
            raise Rejected(refusal("update", refused))
        return True

    def flush(self) -> None:
        """Nothing waits for company."""

    def _link(self, parent_id: str, linked: Sequence[str]) -> list[WriteResult]:
        """In a thread."""
        related = self._client.related
        return [related.link(self._module, parent_id, self._list, each) for each in dict.fromkeys(linked)]
