"""Copies of the tree, in each of which one run of pytest may go on at a time.

A run is a fork of this process, so that what all runs import (pytest, the SDK) is imported once; of the
project it must import nothing itself. Or, for a tenth of the price, it is a fork of a run that has collected
the tests (see Collected). The copy comes first on every path, for commands too.
"""

from __future__ import annotations

import json
import math
import os
import select
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mutants.plugins import NUMBER, Collected

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
    order: Mapping[str, Any] | None = None  # for the run that has collected the tests, in place of a plugin


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
        self._collected: socket.socket | None = None
        self._is_collecting = False

    @property
    def is_free(self) -> bool:
        """Whether nothing runs here."""
        return self._job is None

    def collect(self, tests: Sequence[str], *, files: Collection[str]) -> None:
        """Start the run that collects these tests, for jobs that are orders to it about one of the files."""
        self._collected, orders = socket.socketpair()
        plugin = partial(Collected, files=files, orders=orders)
        if not os.fork():
            self._collected.close()
            self._run(Job(about=None, tests=tests, plugin=plugin, limit=math.inf))
        orders.close()
        self._is_collecting = True

    def start(self, job: Job) -> None:
        """Put the fault in and start its tests."""
        if self._is_collecting:
            self._told()  # that all is imported: a fault put in before that would stay in for every run
            self._is_collecting = False
        if job.file is not None:
            self._without_fault = (self.tree / job.file).read_text("utf-8")
            self._write(job.file, job.source)
        self._job = job
        self._log.write_text("")
        if job.order is not None:
            assert self._collected
            self._pid = 0  # is told as soon as the tests are collected
            self._collected.sendall(json.dumps(job.order).encode() + b"\n")
            return
        self._deadline = time.monotonic() + job.limit
        self._pid = os.fork()
        if not self._pid:
            self._run(job)

    def ended(self) -> Ended | None:
        """What it came to, the tree being clean again; None while it runs."""
        if self._job is None:
            return None
        code = self._code()
        if code is None and not (self._pid and time.monotonic() > self._deadline):
            return None
        job = self._job
        self._end(is_over=code is not None)
        return Ended(job, code, self._log.read_text(errors="replace"))

    def close(self) -> None:
        """End what runs here, and what has collected the tests."""
        if self._collected:
            self._collected.close()
            self._collected = None
        if self._job:
            self._end(is_over=True)

    def _code(self) -> int | None:
        """The exit code, if the run is over."""
        assert self._job
        if self._job.order is None or self._collected is None:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            return os.waitstatus_to_exitcode(status) if pid else None
        while select.select([self._collected], [], [], 0)[0]:
            number = self._told()
            if self._pid:
                return number
            self._pid, self._deadline = number, time.monotonic() + self._job.limit
        return None

    def _told(self) -> int:
        assert self._collected
        answer = self._collected.recv(NUMBER.size)
        if not answer:
            raise RuntimeError(f"The tests cannot be collected:\n{self._log.read_text()}")
        number: int = NUMBER.unpack(answer)[0]
        return number

    def _end(self, *, is_over: bool) -> None:
        """End what runs here, with its own processes, and take the fault out."""
        assert self._job
        for end in (os.killpg, os.kill) if self._pid else ():  # a fork just begun is not yet a group
            with suppress(ProcessLookupError):
                end(self._pid, signal.SIGKILL)
        if self._job.order is None:
            with suppress(ChildProcessError):
                os.waitpid(self._pid, 0)
        elif not is_over:
            self._told()  # that it was killed
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
            log = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
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
