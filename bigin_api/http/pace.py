"""So many starts in so many seconds: what Bigin allows for downloads of bulk results."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


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
