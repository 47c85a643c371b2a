"""Tasks: coroutines of the main thread, which wait for calls in other threads and for each other.

The names are asyncio's; its loop is not used, since the input is read synchronously, an exception of a
task must end the run at once, and a task must begin when it is made, for the order of keys is the input's.
"""

from __future__ import annotations

import heapq
import logging
import queue
import time
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Sequence
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from bigin_api import InFlight
from bigin_api.errors import ServerError
from bigin_api.http.retry import retried

T = TypeVar("T")

logger = logging.getLogger("target-bigin")

UNREADABLE = (AttributeError, KeyError, IndexError, TypeError, ValueError)
PATIENT_RETRIES = 3  # some seconds
SLICE = 0.5  # seconds: how long the main thread waits before it looks at signals again

Task = Coroutine["Wait[Any]", None, None]


class Wait(Generic[T]):
    """One result or one error that tasks wait for."""

    __slots__ = ("_error", "_result", "_tasks", "is_done", "waiting")

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        self.waiting: list[Task] = []
        self.is_done = False
        self._result: Any = None
        self._error: BaseException | None = None

    def set_result(self, result: T) -> None:
        """Let those who wait go on with the result."""
        self._result = result
        self._end()

    def set_exception(self, error: BaseException) -> None:
        """Raise the error wherever it is waited for."""
        self._error = error
        self._end()

    def result(self) -> T:
        """What was set, once it is. Raises the error that was."""
        if self._error is not None:
            # The traceback of another task that waited for the same error would grow with each of them.
            raise self._error.with_traceback(None)
        return self._result  # type: ignore[no-any-return]

    def __await__(self) -> Generator[Wait[T], None, T]:
        if not self.is_done:
            yield self
        return self.result()

    def _end(self) -> None:
        self.is_done = True
        self._tasks._wake(self.waiting)  # noqa: SLF001 -- two halves of one thing


class Tasks:
    """Runs tasks on the main thread, and calls in the threads of a pool.

    Invariants: a task runs at once until it first waits; tasks that are woken take turns, so the stack
    stays flat; an error that leaves a task goes to ``on_error`` and keeps no other task from its turn.
    A task that still waits when the run ends is dropped: it gets GeneratorExit, and must neither await
    nor wake anybody then.
    """

    def __init__(
        self,
        pool: InFlight,
        *,
        on_error: Callable[[BaseException], None],
        check: Callable[[], None] = lambda: None,
        is_up: Callable[[], bool] = lambda: True,
    ) -> None:
        """``is_up``: asks, in a thread, whether Bigin answers at all."""
        self._pool = pool
        self._is_up = is_up
        self._on_error = on_error
        self._check = check  # raises if the run is to end
        self._landed: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
        self._in_flight: dict[Future[Any], Wait[Any]] = {}
        self._woken: deque[Task] = deque()
        self._is_running = False
        self._asleep: list[tuple[float, int, Wait[None]]] = []

    def __len__(self) -> int:
        """How many calls are in flight."""
        return len(self._in_flight)

    @property
    def has_room(self) -> bool:
        """Whether a further call would begin soon: one more waits than can run."""
        return len(self._in_flight) <= self._pool.workers

    @property
    def sleeping(self) -> bool:
        """Whether a task waits for a moment to come."""
        return bool(self._asleep)

    def create_task(self, coroutine: Task) -> None:
        """Run a coroutine until it first waits."""
        was_running, self._is_running = self._is_running, True
        try:
            self._step(coroutine)
        finally:
            self._is_running = was_running
        self._take_turns()

    async def gather(self, coroutines: Sequence[Coroutine[Wait[Any], None, T]]) -> list[T]:
        """The results of several coroutines that go on side by side. Raises what the first of them raises."""
        waits: list[Wait[T]] = []
        for coroutine in coroutines:
            waits.append(Wait(self))
            self.create_task(_tell(coroutine, waits[-1]))
        return [await wait for wait in waits]

    def call(self, work: Callable[[], T]) -> Wait[T]:
        """Begin work in a thread; gives what to await."""
        wait: Wait[T] = Wait(self)
        future = self._pool.submit(_read_safely, work)
        self._in_flight[future] = wait
        future.add_done_callback(self._landed.put)
        return wait

    def call_again(self, work: Callable[[], T], *, patiently: bool) -> Wait[T]:
        """As ``call``, for work that has failed before, in whole or with other work: it is retried less."""

        def again() -> T:
            with retried(PATIENT_RETRIES if patiently else 0):
                return work()

        return self.call(again)

    def is_up(self) -> Wait[bool]:
        """Await it for whether Bigin answers at all."""
        return self.call(self._is_up)

    def sleep(self, seconds: float) -> Wait[None]:
        """Await it to go on in so many seconds, or later."""
        wait: Wait[None] = Wait(self)
        heapq.heappush(self._asleep, (time.monotonic() + seconds, id(wait), wait))
        return wait

    def wake_sleepers(self) -> None:
        """Let those go on whose moment has come."""
        now = time.monotonic()
        while self._asleep and self._asleep[0][0] <= now:
            heapq.heappop(self._asleep)[2].set_result(None)

    def land(self, *, timeout: float = 0.0) -> int:
        """Tell the outcome of all calls that have ended, waiting for the first up to ``timeout`` seconds.

        How many there were.
        """
        landed = 0
        while self._in_flight:
            try:
                future = self._landed.get(timeout=0.0 if landed else timeout)
            except queue.Empty:
                break
            landed += 1
            wait = self._in_flight.pop(future)
            error = future.exception()
            if error is None:
                wait.set_result(future.result())
            else:
                wait.set_exception(error)
        return landed

    def wait_for(self, work: Callable[[], T]) -> T:
        """The result of work that the main thread cannot go on without; tasks go on meanwhile."""
        return self.wait_for_all([work])[0]

    def wait_for_all(self, works: Sequence[Callable[[], T]]) -> list[T]:
        """The results of several pieces of work, done side by side."""
        waits = [self.call(work) for work in works]
        while not all(wait.is_done for wait in waits):
            self._check()
            self.land(timeout=SLICE)
        return [wait.result() for wait in waits]

    def _wake(self, tasks: Sequence[Task]) -> None:
        self._woken.extend(tasks)
        self._take_turns()

    def _take_turns(self) -> None:
        if self._is_running:
            return  # the loop below is at work further up the stack
        self._is_running = True
        try:
            while self._woken:
                self._step(self._woken.popleft())
        finally:
            self._is_running = False

    def _step(self, task: Task) -> None:
        try:
            task.send(None).waiting.append(task)
        except StopIteration:
            return
        except BaseException as error:  # noqa: BLE001 -- the run ends by it, at its next check
            self._on_error(error)


async def _tell(coroutine: Coroutine[Wait[Any], None, T], wait: Wait[T]) -> None:
    try:
        result = await coroutine
    except Exception as error:  # noqa: BLE001 -- it is raised where the result is awaited
        wait.set_exception(error)
    else:
        wait.set_result(result)


def _read_safely(work: Callable[[], T]) -> T:
    """The result of work in a thread. Raises ServerError for an answer of a shape that nobody foresaw."""
    try:
        return work()
    except UNREADABLE as error:
        logger.debug("", exc_info=True)
        told = f"What Bigin answered cannot be read ({type(error).__name__}: {error})."
        raise ServerError(told) from None
