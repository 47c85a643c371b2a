"""Where the log is kept: SQLite or PostgreSQL by one URL; its tables, and how its transactions behave.

``head`` of the counter row is the only source of ``seq``. A writer locks that row until it commits, so
rows become visible in the order of their numbers, and no reader skips one that commits late: a sequence
of PostgreSQL's made a reader skip 136 of 1,056 rows with two writers.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Dialect, Engine

from bigin_api.errors import SettingsError
from bigin_api.moments import parse_moment

FORMAT = 1  # of the tables; a log with a higher one was made by a newer program
LOCK_SECONDS = 10  # patience with another writer
ROWS_TOGETHER = 100  # of two MB at most, for PostgreSQL's jsonb holds 255
_CREATING = 0x6269_6769_6E  # the advisory lock under which the tables are made

_INSERTING = "INSERT INTO {} VALUES ({})"
_FINDING = "SELECT {0} FROM {1} WHERE {0} {2}"

METADATA = sa.MetaData()
_Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
COUNTER = sa.Table(
    "feed_log",
    METADATA,
    sa.Column("one", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("format", sa.Integer, nullable=False),
    sa.Column("head", _Number, nullable=False),
    sa.Column("pruned", _Number, nullable=False),
    sa.Column("heartbeat", sa.Text, nullable=False),
)
ROWS = sa.Table(
    "feed_rows",
    METADATA,
    sa.Column("seq", _Number, primary_key=True, autoincrement=False),
    sa.Column("received", sa.Text, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("module", sa.Text, nullable=False),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("operation", sa.Text, nullable=False),
    sa.Column("time", sa.Text),
    sa.Column("person", sa.Text),
    sa.Column("fields", sa.Text, nullable=False),
    sa.Column("values", sa.Text),
)
SILENCES = sa.Table(
    "feed_silences",
    METADATA,
    sa.Column("seq", _Number, primary_key=True, autoincrement=False),
    sa.Column("begun", sa.Text, nullable=False),
    sa.Column("ended", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
)
BODIES = sa.Table(
    "feed_bodies",
    METADATA,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("received", sa.Text, nullable=False),
)
KEPT = sa.Table(
    "feed_kept",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
DEVICES = sa.Table(
    "feed_devices",  # of the sync flow, and how far the log was read for each
    METADATA,
    sa.Column("device", sa.Text, primary_key=True),
    sa.Column("position", _Number, nullable=False),
)
DUE = sa.Table(
    "feed_due",  # what a device of the sync flow has not acknowledged
    METADATA,
    sa.Column("device", sa.Text, primary_key=True),
    sa.Column("module", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("seq", _Number, nullable=False),
    sa.Column("event", sa.Text, nullable=False),
)


class LogUnusable(SettingsError):  # noqa: N818 -- reads as what happened
    """``feed_log`` names no log that this program can use; the message says why."""


def connect(url: str, *, read_only: bool) -> Engine:
    """An engine of the database. Raises LogUnusable for a URL that is none of ours."""
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        raise LogUnusable(
            "feed_log: expected a URL such as sqlite:///bigin-feed.sqlite or postgresql://user@host/db."
        ) from None
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed, read_only=read_only)
    if parsed.get_backend_name() in ("postgresql", "postgres"):
        return _postgresql(parsed, read_only=read_only)
    raise LogUnusable(f"feed_log: {parsed.get_backend_name()} is neither sqlite nor postgresql.")


def create(engine: Engine, *, now: str) -> None:
    """Make the tables where they are missing; two programs that start at once do it one after the other.

    Numbers begin at the present in milliseconds. No log gets a thousand rows a second for long, so those of
    a later log are above those of an earlier one, and its rows never pass for the same in a warehouse.
    """
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_CREATING)))
        METADATA.create_all(connection)
        if connection.execute(sa.select(COUNTER.c.one)).first() is None:
            begin = int(parse_moment(now).timestamp() * 1000)
            first = {"one": 1, "id": uuid.uuid4().hex, "format": FORMAT, "head": begin, "pruned": begin}
            connection.execute(sa.insert(COUNTER).values(**first, heartbeat=now))


def insert(connection: Connection, table: sa.Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows, each in the order of the table's columns.

    SQLite takes them one by one for less than it costs to read them from JSON. PostgreSQL is on the other
    side of a connection: there many travel as one text, in one statement.
    """
    if connection.dialect.name == "sqlite":
        if rows:
            connection.exec_driver_sql(_INSERTING.format(table.name, ", ".join("?" * len(rows[0]))), [*rows])
        return
    statement = _inserting_listed(table, connection.dialect)
    for start in range(0, len(rows), ROWS_TOGETHER):
        connection.exec_driver_sql(statement, (_json(rows[start : start + ROWS_TOGETHER]),))


