"""Fixtures for every test: one sandbox process serves the whole run and is made anew before each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.sandbox import Sandbox, SandboxProcess, start_sandbox


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
