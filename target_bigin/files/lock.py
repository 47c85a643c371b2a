"""A file that a run owns: a second run that would use it at the same time is refused."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from bigin_api import SettingsError
from bigin_api.settings.files import real_path
from target_bigin.files.jsonl import named, private, require_file


@contextlib.contextmanager
def locked(path: Path, *, setting: str, moves: bool = False) -> Iterator[None]:
    """Own a file for a while, at most until the process ends, however it ends.

    Two locks: on a file beside the one that is meant, since that one may be replaced, and on itself, since
    it may have another name (a hard link), unless its owner ``moves`` it. Links are followed. The lock's
    file stays: who removes it may remove one that is held. Raises SettingsError if another run holds it.
    """
    path = real_path(path)
    require_file(setting, path)
    with contextlib.ExitStack() as held:
        beside = path.with_name(path.name + ".lock")
        for each in (beside,) if moves else (beside, path):
            with named(setting, each):
                file = held.enter_context(open(each, "ab", opener=private))
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as exc:
                raise SettingsError(
                    f"{setting}: another run is using {path}. Two at once would write records twice: "
                    "wait until it has ended, or give this one a file of its own."
                ) from exc
        yield
