"""Jobs that do not wait, and an address for what the sandbox sends by itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.receiver import Receiver
from support.sandbox import Sandbox


@pytest.fixture
def quick_jobs(sandbox: Sandbox) -> None:
    """Bulk jobs go through their states without waiting."""
    sandbox.bulk(seconds_per_state=0)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Keeps what it is sent."""
    made = Receiver()
    yield made
    made.close()
