"""Messages from a pipe or from memory: whole lines, in order, and a beat for everything else."""

from __future__ import annotations

import io
import os
import sys
import threading
import time
from types import SimpleNamespace

import pytest
from singer_sdk.singerlib.exceptions import InvalidInputLine

from target_bigin.input import reader
from target_bigin.input.reader import Reader


@pytest.fixture
def read():
    """``read(source)``: the messages, how often each kind came, the beats, and whether reading failed."""

    def run(source, *, kinds=("A", "B")):
        mine, messages, beats, failures = Reader(), [], [], []
        mine.on_beat, mine.on_failure = beats.append, lambda: failures.append(1)
        try:
            counts = mine.process_lines(source, dict.fromkeys(kinds, messages.append))
        except InvalidInputLine as error:
            counts = str(error)
        return messages, counts, beats, failures

    return run


def piped(*pieces):
    """A pipe into which these pieces come; a number is a pause of so many seconds."""
    out, into = os.pipe()

    def write():
        with os.fdopen(into, "wb", buffering=0) as pipe:
            for piece in pieces:
                time.sleep(piece) if isinstance(piece, float) else pipe.write(piece)

    threading.Thread(target=write).start()
    return os.fdopen(out, encoding="utf-8")


LONG = "x" * 300_000  # longer than what is read at once


@pytest.mark.parametrize(
    "pieces",
    [
        (f'{{"type":"A"}}\n \n\n{{"type":"B","x":"{LONG}"}}\n{{"type":"A"}}'.encode(),),
        (b'{"ty', b'pe":"A"}\n{"type"', f':"B","x":"{LONG}'.encode(), b'"}\n{"type":"A"}\n'),
    ],
)
def test_lines_may_come_in_any_pieces(read, pieces):
    """Whole they are messages; blank ones are none, and the last may have no end."""
    with piped(*pieces) as source:
        messages, counts, _, failures = read(source)

    assert messages == [{"type": "A"}, {"type": "B", "x": LONG}, {"type": "A"}]
    assert (counts, failures) == ({"A": 2, "B": 1}, [])


def test_a_silent_pipe_beats_with_the_seconds_of_its_silence(read, monkeypatch):
    """What waits for company must not wait for input that does not come."""
    monkeypatch.setattr(reader, "BEAT", 0.02)

    with piped(b'{"type":"A"}\n', 0.3, b'{"type":"A"}\n') as source:
        messages, _, beats, _ = read(source)

    assert len(messages) == 2
    assert len(beats) > 2
    assert 0.2 < sum(beats) < 9


class Pipe:
    """A pipe with a clock of its own: pieces, and seconds until the next one comes."""

    def __init__(self, *script):
        self.now = 0.0
        self._script = list(script)

    def fileno(self):
        return 7

    def monotonic(self):
        return self.now

    def select(self, reading, _writing, _odd, timeout):
        """Wait, at most so long."""
        assert reading == [7]
        if timeout and self._script and isinstance(self._script[0], float):
            passes = min(timeout, self._script[0])
            self.now += passes
            self._script[0] -= passes
            if self._script[0]:
                return [], [], []
            del self._script[0]
        return [7], [], []

    def read(self, _descriptor, _most):
        """The next piece."""
        return self._script.pop(0) if self._script else b""


def test_a_beat_comes_a_few_times_a_second_with_the_seconds_of_silence_since_the_last(monkeypatch):
    """A call that waits for company goes by these; what a message costs is no silence."""
    line = b'{"type":"A"}\n'
    pipe = Pipe(0.25, line, 0.625, line, line, line, 0.25, line, 0.125)
    for name in ("select", "os", "time"):
        monkeypatch.setattr(reader, name, pipe)
    mine, told = Reader(), []
    mine.on_beat = lambda waited: told.append((pipe.now, waited))

    def work(_message):
        pipe.now += 0.125
        told.append(pipe.now)

    mine.process_lines(pipe, {"A": work})

    assert told == [
        (0.25, 0.25),
        0.375,
        (0.625, 0.25),
        (0.875, 0.25),
        1.125,  # after an eighth of silence and one of work
        (1.125, 0.125),
        1.25,
        1.375,
        (1.625, 0.25),
        1.75,
        (1.875, 0.125),
    ]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ('{"type":"A"}\n\nnope\n{"type":"A"}\n', "Not JSON, line 3: 'nope"),
        ('{"type":"A"}\n{"type":"C"}\n', "Not a Singer message: its type is 'C'."),
        ('{"type":"A"}\n{}\n', "Not a Singer message: its type is None."),
    ],
)
@pytest.mark.parametrize("source", [io.StringIO, lambda said: piped(said.encode())])
def test_what_is_no_message_ends_the_reading(read, said, told, source):
    """After what came before it; and whoever is to settle that is told."""
    with source(said) as opened:
        messages, counts, _, failures = read(opened)

    assert (messages, failures) == ([{"type": "A"}], [1])
    assert counts.startswith(told)


@pytest.mark.parametrize("error", [OSError, ValueError, AttributeError])
@pytest.mark.parametrize("of", ["fileno", "select"])
def test_what_cannot_be_waited_on_is_read_by_lines(read, monkeypatch, of, error):
    """What is closed or no file, and any file where a system's select takes sockets alone."""

    def fail(*_):
        raise error

    class Lines(list):
        fileno = fail if of == "fileno" else lambda _self: 7

    if of == "select":
        monkeypatch.setattr(reader, "select", SimpleNamespace(select=fail))

    assert read(Lines(['{"type":"A"}\n']))[1] == {"A": 1}


def test_what_is_in_memory_beats_as_it_is_read(monkeypatch):
    """Each few hundred lines; what a message costs is no silence."""
    pipe = Pipe()
    monkeypatch.setattr(reader, "time", pipe)
    mine, beats = Reader(), []
    mine.on_beat = beats.append

    def lines():
        for number in range(500):
            pipe.now += 2 if number == 250 else 0
            yield '{"type":"A"}\n'

    def work(_message):
        pipe.now += 1

    counts = mine.process_lines(lines(), {"A": work})

    assert (counts, beats) == ({"A": 500}, [0, 2, 0])


@pytest.mark.parametrize("stdin", [io.StringIO('{"type":"A"}'), None])
def test_without_a_file_stdin_is_read(read, monkeypatch, stdin):
    """Where a service closes it, that is said."""
    monkeypatch.setattr(sys, "stdin", stdin)

    messages, counts, _, _ = read(None)

    assert messages == ([{"type": "A"}] if stdin else [])
    assert counts == ({"A": 1} if stdin else "stdin is closed: there is nothing to read.")
