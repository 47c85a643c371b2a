"""A file that a run owns: a second run that would use it at the same time is refused."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO

from bigin_api import SettingsError
from target_bigin.files.jsonl import named, private, require_file


class FileLock:
    """Held from its making until ``close``, or until the process ends, however it ends.

    The lock is on a file beside the one that is meant, since that one may be replaced. Raises SettingsError
    if another run holds it.
    """

    def __init__(self, path: Path, *, setting: str) -> None:
        self._path = path.with_name(path.name + ".lock")
        require_file(setting, path)
        with named(setting, self._path):
            self._file: IO[bytes] = open(self._path, "ab", opener=private)  # noqa: SIM115 -- it is held
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            self._file.close()
            raise SettingsError(
                f"{setting}: another run is using {path}. Two at once would write records twice: wait until "
                "it has ended, or give this one a file of its own."
            ) from exc

    def close(self) -> None:
        """Let another run have it. The lock's file stays: who removes it may remove one that is held."""
        self._file.close()
