"""The brake on deletions: a stream that suddenly deletes more than a quarter of its module is stopped.

A source that was emptied by mistake looks like one in which everybody was deleted. So deletions are
held back until the input has ended and the module has been counted (1 credit); nothing is deleted if
there are too many. ``allow_mass_delete`` lifts it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from bigin_api.errors import InvalidRequest, ModuleUnavailable, PermissionDenied
from target_bigin.concurrency.tasks import Tasks, Wait
from target_bigin.records.record import Record, Reject, Rejected

if TYPE_CHECKING:
    from bigin_api import Labelled

logger = logging.getLogger("target-bigin")

ALLOWED_PART = 4  # one record in so many may go


def may_delete(deletions: int, records: int) -> bool:
    """Whether so many deletions are no more than a quarter of a module; a single one always may be.

    >>> may_delete(25, 100), may_delete(26, 100), may_delete(1, 2)
    (True, False, True)
    """
    return deletions <= max(1, records // ALLOWED_PART)


class Brake:
    """On what one stream deletes in one module. Main thread alone."""

    def __init__(
        self, client: Labelled, tasks: Tasks, *, stream: str, module: str, is_lifted: bool = False
    ) -> None:
        self._client = client
        self._tasks = tasks
        self._stream = stream
        self._module = module
        self.is_lifted = is_lifted
        self._held: list[Record] = []
        self._decided: list[Wait[None]] = []
        self._done = 0  # deletions that were allowed before

    async def allow(self, record: Record) -> None:
        """Hold a deletion until all of them are known. Raises Rejected if they are too many."""
        self._held.append(record)
        await self._tasks.wait_in(self._decided)

    def finish(self) -> None:
        """No further record will come: count, then let go or refuse."""
        if self._held:
            held, self._held = self._held, []
            decided, self._decided = self._decided, []
            self._tasks.create_task(self._decide(held, decided))

    async def too_many(self, deletions: int) -> Reject | None:
        """Why so many more must not be deleted; None: they may."""
        if self.is_lifted:
            return None
        # What this run has deleted already counts as if it were still there.
        records = await self._tasks.call(partial(self._client.records.count, self._module)) + self._done
        deletions += self._done
        if may_delete(deletions, records):
            self._done = deletions
            return None
        message = (
            f"{self._stream} would delete {deletions} of the {records} records of {self._module}, more than "
            "a quarter: nothing was deleted. If that is meant, set allow_mass_delete for the stream."
        )
        return Reject("invalid", "MASS_DELETE", message)

    async def _decide(self, held: Sequence[Record], decided: Sequence[Wait[None]]) -> None:
        try:
            reject = await self.too_many(len({record.id or record.locks for record in held}))
            if reject is not None:
                logger.error("%s", reject.message)
        except (PermissionDenied, ModuleUnavailable, InvalidRequest) as error:
            reject = Reject("rejected", error.code or "NO_COUNT", error.message)
        for wait in decided:
            if reject is None:
                wait.set_result(None)
            else:
                wait.set_exception(Rejected(reject))
