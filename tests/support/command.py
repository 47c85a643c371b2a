"""A command of the project, run in this process: the same door as a process of its own, in a third of the time.

ended = run_command(lambda: TapBigin.cli.main(["--config", "config.json"]), given="")
ended.code, ended.out, ended.said

What a command may do to its process is undone: logging, warnings, signals, what it left to do at the exit.
For signals, kills and what the system does with an exit code, tests start a process.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import io
import logging
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO

PATIENCE = 10  # seconds in which what a command began in threads has to end with it
SOON = 0.2  # seconds in which it mostly does
AT_ONCE = 0.02  # seconds in which threads end that were told to


@dataclass(frozen=True)
class Ended:
    """How a command ended: exit code, standard output and standard error."""

    code: int
    out: str
    said: str


def run_command(start: Callable[[], object], *, given: str = "") -> Ended:
    """Run to the end what a console script calls. ``given`` is a file as standard input.

    An exception that would end a process by a traceback comes out.
    """
    out, said = _Stream(), _Stream()
    with _file(given) as file, _ended_threads(), _kept_process():
        streams = sys.stdin, sys.stdout, sys.stderr
        sys.stdin, sys.stdout, sys.stderr = file, out, said
        try:
            code = _exit_code(start)
        finally:
            sys.stdin, sys.stdout, sys.stderr = streams
    return Ended(code, out.written(), said.written())


class _Stream(io.TextIOWrapper):
    """A standard stream into memory, for text and bytes."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

    def written(self) -> str:
        """All that was written, line ends as they came."""
        self.seek(0)
        return self.buffer.read().decode()


def _exit_code(start: Callable[[], object]) -> int:
    try:
        code = start()
    except SystemExit as ended:
        code = ended.code
    if isinstance(code, str):  # Python says it, and ends with 1
        sys.stderr.write(code + "\n")
        return 1
    return code if isinstance(code, int) else 0


@contextlib.contextmanager
def _kept_process() -> Iterator[None]:
    """Undo what a command does to the whole process, as the SDK's commands do."""
    root = logging.getLogger()
    handlers, level, hook = root.handlers[:], root.level, sys.excepthook
    signals = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    root.handlers[:] = []  # a process of its own would have none
    try:
        with warnings.catch_warnings():
            yield
    finally:
        logging.captureWarnings(capture=False)
        root.handlers[:] = handlers
        root.setLevel(level)
        sys.excepthook = hook
        for number, handler in signals.items():
            signal.signal(number, handler)
        atexit.unregister(gc.freeze)


@contextlib.contextmanager
def _ended_threads() -> Iterator[None]:
    """A thread that outlives its command would work on in the next test."""
    before = set(threading.enumerate())
    yield
    begun = set(threading.enumerate()) - before
    # Most end by themselves at once. Idle threads of a pool end when it is collected, as they would with their
    # process. What a run made is young: to look through all that lives takes as long as a short run.
    for generation, patience in ((None, AT_ONCE), (1, SOON), (2, PATIENCE)):
        if not any(thread.is_alive() for thread in begun):
            break
        if generation is not None:
            gc.collect(generation)
        deadline = time.monotonic() + patience
        for thread in begun:
            thread.join(max(0, deadline - time.monotonic()))
    left = [thread.name for thread in begun if thread.is_alive()]
    assert not left, f"{left} go on after their command has ended"


@contextlib.contextmanager
def _file(content: str) -> Iterator[IO[str]]:
    with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
        file.write(content)
        file.seek(0)
        yield file
