"""Streams of rows that belong to other records: a deal's products, its other contacts, a contact's products.

tap-bigin gives them as ``pipelines_associated_products`` and the like, a record a row, with the parent's
id in ``parent_id`` and the rows of one parent one after another. They are written as a set, a parent at
a time: what is there is read, and only the difference is sent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from bigin_api import Field, Module
from target_bigin.concurrency.division import halves
from target_bigin.files.fingerprints import Slot
from target_bigin.files.id_map import Target, source_key
from target_bigin.links.fields import Relation
from target_bigin.links.references import Link, PendingLink
from target_bigin.links.resolver import LinkResolver
from target_bigin.records.record import Action, Fields, Record, Reject, Spoiled
from target_bigin.rows.fields import row_fields
from target_bigin.rows.writer import LinkWriter, RowWriter
from target_bigin.schema.context import StreamContext
from target_bigin.schema.deletion import is_deletion
from target_bigin.settings import StreamSettings
from target_bigin.streams.shared import Shared
from target_bigin.streams.stream import Stream
from target_bigin.values.converters import APPENDING_TYPES
from target_bigin.values.errors import invalid
from target_bigin.values.objects import as_id
from target_bigin.values.text import fold
from target_bigin.writing.unchanged import Change

logger = logging.getLogger("target-bigin")

PARENT_ID = "parent_id"
PARENT = "$parent"  # in a group's body, beside its rows
ARE_ALL = "$are_all"  # ... whether these are all of its rows
LINK_LISTS: Mapping[str, Field] = {
    "Contacts": Field("Products", "multiselectlookup", lookup_module="Products", linking_lookup="$linked")
}
"""Related lists that are links and nothing else, by the parent's module: each as a field of links."""


def find_row_place(
    name: str, modules: Sequence[Module], fields_of: Callable[[str], Sequence[Field]]
) -> tuple[Module, Field] | None:
    """What ``Pipelines.Associated_Products`` or ``pipelines_associated_products`` means, None if no rows."""
    wanted = fold(name.replace(".", "_"))
    for module in modules:
        own = module.api_name
        rest = wanted.removeprefix(f"{fold(own)}_")
        if not module.api_supported or rest == wanted:
            continue
        listed = LINK_LISTS.get(own)
        if listed is not None and fold(listed.api_name) == rest:
            return module, listed
        for described in fields_of(own):
            if described.data_type in APPENDING_TYPES and fold(described.api_name) == rest:
                return module, described
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
        elif (own := as_id(value)) is not None:
            put(Target(module, own))
        else:
            raise invalid("NOT_AN_ID", f"{PARENT_ID} {value!r} is not the id of a record.")

    return needs


