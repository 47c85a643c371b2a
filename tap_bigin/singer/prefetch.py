"""Fetch ahead across streams, write in order: what is fetched when, and how much may wait in memory.

Every stream has a lane: its reader, run in a thread, puts batches at its end, and the writer takes them
from the front when the stream's turn has come. Invariants:

- lanes begin in the order in which they are written, so the head of the line always has a thread;
- the head of the line never waits for room, so the run always moves;
- any other lane pauses while what waits in all lanes is heavier than the bound;
- what a reader raises comes out at its stream's turn, after the batches before it;
- a state that follows no records (a job was made) is told at once, whoever's turn it is;
- after ``close`` no reader is resumed.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from bigin_api import InFlight
from tap_bigin.singer.batch import Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tap_bigin.singer.batch import State

BYTES_WAITING = 64_000_000
"""Bound of what may wait: some 50,000 records of 30 fields."""

MOST_LANES = 64
"""At work at once: more than calls in flight, since the long streams are to be known early."""


class _Lane:
    """One stream's batches on their way to the writer."""

    def __init__(self, read: Callable[[], Iterable[Batch]]) -> None:
        self.read = read
        self.batches: deque[Batch] = deque()
        self.has_records = False
        self.done = False
        self.error: BaseException | None = None


class Prefetch:
    """The lanes of a run. Make it with the readers in the order in which they will be written."""

    def __init__(
        self,
        readers: Mapping[str, Callable[[], Iterable[Batch]]],
        *,
        bytes_waiting: int = BYTES_WAITING,
    ) -> None:
        self._bound = bytes_waiting
        self._waiting = 0
        self._closed = False
        self._head: str | None = None
        self._states: dict[str, State] = {}
        self._changed = threading.Condition()
        self._lanes = {name: _Lane(read) for name, read in readers.items()}
        self._pool = InFlight(min(MOST_LANES, max(1, len(self._lanes))), name="bigin-stream")
        for name in self._lanes:
            self._pool.submit(self._run, name)

    def batches(self, name: str) -> Iterator[Batch]:
        """A stream's batches, now that its turn has come. Raises what its reader raised.

        An empty one comes in between when another stream has a state to be kept: see ``states_ahead``.
        """
        lane = self._lanes[name]
        with self._changed:
            self._head = name
            self._changed.notify_all()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: lane.batches or lane.done or self._states)
                if lane.batches:
                    batch = lane.batches.popleft()
                    self._waiting -= batch.weight
                    self._changed.notify_all()
                elif lane.done:
                    break
                else:
                    batch = Batch([])
            yield batch
        if lane.error is not None:
            raise lane.error

    def states_ahead(self) -> Mapping[str, State]:
        """States that hold already though their streams' turns have not come, each told once."""
        with self._changed:
            states, self._states = self._states, {}
            return states

    def close(self) -> None:
        """Stop the readers at their next batch."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._pool.close(wait_for_running=False)

    def _run(self, name: str) -> None:
        lane = self._lanes[name]
        error: BaseException | None = None
        try:
            for batch in lane.read():
                if not self._put(name, batch):
                    return
        except BaseException as raised:  # noqa: BLE001 -- it comes out at the stream's turn
            error = raised
        with self._changed:
            lane.error, lane.done = error, True
            self._changed.notify_all()

    def _put(self, name: str, batch: Batch) -> bool:
        """Add a batch to its lane and wait for room for the next. False: the run is over."""
        lane = self._lanes[name]
        with self._changed:
            lane.batches.append(batch)
            lane.has_records = lane.has_records or batch.count > 0
            if batch.state is not None and not lane.has_records:
                self._states[name] = batch.state
            self._waiting += batch.weight
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._closed or self._has_room(name))
            return not self._closed

    def _has_room(self, name: str) -> bool:
        if self._waiting <= self._bound:
            return True
        # Even the head waits while its own batches alone fill the room: the writer is at them.
        return name == self._head and not self._lanes[name].batches
