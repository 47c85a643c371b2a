"""Files of JSON lines, for their owner alone: read to the last whole line, errors told with the setting."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import IO, Literal

import msgspec

from bigin_api import SettingsError

_encoder = msgspec.json.Encoder(decimal_format="number")

private = partial(os.open, mode=0o600)
"""Opens files with people's data, for ``open(..., opener=private)``."""


@contextmanager
def named(setting: str, path: Path, *, to: str = "write to") -> Iterator[None]:
    """Whatever the disk refuses is told with the setting that the path comes from, as a SettingsError."""
    try:
        yield
    except OSError as exc:
        raise SettingsError(f"{setting}: cannot {to} {path} ({exc.strerror}).") from exc


def require_file(setting: str, path: Path) -> None:
    """Raises SettingsError for a device or a folder, and makes the folder that the file is to be in."""
    with named(setting, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():
            raise SettingsError(f"{setting}: {path} is not a file.")


@contextmanager
def held(path: Path, mode: Literal["rb", "ab"] = "rb") -> Iterator[IO[bytes]]:
    """Have a file that others write or move aside, too: nobody else writes to what ``path`` names then."""
    while True:
        with open(path, mode, buffering=0, opener=private) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if _is_in_place(file, path):
                yield file
                return


class JsonLines:
    """One file. For one thread. Raises SettingsError, naming the setting, for whatever the disk refuses.

    After an error each further try raises it again, so that no STATE goes out that the file does not cover.
    ``is_shared``: others append to it, or move it aside: then what is added goes to a new one in its place.
    """

    def __init__(self, path: Path, *, setting: str, is_shared: bool = False) -> None:
        require_file(setting, path)
        self.path = path
        self._setting = setting
        self._is_shared = is_shared
        self._file: IO[bytes] | None = None
        self._pending = bytearray()
        self._error: SettingsError | None = None

    @property
    def size(self) -> int:
        """Bytes on disk."""
        with named(self._setting, self.path, to="read"):
            return self.path.stat().st_size

    def read(self, take: Callable[[bytes], object]) -> int:
        """Hand over each line; gives the bytes of the whole ones: the last may be cut off by a kill.

        Raises SettingsError for a line that ``take`` refuses.
        """
        whole = 0
        if self.path.exists():
            with named(self._setting, self.path, to="read"), self.path.open("rb") as lines:
                for number, line in enumerate(lines, start=1):
                    if line.endswith(b"\n"):
                        whole += len(line)
                        self._take(take, line, number)
        return whole

    def open(self, *, whole: int | None = None) -> IO[bytes]:
        """Open it for further lines, cut to its ``whole`` ones."""
        with named(self._setting, self.path):
            file = self._file = open(self.path, "ab", buffering=0, opener=private)  # noqa: SIM115 -- kept
            if whole is not None:
                file.truncate(whole)
            return file

    def append(self, line: object) -> None:
        """Add a line; ``flush`` writes it."""
        self._pending += _encoder.encode(line) + b"\n"

    def flush(self) -> None:
        """Hand what was added to the operating system: a kill after this loses nothing."""
        if self._error is not None:
            raise self._error
        pending, self._pending = self._pending, bytearray()
        if not pending:
            return
        try:
            ours = held(self.path, "ab") if self._is_shared else nullcontext(self._file or self.open())
            with named(self._setting, self.path), ours as file:
                before = os.fstat(file.fileno()).st_size
                try:
                    _write_whole(file, pending)
                except OSError:
                    file.truncate(before)  # no line is left that is cut off
                    raise
        except SettingsError as error:
            self._error = error
            raise

    def replace(self, lines: Iterable[object]) -> None:
        """The file with these lines alone, written beside it and put in its place; it is closed then."""
        beside = self.path.with_name(self.path.name + ".new")
        with named(self._setting, beside):
            beside.unlink(missing_ok=True)
            with open(beside, "xb", buffering=0, opener=private) as file:
                _write_whole(file, b"".join(_encoder.encode(line) + b"\n" for line in lines))
                os.fsync(file.fileno())
            beside.replace(self.path)
        self.close()

    def close(self) -> None:
        """Close the file, with all that was added."""
        try:
            if self._error is None:
                self.flush()
        finally:
            file, self._file = self._file, None
            if file is not None:
                file.close()

    def _take(self, take: Callable[[bytes], object], line: bytes, number: int) -> None:
        try:
            take(line)
        except Exception as exc:
            where = f"{self._setting}: {self.path}, line {number}"
            raise SettingsError(f"{where} is no entry ({exc}).") from exc


def _is_in_place(file: IO[bytes], path: Path) -> bool:
    """Whether a file that is open still is the one that the path names."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _write_whole(file: IO[bytes], data: bytes | bytearray) -> None:
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]
