"""What a Bulk Read job left out: found by COQL, at the lowest price that proves it.

Such a job has been seen to leave out rows whose parent lookup was empty, without counting them. So:

1. For each lookup that is empty in no row, one page of the ids where it is empty (1 credit). If one of
   them is not in the file, all of them are looked at.
2. If the module still holds more than was found, and deletions of the last minutes do not explain it
   (Bigin's count lags that long), all ids are looked at by key, 200 a credit.

Only records that were there when the pass began are asked for: later ones belong to the next.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING

from bigin_api.endpoints.coql import all_of, as_column, moment
from bigin_api.endpoints.coql_select import EVERY_RECORD
from bigin_api.endpoints.results import Progress
from bigin_api.errors import Refused
from bigin_api.limits import COQL_MAX_ROWS
from tap_bigin.bookmarks import moment_told
from tap_bigin.lists.id_set import IdSet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bigin_api import Labelled
    from tap_bigin.bookmarks import Scan
    from tap_bigin.report import StreamReport

COUNT_LAG = timedelta(minutes=15)  # module-records-count (sister API): 1 to 10 minutes


class SeenIds:
    """Ids of the rows read, 8 bytes each, and where one file ended and the next began.

    >>> seen = SeenIds()
    >>> seen.add(["7", "9"]); seen.add(["12"])
    >>> seen.lacking(["7", "8", "12"]), seen.rows, seen.ascending
    (['8'], 3, True)
    """

    def __init__(self) -> None:
        self._ids = array("Q")
        self._beside = IdSet()
        self.ascending = True  # as every file seen was; nothing promises it
        self.borders: list[tuple[int, int]] = []  # last id of a file, first id of the next

    @property
    def last(self) -> int:
        """The id of the last row."""
        return self._ids[-1] if self._ids else 0

    @property
    def rows(self) -> int:
        """How many rows the files had."""
        return len(self._ids)

    def __len__(self) -> int:
        return len(self._ids) + len(self._beside)

    def add(self, ids: Sequence[str], *, begins_file: bool = False) -> None:
        """Rows of a file, in its order."""
        new = array("Q", map(int, ids))
        if begins_file and self._ids and new:
            self.borders.append((self.last, new[0]))
        joined = [self.last, *new]
        self.ascending = self.ascending and all(map(int.__lt__, joined, joined[1:]))
        self._ids.extend(new)

    def add_beside(self, ids: Iterable[str]) -> None:
        """Records that were read otherwise."""
        self._beside.update(map(int, ids))

    def lacking(self, ids: Iterable[str]) -> list[str]:
        """Those that have not been read."""
        if not self.ascending:
            self._ids = array("Q", sorted(self._ids))
        return [each for each in ids if not self._has(int(each))]

    def _has(self, record_id: int) -> bool:
        place = bisect_left(self._ids, record_id)
        return (place < len(self._ids) and self._ids[place] == record_id) or record_id in self._beside


class Completion:
    """Finds the records of one pass that are in none of its files."""

    def __init__(
        self, client: Labelled, module: str, scan: Scan, *, seen: SeenIds, report: StreamReport
    ) -> None:
        self._client = client
        self._module = module
        self._pass = scan
        self._seen = seen
        self._report = report
        self.refused: str | None = None  # why COQL could not be asked

    def missing(
        self, lookups: Sequence[str], *, counted: int, promised: int, rest: bool = False
    ) -> Iterator[list[str]]:
        """Ids of records that the files lack. What is read of them is to be told to ``seen``.

        ``counted`` is what Bigin counts in the module, ``promised`` what the jobs say is in their files;
        ``rest``: there are some beyond the last file, left to be read by key.
        """
        try:
            yield from self._between_files()
            if rest:
                yield from self._lacking(f"id > {self._seen.last}" if self._seen.ascending else None)
            for lookup in lookups:
                yield from self._without(lookup)
            if self._is_short(counted, promised):
                yield from self._anywhere(counted)
        except Refused as refused:
            self.refused = refused.message

    def _between_files(self) -> Iterator[list[str]]:
        """A deletion between two jobs moves the rest up: a row may have slipped between their files."""
        for last, first in self._seen.borders if self._seen.ascending else ():
            yield from self._lacking(f"(id > {last} and id < {first})")

    def _without(self, lookup: str) -> Iterator[list[str]]:
        pages = self._pages(f"{as_column(lookup)} is null")
        missing = self._seen.lacking(next(pages, []))
        if not missing:
            return
        self._report.inform(f"the job left out records without {lookup}: looking for them, 1 credit for 200.")
        yield missing
        for ids in pages:
            yield self._seen.lacking(ids)

    def _is_short(self, counted: int, promised: int) -> bool:
        short = counted - len(self._seen)
        if promised > self._seen.rows or (self._seen.borders and not self._seen.ascending):
            return True
        if short <= 0:
            return False
        deleted = self._deleted_lately()
        if short <= deleted:
            self._report.inform(
                f"Bigin counts {short:,} more records than there are: {deleted:,} were deleted lately, and "
                "its count lags by minutes."
            )
            return False
        return True

    def _anywhere(self, counted: int) -> Iterator[list[str]]:
        self._report.warn(
            f"the job gave {self._seen.rows:,} of {counted:,} records. Looking at every id for those that "
            f"are missing: {ceil(counted / COQL_MAX_ROWS):,} credits."
        )
        yield from self._lacking(None)

    def _lacking(self, condition: str | None) -> Iterator[list[str]]:
        for ids in self._pages(condition):
            missing = self._seen.lacking(ids)
            if missing:
                yield missing

    def _pages(self, condition: str | None) -> Iterator[list[str]]:
        """Ids of the pass that meet a condition, a page at a time."""
        where = all_of([*self._window(), *([condition] if condition else [])] or [EVERY_RECORD])
        lacks = self._report.lacks
        for rows in self._client.coql.pages_by_id(self._module, ["id"], where=where, on_lack=lacks):
            yield [str(row["id"]) for row in rows]

    def _window(self) -> list[str]:
        """What was there when the pass began; later changes belong to the next one."""
        since, started = self._pass.since, self._pass.started
        oldest = [f"Modified_Time >= {moment(since)}"] if since else []
        newest = [f"{'Modified_Time' if since else 'Created_Time'} < {moment(started)}"] if started else []
        return [*oldest, *newest]

    def _deleted_lately(self) -> int:
        """How many records that the files lack were deleted since the count may have been right."""
        if self._pass.started is None:
            return 0
        since = self._pass.started - COUNT_LAG
        found: set[str] = set()  # a deletion meanwhile moves the list on, and one may come twice
        number, progress = 1, Progress()
        while True:
            page = self._client.records.deleted(self._module, page=number, modified_since=since)
            progress.see(page.records)
            told = {str(each["id"]): moment_told(each.get("deleted_time")) for each in page.records}
            times = {each: time for each, time in told.items() if time is not None}
            # Deleted after its row was written, a record is in the count and in the file.
            found.update(self._seen.lacking(each for each, time in times.items() if time >= since))
            if not page.more_records or any(each < since for each in times.values()):
                return len(found)
            number += 1
