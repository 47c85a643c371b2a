"""``pytest --workers 4``: the tests are collected once, then run by so many forks of that process.

A fork has every module and every test; its sandbox, its folder for files and what else a session needs it
makes for itself. The forks take tests from one pipe until that is empty, and send their reports home.
pytest-xdist starts processes that each import and collect all of it again, and asks for test after test.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
from collections import Counter
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import pytest

CONTEXT = multiprocessing.get_context("fork")
TOKEN = 4  # bytes of the number of a group in the pipe
MOST_TOGETHER = 8  # tests of one file that a worker takes at a time: what a file sets up is made less often
QUICK = ("tests/house/", "tests/bigin_api/", "tests/sandbox/", "bigin_", "tap_bigin/", "target_bigin/")

Group = list[pytest.Item]


def pytest_addoption(parser: pytest.Parser) -> None:
    """How many processes."""
    parser.addoption("--workers", type=int, default=0, help="run the tests in so many forks of this process")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Have the tests run by workers; without ``--workers`` None, which leaves them to pytest's own loop."""
    if not session.config.option.workers or session.config.option.collectonly or session.testsfailed:
        return None
    codes = _run(session, dealt(session.items))
    if session.shouldfail:
        raise session.Failed(session.shouldfail)
    if session.shouldstop:
        raise session.Interrupted(session.shouldstop)
    if any(codes):
        raise session.Failed(f"exit codes of the workers: {codes}")
    return True


def dealt(items: list[pytest.Item]) -> list[Group]:
    """Tests that one worker runs one after the other: what takes long first, so that all end together."""
    groups: dict[tuple[int, str, int], Group] = {}
    seen: Counter[str] = Counter()
    for item in items:
        turn, scope, most = _scope(item.nodeid)
        groups.setdefault((turn, scope, seen[scope] // most), []).append(item)
        seen[scope] += 1
    return [groups[key] for key in sorted(groups, key=lambda key: key[0])]


def _scope(nodeid: str) -> tuple[int, str, int]:
    """Of a test: its turn, what it shares with others, and how many of those one worker takes at a time.

    Meltano's runs share the project's .meltano, the docs' tests a PostgreSQL and its first load; those of
    the feed take the same PostgreSQL.
    """
    if "/test_meltano_" in nodeid:
        return 0, "meltano", 1000
    if "tests/docs/" in nodeid or "[postgresql" in nodeid:
        return 1, "postgresql", 1000
    return 3 if nodeid.startswith(QUICK) else 2, nodeid.split("::", maxsplit=1)[0], MOST_TOGETHER


def _run(session: pytest.Session, groups: list[Group]) -> list[int]:
    """Start the workers, hand out the groups, pass on what they report; gives how the workers ended.

    A test that nobody reports has failed.
    """
    hook = session.config.hook
    _show_letters_only(session.config)
    session.config._tmp_path_factory.getbasetemp()  # one for all
    tasks, to_tasks = os.pipe()
    workers: dict[Connection, Any] = {}
    for number in range(session.config.option.workers):
        ours, theirs = CONTEXT.Pipe(duplex=False)
        worker = CONTEXT.Process(target=_work, args=(session, groups, (tasks, to_tasks), theirs, number))
        worker.start()
        theirs.close()
        workers[ours] = worker
    os.write(to_tasks, b"".join(number.to_bytes(TOKEN, "big") for number in range(len(groups))))
    os.close(to_tasks)
    codes = []
    unheard = {item.nodeid: item for item in session.items}
    while workers:
        for end in wait(list(workers)):
            try:
                said = end.recv()
            except EOFError:
                worker = workers.pop(end)
                worker.join()
                codes.append(worker.exitcode)
                continue
            for each in said:
                report = hook.pytest_report_from_serializable(config=session.config, data=each)
                hook.pytest_runtest_logreport(report=report)
            hook.pytest_runtest_logfinish(nodeid=report.nodeid, location=report.location)
            del unheard[report.nodeid]
        if session.shouldfail or session.shouldstop:
            os.read(tasks, TOKEN * len(groups))  # so that nobody finds any more
    os.close(tasks)
    if not session.shouldfail and not session.shouldstop:
        for item in unheard.values():
            hook.pytest_runtest_logreport(report=_lost(item))
    return codes


def _show_letters_only(config: pytest.Config) -> None:
    """Not a line for each file: its tests come between those of others."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and not reporter.showlongtestinfo:
        reporter.showfspath = False


def _lost(item: pytest.Item) -> pytest.TestReport:
    why = "No report came: the process that was to run it has ended before."
    return pytest.TestReport(item.nodeid, item.location, {}, "failed", why, "call")


def _work(
    session: pytest.Session, groups: list[Group], pipe: tuple[int, int], home: Connection, number: int
) -> None:
    """In a worker: run groups until there are none."""
    tasks, to_tasks = pipe
    os.close(to_tasks)
    _become_worker(session.config, home, number)
    runs = _upcoming(groups, tasks)
    item = next(runs, None)
    while item is not None and not session.shouldfail and not session.shouldstop:
        # The next one is asked for when this one begins: what both share outlives this one.
        following = next(runs, None)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        item = following
    session._setupstate.teardown_exact(None)  # where it stopped before the last one
    home.close()
    atexit._run_exitfuncs()  # a fork ends without


def _upcoming(groups: list[Group], tasks: int) -> Iterator[pytest.Item]:
    while token := os.read(tasks, TOKEN):
        yield from groups[int.from_bytes(token, "big")]


def _become_worker(config: pytest.Config, home: Connection, number: int) -> None:
    """What a fork may not share with the others: captured output, the terminal, the folder for files."""
    capture = config.pluginmanager.get_plugin("capturemanager")
    capture.stop_global_capturing()
    capture.start_global_capturing()
    capture.suspend_global_capture()
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter._tw._file = Path(os.devnull).open("w")  # noqa: SIM115 -- as long as the process
    config.pluginmanager.register(_Reports(config, home))
    folders = config._tmp_path_factory
    folders._basetemp = folders.getbasetemp() / f"worker-{number}"
    folders._basetemp.mkdir()


class _Reports:
    """Sends what is reported of a test home, once it has ended."""

    def __init__(self, config: pytest.Config, home: Connection) -> None:
        self._config = config
        self._home = home
        self._said: list[Any] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Setup, call or teardown."""
        hook = self._config.hook
        self._said.append(hook.pytest_report_to_serializable(config=self._config, report=report))

    def pytest_runtest_logfinish(self) -> None:
        """All of them."""
        self._home.send(self._said)
        self._said = []
