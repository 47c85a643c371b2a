"""For every test of the tap: the jobs of the sandbox take a fraction of a second, and so does waiting for them."""

from __future__ import annotations

import pytest

from bigin_api.bulk import polling


@pytest.fixture(autouse=True)
def _first_question_comes_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job is first asked about after half a second, where Bigin's jobs are given two."""
    monkeypatch.setattr(polling, "FIRST_WAIT", 0.5)
