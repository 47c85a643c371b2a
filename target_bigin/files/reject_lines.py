"""The reject log, read again: its lines, and which of them a later good row has replaced.

That is noted beside the log (``rejects.jsonl`` → ``rejects.replaced.jsonl``), since only the run that writes
the good row knows it: ``{"stream": …, "time": …, "number": …}`` are those of the line that is replaced.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from bigin_api import SettingsError
from target_bigin.files.id_map import source_key

Identity = tuple[str, str, int]
"""Stream, time and number of a line: enough to know it by."""


class RejectLine(msgspec.Struct, frozen=True):
    """A record that was not written, and why."""

    stream: str
    record: dict[str, Any]
    time: str = ""
    module: str | None = None
    key_properties: tuple[str, ...] = ()
    number: int = 0
    kind: str = ""
    code: str = ""
    field: str | None = None
    message: str = ""

    @property
    def identity(self) -> Identity:
        """What tells it from other lines."""
        return self.stream, self.time, self.number

    @property
    def key(self) -> str | None:
        """The record's key in its source, None if a part of it is missing."""
        return source_key(self.record, self.key_properties)


class ReplacedLine(msgspec.Struct, frozen=True):
    """A line of the reject log of which a later row of the same key was written."""

    stream: str
    time: str
    number: int


_decoder = msgspec.json.Decoder(RejectLine, float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")


def read_reject_lines(lines: Iterable[bytes], *, name: str) -> list[RejectLine]:
    """All lines of a log. Raises SettingsError that names the file and the line which is none."""
    found = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            found.append(_decoder.decode(line))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise SettingsError(f"{name}, line {number}: no line of a reject log ({error}).") from None
    return found


def encode_line(line: RejectLine | ReplacedLine) -> bytes:
    """As it stands in its file, the end of the line included."""
    return _encoder.encode(line) + b"\n"


def replaced_path(rejects: Path) -> Path:
    """Where the notes of a reject log stand.

    >>> replaced_path(Path("out/rejects.jsonl")).name
    'rejects.replaced.jsonl'
    """
    return rejects.with_name(f"{rejects.stem}.replaced.jsonl")


def read_replaced(rejects: Path) -> frozenset[Identity]:
    """The lines of a log that later rows have replaced; a note that is cut off or foreign tells nothing."""
    try:
        content = replaced_path(rejects).read_bytes()
    except OSError:
        return frozenset()
    return frozenset(
        (note.stream, note.time, note.number) for note in _each(content, msgspec.json.Decoder(ReplacedLine))
    )


def waiting_lines(rejects: Path) -> Iterator[RejectLine]:
    """The lines of a log that nothing has replaced, as far as they can be read."""
    try:
        content = rejects.read_bytes()
    except OSError:
        return
    replaced = read_replaced(rejects)
    for line in _each(content, _decoder):
        if line.identity not in replaced:
            yield line


def _each(content: bytes, decoder: Any) -> Iterator[Any]:
    for line in content.splitlines():
        with suppress(msgspec.MsgspecError, UnicodeDecodeError):
            yield decoder.decode(line)
