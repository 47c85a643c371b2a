"""What a dry run would have done by now: records made, changed and gone. No I/O."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

Forms = Mapping[str, "str | None"]
"""Values of a record by field, each in the form in which Bigin compares it; None for an emptied field."""


class Forecast:
    """Of one run, for all its streams and the threads of its calls, which hold ``lock`` while they look.

    Of a record there is kept by what others find it (fields in ``searched``, and those that Bigin keeps
    unique), and what its next write is judged by.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.searched: set[str] = set()  # fields of any module by which records are looked for
        self.gone: set[str] = set()  # ids of what would have been deleted
        self.kept: dict[str, dict[str, Any]] = {}  # by id: rows, tags, a deal's stage
        self.companies: dict[str, str | None] = {}  # of contacts, by their ids
        self._forms: dict[tuple[str, str], dict[str, str | None]] = {}  # by module and id
        self._ids: dict[tuple[str, str, str | None], dict[str, None]] = {}  # module, field, form: who had it
        self._made = 0

    def make(self) -> str:
        """The id of a record that would have been made: one that no record of Bigin has.

        >>> forecast = Forecast()
        >>> [forecast.make(), forecast.make()], [forecast.is_made(each) for each in ("2", "3", "x", None)]
        (['1', '2'], [True, False, False, False])
        """
        self._made += 1
        return str(self._made)

    def is_made(self, record_id: str | None) -> bool:
        """Whether a record is one that was not made."""
        return record_id is not None and record_id.isdecimal() and int(record_id) <= self._made

    def write(self, module: str, record_id: str, forms: Forms) -> None:
        """A record would have these values from now on."""
        known = self._forms.setdefault((module, record_id), {})
        for name, form in forms.items():
            known[name] = form
            self._ids.setdefault((module, name, form), {})[record_id] = None

    def amended(self, module: str, forms: Mapping[str, str], found: Sequence[str]) -> tuple[str, ...]:
        """Who would have all of these values, where Bigin says that those ``found`` have them."""
        first = next(iter(forms.items()))
        ours = [each for each in self._ids.get((module, *first), ()) if each not in found]
        return tuple(
            each
            for each in (*found, *ours)
            if each not in self.gone and self._has(module, each, forms, is_found=each in found)
        )

    def contacts_of(self, companies: Collection[str], found: Iterable[str]) -> set[str]:
        """The contacts that these companies would have, where Bigin says that they have those ``found``."""
        with self.lock:
            ours = {each for each, company in self.companies.items() if company in companies}
            return (ours | {each for each in found if each not in self.companies}) - self.gone

    def _has(self, module: str, record_id: str, forms: Mapping[str, str], *, is_found: bool) -> bool:
        known = self._forms.get((module, record_id), {})
        return all(known.get(name, form if is_found else None) == form for name, form in forms.items())
