"""What was deleted and what came back: a module's deleted list compared with what an earlier run saw.

The list tells deletions; it does not tell restorations. A restored record leaves the list, perhaps with
its old Modified_Time, which no incremental pass would read again. So state remembers which ids were in
the recycle bin: one that has left the list and can be read has been restored. Permanent deletions and
entries that faded (60 days in the bin, 120 days deleted for good) cannot be read.
Source: get-deleted-records (Bigin v2).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bigin_api.endpoints.results import Progress
from bigin_api.limits import RECORDS_PER_PAGE
from tap_bigin.bookmarks import READ_OVERLAP, moment_told
from tap_bigin.lists.marks import REMEMBERED, Mark, newest
from tap_bigin.lists.pages import in_hundreds

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
    from datetime import datetime

    from bigin_api import Labelled

Entry = dict[str, Any]

OVERLAP = 20  # entries that two pages of the list share: so many restorations between them are harmless
TRIES_TO_OVERLAP = 5

DELETED_TIME = "deleted_time"
KEPT = ("id", "display_name", "type", DELETED_TIME, "deleted_by")  # of an entry; there may be very many


@dataclass(frozen=True)
class DeletedList:
    """A module's deleted list as it was read."""

    entries: tuple[Entry, ...]
    asked: datetime | None  # Bigin's clock before it was read
    since: datetime | None = None  # None: whole


@dataclass(frozen=True)
class News:
    """What a deleted list tells that an earlier run could not know."""

    deleted: tuple[Entry, ...]
    left: tuple[str, ...]  # ids no longer listed: restored, if they can be read
    mark: Mark = field(default_factory=Mark)


def compare(mark: Mark, listed: DeletedList, *, overlap: timedelta = READ_OVERLAP) -> News:
    """The news in a list.

    >>> entry = {"id": "7", "type": "recycle", "deleted_time": "2026-05-14T09:00:00Z"}
    >>> news = compare(Mark(gone=("8",), listed=1), DeletedList((entry,), None))
    >>> [each["id"] for each in news.deleted], news.left
    (['7'], ('8',))
    """
    deleted = tuple(new_in(listed.entries, mark, overlap=overlap))
    in_bin = frozenset(each["id"] for each in listed.entries if each.get("type") == "recycle")
    if listed.since is not None:
        known = in_bin.union(mark.gone)
        return News(deleted, (), Mark(listed.asked, newest(known), mark.listed + len(deleted), mark.checked))
    left = set(mark.gone) - {each["id"] for each in listed.entries}
    return News(
        deleted,
        tuple(sorted(left)),
        Mark(listed.asked, newest(in_bin), len(listed.entries), listed.asked),
    )


def new_in(entries: Iterable[Entry], mark: Mark, *, overlap: timedelta = READ_OVERLAP) -> Iterator[Entry]:
    """Those of a list's entries that the mark does not know."""
    since = mark.since and mark.since - overlap
    by_ids = mark.listed <= REMEMBERED
    for each in entries:
        if (
            since is None
            or (deleted := moment_told(each.get(DELETED_TIME))) is None
            or deleted >= since
            # A page may have skipped it in an earlier run.
            or (by_ids and each.get("type") == "recycle" and each["id"] not in mark.gone)
        ):
            yield each


class Reading:
    """A list that is being read, a page at a time, for whoever asks for more of it."""

    def __init__(self, client: Labelled, module: str, since: datetime | None) -> None:
        self.since = since
        self._pages = deleted_pages(client, module, since=since)
        self._entries: list[Entry] = []
        self._whole: DeletedList | None = None
        self._lock = threading.Lock()
        self.error: BaseException | None = None  # what ended the reading, for whoever asks next

    def portions(self) -> Iterator[list[Entry]]:
        """The entries as they come, from the first one. Raises BiginError."""
        at = 0
        while True:
            with self._lock:
                if at == len(self._entries) and self._whole is None:
                    self._read_on()
                some = self._entries[at:]
                is_over = self._whole is not None
            at += len(some)
            if some:
                yield some
            if is_over:
                return

    def whole(self) -> DeletedList:
        """The list, read to its end. Raises BiginError."""
        while True:
            with self._lock:
                if self._whole is not None:
                    return self._whole
                self._read_on()

    def _read_on(self) -> None:
        if self.error is not None:
            raise self.error
        try:
            self._entries += next(self._pages)
        except StopIteration as ended:
            self._whole = ended.value
        except BaseException as error:
            self.error = error
            raise


