"""Which steps stand on a stream's way, in order, and which writer at its end."""

from __future__ import annotations

from collections.abc import Sequence

from target_bigin.batching import Queue
from target_bigin.keys import KeyPlan
from target_bigin.run import Run, StreamContext
from target_bigin.steps import Step
from target_bigin.writing import MakeWriter


class Assembly:
    """Made once a run: holds what streams share (directory, id map, cache) and builds their steps."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def before(self, context: StreamContext, *, finding: Sequence[Step]) -> list[Step]:
        """Lookups, then ``finding`` (ids by key), the brake on deletes, what is unchanged."""
        del context
        return list(finding)

    def after(self, context: StreamContext, *, remembering: Sequence[Step]) -> list[Step]:
        """``remembering`` (ids by key), then tags, notes, the id map, the cache of what was written."""
        del context
        return list(remembering)

    def writer(self, context: StreamContext, queue: Queue, key: KeyPlan, records: MakeWriter) -> MakeWriter:
        """The writer of a stream: ``records``, or one of bulk jobs that stands before it."""
        del context, queue, key
        return records

    def save(self) -> None:
        """A STATE is about to go out: what it covers must be on disk."""

    def close(self, *, in_good_order: bool) -> None:
        """The run has ended."""
        del in_good_order
