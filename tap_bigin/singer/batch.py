"""What travels from a reader, which may run in a thread, to the writer, which is the main thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, TypeVar

Record = dict[str, Any]
State = Mapping[str, Any]

T = TypeVar("T")

RECORDS_PER_PORTION = 1_000
SECONDS_PER_FILE = 5.0
"""A file of records is told after so long, full or not: a run that is killed has lost what was not."""


def _now() -> datetime:
    return datetime.now(timezone.utc)


@dataclass(frozen=True)
class Batch:
    """Records ready to be written, and what the stream's state is once all of them are written.

    ``state`` replaces the stream's whole entry under ``bookmarks``; None leaves it as it is. A batch
    may have no records and only a state: a pass that ended. The records belong to the writer.
    """

    records: list[Record]
    state: State | None = None
    extracted: datetime = field(default_factory=_now)  # goes into the messages as time_extracted
    lines: bytes | None = None  # their RECORD lines in place of the records: a third of the memory
    lines_count: int = 0
    version: int | None = None  # of the stream's rows, where rows that are gone are told by versions
    activates: bool = False  # everything of the version has been written: what has an older one is gone

    @property
    def count(self) -> int:
        """How many records it has."""
        return len(self.records) if self.lines is None else self.lines_count


def for_parquet(value: Any) -> Any:
    """A value as Parquet can hold it: it knows no object without a property, which becomes null.

    >>> for_parquet({"a": {}, "b": [{"c": {}, "d": 1}]})
    {'a': None, 'b': [{'c': None, 'd': 1}]}
    """
    if isinstance(value, dict):
        return {name: for_parquet(each) for name, each in value.items()} or None
    return [for_parquet(each) for each in value] if isinstance(value, list) else value


def in_portions(records: Sequence[Record], state: State) -> Iterator[Batch]:
    """Very many records that are at hand, in batches of some; the state holds after the last."""
    for at in range(0, len(records), RECORDS_PER_PORTION):
        some = list(records[at : at + RECORDS_PER_PORTION])
        yield Batch(some, state if at + RECORDS_PER_PORTION >= len(records) else None)


def in_time(items: Iterator[T], *, clock: Callable[[], float] = time.monotonic) -> Iterator[Iterator[T]]:
    """The same in portions, each of which ends with what comes after its time. Take each to its end.

    >>> times = iter([0, 1, 6, 7, 8, 9])
    >>> [list(each) for each in in_time(iter("abcde"), clock=lambda: next(times))]
    [['a', 'b', 'c'], ['d', 'e']]
    """
    for first in items:
        yield _until(first, items, clock() + SECONDS_PER_FILE, clock)


def _until(first: T, others: Iterator[T], end: float, clock: Callable[[], float]) -> Iterator[T]:
    yield first
    for each in others:
        yield each
        if clock() >= end:
            return
