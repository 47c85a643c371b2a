"""Records made because others name them: by a single value, each once, a hundred a call."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from bigin_api import Field, Labelled, TransientError, WriteResult
from bigin_api.limits import COQL_MAX_IN_VALUES, MAX_RECORDS_PER_WRITE
from target_bigin.concurrency.batcher import Batcher
from target_bigin.lookups.by_value import Values, asked_as, ids_of
from target_bigin.records.record import Reject
from target_bigin.schema.context import Run
from target_bigin.values.converters import make_converter
from target_bigin.values.sameness import compared_as

PAUSE = 1.0  # seconds between two looks


class Creator:
    """Makes records of one module by one field. Main thread alone; 1 credit per 10 records.

    By upsert where the field is unique, so that whoever else makes the same record meanwhile makes no
    twin. Where it is not, by insert, and after a lost answer what is there is read before it is repeated.
    """

    def __init__(self, run: Run, client: Labelled, module: str, described: Field) -> None:
        self._whole = run.client
        self._client = client
        self._module = module
        self._described = described
        self._alike = compared_as(described)
        self._convert = make_converter(described)
        self._trigger = run.settings.trigger
        self._unsure: dict[str, float] = {}  # of which an insert may be at work until then
        self._wishes = Batcher(run.tasks, self._make, size=MAX_RECORDS_PER_WRITE)
        self.flush = self._wishes.flush

    async def create(self, value: str) -> str:
        """The id of the record with this value. Raises Reject if it could not be made."""
        try:
            made_of = self._convert(value)
        except Reject as bad:
            message = f"It could not be created: {bad.message}"
            raise replace(bad, message=message, field=self._described.api_name) from None
        made = await self._wishes.ask(self._alike(value), made_of)
        if isinstance(made, Reject):
            raise made
        return made

    def _make(self, values: Mapping[str, Any]) -> dict[str, str | Reject]:
        """In a thread: id or refusal by folded value."""
        if self._described.is_unique:
            return self._upsert(values)
        return self._insert(values)

    def _upsert(self, values: Mapping[str, Any]) -> dict[str, str | Reject]:
        name = self._described.api_name
        results = self._client.records.upsert(
            self._module,
            [{name: value} for value in values.values()],
            duplicate_check_fields=[name],
            trigger=self._trigger,
        )
        return self._read(list(values), results)

    def _insert(self, values: Mapping[str, Any]) -> dict[str, str | Reject]:
        name = self._described.api_name
        left, made = dict(values), dict[str, "str | Reject"]()
        for is_last in (False, False, True):  # after a lost answer: look what is there, make what is not
            made |= self._made_after_all(left)
            left = {each: value for each, value in left.items() if each not in made}
            if not left:
                break
            try:
                results = self._client.records.insert(
                    self._module, [{name: value} for value in left.values()], trigger=self._trigger
                )
            except TransientError as error:
                if error.may_have_happened:
                    at_work_for = self._whole.limits.request_timeout
                    self._unsure |= dict.fromkeys(left, time.monotonic() + at_work_for)
                if is_last:
                    raise
            else:
                return made | self._read(list(left), results)
        return made

    def _made_after_all(self, left: Mapping[str, Any]) -> dict[str, str | Reject]:
        """What lost inserts have made: one whose connection broke may be at work as long as a call lasts."""
        unsure = {each: value for each, value in left.items() if each in self._unsure}
        made = dict[str, "str | Reject"]()
        while unsure:
            is_last_look = time.monotonic() >= max(self._unsure[each] for each in unsure)
            made |= self._there(unsure)
            unsure = {each: value for each, value in unsure.items() if each not in made}
            if is_last_look:
                break
            if unsure:
                self._whole.pause(PAUSE)
        return made

    def _there(self, values: Mapping[str, Any]) -> dict[str, str | Reject]:
        """The ids of those that are there; of several the last one made."""
        asked: dict[Values, Values] = {
            (form,): (asked_as(self._described, value),) for form, value in values.items()
        }
        name, found = self._described.api_name, dict[str, "str | Reject"]()
        for start in range(0, len(asked), COQL_MAX_IN_VALUES):
            some = dict(islice(asked.items(), start, start + COQL_MAX_IN_VALUES))
            there = ids_of(self._client, self._module, {name: self._described}, some)
            found |= {form: ids[-1] for (form,), ids in there.items() if ids}
        return found

    def _read(self, folded: Sequence[str], results: Sequence[WriteResult]) -> dict[str, str | Reject]:
        return {each: self._outcome(result) for each, result in zip(folded, results, strict=False)}

    def _outcome(self, result: WriteResult) -> str | Reject:
        if result.succeeded and result.id:
            return result.id
        known = result.details.get("duplicate_record") or result.details
        if result.code == "DUPLICATE_DATA" and isinstance(known, Mapping) and known.get("id"):
            return str(known["id"])  # somebody made it a moment ago
        said = f"It could not be created: {result.refusal(self._module)}."
        return Reject("rejected", result.code, said, result.field)
