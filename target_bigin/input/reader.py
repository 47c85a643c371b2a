"""Singer messages from a pipe, and a beat for everything else while it is silent."""

from __future__ import annotations

import os
import select
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import IO, Any

from singer_sdk.contrib.msgspec import MsgSpecReader
from singer_sdk.singerlib.exceptions import InvalidInputLine

from target_bigin.input.lines import read_message

CHUNK = 1 << 18  # bytes read at once
BEAT = 0.25  # seconds between two beats at most, also while nothing comes
LINES_A_BEAT = 200  # where the input is no file: lines between two looks at the clock


class Reader(MsgSpecReader):
    """The SDK's fast reader, which does not block for ever.

    ``on_beat`` is called several times a second, with the seconds for which no input came since the last
    time; ``on_failure`` when reading ends by an exception.
    A pipe or a file is read by its descriptor; anything else line by line. Blank lines are skipped.
    """

    def __init__(self) -> None:
        super().__init__()
        self.on_beat: Callable[[float], None] = lambda _waited: None
        self.on_failure: Callable[[], None] = lambda: None

    def process_lines(
        self, file_input: IO[str] | None, callbacks: dict[str, Callable[[dict[str, Any]], None]]
    ) -> Counter[str]:
        """Hand each message to its callback."""
        counts: Counter[str] = Counter()
        number = 0
        try:
            for lines in self._pieces(file_input or _stdin()):
                for line in lines:
                    number += 1
                    if not line or line.isspace():
                        continue
                    message = read_message(line, f"line {number}")
                    kind = str(message.get("type"))
                    callbacks.get(kind, self._process_unknown_message)(message)
                    counts[kind] += 1
        except BaseException:
            self.on_failure()
            raise
        return counts

    def _process_unknown_message(self, message_dict: dict[str, Any]) -> None:
        raise InvalidInputLine(f"Not a Singer message: its type is {message_dict.get('type')!r}.")

    def _pieces(self, source: IO[str]) -> Iterator[Sequence[str | bytes]]:
        descriptor = _descriptor(source)
        return self._of_iterable(source) if descriptor is None else self._of_descriptor(descriptor)

    def _of_descriptor(self, descriptor: int) -> Iterator[list[bytes]]:
        pending: list[bytes] = []  # of a line that is longer than one read
        last_beat, waited = time.monotonic(), 0.0
        while True:
            begun = time.monotonic()
            ready = select.select([descriptor], [], [], BEAT)[0]
            waited += time.monotonic() - begun
            if time.monotonic() - last_beat >= BEAT:
                self.on_beat(waited)
                last_beat, waited = time.monotonic(), 0.0
            if not ready:
                continue
            chunk = os.read(descriptor, CHUNK)
            if not chunk:
                break
            if b"\n" not in chunk:
                pending.append(chunk)
                continue
            *lines, rest = chunk.split(b"\n")
            lines[0] = b"".join((*pending, lines[0]))
            pending = [rest]
            yield lines
        yield [b"".join(pending)]

    def _of_iterable(self, source: Iterable[str]) -> Iterator[list[str]]:
        lines = iter(source)
        begun = time.monotonic()
        while piece := list(islice(lines, LINES_A_BEAT)):
            self.on_beat(time.monotonic() - begun)
            yield piece
            begun = time.monotonic()


def _stdin() -> IO[str]:
    if sys.stdin is None:
        raise InvalidInputLine("stdin is closed: there is nothing to read.")
    return sys.stdin


def _descriptor(source: IO[str]) -> int | None:
    """The descriptor to wait on, None where there is none that can be waited on."""
    try:
        descriptor = source.fileno()
        select.select([descriptor], [], [], 0)
    except (OSError, ValueError, AttributeError):
        return None  # in memory, closed, or a system whose select takes sockets alone
    return descriptor
