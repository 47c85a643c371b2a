"""The stream of a related list: what all parents have in it.

Where the records tell their parent (notes, attachments), one list of the related module gives them all,
and later only what was modified. Else, or where the token may not read that list, each parent is asked,
side by side, written in the order of the parents.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

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
from tap_bigin.bookmarks import Scan, begin, complete, scan_of, shape_of_scan
from tap_bigin.discovery.related_lists import PARENT_ID, PARENT_KEYS, RelatedDefinition, parent_of
from tap_bigin.lists.list_scan import ListScan
from tap_bigin.lists.pages import ModulePages, field_groups
from tap_bigin.singer.batch import Batch, Record
from tap_bigin.streams.stream import BiginStream
from tap_bigin.values.conversion import Conversion
from tap_bigin.values.data_types import STRING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_bigin.singer.batch import State

PARENTS_PER_BATCH = 10  # a credit each: whoever is killed has handed on what the others brought
RECORDS_PER_BATCH = 1_000
PAGES_AT_ONCE = 5  # of one parent, before they are handed on
BY_NUMBER = "page "  # before the number of a page, where the place of the next one is no token
_PARENT_GONE, _RELATION_WRONG = 1, 2  # resource_path_index


class RelatedPage(NamedTuple):
    """A page of one parent's list, the place it was read from (None: the first), and that of the next."""

    records: list[Record]
    place: str | None = None
    following: str | None = None


@dataclass(frozen=True)
class Part:
    """Some pages of what one parent has. ``place`` is that of the latest, ``following`` None at the end."""

    parent_id: str
    records: list[Record] = field(default_factory=list)
    place: str | None = None
    following: str | None = None

    def with_page(self, page: RelatedPage) -> Part:
        """The same with one page more."""
        return Part(self.parent_id, [*self.records, *page.records], page.place, page.following)

    @property
    def stands(self) -> dict[str, Any]:
        """Where a scan stands once it is written."""
        if self.following is None:
            return {"after": self.parent_id, "tokens": (), "last": None}
        if self.place is None or not self.records:
            return {}  # after one page there is nothing to go on from but the beginning
        return {"tokens": (self.place,), "last": (self.records[-1]["id"], self.parent_id)}


