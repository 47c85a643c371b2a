"""A target that writes into the sandbox, its files in a folder of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from support.sandbox import Sandbox
from support.target import Message, TargetRun, run_target

RunTarget = Callable[..., TargetRun]


@pytest.fixture
def target(sandbox: Sandbox, tmp_path: Path) -> RunTarget:
    """``target(messages, **settings)`` runs in this process and gives what it left behind."""

    def run(messages: Iterable[Message], **settings: Any) -> TargetRun:
        return run_target(sandbox, tmp_path, messages, **settings)

    return run
