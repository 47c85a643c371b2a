"""The stream of a related list: what all parents have in it.

Where the records tell their parent (notes, attachments), one list of the related module gives them all,
and later only what was modified. Else, or where the token may not read that list, each parent is asked,
side by side, written in the order of the parents.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

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
from tap_bigin.singer.batch import Batch
from tap_bigin.streams.stream import BiginStream
from tap_bigin.values.conversion import Conversion
from tap_bigin.values.data_types import STRING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_bigin.singer.batch import Record, State

PARENTS_PER_BATCH = 50
RECORDS_PER_BATCH = 1_000
_PARENT_GONE, _RELATION_WRONG = 1, 2  # resource_path_index


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
        parents = 0
        try:
            for parent_id, records in self._by_parent(self._names, after=scan.after or "0"):
                waiting += records
                parents += 1
                scan = replace(scan, after=parent_id, emitted=scan.emitted + len(records))
                if parents >= PARENTS_PER_BATCH or len(waiting) >= RECORDS_PER_BATCH:
                    self._convert(waiting)
                    yield Batch(waiting, begin(state, scan))
                    waiting, parents = [], 0
        except BiginError:
            if parents:  # what was paid for is handed on
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

    def _by_parent(self, names: Sequence[str], *, after: str) -> Iterator[tuple[str, list[Record]]]:
        module = self.definition.module
        lacks = self.report.lacks
        for rows in self.client.coql.pages_by_id(module, ["id"], after_id=after, on_lack=lacks):
            ids = [str(row["id"]) for row in rows]
            found = self.calls.map_in_order(
                lambda parent_id: self._records_of(parent_id, names), ids, ahead=self.client.calls_ahead
            )
            yield from zip(ids, found, strict=True)

    def _records_of(self, parent_id: str, names: Sequence[str]) -> list[Record]:
        """What one parent has, [] if it is gone meanwhile."""
        try:
            records = self._fetch(parent_id, names)
        except InvalidRequest as refused:
            place = refused.details.get("resource_path_index")
            if place == _PARENT_GONE:
                return []
            if place == _RELATION_WRONG:
                raise ModuleUnavailable(refused.message, module=self.definition.module) from refused
            raise
        for record in records:
            record[PARENT_ID] = parent_id
        return records

    def _fetch(self, parent_id: str, names: Sequence[str]) -> list[Record]:
        if self.definition.source == "emails":
            return self._emails(parent_id)
        if self.definition.source == "rows":
            return self._rows(parent_id)
        lead, *others = (self._list(parent_id, group) for group in field_groups(names or ["id"]))
        for other in others:
            more = {record["id"]: record for record in other}
            for record in lead:
                record.update(more.get(record["id"], {}))
        return lead

    def _list(self, parent_id: str, names: Sequence[str]) -> list[Record]:
        records: list[Record] = []
        number, token, progress = 1, None, Progress()
        while True:
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
            records += page.records
            if not page.more_records:
                return records
            number, token = number + 1, page.next_page_token

    def _emails(self, parent_id: str) -> list[Record]:
        records: list[Record] = []
        index: str | None = None
        progress = Progress()
        while True:
            page, index = self.client.related.emails(self.definition.module, parent_id, index=index)
            emails = [{**each, "id": told} for each in page if (told := text(each.get("message_id")))]
            progress.see(emails, index)
            self._see_left_out(len(page) - len(emails))
            records += emails
            if index is None:
                return records

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
