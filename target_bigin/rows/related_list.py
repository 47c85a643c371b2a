"""The step that links records that are tied by a related list and nothing else: 1 credit a link."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING

from bigin_api import BiginError, InvalidRequest, WriteResult
from target_bigin.records.record import Prepared, Reject
from target_bigin.streams.steps import Step
from target_bigin.writing.results import refusal

if TYPE_CHECKING:
    from bigin_api import Labelled
    from target_bigin.concurrency.tasks import Flights


class WriteLinks(Step):
    """Links a parent to each record that its rows name. May be repeated: a second time changes nothing."""

    def __init__(
        self, client: Labelled, flights: Flights, *, module: str, related_list: str, column: str
    ) -> None:
        self._client = client
        self._flights = flights
        self._module = module
        self._list = related_list
        self._column = column

    def take(self, record: Prepared) -> bool:
        """Send one call a link, one after the other."""
        linked = [str(row[self._column]["id"]) for row in record.body[self._list]]
        self._flights.start(partial(self._link, str(record.id), linked), partial(self._landed, record))
        return False

    def _link(self, parent_id: str, linked: Sequence[str]) -> list[WriteResult]:
        """In a thread."""
        related = self._client.related
        return [related.link(self._module, parent_id, self._list, each) for each in dict.fromkeys(linked)]

    def _landed(self, record: Prepared, future: Future[list[WriteResult]]) -> None:
        try:
            results = future.result()
        except InvalidRequest as error:
            self.refuse(record, Reject("rejected", error.code or "INVALID_REQUEST", error.message))
            return
        except BiginError as error:
            self.fail(error)
            return
        refused = next((result for result in results if not result.succeeded), None)
        if refused is None:
            record.action = "updated"
            self.go_on(record)
        else:
            self.refuse(record, refusal("update", refused))
