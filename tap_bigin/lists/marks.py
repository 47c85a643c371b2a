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
from tap_bigin.bookmarks import BEGUN, DELETED_RECORDS, READ_OVERLAP, Moment

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import datetime

THE_SAME = DELETED_RECORDS  # in place of a module's ids: those that this stream's mark of the module has

REMEMBERED = 2_000  # ids a module in state
WHOLE_UP_TO = RECORDS_PER_PAGE  # entries: one page costs as much as asking for what is new
WHOLE_EVERY = timedelta(hours=24)  # a longer list is read whole only so often

Json = dict[str, Any]


class Begun(msgspec.Struct, frozen=True, omit_defaults=True):
    """A reading of a list that is under way: one run may have too few credits for all of it."""

    asked: Moment | None = None  # Bigin's clock before its first page
    since: Moment | None = None  # from when the list is read; None: all of it
    read: int = 0  # so many entries, as page numbers count
    last: tuple[str, ...] = ()  # ids of the latest of them, in their order
    gone: tuple[str, ...] = ()  # ids that were in the recycle bin
    listed: int = 0  # entries


class Mark(msgspec.Struct, frozen=True):
    """What state remembers of a module's deleted list. But for the ids it is its own form in state."""

    since: Moment | None = None  # Bigin's clock before the last reading
    gone: tuple[str, ...] = ()  # ids in the recycle bin then, but for those that a reading has met since
    listed: int = 0  # entries of the whole list
    checked: Moment | None = None  # when the whole list was read
    begun: Begun | None = None

    @classmethod
    def from_state(cls, kept: Mapping[str, Any] | None) -> Mark:
        """Read a mark out of state; an empty one where there is none."""
        kept = _with_ids(kept or {})
        if isinstance(begun := kept.get(BEGUN), Mapping):
            kept[BEGUN] = _with_ids(begun)
        return msgspec.convert(kept, cls)

    def to_state(self) -> Json:
        """The mark as state keeps it."""
        kept: Json = {**msgspec.to_builtins(self), "gone": text_of(self.gone)}
        if self.begun is None:
            del kept[BEGUN]
        elif self.begun.gone:
            kept[BEGUN]["gone"] = text_of(self.begun.gone)
        return kept

    def with_gone(self, ids: Iterable[str]) -> Mark:
        """The same, with ids that were seen to be deleted since: they may come back."""
        return replace(self, gone=newest({*self.gone, *ids}))

    def asks_since(self, now: datetime | None, *, overlap: timedelta = READ_OVERLAP) -> datetime | None:
        """From when the list is to be read; None: the whole of it, which alone tells what was restored."""
        if self.begun is not None:
            return self.begun.since
        if self.since is None or self.checked is None or now is None or self.listed <= WHOLE_UP_TO:
            return None
        return None if now - self.checked > WHOLE_EVERY else self.since - overlap


def _with_ids(kept: Mapping[str, Any]) -> Json:
    ids = kept.get("gone")
    return {**kept, "gone": ids_of(ids)} if isinstance(ids, str) else dict(kept)  # an older state has a list


def check_mark(where: str, kept: Any) -> None:
    """See that what state keeps of a deleted list is as this tap writes it. Raises SettingsError."""
    if not isinstance(kept, Mapping | None):
        raise SettingsError(f"{where}: expected an object, got {type(kept).__name__}.")
    try:
        Mark.from_state({**(kept or {}), **({"gone": ""} if kept and kept.get("gone") == THE_SAME else {})})
    except ValueError as error:  # msgspec's are such, too
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
