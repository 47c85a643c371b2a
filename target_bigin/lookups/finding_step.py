"""The steps that find a record by its key where Bigin does not match by it, and remember what was found."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from target_bigin.lookups.by_value import IdFinder, Ids
from target_bigin.records.record import Prepared, Reject
from target_bigin.schema.context import StreamContext
from target_bigin.schema.keys import NUMBER_TYPES
from target_bigin.streams.steps import Step

SHOWN = 5  # ids that a message names


def finders(context: StreamContext, key_fields: Sequence[str]) -> dict[str, IdFinder]:
    """One finder a key field, shared by the two steps."""
    return {
        name: IdFinder(
            context.client,
            context.run.flights,
            module=context.module.api_name,
            field=name,
            is_text=context.fields[name].data_type not in NUMBER_TYPES,
        )
        for name in key_fields
    }


class FindByKey(Step):
    """Updates and deletes by key, and upserts by an external key: the id is found by COQL first.

    Nothing found: an upsert inserts, the others are *unmatched*. Two found: *unmatched*, never a guess.
    A record is looked for only when all before it with the same key have ended, since each of them may
    create or delete what it means.
    """

    def __init__(
        self, context: StreamContext, by_field: dict[str, IdFinder], *, upserts_too: bool = True
    ) -> None:
        self._by_field = by_field
        self._upserts_too = upserts_too  # False: Bigin matches them itself
        self._module = context.module.api_name
        self._behind: dict[int, Prepared] = {}  # records that are not the first of their key

    def take(self, record: Prepared) -> bool:
        """Go on with an id, or when none is needed."""
        if record.id is not None or record.operation == "insert":
            return True
        if record.operation == "upsert" and not self._upserts_too:
            return True
        if record.queue is not None and not record.queue.is_first(record):
            self._behind[record.number] = record
            return False
        return self._look(record)

    def freed(self, record: Prepared) -> None:
        """It is its turn."""
        if self._behind.pop(record.number, None) is not None and self._look(record):
            self.go_on(record)

    def tick(self, *, flush: bool) -> None:
        """With ``flush`` ask now."""
        if flush:
            for finder in self._by_field.values():
                finder.flush()

    def _look(self, record: Prepared) -> bool:
        """Whether the record goes on now: by the first of its keys that finds something."""
        for name, finder in self._by_field.items():
            value = record.body.get(name)
            if value is None:
                continue
            ids = finder.known(value)
            if ids is None:
                finder.ask(value, partial(self._found, record))
                return False
            if ids:
                return self._use(record, name, ids)
        return self._miss(record)

    def _found(self, record: Prepared, _ids: Ids) -> None:
        if self._look(record):
            self.go_on(record)

    def _use(self, record: Prepared, name: str, ids: Ids) -> bool:
        if len(ids) > 1:
            shown = ", ".join(ids[:SHOWN]) + (" …" if len(ids) > SHOWN else "")
            message = f"{len(ids)} records of {self._module} have {name} {record.body[name]!r}: {shown}."
            self.refuse(record, Reject("unmatched", "SEVERAL_FOUND", message, name))
            return False
        record.id = ids[0]
        if record.operation == "upsert":
            record.operation = "update"
        return True

    def _miss(self, record: Prepared) -> bool:
        if record.operation == "upsert":
            record.operation = "insert"
            return True
        asked = {name: record.body[name] for name in self._by_field if record.body.get(name) is not None}
        said = " or ".join(f"{name} {value!r}" for name, value in asked.items())
        message = f"no record of {self._module} has {said}."
        self.refuse(record, Reject("unmatched", "NOT_FOUND", message, next(iter(asked), None)))
        return False


class RememberKeys(Step):
    """What was written is known: the next record of the same key need not be looked for."""

    def __init__(self, by_field: dict[str, IdFinder]) -> None:
        self._by_field = by_field

    def take(self, record: Prepared) -> bool:
        """Learn from it."""
        for name, finder in self._by_field.items():
            value = record.body.get(name)
            if value is None:
                continue
            if record.action == "inserted" and record.id is not None:
                finder.learn(value, record.id)
            elif record.action in ("inserted", "deleted"):
                finder.forget(value)
        return True
