"""What says nothing new is not sent, by the cache of what was last written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from target_bigin.concurrency.tasks import Wait
from target_bigin.files.fingerprints import Fingerprints, Slot, fingerprints, says_nothing_new
from target_bigin.records.record import Action, Record, Reject

if TYPE_CHECKING:
    from typing_extensions import Self

    from target_bigin.files.fingerprints import Written
    from target_bigin.schema.context import StreamContext

OWNER = ""  # in the place of a field: under which key a record of Bigin was written last

SlotOf = Callable[[Record], "Slot | None"]
"""Whose fingerprints a record's are; None for a record that has no key to be known by."""


@dataclass
class _UnderWay:
    """A key whose records are being written: what was known of it, and what is being said."""

    cache: Written
    slot: Slot
    known: Fingerprints
    said: dict[int, Fingerprints] = field(default_factory=dict)  # by number of the record
    refused: set[int] = field(default_factory=set)


class Changes:
    """The cache around the writes of one stream. Main thread alone.

    ``is_there``: False for a record that was deleted since. ``is_first``: False while an earlier record of
    one of its keys is open. One record of Bigin may be known by several keys, of which the latest counts.
    """

    def __init__(
        self,
        context: StreamContext,
        cache: Written | None,
        slot_of: SlotOf,
        *,
        is_there: Callable[[Record], bool],
        is_first: Callable[[Record], bool],
    ) -> None:
        self.cache = cache
        self.slot_of = slot_of
        self.is_there = is_there
        self.is_first = is_first
        self.under_way: dict[Slot, _UnderWay] = {}
        self._tasks = context.run.tasks
        self.committed: Wait[None] = Wait(self._tasks)  # what was taken out by then is out of the file

    def own(self, going: _UnderWay, record_id: str | None) -> None:
        """A record of Bigin was written under this key: what was known of it under another is void."""
        stream, module, key = going.slot
        owner = (stream, module, f"@{record_id}")
        before = going.cache.known(owner).get(OWNER, b"").decode()
        if before == key:
            return
        going.cache.take_out((stream, module, before))
        if (stream, module, before) in self.under_way:
            self.under_way[stream, module, before].known = {}
        going.cache.keep(owner, {OWNER: key.encode()})

    def commit(self) -> None:
        """Make what was kept and taken out survive a kill; what waits for that may go. Called often."""
        if self.cache is not None:
            self.cache.commit()
        committed, self.committed = self.committed, Wait(self._tasks)
        committed.set_result(None)


class Change:
    """What a record changes: from before its call until it is settled nobody knows what it is in Bigin.

    What the cache knows of it is taken out on entry; ``keep`` puts back what was written. A refusal
    makes void what was known.
    """

    __slots__ = ("_changes", "_going", "_record", "is_empty")

    def __init__(self, changes: Changes, record: Record) -> None:
        self._changes = changes
        self._record = record
        self._going: _UnderWay | None = None
        self.is_empty = False  # it says what was written last

    async def __aenter__(self) -> Self:
        """Compare, unless an earlier record of the same key is still under way."""
        changes, record = self._changes, self._record
        if changes.cache is None:
            return self
        slot = changes.slot_of(record)
        if slot is None:
            return self
        said = {} if record.operation == "delete" else fingerprints(record.body)
        going = self._going = changes.under_way.get(slot)
        if going is not None:
            going.said[record.number] = said
            return self
        known = changes.cache.known(slot) if changes.is_there(record) else {}
        if said and says_nothing_new(said, known) and changes.is_first(record):
            self.is_empty = True
            return self
        going = _UnderWay(changes.cache, slot, known, {record.number: said})
        self._going = changes.under_way[slot] = going
        if known:
            changes.cache.take_out(slot)
            await changes.committed
        return self

    def keep(self, action: Action) -> None:
        """It was written: what it said is known, and what the write left untouched."""
        going = self._going
        if going is None:
            return
        said = going.said[self._record.number]
        if any(number < self._record.number for number in going.refused):
            going.known = {}  # what a refused one left behind is not known
            going.refused = {number for number in going.refused if number > self._record.number}
        going.known = {} if action == "deleted" else {**going.known, **said}
        self._changes.own(going, self._record.id)
        if going.known:
            going.cache.keep(going.slot, going.known)
        else:
            going.cache.take_out(going.slot)

    async def __aexit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        """The record has ended, or a later one stands for it."""
        going = self._going
        if going is None:
            return
        if isinstance(error, Reject):
            going.refused.add(self._record.number)
        del going.said[self._record.number]
        if not going.said:
            del self._changes.under_way[going.slot]
