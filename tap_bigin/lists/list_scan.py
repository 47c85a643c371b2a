"""A scan of a module by list pages: past 2,000 records, past 100,000, resumable, gapless.

A full scan goes by id: edits move nothing, and what is new comes last. By id a list has a bottom and a
top. Page numbers reach 2,000 records from each, and such pages overlap, which proves that nothing slipped
between them; beyond, two chains of tokens come towards each other, half as long as one. An incremental
scan goes by descending Modified_Time until it meets what it need not read: what is edited meanwhile moves
to the front with a time after the scan began, so the next one has it. Only a deletion can make a list
skip a record, at the border of two pages; so every border is proven (``borders``), and what slipped
through is fetched by id.

Where the chain of pages ends (100,000 records, a token that is too old) the scan goes on by key: ids by
COQL, records by ``ids``. That costs three times as much and skips nothing.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from bigin_api import BiginError, PageTokenRefused, PaginationLimit, Refused
from bigin_api.endpoints.coql import all_of, moment
from bigin_api.endpoints.coql_select import EVERY_RECORD
from bigin_api.endpoints.results import Progress
from bigin_api.limits import MAX_RECORDS_BY_PAGE, MAX_RECORDS_BY_TOKEN, RECORDS_PER_PAGE
from tap_bigin.bookmarks import Top, from_text, moment_told, to_utc_text, without_tokens
from tap_bigin.lists.borders import (
    BY_ID,
    BY_ID_DOWN,
    BY_TIME,
    PAGES_WORTH_READING_TWICE,
    Borders,
    is_in_order,
)
from tap_bigin.lists.pages import MODIFIED, Listing
from tap_bigin.lists.places import PAGES_BY_NUMBER, Place
from tap_bigin.lists.two_chains import ENDS, TwoChains

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from bigin_api import Labelled
    from tap_bigin.bookmarks import Scan
    from tap_bigin.lists.borders import Order
    from tap_bigin.lists.pages import JoinedPage, ModulePages
    from tap_bigin.lists.two_chains import Turn
    from tap_bigin.report import StreamReport

Record = dict[str, Any]
READINGS_UNTIL_QUIET = 3
ONE_SECOND = timedelta(seconds=1)


class ListScan:
    """One scan of one module. ``scan`` tells where it stands."""

    def __init__(self, client: Labelled, module: str, pages: ModulePages, *, report: StreamReport) -> None:
        self._client = client
        self._module = module
        self._pages = pages
        self._report = report
        self._chains_lost = 0
        self.pages_read = 0
        self.counted: int | None = None  # by Bigin, where one page is the whole list

    def pages(self, scan: Scan) -> Iterator[tuple[list[Record], Scan]]:
        """The records from where the scan stands to its end, each page with where it stands after it.

        When this returns, ``scan`` is complete: see ``bookmarks.complete``.
        """
        self.scan = scan
        self._takes_several_runs = self._client.credit_budget is not None and scan.emitted > 0
        self._borders = Borders(self._client, self._module, scan)
        for records in self._records():
            emitted = self.scan.emitted + len(records)
            borders = self._borders
            self.scan = replace(
                self.scan,
                emitted=emitted,
                unproven=borders.unproven,
                ties=borders.has_ties,
                proving=borders.proving,
                proven=borders.proven,
                known=borders.known,
            )
            yield records, self.scan  # from here on they are the writer's

    def _records(self) -> Iterator[list[Record]]:
        yield from self._slipped(self._borders.prove_begun())
        while self.scan.after is None and not self.scan.listed:
            try:
                yield from self._by_list(self._ends())
                break
            except (PageTokenRefused, PaginationLimit) as ended:
                self._give_up_chain(ended)
        if self.scan.after is not None and not self.scan.listed:
            yield from self._by_key()
        if self._borders.unproven:
            self.scan = replace(self.scan, listed=True)
            yield []  # so far, for a run that goes on
        yield from self._slipped(self._borders.prove_rest())
        if self._borders.refused is not None:
            yield from self._read_until_quiet(self._borders.refused)

    # By list

    def _ends(self) -> Sequence[Order]:
        """By id both ends, unless an earlier run went on from one alone."""
        scan = self.scan
        if scan.since is not None:
            return (BY_TIME,)
        return ENDS if scan.last is None or scan.reached else (BY_ID,)

    def _by_list(self, ends: Sequence[Order], *, again: bool = False) -> Iterator[list[Record]]:
        """Page after page until the list ends, its two ends have met, or the rest need not be read.

        Read ``again``, only what was not emitted before, as far as that is known.
        """
        self._found_again = False
        for page, order in self._two_chains() if len(ends) > 1 else self._one_chain(ends[0]):
            if order is BY_ID_DOWN and not is_in_order(page.records, order):
                self._report.add_note("the server does not sort from the top: read from the bottom alone.")
                self.scan = replace(self.scan, top=None, reached=0)
                yield from self._by_list((BY_ID,))
                return
            self.pages_read += 1
            overlaps = self._note_border(page, order)
            before = self.scan
            self._advance(page, order, counts_from_ends=len(ends) > 1)
            self._see_filter(page.records)
            is_over = self._is_over(page.records)
            fresh = self._due(page.records)
            if len(ends) > 1:
                fresh = _not_read_before(fresh, before)
            elif again or overlaps:
                fresh = self._borders.not_emitted(fresh)
            self._borders.remember(fresh)
            self._found_again = self._found_again or (again and bool(fresh))
            yield fresh
            if page.is_short:
                yield from self._hidden(page, order, before)
            yield from self._slipped(self._borders.prove_when_many())
            if is_over or _have_met(self.scan):
                return

    def _one_chain(self, order: Order) -> Iterator[Turn]:
        """Where the token leads; by number where there is none, or one was refused, as far as that goes."""
        listing = listing_of(self.scan)
        place: Place | None = self._place()
        progress = Progress()
        while place is not None:
            page = self._pages.page(place, listing)
            progress.see(page.records, page.tokens)
            yield page, order
            following = page.next_place
            by_number = place.number and place.number < PAGES_BY_NUMBER
            if by_number and page.more_records and (following is None or self._chains_lost):
                following = Place((place.number or 1) + 1, size=place.size)
            if following is None and page.more_records:
                raise PageTokenRefused(f"{self._module}: a page came without the token of the next.")
            place = following

    def _place(self) -> Place:
        """Where a single chain goes on. By number it begins a page early: an overlap, never a gap."""
        if self.scan.last is None:
            return Place(1)
        if self.scan.has_live_tokens(self._client.server_time):
            return Place(None, self.scan.tokens)
        if self.scan.emitted < MAX_RECORDS_BY_PAGE:
            return Place(max(1, self.scan.emitted // RECORDS_PER_PAGE))
        raise PageTokenRefused(f"{self._module}: the page token has expired.", code="EXPIRED_VALUE")

    def _two_chains(self) -> Iterator[Turn]:
        """Pages from both ends in turn; a list of one page has but that."""
        has_tokens = self.scan.has_live_tokens(self._client.server_time)
        if not has_tokens:
            self.scan = without_tokens(self.scan)
        for page, order in TwoChains(self._pages, self.scan, has_tokens=has_tokens).turns():
            if page.place.number == 1 and not page.more_records:
                self.counted = page.counted
            yield page, order

    def _is_over(self, records: Sequence[Record]) -> bool:
        """Whether an incremental scan has met what it need not read; never where nothing is sorted."""
        last = self._last_timed(records) if self._borders.floor else None
        if last is None or last[MODIFIED] >= self._borders.floor:
            return False
        if is_in_order(records, BY_TIME):
            return True
        self._report.add_note("the server does not sort by Modified_Time: read to the end.")
        return False

    def _note_border(self, page: JoinedPage, order: Order) -> bool:
        """Note what may lie between an end and the page that follows; True if the two overlap by id.

        Raises PageTokenRefused for a first page that came empty though there are more.
        """
        bottom, top = self.scan.last, self.scan.top.last if self.scan.top else None
        end, other = (top, bottom) if order is BY_ID_DOWN else (bottom, top)
        first = page.records[0] if page.records else None
        if end is None:
            if first is None and (page.more_records or other):
                raise PageTokenRefused(f"{self._module}: the first page came empty, though there are more.")
            return False
        if first is None and other:  # promised, and it came empty: all that the other end has not reached
            first = _ended(other)
        interval = order.interval(_ended(end), first, floor=self._borders.floor)
        self._borders.note(interval)
        return interval is None and order is BY_ID

    def _advance(self, page: JoinedPage, order: Order, *, counts_from_ends: bool) -> None:
        last = page.records[-1] if page.records else None
        if last and order is BY_TIME:
            last = self._last_timed(page.records)
        end = (last.get(MODIFIED) or "", last["id"]) if last else None
        # A token is bound to the size of its page, and the next run asks for full ones.
        tokens = page.tokens if page.place.size == RECORDS_PER_PAGE else ()
        expires = moment_told(page.expires)
        known, top = self.scan.last, self.scan.top
        if order is BY_ID_DOWN:
            lower = end if top is None or (end and int(end[1]) < int(top.last[1])) else top.last
            if lower is not None:
                reached = page.reach(top.reached if top else 0)
                self.scan = replace(self.scan, top=Top(lower, tokens, expires, reached))
            return
        if known and end and order is BY_ID and int(known[1]) > int(end[1]):
            end = known  # the page lies wholly before the end of another
        reached = page.reach(self.scan.reached) if counts_from_ends else 0
        self.scan = replace(self.scan, tokens=tokens, expires=expires, last=end or known, reached=reached)

    def _see_filter(self, records: Sequence[Record]) -> None:
        """If-Modified-Since is a wish: whether v2 obeys it nobody has documented."""
        if self.scan.since is None or self.pages_read > 1:
            return
        if len(self._older(records)) > 1:
            self._report.add_note("the server ignores If-Modified-Since; what is older is left out here.")

    def _due(self, records: list[Record]) -> list[Record]:
        """Those that the scan is to emit: the server may not obey If-Modified-Since.

        One whose time is not known is due, and so is a stray: nobody can say that they did not change.
        """
        floor = self._borders.floor
        if not floor:
            return records
        stray = self._stray(records)
        return [each for each in records if (each[MODIFIED] or floor) >= floor or each is stray]

    def _older(self, records: Sequence[Record]) -> list[Record]:
        """Those that a server that obeys If-Modified-Since does not give."""
        asked = to_utc_text(self.scan.since - ONE_SECOND) if self.scan.since else ""
        return [each for each in records if (each[MODIFIED] or asked) < asked]

    def _stray(self, records: Sequence[Record]) -> Record | None:
        """A record that alone is older than what was asked for: its time may be wrong, and proves nothing."""
        older = self._older(records)
        return older[0] if len(older) == 1 else None

    def _last_timed(self, records: Sequence[Record]) -> Record | None:
        """The last record whose time can be believed."""
        stray = self._stray(records)
        return next((each for each in reversed(records) if each[MODIFIED] and each is not stray), None)

    # Where the chain of pages does not lead

    def _give_up_chain(self, ended: BiginError) -> None:
        """Go on by page number if that reaches and has not failed already, else by key."""
        self._chains_lost += 1
        self._report.inform(f"the chain of pages ended ({ended.code or ended.message}).")
        by_number = isinstance(ended, PageTokenRefused) and self.scan.emitted < MAX_RECORDS_BY_PAGE
        by_number = by_number and self.scan.top is None
        self.scan = without_tokens(self.scan)
        if not by_number or self._chains_lost > 1:
            last_id = self.scan.last[1] if self.scan.last else "0"
            self.scan = replace(self.scan, after=last_id if self.scan.since is None else "0")

    def _by_key(self) -> Iterator[list[Record]]:
        """What the list did not reach, by ascending id; COQL gives the ids, ``ids=`` the records."""
        try:
            for rows in self._client.coql.pages_by_id(
                self._module,
                ["id"],
                where=self._not_reached(),
                after_id=self.scan.after or "0",
                on_lack=self._report.lacks,
            ):
                records = self._whole([row["id"] for row in rows])
                self.scan = replace(self.scan, after=rows[-1]["id"])
                yield records
        except Refused as refused:
            if self.scan.emitted >= MAX_RECORDS_BY_TOKEN:
                raise BiginError(
                    f"{self._module}: lists end at {MAX_RECORDS_BY_TOKEN:,} records, and what lies beyond "
                    f"cannot be found: {refused.message}",
                    module=self._module,
                ) from refused
            self._report.inform(f"reading anew from the first page: {refused.message}")
            self.scan = replace(self.scan, after=None, last=None, top=None, emitted=0)
            yield from self._by_list((self._borders.order,))

    def _not_reached(self) -> str | None:
        if self.scan.since is None:
            return f"id < {self.scan.top.last[1]}" if self.scan.top else None
        newest = f" and Modified_Time <= {moment(from_text(self.scan.last[0]))}" if self.scan.last else ""
        oldest = f"Modified_Time >= {moment(self.scan.since)}"
        return f"({oldest}{newest})" if newest else oldest

    def _hidden(self, page: JoinedPage, order: Order, before: Scan) -> Iterator[list[Record]]:
        """Records that Bigin counts in a page and that are not in it, found by id. 1 credit or more."""
        seen = {each["id"] for each in page.records}
        what = f"a page has {len(seen):,} of {page.expected:,} records"
        self._report.inform(f"{what}: looking for the others.")
        ends = page.records[-1:] if page.more_records else []
        last = self._last_timed(page.records) if ends and order is BY_TIME else next(iter(ends), None)
        where = all_of(_reached_by(last, order, before) or [EVERY_RECORD])
        try:
            for rows in self._client.coql.pages_by_id(self._module, ["id"], where=where):
                found = [row for row in rows if str(row["id"]) not in seen]
                missing = [str(each["id"]) for each in self._borders.not_emitted(found)]
                if missing:
                    yield self._whole(missing)
        except Refused as refused:
            self._report.misses(f"{what}, and COQL may not be asked for the others. {refused.message}")

    def _slipped(self, missing: Iterable[list[str]]) -> Iterator[list[Record]]:
        """Records that no page showed."""
        for ids in missing:
            records = self._whole(ids) if ids else []
            if records:
                self._report.inform(f"{len(records)} records had slipped between pages: fetched by id.")
            yield records

    def _whole(self, ids: Sequence[str]) -> list[Record]:
        records = self._due(self._pages.by_ids(ids))
        self._borders.remember(records)
        return records

    def _read_until_quiet(self, refused: BiginError) -> Iterator[list[Record]]:
        """Where COQL may not be asked: if nothing was deleted nothing was skipped, else read again.

        Where there is no list of deletions, two readings that agree are what there is. Ties across a border
        may come in another order at every request: no reading tells what it did not show.
        """
        since: datetime | None = self.scan.started
        for _ in range(0 if self._borders.has_ties else READINGS_UNTIL_QUIET):
            deleted = None if since is None else self._borders.any_deleted_since(since)
            if deleted is False:
                return
            if self._takes_several_runs:
                break  # no run would know what the one before it has read again
            if deleted is None and self.pages_read > PAGES_WORTH_READING_TWICE:
                break  # too long to be read again
            since = self._client.server_time
            self._borders.forget()
            self.scan = replace(without_tokens(self.scan), last=None, top=None, after=None, listed=False)
            try:
                yield from self._by_list((self._borders.order,), again=True)
            except (PageTokenRefused, PaginationLimit):
                self._chains_lost += 1
                continue
            if deleted is None and not self._found_again:
                return
        self._report.lacks(
            "records may be missing if others were deleted while the pages were read, or many have the same "
            f"Modified_Time: neither COQL nor the deleted list can tell. {refused.message}"
        )


def listing_of(scan: Scan) -> Listing:
    """What the pages of a scan are asked for: a second earlier than needed, whichever way Bigin reads it."""
    order = BY_ID if scan.since is None else BY_TIME
    return Listing(order.column, order.direction, scan.since and scan.since - ONE_SECOND)


def _reached_by(last: Record | None, order: Order, before: Scan) -> list[str]:
    """COQL conditions of what a page should have: from where the scan stood to its last record, if any."""
    if order is BY_TIME:
        newest = [f"Modified_Time <= {moment(from_text(before.last[0]))}"] if before.last else []
        return [*([f"Modified_Time >= {moment(from_text(last[MODIFIED]))}"] if last else []), *newest]
    low = before.last[1] if before.last else None
    high = before.top.last[1] if before.top else None
    if last:
        low, high = (last["id"], high) if order is BY_ID_DOWN else (low, last["id"])
    return [*([f"id > {low}"] if low else []), *([f"id < {high}"] if high else [])]


def _have_met(scan: Scan) -> bool:
    """Whether nothing is left between the two ends."""
    return scan.last is not None and scan.top is not None and int(scan.last[1]) >= int(scan.top.last[1])


def _not_read_before(records: list[Record], scan: Scan) -> list[Record]:
    """Those of a page that lie between the two ends as they were: the others have been emitted."""
    low = int(scan.last[1]) if scan.last else 0
    high = int(scan.top.last[1]) if scan.top else None
    return [each for each in records if low < int(each["id"]) and (high is None or int(each["id"]) < high)]


def _ended(end: tuple[str, str]) -> Record:
    """An end of what was read, as the record that it was."""
    return {MODIFIED: end[0], "id": end[1]}
