"""Where records are found for what other records say of them: asked in batches, kept, created once.

One ``Directory`` serves all streams of a run. It asks the id map, the users, or Bigin by COQL
(50 values a credit); a record that the run writes is known at once, and whoever waits for it is told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from bigin_api import Field, Labelled
from bigin_api.errors import SettingsError, did_you_mean
from target_bigin.concurrency.tasks import Wait
from target_bigin.files.id_map import IdMap, Target
from target_bigin.lookups.by_value import IdFinder, Ids
from target_bigin.lookups.creation import Creator
from target_bigin.lookups.users import by_text
from target_bigin.records.record import Record
from target_bigin.schema.context import Run
from target_bigin.values.text import fold

WHOLE_NUMBER = re.compile(r"-?\d{1,19}")
SEARCHABLE = frozenset(("text", "email", "phone", "website", "picklist", "autonumber", "bigint", "integer"))
USERS = "users"

Place = tuple[str, str]  # a module, and the field by which its records are looked for
Name = tuple[str, ...]
"""What a query and the record that it means have in common."""


@dataclass(frozen=True)
class Query:
    """A record looked for: by its key in the source, by the value of a field, or a user.

    ``modules`` are those it may be in: one for ``field``; for ``source`` () means wherever the key leads.
    """

    kind: Literal["source", "field", "user"]
    value: str
    modules: tuple[str, ...] = ()
    field: str = ""

    @property
    def place(self) -> Place:
        """Module and field that are searched."""
        return self.modules[0], self.field

    @property
    def may_come(self) -> bool:
        """Whether such a record may come through the pipe; users and ids of Bigin do not."""
        return self.kind != "user" and self.field != "id"


class Directory:
    """Main thread alone. In a dry run nothing is made."""

    def __init__(self, run: Run, id_map: IdMap) -> None:
        self.id_map = id_map
        self._run = run
        self._users: Wait[dict[str, Ids]] | None = None  # active ones, asked for once
        self._finders: dict[Place, IdFinder] = {}
        self._creators: dict[Place, Creator] = {}
        self._fields: dict[Place, Field | None] = {}
        self._watching: dict[Name, dict[Wait[Any], None]] = {}
        self._to_create: Wait[None] = Wait(run.tasks)

    def prepare(self, module: str, name: str, *, client: Labelled) -> None:
        """Make ready to look for records of a module by a field; calls count for ``client``. Costs 1 credit.

        Raises SettingsError for a field that the module lacks or that cannot be searched.
        """
        if (module, name) in self._finders:
            return
        described = self._fields[module, name] = self._described(module, name)
        self._finders[module, name] = IdFinder(client, self._run, module=module, fields={name: described})
        if described is not None:
            self._creators[module, name] = Creator(self._run, client, module, described)

    @property
    def is_asked(self) -> bool:
        """Whether any stream looks for records."""
        return bool(self._finders or self._watching)

    def known(self, query: Query) -> tuple[Target, ...] | None:
        """What is found for a query, None if that needs a question."""
        if query.kind == "source":
            found = self.id_map.find(query.value)
            return tuple(each for each in found if not query.modules or each.module in query.modules)
        if query.kind == "user":
            users = None if self._users is None else self._users.result()  # None until they have come
            ids = None if users is None else users.get(fold(query.value), ())
        else:
            finder, described = self._finder(query.place), self._fields[query.place]
            is_number = described is None or described.data_type == "integer"
            is_possible = not is_number or WHOLE_NUMBER.fullmatch(finder.form(query.value))
            ids = finder.known(query.value) if is_possible else ()
        return None if ids is None else _targets(query, ids)

    async def find(self, query: Query, *, client: Labelled) -> tuple[Target, ...]:
        """What is found for a query, asked for if it is not known."""
        known = self.known(query)
        if known is not None:
            return known
        if query.kind == "user":
            if self._users is None:  # 1 credit for 200 of them
                self._users = self._run.tasks.call(lambda: by_text(client.organization.users()))
            return _targets(query, (await self._users).get(fold(query.value), ()))
        return _targets(query, await self._finder(query.place).find(query.value))

    def doubt(self, query: Query) -> None:
        """Ask Bigin once more if nothing was found: others write there, too."""
        if query.kind == "field" and not self._finder(query.place).known(query.value):
            self._finder(query.place).forget(query.value)

    async def create(self, query: Query) -> Target:
        """Make a record that has only this value, once however many ask. Raises Reject."""
        made = await self._creators[query.place].create(query.value)
        self._finders[query.place].learn(query.value, record_id=made)
        return Target(query.modules[0], made)

    def name(self, query: Query) -> Name:
        """The name under which a record that a query means is published."""
        if query.kind == "field":
            return ("field", *query.place, self._finder(query.place).form(query.value))
        return (query.kind, query.value)

    def watch(self, query: Query, appeared: Wait[Any]) -> None:
        """Set the result of ``appeared`` when the run writes a record that the query may mean."""
        self._watching.setdefault(self.name(query), {})[appeared] = None

    def unwatch(self, query: Query, appeared: Wait[Any]) -> None:
        """Nobody waits for it any more."""
        watching = self._watching.get(name := self.name(query))
        if watching is not None:
            watching.pop(appeared, None)
            if not watching:
                del self._watching[name]

    def publish(self, record: Record, *, module: str, source_key: str | None) -> None:
        """The run wrote a record: whoever waits for it is told, and nobody need ask Bigin for it."""
        record_id = str(record.id)
        if source_key is not None:
            self.id_map.remember(record.stream, module, source_key, record_id)
        for name in self.names(record, module=module, source_key=source_key):
            if name[0] == "field":
                self._learn((name[1], name[2]), name[3], record_id)
            for appeared in self._watching.pop(name, ()):
                if not appeared.is_done:
                    appeared.set_result(None)

    def names(self, record: Record, *, module: str, source_key: str | None) -> list[Name]:
        """By what other records may look for this one."""
        found: list[Name] = [] if source_key is None else [("source", source_key)]
        for place, finder in self._finders.items():
            value = record.body.get(place[1]) if place[0] == module else None
            if isinstance(value, str | int):
                found.append(("field", *place, finder.form(value)))
        return found

    async def turn_to_create(self) -> None:
        """Until what was read with a record has been sent: what it names may be among that."""
        await self._to_create

    def ask(self) -> None:
        """Ask now, full batch or not."""
        for finder in self._finders.values():
            finder.flush()

    def create_now(self) -> bool:
        """Let those go on who wait to create, and create, full batch or not; whether there were any."""
        turn, self._to_create = self._to_create, Wait(self._run.tasks)
        is_awaited = bool(turn.waiting)
        turn.set_result(None)
        for creator in self._creators.values():
            creator.flush()
        return is_awaited

    def _finder(self, place: Place) -> IdFinder:
        if place not in self._finders:  # a module that only the record names
            self.prepare(*place, client=self._run.client.labelled(place[0]))
        return self._finders[place]

    def _learn(self, place: Place, value: str, record_id: str) -> None:
        described = self._fields[place]
        if described is not None and described.is_unique:
            self._finders[place].learn(value, record_id=record_id)
        else:  # others may have the same value: who has it is for Bigin to say
            self._finders[place].forget(value)

    def _described(self, module: str, name: str) -> Field | None:
        """The field, None for ``id``, which is none."""
        if name == "id":
            return None
        described = self._run.client.metadata.field(module, name)
        if described is None:
            known = [each.api_name for each in self._run.client.metadata.fields(module)]
            hint = did_you_mean(name, known, otherwise=".")
            raise SettingsError(f"lookups: match_on {name!r} is no field of {module}{hint}")
        if described.data_type not in SEARCHABLE or described.json_type in ("jsonobject", "jsonarray"):
            raise SettingsError(
                f"lookups: match_on {name!r} of {module} is a {described.data_type}, "
                "by which records cannot be told apart."
            )
        return described


def _targets(query: Query, ids: Ids) -> tuple[Target, ...]:
    module = query.modules[0] if query.modules else USERS
    return tuple(Target(module, each) for each in ids)
