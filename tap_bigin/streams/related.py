"""The stream of a related list: parent by parent, side by side, written in the order of the parents."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bigin_api.errors import InvalidRequest, ModuleUnavailable
from tap_bigin.bookmarks import Pass, begin, complete, pass_of, shape_of_pass
from tap_bigin.chunks import Chunk
from tap_bigin.conversion import Conversion
from tap_bigin.pages import field_groups
from tap_bigin.related_lists import PARENT_ID, RelatedDefinition
from tap_bigin.streams.stream import BiginStream

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_bigin.chunks import Record, State

PARENTS_PER_CHUNK = 50
RECORDS_PER_CHUNK = 1_000
_PARENT_GONE, _RELATION_WRONG = 1, 2  # resource_path_index


class RelatedStream(BiginStream[RelatedDefinition]):
    """All parents at each run, 1 credit each: adding to a list need not move its Modified_Time.

    Parents come by ascending id from COQL, which nothing shifts; an interrupted run goes on after the
    last parent whose records are written.
    """

    def read(self, state: State) -> Iterator[Chunk]:
        """The records of some parents a chunk."""
        schema = self.definition.schema
        names = [
            name
            for name in schema.properties
            if name not in ("id", PARENT_ID) and name not in schema.unsupported and self.is_asked_for(name)
        ]
        convert = Conversion(
            {name: schema.properties[name] for name in (PARENT_ID, "id", *names)},
            schema.treatments,
            warn=self.report.warn,
        )
        pass_ = self._pass(state, names)
        waiting: list[Record] = []
        parents = 0
        for parent_id, records in self._by_parent(names, after=pass_.after or "0"):
            waiting += records
            parents += 1
            pass_ = replace(pass_, after=parent_id, emitted=pass_.emitted + len(records))
            if parents >= PARENTS_PER_CHUNK or len(waiting) >= RECORDS_PER_CHUNK:
                convert(waiting)
                yield Chunk(waiting, begin(state, pass_))
                waiting, parents = [], 0
        convert(waiting)
        yield Chunk(waiting, complete(state, pass_, replication_key=None))

    def _pass(self, state: State, names: Sequence[str]) -> Pass:
        shape = shape_of_pass(self.definition.module, self.definition.api_name, names)
        begun = pass_of(state, shape=shape)
        if begun is not None:
            return begun
        parents = self.client.records.count(self.definition.module)
        self.report.inform(f"reads {parents:,} parents, 1 credit or more each.")
        return Pass("full", self.client.server_time, shape)

    def _by_parent(self, names: Sequence[str], *, after: str) -> Iterator[tuple[str, list[Record]]]:
        module = self.definition.module
        for rows in self.client.coql.pages_by_id(module, ["id"], after_id=after):
            ids = [str(row["id"]) for row in rows]
            found = self.calls.map_in_order(lambda parent_id: self._records_of(parent_id, names), ids)
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
        number, token = 1, None
        while True:
            page = self.client.related.page(
                self.definition.module,
                parent_id,
                self.definition.api_name,
                names,
                page=None if token else number,
                page_token=token,
            )
            records += page.records
            if not page.more_records:
                return records
            number, token = number + 1, page.next_page_token

    def _emails(self, parent_id: str) -> list[Record]:
        records: list[Record] = []
        index: str | None = None
        while True:
            page, index = self.client.related.emails(self.definition.module, parent_id, index=index)
            records += ({**email, "id": str(email["message_id"])} for email in page)
            if index is None:
                return records

    def _rows(self, parent_id: str) -> list[Record]:
        """The rows in a field of the record, which only a record read singly shows."""
        name = self.definition.api_name
        record = self.client.records.get(self.definition.module, parent_id, [name])
        return [row for row in (record or {}).get(name) or [] if isinstance(row, dict) and row.get("id")]
