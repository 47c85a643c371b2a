"""Notes on disk about inserts, so that a killed run can be picked up without duplicates.

Before an insert is sent, the file gets ``{"sending": call, "stream", "since", "prints": […]}``, and after
the answer ``{"answered": call, "ids": [id or null, …]}``; a print is a hash of what was sent. A note is
needed until a STATE covers its records: until then a tap would send them again.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from bigin_api.json_values import one_form
from target_bigin.files.jsonl import JsonLines
from target_bigin.records.record import Record

SERVED = ""  # in place of a print: the record has arrived again and is covered
SMALL = 1 << 20  # bytes: a file below this is not rewritten for less


class Call(msgspec.Struct):
    """One insert call: what was sent, since when, and the ids that were answered."""

    call: int
    stream: str
    since: str
    prints: list[str]
    ids: list[str | None] | None = None

    def lines(self) -> Iterator[dict[str, Any]]:
        """As the file holds it: what was sent, and what was answered if anything was."""
        yield {"sending": self.call, "stream": self.stream, "since": self.since, "prints": self.prints}
        if self.ids is not None:
            yield {"answered": self.call, "ids": self.ids}


def print_of(record: Record) -> str:
    """A hash of what a record is in Bigin's eyes."""
    return hashlib.blake2b(one_form(record.body), digest_size=16).hexdigest()


class Journal:
    """Main thread alone. Without a path it remembers and writes nothing, ``read_only`` it writes nothing."""

    def __init__(self, path: Path | None, *, read_only: bool = False) -> None:
        self.is_kept = path is not None  # whether notes outlive the run
        self._file: JsonLines | None = None
        self._calls = 0
        self._open: dict[int, tuple[Call, int]] = {}  # of this run, and the last record that it is about
        self._former: dict[int, Call] = {}
        # By stream and print: the former calls that carried such a record, each with its place there.
        self._memories: defaultdict[tuple[str, str], deque[tuple[Call, int]]] = defaultdict(deque)
        self._recalled: list[tuple[int, Call, int]] = []  # by whom, and what
        if path is not None and (path.exists() or not read_only):
            file = JsonLines(path, setting="journal_path")
            file.read(self._take)
            self._remember()
            if not read_only:
                self._file = file
                self._rewrite()

    @property
    def remembers(self) -> bool:
        """Whether a former run may have sent records that have not come again."""
        return bool(self._memories)

    def recall(self, record: Record) -> tuple[str | None, datetime] | None:
        """The id that a former run noted for such a record, and since when it may have been there.

        None for the id: no answer came. Each of several equal ones is recalled once.
        """
        if not self._memories:
            return None  # nearly always: a print takes longer than all else that is done for a record
        what = record.stream, print_of(record)
        known = self._memories.get(what)
        if not known:
            return None
        note, place = known.popleft()
        if not known:
            del self._memories[what]
        self._recalled.append((record.number, note, place))
        return None if note.ids is None else note.ids[place], datetime.fromisoformat(note.since)

    def ids(self) -> Iterator[str]:
        """Of all records that are noted as written."""
        for note in (*self._former.values(), *(note for note, _ in self._open.values())):
            yield from (each for each in note.ids or () if each is not None)

    def sending(self, records: Sequence[Record], since: datetime) -> int:
        """Note a call before it is sent; gives its number."""
        self._calls += 1
        if self._file is not None:
            note = Call(
                self._calls, records[0].stream, since.isoformat(), [print_of(each) for each in records]
            )
            self._open[note.call] = note, max(each.number for each in records)
            self._append(next(note.lines()))
        return self._calls

    def answered(self, call: int | None, ids: Sequence[str | None]) -> None:
        """Note what was answered: the ids of those that were written, and after them further ones."""
        if call in self._open:
            note, _ = self._open[call]
            note.ids = list(ids)
            self._append({"answered": call, "ids": note.ids})

    def covered(self, up_to: int) -> None:
        """A STATE went out that covers all records up to this number: their notes have served."""
        if self._file is None:
            return
        done = [call for call, (_, last_number) in self._open.items() if last_number <= up_to]
        for call in done:
            del self._open[call]
        served = [(note, place) for number, note, place in self._recalled if number <= up_to]
        for note, place in served:
            note.prints[place] = SERVED
        self._recalled = [each for each in self._recalled if each[0] > up_to]
        if served or (done and (not self._open or self._file.size > SMALL)):
            self._rewrite()

    def close(self, *, in_good_order: bool, streams: Sequence[str] = ()) -> None:
        """The run ends. In good order: what was noted about the streams that were read has served."""
        if self._file is None:
            return
        if in_good_order:
            self._open.clear()
            self._former = {
                number: note for number, note in self._former.items() if note.stream not in streams
            }
            self._rewrite()
        self._file.close()
        self._file = None

    def _remember(self) -> None:
        for note in self._former.values():
            for place, each in enumerate(note.prints):
                if each != SERVED and (note.ids is None or note.ids[place] is not None):
                    self._memories[note.stream, each].append((note, place))

    def _take(self, text: bytes) -> None:
        line = msgspec.json.decode(text)
        if "sending" in line:
            number = line["sending"]
            self._calls = max(self._calls, number)
            self._former[number] = Call(number, line["stream"], line["since"], list(line["prints"]))
        else:
            self._former[line["answered"]].ids = list(line["ids"])

    def _append(self, line: dict[str, Any]) -> None:
        if self._file is not None:
            self._file.append(line)
            self._file.flush()

    def _rewrite(self) -> None:
        """The file with what is still needed."""
        if self._file is None:
            return
        notes = (*self._former.values(), *(note for note, _ in self._open.values()))
        self._file.replace(line for note in notes for line in note.lines())
