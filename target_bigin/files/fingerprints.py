"""What was last written of each record, as fingerprints in SQLite: what equals it is not sent again.

A fingerprint is kept per stream, module, key and field, so that a record that says less than the one
before is compared in what it says, and what a write left untouched stays known. It is taken out
before a record is sent and put back only once it is settled as written: after a kill or a refusal
the record is simply sent again, never wrongly left out. A changed setting that changes what is
written makes every fingerprint of its stream void.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

from bigin_api import SettingsError
from bigin_api.json_values import one_form
from target_bigin.files.jsonl import named, private, require_file

FIELD_BYTES = 8  # of a field's hash: two values of one field of one record must collide to deceive it

SCHEMA = """
create table if not exists written (
    stream text not null, module text not null, key text not null,
    settings blob not null, fields blob not null,
    primary key (stream, module, key)
) without rowid
"""

KNOWN = "select settings, fields from written where stream = ? and module = ? and key = ?"
TAKE_OUT = "delete from written where stream = ? and module = ? and key = ?"

Fingerprints = dict[str, bytes]


Slot = tuple[str, str, str]
"""Whose fingerprints: of a stream, in a module, with a key."""


def fingerprints(body: Mapping[str, Any]) -> Fingerprints:
    """A short hash of each field's value, in its one form: numbers, and the order of an object's keys.

    >>> fingerprints({"Owner": {"id": "1", "x": 2}}) == fingerprints({"Owner": {"x": 2, "id": "1"}})
    True
    >>> fingerprints({"Amount": 1}) == fingerprints({"Amount": "1"})
    False
    >>> fingerprints({"Amount": 1}) == fingerprints({"Amount": 1.0})
    True
    """
    return {name: _hash(value) for name, value in body.items()}


def _hash(value: Any) -> bytes:
    return blake2b(one_form(value), digest_size=FIELD_BYTES).digest()


def says_nothing_new(said: Fingerprints, known: Fingerprints) -> bool:
    """Whether every field of a record has the value that it was last written with.

    >>> says_nothing_new({"a": b"1"}, {"a": b"1", "b": b"2"})
    True
    >>> says_nothing_new({"a": b"1", "c": b"3"}, {"a": b"1", "b": b"2"})
    False
    """
    return said.items() <= known.items()


class Written:
    """The file. For one thread.

    ``settings`` is what a stream's writes depend on beside the record, by stream: fingerprints made
    under others do not count. With ``read_only`` the file stays as it is: a copy is read
    and written. Raises SettingsError for a file
    that is no cache.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self._settings: dict[str, bytes] = {}
        self._decode = msgspec.msgpack.Decoder(Fingerprints).decode
        self._path = path
        if not read_only:
            require_file("unchanged_cache_path", path)
            with named("unchanged_cache_path", path):
                os.close(private(path, os.O_RDWR | os.O_CREAT))  # SQLite's own files beside it get its rights
        with self._told(), contextlib.ExitStack() as opened:
            self._db = _copy_of(path) if read_only else sqlite3.connect(path)
            opened.callback(self._db.close)
            self._db.execute("pragma journal_mode = wal")
            # A commit reaches the operating system: safe from a kill; a checkpoint reaches the disk.
            self._db.execute("pragma synchronous = normal")
            self._db.execute(SCHEMA)
            opened.pop_all()

    def use(self, stream: str, settings: Mapping[str, Any]) -> None:
        """From here on the stream's records are written under these settings."""
        self._settings[stream] = _hash(settings)

    def known(self, slot: Slot) -> Fingerprints:
        """What the record was last written with; {} where that is not known."""
        with self._told():
            row = self._db.execute(KNOWN, slot).fetchone()
        if row is None or row[0] != self._settings[slot[0]]:
            return {}
        return self._decode(row[1])

    def keep(self, slot: Slot, fields: Fingerprints) -> None:
        """The record was written with these; what was known of other fields must be among them."""
        row = (*slot, self._settings[slot[0]], msgspec.msgpack.encode(fields))
        self._write("insert or replace into written values (?, ?, ?, ?, ?)", row)

    def take_out(self, slot: Slot) -> None:
        """What the record looks like in Bigin is not known any more."""
        self._write(TAKE_OUT, slot)

    def commit(self) -> None:
        """Make what was kept and taken out survive a kill."""
        with self._told():
            if self._db.in_transaction:
                self._db.execute("commit")

    def close(self) -> None:
        """Commit and close the file."""
        try:
            self.commit()
        finally:
            self._db.close()

    def _write(self, statement: str, values: Sequence[object]) -> None:
        with self._told():
            if not self._db.in_transaction:
                self._db.execute("begin immediate")
            self._db.execute(statement, values)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as exc:
            raise SettingsError(f"unchanged_cache_path: cannot use {self._path} as cache ({exc}).") from exc


def _copy_of(path: Path) -> sqlite3.Connection:
    """A copy in a file of SQLite's own, gone once it is closed; beside the one that is read none is made."""
    copy = sqlite3.connect("")
    if path.exists():
        is_used = path.with_name(f"{path.name}-wal").exists()
        address = f"{path.absolute().as_uri()}?mode=ro{'' if is_used else '&immutable=1'}"
        with contextlib.closing(sqlite3.connect(address, uri=True)) as read:
            read.backup(copy)
    return copy
