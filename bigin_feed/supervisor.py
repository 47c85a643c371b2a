"""``bigin feed run``: a command is run as soon as something has come, one run at a time."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from typing_extensions import Self

from bigin_feed.log import FeedLog, cause

with suppress(ImportError):  # Windows
    import fcntl

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


class Place:
    """The one place in which a command runs for a log. A context manager.

    A supervisor that is killed leaves its command running, and the next one must not begin a second beside
    it. So a file has two bytes, the first locked by the supervisor, the second by the command itself: such a
    lock outlives exec, ends with its process, and goes to no child, so what a command leaves in the
    background holds nothing up. Windows has none; there a place is always free.
    """

    def __init__(self, log_url: str, command: Sequence[str]) -> None:
        self._file: int | None = None
        self._named = repr((sa.make_url(log_url).render_as_string(), str(Path.cwd()), list(command)))

    def __enter__(self) -> Self:
        name = hashlib.sha256(self._named.encode()).hexdigest()[:16]
        try:
            path = Path(tempfile.gettempdir()) / f"bigin-feed-run-{os.getuid()}-{name}"
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except AttributeError:
            pass  # Windows
        except OSError as error:  # a container may have no folder that can be written
            logger.warning("A run that a killed bigin feed run has left is not waited for: %s", error)
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._file is not None:
            os.close(self._file)

    def take(self) -> bool:
        """Hold the place from now on; False while another supervisor, or a run of one, has it."""
        if self._file is None:
            return True
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 2)
        except OSError:
            return False
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, 1)
        self._note()
        return True

    def begin(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        """Begin a run. Raises OSError.

        It has a session of its own: a signal to this program's group is this program's to answer.
        """
        if self._file is None:
            return subprocess.Popen(command, start_new_session=True)  # noqa: S603
        return subprocess.Popen(  # noqa: S603
            command,
            start_new_session=True,
            pass_fds=[self._file],
            preexec_fn=self._hold,  # noqa: PLW1509
        )

    def holder(self) -> str:
        """Which process was the last to take it, a supervisor or a run."""
        return "" if self._file is None else os.pread(self._file, 20, 0).decode().strip()

    def _hold(self) -> None:
        """In the command's process, which has no other thread, before it becomes the command."""
        if self._file is not None:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 1)
            self._note()

    def _note(self) -> None:
        if self._file is not None:
            os.pwrite(self._file, f"{os.getpid():<20}".encode(), 0)


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
        self._place = Place(log.url, command)

    def stop(self) -> None:
        """Begin no other run; asked again, end the one that is under way."""
        running = self._running
        if self._is_stopping and running is not None:
            with suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGTERM)
        self._is_stopping = True

    def run(self) -> None:
        """Run the command whenever it is due, until ``stop``; not beside a run that another has left."""
        with self._place:
            self._wait_for_place()
            self._run()

    def _wait_for_place(self) -> None:
        is_told = False
        while not self._is_stopping and not self._place.take():
            if not is_told:
                logger.warning(
                    "This command is run by another bigin feed run, or still by one that was killed"
                    " (process %s): waiting until that one ends.",
                    self._place.holder(),
                )
            is_told = True
            time.sleep(LOOK_SECONDS)

    def _run(self) -> None:
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
            self._running = self._place.begin(self._command)
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
                logger.warning("The log cannot be read: %s", cause(error))
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
