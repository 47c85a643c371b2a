"""Ids of records by the value of a field: asked by COQL in batches of 50, kept for the run."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bigin_api.endpoints.coql import quote
from bigin_api.limits import COQL_MAX_IN_VALUES
from target_bigin.concurrency.batcher import Batcher
from target_bigin.concurrency.tasks import Tasks
from target_bigin.records.record import Action, Record, Reject, Rejected
from target_bigin.schema.keys import NUMBER_TYPES
from target_bigin.values.text import fold

if TYPE_CHECKING:
    from bigin_api import Client, Labelled
    from target_bigin.records.order import Order
    from target_bigin.schema.context import StreamContext

Ids = tuple[str, ...]

KEPT = 50_000  # values whose ids are kept, the latest used
SHOWN = 5  # ids that a message names


class IdFinder:
    """Who has this value in this field: no, one or several ids.

    Used on the main thread alone. Costs 1 credit per 50 values. COQL sees a new record at once.
    """

    def __init__(
        self, client: Client | Labelled, tasks: Tasks, *, module: str, field: str, is_text: bool = True
    ) -> None:
        self._module = module
        self._field = field
        self._client = client
        self._is_text = is_text
        self._known: OrderedDict[str, Ids] = OrderedDict()
        self._questions: Batcher[str, str, Ids] = Batcher(tasks, self._query, size=COQL_MAX_IN_VALUES)
        self.flush = self._questions.flush

    def known(self, value: object) -> Ids | None:
        """The ids, if they are known already: () means that nobody has it. None: ask."""
        folded = fold(value)
        ids = self._known.get(folded)
        if ids is not None:
            self._known.move_to_end(folded)
        return ids

    async def find(self, value: object) -> Ids:
        """The ids, asked for if they are not known."""
        ids = self.known(value)
        if ids is None:
            folded = fold(value)
            ids = await self._questions.ask(folded, str(value).strip())
            self._keep(folded, ids)
        return ids

    def learn(self, value: object, record_id: str) -> None:
        """This run wrote a record with this value: nobody need be asked."""
        self._keep(fold(value), (record_id,))

    def forget(self, value: object) -> None:
        """What is known of this value no longer holds: its record was deleted."""
        self._known.pop(fold(value), None)

    def _query(self, values: Mapping[str, str]) -> Mapping[str, Ids]:
        """In a thread: the ids of each folded value."""
        listed = ", ".join(quote(each) if self._is_text else each for each in values.values())
        condition = f"{self._field} in ({listed})"
        columns = list(dict.fromkeys(("id", self._field)))
        found: dict[str, Ids] = dict.fromkeys(values, ())
        for page in self._client.coql.pages_by_id(self._module, columns, where=condition):
            for row in page:
                folded = fold(row.get(self._field))
                found[folded] = (*found.get(folded, ()), str(row["id"]))
        return found

    def _keep(self, folded: str, ids: Ids) -> None:
        self._known[folded] = ids
        self._known.move_to_end(folded)
        if len(self._known) > KEPT:
            self._known.popitem(last=False)


class OwnKey:
    """Finds a record by its key where Bigin does not match by it, and remembers what was found.

    For updates and deletes by key, and upserts by an external key. Nothing found: an upsert inserts, the
    others are *unmatched*. Two found: *unmatched*, never a guess. A record is looked for only when all
    before it with the same key have ended, since each of them may create or delete what it means.
    """

    def __init__(
        self, context: StreamContext, order: Order, key_fields: Sequence[str], *, upserts_too: bool
    ) -> None:
        self._order = order
        self._upserts_too = upserts_too  # False: Bigin matches them itself
        self._module = context.module.api_name
        self._by_field = {
            name: IdFinder(
                context.client,
                context.run.tasks,
                module=self._module,
                field=name,
                is_text=context.fields[name].data_type not in NUMBER_TYPES,
            )
            for name in key_fields
        }

    async def find(self, record: Record) -> None:
        """Fill in the id, by the first key field that finds something. Raises Rejected."""
        if not self._by_field or record.id is not None or record.operation == "insert":
            return
        if record.operation == "upsert" and not self._upserts_too:
            return
        await self._order.turn(record)
        for name, finder in self._by_field.items():
            value = record.body.get(name)
            ids = () if value is None else await finder.find(value)
            if ids:
                self._use(record, name, ids)
                return
        self._miss(record)

    def learn(self, record: Record, action: Action) -> None:
        """What was written is known: the next record of the same key need not be looked for."""
        for name, finder in self._by_field.items():
            value = record.body.get(name)
            if value is None:
                continue
            if action == "inserted" and record.id is not None:
                finder.learn(value, record.id)
            elif action in ("inserted", "deleted"):
                finder.forget(value)

    def flush(self) -> None:
        """Ask now."""
        for finder in self._by_field.values():
            finder.flush()

    def _use(self, record: Record, name: str, ids: Ids) -> None:
        if len(ids) > 1:
            shown = ", ".join(ids[:SHOWN]) + (" …" if len(ids) > SHOWN else "")
            message = f"{len(ids)} records of {self._module} have {name} {record.body[name]!r}: {shown}."
            raise Rejected(Reject("unmatched", "SEVERAL_FOUND", message, name))
        record.id = ids[0]
        if record.operation == "upsert":
            record.operation = "update"

    def _miss(self, record: Record) -> None:
        if record.operation == "upsert":
            record.operation = "insert"
            return
        asked = {name: record.body[name] for name in self._by_field if record.body.get(name) is not None}
        said = " or ".join(f"{name} {value!r}" for name, value in asked.items())
        message = f"no record of {self._module} has {said}."
        raise Rejected(Reject("unmatched", "NOT_FOUND", message, next(iter(asked), None)))
