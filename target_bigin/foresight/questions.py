"""What Bigin is asked to foresee its answers: who has a value, which records and users are there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import Any

from bigin_api import Field, Labelled
from bigin_api.errors import Refused
from bigin_api.limits import COQL_MAX_IN_VALUES, MAX_IDS_PER_CALL
from target_bigin.deletions.brake import NOTES, PARENT
from target_bigin.lookups.by_value import Ids, Values, asked_as, ids_of
from target_bigin.lookups.users import by_text
from target_bigin.records.forecast import Forecast
from target_bigin.values.checks import DEALS
from target_bigin.values.objects import as_id
from target_bigin.values.sameness import compared_as

logger = logging.getLogger("target-bigin")

STAGE_FIELDS = ("Pipeline", "Sub_Pipeline", "Stage")
Place = tuple[str, str]  # a module and a field


class Questions:
    """Of one call. What is not known yet is collected and taken to be nowhere, until ``ask``.

    What Bigin refuses to be asked for is not foreseen: nobody has the value, and every record is there.
    """

    def __init__(self, forecast: Forecast, kept: Kept) -> None:
        self._client = kept.client
        self._forecast = forecast
        self._kept = kept
        self._found: dict[tuple[Place, str], Ids] = {}
        self._open: dict[Place, tuple[Field | None, dict[str, str]]] = {}  # texts for COQL, by form
        self._stages: dict[str, Mapping[str, Any]] = {}  # of deals, by id
        self._open_stages: dict[str, None] = {}

    def holders(self, module: str, field: Field, value: object) -> Ids:
        """The records that have a value, by what Bigin says and this run would have done since."""
        form = compared_as(field)(value)
        found = self._answer((module, field.api_name), field, form, asked_as(field, value)) or ()
        return self._forecast.amended(module, {field.api_name: form}, found)

    def is_there(self, module: str, record_id: object) -> bool:
        """Whether a module has a record of this id."""
        known = str(record_id)
        if not self._forecast.gone.isdisjoint((known, self._kept.parents.get(known))):
            return False
        if self._forecast.is_made(known):
            return True
        if as_id(known) is None:
            return False
        return self._answer((module, "id"), None, known, known) != ()

    def is_user(self, user_id: object) -> bool:
        """Whether an active user has this id. Costs 1 credit for 200 users, once."""
        users = self._kept.users
        return users is None or str(user_id) in users

    def stage_of(self, record_id: str) -> Mapping[str, Any]:
        """A deal's Pipeline, Sub_Pipeline and Stage, {} where they are not known."""
        kept = self._forecast.kept.get(record_id, {})
        found = {} if self._forecast.is_made(record_id) else self._stages.get(record_id)
        if found is None:
            self._open_stages[record_id] = None
        return {**(found or {}), **{name: kept[name] for name in STAGE_FIELDS if name in kept}}

    def ask(self) -> bool:
        """Ask what was collected. False: nothing was."""
        opened, self._open = self._open, {}
        for place, (field, texts) in opened.items():
            forms = list(texts)
            for start in range(0, len(forms), COQL_MAX_IN_VALUES):
                some = forms[start : start + COQL_MAX_IN_VALUES]
                self._ask(place, field, {(each,): (texts[each],) for each in some})
        stages, self._open_stages = list(self._open_stages), {}
        for start in range(0, len(stages), MAX_IDS_PER_CALL):
            self._ask_stages(stages[start : start + MAX_IDS_PER_CALL])
        return bool(opened or stages)

    def _ask_stages(self, ids: Sequence[str]) -> None:
        self._stages |= {each: {} for each in ids}
        for each in self._kept.once(lambda: self._client.records.by_ids(DEALS, ids, STAGE_FIELDS)) or ():
            self._stages[str(each["id"])] = each

    def _ask(self, place: Place, field: Field | None, asked: Mapping[Values, Values]) -> None:
        module, name = place
        try:
            found = ids_of(self._client, module, {name: field}, asked)
        except Refused as refused:
            listed = self._listed(module, [form for (form,) in asked]) if field is None else None
            if listed is None:
                self._kept.say(f"{module}.{name}: a dry run cannot ask who has a value. {refused.message}")
                listed = {form for (form,) in asked} if field is None else set()
            found = {each: each if each[0] in listed else () for each in asked}
        for (form,), ids in found.items():
            self._found[place, form] = ids
            if field is None:
                self._kept.there[module, form] = ids

    def _listed(self, module: str, ids: Sequence[str]) -> set[str] | None:
        """Those of the ids that a list of the module has: COQL knows no notes. None if it is refused, too."""
        try:
            rows = self._client.records.by_ids(module, ids, [PARENT] if module == NOTES else ["id"])
        except Refused as refused:
            return set() if refused.code == "INVALID_MODULE" else None  # what is no module has none
        found = {str(each["id"]): each for each in rows}
        for each, row in found.items():
            parent = row.get(PARENT)
            self._kept.parents[each] = parent.get("id") if isinstance(parent, Mapping) else parent
        return set(found)

    def _answer(self, place: Place, field: Field | None, form: str, text: str) -> Ids | None:
        """What is known; None: it is to be asked for as ``text``. ``field`` is None for ``id``."""
        found = self._found.get((place, form))
        if found is None and field is None:
            found = self._kept.there.get((place[0], form))
        if found is None:
            self._open.setdefault(place, (field, {}))[1][form] = text
        return found


class Kept:
    """What a run asks once: users, records that are linked to, what it cannot know. For all threads.

    They hold the forecast's lock when they ask for ``users``.
    """

    def __init__(self, client: Labelled) -> None:
        self.client = client
        self.there: dict[tuple[str, str], Ids] = {}  # by module and id
        self.parents: dict[str, str | None] = {}  # of notes, which go with what they hang on
        self._said: set[str] = set()

    @cached_property
    def users(self) -> frozenset[str] | None:
        """The ids of the active users, None where this token may not see them."""
        found: Mapping[str, Ids] | None = self.once(lambda: by_text(self.client.organization.users()))
        return None if found is None else frozenset(chain.from_iterable(found.values()))

    def say(self, told: str) -> None:
        """A warning, once."""
        if told not in self._said:
            self._said.add(told)
            logger.warning(told)

    def once(self, ask: Callable[[], Any]) -> Any:
        """The answer, None where Bigin refuses it."""
        try:
            return ask()
        except Refused as refused:
            self.say(f"A dry run cannot foresee everything: {refused.message}")
            return None
