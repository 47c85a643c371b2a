"""How bulk jobs go: their states over time, and what a test asked to go otherwise.

    POST /_sandbox/bulk {"seconds_per_state": 0.5}
    POST /_sandbox/bulk {"outcome": "FAILURE", "times": 2}

`outcome` is what becomes of the next `times` (default 1, null for ever) jobs:

    read   FAILURE            the job fails, with an error_message
           omit_null_parents  rows whose first lookup is empty are left out, and not counted
           short_file         the last tenth of the rows is left out, and counted all the same
    write  FAILED             the job fails, nothing is written
           partial            the second half of the rows is UNPROCESSED
           expired_result     it is done, but its result can no longer be fetched
    both   stuck              IN PROGRESS for ever

Time is the sandbox's clock or real time, whichever has moved on further, so that a frozen clock stops no
job. A job ends only when its work is done.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bigin_sandbox.telling.deliveries import Deliveries
from bigin_sandbox.wishes import read_wish

if TYPE_CHECKING:
    from bigin_sandbox.http.calls import Context

OPERATIONS = ("read", "write")
READ_OUTCOMES = frozenset({"FAILURE", "omit_null_parents", "short_file", "stuck"})
WRITE_OUTCOMES = frozenset({"FAILED", "partial", "expired_result", "stuck"})
ADDED, IN_PROGRESS, DONE = range(3)
LOOK_EVERY = 0.02  # seconds between two looks at a job that somebody waits for


@dataclass
class Wish:
    """What a control asks of the jobs still to be made."""

    outcome: str | None = None
    operation: str | None = None  # "read", "write"; None: whichever comes first
    times: int | None = 1  # None: for ever
    seconds_per_state: float | None = None


class BulkBehaviour:
    """What the jobs still to be made will do; one for each organisation."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._organisation = context.store.org()
        self._seconds: float | None = None
        self._wishes: list[Wish] = []

    @property
    def seconds_per_state(self) -> float:
        """How long a job stays ADDED, and again IN PROGRESS."""
        return self._context.settings.job_seconds if self._seconds is None else self._seconds

    def is_current(self) -> bool:
        """Whether the organisation is still the one for which the jobs were made, not reset since."""
        return self._context.store.org() is self._organisation

    def ask(self, wish: dict[str, Any]) -> None:
        """Take a control's wish.

        Raises ValueError for what no job can do.
        """
        asked = read_wish(wish, Wish, what="bulk")
        _require_known(asked)
        if asked.seconds_per_state is not None:
            self._seconds = asked.seconds_per_state
        if asked.outcome is not None:
            self._wishes.append(asked)

    def outcome(self, operation: str) -> str | None:
        """What the job made now is to come to; None: all goes well."""
        for wish in self._wishes:
            if wish.operation in {None, operation} and wish.outcome in _outcomes(operation):
                if wish.times is not None:
                    wish.times -= 1
                self._wishes = [other for other in self._wishes if other.times != 0]
                return wish.outcome
        return None


class Progress:
    """The states of one job: ADDED, then IN PROGRESS, then done."""

    def __init__(self, context: Context, outcome: str | None) -> None:
        self._clock = context.clock
        self._seconds = context.part(BulkBehaviour).seconds_per_state
        self._stuck = outcome == "stuck"
        self._made = self._clock.timestamp(), time.monotonic()
        self.finished_at: float | None = None  # by the sandbox's clock

    def stage(self, *, work_done: bool) -> int:
        """ADDED, IN_PROGRESS or DONE, as of now."""
        if self.finished_at is not None:
            return DONE
        elapsed = max(self._clock.timestamp() - self._made[0], time.monotonic() - self._made[1])
        if elapsed < self._seconds:
            return ADDED
        if elapsed < 2 * self._seconds or self._stuck or not work_done:
            return IN_PROGRESS
        self.finished_at = self._clock.timestamp()
        return DONE

    def age(self) -> float:
        """Seconds since it was seen to be done."""
        return 0.0 if self.finished_at is None else self._clock.timestamp() - self.finished_at


async def passes(is_so: Callable[[], bool], context: Context) -> bool:
    """Wait until something is so; False if the sandbox was reset before that."""
    behaviour = context.part(BulkBehaviour)
    while behaviour.is_current():
        if is_so():
            return True
        await asyncio.sleep(LOOK_EVERY)
    return False


def call_back(
    context: Context, url: str, is_over: Callable[[], bool], body: Callable[[], Any]
) -> asyncio.Task[None]:
    """Tell an address of a job's end, once it has come. The caller keeps the task."""

    async def wait_and_tell() -> None:
        if await passes(is_over, context):
            context.part(Deliveries).send(url, body())

    return asyncio.get_running_loop().create_task(wait_and_tell())


def _outcomes(operation: str) -> frozenset[str]:
    return READ_OUTCOMES if operation == "read" else WRITE_OUTCOMES


def _require_known(wish: Wish) -> None:
    """Raises ValueError for what no job can do."""
    if wish.operation not in {None, *OPERATIONS}:
        raise ValueError(f"bulk: 'operation' is one of {', '.join(OPERATIONS)}, not {wish.operation!r}")
    known = sorted(set().union(*map(_outcomes, [wish.operation] if wish.operation else OPERATIONS)))
    if wish.outcome is not None and wish.outcome not in known:
        raise ValueError(f"bulk: 'outcome' is one of {', '.join(known)}, not {wish.outcome!r}")
    if wish.times is not None and wish.times < 1:
        raise ValueError(f"bulk: 'times' is 1 or more, or null for ever, not {wish.times}")
    if wish.seconds_per_state is not None and wish.seconds_per_state < 0:
        raise ValueError(f"bulk: 'seconds_per_state' is 0 or more, not {wish.seconds_per_state}")
