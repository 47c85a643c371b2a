"""How far a run is, while it lasts: a live line a stream on a terminal, else a line in the log now and then.

Nothing is written to stdout, and where INFO is not logged nothing is done at all.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.table import Table

if TYPE_CHECKING:
    from typing_extensions import Self

SECONDS_PER_LINE = 10.0
LOOKS_A_SECOND = 4


@dataclass(frozen=True)
class Row:
    """Where a stream stands that is under way. ``total`` is None where nobody knows it."""

    stream: str
    done: int
    total: int | None
    credits: int
    seconds: float

    @property
    def count(self) -> str:
        """The count in words.

        >>> Row("Contacts", 1200, 4800, 6, 10.0).count, Row("Contacts", 1200, 1100, 6, 10.0).count
        ('1,200 of 4,800', '1,200')
        """
        return (
            f"{self.done:,} of {self.total:,}" if self.total and self.total >= self.done else f"{self.done:,}"
        )

    @property
    def left(self) -> str:
        """The time left at the speed until now, empty where it cannot be told.

        >>> Row("Contacts", 1200, 4800, 6, 60.0).left, Row("Contacts", 0, 4800, 6, 60.0).left
        ('3 min left', '')
        """
        if not self.total or not 0 < self.done <= self.total:
            return ""
        seconds = self.seconds * (self.total - self.done) / self.done
        return f"{seconds:.0f} s left" if seconds < 100 else f"{seconds / 60:.0f} min left"  # noqa: PLR2004


class Progress:
    """Tells of ``rows`` between ``start`` and ``stop``.

    ``aside`` makes room for what goes to the same terminal; without ``makes_room`` nothing is drawn where
    stdout is one.
    """

    def __init__(
        self, rows: Callable[[], Sequence[Row]], logger: logging.Logger, *, makes_room: bool = False
    ) -> None:
        self._rows = rows
        self._logger = logger
        self._makes_room = makes_room
        self._begun = time.monotonic()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._drawing = contextlib.ExitStack()
        self._live: Live | None = None

    @property
    def is_live(self) -> bool:
        """True while a person watches."""
        return self._live is not None

    def start(self) -> None:
        """Begin to tell."""
        if not self._logger.isEnabledFor(logging.INFO):
            return
        if sys.stderr.isatty() and (self._makes_room or not sys.stdout.isatty()) and self._has_terminal():
            self._draw()
        else:
            self._thread = threading.Thread(target=self._write_lines, name="bigin-progress", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """The run has ended: what was drawn disappears."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        self._live = None
        self._drawing.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Room for a line on stdout."""
        if self._live is None or not sys.stdout.isatty():
            yield
            return
        self._live.stop()
        try:
            yield
        finally:
            self._live.start()

    def _has_terminal(self) -> bool:
        """Whether the terminal is ours: of the programs of a pipe the first draws, others write lines."""
        try:
            import fcntl  # noqa: PLC0415 -- not on Windows, where both would draw

            terminal = os.open(os.ttyname(sys.stderr.fileno()), os.O_RDWR | os.O_NOCTTY)
            self._drawing.callback(os.close, terminal)
            fcntl.flock(terminal, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (ImportError, OSError, ValueError):
            return False
        return True

    def _draw(self) -> None:
        stderr = sys.stderr
        self._live = Live(
            console=Console(stderr=True),
            get_renderable=self._table,
            refresh_per_second=LOOKS_A_SECOND,
            transient=True,
            redirect_stdout=False,
        )
        self._drawing.enter_context(self._live)
        for handler in logging.getLogger().handlers:  # what is logged goes above the lines
            if isinstance(handler, logging.StreamHandler) and handler.stream is stderr:
                handler.setStream(sys.stderr)
                self._drawing.callback(handler.setStream, stderr)

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for row in self._rows():
            table.add_row(row.stream, row.count, f"{row.credits:,} credits", row.left)
        return table

    def _write_lines(self) -> None:
        said = ""
        while not self._over.wait(SECONDS_PER_LINE):
            rows = self._rows()
            streams = ", ".join(
                f"{row.stream} {row.count}{f' ({row.left})' if row.left else ''}" for row in rows
            )
            if streams and streams != said:
                spent = sum(row.credits for row in rows)
                seconds = time.monotonic() - self._begun
                self._logger.info("After %.0f s: %s; %d credits.", seconds, streams, spent)
            said = streams
