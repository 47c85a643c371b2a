"""The result of a Bulk Read job, made beside the server's work: never more than a row in memory.

The records are copied to disk when the job is made (what changes afterwards is not in the file); a
thread then turns the copy into a zip with one CSV.
"""

from __future__ import annotations

import sqlite3
import zipfile
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass
from io import TextIOWrapper
from itertools import islice
from typing import TYPE_CHECKING

from bigin_sandbox.rules.bulk_read.calendar import write_ics
from bigin_sandbox.rules.bulk_read.csv_rows import write_csv
from bigin_sandbox.rules.reading.record_sql import rows_of

if TYPE_CHECKING:
    from pathlib import Path

    from bigin_sandbox.rules.bulk_read.query import BulkQuery
    from bigin_sandbox.rules.reading.record_sql import Row, Statement
    from bigin_sandbox.storage.metadata import Metadata
    from bigin_sandbox.storage.store import Store


@dataclass(frozen=True)
class Order:
    """What is to be made, and from what."""

    job_id: str
    folder: Path
    query: BulkQuery
    statement: Statement  # selects one row more than a page, if there are more
    per_page: int
    zone: str
    outcome: str | None


class ResultFile:
    """A zip in the making."""

    def __init__(self, order: Order, store: Store, workshop: Executor) -> None:
        self._order = order
        self._metadata: Metadata = store
        self._copy = order.folder / f"{order.job_id}.db"
        self.path = order.folder / f"{order.job_id}.zip"
        self.count = 0
        self.more_records = False
        store.snapshot(self._copy, order.statement.sql, order.statement.values)
        self._work = workshop.submit(self._make)

    def is_ready(self) -> bool:
        """Whether the file lies there. An error in its making comes out here."""
        if not self._work.done():
            return False
        self._work.result()
        return True

    def remove(self) -> None:
        """A day is over."""
        self.path.unlink(missing_ok=True)

    def _make(self) -> None:
        order = self._order
        with (
            closing(sqlite3.connect(self._copy)) as copy,
            zipfile.ZipFile(self.path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        ):
            total = copy.execute("select count(*) from rows").fetchone()[0]
            self.more_records = total > order.per_page
            rows = self._written(copy, min(total, order.per_page))
            member = f"{order.job_id}.{order.query.file_type}"
            with archive.open(member, "w") as raw, TextIOWrapper(raw, "utf-8", newline="") as file:
                if order.query.file_type == "ics":
                    write_ics(file, rows)
                else:
                    write_csv(file, rows, order.query.columns, self._metadata, zone=order.zone)
        self._copy.unlink()

    def _written(self, copy: sqlite3.Connection, count: int) -> Iterator[Row]:
        """The rows of the file, some of them left out if a test asked for it."""
        selected = rows_of(copy.execute("select * from rows order by rowid"), self._order.statement.joins)
        for place, row in enumerate(islice(selected, count)):
            if self._order.outcome == "omit_null_parents" and self._is_orphan(row):
                continue
            self.count += 1
            if self._order.outcome == "short_file" and place >= count - max(1, count // 10):
                continue
            yield row

    def _is_orphan(self, row: Row) -> bool:
        """Seen on the sister product: rows without a parent were left out. FACTS 4."""
        fields = self._metadata.fields(self._order.query.module)
        parent = next((field["api_name"] for field in fields if field["data_type"] == "lookup"), None)
        return parent is not None and row.record.get(parent) is None
