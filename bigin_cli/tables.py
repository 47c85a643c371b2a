"""Tables for people: rules and bold on a terminal, plain columns without colour on a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPE_WIDTH = 10_000  # on a pipe nothing is cut or wrapped


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str | None = None) -> None:
    """Print rows under their columns; whole numbers stand right, with thousands apart."""
    is_terminal = sys.stdout.isatty()
    console = Console(
        file=sys.stdout, highlight=False, width=None if is_terminal else PIPE_WIDTH, no_color=not is_terminal
    )
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        header_style="bold" if is_terminal else "",
        box=box.SIMPLE_HEAD if is_terminal else None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
    )
    kept = [list(row) for row in rows]
    for number, column in enumerate(columns):
        is_number = bool(kept) and all(isinstance(row[number], int | None) for row in kept)
        table.add_column(column, justify="right" if is_number else "left", no_wrap=is_number)
    for row in kept:
        table.add_row(*(Text(_shown(value)) for value in row))
    with console.capture() as captured:
        console.print(table)
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
