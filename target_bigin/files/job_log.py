"""Notes on disk about bulk jobs that were made and not seen to end (``journal_path``).

A job goes on at Bigin when the run that made it was killed. Whatever the next run writes before that job
has ended may be overwritten by it with older values, so the next run waits for it first.
"""

from __future__ import annotations

import threading
from pathlib import Path

import msgspec

from target_bigin.files.jsonl import JsonLines, named


class JobLog:
    """In ``journal.jsonl.bulk`` beside the journal of inserts; without one it notes nothing.

    ``read_only`` the file stays as it is. Safe for threads: jobs run in some.
    """

    def __init__(self, journal: Path | None, *, read_only: bool = False) -> None:
        path = journal and journal.with_name(f"{journal.name}.bulk")
        self._file: JsonLines | None = None
        self._lock = threading.Lock()
        self._open: dict[str, str] = {}  # job: module
        if path is not None and (path.exists() or not read_only):
            file = JsonLines(path, setting="journal_path")
            file.read(self._take)
            if not read_only:
                self._file = file

    def unfinished(self, module: str) -> list[str]:
        """Jobs of a module that were made and not seen to end."""
        return [job for job, into in self._open.items() if into == module]

    def note(self, job_id: str, module: str) -> None:
        """A job was made. On disk when this returns."""
        with self._lock:
            self._open[job_id] = module
            self._rewrite()

    def forget(self, job_id: str) -> None:
        """A job has ended, or Bigin knows it no more."""
        with self._lock:
            self._open.pop(job_id, None)
            self._rewrite()

    def _take(self, line: bytes) -> None:
        note = msgspec.json.decode(line, type=dict[str, str])
        self._open[note["job"]] = note["module"]

    def _rewrite(self) -> None:
        """A handful of lines: the file is written anew each time."""
        if self._file is None:
            return
        if self._open:
            self._file.replace({"job": job, "module": module} for job, module in self._open.items())
        else:
            with named("journal_path", self._file.path):
                self._file.path.unlink(missing_ok=True)
