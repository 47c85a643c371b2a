"""Ids of records by the value of a field: asked by COQL in batches of 50, kept for the run."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping

from bigin_api import Field, Labelled
from bigin_api.endpoints.coql import all_of, as_column, quote
from bigin_api.limits import COQL_MAX_IN_VALUES
from target_bigin.concurrency.batcher import Batcher
from target_bigin.concurrency.division import halves
from target_bigin.records.order import Order
from target_bigin.records.record import Action, Record, Reject
from target_bigin.schema.context import Run, StreamContext
from target_bigin.schema.keys import KeyPlan
from target_bigin.values.sameness import compared_as, is_number, is_text
from target_bigin.values.text import to_text

Ids = tuple[str, ...]

KEPT = 50_000  # values whose ids are kept, the latest used
SHOWN = 5  # ids that a message names


Values = tuple[str, ...]
"""The values of one or more fields, as texts."""


class IdFinder:
    """Who has this value in this field, or these values in these fields: no, one or several ids.

    ``fields`` by name; None for ``id``, which metadata do not describe. Used on the main thread alone.
    Costs 1 credit per 50 values. COQL sees a new record at once.
    """

    def __init__(
        self, client: Labelled, run: Run, *, module: str, fields: Mapping[str, Field | None]
    ) -> None:
        self._forecast = run.forecast  # of a dry run, which finds what it would have written
        if self._forecast is not None:
            self._forecast.searched.update(fields)
        self._module = module
        self._fields = fields
        self._alike = [compared_as(field) for field in fields.values()]
        self._client = client
        self._known: OrderedDict[Values, Ids] = OrderedDict()
        self._changes = 0  # made while they were asked for, and when each value last was
        self._changed: dict[Values, int] = {}
        self._questions = Batcher(run.tasks, self._query, size=COQL_MAX_IN_VALUES)
        self.flush = self._questions.flush

    def known(self, *values: object) -> Ids | None:
        """The ids, if they are known already: () means that nobody has it. None: ask."""
        folded = self._folded(values)
        ids = self._known.get(folded)
        if ids is not None:
            self._known.move_to_end(folded)
        return ids

    async def find(self, *values: object) -> Ids:
        """The ids, asked for if they are not known."""
        folded = self._folded(values)
        while (ids := self.known(*values)) is None:
            asked_at = self._changes
            ids = await self._questions.ask(folded, self._asked(values))
            if self._changed.get(folded, 0) <= asked_at:
                self._keep(folded, ids)
        return ids

    def learn(self, *values: object, record_id: str) -> None:
        """This run wrote a record with this value: nobody need be asked."""
        self._note_change(self._folded(values))
        self._keep(self._folded(values), (record_id,))

    def forget(self, *values: object) -> None:
        """What is known of this value no longer holds: its record was deleted."""
        self._note_change(self._folded(values))
        self._known.pop(self._folded(values), None)

    def _note_change(self, folded: Values) -> None:
        """An answer that is on its way knows nothing of what the run wrote meanwhile."""
        if self._questions.is_asking(folded):
            self._changes += 1
            self._changed[folded] = self._changes

    def _query(self, asked: Mapping[Values, Values]) -> Mapping[Values, Ids]:
        """In a thread: the ids of each folded value."""
        found = ids_of(self._client, self._module, self._fields, asked)
        if self._forecast is None:
            return found
        with self._forecast.lock:
            return {
                folded: self._forecast.amended(
                    self._module, dict(zip(self._fields, folded, strict=True)), found[folded]
                )
                for folded in asked
            }

    def form(self, value: object) -> str:
        """The form of a value of the only field."""
        (alike,) = self._alike
        return alike(value)

    def _folded(self, values: Iterable[object]) -> Values:
        return tuple(alike(each) for alike, each in zip(self._alike, values, strict=True))

    def _asked(self, values: Iterable[object]) -> Values:
        return tuple(map(asked_as, self._fields.values(), values))

    def _keep(self, folded: Values, ids: Ids) -> None:
        self._known[folded] = ids
        if len(self._known) > KEPT:
            self._known.popitem(last=False)


def ids_of(
    client: Labelled, module: str, fields: Mapping[str, Field | None], asked: Mapping[Values, Values]
) -> dict[Values, Ids]:
    """The ids of each folded value. In a thread; 1 credit per 50.

    What Bigin finds for one value alone is that value to Bigin. Rows that none of several values explains
    (it may compare more coarsely than is known) have each half of the others asked for by itself.
    """
    conditions = []
    for place, (name, field) in enumerate(fields.items()):
        texts = list(dict.fromkeys(values[place] for values in asked.values()))
        if field is None or field.data_type != "boolean":
            conditions.append(f"{as_column(name)} in ({', '.join(texts)})")
        elif len(texts) == 1:  # COQL knows no list of these
            conditions.append(f"{as_column(name)} = {texts[0]}")
    columns = list(dict.fromkeys(("id", *fields)))
    alike = {name: compared_as(field) for name, field in fields.items()}
    found: dict[Values, Ids] = dict.fromkeys(asked, ())
    where = all_of(conditions) if conditions else None
    only = next(iter(asked)) if len(asked) == 1 else None
    unexplained, forms = False, [set(some) for some in zip(*asked, strict=True)]
    for page in client.coql.pages_by_id(module, columns, where=where):
        for row in page:
            folded = only or tuple(form(row.get(name)) for name, form in alike.items())
            if folded in found:
                found[folded] = (*found[folded], str(row["id"]))
            else:
                unexplained |= any(each not in some for each, some in zip(folded, forms, strict=True))
    if unexplained:
        for some in halves([values for values, ids in found.items() if not ids]):
            found |= ids_of(client, module, fields, {values: asked[values] for values in some})
    return found


def asked_as(field: Field | None, value: object) -> str:
    """A value as COQL is asked for it: a text as it is written, what has many forms in one.

    >>> asked_as(Field("Last_Name"), " O'Neil "), asked_as(Field("Seats", "integer"), "7.0")
    ("'O''Neil'", '7')
    >>> asked_as(Field("Start", "datetime"), "2026-05-14T12:53:58+03:00"), asked_as(None, " 7 ")
    ("'2026-05-14T09:53:58+00:00'", '7')
    """
    if is_text(field):
        return quote(to_text(value).strip())
    form = compared_as(field)(value)
    return form if is_number(field) else quote(form)


class OwnKey:
    """Finds a record by its key where Bigin does not match by it, and remembers what was found.

    For updates and deletes by key, and upserts by an external key. Nothing found: an upsert inserts, the
    others are *unmatched*. Two found: *unmatched*, never a guess. A record is looked for only when all
    before it with the same key have ended, since each of them may create or delete what it means.
    """

    def __init__(self, context: StreamContext, order: Order, key: KeyPlan) -> None:
        self._order = order
        self._module = context.module.api_name
        settings = context.run.settings
        self._finds_upserts = key.way == "find"  # else Bigin matches them itself
        together = [key.fields] if key.all_of else [(name,) for name in key.fields]
        if not self._finds_upserts and settings.deletes != "delete":
            together = []
        self._finders = {
            fields: IdFinder(
                context.client,
                context.run,
                module=self._module,
                fields={name: context.fields[name] for name in fields},
            )
            for fields in together
        }

    async def find(self, record: Record) -> None:
        """Fill in the id, by the first key field that finds something. Raises Reject."""
        if record.id is not None or record.operation == "insert":
            return
        if not self._finders:
            if record.operation == "delete":  # of a stream that inserts
                message = "which record is deleted cannot be told: the stream recognises none."
                raise Reject("unmatched", "KEY_MISSING", message)
            return
        if record.operation == "upsert" and not self._finds_upserts:
            return
        await self._order.turn(record)
        for names, finder in self._finders.items():
            values = [record.body.get(name) for name in names]
            ids = () if None in values else await finder.find(*values)
            if ids:
                self._use(record, names, ids)
                return
        self._miss(record)

    def learn(self, record: Record, action: Action) -> None:
        """What was written is known: the next record of the same key need not be looked for."""
        for names, finder in self._finders.items():
            values = [record.body.get(name) for name in names]
            if action == "inserted" and record.id is not None:
                finder.learn(*values, record_id=record.id)
            elif action in ("inserted", "deleted"):
                finder.forget(*values)

    def flush(self) -> None:
        """Ask now."""
        for finder in self._finders.values():
            finder.flush()

    def _use(self, record: Record, names: tuple[str, ...], ids: Ids) -> None:
        if len(ids) > 1:
            shown = ", ".join(ids[:SHOWN]) + (" …" if len(ids) > SHOWN else "")
            message = f"{len(ids)} records of {self._module} have {_said(record, names)}: {shown}."
            raise Reject("unmatched", "SEVERAL_FOUND", message, names[0])
        (record.id,) = ids
        if record.operation == "upsert":
            record.operation = "update"

    def _miss(self, record: Record) -> None:
        if record.operation == "upsert":
            record.operation = "insert"
            return
        asked = [names for names in self._finders if all(record.body.get(name) is not None for name in names)]
        said = " or ".join(_said(record, names) for names in asked)
        message = f"no record of {self._module} has {said}."
        raise Reject("unmatched", "NOT_FOUND", message, asked[0][0])


def _said(record: Record, names: Iterable[str]) -> str:
    return " and ".join(f"{name} {record.body[name]!r}" for name in names)
