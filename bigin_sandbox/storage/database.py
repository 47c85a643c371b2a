"""The SQLite file or memory in which an organisation lives.

Tables, transactions, ids, and small things that are no records: links, e-mails, files.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from bigin_sandbox.clock import Clock

Record = dict[str, Any]

_SCHEMA = """
create table if not exists metadata
  (kind text, owner text, position integer, body text, primary key (kind, owner, position));
create table if not exists records
  (id integer primary key, module text, created integer, modified integer, name text, body text);
create table if not exists bin
  (id integer primary key, module text, created integer, deleted integer, name text, body text,
   kind text, deleted_by text, cause integer);
create table if not exists lookups (module text, field text, value text, id integer);
create table if not exists links (kind text, one integer, other integer, unique (kind, one, other));
create table if not exists emails (id integer primary key, parent integer, body text);
create table if not exists files (id text primary key, name text, content blob);
create table if not exists numbers (name text primary key, value integer);
create table if not exists veils
  (id integer, kind text, until real, module text, created integer, modified integer, name text, body text,
   primary key (id, kind));
create view if not exists seen_records as
  select * from records where id not in (select id from veils)
  union all
  select id, module, created, modified, name, body from veils
  where kind = 'late' and body is not null and id not in (select id from veils where kind = 'approval');
create view if not exists seen_or_unapproved_records as
  select * from records where id not in (select id from veils where kind = 'late')
  union all
  select id, module, created, modified, name, body from veils where kind = 'late' and body is not null;
create view if not exists unapproved_records as
  select * from records where id in (select id from veils where kind = 'approval');
