"""What was deleted and what came back: a module's deleted list compared with what an earlier run saw.

The list tells deletions; it does not tell restorations. A restored record leaves the list, perhaps with
its old Modified_Time, which no incremental pass would read again. So state remembers which ids were in
the recycle bin: one that has left the list and can be read has been restored. Permanent deletions and
entries that faded (60 days in the bin, 120 days deleted for good) cannot be read.
Source: get-deleted-records (Bigin v2).
"""

from __future__ import annotations

import threading
import zlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from bigin_api.endpoints.results import Progress
from bigin_api.limits import RECORDS_PER_PAGE
from tap_bigin.bookmarks import READ_OVERLAP, moment_told
from tap_bigin.lists.id_set import IdSet
from tap_bigin.lists.marks import REMEMBERED, Begun, Mark, newest
from tap_bigin.lists.pages import in_hundreds

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from datetime import datetime

    from bigin_api import Labelled

Entry = dict[str, Any]

OVERLAP = 20  # entries that two pages of the list share: so many restorations between them are harmless
TIMES_WIDER = 4  # each time that two pages share nothing
LATEST = 20_000  # ids that are kept by their position: who must go back further begins at the first again

DELETED_TIME = "deleted_time"
KEPT = ("id", "display_name", "type", DELETED_TIME, "deleted_by")  # of an entry

_sorted = msgspec.json.Encoder(order="sorted")


@dataclass(frozen=True)
class News:
    """What a deleted list tells, beside its entries, that an earlier run could not know."""

    left: tuple[str, ...]  # ids no longer listed: restored, if they can be read
    mark: Mark


def news_of(reached: Mark) -> News:
    """The news of a list that has been read to its end, by the mark after its last page.

    >>> entry = {"id": "7", "type": "recycle", "deleted_time": "2026-05-14T09:00:00Z"}
    >>> news = news_of(read_on(Mark(gone=("8",), listed=1), Portion([entry], Begun())))
    >>> news.left, news.mark.gone
    (('8',), ('7',))
    """
    begun = reached.begun or Begun()
    if begun.since is not None:
        known = newest({*reached.gone, *begun.gone})
        return News((), Mark(begun.asked, known, reached.listed + begun.listed, reached.checked))
    return News(tuple(sorted(reached.gone)), Mark(begun.asked, begun.gone, begun.listed, begun.asked))


def read_on(mark: Mark, portion: Portion, *, overlap: timedelta = READ_OVERLAP) -> Mark:
    """The mark while its list is being read: with what a portion adds, and where that ends."""
    before, place = mark.begun or Begun(), portion.place
    ids = {each["id"] for each in portion.entries}
    gone = newest({*before.gone, *portion.in_bin})
    if place.since is None:
        mark = replace(mark, gone=tuple(each for each in mark.gone if each not in ids))
        added = len(ids.difference(before.last, before.gone))
    else:
        added = sum(1 for _ in new_in(portion.entries, mark, overlap=overlap))
    return replace(mark, begun=replace(place, gone=gone, listed=before.listed + added))


def taken_over(mark: Mark, other: Mark, now: datetime | None) -> News | None:
    """The news by another stream's mark of the same list, where this one would read all of it once more."""
    is_newer = other.checked is not None and (mark.checked is None or other.checked > mark.checked)
    if other.begun is not None or not is_newer or replace(mark, begun=None).asks_since(now) is not None:
        return None
    known = {*mark.gone, *(mark.begun.gone if mark.begun else ())}
    return News(tuple(sorted(known.difference(other.gone))), other)


def gone_on(mark: Mark, other: Mark, now: datetime | None) -> Mark:
    """A mark that would have a list read whole, from where another stream's reading of the list was cut.

    >>> other = Mark(begun=Begun(read=200, gone=("7",)))
    >>> gone_on(Mark(gone=("7", "8")), other, None) == Mark(gone=("8",), begun=other.begun)
    True
    """
    begun = other.begun
    if mark.begun is not None or begun is None or begun.since is not None or mark.asks_since(now) is not None:
        return mark
    return replace(mark, begun=begun, gone=tuple(each for each in mark.gone if each not in begun.gone))


def new_in(entries: Iterable[Entry], mark: Mark, *, overlap: timedelta = READ_OVERLAP) -> Iterator[Entry]:
    """Those of a list's entries that the mark does not know."""
    since = mark.since and mark.since - overlap
    by_ids = mark.listed <= REMEMBERED
    told = frozenset((*mark.begun.gone, *mark.begun.last) if mark.begun else ())
    known = told.union(mark.gone)
    for each in entries:
        is_in_bin = each.get("type") == "recycle"
        if is_in_bin and each["id"] in told:  # by the run that began to read the list
            continue
        if (
            since is None
            or (deleted := moment_told(each.get(DELETED_TIME))) is None
            or deleted >= since
            # A page may have skipped it in an earlier run.
            or (by_ids and is_in_bin and each["id"] not in known)
        ):
            yield each


class Portion(msgspec.Struct, frozen=True):
    """What a page of a list adds, and how far the list is read with it."""

    entries: list[Entry]
    place: Begun

    @property
    def in_bin(self) -> Iterator[str]:
        """The ids of those in the recycle bin."""
        return (each["id"] for each in self.entries if each.get("type") == "recycle")

    def packed(self) -> bytes:
        """The same in a twentieth of the memory: there may be very many, and another stream may ask later."""
        return zlib.compress(_sorted.encode(self), 1)

    @classmethod
    def unpacked(cls, kept: bytes) -> Portion:
        """The portion of ``packed``."""
        return msgspec.json.decode(zlib.decompress(kept), type=cls)


