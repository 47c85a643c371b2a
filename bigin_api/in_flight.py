"""Work side by side. The only file that starts threads, for tap and target alike.

Invariants: at most ``workers`` pieces of work run at once; results of ``map_in_order`` come in the
order of their items, whatever order they end in, and at most ``ahead`` of them are begun beyond the
one being waited for; an exception reaches the caller at its item's turn; after ``close`` nothing
that has not begun is begun.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
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

    def close(self, *, wait_for_running: bool = True) -> None:
        """Begin nothing more; by default wait for what runs."""
        self._pool.shutdown(wait=wait_for_running, cancel_futures=True)