class RelatedStream(BiginStream[RelatedDefinition]):
    """Asking the parents means all of them at each run, 1 credit or more each.

    That an addition to a list moves the parent's Modified_Time is not known. Parents come by ascending
    id from COQL, which nothing shifts; an interrupted run goes on after the last parent written.
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
            for key in PARENT_KEYS:
                record.pop(key, None)
        self._convert(records)

    # Parent by parent

    def _from_parents(self, state: State) -> Iterator[Batch]:
        scan = self._scan_of_parents(state)
        waiting: list[Record] = []
        parts = 0
        try:
            for part in self._by_parent(scan):
                waiting += part.records
                parts += 1
                scan = replace(scan, **part.stands, emitted=scan.emitted + len(part.records))
                if parts >= PARENTS_PER_BATCH or len(waiting) >= RECORDS_PER_BATCH or part.following:
                    self._convert(waiting)
                    yield Batch(waiting, begin(state, scan))
                    waiting, parts = [], 0
        except BiginError:
            if parts:  # what was paid for is handed on
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

    def _by_parent(self, scan: Scan) -> Iterator[Part]:
        """What the parents have that the scan has not reached, a long list in several parts."""
        after = scan.after or "0"
        if scan.tokens and scan.last:
            resumed = self._resumed(scan.last[1], last_id=scan.last[0], place=scan.tokens[0])
            if resumed is not None:
                after = resumed.parent_id
                yield from self._with_rest(resumed)
        lacks = self.report.lacks
        for rows in self.client.coql.pages_by_id(
            self.definition.module, ["id"], after_id=after, on_lack=lacks
        ):
            ids = [str(row["id"]) for row in rows]
            for part in self.calls.map_in_order(self._part, ids, ahead=self.client.calls_ahead):
                yield from self._with_rest(part)

    def _resumed(self, parent_id: str, *, last_id: str, place: str) -> Part | None:
        """What follows in a list that an earlier run began; None if it has to be read from its beginning.

        The latest page is read once more: with its last record in it, nothing has slipped past it.
        """
        try:
            part = self._part(parent_id, place)
        except InvalidRequest:  # the place is too old
            return None
        return part if any(each["id"] == last_id for each in part.records) else None

    def _with_rest(self, part: Part) -> Iterator[Part]:
        yield part
        while part.following:
            part = self._part(part.parent_id, part.following)
            yield part

    def _part(self, parent_id: str, place: str | None = None) -> Part:
        """Some pages of what one parent has, from a place on; none if the parent is gone meanwhile."""
        part = Part(parent_id, following=place)
        try:
            for number, page in enumerate(self._pages(parent_id, place), start=1):
                part = part.with_page(page)
                if number >= PAGES_AT_ONCE:
                    break
        except InvalidRequest as refused:
            where = refused.details.get("resource_path_index")
            if where == _RELATION_WRONG:
                raise ModuleUnavailable(refused.message, module=self.definition.module) from refused
            if where != _PARENT_GONE:
                raise
            part = dataclasses.replace(part, following=None)
        except BiginError:
            if not part.records:
                raise
            # What follows is asked for again once these are handed on.
        for record in part.records:
            record[PARENT_ID] = parent_id
        return part

    def _pages(self, parent_id: str, place: str | None) -> Iterator[RelatedPage]:
        """The pages of a parent's list from a place on; all of it is one where that cannot be cut."""
        groups = field_groups(self._names or ["id"])
        if self.definition.source == "emails":
            yield from self._emails(parent_id, place)
        elif self.definition.source == "rows":
            yield RelatedPage(self._rows(parent_id))
        elif len(groups) == 1:
            yield from self._list(parent_id, groups[0], place)
        else:
            yield RelatedPage(self._joined(parent_id, groups))

    def _joined(self, parent_id: str, groups: Sequence[Sequence[str]]) -> list[Record]:
        lead, *others = (
            [record for page in self._list(parent_id, group) for record in page.records] for group in groups
        )
        for other in others:
            more = {record["id"]: record for record in other}
            for record in lead:
                record.update(more.get(record["id"], {}))
        return lead

    def _list(self, parent_id: str, names: Sequence[str], place: str | None = None) -> Iterator[RelatedPage]:
        progress = Progress()
        while True:
            number = int(place.removeprefix(BY_NUMBER)) if place and place.startswith(BY_NUMBER) else 1
            token = None if place is None or place.startswith(BY_NUMBER) else place
            page = self.client.related.page(
                self.definition.module,
                parent_id,
                self.definition.api_name,
                names,
                page=None if token else number,
                page_token=token,
            )
            progress.see(page.records, page.next_page_token)
            self._see_left_out(page.left_out)
            following = (page.next_page_token or f"{BY_NUMBER}{number + 1}") if page.more_records else None
            yield RelatedPage(page.records, place, following)
            if following is None:
                return
            place = following

    def _emails(self, parent_id: str, place: str | None) -> Iterator[RelatedPage]:
        progress = Progress()
        while True:
            page, following = self.client.related.emails(self.definition.module, parent_id, index=place)
            emails = [{**each, "id": told} for each in page if (told := text(each.get("message_id")))]
            progress.see(emails, following)
            self._see_left_out(len(page) - len(emails))
            yield RelatedPage(emails, place, following)
            if following is None:
                return
            place = following

    def _rows(self, parent_id: str) -> list[Record]:
        """The rows in a field of the record, which only a record read singly shows."""
        name = self.definition.api_name
        record = self.client.records.get(self.definition.module, parent_id, [name])
        held = (record or {}).get(name) or []
        rows = whole_records(held, f"{self.name}: parent {parent_id}") if isinstance(held, list) else []
        self._see_left_out(len(held) - len(rows) if isinstance(held, list) else 1)
        return rows

    def _see_left_out(self, rows: int) -> None:
        if rows:
            self.report.lacks("rows without an id were left out.")
