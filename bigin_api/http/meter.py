"""What the run spent, on what, and what the server says remains; its clock. Prices stand in ``limits``."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from bigin_api.errors import CreditBudgetReached

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bigin_api.http.calls import Call


@dataclass(frozen=True)
class Spent:
    """A snapshot of the meter, in credits but for ``calls``."""

    calls: int
    credits: int
    by_endpoint: Mapping[str, int] = field(default_factory=dict)
    by_label: Mapping[str, int] = field(default_factory=dict)
    calls_by_label: Mapping[str, int] = field(default_factory=dict)
    remaining: int | None = None


OUR_CLOCK_MAY_BE_WRONG_BY = timedelta(days=2)
MOST_DIFFERENCE = OUR_CLOCK_MAY_BE_WRONG_BY.total_seconds()  # between servers; more than it is an error


class Meter:
    """Counts every attempt of every thread: Bigin charges for failed calls too."""

    def __init__(self, budget: int | None = None) -> None:
        self.budget = budget
        self._lock = threading.Lock()
        self._calls = 0
        self._credits = 0
        self._by_endpoint: Counter[str] = Counter()
        self._by_label: Counter[str] = Counter()
        self._calls_by_label: Counter[str] = Counter()
        self._remaining: int | None = None

    @property
    def credits(self) -> int:
        """Credits spent so far."""
        return self._credits

    def charge(self, call: Call) -> None:
        """Count an attempt that is about to be sent. Raises CreditBudgetReached instead, if it may not."""
        with self._lock:
            if self.budget is not None and self._credits + call.credits > self.budget:
                raise CreditBudgetReached(
                    f"credit_budget of {self.budget} is reached: {self._credits} credits are spent and "
                    f"{call.what} costs {call.credits} more. Nothing was sent.",
                    module=call.module,
                )
            self._count(call, 1)

    def refund(self, call: Call) -> None:
        """Take an attempt back that never reached Bigin."""
        with self._lock:
            self._count(call, -1)

    def note_remaining(self, remaining: int | None) -> None:
        """Keep what the server says remains."""
        if remaining is not None:
            self._remaining = remaining

    def spent(self) -> Spent:
        """What has been spent until now."""
        with self._lock:
            return Spent(
                calls=self._calls,
                credits=self._credits,
                by_endpoint=dict(self._by_endpoint),
                by_label=dict(self._by_label),
                calls_by_label=dict(self._calls_by_label),
                remaining=self._remaining,
            )

    def _count(self, call: Call, calls: int) -> None:
        label = call.label or call.module or ""
        self._calls += calls
        self._credits += calls * call.credits
        self._by_endpoint[call.endpoint] += calls * call.credits
        self._by_label[label] += calls * call.credits
        self._calls_by_label[label] += calls


class ServerClock:
    """Bigin's time by its answers, carried on by a clock of ours that nobody sets. Safe for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offsets: tuple[float, float] | None = None  # to our clock: least, greatest
        self.latest: datetime | None = None  # what the latest answer said

    def note(self, said: datetime | None) -> None:
        """An answer came that told this time, or none."""
        if said is None:
            return
        offset = said.timestamp() - time.monotonic()
        with self._lock:
            least, greatest = self._offsets or (offset, offset)
            self._offsets = (
                max(min(least, offset), offset - MOST_DIFFERENCE),
                min(max(greatest, offset), offset + MOST_DIFFERENCE),
            )
            self.latest = said

    def at_least(self) -> datetime:
        """What the clock of any of its servers says at least; ours less two days, if no answer told a time.

        A server's clock may be behind the one that answered before: a record is dated by that of its own.
        """
        if self._offsets is None:
            return datetime.now(timezone.utc) - OUR_CLOCK_MAY_BE_WRONG_BY
        return datetime.fromtimestamp(self._offsets[0] + time.monotonic(), timezone.utc)

    @property
    def doubt(self) -> float:
        """By how many seconds ``at_least`` may be early."""
        if self._offsets is None:
            return 2 * MOST_DIFFERENCE
        least, greatest = self._offsets
        return greatest - least
