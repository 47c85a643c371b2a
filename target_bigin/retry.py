"""A reject log fed back to the target: what is written leaves the log, the rest stays.

The log is moved aside first (``rejects.jsonl.retrying``), so that runs which write to it meanwhile begin a
new one. If a retry is killed, the next one finds what was set aside and begins with it.
"""

from __future__ import annotations

import stat
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from bigin_api import BiginError, SettingsError
from bigin_api.settings.files import real_path
from target_bigin.engine import Engine
from target_bigin.files.jsonl import JsonLines, held
from target_bigin.files.lock import locked
from target_bigin.files.reject_lines import (
    Identity,
    RejectLine,
    read_reject_lines,
    read_replaced,
    replaced_path,
)
from target_bigin.files.reject_log import note_replaced
from target_bigin.schema.context import Schema
from target_bigin.target import TargetBigin

NEVER_UNASKED: Mapping[str, str] = {
    "FATE_UNKNOWN": "it may be in Bigin already: look",  # a second insert would double it
    "STREAM_MAP": "a retry applies no stream map: put what it would give into the lines",
    "UNREADABLE_VALUE": "null stands for what was lost, and no stream map was applied: mend the lines",
}
"""Codes whose lines are not sent unless they are named: what a person does first."""


@dataclass
class Outcome:
    """What a retry did. ``lines`` are those of the log, with the new reason where one was refused again.

    The others are places in it.
    """

    lines: list[RejectLine]
    sent: list[int] = field(default_factory=list)  # stream by stream
    replaced: set[int] = field(default_factory=set)
    left: set[int] = field(default_factory=set)  # neither sent nor replaced
    written: set[int] = field(default_factory=set)
    rejected: set[int] = field(default_factory=set)
    open: set[int] = field(default_factory=set)  # sent and not settled; all, if it was a dry run
    dry_run_lines: int = field(init=False)  # so many, which are dropped
    failure: Exception | None = None  # what ended the run early


def select(lines: list[RejectLine], *, only: Collection[str], replaced: Collection[Identity]) -> Outcome:
    """Which lines are to be sent: those of the codes named, or all but those that must be named.

    >>> lines = [
    ...     RejectLine(stream=stream, record={}, code=code) for stream, code in ("aX", "bY", "aY")
    ... ]
    >>> select(lines, only=(), replaced=()).sent
    [0, 2, 1]
    >>> select(lines, only=["Y"], replaced=()).sent
    [1, 2]
    """
    chosen = Outcome(lines)
    for place, line in enumerate(lines):
        if line.time and line.identity in replaced:
            chosen.replaced.add(place)
        elif line.code in only or (not only and line.code not in NEVER_UNASKED):
            chosen.sent.append(place)
        else:
            chosen.left.add(place)
    streams = list(dict.fromkeys(lines[place].stream for place in chosen.sent))
    chosen.sent.sort(key=lambda place: streams.index(lines[place].stream))
    return chosen


def overtaken(lines: Sequence[RejectLine], written: Collection[int]) -> set[int]:
    """The lines before one that was written, of the same stream and key: what they say is older.

    >>> old, new = (
    ...     RejectLine(stream="a", record={"id": 1}, key_properties=("id",), number=n) for n in (1, 2)
    ... )
    >>> overtaken([old, new], [1]), overtaken([old, new], [0])
    ({0}, set())
    """
    later: set[tuple[str, str]] = set()
    found = set()
    for place, line in reversed(list(enumerate(lines))):
        if line.key is not None and place in written:
            later.add((line.stream, line.key))
        elif (line.stream, line.key) in later:
            found.add(place)
    return found


def retry(path: Path, config: Mapping[str, Any], *, only: Collection[str] = ()) -> Outcome:
    """Feed a reject log back. If the run ends early, the outcome tells why; the log is whole in any case.

    Raises SettingsError or the SDK's ConfigValidationError for a log or a setting that cannot be used.
    """
    if path.exists() and not path.is_file():
        raise SettingsError(f"{path} is no file.")
    if not path.exists() and not _aside(path).exists():
        raise SettingsError(f"{path}: there is no such file.")
    path = real_path(path)
    with locked(path, setting="the reject log", moves=True):
        try:
            every = _set_aside(path)
            lines = [each for each in every if not each.dry_run]  # the run itself tells its own
            outcome = select(lines, only=only, replaced=read_replaced(path))
            outcome.dry_run_lines = len(every) - len(lines)
            _send(outcome, path, config)
            _put_back(outcome, path)
        finally:
            _restore(path)
    return outcome


