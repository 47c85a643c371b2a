"""What every pass by list pages owes: that nothing slipped between two of them.

The borders of the pages are kept with the pass until they are proven, by COQL or, where that may not be
asked, by the list of deletions or by a second reading that agrees.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from bigin_api import PageTokenRefused, PaginationLimit
from bigin_api.limits import RECORDS_PER_PAGE
from tap_bigin.bookmarks import to_utc_text, without_tokens
from tap_bigin.lists.gaps import BORDERS_PER_PROOF, BY_ID, BY_TIME, merged, provable
from tap_bigin.lists.pages import MODIFIED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from bigin_api import BiginError, Labelled
    from tap_bigin.bookmarks import Interval, Scan
    from tap_bigin.lists.gaps import Order
    from tap_bigin.lists.pages import JoinedPage, ModulePages
    from tap_bigin.lists.proving import Proof
    from tap_bigin.report import StreamReport

Record = dict[str, Any]

READINGS_UNTIL_QUIET = 3
PAGES_WORTH_READING_TWICE = 50
EMITTED_KEPT = PAGES_WORTH_READING_TWICE * RECORDS_PER_PAGE  # ids of a full pass


class ProvenReading:
    """A pass, what it has emitted, and the borders that are still to be proven."""

    scan: Scan

    def __init__(
        self,
        client: Labelled,
        module: str,
        pages: ModulePages,
        *,
        proof: Proof,
        report: StreamReport,
    ) -> None:
        self._client = client
        self._module = module
        self._pages = pages
        self._proof = proof
        self._report = report
        # All of an incremental pass, for its borders; the first ones of a full pass, if it is read again.
        self._emitted: set[int] = set()
        self._found_again = False
        self._has_ties = False
        self._chains_lost = 0
        self.pages_read = 0

    @property
    def _order(self) -> Order:
        return BY_ID if self.scan.since is None else BY_TIME

    @property
    def _floor(self) -> str:
        return to_utc_text(self.scan.since) if self.scan.since else ""

    def _prove_rest(self) -> Iterator[list[Record]]:
        """At the end of the pages: every border that is left, one way or another."""
        unproven = self.scan.unproven
        yield from self._prove(merged(unproven) if self._order is BY_TIME else unproven)
        if self._proof.refused is not None:
            yield from self._prove_without_query(self._proof.refused)

    @abstractmethod
    def _by_list(
        self, first: JoinedPage | None, counted: int | None, *, again: bool = False
    ) -> Iterator[list[Record]]:
        """Page after page; read ``again``, only what was not emitted before, as far as that is known."""

    def _note(self, interval: Interval | None) -> None:
        """Something may lie there that the pages did not show."""
        if interval is not None:
            self.scan = replace(self.scan, unproven=(*self.scan.unproven, interval))
            self._has_ties = self._has_ties or interval[0] == interval[1]

    def _fresh(self, records: list[Record], *, new_only: bool = False) -> list[Record]:
        """Those that the pass is to emit: the server may not obey If-Modified-Since."""
        if self.scan.since is not None:
            floor = self._floor
            records = [each for each in records if (each[MODIFIED] or "") >= floor]
        if new_only:
            records = [each for each in records if int(each["id"]) not in self._emitted]
        self._remember(records)
        return records

    def _remember(self, records: Sequence[Record]) -> None:
        if self.scan.since is not None or len(self._emitted) < EMITTED_KEPT:
            self._emitted.update(int(each["id"]) for each in records)

    def _whole(self, ids: Sequence[str]) -> list[Record]:
        records = self._pages.by_ids(ids)
        return self._fresh(records)

    def _prove_when_many(self) -> Iterator[list[Record]]:
        unproven = self.scan.unproven
        if len(unproven) < BORDERS_PER_PROOF or self.scan.last is None:
            return
        ready = provable(unproven, self._order, {MODIFIED: self.scan.last[0]})
        if self._order is BY_TIME:
            unproven = tuple(merged(unproven))
        if len(ready) >= BORDERS_PER_PROOF // 2:
            yield from self._prove(ready, later=[each for each in unproven if each not in ready])
        else:
            self.scan = replace(self.scan, unproven=unproven)

    def _prove(
        self, intervals: Sequence[Interval], *, later: Sequence[Interval] = ()
    ) -> Iterator[list[Record]]:
        """Emit what lies in the intervals and was skipped; 1 credit for 24 of them."""
        for at in range(0, len(intervals), BORDERS_PER_PROOF):
            some = intervals[at : at + BORDERS_PER_PROOF]
            missing = self._proof.missing(some, self._order, self._known(some))
            if self._proof.refused is not None:
                # Kept, every one: should another run finish the pass, it may be allowed to ask.
                self.scan = replace(self.scan, unproven=(*intervals[at:], *later))
                return
            rest = (*intervals[at + BORDERS_PER_PROOF :], *later)
            self.scan = replace(self.scan, unproven=rest)
            if missing:
                records = self._whole(missing)
                self._report.inform(f"{len(records)} records had slipped between pages: fetched by id.")
                yield records

    def _known(self, intervals: Sequence[Interval]) -> set[int]:
        if self._order is BY_TIME:
            return self._emitted
        # By id nothing within an interval was emitted: only its ends were.
        return {int(end) for interval in intervals for end in interval if end is not None}

    def _prove_without_query(self, refused: BiginError) -> Iterator[list[Record]]:
        """Where COQL may not be asked: if nothing was deleted nothing was skipped, else read again.

        Where there is no list of deletions, two readings that agree are what there is. Ties across a border
        may come in another order at every request: no reading tells what it did not show.
        """
        since: datetime | None = self.scan.started
        for _ in range(0 if self._has_ties else READINGS_UNTIL_QUIET):
            deleted = None if since is None else self._proof.any_deleted_since(since)
            if deleted is False:
                return
            if deleted is None and self.pages_read > PAGES_WORTH_READING_TWICE:
                break  # too long to be read again
            since = self._client.server_time
            self.scan = replace(without_tokens(self.scan), last=None, top=None, unproven=(), after=None)
            try:
                yield from self._by_list(None, len(self._emitted), again=True)
            except (PageTokenRefused, PaginationLimit):
                self._chains_lost += 1
                continue
            if deleted is None and not self._found_again:
                return
        self._report.warn(
            "records may be missing if others were deleted while the pages were read, or many have the same "
            f"Modified_Time: neither COQL nor the deleted list can tell. {refused.message}"
        )
