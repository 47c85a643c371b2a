"""What a run did, told in a few lines: warnings as they come, an account a stream at the end."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bigin_api import AuthError, BiginError, ClientClosed, CreditBudgetReached
from bigin_api.json_values import mapping
from bigin_api.progress import Row
from bigin_api.run_files.run_report import RunReport as RunFileReport
from bigin_api.run_files.run_report import StreamRun

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bigin_api import Spent

Say = Callable[[int, str], None]
METADATA = "metadata"  # the label under which the client counts what discovery asks for
MOST_WARNINGS = 200  # of a stream, each of which is kept: of very many records each may have its own
MOST_TOLD = 50  # warnings of a stream that the state keeps: it must not grow with the records


@dataclass
class StreamReport:
    """One stream's account. Readers may write to it from their threads."""

    name: str
    say: Say
    told_before: Collection[str] = ()  # what the run before warned of, each as ``_mark``
    emitted: int = 0
    counted: int | None = None  # Bigin's own count, where a full pass asked for it
    expected: int | None = None  # what a long list holds, where a person watches
    reason: str | None = None  # why the two differ, where it is known
    began: float | None = None
    seconds: float = 0.0
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failure: BiginError | None = None
    skipped: BiginError | None = None  # why Bigin does not let it be read: no failure of the run
    partial: bool = False  # rows may be missing: what this run did not bring may be there all the same
    missed: bool = False  # rows are missing that are there: the bookmark must not pass them
    unfinished: bool = False  # stopped by the budget; the state tells where
    has_ended: bool = False
    is_watched: bool = False  # a person waits, and would know of how many
    by_feed: bool = False  # what the feed told of is read, and no more

    def begin(self) -> None:
        """Its reader begins."""
        self.began = time.monotonic()

    def end(self) -> None:
        """The stream is written."""
        self.has_ended = True
        if self.began is not None:
            self.seconds += time.monotonic() - self.began

    def warn(self, message: str) -> None:
        """Say what a person should know, once a run, with the stream's name in front.

        What the run before said already lasts, and is no news.
        """
        if len(self.warnings) == MOST_WARNINGS:
            message = "more warnings than are told one by one."
        if len(self.warnings) <= MOST_WARNINGS and message not in self.warnings:
            self.warnings.append(message)
            level = logging.INFO if _mark(message) in self.told_before else logging.WARNING
            self.say(level, f"{self.name}: {message}")

    def skip(self, refused: BiginError) -> None:
        """Say that it is not read, and why."""
        self.skipped = refused
        self.warn(f"skipped. {refused.message}")

    def lacks(self, message: str) -> None:
        """Say what may be missing."""
        self.partial = True
        self.warn(message)

    def misses(self, message: str) -> None:
        """Say what is there and did not come. The bookmark stays, so that the next run asks again."""
        self.missed = True
        self.lacks(f"{message} The bookmark stays, the next run asks again.")

    def add_note(self, message: str) -> None:
        """Say once how it goes."""
        if message not in self.notes:
            self.notes.append(message)
            self.inform(message)

    def inform(self, message: str) -> None:
        """Say how it goes."""
        self.say(logging.INFO, f"{self.name}: {message}")

    def line(self, credits_spent: int) -> str:
        """The account in one line.

        >>> StreamReport("Contacts", print, emitted=2_010, counted=2_000, reason="it lags").line(12)
        'Contacts: 2,010 records, Bigin counts 2,000 (it lags), 12 credits, 0.0 s'
        """
        parts = [f"{self.emitted:,} records"]
        if self.counted is not None:
            differs = self.counted != self.emitted and self.reason
            parts.append(f"Bigin counts {self.counted:,}" + (f" ({self.reason})" if differs else ""))
        parts += [f"{credits_spent:,} credits", f"{self.seconds:.1f} s"]
        if self.failure is not None:
            parts.append("FAILED")
        if self.unfinished:
            parts.append("to be continued")
        return f"{self.name}: {', '.join(parts)}"

    def to_json(self, spent: Spent) -> StreamRun:
        """The account for ``run_report_path``."""
        return StreamRun(
            stream=self.name,
            records=self.emitted,
            counted=self.counted,
            calls=spent.calls_by_label.get(self.name, 0),
            credits=spent.by_label.get(self.name, 0),
            seconds=round(self.seconds, 1),
            warnings=list(self.warnings),
            failure=None if self.failure is None else self.failure.message,
            unfinished=self.unfinished,
        )


