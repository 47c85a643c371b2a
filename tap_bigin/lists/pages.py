"""Pages of a module whatever the number of fields: beyond 50, several calls joined by id.

The first group of fields leads: its pages decide which records there are. The pages of the other
groups are fetched at the same places; a record that is missing there, or has another Modified_Time
there, changed in between and is read whole by its id.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from bigin_api.errors import InvalidRequest
from bigin_api.json_values import whole_number
from bigin_api.limits import MAX_FIELDS_PER_CALL, MAX_IDS_PER_CALL
from tap_bigin.lists.places import Place
from tap_bigin.values.instants import Instants

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future
    from datetime import datetime

    from bigin_api import InFlight, Labelled, Page
    from tap_bigin.report import StreamReport

Record = dict[str, Any]
A = TypeVar("A")
B = TypeVar("B")

MODIFIED = "Modified_Time"
TRIES_TO_AGREE = 3


@dataclass(frozen=True)
class JoinedPage:
    """A page with all fields, in the order of the list, and where the next one is."""

    records: list[Record]
    more_records: bool
    tokens: tuple[str, ...]
    expires: str | None
    place: Place
    counted: int | None  # Bigin's own count of its records
    left_out: int  # rows that are no records

    @property
    def next_place(self) -> Place | None:
        """Where the chain goes on, None at its end."""
        return Place(None, self.tokens, self.place.size) if self.more_records and self.tokens else None

    @property
    def expected(self) -> int:
        """How many records it should have: as many as Bigin counts, or as it has rows where that is none."""
        if self.counted is None or self.counted > self.place.size:
            return len(self.records) + self.left_out
        return self.counted

    @property
    def is_short(self) -> bool:
        """Whether it lacks records: rows that are none, or lost when groups were joined."""
        return len(self.records) < self.expected

    @property
    def is_full(self) -> bool:
        """Whether it has as many records as were asked for: the server may give fewer to a page."""
        return len(self.records) == self.place.size

    def reach(self, before: int) -> int:
        """Up to which record of the list it reaches, if the page before it reached to ``before``."""
        place = self.place
        return ((place.number - 1) * place.size if place.number else before) + len(self.records)


@dataclass(frozen=True)
class Listing:
    """What is asked of every page of a list."""

    sort_by: str | None = None
    sort_order: str | None = None
    modified_since: datetime | None = None
    cvid: str | None = None
    is_long: bool = False  # its pages go before those of short lists

    def params(self) -> dict[str, Any]:
        """As ``Records.page`` takes it."""
        return {
            "sort_by": self.sort_by,
            "sort_order": self.sort_order,
            "modified_since": self.modified_since,
            "cvid": self.cvid,
        }


def field_groups(names: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Names in groups that one call can ask for; each group has Modified_Time if any has it.

    >>> [len(each) for each in field_groups([MODIFIED] + [f"F{n}" for n in range(120)])]
    [50, 50, 23]
    >>> field_groups(["Email"])
    (('Email',),)
    """
    if len(names) <= MAX_FIELDS_PER_CALL:
        return (tuple(names),)
    shared = (MODIFIED,) if MODIFIED in names else ()
    others = [name for name in names if name not in shared]
    room = MAX_FIELDS_PER_CALL - len(shared)
    return tuple(shared + tuple(others[at : at + room]) for at in range(0, len(others), room))


def in_hundreds(ids: Sequence[A]) -> list[Sequence[A]]:
    """Ids, or their records, in portions that one call takes.

    >>> [len(each) for each in in_hundreds(["7"] * 250)]
    [100, 100, 50]
    """
    return [ids[at : at + MAX_IDS_PER_CALL] for at in range(0, len(ids), MAX_IDS_PER_CALL)]


