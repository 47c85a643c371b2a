"""Streams of rows that belong to other records: a deal's products, its other contacts, a contact's products.

tap-bigin gives them as ``pipelines_associated_products`` and the like, a record a row, with the parent's
id in ``parent_id`` and the rows of one parent one after another. They are written as a set, a parent at
a time: what is there is read, and only the difference is sent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from target_bigin.files.id_map import Target
from target_bigin.links.references import Link, Need
from target_bigin.records.record import Action, Prepared, Record, Reject
from target_bigin.rows.fields import RowField
from target_bigin.streams.stream import SideLane
from target_bigin.values.converters import APPENDING_TYPES
from target_bigin.values.errors import BadValue
from target_bigin.values.objects import is_id

if TYPE_CHECKING:
    from bigin_api import Field, Module
    from target_bigin.links.resolver import Relation
    from target_bigin.schema.context import Run
    from target_bigin.settings import StreamSettings
    from target_bigin.streams.steps import Step

PARENT_ID = "parent_id"
PARENT = "$parent"  # in a group's body, beside its rows
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

    def needs(record: Prepared, value: Any) -> Iterator[Need]:
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


@dataclass(eq=False)
class _Group:
    """The rows of one parent that came one after another."""

    parent: str
    rows: list[Prepared] = field(default_factory=list)


class RowLane(SideLane):
    """Gathers the rows of a parent and passes them through steps as one. Main thread alone.

    Two groups of one parent never travel side by side.
    """

    def __init__(
        self,
        run: Run,
        stream: str,
        shape: RowField,
        steps: Sequence[Step],
        *,
        fail: Callable[[BaseException], None],
    ) -> None:
        self._ledger = run.ledger
        self._account = run.ledger.account(stream)
        self._stream = stream
        self._shape = shape
        self._steps = steps
        self._gathering: _Group | None = None
        self._under_way: dict[str, deque[_Group]] = {}  # by parent; the first one is on its way
        self._groups: dict[int, _Group] = {}  # by the number of the record that stands for it
        for place, step in enumerate(steps):
            step.go_on = partial(self._go, place + 1)
            step.refuse = self._refuse
            step.settle = self._settle
            step.fail = fail

    def take(self, raw: Record) -> None:
        """Add a row to its parent's."""
        record = Prepared(self._ledger.read(self._account), self._stream, raw)
        parent = raw.get(PARENT_ID)
        if not isinstance(parent, str | int) or isinstance(parent, bool) or parent == "":
            self._ledger.reject(record, Reject("invalid", "KEY_MISSING", f"no {PARENT_ID}.", PARENT_ID))
            return
        if self._gathering is None or self._gathering.parent != str(parent):
            self._close_group()
            self._gathering = _Group(str(parent))
        self._gathering.rows.append(record)

    def tick(self, *, flush: bool) -> None:
        """With ``flush`` ask and send what waits."""
        for step in self._steps:
            step.tick(flush=flush)

    def wind_up(self) -> None:
        """Nothing more is sent."""

    def finish(self) -> None:
        """The last parent's rows are complete."""
        self._close_group()
        for step in self._steps:
            step.finish()

    def close(self, *, in_good_order: bool) -> None:
        """Close what the steps hold open."""
        for step in self._steps:
            step.close(in_good_order=in_good_order)

    def _close_group(self) -> None:
        group, self._gathering = self._gathering, None
        if group is None:
            return
        line = self._under_way.setdefault(group.parent, deque())
        line.append(group)
        if len(line) == 1:
            self._start(group)

    def _start(self, group: _Group) -> None:
        first = group.rows[0]
        rows = [{name: value for name, value in row.raw.items() if name != PARENT_ID} for row in group.rows]
        stands_for = Prepared(
            first.number,
            self._stream,
            {PARENT_ID: group.parent},
            body={PARENT: group.parent, self._shape.name: rows},
            operation="update",
        )
        self._groups[first.number] = group
        self._go(0, stands_for)

    def _go(self, place: int, record: Prepared) -> None:
        for step in self._steps[place:]:
            if not step.take(record):
                return
        self._settle(record, record.action or "updated")

    def _settle(self, record: Prepared, action: Action) -> None:
        group = self._ended(record)
        for row in group.rows:
            self._ledger.settle(row, action)
        self._next(group)

    def _refuse(self, record: Prepared, reject: Reject) -> None:
        group = self._ended(record)
        for row in group.rows:
            self._ledger.reject(row, reject)
        self._next(group)

    def _ended(self, record: Prepared) -> _Group:
        return self._groups.pop(record.number)

    def _next(self, group: _Group) -> None:
        line = self._under_way[group.parent]
        line.popleft()
        if line:
            self._start(line[0])
        else:
            del self._under_way[group.parent]
