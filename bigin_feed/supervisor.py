"""``bigin feed run``: a command is run as soon as something has come, one run at a time."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import sqlalchemy as sa

from bigin_feed.log import FeedLog

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.2  # between looks at the log's head, which cost a read of one row
BACKOFF_SECONDS = (5.0, 300.0)  # after a run that failed: doubled, up to


@dataclass(frozen=True)
class Pace:
    """How often the command may and must run, in seconds from start to start."""

    at_most_every: float
    at_least_every: float


@dataclass(frozen=True)
class Runs:
    """What is known of the runs until now: the last one's begin, the head then, failures in a row."""

    begun: float | None = None
    head: int | None = None  # when the last good run began; None before the first
    failures: int = 0


def seconds_to_wait(runs: Runs, head: int | None, now: float, pace: Pace) -> float:
    """Seconds until the command is due, at most 0 if it is now.

    >>> runs, pace = Runs(begun=100.0, head=7), Pace(2, 3600)
    >>> [seconds_to_wait(runs, head, 101.0, pace) for head in (7, 8)]
    [3599.0, 1.0]
    """
    if runs.begun is None:
        return 0.0
    if runs.failures:
        delay: float = min(BACKOFF_SECONDS[0] * 2.0 ** min(runs.failures - 1, 20), BACKOFF_SECONDS[1])
        return runs.begun + max(delay, pace.at_most_every) - now
    something_came = head is not None and head != runs.head
    return runs.begun + (pace.at_most_every if something_came else pace.at_least_every) - now


class Supervisor:
    """Runs a command until ``stop``; a second ``stop`` ends the run that is under way, too."""

    def __init__(
        self,
        log: FeedLog,
        command: Sequence[str],
        pace: Pace,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log, self._command, self._pace, self._clock = log, as_arguments(command), pace, clock
        self._is_stopping = False  # a flag, for a signal's handler may not wait for a lock
        self._running: subprocess.Popen[bytes] | None = None
        self._is_readable = True  # the log, when it was looked at last

    def stop(self) -> None:
        """Begin no other run; asked again, end the one that is under way."""
        running = self._running
        if self._is_stopping and running is not None:
            with suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGTERM)
        self._is_stopping = True

    def run(self) -> None:
        """Run the command whenever it is due, until ``stop``."""
        runs = Runs()
        while not self._is_stopping:
            head = self._head()
            wait = seconds_to_wait(runs, head, self._clock(), self._pace)
            if wait <= 0:
                runs = self._run_once(runs, head)
            else:
                time.sleep(min(wait, LOOK_SECONDS))

    def _run_once(self, runs: Runs, head: int | None) -> Runs:
        begun = self._clock()
        try:
            # A session of its own: a signal to this program's group is this program's to answer.
            self._running = subprocess.Popen(self._command, start_new_session=True)  # noqa: S603
        except OSError as error:
            logger.error("%s cannot be run: %s", self._command[0], error.strerror)  # noqa: TRY400
            return Runs(begun, runs.head, runs.failures + 1)
        code = self._running.wait()
        self._running = None
        if code == 0:
            return Runs(begun, head, 0)
        logger.warning("The command ended with %d (%d in a row).", code, runs.failures + 1)
        return Runs(begun, runs.head, runs.failures + 1)

    def _head(self) -> int | None:
        try:
            head = self._log.state().head
        except sa.exc.SQLAlchemyError as error:
            if self._is_readable:  # looked at five times a second, told once
                logger.warning("The log cannot be read: %s", " ".join(str(error).split()))
            self._is_readable = False
            return None
        self._is_readable = True
        return head


def as_arguments(command: Sequence[str]) -> list[str]:
    """A command as its arguments; one text with blanks is a pipe for the shell.

    A pipe fails if any part of it fails, where bash is there to say so.
    """
    if len(command) != 1 or not any(mark in command[0] for mark in " |;&<>"):
        return list(command)
    bash = shutil.which("bash")
    return [bash, "-o", "pipefail", "-c", command[0]] if bash else ["/bin/sh", "-c", command[0]]
