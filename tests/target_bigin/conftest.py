"""A target that writes into the sandbox, its files in a folder of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support.rewriting import OtherBigin
from support.sandbox import Sandbox
from support.target import Message, TargetRun, run_target

from bigin_api.bulk import polling

RunTarget = Callable[..., TargetRun]


@pytest.fixture(autouse=True)
def _first_question_comes_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job is first asked about after half a second, where Bigin's jobs are given two."""
    monkeypatch.setattr(polling, "FIRST_WAIT", 0.5)


@pytest.fixture
def target(sandbox: Sandbox, tmp_path: Path) -> RunTarget:
    """``target(messages, **settings)`` runs in this process and gives what it left behind."""

    def run(messages: Iterable[Message], **settings: Any) -> TargetRun:
        return run_target(sandbox, tmp_path, messages, **settings)

    return run


@pytest.fixture
def cached(target: RunTarget, tmp_path: Path) -> RunTarget:
    """A target that keeps what it wrote, to leave out what says nothing new."""
    return partial(target, unchanged_cache_path=str(tmp_path / "written.sqlite"))


@pytest.fixture
def other(sandbox: Sandbox) -> Iterator[OtherBigin]:
    """The sandbox, empty, behind a proxy that changes what is said."""
    sandbox.reset(size="empty")
    proxy = OtherBigin(sandbox)
    yield proxy
    proxy.close()
