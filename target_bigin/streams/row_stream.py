"""Streams of rows that belong to other records: a deal's products, its other contacts, a contact's products.

tap-bigin gives them as ``pipelines_associated_products`` and the like, a record a row, with the parent's
id in ``parent_id`` and the rows of one parent one after another. They are written as a set, a parent at
a time: what is there is read, and only the difference is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from target_bigin.concurrency.tasks import Tasks
from target_bigin.files.id_map import Target
from target_bigin.links.references import Link, PendingLink
from target_bigin.links.resolver import LinkResolver
from target_bigin.records.ledger import Ledger
from target_bigin.records.order import Order
from target_bigin.records.record import Action, Fields, Record, Reject, Rejected
from target_bigin.rows.fields import RowField, row_fields
from target_bigin.rows.related_list import LinkWriter
from target_bigin.rows.writer import RowWriter
from target_bigin.streams.stream import Stream
from target_bigin.values.converters import APPENDING_TYPES
from target_bigin.values.errors import BadValue
from target_bigin.values.objects import is_id, lookup
from target_bigin.writing.unchanged import Changes

if TYPE_CHECKING:
    from bigin_api import Field, Metadata, Module
    from target_bigin.links.fields import Relation
    from target_bigin.settings import StreamSettings

PARENT_ID = "parent_id"
PARENT = "$parent"  # in a group's body, beside its rows
LINKED = "$linked"  # the only column of a row that is a link and nothing else
LINK_LISTS: Mapping[tuple[str, str], str] = {("Contacts", "Products"): "Products"}
"""Related lists that are links and nothing else: parent and list → the module linked to."""


@dataclass(frozen=True)
class RowPlace:
    """Where the rows of a stream go: a field that holds rows, or a related list of links."""

    module: str
    name: str
    described: Field | None = None  # None: a related list

    @property
    def shown(self) -> str:
        """As settings and reports name it."""
        return f"{self.module}.{self.name}"


def find_row_place(
    name: str, modules: Sequence[Module], fields_of: Callable[[str], Sequence[Field]]
) -> RowPlace | None:
    """What ``Pipelines.Associated_Products`` or ``pipelines_associated_products`` means, None if no rows."""
    wanted = name.replace(".", "_").casefold()
    for module in modules:
        own = module.api_name
        if not module.api_supported or not wanted.startswith(f"{own.casefold()}_"):
            continue
        rest = wanted[len(own) + 1 :]
        for parent, listed in LINK_LISTS:
            if parent == own and listed.casefold() == rest:
                return RowPlace(own, listed)
        for described in fields_of(own):
            if described.data_type in APPENDING_TYPES and described.api_name.casefold() == rest:
                return RowPlace(own, described.api_name, described)
    return None


def parent_relation(module: str, settings: StreamSettings) -> Relation:
    """How a group's parent is found."""
    link = Link(PARENT, (module,), by_source=settings.ids == "source", must_be_there=True)

    def needs(record: Record, value: Any) -> Iterator[PendingLink]:
        def put(target: Target | None) -> None:
            if target:
                record.id = target.id
                record.body[PARENT] = target.id

        if link.by_source:
            yield link.need({"id": value}, put)
        elif is_id(value):
            put(Target(module, str(value)))
        else:
            raise BadValue("NOT_AN_ID", f"{PARENT_ID} {value!r} is not the id of a record.")

    return needs


def shape_of(place: RowPlace, settings: StreamSettings, metadata: Metadata) -> RowField:
    """How the rows are read. Costs 1 credit for the columns of a subform."""
    if place.described is not None:
        return row_fields({place.name: place.described}, settings, metadata)[place.name]
    by_source = settings.ids == "source"
    link = Link(LINKED, (LINK_LISTS[place.module, place.name],), by_source=by_source, must_be_there=True)
    convert = lookup(by_value=False, foreign_ids=by_source)
    return RowField(place.name, LINKED, {LINKED: convert}, {LINKED: link})


class RowStream(Stream):
    """Gathers the rows of a parent and writes them as one. Main thread alone.

    Two groups of one parent never travel side by side.
    """

    def __init__(
        self,
        stream: str,
        ledger: Ledger,
        tasks: Tasks,
        shape: RowField,
        *,
        order: Order,
        links: LinkResolver,
        changes: Changes,
        writer: RowWriter | LinkWriter | None,
    ) -> None:
        self._stream = stream
        self._ledger = ledger
        self._account = ledger.account(stream)
        self._tasks = tasks
        self._shape = shape
        self._order = order
        self._links = links
        self._changes = changes
        self._writer = writer  # None: a dry run
        self._gathering: list[Record] = []  # the rows of one parent that came one after another

    def take(self, raw: Fields) -> None:
        """Add a row to its parent's."""
        record = Record(self._ledger.read(self._account), self._stream, raw)
        parent = raw.get(PARENT_ID)
        if not isinstance(parent, str | int) or isinstance(parent, bool) or parent == "":
            self._ledger.end(record, Reject("invalid", "KEY_MISSING", f"no {PARENT_ID}.", PARENT_ID))
            return
        if self._gathering and str(self._gathering[0].raw[PARENT_ID]) != str(parent):
            self._start()
        self._gathering.append(record)

    def _start(self) -> None:
        rows, self._gathering = self._gathering, []
        if rows:
            self._tasks.create_task(self._settle(rows))

    async def _settle(self, rows: Sequence[Record]) -> None:
        """The one place where rows end: all of a parent in the same way."""
        first, parent = rows[0], str(rows[0].raw[PARENT_ID])
        group = Record(first.number, self._stream, {PARENT_ID: parent}, operation="update")
        group.locks = ((PARENT_ID, parent),)
        group.body = {
            PARENT: parent,
            self._shape.name: [
                {name: value for name, value in row.raw.items() if name != PARENT_ID} for row in rows
            ],
        }
        try:
            outcome: Action | Reject = await self._write(group)
        except Rejected as rejected:
            outcome = rejected.reject
        for row in rows:
            self._ledger.end(row, outcome)
        self._order.leave(group)

    async def _write(self, group: Record) -> Action:
        """The way of one parent's rows, top to bottom. Raises Rejected."""
        self._order.enter(group)
        await self._order.turn(group)
        await self._links.resolve(group)
        async with self._changes.of(group) as change:
            if change.is_empty:
                return "unchanged"
            if self._writer is None:
                return "updated"
            rows = {self._shape.name: group.body[self._shape.name]}
            action: Action = "updated" if await self._writer.write(group, rows, None) else "unchanged"
            change.keep(action)
        return action

    def finish(self) -> None:
        """The last parent's rows are complete."""
        self._start()

    def complete(self) -> None:
        """Send what waits for company."""
        if self._writer is not None:
            self._writer.flush()
