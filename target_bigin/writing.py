"""Records that are ready → calls in flight → what became of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from target_bigin.passage import Action, Prepared, Reject


class Outcomes(Protocol):
    """Where a writer says what became of a record; a lane is one. Main thread alone."""

    def written(self, record: Prepared, action: Action) -> None:
        """Bigin took it; ``record.id`` is set. It goes through the steps after the writing."""

    def rejected(self, record: Prepared, reject: Reject) -> None:
        """It will not be written."""

    def again(self, record: Prepared, *, delay: float) -> None:
        """It is to be written once more, in its old place, in ``delay`` seconds."""

    def fail(self, error: BaseException) -> None:
        """The run cannot go on: nothing more is sent, what is in flight is settled, exit code 1."""


class Writer(Protocol):
    """Takes ready records from a lane's queue and sends them. Main thread alone.

    ``RecordWriter`` sends calls of up to 100; the writer of bulk jobs stands before it and hands
    over what it does not take.
    """

    def pump(self, *, flush: bool) -> None:
        """Start the calls that are due: full ones, and with ``flush`` all that waits."""

    @property
    def waiting(self) -> int:
        """Records taken from the queue and not in flight."""


MakeWriter = Callable[[Outcomes], Writer]
