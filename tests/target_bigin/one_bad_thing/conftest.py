"""One bad thing costs itself: whatever is refused or fails for the sake of one takes no other along."""

from __future__ import annotations

import pytest
from support.target import run_target


@pytest.fixture
def target(other, tmp_path):
    """``target(messages, **settings)`` writes to the other Bigin."""
    return lambda messages, **settings: run_target(other, tmp_path, messages, max_rejects=99, **settings)
