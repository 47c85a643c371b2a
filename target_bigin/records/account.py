"""What became of the records of one stream, for the report."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

from target_bigin.records.record import Action, Reject

RejectKey = tuple[str, str, str | None]  # kind, code, field


@dataclass
class Account:
    """Counts of one stream."""

    stream: str
    module: str | None = None
    read: int = 0
    outcomes: Counter[Action] = field(default_factory=Counter)
    rejects: Counter[RejectKey] = field(default_factory=Counter)
    examples: dict[RejectKey, tuple[int, Reject]] = field(default_factory=dict)
    notes: Counter[str] = field(default_factory=Counter)  # shown in the report: "matched on Email": 3
    planned_credits: int = 0  # of a dry run: what the calls that were not made would have cost
    begun: float = field(default_factory=time.monotonic)  # seconds of a clock that only goes forward
    ended: float = 0.0  # when the last one was settled

    @property
    def rejected(self) -> int:
        """How many were not written."""
        return sum(self.rejects.values())

    @property
    def settled(self) -> int:
        """How many have ended, in whatever way."""
        return sum(self.outcomes.values()) + self.rejected
