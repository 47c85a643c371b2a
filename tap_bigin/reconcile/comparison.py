"""What a warehouse holds against what Bigin has: which ids are missing, stale, or ghosts.

What is held comes as a CSV of stream, id, Modified_Time.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Literal

from bigin_api.errors import SettingsError
from bigin_api.limits import COQL_MAX_ROWS
from bigin_api.moments import parse_moment
from tap_bigin.discovery.definition import REPLICATION_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bigin_api import Labelled

COLUMNS = ("stream", "id", "modified_time")
Held = dict[str, dict[int, "int | None"]]
"""By stream as the CSV spells it: id to seconds since 1970 in UTC, None where the row has no time."""

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


def compare(
    client: Labelled, module: str, held: dict[int, int | None], *, stream: str, as_of: int | None = None
) -> Comparison:
    """Read ``id`` and ``Modified_Time`` of a whole module, 200 a credit, and compare. Raises BiginError.

    Takes ``held`` over and empties it.
    """
    return differences(_read(client, module), held, stream=stream, as_of=as_of)


def differences(
    records: Iterable[tuple[int, int | None]],
    held: dict[int, int | None],
    *,
    stream: str,
    as_of: int | None = None,
) -> Comparison:
    """Compare what is held with the records as Bigin has them, each once: what is left then are ghosts.

    >>> found = differences([(1, 10), (2, 11), (4, 10)], {1: 10, 2: 10, 3: 10}, stream="Contacts")
    >>> [(each.id, each.problem) for each in found.differences]
    [(2, 'stale'), (4, 'missing'), (3, 'ghost')]
    """
    in_bigin = changed_since = 0
    held_before = len(held)
    found: list[Difference] = []
    for record_id, modified in records:
        in_bigin += 1
        problem: Problem = "stale" if record_id in held else "missing"
        known = held.pop(record_id, None)
        if problem == "stale" and known == modified:
            continue
        if as_of is not None and modified is not None and modified > as_of:
            changed_since += 1
        else:
            found.append(Difference(record_id, problem, known, modified))
    found += (Difference(each, "ghost", moment) for each, moment in held.items())
    return Comparison(stream, in_bigin, held_before, found, changed_since)


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


def read_held(lines: Iterable[str]) -> Held:
    """Ids and moments by stream, from CSV with a header, columns in any order and case.

    Raises SettingsError with the line's number for a row that cannot be read.

    >>> read_held(["stream,id,Modified_Time", "contacts,610,2026-05-14 09:53:58+00"])
    {'contacts': {610: 1778752438}}
    """
    rows = csv.reader(lines)
    stream_at, id_at, time_at = _places(next(rows, []))
    held: Held = {}
    for row in rows:
        if not row:
            continue
        try:
            moment = row[time_at].strip()
            held.setdefault(row[stream_at].strip(), {})[int(row[id_at])] = seconds(moment) if moment else None
        except (IndexError, ValueError) as exc:
            raise SettingsError(
                f"--held, line {rows.line_num}: {','.join(row)!r} is not readable: {exc}."
            ) from exc
    return held


def seconds(text: str) -> int:
    """Seconds since 1970 of an ISO datetime as DuckDB, Postgres and Bigin print it; no offset means UTC.

    Both loaders store what the tap sends, which is UTC. Raises ValueError.

    >>> seconds("2026-05-14T09:53:58Z") == seconds("2026-05-14 15:23:58.000+05:30")
    True
    >>> seconds("2026-05-14 09:53:58") == seconds("2026-05-14 11:53:58+02")
    True
    """
    if ":" not in text:
        raise ValueError(f"{text!r} has no time of day")
    return int(parse_moment(text).timestamp())


def _places(header: Sequence[str]) -> list[int]:
    names = [name.strip().lstrip("\ufeff").casefold() for name in header]
    lacking = [name for name in COLUMNS if name not in names]
    if lacking:
        raise SettingsError(
            f"--held: the header {','.join(header)!r} lacks {', '.join(lacking)}. "
            "It takes stream, id and Modified_Time, in any order."
        )
    return [names.index(name) for name in COLUMNS]
