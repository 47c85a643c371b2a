"""What waits is stored together, so that a commit serves many POSTs. For one event loop.

Measured at 32 connections, a commit each: 963 POSTs a second (SQLite) and 610 (PostgreSQL); together the
commit is no limit, the receiver's CPU is (``benchmarks/feed.py``). What comes in one turn of the loop is
stored together, what comes while a commit is under way waits for the next one; nothing else waits.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

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
    """Takes POSTs and answers each when it is on disk. Call ``close`` at the end."""

    def __init__(self, log: FeedLog, *, most_waiting: int = MOST_WAITING) -> None:
        self._log = log
        self._most_waiting = most_waiting
        self._waiting: Batch = []
        self._task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "feed-log-writer")
        self.refusing_since: str | None = None  # whoever notes that as a silence sets it back

    async def append(self, post: Post) -> None:
        """Store a POST; ends when it is on disk. Raises Unwritten."""
        if len(self._waiting) >= self._most_waiting:
            raise Unwritten(self._refuse("too many notifications wait"))
        loop = asyncio.get_running_loop()
        stored: asyncio.Future[None] = loop.create_future()
        self._waiting.append((post, stored))
        if self._task is None:
            self._task = loop.create_task(self._write())
        await stored

    def close(self) -> None:
        """Wait for the commit under way, and end."""
        self._thread.shutdown()

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
            await self._store(batch)
        self._task = None

    async def _store(self, batch: Batch) -> None:
        posts, why = [post for post, _ in batch], None
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._log.append, posts)
        except Exception as error:  # noqa: BLE001 -- whatever it is, those who wait must be told
            if len(batch) > 1 and not isinstance(error, sa.exc.OperationalError):
                for each in batch:  # one of them is bad: the others must not fail with it
                    await self._store([each])
                return
            why = self._refuse(cause(error))
        for _, stored in batch:
            if stored.done():
                continue  # nobody waits for it any more
            if why is None:
                stored.set_result(None)
            else:
                stored.set_exception(Unwritten(why))

    def _refuse(self, why: str) -> str:
        if self.refusing_since is None:
            self.refusing_since = now_text()
            logger.error("The log could not be written: %s. Notifications are answered with 503.", why)
        return why
