"""The file in which runs keep access tokens for each other, and whose turn it is to ask for a new one."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from bigin_api.errors import SettingsError
from bigin_api.json_values import mapping, read_json
from bigin_api.run_files.replacing import replace_file

LONGEST_TURN = 60.0  # seconds; as long as a run waits for an answer by default
NAP = 0.05  # seconds between two looks at a lock that another run holds

logger = logging.getLogger(__name__)


class TokenCache:
    """Tokens by the fingerprint of their credentials, each an object with ``fresh_until`` (``time.time()``).

    For its owner alone, and replaced as a whole; the links of the path have been followed. Raises
    SettingsError for what is no file.
    """

    def __init__(self, path: Path) -> None:
        try:
            if path.exists() and not path.is_file():
                raise SettingsError(f"token_cache_path: {path} is no file.")
        except OSError as error:
            raise SettingsError(f"token_cache_path: {path} is no path ({error.strerror}).") from None
        self._path = path

    def read(self, key: str) -> Mapping[str, Any]:
        """What is kept for these credentials; empty if that is nothing, or the file says nothing."""
        return mapping(self._read().get(key))

    def keep(self, key: str, token: Mapping[str, Any], *, now: float) -> None:
        """Write a token down beside those of others that still live. A disk that refuses is a warning."""
        others = {other: kept for other, kept in self._read().items() if _lives(kept, now)}
        try:
            replace_file(self._path, json.dumps({**others, key: token}).encode())
        except OSError as exc:
            logger.warning(
                "token_cache_path: cannot write %s (%s); each run will ask for a token of its own.",
                self._path,
                exc.strerror,
            )

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Have the file for oneself: of runs that begin together one asks for a token, the others read it.

        The lock stands on a file beside the cache and ends with its holder, however that ends. Who holds
        it for longer than LONGEST_TURN is waited for no more: a token too many is better than no run.
        """
        with contextlib.ExitStack() as held:
            with contextlib.suppress(ImportError, OSError):  # no locks here, or no such folder
                self._path.parent.mkdir(parents=True, exist_ok=True)
                beside = self._path.with_name(self._path.name + ".lock")
                _wait_for(held.enter_context(open(beside, "ab", opener=_private)))
            yield

    def _read(self) -> Mapping[str, Any]:
        try:
            return mapping(read_json(self._path.read_bytes()))
        except (OSError, ValueError):
            return {}  # absent or unreadable: a refresh mends it


def _wait_for(file: IO[bytes]) -> None:
    end = time.monotonic() + LONGEST_TURN
    while not _is_ours(file) and time.monotonic() < end:
        time.sleep(NAP)


def _is_ours(file: IO[bytes]) -> bool:
    import fcntl  # noqa: PLC0415 -- not on Windows, where each run asks for itself

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, mode=0o600)


def _lives(kept: object, now: float) -> bool:
    until = mapping(kept).get("fresh_until")
    return isinstance(until, int | float) and now < until
