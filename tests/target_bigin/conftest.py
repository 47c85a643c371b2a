"""A target that writes into the sandbox, its files in a folder of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support.dry_runs import written
from support.rewriting import OtherBigin
from support.rows import Run
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


@pytest.fixture
def organisation(sandbox: Sandbox) -> None:
    """One contact and one company, which a dry run and its run find."""
    sandbox.reset(size="empty")
    sandbox.create("Contacts", Last_Name="Ek", Email="ek@b.se")
    sandbox.create("Accounts", Account_Name="Old AG")


@pytest.fixture
def both(sandbox: Sandbox, target: RunTarget, organisation: None) -> Callable[..., Any]:
    """``both(messages)``: the dry run, then the real one, and what the real one's writes have cost."""

    def run(messages: Iterable[Message], **settings: Any) -> tuple[TargetRun, TargetRun, int]:
        settings = {"max_rejects": 999, **settings}
        before = {module: sandbox.dump(module) for module in ("Contacts", "Accounts", "Pipelines", "Tasks")}
        dry = target(messages, dry_run=True, **settings)
        assert {module: sandbox.dump(module) for module in before} == before
        earlier = written(sandbox)
        real = target(messages, **settings)
        assert (type(dry.error), dry.states) == (type(real.error), [])
        return dry, real, sum((written(sandbox) - earlier).values())

    return run


@pytest.fixture
def run() -> Iterator[Run]:
    """What a run has for its parts, without a Bigin."""
    started = Run()
    yield started
    started.pool.close()
