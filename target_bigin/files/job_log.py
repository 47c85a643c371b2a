"""Notes on disk about bulk jobs that were made and not seen to end (``journal_path``).

A job goes on at Bigin when the run that made it was killed. Whatever the next run writes before that job
has ended may be overwritten by it with older values, so the next run waits for it first.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import msgspec

from bigin_api import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from bigin_api import BulkWriteJob


def beside(journal: Path) -> Path:
    """The file of these notes: next to the journal of inserts.

    >>> from pathlib import Path
    >>> beside(Path("runs/journal.jsonl")).name
    'journal.jsonl.bulk'
    """
    return journal.with_name(journal.name + ".bulk")


class JobLog:
    """Safe for threads: jobs run in some. Without a path it notes nothing."""

    def __init__(self, journal: Path | None) -> None:
        self._path = beside(journal) if journal else None
        self._lock = threading.Lock()
        self._open: dict[str, str] = {}  # job: module
        if self._path is not None:
            try:
                self._open = _read(self._path)
                self._rewrite()
            except OSError as exc:
                raise SettingsError(f"journal_path: cannot use {self._path} ({exc.strerror}).") from exc

    def unfinished(self, module: str) -> list[str]:
        """Jobs of a module that were made and not seen to end."""
        return [job for job, into in self._open.items() if into == module]

    def note(self, job: BulkWriteJob, module: str) -> None:
        """A job was made, or has ended. On disk when this returns."""
        with self._lock:
            if job.done or job.failed:
                self._open.pop(job.id, None)
            else:
                self._open[job.id] = module
            self._rewrite()

    def forget(self, job_id: str) -> None:
        """A job of an earlier run has ended, or Bigin knows it no more."""
        with self._lock:
            self._open.pop(job_id, None)
            self._rewrite()

    def _rewrite(self) -> None:
        """A handful of lines: the file is written anew each time, beside itself and then in its place."""
        if self._path is None:
            return
        if not self._open:
            self._path.unlink(missing_ok=True)
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        lines = [
            msgspec.json.encode({"job": job, "module": module}) + b"\n" for job, module in self._open.items()
        ]
        fresh = self._path.with_name(self._path.name + ".new")
        fresh.write_bytes(b"".join(lines))
        fresh.replace(self._path)


def _read(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    try:
        notes = [msgspec.json.decode(line) for line in path.read_bytes().splitlines() if line]
        return {str(note["job"]): str(note["module"]) for note in notes if not note.get("ended")}
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError) as exc:
        raise SettingsError(f"journal_path: {path} holds no notes of bulk jobs ({exc}).") from exc
