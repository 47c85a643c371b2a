"""The project's commands as processes that begin after their imports.

with start("tap-bigin", "--config", path, stdout=PIPE) as running:     much as subprocess.Popen
done = run("tap-bigin", "--config", path)                              as subprocess.run, all captured

Most of what a short run costs is the import of the SDK, so one process imports what the commands need and
forks for each start. Signals, kills, exit codes, pipes and the end of the interpreter are those of any
process. That the installed scripts themselves start is for tests/tap_bigin/test_command.py,
tests/house and tests/end_to_end to show.
"""

from __future__ import annotations

import atexit
import contextlib
import faulthandler
import gc
import importlib
import io
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import IO, Any

from typing_extensions import Self

__all__ = ["DEVNULL", "PIPE", "Process", "run", "start"]

PRELOADED = (
    "tap_bigin.tap",
    "target_bigin.target",
    "bigin_cli.main",
    "bigin_feed.serving",
    "bigin_sandbox.http.app",
)
LARGEST_REQUEST = 1 << 17  # bytes
TESTS = Path(__file__).parent.parent
SERVER = f"import sys; sys.path.insert(0, {str(TESTS)!r}); from support.processes import serve; serve()"


class Process:
    """A command that runs. Its pipes are text with ``text``, else bytes."""

    def __init__(
        self,
        *command: str,
        stdin: int | IO[Any] | None = None,
        stdout: int | IO[Any] | None = None,
        stderr: int | IO[Any] | None = None,
        text: bool = False,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        sys.audit("support.processes.start", command)  # heard by tests/mutants
        self.returncode: int | None = None
        theirs: list[int] = []
        self.stdin = self._end_of(stdin, theirs, text=text, writes=True)
        self.stdout = self._end_of(stdout, theirs, text=text)
        self.stderr = self._end_of(stderr, theirs, text=text)
        self._status, status = socket.socketpair()
        asked = {"command": command, "cwd": str(cwd or Path.cwd()), "environment": dict(env or os.environ)}
        socket.send_fds(_server(), [json.dumps(asked).encode()], [*theirs, status.fileno()])
        status.close()
        for end in theirs:
            os.close(end)
        self._answers = self._status.makefile("rb")
        self.pid = int(self._answers.readline())

    @staticmethod
    def _end_of(
        wish: int | IO[Any] | None, theirs: list[int], *, text: bool, writes: bool = False
    ) -> IO[Any] | None:
        """Our end of a pipe, if one is wished for; their end, whatever it is, is added to ``theirs``."""
        if wish != PIPE:
            theirs.append(
                os.open(os.devnull, os.O_RDWR) if wish in (None, DEVNULL) else os.dup(wish.fileno())
            )
            return None
        reading, writing = os.pipe()
        theirs.append(reading if writes else writing)
        how = ("w" if writes else "r") + ("" if text else "b")
        return os.fdopen(writing if writes else reading, how, encoding="utf-8" if text else None)

    def poll(self) -> int | None:
        """The exit code if it has ended: a negative one is the signal that ended it."""
        if self.returncode is None and select.select([self._status], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once it has ended. Raises TimeoutError."""
        if self.returncode is None:
            if not select.select([self._status], [], [], timeout)[0]:
                raise TimeoutError(f"process {self.pid} has not ended")
            self.returncode = os.waitstatus_to_exitcode(int(self._answers.readline()))
            self._answers.close()
            self._status.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in (self.stdout, self.stderr, self.stdin):
            if pipe:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        self.wait()


start = Process


def run(
    *command: str,
    given: str = "",
    stdin: IO[Any] | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end. ``given`` is a file as standard input, in place of ``stdin``."""
    with contextlib.ExitStack() as stack:
        file, stdout, stderr = (stack.enter_context(tempfile.TemporaryFile("w+")) for _ in range(3))
        file.write(given)
        file.seek(0)
        with start(*command, stdin=stdin or file, stdout=stdout, stderr=stderr, cwd=cwd, env=env) as running:
            code = running.wait(120)
        for written in (stdout, stderr):
            written.seek(0)
        return subprocess.CompletedProcess(command, code, stdout.read(), stderr.read())


@lru_cache(maxsize=1)
def _server() -> socket.socket:
    """The connection to the process that forks, which is started with the first command."""
    ours, theirs = socket.socketpair(type=socket.SOCK_DGRAM)
    command = [sys.executable, "-c", SERVER]
    process = subprocess.Popen(command, stdin=theirs, stdout=subprocess.DEVNULL)
    theirs.close()

    def end() -> None:
        ours.send(b"")
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def serve() -> None:
    """Fork for each request that comes over standard input, until an empty one comes."""
    for name in PRELOADED:
        importlib.import_module(name)
    _scripts()
    # What another thread holds at a fork nobody lets go of in the process that is made.
    assert threading.active_count() == 1, threading.enumerate()
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=os.dup(0)) as requests:
        command = _next_command(requests)
    if command is not None:
        sys.exit(command())


def _next_command(requests: socket.socket) -> Callable[[], Any] | None:
    """In each process forked for a command: what it is to run. In the one that forks: None, at its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # meant for the test run
    while True:
        message, handed, _, _ = socket.recv_fds(requests, LARGEST_REQUEST, 4)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:  # those whose command has ended
                pass
        if not message:
            return None
        *streams, status = handed
        if os.fork() == 0:
            command = os.fork()
            if command == 0:
                os.close(status)
                return _become(json.loads(message), streams)
            for stream in streams:
                os.close(stream)
            os.write(status, b"%d\n" % command)
            os.write(status, b"%d\n" % os.waitpid(command, 0)[1])
            os._exit(0)
        for each in (*streams, status):
            os.close(each)


def _become(asked: dict[str, Any], streams: list[int]) -> Callable[[], Any]:
    """Make this process what a start of the command would have made."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    faulthandler.enable(2)  # a crash says where, on the command's stderr
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    unbuffered = bool(os.environ.get("PYTHONUNBUFFERED"))
    raw = os.fdopen(1, "wb", buffering=0 if unbuffered else -1, closefd=False)
    sys.stdout = sys.__stdout__ = io.TextIOWrapper(raw, sys.stdout.encoding, write_through=unbuffered)
    sys.argv = asked["command"]
    return _scripts()[sys.argv[0]].load()


@lru_cache(maxsize=1)
def _scripts() -> dict[str, EntryPoint]:
    """The installed commands; to look for them takes longer than to run one."""
    return {each.name: each for each in entry_points(group="console_scripts")}
