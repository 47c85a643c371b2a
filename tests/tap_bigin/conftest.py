"""For every test of the tap: the jobs of the sandbox take a fraction of a second, and so does waiting for them."""

from __future__ import annotations

import pytest

from bigin_api.bulk import polling
from tap_bigin import planning


@pytest.fixture(autouse=True)
def _first_question_comes_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job is first asked about after half a second, where Bigin's jobs are given two."""
    monkeypatch.setattr(polling, "FIRST_WAIT", 0.5)


@pytest.fixture
def cheap_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job pays from some 1,500 records on, in place of 11,000: for tests of what happens then."""
    monkeypatch.setattr(planning, "BULK_READ_CREDITS", 1)
