"""Two plugins for pytest: one notes which lines each test runs, the other runs chosen tests in an order."""

from __future__ import annotations

import json
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

LEAST_SECONDS, TIMES_SLOWER = 10, 5
"""How long a test may take with a fault in: a busy machine is no fault."""


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
            limit = LEAST_SECONDS + TIMES_SLOWER * self._seconds[item.nodeid]
            item.add_marker(pytest.mark.timeout(limit))