def known(connection: Connection, column: sa.Column[str], values: Sequence[str]) -> Sequence[str]:
    """Those of the values that a column has."""
    # An array in PostgreSQL: a join with the list would read the whole table, whose size nobody told it.
    listed = (
        "IN (SELECT value FROM json_each(?))"
        if connection.dialect.name == "sqlite"
        else "= ANY(ARRAY(SELECT json_array_elements_text(CAST(%s AS json))))"
    )
    statement = _FINDING.format(column.name, column.table.name, listed)
    return connection.exec_driver_sql(statement, (_json(values),)).scalars().all()


@cache
def _inserting_listed(table: sa.Table, dialect: Dialect) -> str:
    cells = [
        f"CAST(value ->> {place} AS {column.type.compile(dialect)})"
        for place, column in enumerate(table.columns)
    ]
    listed = "jsonb_array_elements(CAST(%s AS jsonb))"  # json would be parsed again for each cell
    return f"INSERT INTO {table.name} SELECT {', '.join(cells)} FROM {listed}"  # noqa: S608 -- ours


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def check(connection: Connection, url: str) -> None:
    """Raise LogUnusable if this is no log, or one of a newer program."""
    shown = shown_url(url)
    if not sa.inspect(connection).has_table(COUNTER.name):
        raise LogUnusable(f"feed_log: {shown} holds no log; bigin feed serve makes one.")
    found = connection.execute(sa.select(COUNTER.c.format)).scalar()
    if found is None or found > FORMAT:
        raise LogUnusable(f"feed_log: {shown} has format {found}, this program knows {FORMAT}: update it.")


def cause(error: Exception) -> str:
    """The driver's own words, on one line."""
    return " ".join(str(getattr(error, "orig", None) or error).split())


def shown_url(url: str) -> str:
    """The URL without its password, which may stand among its options, too."""
    return sa.make_url(url).set(query={}).render_as_string()


def _sqlite(url: URL, *, read_only: bool) -> Engine:
    path = url.database
    if not path or path == ":memory:" or path.startswith("file:") or "\0" in path or url.query:
        raise LogUnusable("feed_log: a SQLite log is a file, such as sqlite:///bigin-feed.sqlite.")
    if read_only and not Path(path).exists():
        raise LogUnusable(f"feed_log: there is no file {path}; bigin feed serve makes one.")
    if not read_only:
        try:
            Path(path).touch(mode=0o600)  # it keeps the secrets of the channel
        except OSError as error:
            raise LogUnusable(f"feed_log: cannot write {path} ({error.strerror}).") from None
    engine = sa.create_engine(
        url.set(drivername="sqlite"), connect_args={"timeout": LOCK_SECONDS}, poolclass=sa.pool.QueuePool
    )

    @sa.event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        with closing(connection.cursor()) as cursor:
            if read_only:
                cursor.execute("PRAGMA query_only = ON")
            else:
                cursor.execute("PRAGMA journal_mode = WAL")
                cursor.execute("PRAGMA synchronous = FULL")  # what was answered with 200 is on disk

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def _postgresql(url: URL, *, read_only: bool) -> Engine:
    options = f"-c lock_timeout={LOCK_SECONDS}s"
    if read_only:
        options += " -c default_transaction_read_only=on"
    return sa.create_engine(
        url.set(drivername="postgresql+psycopg"),
        isolation_level="READ COMMITTED",
        connect_args={"options": options, "connect_timeout": LOCK_SECONDS},
        pool_pre_ping=True,
    )