create index if not exists bin_by_module on bin (module, deleted);
create index if not exists emails_by_parent on emails (parent);
"""
_TABLES = ("metadata", "records", "bin", "lookups", "links", "emails", "files", "numbers", "veils")
_INDEXES = {
    "records_by_module": "records (module)",
    "records_by_created": "records (module, created)",
    "records_by_modified": "records (module, modified)",
    "lookups_by_value": "lookups (module, field, value)",
    "lookups_by_id": "lookups (id)",
}
FIRST_ID = 6_100_000_000_000_451_001  # 19 digits beyond 2^53, as FACTS 3 says

CONTACTS_PRODUCTS = "Contacts-Products"  # a kind of link: a contact, then a product


class Database:
    """An organisation's tables. One thread uses them; nothing here locks."""

    def __init__(self, db_path: str, clock: Clock) -> None:
        self.clock = clock
        self._db = sqlite3.connect(db_path, isolation_level=None, check_same_thread=False)
        self._db.executescript("pragma journal_mode = wal; pragma synchronous = normal;" + _SCHEMA)
        self.build_indexes()

    def close(self) -> None:
        """Let go of the database."""
        self._db.close()

    def copy(self) -> sqlite3.Connection:
        """A copy of everything in memory, as it is now."""
        copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._db.backup(copy)
        return copy

    def take_copy(self, copy: sqlite3.Connection) -> None:
        """Hold what a copy holds in place of what is here."""
        # In memory SQLite would note every page that is overwritten, for a rollback that cannot come.
        mode = self._db.execute("pragma journal_mode").fetchone()[0]
        if mode == "memory":
            self._db.execute("pragma journal_mode = off")
        copy.backup(self._db)
        if mode == "memory":
            self._db.execute("pragma journal_mode = memory")

    def clear(self) -> None:
        """Empty every table."""
        for table in _TABLES:
            self._db.execute(f"delete from {table}")

    def build_indexes(self) -> None:
        """Make the indexes that are not there."""
        for name, columns in _INDEXES.items():
            self._db.execute(f"create index if not exists {name} on {columns}")

    def drop_indexes(self) -> None:
        """Before writing very many records; `build_indexes` afterwards."""
        for name in _INDEXES:
            self._db.execute(f"drop index if exists {name}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; a transaction inside another is part of it."""
        if self._db.in_transaction:
            yield
            return
        self._db.execute("begin")
        try:
            yield
        except BaseException:
            self._db.execute("rollback")
            raise
        self._db.execute("commit")

    def query(self, sql: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Rows of a select over the tables above, lazily: see `rules.record_sql`, which writes them."""
        return self._db.execute(sql, values)

    def define(self, name: str, arity: int, function: Callable[..., Any]) -> None:
        """Make a function known to the selects of `query`."""
        self._db.create_function(name, arity, function, deterministic=True)

    def snapshot(self, path: Path, sql: str, values: Sequence[Any] = ()) -> None:
        """Keep what a select gives, as it is now, in the table `rows` of a new database file."""
        self._db.execute("attach database ? as snapshot", (str(path),))
        try:
            self._db.execute("pragma snapshot.journal_mode = off")
            self._db.execute(f"create table snapshot.rows as {sql}", values)
        finally:
            self._db.execute("detach database snapshot")

    def new_id(self) -> str:
        """An id that no record, tag, row, job or file of this organisation has."""
        return str(self.next_number("id", FIRST_ID))

    def new_ids(self, count: int) -> list[str]:
        """So many ids, one after the other."""
        if not count:
            return []
        first = self.next_number("id", FIRST_ID)
        if count > 1:
            self.skip_numbers("id", first + count - 1)
        return [str(number) for number in range(first, first + count)]

    def next_number(self, name: str, start: int = 1) -> int:
        """The next number of a sequence that begins at `start`."""
        sql = (
            "insert into numbers values (?, ?) on conflict (name) do update set value = value + 1 "
            "returning value"
        )
        return int(self._db.execute(sql, (name, start)).fetchall()[0][0])

    def skip_numbers(self, name: str, value: int) -> None:
        """Say that a sequence was used up to `value`."""
        self._db.execute("insert or replace into numbers values (?, ?)", (name, value))

    def link(self, kind: str, one: str, other: str) -> None:
        """Tie two records, e.g. kind `CONTACTS_PRODUCTS`: one contact, other product."""
        values = (kind, to_row_id(one), to_row_id(other))
        self._db.execute("insert or ignore into links values (?, ?, ?)", values)

    def unlink(self, kind: str, one: str, other: str) -> bool:
        """Untie two records; False if they were not tied."""
        sql = "delete from links where kind = ? and one = ? and other = ?"
        return self._db.execute(sql, (kind, to_row_id(one), to_row_id(other))).rowcount > 0

    def linked(self, kind: str, *, one: str | None = None, other: str | None = None) -> list[str]:
        """Ids tied to `one`, or to `other`."""
        wanted, given, value = ("other", "one", one) if one is not None else ("one", "other", other)
        sql = f"select {wanted} from links where kind = ? and {given} = ? order by {wanted}"
        return [str(row[0]) for row in self._db.execute(sql, (kind, to_row_id(value or "")))]

    def add_email(self, parent_id: str, email: Record) -> None:
        """Put an e-mail beside a record; it is read as a related list only."""
        row = (int(self.new_id()), to_row_id(parent_id), to_body(email))
        self._db.execute("insert into emails values (?, ?, ?)", row)

    def emails(self, parent_id: str) -> list[Record]:
        """The e-mails of a record, newest first."""
        sql = "select body from emails where parent = ? order by id desc"
        return [msgspec.json.decode(body) for (body,) in self._db.execute(sql, (to_row_id(parent_id),))]

    def put_file(self, name: str, content: bytes) -> str:
        """Keep bytes; gives the file's id."""
        file_id = self.new_id()
        self.keep_file(file_id, name, content)
        return file_id

    def keep_file(self, file_id: str, name: str, content: bytes) -> None:
        """Keep bytes under an id that was given before."""
        self._db.execute("insert into files values (?, ?, ?)", (file_id, name, content))

    def get_file(self, file_id: str) -> tuple[str, bytes] | None:
        """Name and bytes of a kept file."""
        row = self._db.execute("select name, content from files where id = ?", (file_id,)).fetchone()
        return (row[0], row[1]) if row else None


def to_row_id(record_id: str) -> int:
    """An id as SQLite holds it; -1, which no record has, for what cannot be one."""
    usable = record_id.isdecimal() and record_id.isascii() and len(record_id) <= 19
    return int(record_id) if usable and int(record_id) < 2**63 else -1


def to_body(item: Record) -> str:
    """An item as it stands in a `body` column."""
    return msgspec.json.encode(item).decode()