class Reading:
    """A list that is being read, a page at a time, for whoever asks for more of it."""

    def __init__(
        self, client: Labelled, module: str, since: datetime | None, begun: Begun | None = None
    ) -> None:
        """``begun`` is where an earlier run left it: what that has read does not come again."""
        self.since, self.begun = since, begun
        self._pages = deleted_pages(client, module, begun or Begun(asked=client.server_time, since=since))
        self._read: list[bytes] = []
        self._lock = threading.Lock()
        self._is_over = False
        self.error: BaseException | None = None  # what ended the reading, for whoever asks next

    def portions(self) -> Iterator[Portion]:
        """The entries from the first one, each page read once somebody asks for it. Raises BiginError."""
        at = 0
        while True:
            with self._lock:
                if at == len(self._read) and not self._is_over:
                    self._read_on()
                some = self._read[at:]
            if not some:
                return
            at += len(some)
            yield from map(Portion.unpacked, some)

    def read_already(self) -> Iterator[Portion]:
        """The portions that were read until now."""
        return map(Portion.unpacked, tuple(self._read))

    def _read_on(self) -> None:
        if self.error is not None:
            raise self.error
        try:
            self._read.append(next(self._pages).packed())
        except StopIteration:
            self._is_over = True
        except BaseException as error:
            self.error = error
            raise


class DeletedLists:
    """The deleted lists of a run: each is read once, for all streams that ask."""

    def __init__(self, overlap: timedelta) -> None:
        self._overlap = overlap
        self._read: dict[str, Reading] = {}
        self._lock = threading.Lock()

    def new_entries(self, client: Labelled, module: str, mark: Mark) -> Iterator[tuple[list[Entry], Mark]]:
        """A list's entries that the mark does not know, as the pages come, with the mark after each.

        There is one page at least, and ``news_of`` the last mark has what else is new. Raises BiginError.
        """
        reached = mark
        for some in self._of(client, module, mark).portions():
            reached = read_on(reached, some, overlap=self._overlap)
            yield list(new_in(some.entries, mark, overlap=self._overlap)), reached

    def listed(self, module: str, ids: Collection[str]) -> set[str]:
        """Those of the ids that a module's list had, as far as it was read in this run."""
        with self._lock:
            known = self._read.get(module)
        portions = known.read_already() if known and ids else ()
        return {each["id"] for some in portions for each in some.entries}.intersection(ids)

    def _of(self, client: Labelled, module: str, mark: Mark) -> Reading:
        """A module's list, at least from where the mark needs it."""
        since = mark.asks_since(client.server_time, overlap=self._overlap)
        with self._lock:
            known = self._read.get(module)
            if known is None or known.error is not None or not _has_all(known, since, mark.begun):
                known = self._read[module] = Reading(client, module, since, mark.begun)
            return known


def _has_all(known: Reading, since: datetime | None, begun: Begun | None) -> bool:
    """Whether a reading has all that another would bring."""
    if known.begun is not None:
        return known.begun == begun
    return known.since is None or (since is not None and since >= known.since)


def deleted_pages(client: Labelled, module: str, begun: Begun) -> Iterator[Portion]:
    """What each page of a module's deleted list adds, from where a reading stands; 1 credit a page of 200.

    The list has no tokens, and a restored record moves the rest up: so each page begins some entries
    before the last one ended, and if none of those is in it, the next begins earlier still, at last at the
    first entry.
    """
    asked, since = begun.asked, begun.since
    told = IdSet()
    new: list[Entry] = []  # of a page that meets nothing they wait: what lies before them is not read yet
    latest = [*begun.last]  # ids by position, beginning at the first that is known
    first = begun.read - len(latest)
    wider, progress = 1, Progress()
    while True:
        read = first + len(latest)
        number, size = window(read - min(OVERLAP, read // 4) * wider)
        page = client.records.deleted(
            module, page=number, per_page=size, modified_since=since and since - READ_OVERLAP
        )
        progress.see(page.records)
        if page.left_out:
            asked = None  # a deletion that cannot be read may be told by the next reading of the whole list
        start, ids = (number - 1) * size, [each["id"] for each in page.records]
        new += _untold(page.records, told)
        shared = max(0, start - first)
        if start and {*latest[shared:], *begun.gone}.isdisjoint(ids):
            wider *= TIMES_WIDER
            continue
        latest[shared:] = ids
        first = min(first, start) + max(0, len(latest) - LATEST)
        latest = latest[-LATEST:]
        yield Portion(new, Begun(asked, since, first + len(latest), tuple(latest[-OVERLAP:])))
        if not page.more_records:
            return
        new, wider = [], 1


def _untold(entries: Iterable[Entry], told: IdSet) -> Iterator[Entry]:
    """The entries, with what is read of them, that were not told as they are; from now on they are."""
    for each in entries:
        kept = {name: each[name] for name in KEPT if name in each}
        digest = hash(_sorted.encode(kept)) % 2**64
        if digest not in told:
            told.update([digest])
            yield kept


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
