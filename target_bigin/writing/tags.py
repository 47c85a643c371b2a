"""The step that adds a stream's tags to what it wrote: 500 records a call, 50 a credit."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING

from bigin_api import BiginError, WriteResult
from bigin_api.limits import MAX_IDS_PER_TAG_CALL
from target_bigin.records.record import Prepared, Reject
from target_bigin.streams.steps import Step

if TYPE_CHECKING:
    from bigin_api import Labelled
    from target_bigin.concurrency.tasks import Flights


class AddTags(Step):
    """Holds written records until they have their tags. May be repeated: a tag is there or it is not."""

    def __init__(self, client: Labelled, flights: Flights, *, module: str, tags: Sequence[str]) -> None:
        self._client = client
        self._flights = flights
        self._module = module
        self._tags = tuple(tags)
        self._waiting: list[Prepared] = []

    def take(self, record: Prepared) -> bool:
        """A record that was deleted needs no tags."""
        if record.action == "deleted":
            return True
        self._waiting.append(record)
        if len(self._waiting) >= MAX_IDS_PER_TAG_CALL:
            self._send()
        return False

    def tick(self, *, flush: bool) -> None:
        """With ``flush`` send what waits."""
        if flush and self._waiting:
            self._send()

    def _send(self) -> None:
        records, self._waiting = self._waiting, []
        # One record may have been written twice: its tags are asked for once.
        by_id = {str(record.id): record for record in records}
        self._flights.start(
            lambda: self._client.tags.add(self._module, list(by_id), self._tags),
            partial(self._landed, records, list(by_id)),
        )

    def _landed(
        self, records: Sequence[Prepared], ids: Sequence[str], future: Future[list[WriteResult]]
    ) -> None:
        try:
            results = future.result()
        except BiginError as error:
            self.fail(error)
            return
        refused = {
            record_id: result for record_id, result in zip(ids, results, strict=False) if not result.succeeded
        }
        for record in records:
            result = refused.get(str(record.id))
            if result is None:
                self.go_on(record)
            else:
                message = f"the record was written, but its tags were refused ({result.message})."
                self.refuse(record, Reject("rejected", result.code, message, "Tag"))
