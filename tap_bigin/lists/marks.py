"""What state remembers of a module's deleted list, in few bytes: ids as text, and once for both streams.

A module's own stream and ``deleted_records`` each have a mark, and mostly the same ids in it. What goes
out names them once; what comes in is made whole again before anyone reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from bigin_api import SettingsError
from bigin_api.limits import RECORDS_PER_PAGE
from tap_bigin.bookmarks import READ_OVERLAP, Moment

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import datetime

DELETED_RECORDS = "deleted_records"
THE_SAME = DELETED_RECORDS  # in place of a module's ids: those that this stream's mark of the module has

REMEMBERED = 2_000  # ids a module in state
WHOLE_UP_TO = RECORDS_PER_PAGE  # entries: one page costs as much as asking for what is new
WHOLE_EVERY = timedelta(hours=24)  # a longer list is read whole only so often

Json = dict[str, Any]


class Mark(msgspec.Struct, frozen=True):
    """What state remembers of a module's deleted list. But for the ids it is its own form in state."""

    since: Moment | None = None  # Bigin's clock before the last reading
    gone: tuple[str, ...] = ()  # ids in the recycle bin then
    listed: int = 0  # entries of the whole list
    checked: Moment | None = None  # when the whole list was read

    @classmethod
    def from_state(cls, kept: Mapping[str, Any] | None) -> Mark:
        """Read a mark out of state; an empty one where there is none."""
        kept = dict(kept or {})
        if isinstance(ids := kept.get("gone"), str):  # an older state has a list
            kept["gone"] = ids_of(ids)
        return msgspec.convert(kept, cls)

    def to_state(self) -> Json:
        """The mark as state keeps it."""
        return {**msgspec.to_builtins(self), "gone": text_of(self.gone)}

    def with_gone(self, ids: Iterable[str]) -> Mark:
        """The same, with ids that were seen to be deleted since: they may come back."""
        return replace(self, gone=newest({*self.gone, *ids}))

    def asks_since(self, now: datetime | None, *, overlap: timedelta = READ_OVERLAP) -> datetime | None:
        """From when the list is to be read; None: the whole of it, which alone tells what was restored."""
        if self.since is None or self.checked is None or now is None or self.listed <= WHOLE_UP_TO:
            return None
        return None if now - self.checked > WHOLE_EVERY else self.since - overlap


def check_mark(where: str, kept: Any) -> None:
    """See that what state keeps of a deleted list is as this tap writes it. Raises SettingsError."""
    if not isinstance(kept, Mapping | None):
        raise SettingsError(f"{where}: expected an object, got {type(kept).__name__}.")
    try:
        Mark.from_state({**(kept or {}), **({"gone": ""} if kept and kept.get("gone") == THE_SAME else {})})
    except (msgspec.ValidationError, ValueError) as error:
        raise SettingsError(
            f"{where}: not as this tap writes it ({error}). Without it the list is read whole."
        ) from None


def check_marks(where: str, kept: Any) -> None:
    """The same for the marks of several modules."""
    if not isinstance(kept, Mapping | None):
        raise SettingsError(f"{where}: expected an object, got {type(kept).__name__}.")
    for module, mark in (kept or {}).items():
        check_mark(f"{where}: {module}", mark)


def newest(ids: Collection[str]) -> tuple[str, ...]:
    """Those of the ids that are remembered."""
    return tuple(sorted(sorted(ids, key=int)[-REMEMBERED:]))


def text_of(ids: Iterable[str]) -> str:
    """Ids as one text: the lowest, then by how much each is higher than the one before.

    >>> text_of(["6100000000001000007", "6100000000001000003", "6100000000001000008"])
    '6100000000001000003 4 1'
    """
    numbers = sorted(map(int, ids))
    steps = (high - low for low, high in pairwise(numbers))
    return " ".join(map(str, [*numbers[:1], *steps]))


def ids_of(text: str) -> tuple[str, ...]:
    """The ids of such a text.

    >>> ids_of("6100000000001000003 4 1")
    ('6100000000001000003', '6100000000001000007', '6100000000001000008')
    >>> ids_of("")
    ()
    """
    return tuple(map(str, accumulate(map(int, text.split()))))


def told_once(state: Json) -> Json:
    """The state as it goes out: ids that a module's mark shares with that of ``deleted_records`` stand there.

    >>> marks = {"modules": {"Contacts": {"gone": "7 1"}}}
    >>> told_once({"bookmarks": {"Contacts": {"deleted": {"gone": "7 1"}}, "deleted_records": marks}})
    {'bookmarks': {'Contacts': {'deleted': {'gone': 'deleted_records'}}, 'deleted_records': \
{'modules': {'Contacts': {'gone': '7 1'}}}}}
    """
    entries = dict(state.get("bookmarks") or {})
    for name, mark, ids in _shared_marks(entries):
        if ids and mark.get("gone") == ids:
            entries[name] = {**entries[name], "deleted": {**mark, "gone": THE_SAME}}
    return {**state, "bookmarks": entries} if entries else state


def told_in_full(state: Json) -> Json:
    """The state that came in, each mark with its own ids again.

    Where what a mark names is not there the mark is dropped: the list is then read anew.
    """
    entries = dict(state.get("bookmarks") or {})
    for name, mark, ids in _shared_marks(entries):
        if mark.get("gone") == THE_SAME:
            kept = {**mark, "gone": ids} if ids else {}
            entries[name] = {**entries[name], "deleted": kept}
    return {**state, "bookmarks": entries} if entries else state


def _shared_marks(entries: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], str | None]]:
    """Each module's mark, and the ids that ``deleted_records`` has of the module."""
    marks = (entries.get(DELETED_RECORDS) or {}).get("modules") or {}
    for name, entry in list(entries.items()):
        if isinstance(mark := entry.get("deleted"), Mapping):
            yield name, mark, (marks.get(name) or {}).get("gone")
