"""The state that comes in: an entry that cannot be read costs its stream, and goes out as it came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bigin_api import SettingsError
from bigin_api.json_values import mapping
from tap_bigin.bookmarks import check_entry
from tap_bigin.lists.marks import check_mark, check_marks


@dataclass(frozen=True)
class Unreadable:
    """A stream's entry of the state that is not as this tap writes it, and what is wrong with it."""

    entry: Any
    why: str


def readable(state: Any) -> tuple[Any, dict[str, Unreadable]]:
    """The state without the entries that cannot be read, and those by stream. Another shape stays as it is.

    An entry that is not understood must not be read as none: that would read everything again.
    """
    bookmarks = mapping(state).get("bookmarks")
    if not isinstance(bookmarks, Mapping):
        return state, {}
    found = {name: _why_not(name, entry) for name, entry in bookmarks.items()}
    unreadable = {name: Unreadable(bookmarks[name], why) for name, why in found.items() if why is not None}
    kept = {name: entry for name, entry in bookmarks.items() if name not in unreadable}
    return ({**state, "bookmarks": kept} if unreadable else state), unreadable


def with_unreadable(state: Mapping[str, Any], unreadable: Mapping[str, Unreadable]) -> dict[str, Any]:
    """The state as it goes out: such entries stay until a person has mended them."""
    entries = {name: each.entry for name, each in unreadable.items()}
    return {**state, "bookmarks": {**mapping(state.get("bookmarks")), **entries}} if entries else dict(state)


def _why_not(name: str, entry: Any) -> str | None:
    where = f"state: bookmarks: {name}"
    try:
        check_entry(name, entry)
        check_mark(f"{where}: deleted", entry.get("deleted"))
        check_marks(f"{where}: modules", entry.get("modules"))
    except SettingsError as error:
        return error.message
    return None
