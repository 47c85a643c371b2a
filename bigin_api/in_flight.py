"""Work side by side. The only file that starts threads, for tap and target alike.

Invariants: at most ``workers`` pieces of work run at once; results of ``map_in_order`` come in the
order of their items, whatever order they end in, and at most ``ahead`` of them are begun beyond the
one being waited for; an exception reaches the caller at its item's turn; those of ``as_they_come`` do
not wait for each other, and an exception comes after the results of what was under way; after ``close``
nothing that has not begun is begun.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from typing_extensions import Self

A = TypeVar("A")
B = TypeVar("B")


class InFlight:
    """A bounded pool of threads; use it as a context manager."""

    def __init__(self, workers: int, *, name: str = "bigin") -> None:
        self.workers = workers
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix=name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def submit(self, work: Callable[..., B], *args: Any, **kwargs: Any) -> Future[B]:
        """Begin one piece of work as soon as a thread is free."""
        return self._pool.submit(work, *args, **kwargs)

    def map_in_order(
        self, work: Callable[[A], B], items: Iterable[A], *, ahead: int | None = None
    ) -> Iterator[B]:
        """``work`` of each item, side by side, results in the order of the items."""
        begun: deque[Future[B]] = deque()
        most = max(1, self.workers if ahead is None else ahead)
        try:
            for item in items:
                begun.append(self.submit(work, item))
                if len(begun) > most:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            for future in begun:
                future.cancel()

    def as_they_come(
        self, work: Callable[[A], tuple[B, A | None]], items: Iterable[A], *, at_once: int
    ) -> Iterator[B]:
        """``work`` of each item, and of the one that it says follows, side by side; results as they come.

        The results of items that follow from each other keep their order.
        """
        source, following = iter(items), list[A]()  # one at most
        begun: set[Future[tuple[B, A | None]]] = set()
        # Not ``wait``: it never hears of what ``close`` cancels.
        done: SimpleQueue[Future[tuple[B, A | None]]] = SimpleQueue()
        ended: BaseException | None = None
        try:
            while True:
                if ended is None:
                    ended = self._fill(
                        begun,
                        work,
                        lambda: following.pop() if following else next(source, None),
                        at_once,
                        done.put,
                    )
                if not begun:
                    break
                future = done.get()
                begun.discard(future)
                if (error := future.exception()) is not None:
                    ended = ended or error
                    continue
                result, follows = future.result()
                if follows is not None:
                    following.append(follows)
                yield result
        finally:
            for future in begun:
                future.cancel()
        if ended is not None:
            raise ended

    def _fill(
        self,
        begun: set[Future[B]],
        work: Callable[[A], B],
        following: Callable[[], A | None],
        most: int,
        on_end: Callable[[Future[B]], None],
    ) -> Exception | None:
        """Begin what follows until so much has begun or nothing is left; what asking for it raised, if so."""
        try:
            while len(begun) < most and (item := following()) is not None:
                begun.add(future := self.submit(work, item))
                future.add_done_callback(on_end)
        except Exception as error:  # noqa: BLE001 -- the caller's, once what is under way has come
            return error
        return None

    def close(self, *, wait_for_running: bool = True) -> None:
        """Begin nothing more; by default wait for what runs."""
        self._pool.shutdown(wait=wait_for_running, cancel_futures=True)
