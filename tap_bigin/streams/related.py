"""The stream of a related list: what all parents have in it.

Where the records tell their parent (notes, attachments), one list of the related module gives them all,
and later only what was modified. Else, or where the token may not read that list, each parent is asked,
side by side, and its pages are written as they come.
"""

from __future__ import annotations

import dataclasses
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from bigin_api.endpoints.results import Progress, whole_records
from bigin_api.errors import (
    BiginError,
    InvalidRequest,
    ModuleUnavailable,
    PermissionDenied,
    Refused,
    TransientError,
)
from bigin_api.json_values import text
from bigin_api.limits import RECORDS_PER_PAGE
from tap_bigin.bookmarks import Scan, begin, complete, scan_of, shape_of_scan
from tap_bigin.discovery.related_lists import PARENT_ID, PARENT_KEYS, RelatedDefinition, parent_of
from tap_bigin.lists.list_scan import ListScan
from tap_bigin.lists.pages import TRIES_TO_AGREE, ModulePages, field_groups, join
from tap_bigin.singer.batch import Batch, Record
from tap_bigin.streams.stream import BiginStream
from tap_bigin.values.conversion import Conversion
from tap_bigin.values.data_types import STRING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bigin_api import Labelled
    from bigin_api.endpoints.related import Related
    from tap_bigin.singer.batch import State

PARENTS_AT_ONCE = 20  # twice as many as calls at once: none of them waits for the next to be thought of
PAGES_PER_BATCH = 10  # a credit each: whoever is killed has handed on what the others brought
BY_NUMBER = "page "  # before the number of a page, where the place of the next one is no token
_PARENT_GONE, _RELATION_WRONG = 1, 2  # resource_path_index


@dataclass(frozen=True)
class Ask:
    """A page of one parent's list that is to be read, from a place on; None: the first.

    ``last_id`` is the last record that an earlier run read there, None in the run that began the list.
    """

    parent_id: str
    place: str | None = None
    last_id: str | None = None
    progress: Progress = field(default_factory=Progress)


@dataclass(frozen=True)
class RelatedPage:
    """A page of one parent's list, what it was asked by, and the place of the next; None at the end."""

    ask: Ask
    records: list[Record] = field(default_factory=list)
    following: str | None = None


class Reached:
    """How far parents are read, several of them at once: up to the first whose list has not ended.

    >>> reached, pages = Reached(), [RelatedPage(Ask("7"), [{"id": "1"}], "page 2"), RelatedPage(Ask("8"))]
    >>> reached.begin("7"); reached.begin("8")
    >>> [reached.see(page) for page in reversed(pages)]
    [{}, {}]
    >>> reached.see(RelatedPage(Ask("7", "page 2"), [{"id": "2"}]))
    {'after': '8', 'tokens': (), 'last': None}
    """

    def __init__(self) -> None:
        self._latest: dict[str, RelatedPage | None] = {}  # by parent, in their order

    def begin(self, parent_id: str) -> None:
        """This parent is the next one that is asked for."""
        self._latest[parent_id] = None

    def see(self, page: RelatedPage) -> dict[str, Any]:
        """What changes in where the scan stands, once this page is written."""
        self._latest[page.ask.parent_id] = page
        stands: dict[str, Any] = {}
        while self._latest:
            parent_id, latest = next(iter(self._latest.items()))
            if latest is None or latest.following is not None:
                break
            del self._latest[parent_id]
            stands = {"after": parent_id, "tokens": (), "last": None}
        head = next(iter(self._latest.values()), None)
        # After the first page there is nothing to go on from but the beginning.
        if head is not None and head.ask.place is not None and head.records:
            stands |= {"tokens": (head.ask.place,), "last": (head.records[-1]["id"], head.ask.parent_id)}
        return stands


