"""Which record of Bigin a record of the source became: in memory for the run, in a file between runs.

The file is JSONL, one line a record, the last line of a key holding:
``{"stream": "Accounts", "module": "Accounts", "key": "4876…", "id": "6100…"}``; no ``id``
means that the record was deleted, and ``{"stream": …, "version": 7}`` which version of the stream its
records are of (ACTIVATE_VERSION). The last line, if a kill cut it off, is cut off whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from bigin_api.json_values import plain_number
from target_bigin.files.jsonl import JsonLines


@dataclass(frozen=True)
class Target:
    """A record of Bigin."""

    module: str
    id: str


class _Line(msgspec.Struct, omit_defaults=True):
    stream: str
    module: str = ""
    key: str = ""  # "" in a line that tells the stream's version
    id: str | None = None
    version: int | None = None


class IdMap:
    """Source keys and the ids that they have in Bigin. For one thread.

    Without a path it forgets with the run; with ``read_only`` the file stays as it is. Raises SettingsError
    for a file that cannot be used.
    """

    def __init__(self, path: Path | None = None, *, read_only: bool = False) -> None:
        self._ids: dict[tuple[str, str], dict[str, str]] = {}  # stream and module: key: id
        self._modules: dict[str, str] = {}  # stream: the module it wrote to last
        self._versions: dict[str, int] = {}
        self._file: JsonLines | None = None
        self.kept_between_runs = path is not None
        if path is not None and (path.exists() or not read_only):
            file, decoder = JsonLines(path, setting="id_map_path"), msgspec.json.Decoder(_Line)
            whole = file.read(lambda line: self._keep(decoder.decode(line)))
            if not read_only:
                self._file = file
                file.open(whole=whole)

    def of_stream(self, stream: str, module: str, key: str) -> str | None:
        """The id that a record of a stream has in the module."""
        return self._ids.get((stream, module), {}).get(key)

    def find(self, key: str, *, module: str | None = None) -> tuple[Target, ...]:
        """What a source key stands for, in every stream that writes to the module, or in all streams.

        One is the answer; several are as little a help as none.
        """
        found = (
            Target(into, ids[key])
            for stream, into in self._modules.items()
            if key in (ids := self._ids[stream, into]) and module in (None, into)
        )
        return tuple(dict.fromkeys(found))

    def ids_of(self, stream: str, module: str) -> dict[str, str]:
        """The ids of all records of a stream in the module, by their source keys."""
        return dict(self._ids.get((stream, module), {}))

    def ids(self, module: str) -> Iterator[str]:
        """The records of a module that any stream has written."""
        for (_, into), ids in self._ids.items():
            if into == module:
                yield from ids.values()

    def ids_of_others(self, stream: str) -> frozenset[str]:
        """The records that any other stream has written, to whichever module."""
        return frozenset(
            chain.from_iterable(ids.values() for (of, _), ids in self._ids.items() if of != stream)
        )

    def remember(self, stream: str, module: str, key: str, record_id: str) -> None:
        """The record of this key has this id."""
        if self.of_stream(stream, module, key) != record_id or self._modules[stream] != module:
            self._note(_Line(stream, module, key, record_id))

    def forget(self, stream: str, module: str, key: str) -> None:
        """The record of this key was deleted."""
        if self.of_stream(stream, module, key) is not None:
            self._note(_Line(stream, module, key, None))

    def forget_key(self, key: str, *, module: str) -> None:
        """The record of this key was deleted, whichever stream brought it."""
        for stream in self._modules:
            self.forget(stream, module, key)

    def version(self, stream: str) -> int | None:
        """The version that a stream last activated."""
        return self._versions.get(stream)

    def remember_version(self, stream: str, version: int) -> None:
        """A stream activated a version."""
        if self.version(stream) != version:
            self._note(_Line(stream, version=version))

    def flush(self) -> None:
        """Hand what was remembered to the operating system: a kill after this loses nothing."""
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _note(self, line: _Line) -> None:
        self._keep(line)
        if self._file is not None:
            self._file.append(line)

    def _keep(self, line: _Line) -> None:
        if line.version is not None:
            self._versions[line.stream] = line.version
            return
        ids = self._ids.setdefault((line.stream, line.module), {})
        if line.id is None:
            ids.pop(line.key, None)
        else:
            ids[line.key] = line.id
            self._modules[line.stream] = line.module


def source_key(record: Mapping[str, Any], key_properties: Sequence[str]) -> str | None:
    """The key of a record in its source as text, None if a part of it is missing.

    >>> source_key({"id": 7}, ["id"]), source_key({"id": 7.0}, ["id"])
    ('7', '7')
    >>> source_key({"shop": "a", "no": 7}, ["shop", "no"])
    '["a","7"]'
    """
    parts = [record.get(name) for name in key_properties]
    if not parts or any(part is None or part == "" for part in parts):
        return None
    texts = [plain_number(part) if isinstance(part, float | Decimal) else str(part) for part in parts]
    return texts[0] if len(texts) == 1 else msgspec.json.encode(texts).decode()
