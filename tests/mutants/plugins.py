"""Plugins for pytest: one notes which lines each test runs, others run chosen tests in an order."""

from __future__ import annotations

import gc
import json
import os
import socket
import struct
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from types import FrameType, FunctionType
from typing import Any

import pytest

from mutants.swapping import swap

LEAST_SECONDS, TIMES_SLOWER = 10, 5
"""How long a test may take with a fault in."""
MOST_BUSY = 4
NUMBER = struct.Struct("i")


def longest(seconds: float) -> float:
    """How long something may take that took so long without a fault: a busy machine is no fault."""
    busy = os.getloadavg()[0] / (os.cpu_count() or 1)
    return (LEAST_SECONDS + TIMES_SLOWER * seconds) * min(max(1.0, busy), MOST_BUSY)


class Recorder:
    """Notes for each test its seconds, the lines that it ran, and whether it started a process."""

    def __init__(self, root: Path, *, files: Collection[str], output: Path) -> None:
        self._files = {str(root / file): file for file in files}
        self._output = output
        self._notes: dict[str, dict[str, Any]] = defaultdict(
            lambda: {"seconds": 0.0, "lines": defaultdict(set), "spawns": False}
        )
        self._current = self._notes[""]  # what importing runs belongs to no test
        self._tracers: dict[str, Callable[..., Any]] = {}
        sys.addaudithook(self._heard)
        threading.settrace(self._called)
        sys.settrace(self._called)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._current = self._notes[item.nodeid]
        sys.settrace(self._called)  # a debugger or hypothesis may have taken it
        result = yield
        self._current = self._notes[""]
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._notes[report.nodeid]["seconds"] += report.duration

    def pytest_sessionfinish(self) -> None:
        sys.settrace(None)
        plain = {
            test: {**note, "lines": {file: sorted(lines) for file, lines in note["lines"].items()}}
            for test, note in self._notes.items()
        }
        self._output.write_text(json.dumps(plain))

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        forked = event == "support.processes.start"
        if forked or (event == "subprocess.Popen" and "bigin_sandbox" not in str(arguments[1])):
            self._current["spawns"] = True

    def _called(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any] | None:
        file = self._files.get(frame.f_code.co_filename)
        if file is None:
            return None
        if file not in self._tracers:
            self._tracers[file] = self._tracer(file)
        return self._tracers[file]

    def _tracer(self, file: str) -> Callable[..., Any]:
        def trace(frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
            self._current["lines"][file].add(frame.f_lineno)
            return trace

        return trace


class Chosen:
    """Runs these tests in this order, each with a limit for its time."""

    def __init__(self, seconds: Mapping[str, float]) -> None:
        self._seconds = seconds

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        found = {item.nodeid: item for item in items}
        items[:] = [found[test] for test in self._seconds if test in found]
        for item in items:
            item.add_marker(pytest.mark.timeout(longest(self._seconds[item.nodeid])))


class Collected:
    """Collects the tests once, then forks for each order that comes and runs what it names in the fork.

    An order is a line of JSON: ``tests`` (seconds by test), ``file``, its source ``before`` and ``after``.
    Each is answered twice: by the number of the process, and by its exit code. A 0 before them all says
    that the tests are collected: until then the tree must be without a fault.
    """

    def __init__(self, tree: Path, *, files: Collection[str], orders: socket.socket) -> None:
        self._orders = orders
        self._files = {str(tree / file): file for file in files}
        self._functions: dict[str, list[FunctionType]] = defaultdict(list)

    @pytest.hookimpl(tryfirst=True)  # later the garbage collector no longer tells: see tests/conftest.py
    def pytest_collection_finish(self) -> None:
        for each in gc.get_objects():
            if type(each) is FunctionType and each.__code__.co_filename in self._files:
                self._functions[self._files[each.__code__.co_filename]].append(each)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        self._orders.sendall(NUMBER.pack(0))
        for line in self._orders.makefile():
            sys.stdout.flush()
            process = os.fork()
            if not process:
                order = json.loads(line)
                os.setsid()
                self._orders.close()
                swap(self._functions[order["file"]], order["before"], order["after"])
                Chosen(order["tests"]).pytest_collection_modifyitems(session.items)
                return  # and pytest goes on with what it has collected
            self._orders.sendall(NUMBER.pack(process))
            code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
            self._orders.sendall(NUMBER.pack(code))
        os._exit(0)
