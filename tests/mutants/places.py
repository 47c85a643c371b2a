"""Copies of the tree, in each of which one run of pytest may go on at a time.

A run is a fork of this process, so that what all runs import (pytest, the SDK) is imported once; of the
project it must import nothing itself. The copy comes first on every path, for commands too.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

OPTIONS = (
    *("-x", "-q", "--tb=line", "-p", "no:randomly", "-p", "no:cacheprovider", "--hypothesis-seed=0"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),  # what is imported before the fork
)
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv*", ".meltano", ".*_cache", ".hypothesis", "__pycache__", "*.egg-info"
)


@dataclass
class Job:
    """One run of pytest, with a fault in the tree or without."""

    about: Any  # what the caller knows it by
    tests: Sequence[str]
    plugin: Callable[[Path], object]  # made in the fork, told where the tree is
    limit: float  # seconds
    file: str | None = None  # what is changed for the run
    source: str = ""


@dataclass(frozen=True)
class Ended:
    """What a run came to. ``code`` is pytest's, None if the run was ended since it took too long."""

    job: Job
    code: int | None
    log: str


class Place:
    """A copy of the tree."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.tree = folder / "tree"
        shutil.copytree(root, self.tree, ignore=LEFT_OUT)
        self._root = root
        self.folder = folder
        self._log = folder / "log"
        self._changes = int(time.time())
        self._job: Job | None = None
        self._without_fault = ""
        self._pid = 0
        self._deadline = 0.0

    @property
    def is_free(self) -> bool:
        """Whether nothing runs here."""
        return self._job is None

    def start(self, job: Job) -> None:
        """Put the fault in and start its tests."""
        if job.file is not None:
            self._without_fault = (self.tree / job.file).read_text("utf-8")
            self._write(job.file, job.source)
        self._job, self._deadline = job, time.monotonic() + job.limit
        self._pid = os.fork()
        if not self._pid:
            self._run(job)

    def ended(self) -> Ended | None:
        """What it came to, the tree being clean again; None while it runs."""
        if self._job is None:
            return None
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        code: int | None = os.waitstatus_to_exitcode(status) if pid else None
        if not pid and time.monotonic() < self._deadline:
            return None
        job = self._job
        self.close()
        return Ended(job, code, self._log.read_text(errors="replace"))

    def close(self) -> None:
        """End what runs here, with its own processes, and take the fault out."""
        if self._job is None:
            return
        for end in (os.killpg, os.kill):  # a fork just begun is not yet a group of its own
            with suppress(ProcessLookupError):
                end(self._pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(self._pid, 0)
        if self._job.file is not None:
            self._write(self._job.file, self._without_fault)
        self._job = None

    def _write(self, file: str, source: str) -> None:
        """Each version is a second newer, or Python would take the compiled form of the one before."""
        path = self.tree / file
        path.write_text(source, "utf-8")
        self._changes += 1
        os.utime(path, (self._changes, self._changes))

    def _run(self, job: Job) -> None:
        """In the fork, which never returns."""
        code = 70
        try:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.chdir(self.tree)
            log = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            for number, descriptor in enumerate((os.open(os.devnull, os.O_RDONLY), log, log)):
                os.dup2(descriptor, number)
            own = {str(self._root), str(self._root / "tests"), ""}
            sys.path[:] = [str(self.tree), *(each for each in sys.path if each not in own)]
            os.environ["PYTHONPATH"] = str(self.tree)
            temporary = f"--basetemp={self.folder / 'tmp'}"
            code = pytest.main([*OPTIONS, temporary, *job.tests], plugins=[job.plugin(self.tree)])
        finally:
            sys.stdout.flush()
            os._exit(code)


def run_all(jobs: Iterable[Job], places: Sequence[Place]) -> Iterator[Ended]:
    """Run the jobs side by side, one in a place; gives each as it ends."""
    waiting = iter(jobs)
    is_over = False
    while not is_over or any(not place.is_free for place in places):
        for place in places:
            if ended := place.ended():
                yield ended
            if place.is_free and not is_over:
                job = next(waiting, None)
                if job is None:
                    is_over = True
                else:
                    place.start(job)
        time.sleep(0.02)
