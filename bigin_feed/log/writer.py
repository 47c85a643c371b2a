"""The one thread that writes: what waits is committed together, so that a commit serves many POSTs.

Measured at 32 connections, a commit each: 963 POSTs a second (SQLite) and 610 (PostgreSQL); together the
commit is no limit, the receiver's CPU is (``benchmarks/feed.py``). Batches form by themselves while a commit
is under way; nothing waits for more to come.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue

import sqlalchemy as sa

from bigin_feed.log.log import FeedLog, Post, now_text

logger = logging.getLogger(__name__)

MOST_WAITING = 10_000  # POSTs that wait for a commit; beyond, the answer is 503
MOST_TOGETHER = 1_000
BEAT_SECONDS = 30.0  # patience with a heartbeat
_Item = tuple[Post | None, "Future[int]"]  # None: a heartbeat


class Unwritten(Exception):  # noqa: N818 -- reads as what happened
    """What was given is not on disk: the log is full, locked or out of reach."""


class LogWriter:
    """Takes POSTs and heartbeats and answers each when it is on disk. Call ``close`` at the end."""

    def __init__(self, log: FeedLog, *, most_waiting: int = MOST_WAITING) -> None:
        self._log = log
        self._most_waiting = most_waiting
        self._queue: SimpleQueue[_Item | None] = SimpleQueue()  # a tenth of the cost of a bounded one
        self._is_ending = False
        self._tell: Callable[[Callable[[], None]], object] = lambda answer: answer()
        self._failing_since: str | None = None
        self._thread = threading.Thread(target=self._run, name="feed-log-writer", daemon=True)
        self._thread.start()

    def append(self, post: Post) -> Future[int]:
        """Store a POST; the result is the log's head after it. Raises Unwritten, here or by the future."""
        return self._put(post)

    def answer_by(self, tell: Callable[[Callable[[], None]], object]) -> None:
        """Let futures be set by what ``tell`` calls: an event loop is woken once a batch, not once a POST."""
        self._tell = tell

    def beat(self) -> None:
        """Write a heartbeat and wait for it. Raises Unwritten."""
        try:
            self._put(None).result(BEAT_SECONDS)
        except FutureTimeout:
            raise Unwritten("the heartbeat is not written yet") from None

    def close(self) -> None:
        """Write what waits, and end."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    def _put(self, post: Post | None) -> Future[int]:
        future: Future[int] = Future()
        if self._is_ending or not self._thread.is_alive():
            raise Unwritten("the log's writer has ended")
        if self._queue.qsize() >= self._most_waiting:
            raise Unwritten("too many notifications wait for the log")
        self._queue.put((post, future))
        return future

    def _run(self) -> None:
        try:
            while batch := self._next():
                self._write(batch)
        finally:
            self._refuse_what_waits()

    def _next(self) -> list[_Item]:
        """Whatever waits, at least one; [] at the end."""
        batch: list[_Item] = []
        item = None if self._is_ending else self._queue.get()
        while item is not None:
            batch.append(_taken(*item))
            if len(batch) == MOST_TOGETHER:
                return batch
            try:
                item = self._queue.get_nowait()
            except Empty:
                return batch
        self._is_ending = True
        return batch

    def _refuse_what_waits(self) -> None:
        self._is_ending = True
        with suppress(Empty):
            while True:
                item = self._queue.get_nowait()
                if item is not None:
                    _taken(*item)[1].set_exception(Unwritten("the log's writer has ended"))

    def _write(self, batch: list[_Item]) -> None:
        try:
            head = self._append(batch)
        except sa.exc.OperationalError as error:
            self._fail(batch, error)
        except Exception as error:  # noqa: BLE001 -- whatever it is, those who wait must be told
            if len(batch) == 1:
                self._fail(batch, error)
            else:  # one of them is bad: the others must not fail with it
                for each in batch:
                    self._write([each])
        else:
            self._answer(partial(_give, batch, head))

    def _append(self, batch: list[_Item]) -> int:
        posts = [post for post, _ in batch if post is not None]
        now = now_text()
        silence = None
        if self._failing_since is not None:
            # Why in detail is on stderr: silences are public, a database's words may name host and user.
            silence = (self._failing_since, now, "the log could not be written")
        heartbeat = now if len(posts) < len(batch) else None
        head = self._log.append(posts, silence=silence, heartbeat=heartbeat)
        self._failing_since = None
        return head

    def _fail(self, batch: list[_Item], error: Exception) -> None:
        why = " ".join(str(getattr(error, "orig", None) or error).split())
        if self._failing_since is None:
            self._failing_since = now_text()
            logger.error("The log could not be written: %s. Notifications are answered with 503.", why)
        self._answer(partial(_refuse, batch, why))

    def _answer(self, answer: Callable[[], None]) -> None:
        try:
            self._tell(answer)
        except RuntimeError:  # the event loop has ended
            answer()


def _give(batch: list[_Item], head: int) -> None:
    for _, future in batch:
        future.set_result(head)


def _refuse(batch: list[_Item], why: str) -> None:
    for _, future in batch:
        future.set_exception(Unwritten(why))


def _taken(post: Post | None, future: Future[int]) -> _Item:
    """What is taken is written, also if nobody waits for it any more; then its answer goes nowhere."""
    return post, future if future.set_running_or_notify_cancel() else Future()
