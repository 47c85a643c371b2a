"""Why a value does not fit its field."""

from __future__ import annotations

from typing import Any

SHOWN = 60  # characters of a value that a message shows


class BadValue(Exception):  # noqa: N818 -- an outcome, not a fault
    """A value that its field does not take; ``code`` is ours, the message says what the field takes."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def show(value: Any) -> str:
    """A value as a message shows it: short, in quotes.

    >>> show("x" * 100)
    "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…'"
    """
    text = value if isinstance(value, str) else str(value)
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}…")


def wrong(value: Any, takes: str) -> BadValue:
    """The error of a value that cannot be read as what the field takes."""
    return BadValue("INVALID_VALUE", f"{show(value)} is not {takes}.")
