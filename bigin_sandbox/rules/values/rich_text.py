"""Rich text as lists show it: cut after 500. Source: FACTS 3 and 7.23."""

from __future__ import annotations

from collections.abc import Callable

IN_LISTS = 500  # characters, or UTF-16 units as Java counts

Cut = Callable[["str | None"], "str | None"]  # a rich text -> what lists show of it


def _cut_characters(text: str | None) -> str | None:
    return text and text[:IN_LISTS]


def _cut_utf16(text: str | None) -> str | None:
    """A text of at most 500 UTF-16 units; half of a pair at the cut is written as Java writes it, `?`."""
    if not text or len(text) * 2 <= IN_LISTS:
        return text
    units = text.encode("utf-16-le")[: IN_LISTS * 2]
    if 0xD8 <= units[-1] <= 0xDB:  # the first half of a pair without its second
        units = units[:-2] + "?".encode("utf-16-le")
    return units.decode("utf-16-le")


CUTS: dict[str, Cut] = {"characters": _cut_characters, "utf16": _cut_utf16}
