"""What a run says while it lasts."""

from __future__ import annotations

import contextlib
import logging
import os
import pty
import sys
import threading
from collections.abc import Iterator
from io import TextIOWrapper

import pytest

from bigin_api import progress
from bigin_api.progress import Progress, Row

ROWS = [Row("Contacts", 1_200, 4_800, 6, 60.0), Row("Deals", 7, None, 1, 2.0)]
LOGGER = logging.getLogger("test-progress")


class Terminal:
    """A terminal in place of stderr; ``shown`` is what was drawn on it."""

    def __init__(self) -> None:
        self._ours, theirs = pty.openpty()
        self.stream = TextIOWrapper(os.fdopen(theirs, "wb", buffering=0), write_through=True)
        os.set_blocking(self._ours, False)

    def shown(self) -> str:
        drawn = b""
        with contextlib.suppress(BlockingIOError):
            while piece := os.read(self._ours, 1 << 16):
                drawn += piece
        return drawn.decode()

    def close(self) -> None:
        self.stream.close()
        os.close(self._ours)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[Terminal]:
    caplog.set_level(logging.INFO, logger=LOGGER.name)
    monkeypatch.setenv("TERM", "xterm")
    made = Terminal()
    yield made
    made.close()


def test_on_a_terminal_each_stream_has_a_line_and_the_log_stays_whole(terminal, capsys):
    """Who waits sees how long; what is logged meanwhile stands above, and stdout is the messages' alone."""
    handler = logging.StreamHandler(terminal.stream)
    logging.getLogger().addHandler(handler)

    with contextlib.redirect_stderr(terminal.stream), Progress(lambda: ROWS, LOGGER) as told:
        LOGGER.warning("something happened")
        assert told.is_live
    logging.getLogger().removeHandler(handler)

    shown = terminal.shown()
    assert "Contacts  1,200 of 4,800  6 credits  3 min left" in shown
    assert "Deals     7               1 credits" in shown
    assert "something happened\r\n" in shown
    assert handler.stream is terminal.stream
    assert capsys.readouterr().out == ""


def test_of_the_programs_of_one_pipe_the_first_draws(terminal):
    """Two that draw on one terminal wipe each other's lines."""
    with contextlib.redirect_stderr(terminal.stream):
        with Progress(lambda: ROWS, LOGGER) as first:
            sys.stderr = terminal.stream  # as for another program that got the same terminal from its shell
            second = Progress(lambda: ROWS, LOGGER)
            second.start()
            assert (first.is_live, second.is_live) == (True, False)
            second.stop()
        with Progress(lambda: ROWS, LOGGER) as third:
            assert third.is_live


def test_elsewhere_a_line_is_written_now_and_then(monkeypatch, caplog):
    """In a log that is read later a line that says nothing new is one too many."""
    monkeypatch.setattr(progress, "SECONDS_PER_LINE", 0.0)
    caplog.set_level(logging.INFO, logger=LOGGER.name)
    looked = threading.Semaphore(0)

    def rows() -> list[Row]:
        looked.release()
        return ROWS

    with Progress(rows, LOGGER):
        for _ in range(3):
            looked.acquire()

    (line,) = caplog.messages
    assert line.endswith(": Contacts 1,200 of 4,800 (3 min left), Deals 7; 7 credits.")


def test_who_wants_to_hear_nothing_pays_nothing(terminal, caplog):
    """At warning level there is no thread and no drawing."""
    caplog.set_level(logging.WARNING, logger=LOGGER.name)
    before = threading.active_count()

    with contextlib.redirect_stderr(terminal.stream), Progress(lambda: ROWS, LOGGER) as told:
        assert (told.is_live, threading.active_count()) == (False, before)

    assert terminal.shown() == ""