class DeletedLists:
    """The deleted lists of a run: each is read once, for all streams that ask."""

    def __init__(self, overlap: timedelta) -> None:
        self._overlap = overlap
        self._read: dict[str, Reading] = {}
        self._lock = threading.Lock()

    def news(self, client: Labelled, module: str, mark: Mark) -> News:
        """What a module's list tells that the mark does not know. Raises BiginError."""
        return compare(mark, self._of(client, module, mark).whole(), overlap=self._overlap)

    def new_entries(self, client: Labelled, module: str, mark: Mark) -> Iterator[list[Entry]]:
        """Its entries that the mark does not know, as the pages come. Raises BiginError."""
        for some in self._of(client, module, mark).portions():
            if new := list(new_in(some, mark, overlap=self._overlap)):
                yield new

    def listed(self, module: str) -> Collection[str]:
        """The ids that a module's list had, as far as it was read in this run."""
        with self._lock:
            known = self._read.get(module)
        if known is None or known.error is not None:
            return frozenset()
        return frozenset(each["id"] for each in known.whole().entries)

    def _of(self, client: Labelled, module: str, mark: Mark) -> Reading:
        """A module's list, at least from where the mark needs it."""
        since = mark.asks_since(client.server_time, overlap=self._overlap)
        with self._lock:
            known = self._read.get(module)
            is_longer = known and known.since is not None and (since is None or since < known.since)
            if known is None or known.error is not None or is_longer:
                known = self._read[module] = Reading(client, module, since)
            return known


def read_deleted(client: Labelled, module: str, *, since: datetime | None = None) -> DeletedList:
    """A module's deleted list; 1 credit a page of 200."""
    return Reading(client, module, since).whole()


def deleted_pages(
    client: Labelled, module: str, *, since: datetime | None
) -> Generator[list[Entry], None, DeletedList]:
    """What each page of a module's deleted list adds, then the list.

    The list has no tokens, and a restored record moves the rest up: so each page begins some entries
    before the last one ended, and if none of those is in it, the next begins earlier still.
    """
    asked = client.server_time
    found: dict[str, Entry] = {}
    read: list[str] = []  # ids by position, as far as they are known
    once: dict[str, Any] = {}  # equal values, each of which is kept once
    wider, tries, progress = 1, 0, Progress()
    while True:
        overlap = min(OVERLAP, len(read) // 4) * wider
        number, size = window(len(read) - overlap)
        page = client.records.deleted(
            module, page=number, per_page=size, modified_since=since and since - READ_OVERLAP
        )
        progress.see(page.records)
        if page.left_out:
            asked = None  # a deletion that cannot be read may be told by the next reading of the whole list
        start, ids = (number - 1) * size, [str(each["id"]) for each in page.records]
        new = [each for each in _kept(page.records, once) if found.get(each["id"]) != each]
        found.update((each["id"], each) for each in new)
        if new:
            yield new
        if start and not set(read[start:]) & set(ids) and tries < TRIES_TO_OVERLAP:
            wider, tries = wider * 4, tries + 1
            continue
        read[start:] = ids
        wider = 1
        if not page.more_records:
            return DeletedList(tuple(found.values()), asked, since)


def _kept(entries: Iterable[Entry], once: dict[str, Any]) -> Iterator[Entry]:
    """The entries with what is read of them, and each person who deleted kept once."""
    for each in entries:
        kept = {name: each[name] for name in KEPT if name in each}
        by, kind = kept.get("deleted_by"), kept.get("type")
        shared = {"id": str(each["id"]), "deleted_by": once.setdefault(repr(by), by)}
        yield {**kept, **shared, "type": once.setdefault(repr(kind), kind)}


def window(at: int) -> tuple[int, int]:
    """Number and size of the page that begins at a position or a little before, and ends furthest from it.

    >>> window(0), window(180), window(350)
    ((1, 200), (2, 180), (3, 175))
    """
    at, sizes = max(0, at), range(RECORDS_PER_PAGE, RECORDS_PER_PAGE // 2, -1)
    size = max(sizes, key=lambda size: (at // size + 1) * size)
    return at // size + 1, size


def restored(client: Labelled, module: str, ids: Sequence[str]) -> list[str]:
    """Those of the ids that can be read again; 1 credit per 100."""
    return [
        record["id"] for some in in_hundreds(ids) for record in client.records.by_ids(module, some, ["id"])
    ]
