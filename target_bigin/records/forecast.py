"""What a dry run would have done by now: records made and gone, credits spent. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

Forms = Mapping[str, str]
"""Values of a record by field, each in the form in which Bigin compares it."""


class Forecast:
    """Of one run, for all its streams. Main thread and those of its calls."""

    def __init__(self) -> None:
        self.credits: Counter[str] = Counter()  # by stream
        self.gone: set[str] = set()  # ids of what would have been deleted
        self._ids: dict[tuple[str, str, str], str] = {}  # module, field and form: who has it now
        self._made: set[str] = set()

    def spend(self, stream: str, credits_: int) -> None:
        """A call would have been made."""
        self.credits[stream] += credits_

    def make(self, module: str, forms: Forms) -> str:
        """A record would have been made; gives an id that no record of Bigin has."""
        record_id = str(len(self._made) + 1)
        self._made.add(record_id)
        self.write(module, forms, record_id)
        return record_id

    def write(self, module: str, forms: Forms, record_id: str) -> None:
        """A record would have these values from now on."""
        self._ids.update({(module, name, form): record_id for name, form in forms.items()})

    def is_made(self, record_id: str | None) -> bool:
        """Whether a record is one that was not made."""
        return record_id in self._made

    def holder(self, module: str, name: str, form: str) -> str | None:
        """Who would have a value by what this run did."""
        found = self._ids.get((module, name, form))
        return None if found in self.gone else found