class RelatedStream(BiginStream[RelatedDefinition]):
    """Asking the parents means all of them at each run, 1 credit or more each.

    That an addition to a list moves the parent's Modified_Time is not known. Parents come by ascending
    id from COQL, which nothing shifts, and pages as they are answered; an interrupted run goes on after
    the last parent up to which all lists are written.
    """

    def read(self, state: State) -> Iterator[Batch]:
        """From the related module's own list if that can be, else parent by parent."""
        if self.definition.tells_parent:
            try:
                yield from self._from_one_list(state)
            except (PermissionDenied, ModuleUnavailable) as refused:
                self.report.inform(f"asks each parent for its own. {refused.message}")
            else:
                return
        yield from self._from_parents(state)

    @property
    def module_read(self) -> str | None:
        """The related one: a note that is gone shows nowhere."""
        return self.definition.related_module

    @cached_property
    def _names(self) -> list[str]:
        """The fields that are asked for."""
        schema = self.definition.schema
        return [
            name
            for name in schema.properties
            if name not in ("id", PARENT_ID) and name not in schema.unsupported and self.is_asked_for(name)
        ]

    @cached_property
    def _convert(self) -> Conversion:
        schema = self.definition.schema
        properties = {name: schema.properties[name] for name in ("id", *self._names)}
        # Of one list the records of other modules' parents come along, and are left out afterwards.
        return Conversion({PARENT_ID: STRING, **properties}, schema.treatments, warn=self.report.warn)

    @cached_property
    def _urgent(self) -> Labelled:
        return self.client.urgent()

    # From one list

    def _from_one_list(self, state: State) -> Iterator[Batch]:
        state = self.with_fields(state, self._names)
        module = self.definition.related_module or ""
        names = [*self._names, *PARENT_KEYS]
        pages = ModulePages(self.client, self.calls, module, names, report=self.report)
        reading = ListScan(self.client, module, pages, report=self.report)
        shape = shape_of_scan(self.definition.module, module, names, self.bookmark_key)
        scan = scan_of(state, shape=shape) or self.new_scan(state, shape=shape)
        for records, reached in reading.pages(scan):
            self._prepare(records)
            yield Batch([each for each in records if each[PARENT_ID]], begin(state, reached))
        yield Batch([], self.completed(state, reading.scan))

    def _prepare(self, records: list[Record]) -> None:
        for record in records:
            module, parent_id = parent_of(record)
            if parent_id and not module:
                raise ModuleUnavailable(
                    f"{self.definition.api_name} do not tell the module of their parents."
                )
            record[PARENT_ID] = parent_id if module == self.definition.module else None
        self._convert(records)

    # Parent by parent

    def _from_parents(self, state: State) -> Iterator[Batch]:
        scan = self._scan_of_parents(state)
        waiting: list[Record] = []
        pages, reached = 0, Reached()
        try:
            for page in self._by_parent(scan, reached):
                waiting += page.records
                pages += 1
                scan = replace(scan, **reached.see(page), emitted=scan.emitted + len(page.records))
                if pages >= PAGES_PER_BATCH or len(waiting) >= RECORDS_PER_PAGE:
                    self._convert(waiting)
                    yield Batch(waiting, begin(state, scan))
                    waiting, pages = [], 0
        except BiginError:
            if pages:  # what was paid for is handed on
                self._convert(waiting)
                yield Batch(waiting, begin(state, scan))
            raise
        self._convert(waiting)
        yield Batch(waiting, complete(state, scan, replication_key=None))

    def _scan_of_parents(self, state: State) -> Scan:
        shape = shape_of_scan(self.definition.module, self.definition.api_name, self._names)
        begun = scan_of(state, shape=shape)
        if begun is not None:
            return begun
        try:
            parents = f"{self.client.records.count(self.definition.module):,} parents"
        except (Refused, TransientError):
            parents = "each parent"
        self.report.inform(f"reads {parents}, 1 credit or more each.")
        return Scan("full", self.client.server_time, shape)

    def _by_parent(self, scan: Scan, reached: Reached) -> Iterator[RelatedPage]:
        """What the parents have that the scan has not reached, each page as it comes."""
        at_once = self.client.calls_ahead or PARENTS_AT_ONCE
        return self.calls.as_they_come(self._page_and_next, self._parents(scan, reached), at_once=at_once)

    def _parents(self, scan: Scan, reached: Reached) -> Iterator[Ask]:
        """Each parent's first page; of the one at which an earlier run ended, the latest that it read."""
        after = scan.after or "0"
        if scan.tokens and scan.last:
            last_id, after = scan.last
            reached.begin(after)
            yield Ask(after, scan.tokens[0], last_id)
        lacks = self.report.lacks
        # While they are asked for, no page that has come is handed on.
        for rows in self._urgent.coql.pages_by_id(
            self.definition.module, ["id"], after_id=after, on_lack=lacks
        ):
            for row in rows:
                reached.begin(str(row["id"]))
                yield Ask(str(row["id"]))

    def _page_and_next(self, ask: Ask) -> tuple[RelatedPage, Ask | None]:
        page = self._resumed(ask) if ask.last_id else self._page(ask)
        for record in page.records:
            record[PARENT_ID] = ask.parent_id
        follows = page.following and Ask(ask.parent_id, page.following, progress=page.ask.progress)
        return page, follows or None

    def _resumed(self, ask: Ask) -> RelatedPage:
        """The latest page of a list that an earlier run began, or the first where that is not to be had.

        It is read once more: with its last record in it, nothing has slipped past it.
        """
        with suppress(InvalidRequest):  # the place is too old
            page = self._asked(ask)
            if any(each["id"] == ask.last_id for each in page.records):
                return page
        return self._page(Ask(ask.parent_id))

    def _page(self, ask: Ask) -> RelatedPage:
        """A page of what one parent has; none if the parent is gone meanwhile."""
        try:
            return self._asked(ask)
        except InvalidRequest as refused:
            where = refused.details.get("resource_path_index")
            if where == _RELATION_WRONG:
                raise ModuleUnavailable(refused.message, module=self.definition.module) from refused
            if where != _PARENT_GONE:
                raise
            return RelatedPage(ask)

    def _asked(self, ask: Ask) -> RelatedPage:
        """A page of a parent's list; all of it is one where that cannot be cut."""
        groups = field_groups(self._names or ["id"])
        if self.definition.source == "emails":
            return self._emails(ask)
        if self.definition.source == "rows":
            return RelatedPage(ask, self._rows(ask.parent_id))
        if len(groups) == 1:
            return self._list(ask, groups[0])
        return RelatedPage(ask, self._joined(ask.parent_id, groups))

    def _joined(self, parent_id: str, groups: Sequence[Sequence[str]]) -> list[Record]:
        """Records of one state each: all is read anew until every group tells of the same ones, and alike."""
        for _ in range(TRIES_TO_AGREE):
            lead, *others = (self._whole_list(parent_id, group) for group in groups)
            agreed = [record for record in lead.values() if join(record, others)]
            if all(len(agreed) == len(each) for each in (lead, *others)):
                return agreed
        self.report.lacks(f"parent {parent_id}: records that changed while they were read were left out.")
        return agreed

    def _whole_list(self, parent_id: str, names: Sequence[str]) -> dict[str, Record]:
        ask, records = Ask(parent_id), dict[str, Record]()
        while True:
            page = self._list(ask, names)
            records |= {each["id"]: each for each in page.records}
            if page.following is None:
                return records
            ask = dataclasses.replace(ask, place=page.following)

    def _list(self, ask: Ask, names: Sequence[str]) -> RelatedPage:
        place = ask.place
        number = int(place.removeprefix(BY_NUMBER)) if place and place.startswith(BY_NUMBER) else 1
        token = None if place is None or place.startswith(BY_NUMBER) else place
        page = self._lists(ask).page(
            self.definition.module,
            ask.parent_id,
            self.definition.api_name,
            names,
            page=None if token else number,
            page_token=token,
        )
        ask.progress.see(page.records, page.next_page_token)
        self._see_left_out(page.left_out)
        following = (page.next_page_token or f"{BY_NUMBER}{number + 1}") if page.more_records else None
        return RelatedPage(ask, page.records, following)

    def _emails(self, ask: Ask) -> RelatedPage:
        page, following = self._lists(ask).emails(self.definition.module, ask.parent_id, index=ask.place)
        emails = [{**each, "id": told} for each in page if (told := text(each.get("message_id")))]
        ask.progress.see(emails, following)
        self._see_left_out(len(page) - len(emails))
        return RelatedPage(ask, emails, following)

    def _lists(self, ask: Ask) -> Related:
        """Bigin's related lists. One that is begun goes first: no further than its parent the scan stands."""
        return (self.client if ask.place is None else self._urgent).related

    def _rows(self, parent_id: str) -> list[Record]:
        """The rows in a field of the record, which only a record read singly shows."""
        name = self.definition.api_name
        record = self.client.records.get(self.definition.module, parent_id, [name])
        held = (record or {}).get(name) or []
        told = held if isinstance(held, list) else [held]
        rows = whole_records(told, f"{self.name}: parent {parent_id}")
        self._see_left_out(len(told) - len(rows))
        return rows

    def _see_left_out(self, rows: int) -> None:
        if rows:
            self.report.lacks("rows without an id were left out.")
