"""A dry run's calls: how each record would end in Bigin, and at what price. Nothing is sent.

Foreseen is what Bigin is known to refuse: what is missing, what has the wrong form, what another record
has already. Who has a value is asked by COQL (1 credit for 50), which the run itself would not spend.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from bigin_api.errors import Refused
from bigin_api.limits import BULK_WRITE_CREDITS, CREDITS_PER_CALL, write_credits
from bigin_api.models import Layout
from target_bigin.lookups.by_value import IdFinder
from target_bigin.records.forecast import Forecast
from target_bigin.records.record import Action, Record, Reject
from target_bigin.schema.context import StreamContext
from target_bigin.schema.keys import KeyPlan
from target_bigin.values.checks import DEALS
from target_bigin.values.objects import as_id
from target_bigin.values.sameness import compared_as
from target_bigin.writing.queue import Queue, tell, tell_refused

AROUND_A_JOB = 3 * CREDITS_PER_CALL  # the upload, one look at the job, its result
FILLED_BY_BIGIN = frozenset(("Owner", "Pipeline", "Layout"))  # FACTS 3
DUPLICATE = "DUPLICATE_DATA"

FORMS: Mapping[str, re.Pattern[str]] = {
    "email": re.compile(r"[^\s@,;<>()\"]+@[^\s@,;<>()\"]+\.[^\s@,;<>()\".]+"),
    "phone": re.compile(r"\+?[0-9A-Za-z(][0-9A-Za-z .,;()+/#*-]*"),
    "website": re.compile(
        r"(?:(?:https?|ftp)://)?(?:[\w-]+\.)+[\w-]{2,}(?::\d+)?(?:[/?#]\S*)?", re.IGNORECASE
    ),
}
"""What a text must look like. Bigin has a pattern for each of these and documents none: what any takes."""


class DryWriter:
    """Stands in the place of the writer of calls. Main thread alone."""

    def __init__(self, context: StreamContext, queue: Queue, *, key: KeyPlan, forecast: Forecast) -> None:
        self._context = context
        self._module = context.module.api_name
        self._tasks = context.run.tasks
        self._queue = queue
        self._forecast = forecast
        self._size = context.run.settings.batch_size
        self._unique = [name for name in key.unique if name in context.fields]
        # The list orders what Bigin matches by, and of the system's field alone it decides: FACTS 5.
        own = [name for name in self._unique if context.fields[name].is_unique]
        self._matched = list(dict.fromkeys((*key.fields, *own))) if key.way == "check" else []
        asked = dict.fromkeys((*self._matched, *self._unique))
        self._forms = {name: compared_as(context.fields[name]) for name in asked}
        self._finders = {name: self._finder(name) for name in (*asked, "id")}
        self._links = {
            name: each.lookup_module
            for name, each in context.fields.items()
            if each.data_type == "lookup" and each.lookup_module
        }
        self._linked = {module: self._finder("id", module=module) for module in set(self._links.values())}

    @property
    def is_full(self) -> bool:
        """Whether no place in flight is free for a full call that waits."""
        return not self._tasks.has_room

    def pump(self, *, flush: bool) -> None:
        """Start the calls that are due."""
        while self._tasks.has_room:
            records = self._queue.take(self._size, least=1 if flush else self._size)
            if not records:
                break
            self._tasks.create_task(self._write(records))
        for finder in (*self._finders.values(), *self._linked.values()):
            finder.flush()  # at once: what waits unasked would look as if nothing were in flight

    async def job(self, records: Sequence[Record], *, by_calls: Callable[[Sequence[Record]], None]) -> None:
        """A bulk job's way; what calls know better goes by them."""
        self._spend(BULK_WRITE_CREDITS + AROUND_A_JOB)
        for record, ended in zip(records, await self._foresee(records), strict=True):
            if isinstance(ended, Reject) and ended.code == DUPLICATE:
                by_calls([record])
            else:
                self._end(record, ended)

    async def _write(self, records: Sequence[Record]) -> None:
        """A call's way, from its records to the end of each."""
        is_deletion = records[0].operation == "delete"
        self._spend(CREDITS_PER_CALL if is_deletion else write_credits(len(records)))
        for record, ended in zip(records, await self._foresee(records), strict=True):
            self._end(record, ended)

    def _spend(self, credits_: int) -> None:
        self._forecast.spend(self._context.stream, credits_)

    def _end(self, record: Record, ended: Action | Reject) -> None:
        if isinstance(ended, Reject):
            tell_refused([record], ended)
            return
        forms = self._forms_of(record)
        if ended == "inserted":
            record.id = self._forecast.make(self._module, forms)
        elif ended == "deleted":
            self._forecast.gone.add(str(record.id))
        elif record.id is not None:
            self._forecast.write(self._module, forms, record.id)
        tell(record, ended)

    async def _foresee(self, records: Sequence[Record]) -> list[Action | Reject]:
        return await self._tasks.gather([self._outcome(record) for record in records])

    async def _outcome(self, record: Record) -> Action | Reject:
        try:
            return await self._judge(record)
        except Reject as reject:
            return reject.with_traceback(None)

    async def _judge(self, record: Record) -> Action:
        """How a record would end. Raises Reject."""
        if record.operation == "delete":
            return "deleted"
        holders = {name: await self._holders(name, record) for name in self._forms}
        if record.operation == "update":
            await self._require_there(record)
        elif record.operation == "upsert":
            record.id = self._match(holders)
        self._require_mandatory(record)
        self._require_forms(record)
        await self._require_linked(record)
        taken = [name for name in self._unique if set(holders[name]) - {record.id}]
        if taken:
            code = DUPLICATE if len(taken) == 1 else "MULTIPLE_OR_MULTI_ERRORS"
            raise _refused(code, f"another record has this value ({', '.join(taken)})", taken[0])
        return "inserted" if record.id is None else "updated"

    async def _holders(self, name: str, record: Record) -> Sequence[str]:
        """The records that have its value, by what Bigin says and this run would have done since."""
        value = record.body.get(name)
        if value is None:
            return ()
        ours = self._forecast.holder(self._module, name, self._forms[name](value))
        if ours is not None:
            return (ours,)
        return [each for each in await self._finders[name].find(value) if each not in self._forecast.gone]

    def _match(self, holders: Mapping[str, Sequence[str]]) -> str | None:
        for name in self._matched:
            if len(holders[name]) > 1:
                raise _refused(DUPLICATE, f"{len(holders[name])} records have this value", name)
            if holders[name]:
                return holders[name][0]
        return None

    async def _require_there(self, record: Record) -> None:
        if self._forecast.is_made(record.id):
            return
        known = record.id is not None and as_id(record.id) and await self._finders["id"].find(record.id)
        if not known or record.id in self._forecast.gone:
            raise Reject("unmatched", "ID_NOT_FOUND", "no record has this id.", "id")

    def _require_mandatory(self, record: Record) -> None:
        """Given where a record is made, and never emptied."""
        layout = self._layout_of(record)
        required = {field.api_name for field in layout.fields if field.required} if layout else set()
        for name, field in self._context.fields.items():
            is_asked = record.id is None or name in record.body
            if not is_asked or name in FILLED_BY_BIGIN or record.body.get(name) is not None:
                continue
            if field.creatable and (field.mandatory or name in required):
                raise _refused("MANDATORY_NOT_FOUND", "required field not found", name)

    def _layout_of(self, record: Record) -> Layout | None:
        layouts = self._context.layouts
        named = record.body.get("Pipeline") if self._module == DEALS else record.body.get("Layout")
        wanted = named.get("id") if isinstance(named, dict) else None
        return next((each for each in layouts if each.id == wanted), layouts[0] if layouts else None)

    def _require_forms(self, record: Record) -> None:
        for name, value in record.body.items():
            kind = self._context.fields[name].data_type if name in self._context.fields else ""
            form = FORMS.get(kind)
            if form is not None and isinstance(value, str) and not form.fullmatch(value.strip()):
                raise _refused("INVALID_DATA", f"invalid data, expects {kind}", name)

    async def _require_linked(self, record: Record) -> None:
        """What it links to is there."""
        for name, module in self._links.items():
            linked = record.body.get(name)
            linked_id = linked.get("id") if isinstance(linked, Mapping) else None
            if linked_id is None or self._forecast.is_made(linked_id) or not as_id(linked_id):
                continue
            try:
                is_there = linked_id not in self._forecast.gone and await self._linked[module].find(linked_id)
            except Refused:  # it may not be asked for, and may be linked to all the same
                continue
            if not is_there:
                raise _refused("INVALID_DATA", "the id given seems to be invalid", name)

    def _forms_of(self, record: Record) -> dict[str, str]:
        body = record.body
        return {name: form(body[name]) for name, form in self._forms.items() if body.get(name) is not None}

    def _finder(self, name: str, *, module: str | None = None) -> IdFinder:
        fields = {name: None if name == "id" else self._context.fields.get(name)}
        return IdFinder(self._context.client, self._tasks, module=module or self._module, fields=fields)


def _refused(code: str, message: str, field: str) -> Reject:
    return Reject("rejected", code, f"{message}; a dry run foresees it.", field)
