"""What a run did, told in a few lines: warnings as they come, an account a stream at the end."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bigin_api import BiginError, Spent


@dataclass
class StreamReport:
    """One stream's account. Readers may write to it from their threads."""

    name: str
    logger: logging.Logger
    emitted: int = 0
    counted: int | None = None  # Bigin's own count, where a full pass asked for it
    reason: str | None = None  # why the two differ, where it is known
    began: float | None = None
    seconds: float = 0.0
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failure: BiginError | None = None
    unfinished: bool = False  # stopped by the budget; the state tells where

    def begin(self) -> None:
        """The stream's turn has come."""
        self.began = time.monotonic()

    def end(self) -> None:
        """The stream is written."""
        if self.began is not None:
            self.seconds += time.monotonic() - self.began

    def warn(self, message: str) -> None:
        """Say what a person should know, once a run, with the stream's name in front."""
        if message not in self.warnings:
            self.warnings.append(message)
            self.logger.warning("%s: %s", self.name, message)

    def add_note(self, message: str) -> None:
        """Say once how it goes."""
        if message not in self.notes:
            self.notes.append(message)
            self.inform(message)

    def inform(self, message: str) -> None:
        """Say how it goes."""
        self.logger.info("%s: %s", self.name, message)

    def line(self, credits_spent: int) -> str:
        """The account in one line."""
        parts = [f"{self.emitted:,} records"]
        if self.counted is not None:
            parts.append(f"Bigin counts {self.counted:,}")
            if self.counted != self.emitted and self.reason:
                parts[-1] += f" ({self.reason})"
        parts += [f"{credits_spent:,} credits", f"{self.seconds:.1f} s"]
        if self.failure is not None:
            parts.append("FAILED")
        if self.unfinished:
            parts.append("to be continued")
        return f"{self.name}: {', '.join(parts)}"


class RunReport:
    """The accounts of all streams."""

    def __init__(self, logger: logging.Logger) -> None:
        self.logger = logger
        self.streams: dict[str, StreamReport] = {}
        self.refusals: dict[str, str] = {}

    def stream(self, name: str) -> StreamReport:
        """The account of a stream, made at the first call."""
        return self.streams.setdefault(name, StreamReport(name, self.logger))

    def refuse(self, module: str, why: str) -> None:
        """A module that metadata lists and that the token may not see becomes no stream."""
        self.refusals[module] = why
        self.logger.warning("%s: no stream. %s", module, why)

    @property
    def failures(self) -> list[StreamReport]:
        """The streams that failed."""
        return [each for each in self.streams.values() if each.failure is not None]

    def lines(self, spent: Spent) -> Iterator[str]:
        """The end of the run: one line for each stream that had its turn, and a total."""
        told = [each for each in self.streams.values() if each.began is not None]
        for each in told:
            yield each.line(spent.by_label.get(each.name, 0))
        remaining = "" if spent.remaining is None else f"; Bigin says {spent.remaining:,} remain today"
        total = sum(each.emitted for each in told)
        yield (
            f"Total: {total:,} records from {len(told)} streams, "
            f"{spent.credits:,} credits in {spent.calls:,} calls{remaining}"
        )
