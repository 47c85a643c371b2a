"""A run that does everything but write, and counts what it would have done and cost."""

from __future__ import annotations

from bigin_api.limits import CREDITS_PER_CALL, write_credits
from target_bigin.schema.context import StreamContext
from target_bigin.writing.queue import Queue, tell
from target_bigin.writing.results import ACTIONS


class DryWriter:
    """Tells each record how its call would most likely have ended. Nothing is sent."""

    is_full = False

    def __init__(self, context: StreamContext, queue: Queue) -> None:
        self._account = context.account
        self._queue = queue
        self._size = context.run.settings.batch_size

    def pump(self, *, flush: bool) -> None:
        """Count the calls that are due."""
        while records := self._queue.take(self._size, least=1 if flush else self._size):
            operation = records[0].operation
            self._account.planned_credits += (
                CREDITS_PER_CALL if operation == "delete" else write_credits(len(records))
            )
            for record in records:
                tell(record, ACTIONS.get(operation, "updated"))
