"""Read all streams side by side: each reader in a thread, its batches to the writer as they come.

Singer allows that streams mix, and so nothing waits for its turn: what was paid for is handed on at once,
and memory holds some pages, however many records there are. Of batches that are at hand together the
earliest stream's goes first. While some wait to be written no reader asks for more: what a slow target has
not taken when it is killed was paid for in vain.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from queue import PriorityQueue
from threading import Condition
from typing import TYPE_CHECKING

from bigin_api import InFlight

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tap_bigin.singer.batch import Batch

BATCHES_WAITING = 4
"""While so many wait, no reader goes on; those that are at work bring theirs."""

MOST_READERS = 64
"""At work at once: more than calls in flight, since the long streams are to be known early."""

SECONDS_UNTIL_CLOSED = 0.5
"""After so long at most a reader that waits for room sees that the run is over."""


@dataclass(frozen=True, order=True)
class Arrival:
    """A stream's next batch; None at its end, with what its reader raised, if so."""

    rank: int  # of the stream
    number: int
    stream: str = field(compare=False)
    batch: Batch | None = field(compare=False)
    error: BaseException | None = field(compare=False, default=None)


class Prefetch:
    """The readers of a run, in the order in which they begin."""

    def __init__(
        self, readers: Mapping[str, Callable[[], Iterable[Batch]]], *, at_once: int = MOST_READERS
    ) -> None:
        self._unfinished = len(readers)
        self._closed = False
        self._numbers = count()
        self._queue: PriorityQueue[Arrival] = PriorityQueue()
        self._room = Condition()
        self._pool = InFlight(min(at_once, max(1, len(readers))), name="bigin-stream")
        for rank, (name, read) in enumerate(readers.items()):
            self._pool.submit(self._run, rank, name, read)

    def arrivals(self) -> Iterator[Arrival]:
        """What the readers yield, as it comes, until all have ended."""
        while self._unfinished:
            arrival = self._queue.get()
            with self._room:
                self._room.notify()
            if arrival.batch is None:
                self._unfinished -= 1
            yield arrival

    def close(self) -> None:
        """Stop the readers at their next batch."""
        with self._room:
            self._closed = True
            self._room.notify_all()
        self._pool.close(wait_for_running=False)

    def _run(self, rank: int, name: str, read: Callable[[], Iterable[Batch]]) -> None:
        error: BaseException | None = None
        try:
            batches = iter(read())
            while self._has_room() and (batch := next(batches, None)) is not None:
                self._queue.put(Arrival(rank, next(self._numbers), name, batch))
        except BaseException as raised:  # noqa: BLE001 -- the stream's end is the writer's to judge
            error = raised
        self._queue.put(Arrival(rank, next(self._numbers), name, None, error))

    def _has_room(self) -> bool:
        """Wait until the writer has taken what was at hand. False: the run is over."""
        with self._room:
            while not self._closed and self._queue.qsize() >= BATCHES_WAITING:
                self._room.wait(SECONDS_UNTIL_CLOSED)
        return not self._closed
