"""A loader as plain as can be: from stdin into PostgreSQL, the state into a file once all is stored.

``python -m benchmarks.postgres_loader URL STATE-FILE``
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import psycopg

TABLES = """
create table if not exists records (
    stream text, id text, record jsonb not null, primary key (stream, id)
);
create table if not exists runs (ended timestamptz default clock_timestamp(), records int);
"""
STORE = """
insert into records values (%s, %s, %s)
on conflict (stream, id) do update set record = excluded.record
"""


def load(url: str, state_file: Path) -> None:
    """Read to the end. Everything before a STATE is committed before it is kept."""
    waiting: dict[tuple[str, str], str] = {}
    counts: dict[str, int] = defaultdict(int)
    with psycopg.connect(url) as connection:
        connection.execute(TABLES)
        for line in sys.stdin.buffer:
            message: dict[str, Any] = json.loads(line)
            if message["type"] == "RECORD" and "id" in message["record"]:
                key = message["stream"], message["record"]["id"]
                waiting[key] = json.dumps(message["record"])
                counts["all"] += 1
            elif message["type"] == "STATE":
                _store(connection, waiting)
                written = state_file.with_suffix(".new")
                written.write_text(json.dumps(message["value"]))
                written.replace(state_file)
        connection.execute("insert into runs (records) values (%s)", [counts["all"]])
        _store(connection, waiting)


def _store(connection: psycopg.Connection[Any], waiting: dict[tuple[str, str], str]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(STORE, [(*key, record) for key, record in waiting.items()])
    connection.commit()
    waiting.clear()


if __name__ == "__main__":
    load(sys.argv[1], Path(sys.argv[2]))
