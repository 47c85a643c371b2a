"""The reject log: one JSONL line for each record that was not written, with the reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from pathlib import Path

import msgspec

from bigin_api.moments import utc_text
from target_bigin.files.id_map import source_key
from target_bigin.files.jsonl import JsonLines
from target_bigin.files.reject_lines import Identity, RejectLine, replaced_path, waiting_lines
from target_bigin.records.record import Action, Record, Reject


class RejectLog:
    """Appends to a file that is created with its first line.

    That it can be written is tried at once: a run that cannot note a reject must not begin.

    The record in a line is as it was read, so the file can be fed back when the cause is mended. Lines of a
    ``dry_run`` say so: the record of such a line was not to be written.
    """

    def __init__(self, path: Path, *, dry_run: bool = False) -> None:
        self._path = path
        self._dry_run = dry_run or msgspec.UNSET
        self._about: dict[str, tuple[str | None, tuple[str, ...]]] = {}
        self._file = JsonLines(path, setting="rejects_path", is_shared=True)
        is_new = not path.exists()
        self._file.open()
        self._file.close()
        if is_new:
            path.unlink()
        self._waiting: dict[tuple[str, str], list[tuple[int, Identity]]] = {}  # by stream and key
        for line in waiting_lines(path):
            self._wait(line.stream, line.key, 0, line.identity)  # of an earlier run: all rows now come later

    def describe(self, stream: str, *, module: str | None, key_properties: Sequence[str]) -> None:
        """What the lines of a stream say beside the record itself."""
        self._about[stream] = (module, tuple(key_properties))

    def write(self, record: Record, reject: Reject) -> None:
        """Add the line of one record. Raises SettingsError if the file cannot be written."""
        module, key_properties = self._about.get(record.stream, (None, ()))
        line = RejectLine(
            time=utc_text(datetime.now(timezone.utc)),
            stream=record.stream,
            module=module,
            key_properties=key_properties,
            number=record.number,
            kind=reject.kind,
            code=reject.code,
            field=reject.field,
            message=reject.message,
            record=record.raw,
            dry_run=self._dry_run,
        )
        # Flushed line by line: a STATE may go out right after, and a kill must not lose the reason.
        self._file.append(line)
        self._file.flush()
        self._wait(line.stream, line.key, line.number, line.identity)

    def note_good(self, record: Record, action: Action) -> None:
        """A record ended well: lines of earlier ones with its key are noted as replaced."""
        if not self._waiting or (record.operation == "delete" and action == "unchanged"):
            return  # a deletion that is ignored says nothing of the record
        key = source_key(record.raw, self._about.get(record.stream, (None, ()))[1])
        waiting = self._waiting.pop((record.stream, key or ""), [])
        earlier = [identity for number, identity in waiting if number < record.number]
        for number, identity in waiting:
            if number >= record.number:
                self._wait(record.stream, key, number, identity)
        note_replaced(self._path, earlier)

    def _wait(self, stream: str, key: str | None, number: int, identity: Identity) -> None:
        if key:
            self._waiting.setdefault((stream, key), []).append((number, identity))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def note_replaced(rejects: Path, lines: Iterable[Identity]) -> None:
    """Note that later rows replaced these lines of a reject log. Raises SettingsError."""
    file = JsonLines(replaced_path(rejects), setting="rejects_path")
    for line in lines:
        file.append(line)
    file.close()
