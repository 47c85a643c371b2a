"""The brake on deletions: a stream that suddenly deletes more than a quarter of its module is stopped.

A source that was emptied by mistake looks like one in which everybody was deleted. So deletions are
held back until the input has ended and the module has been counted (1 credit); nothing is deleted if
there are too many. ``allow_mass_delete`` lifts it.
"""

from __future__ import annotations

import logging
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING

from bigin_api import BiginError
from target_bigin.records.record import Prepared, Reject
from target_bigin.streams.steps import Step

if TYPE_CHECKING:
    from bigin_api import Labelled
    from target_bigin.concurrency.tasks import Flights

logger = logging.getLogger("target-bigin")

ALLOWED_PART = 4  # one record in so many may go


def may_delete(deletions: int, records: int) -> bool:
    """Whether so many deletions are no more than a quarter of a module; a single one always may be.

    >>> may_delete(25, 100), may_delete(26, 100), may_delete(1, 2)
    (True, False, True)
    """
    return deletions <= max(1, records // ALLOWED_PART)


def too_many(stream: str, module: str, deletions: int, records: int) -> Reject:
    """Why none of a stream's deletions was carried out."""
    message = (
        f"{stream} would delete {deletions} of the {records} records of {module}, more than a quarter: "
        "nothing was deleted. If that is meant, set allow_mass_delete for the stream."
    )
    return Reject("invalid", "MASS_DELETE", message)


class BrakeDeletions(Step):
    """Holds a stream's deletions back until it is known how many there are."""

    def __init__(self, client: Labelled, flights: Flights, *, stream: str, module: str) -> None:
        self._client = client
        self._flights = flights
        self._stream = stream
        self._module = module
        self._held: dict[int, Prepared] = {}
        self._done = 0

    def take(self, record: Prepared) -> bool:
        """All but deletions go on."""
        if record.operation != "delete":
            return True
        self._held[record.number] = record
        return False

    def finish(self) -> None:
        """Count, then let go or refuse."""
        if self._held:
            held, self._held = list(self._held.values()), {}
            self._flights.start(
                partial(self._client.records.count, self._module), partial(self._counted, held)
            )

    def _counted(self, held: list[Prepared], future: Future[int]) -> None:
        try:
            # What this run has deleted already counts as if it were still there.
            records = future.result() + self._done
        except BiginError as error:
            self.fail(error)
            return
        deletions = len({record.id or record.locks for record in held}) + self._done
        if may_delete(deletions, records):
            self._done = deletions
            for record in held:
                self.go_on(record)
            return
        reject = too_many(self._stream, self._module, deletions, records)
        logger.error("%s", reject.message)
        for record in held:
            self.refuse(record, reject)
