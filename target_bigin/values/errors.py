"""Why a value does not fit its field."""

from __future__ import annotations

from typing import Any

from target_bigin.records.record import Reject

SHOWN = 60  # characters of a value that a message shows


def invalid(code: str, message: str) -> Reject:
    """The error of a value that its field does not take; whoever knows the field adds it."""
    return Reject("invalid", code, message)


def show(value: Any) -> str:
    """A value as a message shows it: short, in quotes.

    >>> show("x" * 100)
    "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…'"
    """
    text = value if isinstance(value, str) else str(value)
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}…")


def wrong(value: Any, takes: str) -> Reject:
    """The error of a value that cannot be read as what the field takes."""
    return invalid("INVALID_VALUE", f"{show(value)} is not {takes}.")
