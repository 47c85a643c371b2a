"""What the entries of an API log add up to: by hour, by endpoint, the slowest, the failed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bigin_api.run_files.api_log import Entry


@dataclass
class Sum:
    """What a group of calls adds up to. Every attempt counts: Bigin charges for failed ones too."""

    name: str
    calls: int = 0
    credits: int = 0
    records: int = 0
    failed: int = 0
    ms: int = 0
    slowest_ms: int = 0

    def add(self, entry: Entry) -> None:
        """Count a call."""
        self.calls += 1
        self.credits += entry.credits
        self.records += entry.records
        self.failed += entry.failed
        self.ms += entry.ms
        self.slowest_ms = max(self.slowest_ms, entry.ms)

    @property
    def mean_ms(self) -> int:
        """Milliseconds a call took on average."""
        return round(self.ms / self.calls) if self.calls else 0

    def to_json(self, key: str) -> dict[str, str | int]:
        """As columns, the name under ``key``."""
        return {
            key: self.name,
            "calls": self.calls,
            "credits": self.credits,
            "records": self.records,
            "failed": self.failed,
            "mean_ms": self.mean_ms,
            "slowest_ms": self.slowest_ms,
        }


def sum_by(entries: Iterable[Entry], group: Callable[[Entry], str]) -> list[Sum]:
    """A sum for each group, in the order of their names."""
    sums: dict[str, Sum] = {}
    for entry in entries:
        name = group(entry)
        sums.setdefault(name, Sum(name)).add(entry)
    return [sums[name] for name in sorted(sums)]


def by_hour(entries: Iterable[Entry]) -> list[Sum]:
    """By hour of UTC, oldest first."""
    return sum_by(entries, lambda entry: entry.hour)


def by_endpoint(entries: Iterable[Entry]) -> list[Sum]:
    """By method and path without ids, dearest first."""
    sums = sum_by(entries, lambda entry: entry.endpoint)
    return sorted(sums, key=lambda each: (-each.credits, -each.calls, each.name))


def total(entries: Iterable[Entry]) -> Sum:
    """All together."""
    found = Sum("total")
    for entry in entries:
        found.add(entry)
    return found


def slowest(entries: Iterable[Entry], most: int) -> list[Entry]:
    """The calls that took longest."""
    return sorted(entries, key=lambda entry: -entry.ms)[:most]