# The run


def _send(outcome: Outcome, path: Path, config: Mapping[str, Any]) -> None:
    """Feed the chosen lines to the target, and sort them by how they ended."""
    if not outcome.sent:
        return
    with _rejected_again(path) as again:
        own = {"rejects_path": str(again), "max_rejects": len(outcome.sent), "run_report_path": None}
        engine = TargetBigin(config={**config, **own}).engine
        written = _written(engine, outcome)
        rejected = {line.number: line for line in read_reject_lines(again)} if again.exists() else {}
    for number, place in enumerate(outcome.sent, start=1):
        if number in rejected:
            outcome.rejected.add(place)
            outcome.lines[place] = _with_reason(outcome.lines[place], rejected[number])
        elif number in written and not engine.settings.dry_run:
            outcome.written.add(place)
        else:
            outcome.open.add(place)


def _written(engine: Engine, outcome: Outcome) -> set[int]:
    """The numbers of the records that ended well."""
    numbers: set[int] = set()
    engine.ledger.on_good = lambda record, _action: numbers.add(record.number)
    try:
        _feed(engine, [outcome.lines[place] for place in outcome.sent])
        engine.finish()
    except Exception as error:  # noqa: BLE001 -- the caller tells it when the log is whole again
        outcome.failure = error
    finally:
        engine.abort()
    return numbers


def _feed(engine: Engine, lines: Iterable[RejectLine]) -> None:
    """A stream for each name and key, its lines in their order: the ledger numbers them from 1 on."""
    for (name, keys), group in groupby(lines, key=lambda line: (line.stream, line.key_properties)):
        records = [line.record for line in group]
        properties: dict[str, Any] = {each: {} for record in records for each in record}
        stream = engine.open_stream(Schema(name, properties, keys), records[0])
        if stream is None:
            raise BiginError(f"{name}: the stream cannot be opened.")
        for record in records:
            engine.take(stream, record)


def _with_reason(line: RejectLine, again: RejectLine) -> RejectLine:
    """The line with the new reason; its time stays, since that says which of two rows is the older."""
    return replace(
        line,
        module=again.module,
        kind=again.kind,
        code=again.code,
        field=again.field,
        message=again.message,
    )


# The files


def _aside(path: Path) -> Path:
    return path.with_name(f"{path.name}.retrying")


@contextmanager
def _rejected_again(path: Path) -> Iterator[Path]:
    """Where the retry's own rejects go until the log is whole again."""
    again = path.with_name(f"{path.name}.rejected-again")
    again.unlink(missing_ok=True)
    try:
        yield again
    finally:
        again.unlink(missing_ok=True)


def _set_aside(path: Path) -> list[RejectLine]:
    """Move the log aside, with what a killed retry left there; gives its lines, the oldest first."""
    _restore(path)
    path.rename(_aside(path))
    with held(_aside(path)):  # a run that was writing to it has ended its line, and turns to a new file
        pass
    return sorted(read_reject_lines(_aside(path), name=str(path)), key=lambda line: line.time)


def _put_back(outcome: Outcome, path: Path) -> None:
    """Let what stays take the place of what was set aside."""
    old = [outcome.lines[place] for place in overtaken(outcome.lines, outcome.written)]
    note_replaced(path, [line.identity for line in old if line.time])
    aside, rights = _aside(path), stat.S_IMODE(_aside(path).stat().st_mode)
    file = JsonLines(aside, setting="the reject log")
    file.replace(line for place, line in enumerate(outcome.lines) if place not in outcome.written)
    aside.chmod(rights)  # records are for whom the log was for


def _restore(path: Path) -> None:
    """Make the log whole: what was set aside, then what came since. Without a line there is no log."""
    aside = _aside(path)
    if not aside.exists():
        return
    with held(path) if path.exists() else nullcontext():  # a run may be writing to it
        since = path.read_bytes() if path.exists() else b""
        if since:
            with aside.open("ab") as file:
                file.write(since)
        if aside.stat().st_size:
            aside.replace(path)
            return
        aside.unlink()
        path.unlink(missing_ok=True)
        replaced_path(path).unlink(missing_ok=True)
