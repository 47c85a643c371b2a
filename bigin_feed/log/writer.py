"""The one thread that writes: what waits is committed together, so that a commit serves many POSTs.

Measured at 32 connections, a commit each: 963 POSTs a second (SQLite) and 610 (PostgreSQL); together the
commit is no limit, the receiver's CPU is (``benchmarks/feed.py``). What comes in one turn of the receiver's
loop is given together, what comes while a commit is under way waits for the next one; nothing else waits.
"""

from __future__ import annotations

import logging
import threading
from asyncio import Future as LoopFuture
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from functools import partial

import sqlalchemy as sa

from bigin_feed.log.database import cause
from bigin_feed.log.log import FeedLog, Post, now_text

logger = logging.getLogger(__name__)

MOST_WAITING = 10_000  # POSTs that wait for a commit; beyond, the answer is 503
MOST_TOGETHER = 1_000
BEAT_SECONDS = 30.0  # patience with a heartbeat
Item = tuple[Post | None, "Future[int] | LoopFuture[int]"]  # None: a heartbeat


class Unwritten(Exception):  # noqa: N818 -- reads as what happened
    """What was given is not on disk: the log is full, locked or out of reach."""


class LogWriter:
    """Takes POSTs and heartbeats and answers each when it is on disk. Call ``close`` at the end."""

    def __init__(self, log: FeedLog, *, most_waiting: int = MOST_WAITING) -> None:
        self._log = log
        self._most_waiting = most_waiting
        self._changed = threading.Condition()  # guards the next two
        self._waiting: list[Item] = []
        self._is_ending = False
        self._tell: Callable[[Callable[[], None]], object] = lambda answer: answer()
        self._failing_since: str | None = None
        self._thread = threading.Thread(target=self._run, name="feed-log-writer", daemon=True)
        self._thread.start()

    def append(self, post: Post | None) -> Future[int]:
        """Store a POST, or a heartbeat for None; the result is the log's head after it.

        Raises Unwritten, here or by the future.
        """
        future: Future[int] = Future()
        self.append_all([(post, future)])
        return future

    def append_all(self, items: Sequence[Item]) -> None:
        """Store several POSTs, each with a future that is told as by ``append``. Raises Unwritten for all.

        The thread is woken once for all of them: to wake it for each costs both threads more than the rest.
        """
        with self._changed:
            if self._is_ending:
                raise Unwritten("the log's writer has ended")
            if len(self._waiting) >= self._most_waiting:
                raise Unwritten("too many notifications wait for the log")
            self._waiting += items
            self._changed.notify()

    def answer_by(self, tell: Callable[[Callable[[], None]], object]) -> None:
        """Let futures be set by what ``tell`` calls: an event loop is woken once a batch, not once a POST."""
        self._tell = tell

    def beat(self) -> None:
        """Write a heartbeat and wait for it. Raises Unwritten."""
        try:
            self.append(None).result(BEAT_SECONDS)
        except FutureTimeout:
            raise Unwritten("the heartbeat is not written yet") from None

    def close(self) -> None:
        """Write what waits, and end."""
        with self._changed:
            self._is_ending = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        try:
            while batch := self._next():
                self._write(batch)
        finally:
            with self._changed:
                self._is_ending = True
                left, self._waiting = self._waiting, []
            self._answer(partial(_refuse, left, "the log's writer has ended"))

    def _next(self) -> list[Item]:
        """Whatever waits, at least one; [] at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_ending)
            batch, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
            return batch

    def _write(self, batch: list[Item]) -> None:
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

    def _append(self, batch: list[Item]) -> int:
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

    def _fail(self, batch: list[Item], error: Exception) -> None:
        why = cause(error)
        if self._failing_since is None:
            self._failing_since = now_text()
            logger.error("The log could not be written: %s. Notifications are answered with 503.", why)
        self._answer(partial(_refuse, batch, why))

    def _answer(self, answer: Callable[[], None]) -> None:
        try:
            self._tell(answer)
        except RuntimeError:  # the event loop has ended
            answer()


def _give(batch: list[Item], head: int) -> None:
    for _, future in batch:
        if not future.done():  # else nobody waits for it any more
            future.set_result(head)


def _refuse(batch: list[Item], why: str) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(Unwritten(why))
