"""When a call may begin: so many at once (fewer after a 429), and so many downloads a minute."""

from __future__ import annotations

import threading
import time
from bisect import insort
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bigin_api.errors import ClientClosed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Ticket = tuple[bool, int]
"""Whether it can wait, and when it came: the lowest is the next."""

CALLS_TO_GROW = 20
"""So many calls without a 429 win back one place."""


class Gate:
    """A turnstile for all threads of a process.

    Invariants: nobody enters while ``allowed`` calls are inside; 1 <= allowed <= limit; nobody enters
    before one who is more urgent, or came earlier and is as urgent.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.allowed = limit
        self.inside = 0
        self._waiting: list[Ticket] = []
        self._came = 0
        self._good = 0
        self._shrunk = 0
        self._closed = False
        self._turn = threading.Condition()

    @contextmanager
    def __call__(self, *, urgent: bool) -> Iterator[int]:
        """Hold a place while a call is in flight, and learn how often the gate has shrunk until now.

        Raises ClientClosed once the gate is shut.
        """
        with self._turn:
            self._came += 1
            ticket = (not urgent, self._came)
            insort(self._waiting, ticket)
            try:
                self._turn.wait_for(lambda: self._closed or self._is_next(ticket))
            finally:
                self._waiting.remove(ticket)
                self._turn.notify_all()
            if self._closed:
                raise ClientClosed("The client was closed before this call had its turn.")
            self.inside += 1
            seen = self._shrunk
        try:
            yield seen
        finally:
            with self._turn:
                self.inside -= 1
                self._turn.notify_all()

    @property
    def free(self) -> int:
        """Places that nobody holds or waits for; less than none where more wait."""
        with self._turn:
            return self.allowed - self.inside - len(self._waiting)

    def shrink(self, seen: int) -> None:
        """Too many calls at once: halve what is allowed.

        Once for all calls that went in under the same allowance: a volley that was refused together
        tells one thing, not ten.
        """
        with self._turn:
            if seen != self._shrunk:
                return
            self._shrunk += 1
            self.allowed = max(1, self.allowed // 2)
            self._good = 0

    def succeed(self) -> None:
        """A call went through; enough of them in a row win back a place."""
        if self.allowed == self.limit:
            return
        with self._turn:
            self._good += 1
            if self._good >= CALLS_TO_GROW:
                self._good = 0
                self.allowed = min(self.limit, self.allowed + 1)
                self._turn.notify_all()

    def close(self) -> None:
        """Let nobody in any more."""
        with self._turn:
            self._closed = True
            self._turn.notify_all()

    def _is_next(self, ticket: Ticket) -> bool:
        return self.inside < self.allowed and self._waiting[0] == ticket


class Pace:
    """Makes the caller wait for its turn; one object for all threads.

    Invariant: in no window of ``seconds`` are there more than ``starts`` turns.
    """

    def __init__(
        self,
        starts: int,
        seconds: float,
        *,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds = seconds
        self._pause = pause
        self._clock = clock
        self._turns: deque[float] = deque(maxlen=starts)
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Return when this start may happen. Raises what ``pause`` raises."""
        with self._lock:
            now = self._clock()
            full = len(self._turns) == self._turns.maxlen
            turn = max(now, self._turns[0] + self._seconds) if full else now
            self._turns.append(turn)  # taken before the wait, so that others line up behind it
        if turn > now:
            self._pause(turn - now)