class RunReport:
    """The accounts of all streams."""

    def __init__(self, logger: logging.Logger, told_before: Mapping[str, Collection[str]]) -> None:
        self._logger = logger
        self._told_before = told_before
        self._is_over = False
        self.streams: dict[str, StreamReport] = {}

    def say(self, level: int, message: str) -> None:
        """Log a line, unless the run is over: a thread that still ends must not have the last word."""
        if not self._is_over:
            self._logger.log(level, "%s", message)

    def stream(self, name: str) -> StreamReport:
        """The account of a stream, made at the first call."""
        if name not in self.streams:
            self.streams[name] = StreamReport(name, self.say, self._told_before.get(name, ()))
        return self.streams[name]

    def fail(self, name: str, error: BiginError) -> None:
        """A stream that cannot be defined: it alone fails."""
        self.stream(name).failure = error
        self.say(logging.WARNING, f"{name}: no stream. {error.message}")

    @property
    def told(self) -> dict[str, Collection[str]]:
        """What the next run need not warn of again, by stream: this run's warnings, and what it left out."""
        told = {name: each for name, each in self._told_before.items() if name not in self.streams}
        for name, stream in self.streams.items():
            # A stream that has not ended, or had nothing new, may still come to what was warned of before.
            is_read = stream.emitted and stream.has_ended and not stream.unfinished and not stream.by_feed
            before = () if is_read else stream.told_before
            if marks := {*before, *map(_mark, stream.warnings)}:
                told[name] = sorted(marks)[:MOST_TOLD]
        return told

    def close(self) -> None:
        """The run is over: readers are not listened to any more."""
        self._is_over = True

    @property
    def failures(self) -> list[StreamReport]:
        """The streams that failed."""
        return [each for each in self.streams.values() if each.failure is not None]

    def watch(self) -> None:
        """A person watches from now on."""
        for each in self.streams.values():
            each.is_watched = True

    def rows(self, spent: Spent) -> list[Row]:
        """The streams under way, for who waits."""
        now = time.monotonic()
        return [
            Row(
                each.name,
                each.emitted,
                each.expected or each.counted,
                spent.by_label.get(each.name, 0),
                now - each.began,
            )
            for each in tuple(self.streams.values())
            if each.began is not None and not each.has_ended
        ]

    def lines(self, spent: Spent) -> Iterator[str]:
        """The end of the run: a line for each stream that had its turn, in that order, and a total.

        Where a feed told nothing of a stream there is nothing to say.
        """
        told = self._told()
        for each in told:
            credits_spent = spent.by_label.get(each.name, 0)
            if each.emitted or credits_spent or not each.by_feed:
                yield each.line(credits_spent)
        total = sum(each.emitted for each in told)
        metadata = spent.by_label.get(METADATA, 0)
        remaining = "" if spent.remaining is None else f"; Bigin says {spent.remaining:,} remain today"
        yield (
            f"Total: {total:,} records from {len(told)} streams, {spent.credits:,} credits in "
            f"{spent.calls:,} calls, {metadata:,} of them for metadata{remaining}"
        )

    def to_json(self, program: str, spent: Spent) -> RunFileReport:
        """The same for ``run_report_path``."""
        told = self._told()
        return RunFileReport(
            program=program,
            outcome="failed" if self.failures else "good",
            calls=spent.calls,
            credits=spent.credits,
            credits_remaining=spent.remaining,
            credits_by_endpoint=dict(spent.by_endpoint),
            streams=[each.to_json(spent) for each in told],
        )

    def _told(self) -> list[StreamReport]:
        told = [each for each in self.streams.values() if each.began is not None]
        return sorted(told, key=lambda each: each.began or 0.0)


def read_told(state: Any) -> dict[str, list[str]]:
    """What a state says of the warnings of the run before; nothing where it is not well formed."""
    told = mapping(mapping(state).get("told"))
    return dict(told) if all(isinstance(each, list) for each in told.values()) else {}


def _mark(message: str) -> str:
    """A short name of a warning, for the state."""
    return blake2b(message.encode(errors="replace"), digest_size=4).hexdigest()


def ends_run(error: BaseException) -> bool:
    """Whether no stream can go on after it: the credentials, or what no stream raises for itself.

    A 401 without a code is not Bigin's: somebody on the way refused that one call.
    """
    if isinstance(error, AuthError):
        return error.code is not None or error.status is None
    return isinstance(error, CreditBudgetReached | ClientClosed) or not isinstance(error, Exception)


def alone(error: BaseException) -> BiginError:
    """Why one stream fails: as Bigin or we say it, or as a fault that nobody foresaw."""
    return error if isinstance(error, BiginError) else fault(error)


def fault(error: BaseException) -> BiginError:
    """What nobody foresaw, as an error that says where it happened."""
    places = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(places[-1].filename).name}:{places[-1].lineno}" if places else ""
    return BiginError(f"A fault of tap-bigin{where}: {error!r}. LOGLEVEL=DEBUG shows more.")
