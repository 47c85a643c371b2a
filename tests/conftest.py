"""For every test: one sandbox process serves a whole worker and is made anew before each test."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings
from support.sandbox import Sandbox, SandboxProcess, start_sandbox
from xdist.scheduler import LoadScopeScheduling

settings.register_profile("tests", max_examples=50)  # many tests have some; hours of them are no better
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


class Scheduling(LoadScopeScheduling):
    """To whichever worker is free, test by test; Meltano's tests first and together.

    Meltano's runs share the project's .meltano. A mark would say the same, but xdist 3.8 does not see
    it with pytest 9.2, and says nothing.
    """

    def _split_scope(self, nodeid: str) -> str:
        return "meltano" if "/test_meltano_" in nodeid else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    """How tests are dealt out to the workers of ``make unit``."""
    return Scheduling(config, log)


def pytest_collection_finish() -> None:
    """Leave what was imported out of garbage collections, which cost more than a short run itself."""
    gc.collect()
    gc.freeze()
