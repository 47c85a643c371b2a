"""One stream as held against the module in Bigin: which ids are missing, stale, or ghosts."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Literal

from bigin_api.limits import COQL_MAX_ROWS
from tap_bigin.discovery.definition import REPLICATION_KEY
from tap_bigin.reconcile.held import seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bigin_api import Labelled

Problem = Literal["missing", "stale", "ghost"]


@dataclass(frozen=True)
class Difference:
    """A record that is not held as it is in Bigin. Times are seconds since 1970, None where there is none."""

    id: int
    problem: Problem
    held: int | None = None
    bigin: int | None = None


@dataclass(frozen=True)
class Comparison:
    """What became of one stream."""

    stream: str
    in_bigin: int
    held: int
    differences: Sequence[Difference] = ()
    changed_since: int = 0  # changed after the moment as of which was asked: not counted as differences


class Comparing:
    """Compares one stream as the module's records come by, each once. Takes ``held`` over and empties it."""

    def __init__(self, held: dict[int, int | None], *, as_of: int | None = None) -> None:
        self._left = held
        self._held = len(held)
        self._as_of = as_of
        self._in_bigin = 0
        self._changed_since = 0
        self._differences: list[Difference] = []

    def see(self, record_id: int, modified: int | None) -> None:
        """A record as Bigin has it."""
        self._in_bigin += 1
        problem: Problem = "stale" if record_id in self._left else "missing"
        held = self._left.pop(record_id, None)
        if problem == "stale" and held == modified:
            return
        if self._as_of is not None and modified is not None and modified > self._as_of:
            self._changed_since += 1
        else:
            self._differences.append(Difference(record_id, problem, held, modified))

    def ended(self, stream: str) -> Comparison:
        """Everything has been seen: what is held beyond it are ghosts.

        >>> comparing = Comparing({1: 10, 2: 10, 3: 10})
        >>> comparing.see(1, 10); comparing.see(2, 11); comparing.see(4, 10)
        >>> [(each.id, each.problem) for each in comparing.ended("Contacts").differences]
        [(2, 'stale'), (4, 'missing'), (3, 'ghost')]
        """
        ghosts = [Difference(each, "ghost", moment) for each, moment in self._left.items()]
        return Comparison(
            stream, self._in_bigin, self._held, (*self._differences, *ghosts), self._changed_since
        )


def compare(
    client: Labelled, module: str, held: dict[int, int | None], *, stream: str, as_of: int | None = None
) -> Comparison:
    """Read ``id`` and ``Modified_Time`` of a whole module, 200 a credit, and compare. Raises BiginError."""
    comparing = Comparing(held, as_of=as_of)
    for record_id, modified in _read(client, module):
        comparing.see(record_id, modified)
    return comparing.ended(stream)


def comparison_credits(records: int) -> int:
    """Price of comparing a module of so many records.

    >>> comparison_credits(0), comparison_credits(200), comparison_credits(201)
    (1, 1, 2)
    """
    return max(1, ceil(records / COQL_MAX_ROWS))


def _read(client: Labelled, module: str) -> Iterator[tuple[int, int | None]]:
    known: dict[str, int] = {}  # imports give thousands of records the same second
    for rows in client.coql.pages_by_id(module, ["id", REPLICATION_KEY]):
        for row in rows:
            text = row.get(REPLICATION_KEY)
            if text and text not in known:
                known[text] = seconds(text)
            yield int(row["id"]), known[text] if text else None
