"""A pass over a module by list pages → chunks: past 2,000 records, past 100,000, resumable, gapless.

A full pass goes by ascending id: edits move nothing, and what is new comes last. An incremental pass
goes by descending Modified_Time until it meets what it need not read: what is edited meanwhile moves to
the front with a time after the pass began, so the next pass has it. Only a deletion can make the list
skip a record, at the border of two pages, whichever way a page token is meant; so every border is
proven (``gaps``), and what slipped through is fetched by id.

Where the chain of pages ends (100,000 records, a token that is too old) the pass goes on by key: ids
by COQL, records by ``ids``. That costs three times as much and skips nothing.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from bigin_api import BiginError, PageTokenRefused, PaginationLimit
from bigin_api.endpoints.coql import moment
from bigin_api.errors import Refused
from bigin_api.limits import MAX_RECORDS_BY_PAGE, MAX_RECORDS_BY_TOKEN, RECORDS_PER_PAGE
from tap_bigin.bookmarks import Top, from_text, to_utc_text, without_tokens
from tap_bigin.lists.both_ends import between, from_both_ends, have_met, is_worth_it
from tap_bigin.lists.gaps import BY_ID, BY_ID_DOWN, BY_TIME, is_in_order
from tap_bigin.lists.pages import MODIFIED, PAGES_BY_NUMBER, JoinedPage, Listing, Place, places_after_first
from tap_bigin.lists.proven import ProvenReading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from tap_bigin.bookmarks import Scan
    from tap_bigin.lists.gaps import Order

Record = dict[str, Any]

ONE_SECOND = timedelta(seconds=1)


class ListReading(ProvenReading):
    """One scan of one module."""

    def pages(
        self, scan: Scan, *, first: JoinedPage | None = None, counted: int | None = None
    ) -> Iterator[tuple[list[Record], Scan]]:
        """The records from where the scan stands to its end, each page with where it stands after it.

        ``first`` is page 1 where the caller has it already, ``counted`` how many records there may be.
        When this returns, ``scan`` is complete: see ``bookmarks.complete``.
        """
        self.scan = scan
        for records in self._records(first, counted):
            self.scan = replace(self.scan, emitted=self.scan.emitted + len(records))
            yield records, self.scan

    @property
    def _is_at_its_beginning(self) -> bool:
        return self.scan.since is None and self.scan.last is None

    def _records(self, first: JoinedPage | None, counted: int | None) -> Iterator[list[Record]]:
        while self.scan.after is None:
            try:
                if first is None and counted and self._is_at_its_beginning:
                    first = self._pages.page(Place(1), self._listing())
                if self.scan.reached or (first and is_worth_it(first, counted) and not self.scan.since):
                    yield from self._from_both_ends(first, counted)
                else:
                    yield from self._by_list(first, counted)
                break
            except (PageTokenRefused, PaginationLimit) as ended:
                first = counted = None
                self._give_up_chain(ended)
        if self.scan.after is not None:
            yield from self._by_key()
        yield from self._prove_rest()

    # By list

    def _by_list(
        self, first: JoinedPage | None, counted: int | None, *, again: bool = False
    ) -> Iterator[list[Record]]:
        """Page after page; read ``again``, only what was not emitted before, as far as that is known."""
        self._found_again = False
        for page in self._chain(first, counted):
            self.pages_read += 1
            records = page.records
            overlaps = self._note_border(records)
            self._advance(page)
            self._see_filter(records)
            is_over = self._is_over(records)
            fresh = self._fresh(records, new_only=again or overlaps)
            self._found_again = self._found_again or (again and bool(fresh))
            yield fresh  # from here on they are the writer's
            yield from self._prove_when_many()
            if is_over:
                return

    def _from_both_ends(self, first: JoinedPage | None, counted: int | None) -> Iterator[list[Record]]:
        if not self.scan.has_live_tokens(self._client.server_time):
            self.scan = without_tokens(self.scan)
        for page, order in from_both_ends(self._pages, self.scan, first, counted):
            if order is BY_ID_DOWN and not is_in_order(page.records, order):
                self._report.add_note("the server does not sort from the top: read from the bottom alone.")
                self.scan = replace(self.scan, top=None, reached=0)
                yield from self._by_list(None, None)
                return
            self.pages_read += 1
            self._note(between(self.scan, page, order))
            before = self.scan
            self._advance(page, order)
            fresh = _not_read_before(page.records, before)
            self._remember(fresh)
            yield fresh  # from here on they are the writer's
            yield from self._prove_when_many()
            if have_met(self.scan):
                return

    def _is_over(self, records: Sequence[Record]) -> bool:
        """Whether an incremental pass has met what it need not read; never where nothing is sorted."""
        if not records or (records[-1].get(MODIFIED) or "") >= self._floor:
            return False
        if is_in_order(records, BY_TIME):
            return True
        self._report.add_note("the server does not sort by Modified_Time: read to the end.")
        return False

    def _chain(self, first: JoinedPage | None, counted: int | None) -> Iterator[JoinedPage]:
        """Page after page; those by number side by side where it is known how many there are."""
        listing = self._listing()
        place = self._place() if first is None else Place(1)
        page = first or self._pages.page(place, listing)
        yield page
        if counted and page.records and page.more_records:
            places = places_after_first(counted)
            for following, page in zip(places, self._pages.pages(places, listing), strict=True):
                place = following
                yield page
        while page.more_records:
            place = self._place_after(place, page)
            page = self._pages.page(place, listing)
            yield page

    def _place_after(self, place: Place, page: JoinedPage) -> Place:
        """Where the token leads; by number where there is none, or one was refused, as far as that goes."""
        following = page.next_place
        if place.number and place.number < PAGES_BY_NUMBER and (following is None or self._chains_lost):
            return Place(place.number + 1, size=place.size)
        if following is None:
            raise PageTokenRefused(f"{self._module}: a page came without the token of the next.")
        return following

    def _listing(self) -> Listing:
        return listing_of(self.scan)

    def _place(self) -> Place:
        """Where the pass goes on. By number it begins a page early: an overlap, never a gap."""
        if self.scan.last is None:
            return Place(1)
        if self.scan.has_live_tokens(self._client.server_time):
            return Place(None, self.scan.tokens)
        if self.scan.emitted < MAX_RECORDS_BY_PAGE:
            return Place(max(1, self.scan.emitted // RECORDS_PER_PAGE))
        raise PageTokenRefused(f"{self._module}: the page token has expired.", code="EXPIRED_VALUE")

    def _give_up_chain(self, ended: BiginError) -> None:
        """Go on by page number if that reaches and has not failed already, else by key."""
        self._chains_lost += 1
        self._report.inform(f"the chain of pages ended ({ended.code or ended.message}).")
        by_number = isinstance(ended, PageTokenRefused) and self.scan.emitted < MAX_RECORDS_BY_PAGE
        by_number = by_number and self.scan.top is None
        self.scan = without_tokens(self.scan)
        if not by_number or self._chains_lost > 1:
            last_id = self.scan.last[1] if self.scan.last else "0"
            self.scan = replace(self.scan, after=last_id if self._order is BY_ID else "0")

    def _note_border(self, records: Sequence[Record]) -> bool:
        """Note what may lie between the last page and this one; True if they overlap by id."""
        if self.scan.last is None:
            return False
        modified, last_id = self.scan.last
        last = {MODIFIED: modified, "id": last_id}
        interval = self._order.interval(last, records[0] if records else None, floor=self._floor)
        self._note(interval)
        return interval is None and self._order is BY_ID

    def _advance(self, page: JoinedPage, order: Order | None = None) -> None:
        last = page.records[-1] if page.records else None
        end = (last.get(MODIFIED) or "", last["id"]) if last else None
        expires = _moment(page.expires)
        # A token is bound to the size of its page, and the next run asks for full ones.
        tokens = page.tokens if page.place.size == RECORDS_PER_PAGE else ()
        if order is BY_ID_DOWN:
            top = self.scan.top
            lower = end if top is None or (end and int(end[1]) < int(top.last[1])) else top.last
            if lower is not None:
                reached = page.reach(top.reached if top else 0)
                self.scan = replace(self.scan, top=Top(lower, tokens, expires, reached))
            return
        known = self.scan.last
        if known and end and self._order is BY_ID and int(known[1]) > int(end[1]):
            end = known  # the page lies wholly before the end of another
        reached = page.reach(self.scan.reached) if order else 0
        self.scan = replace(self.scan, tokens=tokens, expires=expires, last=end or known, reached=reached)

    def _see_filter(self, records: Sequence[Record]) -> None:
        """If-Modified-Since is a wish: whether v2 obeys it nobody has documented."""
        if self.scan.since is None or self.pages_read > 1:
            return
        asked = to_utc_text(self.scan.since - ONE_SECOND)
        if any((each[MODIFIED] or "") < asked for each in records):
            self._report.add_note("the server ignores If-Modified-Since; what is older is left out here.")

    # By key

    def _by_key(self) -> Iterator[list[Record]]:
        """What the list did not reach, by ascending id; COQL gives the ids, ``ids=`` the records."""
        try:
            for rows in self._client.coql.pages_by_id(
                self._module, ["id"], where=self._not_reached(), after_id=self.scan.after or "0"
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
            yield from self._by_list(None, None)

    def _not_reached(self) -> str | None:
        if self.scan.since is None:
            return f"id < {self.scan.top.last[1]}" if self.scan.top else None
        newest = f" and Modified_Time <= {moment(from_text(self.scan.last[0]))}" if self.scan.last else ""
        oldest = f"Modified_Time >= {moment(self.scan.since)}"
        return f"({oldest}{newest})" if newest else oldest


def listing_of(scan: Scan) -> Listing:
    """What the pages of a pass are asked for: a second earlier than needed, whichever way Bigin reads it."""
    order = BY_ID if scan.since is None else BY_TIME
    return Listing(order.column, order.direction, scan.since and scan.since - ONE_SECOND)


def _not_read_before(records: list[Record], scan: Scan) -> list[Record]:
    """Those of a page that lie between the two ends as they were: the others have been emitted."""
    low = int(scan.last[1]) if scan.last else 0
    high = int(scan.top.last[1]) if scan.top else None
    return [each for each in records if low < int(each["id"]) and (high is None or int(each["id"]) < high)]


def _moment(text: str | None) -> datetime | None:
    try:
        return from_text(text) if text else None
    except ValueError:
        return None
