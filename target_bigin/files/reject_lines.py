"""The reject log, read again: its lines, and which of them a later good row has replaced.

That is noted beside the log (``rejects.jsonl`` → ``rejects.replaced.jsonl``), since only the run that writes
the good row knows it: ``{"stream": …, "time": …, "number": …}`` are those of the line that is replaced.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import msgspec

from bigin_api import SettingsError
from target_bigin.files.id_map import source_key


class Identity(msgspec.Struct, frozen=True):
    """What a line of the reject log is known by."""

    stream: str
    time: str
    number: int


class RejectLine(msgspec.Struct, frozen=True, kw_only=True):
    """A record that was not written, and why. ``record`` is as it was read."""

    time: str = ""
    stream: str
    module: str | None = None
    key_properties: tuple[str, ...] = ()
    number: int = 0
    kind: str = ""
    code: str = ""
    field: str | None = None
    message: str = ""
    record: dict[str, Any]
    dry_run: bool | msgspec.UnsetType = msgspec.UNSET  # true in a line of a dry run, else absent

    @property
    def identity(self) -> Identity:
        """What tells it from other lines."""
        return Identity(self.stream, self.time, self.number)

    @property
    def key(self) -> str | None:
        """The record's key in its source, None if a part of it is missing."""
        return source_key(self.record, self.key_properties)


_decoder = msgspec.json.Decoder(RejectLine, float_hook=Decimal)


def read_reject_lines(path: Path, *, name: str = "") -> list[RejectLine]:
    """All lines of a log. Raises SettingsError that names the file and the line which is none."""
    found = []
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                found.append(_decoder.decode(line))
            except (msgspec.MsgspecError, InvalidOperation, UnicodeDecodeError) as error:
                where = f"{name or path}, line {number}"
                raise SettingsError(f"{where}: no line of a reject log ({error}).") from None
    return found


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
    return frozenset(_each(content, msgspec.json.Decoder(Identity)))


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
        with suppress(msgspec.MsgspecError, InvalidOperation, UnicodeDecodeError):
            yield decoder.decode(line)