class RowStream(Stream):
    """Gathers the rows of a parent and writes them as one. Main thread alone.

    Two groups of one parent never travel side by side.
    """

    def __init__(self, context: StreamContext, shared: Shared, described: Field) -> None:
        """``described``: the field that holds the rows."""
        super().__init__(context.account, shared)
        name = described.api_name
        self._place = context.account.module = f"{context.module.api_name}.{name}"
        self._client = context.run.client
        find = partial(row_fields, {name: described}, context.settings, context.run.client.metadata)
        self._shape = shape = self._tasks.wait_for(find)[name]
        relations = {PARENT: parent_relation(context.module.api_name, context.settings), name: shape.read}
        self._links = LinkResolver(context, relations, shared.directory, shared.waiting, are_linked_to=False)
        self._changes = shared.changes(context, self._slot_of)
        self._writer: RowWriter | LinkWriter
        if described is LINK_LISTS.get(context.module.api_name):
            self._writer = LinkWriter(context, related_list=name, column=shape.by)
        else:
            self._writer = RowWriter(context, {name: shape})
        # Where others are removed, half of the rows would remove the other half.
        self._may_part = not context.settings.replace_rows
        self._parent: str | None = None
        self._gathering: list[Record] = []  # the rows of this parent that came one after another
        self._order = shared.order(self._place)  # of a stream whose SCHEMA came again, too
        self._written = shared.row_parents[context.stream]

    def take(self, raw: Fields) -> None:
        """Add a row to its parent's."""
        record = self._read(raw)
        parent = source_key(raw, (PARENT_ID,))
        if parent is None or isinstance(raw[PARENT_ID], bool | dict | list):
            self._ledger.end(record, Reject("invalid", "KEY_MISSING", f"no {PARENT_ID}.", PARENT_ID))
            return
        try:
            if is_deletion(raw, self._client):
                # It belongs to no set. What that removes, replace_rows says.
                self._account.notes["rows deleted in the source, left out"] += 1
                self._ledger.end(record, "unchanged")
                return
        except Reject as reject:
            self._ledger.end(record, reject)
            return
        if parent != self._parent:
            self._start(are_all=True)
            self._parent = parent
        self._gathering.append(record)

    def _start(self, *, are_all: bool) -> None:
        """Write the gathered rows. Where others are removed, rows of a parent that comes again stay, too."""
        rows, self._gathering = self._gathering, []
        if rows:
            parent = str(self._parent)
            are_all = are_all and parent not in self._written
            self._written.add(parent)
            group = self._group(parent, rows, are_all=are_all or self._may_part)
            self._tasks.create_task(self._settle(group, rows))

    def _group(self, parent: str, rows: Sequence[Record], *, are_all: bool) -> Record:
        """The rows of one parent as one record."""
        group = Record(rows[0].number, self._account.stream, {PARENT_ID: parent})
        spoiled = next((row.raw for row in rows if isinstance(row.raw, Spoiled)), None)
        if spoiled is not None:
            group.raw = Spoiled(group.raw, spoiled.why)
        group.locks = ((PARENT_ID, parent),)
        others = [row.raw for row in rows]
        group.body = {PARENT: parent, self._shape.name: others, ARE_ALL: are_all}  # a cache must know it
        return group

    async def _settle(self, record: Record, read: Sequence[Record]) -> None:
        """The place where rows end. Two groups of one parent go one after the other."""
        self._order.enter(record)
        await self._order.turn(record)
        await self._settle_each(record, read)
        self._order.leave(record)

    async def _settle_each(self, group: Record, rows: Sequence[Record]) -> None:
        """Write rows of one parent; refused together, they are written by halves: a bad one costs itself."""
        outcome = await self._outcome_of(group)
        if isinstance(outcome, Reject) and len(rows) > 1 and self._may_part and outcome.field != PARENT:
            for some in halves(rows):
                part = self._group(group.raw[PARENT_ID], some, are_all=group.body[ARE_ALL])
                await self._settle_each(part, some)
            return
        for each in rows:
            self._ledger.end(each, outcome)

    async def _write(self, record: Record) -> Action:
        """The way of one parent's rows, top to bottom. Raises Reject."""
        if isinstance(record.raw, Spoiled):
            raise record.raw.why
        await self._links.resolve(record)
        async with Change(self._changes, record) as change:
            if change.is_empty:
                return "unchanged"
            rows = {self._shape.name: record.body[self._shape.name]}
            is_sent = await self._writer.write(record, rows, are_all=record.body[ARE_ALL])
            action: Action = "updated" if is_sent else "unchanged"
            change.keep(action)
        return action

    def finish(self) -> None:
        """No further row will come; that those of the last parent are all, only a STATE after them says."""
        is_cut_off = bool(self._gathering) and self._ledger.stated_up_to < self._gathering[-1].number
        if is_cut_off and not self._may_part:
            logger.warning(
                "%s: the input ended at the rows of %s without a STATE: none of its other rows are removed.",
                self._account.stream,
                self._parent,
            )
        self._start(are_all=not is_cut_off)

    def complete(self) -> None:
        """Send what waits for company."""
        self._writer.flush()

    def _slot_of(self, record: Record) -> Slot:
        return record.stream, self._place, record.raw[PARENT_ID]
