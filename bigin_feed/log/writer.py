"""The one thread that writes: what waits is committed together, so that a commit serves many POSTs.

Measured at 32 connections, a commit each: 963 POSTs a second (SQLite) and 610 (PostgreSQL); together the
commit is no limit, the receiver's CPU is (``benchmarks/feed.py``). What comes in one turn of the receiver's
loop is given together, what comes while a commit is under way waits for the next one; nothing else waits.
A thread that takes what waits by itself stores 24 at once, where a task that hands it over stores 16.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import suppress

import sqlalchemy as sa

from bigin_feed.log.database import cause
from bigin_feed.log.log import FeedLog, Post, now_text

logger = logging.getLogger(__name__)

MOST_WAITING = 10_000  # POSTs that wait for a commit; beyond, the answer is 503
MOST_TOGETHER = 1_000
Batch = list[tuple[Post, "asyncio.Future[None]"]]


class Unwritten(Exception):  # noqa: N818 -- reads as what happened
    """What was given is not on disk: the log is full, locked or out of reach."""


class LogWriter:
    """Takes POSTs of an event loop and answers each when it is on disk. Call ``close`` at the end."""

    def __init__(self, log: FeedLog, *, most_waiting: int = MOST_WAITING) -> None:
        self._log = log
        self._most_waiting = most_waiting
        self._come: Batch = []  # in this turn of the loop
        self._changed = threading.Condition()  # guards the next two
        self._waiting: Batch = []
        self._is_ending = False
        self.refusing_since: str | None = None  # whoever notes that as a silence sets it back
        self._thread = threading.Thread(target=self._run, name="feed-log-writer", daemon=True)
        self._thread.start()

    async def append(self, post: Post) -> None:
        """Store a POST; ends when it is on disk. Raises Unwritten."""
        if self._is_ending or not self._thread.is_alive():
            raise Unwritten(self._refuse("the log's writer has ended"))
        if len(self._waiting) + len(self._come) >= self._most_waiting:
            raise Unwritten(self._refuse("too many notifications wait"))
        loop = asyncio.get_running_loop()
        if not self._come:
            loop.call_soon(self._hand_over)
        stored: asyncio.Future[None] = loop.create_future()
        self._come.append((post, stored))
        await stored

    def close(self) -> None:
        """Write what waits, and end."""
        with self._changed:
            self._is_ending = True
            self._changed.notify()
        self._thread.join()

    def _hand_over(self) -> None:
        """Wake the thread once for all that came: once for each costs both threads more than the rest."""
        with self._changed:
            self._waiting += self._come
            self._changed.notify()
        self._come = []

    def _run(self) -> None:
        while batch := self._next():
            self._store(batch)

    def _next(self) -> Batch:
        """Whatever waits, at least one; [] at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_ending)
            batch, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
            return batch

    def _store(self, batch: Batch) -> None:
        why = None
        try:
            self._log.append([post for post, _ in batch])
        except Exception as error:  # noqa: BLE001 -- whatever it is, those who wait must be told
            if len(batch) > 1 and not isinstance(error, sa.exc.OperationalError):
                for each in batch:  # one of them is bad: the others must not fail with it
                    self._store([each])
                return
            why = self._refuse(cause(error))
        with suppress(RuntimeError):  # the loop has ended: nobody waits
            batch[0][1].get_loop().call_soon_threadsafe(_answer, batch, why)

    def _refuse(self, why: str) -> str:
        if self.refusing_since is None:
            self.refusing_since = now_text()
            logger.error("The log could not be written: %s. Notifications are answered with 503.", why)
        return why


def _answer(batch: Batch, why: str | None) -> None:
    for _, stored in batch:
        if stored.done():
            continue  # nobody waits for it any more
        if why is None:
            stored.set_result(None)
        else:
            stored.set_exception(Unwritten(why))
