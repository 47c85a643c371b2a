"""What Bigin is asked to foresee its answers: who has a value, which records and users are there."""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bigin_api import Field, Labelled
from bigin_api.errors import Refused
from bigin_api.limits import COQL_MAX_IN_VALUES, MAX_IDS_PER_CALL
from target_bigin.lookups.by_value import Ids, asked_as, ids_of
from target_bigin.lookups.users import by_text
from target_bigin.records.forecast import Forecast
from target_bigin.values.checks import DEALS
from target_bigin.values.objects import as_id
from target_bigin.values.sameness import compared_as

logger = logging.getLogger("target-bigin")

STAGE_FIELDS = ("Pipeline", "Sub_Pipeline", "Stage")
Place = tuple[str, str]  # a module and a field


@dataclass(frozen=True)
class Asked:
    """A value as COQL is asked for it, and the field that it is of; None for ``id``."""

    text: str
    field: Field | None


class Questions:
    """Of one call. What is not known yet is collected and taken to be nowhere, until ``ask``.

    What Bigin refuses to be asked for is not foreseen: nobody has the value, and every record is there.
    """

    def __init__(self, client: Labelled, forecast: Forecast, kept: Kept) -> None:
        self._client = client
        self._forecast = forecast
        self._kept = kept
        self._found: dict[tuple[Place, str], Ids] = {}
        self._open: defaultdict[Place, dict[str, Asked]] = defaultdict(dict)  # by form
        self._stages: dict[str, Mapping[str, Any]] = {}  # of deals, by id
        self._open_stages: dict[str, None] = {}

    def holders(self, module: str, field: Field, value: object) -> Ids:
        """The records that have a value, by what Bigin says and this run would have done since."""
        form = compared_as(field)(value)
        place = (module, field.api_name)
        found = self._answer(place, form, Asked(asked_as(field, value), field)) or ()
        return self._forecast.amended(module, {field.api_name: form}, found)

    def is_there(self, module: str, record_id: object) -> bool:
        """Whether a module has a record of this id."""
        known = str(record_id)
        if known in self._forecast.gone:
            return False
        if self._forecast.is_made(known):
            return True
        if as_id(known) is None:
            return False
        return self._answer((module, "id"), known, Asked(known, None)) != ()

    def is_user(self, user_id: object) -> bool:
        """Whether an active user has this id. Costs 1 credit for 200 users, once."""
        users = self._kept.users(self._client)
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
        opened, self._open = self._open, defaultdict(dict)
        for (module, name), asked in opened.items():
            forms = list(asked)
            for start in range(0, len(forms), COQL_MAX_IN_VALUES):
                self._ask(
                    module, name, {each: asked[each] for each in forms[start : start + COQL_MAX_IN_VALUES]}
                )
        stages, self._open_stages = list(self._open_stages), {}
        for start in range(0, len(stages), MAX_IDS_PER_CALL):
            self._ask_stages(stages[start : start + MAX_IDS_PER_CALL])
        return bool(opened or stages)

    def _ask_stages(self, ids: Sequence[str]) -> None:
        self._stages |= {each: {} for each in ids}
        for each in self._kept.once(lambda: self._client.records.by_ids(DEALS, ids, STAGE_FIELDS)) or ():
            self._stages[str(each["id"])] = each

    def _ask(self, module: str, name: str, asked: Mapping[str, Asked]) -> None:
        fields = {name: next(iter(asked.values())).field}
        try:
            found = ids_of(
                self._client, module, fields, {(form,): (each.text,) for form, each in asked.items()}
            )
        except Refused as refused:
            self._kept.say(f"{module}.{name}: a dry run cannot ask who has a value. {refused.message}")
            found = {(form,): ("",) if name == "id" else () for form in asked}
        for (form,), ids in found.items():
            self._found[(module, name), form] = ids
            if name == "id":
                self._kept.there[module, form] = ids

    def _answer(self, place: Place, form: str, asked: Asked) -> Ids | None:
        found = self._found.get((place, form))
        if found is None and place[1] == "id":
            found = self._kept.there.get((place[0], form))
        if found is None:
            self._open[place][form] = asked
        return found


class Kept:
    """What a run asks once: users, records that are linked to, what it cannot know. For all threads."""

    def __init__(self) -> None:
        self.there: dict[tuple[str, str], Ids] = {}  # by module and id
        self._lock = threading.Lock()
        self._users: frozenset[str] | None = None
        self._knows_users = False
        self._said: set[str] = set()

    def users(self, client: Labelled) -> frozenset[str] | None:
        """The ids of the active users, None where this token may not see them."""
        with self._lock:
            if not self._knows_users:
                self._users = self.once(lambda: _active(client))
                self._knows_users = True
            return self._users

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


def _active(client: Labelled) -> frozenset[str]:
    return frozenset(each for ids in by_text(client.organization.users()).values() for each in ids)
