"""Work that runs beside the main thread, and what the main thread does with its outcome."""

from __future__ import annotations

import queue
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

from bigin_api import InFlight

T = TypeVar("T")

SLICE = 0.5  # seconds: how long the main thread waits before it looks at signals again


class Flights:
    """Calls in flight. ``start`` and the ``done`` it is given run on the main thread alone.

    Invariants: each ``done`` runs once, in the order in which the work ends; an exception that the
    work raised reaches ``done`` through ``future.result()``.
    """

    def __init__(self, pool: InFlight, *, check: Callable[[], None] = lambda: None) -> None:
        self._pool = pool
        self._check = check  # raises if the run is to end
        self._landed: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
        self._under_way: dict[Future[Any], Callable[[Future[Any]], None]] = {}

    def __len__(self) -> int:
        return len(self._under_way)

    @property
    def has_room(self) -> bool:
        """Whether a further piece of work would begin soon: one more waits than can run."""
        return len(self._under_way) <= self._pool.workers

    def start(self, work: Callable[[], T], done: Callable[[Future[T]], None]) -> None:
        """Begin work in a thread; ``done(future)`` follows on the main thread when it has ended."""
        future = self._pool.submit(work)
        self._under_way[future] = done
        future.add_done_callback(self._landed.put)

    def land(self, *, timeout: float = 0.0) -> int:
        """Run ``done`` of all work that has ended, waiting for the first up to ``timeout`` seconds.

        How many there were.
        """
        landed = 0
        while self._under_way:
            try:
                future = (
                    self._landed.get(timeout=timeout)
                    if timeout > 0 and not landed
                    else self._landed.get_nowait()
                )
            except queue.Empty:
                break
            landed += 1
            self._under_way.pop(future)(future)
        return landed

    def wait_for(self, work: Callable[[], T]) -> T:
        """The result of work that the main thread cannot go on without; other work lands meanwhile."""
        return self.wait_for_all([work])[0]

    def wait_for_all(self, works: Sequence[Callable[[], T]]) -> list[T]:
        """The results of several pieces of work, done side by side."""
        outcomes: dict[int, Future[T]] = {}
        for place, work in enumerate(works):
            self.start(work, partial(outcomes.__setitem__, place))
        while len(outcomes) < len(works):
            self._check()
            self.land(timeout=SLICE)
        return [outcomes[place].result() for place in range(len(works))]