class ModulePages:
    """Reads pages of one module for one stream."""

    def __init__(
        self,
        client: Labelled,
        calls: InFlight,
        module: str,
        names: Sequence[str],
        *,
        report: StreamReport,
    ) -> None:
        self._client = client
        self._urgent = client.urgent()
        self._calls = calls
        self._module = module
        self._report = report
        self._asks_for_unapproved = True
        self._tells_time = MODIFIED in names
        self.groups = field_groups(names)
        self.instants = Instants()  # turns times into UTC: the offset changes within one answer

    @property
    def has_room(self) -> bool:
        """Whether one more page could be fetched at this moment without keeping other calls waiting."""
        return self._client.places_free > len(self.groups)

    def page(self, place: Place, listing: Listing) -> JoinedPage:
        """One page. Raises PageTokenRefused, PaginationLimit, PermissionDenied, ModuleUnavailable."""
        if listing.modified_since is not None:
            return self._page_if_any(place, listing)
        wanted = [(place, listing, group) for group in range(len(self.groups))]
        return self._joined(list(self._side_by_side(self._fetch, wanted)), place)

    def begin(self, asked: Sequence[tuple[Place, Listing]]) -> Iterator[JoinedPage]:
        """Several pages in order, on their way at once: what comes before can be worked on meanwhile."""
        wanted = [(place, listing, group) for place, listing in asked for group in range(len(self.groups))]
        begun = [self._calls.submit(self._fetch, *each) for each in wanted]
        return self._ended([place for place, _ in asked], begun)

    def _ended(self, places: Sequence[Place], begun: Sequence[Future[Page]]) -> Iterator[JoinedPage]:
        answers = iter(begun)
        try:
            for place in places:
                yield self._joined([next(answers).result() for _ in self.groups], place)
        finally:
            for future in begun:
                future.cancel()

    def _page_if_any(self, place: Place, listing: Listing) -> JoinedPage:
        """Mostly nothing has changed: the other groups are asked only where the first one has records."""
        lead = self._fetch(place, listing, 0)
        others = range(1, len(self.groups)) if lead.records else ()
        answers = self._side_by_side(self._fetch, [(place, listing, group) for group in others])
        return self._joined([lead, *answers], place)

    def by_ids(self, ids: Sequence[str]) -> list[Record]:
        """Those of the records that exist, whole and in the order of the ids. 1 credit per 100 and group."""
        return [record for records in self.by_ids_in_turn(ids) for record in records]

    def by_ids_in_turn(self, ids: Sequence[str]) -> Iterator[list[Record]]:
        """The same, a hundred at a time as they come, all on their way at once."""
        chunks = in_hundreds(ids)
        wanted = [(chunk, group) for chunk in chunks for group in range(len(self.groups))]
        answers = self._side_by_side(self._fetch_ids, wanted)
        for chunk in chunks:
            found = self._agreed([next(answers) for _ in self.groups])
            yield [found[each] for each in chunk if each in found]

    def _fetch(self, place: Place, listing: Listing, group: int) -> Page:
        # First pages tell which lists are long, and pages by token hang on each other: a long list that
        # waits in a queue makes the whole run long.
        goes_first = place.number == 1 or place.tokens or listing.is_long
        client = self._urgent if goes_first else self._client
        page = self._with_unapproved(
            client.records.page,
            self.groups[group],
            page=place.number,
            page_token=place.tokens[group] if place.tokens else None,
            per_page=place.size,
            **listing.params(),
        )
        self._to_utc(page.records)
        self._report.partial = self._report.partial or page.left_out > 0
        return page

    def _with_unapproved(self, ask: Callable[..., B], *what: Any, **how: Any) -> B:
        """An answer that has records under approval too, if Bigin takes the wish, which v2 does not document.

        They would show up later with their old Modified_Time, which no incremental pass reads.
        """
        if self._asks_for_unapproved and not how.get("cvid"):
            try:
                return ask(self._module, *what, **how, approved="both")
            except InvalidRequest as refused:
                if refused.details.get("param_name", refused.details.get("param")) != "approved":
                    raise
                self._asks_for_unapproved = False
        return ask(self._module, *what, **how)

    def _to_utc(self, records: Sequence[Record]) -> None:
        """Every Modified_Time in UTC; None where it is absent or no moment, which is told."""
        if not self._tells_time:
            return
        instants = self.instants
        for record in records:
            told = record.get(MODIFIED)
            try:
                record[MODIFIED] = utc = instants[told]
            except (TypeError, ValueError):
                record[MODIFIED] = utc = None
            if utc is None:
                self._report.warn(f"record {record['id']}: {MODIFIED} is {told!r:.50}, which is no datetime.")

    def _joined(self, pages: list[Page], place: Place) -> JoinedPage:
        lead = pages[0]
        tokens = tuple(page.next_page_token or "" for page in pages)
        return JoinedPage(
            self._agreeing(self._with_other_groups(lead.records, pages[1:])),
            more_records=lead.more_records,
            tokens=tokens if all(tokens) and len(tokens) == len(self.groups) else (),
            expires=lead.page_token_expiry,
            place=place,
            counted=whole_number(lead.info.get("count")),
            left_out=lead.left_out,
        )

    def _agreeing(self, records: list[Record]) -> list[Record]:
        """The records; those of which two rows of the page say different things, as they are by their ids."""
        seen: dict[str, Record] = {}
        torn = {each["id"] for each in records if seen.setdefault(each["id"], each) != each}
        if not torn:
            return records
        self._report.inform(f"a page says two things of {len(torn)} records: read by their ids.")
        return self._read_anew(records, sorted(torn))

    def _with_other_groups(self, records: list[Record], others: list[Page]) -> list[Record]:
        parts = [{record["id"]: record for record in page.records} for page in others]
        changed = [record["id"] for record in records if not join(record, parts)]
        return self._read_anew(records, changed) if changed else records

    def _read_anew(self, records: list[Record], ids: Sequence[str]) -> list[Record]:
        """The records, these of them as they are now by their ids: what is gone is told by its deletion."""
        whole = {record["id"]: record for record in self.by_ids(ids)}
        return [
            whole.get(each["id"], each) for each in records if each["id"] in whole or each["id"] not in ids
        ]

    def _side_by_side(self, ask: Callable[..., B], wanted: Sequence[tuple[Any, ...]]) -> Iterator[B]:
        """The answers in the order of the questions; one alone needs no thread."""
        if len(wanted) <= 1:
            return iter([ask(*each) for each in wanted])
        return self._calls.map_in_order(lambda each: ask(*each), wanted)

    def _agreed(self, rows: list[list[Record]]) -> dict[str, Record]:
        """Records of one state each: asked for anew until all groups show the same Modified_Time.

        One that changes faster than that is taken as it is: it changed after the pass began, so the
        next run reads it again.
        """
        found: dict[str, Record] = {}
        for left in range(TRIES_TO_AGREE, 0, -1):
            parts = [{record["id"]: record for record in part} for part in rows[1:]]
            lead = {record["id"]: record for record in rows[0]}
            torn = [each for each, record in lead.items() if not join(record, parts)]
            found.update(lead)
            if not torn or left == 1:
                break
            rows = [self._fetch_ids(torn, group) for group in range(len(self.groups))]
            for each in torn:
                del found[each]
        return found

    def _fetch_ids(self, ids: Sequence[str], group: int) -> list[Record]:
        ask = partial(self._client.records.by_ids, on_lack=self._report.misses)
        records = self._with_unapproved(ask, ids, self.groups[group])
        self._to_utc(records)
        return records


def join(record: Record, parts: list[dict[str, Record]]) -> bool:
    """Add the other groups' fields to a record; False if one of them shows another state of it."""
    record_id, modified = record["id"], record.get(MODIFIED)
    for part in parts:
        other = part.get(record_id)
        if other is None or other.get(MODIFIED) != modified:
            return False
        record.update(other)
    return True
