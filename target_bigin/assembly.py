"""Which steps stand on a stream's way, in order."""

from __future__ import annotations

from target_bigin.run import StreamContext
from target_bigin.steps import Step


def steps_before(context: StreamContext) -> list[Step]:
    """Lookups, finding ids by key, the brake on deletes, what is unchanged."""
    del context
    return []


def steps_after(context: StreamContext) -> list[Step]:
    """Tags, notes, the id map, the cache of what was written."""
    del context
    return []
