"""One JSONL line for each API call: never a secret, never a value of a record."""

from __future__ import annotations

import json
import logging
import os
import threading
from contextlib import suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING, TextIO

from bigin_api.errors import SettingsError
from bigin_api.moments import utc_text

if TYPE_CHECKING:
    from pathlib import Path

    from bigin_api.http.calls import Call

logger = logging.getLogger(__name__)


class CallLog:
    """Appends to a file, made for its owner alone. Safe for many threads; without a path it does nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._file: TextIO | None = None
        if path is not None:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                # A pipe that nobody reads is refused, where it would be waited for without an end.
                how = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK
                descriptor = os.open(path, how, 0o600)
                self._file = os.fdopen(descriptor, "a", encoding="utf-8")
            except OSError as exc:
                raise SettingsError(f"api_log_path: cannot write to {path} ({exc.strerror}).") from exc

    def write(
        self, call: Call, *, status: int | None, code: str | None, milliseconds: int, attempt: int
    ) -> None:
        """Add the line of one attempt. Query strings and bodies stay out: they may hold values.

        ``code`` is Bigin's, or the class of our error where there is none.
        """
        if self._path is None:
            return
        line = {
            "time": utc_text(datetime.now(timezone.utc), timespec="milliseconds"),
            "method": call.method,
            "path": call.path,
            "module": call.module,
            "stream": call.label or None,
            "status": status,
            "code": code,
            "ms": milliseconds,
            "credits": call.credits,
            "records": call.records,
            "attempt": attempt,
        }
        with self._lock:
            if self._file is None:
                return
            try:
                self._file.write(json.dumps(line) + "\n")
                self._file.flush()
            except OSError as exc:  # a full disk must not cost the answer to a call
                logger.warning("api_log_path: cannot write (%s); the log ends here.", exc.strerror)
                self._end()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):  # what could not be flushed has been said
                file.close()
