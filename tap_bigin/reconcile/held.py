"""What a warehouse says it holds: a CSV of stream, id, Modified_Time becomes ids and moments by stream."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from bigin_api.errors import SettingsError
from bigin_api.moments import parse_moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

COLUMNS = ("stream", "id", "modified_time")
Held = dict[str, dict[int, "int | None"]]
"""By stream as the CSV spells it: id to seconds since 1970 in UTC, None where the row has no time."""


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
