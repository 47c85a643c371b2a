"""Bulk jobs of an earlier run that may still be at work: nothing is written before they have ended."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING

from bigin_api import BulkJobFailed, NotFound

if TYPE_CHECKING:
    from target_bigin.files.job_log import BulkNotes
    from target_bigin.schema.context import StreamContext
    from target_bigin.writing.calls import Writer

logger = logging.getLogger("target-bigin")


class FormerJobs:
    """Lets nothing of a module be written before jobs of an earlier run have ended. Main thread alone."""

    def __init__(self, context: StreamContext, jobs: Sequence[str], notes: BulkNotes, writer: Writer) -> None:
        self._context = context
        self._notes = notes
        self._writer = writer
        self._left = set(jobs)
        logger.warning(
            "%s: waits for %d bulk jobs that an earlier run made and did not see end.",
            context.stream,
            len(jobs),
        )
        for job in jobs:
            context.run.flights.start(partial(self._await, job), partial(self._ended, job))

    @property
    def is_full(self) -> bool:
        """As the writer."""
        return not self._left and self._writer.is_full

    def pump(self, *, flush: bool) -> None:
        """As the writer, once the jobs have ended."""
        if not self._left:
            self._writer.pump(flush=flush)

    def _await(self, job: str) -> None:
        """In a thread."""
        with contextlib.suppress(BulkJobFailed, NotFound):  # it writes nothing any more
            self._context.client.bulk_write.wait(job)
        self._notes.forget(job)

    def _ended(self, job: str, future: Future[None]) -> None:
        future.result()
        self._left.discard(job)
