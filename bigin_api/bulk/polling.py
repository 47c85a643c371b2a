"""Waiting for a bulk job with few questions, since each one costs a credit."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol, TypeVar

from bigin_api.errors import BulkJobFailed, BulkJobUnfinished

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FIRST_WAIT = 2.0  # seconds
LONGEST_WAIT = 60.0  # seconds
ROWS_PER_SECOND = 20_000  # assumed: a job of 200,000 rows is first asked about after 12 s
PATIENCE = 3600.0  # seconds


class Job(Protocol):
    """A job that Bigin works on."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def state(self) -> str:
        """Its state in Bigin's words."""

    @property
    def done(self) -> bool:
        """It ended well."""

    @property
    def failed(self) -> bool:
        """It ended badly."""

    @property
    def error(self) -> str | None:
        """Why it failed, in Bigin's words."""


J = TypeVar("J", bound=Job)


def poll_waits(expected_rows: int | None = None) -> Iterator[float]:
    """Seconds to wait before each question.

    >>> from itertools import islice
    >>> list(islice(poll_waits(), 7)), list(islice(poll_waits(200_000), 4))
    ([2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0], [12.0, 24.0, 48.0, 60.0])
    """
    seconds = FIRST_WAIT + (expected_rows or 0) / ROWS_PER_SECOND
    while True:
        yield min(seconds, LONGEST_WAIT)
        seconds *= 2


class Polling:
    """Asks after a job until it ends."""

    def __init__(self, *, pause: Callable[[float], None] = time.sleep) -> None:
        self._pause = pause

    def until_done(
        self, job: J, ask: Callable[[str], J], *, kind: str, expected_rows: int | None, patience: float
    ) -> J:
        """The job when it is done.

        Raises BulkJobFailed if it ends badly, BulkJobUnfinished if it has not ended after ``patience``
        seconds of waiting.
        """
        left = patience
        for seconds in poll_waits(expected_rows):
            if job.failed:
                raise BulkJobFailed(
                    f"{kind} job {job.id} failed ({job.error or job.state}).", job_id=job.id, code=job.error
                )
            if job.done:
                return job
            if left <= 0:
                break
            self._pause(min(seconds, left))
            left -= seconds
            job = ask(job.id)
        raise BulkJobUnfinished(
            f"{kind} job {job.id} is still {job.state} after {patience:.0f} s. "
            "It goes on at Bigin: ask for it again later, by its id.",
            job_id=job.id,
        )
