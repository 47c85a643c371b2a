"""What both kinds of bulk job share: a state, and few questions, since each one costs a credit."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from bigin_api.errors import BulkJobFailed, BulkJobUnfinished

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bigin_api.http.calls import Sender

FIRST_WAIT = 2.0  # seconds
LONGEST_WAIT = 60.0  # seconds
ROWS_PER_SECOND = 20_000  # assumed: a job of 200,000 rows is first asked about after 12 s
PATIENCE = 3600.0  # seconds


STATES_UNKNOWN = 5  # in a row: so often a job may answer with no state that is known
KNOWN_STATES = frozenset(("ADDED", "QUEUED", "IN PROGRESS", "COMPLETED", "FAILED", "SKIPPED"))
STATES = {"INPROGRESS": "IN PROGRESS", "IN_PROGRESS": "IN PROGRESS", "FAILURE": "FAILED"}
"""The one spelling for each of those that Zoho prints."""


@dataclass(frozen=True)
class BulkJob:
    """A job that Bigin works on. What its result holds is unknown until it is done."""

    id: str
    state: str  # ADDED, QUEUED, IN PROGRESS, COMPLETED, FAILED, SKIPPED, whatever spelling was seen
    module: str = ""
    error: str | None = None  # Bigin's code, of a job or a file that failed

    @property
    def done(self) -> bool:
        """It ended well, which does not say that a bulk write wrote anything: see its counts."""
        return self.state == "COMPLETED"

    @property
    def failed(self) -> bool:
        """Bigin gave it up, or passed the file over."""
        return self.state in ("FAILED", "SKIPPED")


J = TypeVar("J", bound=BulkJob)


def state_of(said: Any) -> str:
    """A job's state in the one spelling.

    >>> state_of("Completed"), state_of("INPROGRESS"), state_of(None)
    ('COMPLETED', 'IN PROGRESS', '')
    """
    state = str(said or "").upper()
    return STATES.get(state, state)


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


class BulkJobs(ABC, Generic[J]):
    """Jobs of one kind: asking after them until they end."""

    kind: ClassVar[str]

    def __init__(self, sender: Sender, *, pause: Callable[[float], None] = time.sleep) -> None:
        self._sender = sender
        self._pause = pause

    @abstractmethod
    def status(self, job_id: str) -> J:
        """How far a job is. Costs 1 credit. Raises NotFound for a job that Bigin has forgotten."""

    def wait(self, job: J | str, *, expected_rows: int | None = None, patience: float = PATIENCE) -> J:
        """The job when it is done, asked about ever more seldom; 1 credit a question.

        The first question waits the longer, the more rows are expected; a job given by its id alone (one
        that an earlier run began) is asked about at once. ``patience`` is in seconds of waiting.
        Raises BulkJobFailed, BulkJobUnfinished, or NotFound for a job that is gone.
        """
        job_id = job if isinstance(job, str) else job.id
        known, strange = self.status(job_id) if isinstance(job, str) else job, 0
        what = f"{known.module}: {self.kind}" if known.module else self.kind.capitalize()
        left = patience
        for seconds in poll_waits(expected_rows):
            if known.failed:
                raise BulkJobFailed(
                    f"{what} job {job_id} failed ({known.error or known.state}).",
                    job_id=job_id,
                    code=known.error,
                )
            if known.done:
                return replace(known, id=job_id)
            strange = 0 if known.state in KNOWN_STATES else strange + 1
            if strange > STATES_UNKNOWN:
                break  # it may work on all the same: nobody may conclude that it failed
            if left <= 0:
                break
            self._pause(min(seconds, left))
            left -= seconds
            known = self.status(job_id)
        raise BulkJobUnfinished(
            f"{what} job {job_id} is still {known.state or 'UNKNOWN'} after {patience - max(0, left):.0f} s. "
            "It goes on at Bigin: ask for it again later, by its id.",
            job_id=job_id,
        )
