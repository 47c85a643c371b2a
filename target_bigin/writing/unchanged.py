"""Steps that leave out what says nothing new, with the cache of what was last written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from target_bigin.files.fingerprints import Fingerprints, Slot, fingerprints, says_nothing_new
from target_bigin.records.record import Prepared
from target_bigin.streams.steps import Step

if TYPE_CHECKING:
    from target_bigin.files.fingerprints import Written

SHARED_COMMIT = 100  # records that leave the cache with one commit

SlotOf = Callable[[Prepared], "Slot | None"]
"""Whose fingerprints a record's are; None for a record that has no key to be known by."""


@dataclass
class _UnderWay:
    """A key whose record is being written: what was known of it, and what is being said."""

    known: Fingerprints
    said: dict[int, Fingerprints] = field(default_factory=dict)  # by the number of the record


class UnderWay:
    """What the steps of a stream share. ``is_there``: False for a record that was deleted since."""

    def __init__(
        self,
        cache: Written,
        slot_of: SlotOf,
        *,
        settled_up_to: Callable[[], int],
        is_there: Callable[[Prepared], bool] = lambda _record: True,
    ) -> None:
        self.cache = cache
        self.slot_of = slot_of
        self.is_there = is_there
        self.slots: dict[Slot, _UnderWay] = {}
        self._settled_up_to = settled_up_to

    def known(self, record: Prepared, slot: Slot) -> Fingerprints:
        """What the record was last written with; {} where that is not known, or not true any more."""
        return self.cache.known(slot) if self.is_there(record) else {}

    def forget_refused(self) -> None:
        """Of records that were refused nobody tells: their keys are forgotten once all are settled."""
        low = self._settled_up_to()
        for slot in [slot for slot, going in self.slots.items() if max(going.said) <= low]:
            del self.slots[slot]


class CompareAlone(Step):
    """Ends a record that says what was written last, and leaves the cache as it is: for a dry run."""

    def __init__(self, under_way: UnderWay) -> None:
        self._under_way = under_way

    def take(self, record: Prepared) -> bool:
        """Compare with what earlier runs wrote."""
        slot = self._under_way.slot_of(record)
        if slot is None or record.operation == "delete":
            return True
        known = self._under_way.known(record, slot)
        if known and says_nothing_new(fingerprints(record.body), known):
            self.settle(record, "unchanged")
            return False
        return True


class SkipUnchanged(Step):
    """Ends a record that says what was written last; takes all others out of the cache before they go."""

    def __init__(self, under_way: UnderWay) -> None:
        self._under_way = under_way
        self._leaving: list[Prepared] = []

    def take(self, record: Prepared) -> bool:
        """Compare, unless an earlier record of the same key is still under way."""
        slot = self._under_way.slot_of(record)
        if slot is None:
            return True
        said = {} if record.operation == "delete" else fingerprints(record.body)
        going = self._under_way.slots.get(slot)
        if going is not None:
            going.said[record.number] = said
            return True
        known = self._under_way.known(record, slot)
        if said and known and says_nothing_new(said, known):
            self.settle(record, "unchanged")
            return False
        self._under_way.slots[slot] = _UnderWay(known, {record.number: said})
        return not known or self._leave(record, slot)

    def tick(self, *, flush: bool) -> None:
        """Let go what waits for a common commit."""
        del flush
        self._release()
        self._under_way.forget_refused()

    def _leave(self, record: Prepared, slot: Slot) -> bool:
        """From before the call until it is settled nobody knows what the record looks like."""
        self._under_way.cache.take_out(slot)
        self._leaving.append(record)
        if len(self._leaving) >= SHARED_COMMIT:
            self._release()
        return False

    def _release(self) -> None:
        self._under_way.cache.commit()
        leaving, self._leaving = self._leaving, []
        for record in leaving:
            self.go_on(record)


class RememberWritten(Step):
    """Puts what was written into the cache, together with what the write left untouched."""

    def __init__(self, under_way: UnderWay) -> None:
        self._under_way = under_way

    def take(self, record: Prepared) -> bool:
        """Keep it, unless it was deleted."""
        slot = self._under_way.slot_of(record)
        going = self._under_way.slots.get(slot) if slot else None
        if slot is None or going is None:
            return True
        ours = {record.number, *(earlier.number for earlier in record.merged or ())}
        if any(number < record.number and number not in ours for number in going.said):
            going.known = {}  # one before it was refused: what it left behind is not known
        said = going.said.get(record.number, {})
        going.said = {number: each for number, each in going.said.items() if number > record.number}
        going.known = {} if record.action == "deleted" else {**going.known, **said}
        if going.known:
            self._under_way.cache.keep(slot, going.known)
        elif record.action == "deleted":
            self._under_way.cache.take_out(slot)
        if not going.said:
            del self._under_way.slots[slot]
        return True

    def tick(self, *, flush: bool) -> None:
        """Make it last."""
        del flush
        self._under_way.cache.commit()

    def close(self, *, in_good_order: bool) -> None:
        """Make it last, whatever ended the run: each entry is of a record that was settled."""
        del in_good_order
        self._under_way.cache.commit()
