"""Where records are found for what other records say of them: asked in batches, kept, created once.

One ``Directory`` serves all streams of a run. It asks the id map, the users, or Bigin by COQL
(50 values a credit); a record that the run writes is known at once, and whoever waits for it is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bigin_api import SettingsError
from target_bigin.files.id_map import IdMap, Target
from target_bigin.links.references import Want
from target_bigin.lookups.by_value import IdFinder, Ids, fold
from target_bigin.lookups.creation import Creator
from target_bigin.lookups.users import Users
from target_bigin.records.record import Prepared, Reject

if TYPE_CHECKING:
    from bigin_api import Client, Field, Labelled
    from target_bigin.concurrency.tasks import Flights
    from target_bigin.links.resolver import LinkRecords

WHOLE_NUMBER = re.compile(r"-?\d{1,19}")
SEARCHABLE = frozenset(("text", "email", "phone", "website", "picklist", "autonumber", "bigint", "integer"))
USERS = "users"
UNKNOWN_ID = "0"  # of a record that a dry run did not make


@dataclass(frozen=True)
class Answer:
    """What was found for a want: none, one or several. ``refusal``: why it could not be created."""

    targets: tuple[Target, ...] = ()
    refusal: Reject | None = None


Told = Callable[[Answer], None]
Place = tuple[str, str]  # a module, and the field by which its records are looked for


class Directory:
    """Main thread alone. ``create`` is on: False for a dry run, in which nothing is made."""

    def __init__(
        self,
        client: Client,
        flights: Flights,
        id_map: IdMap,
        *,
        trigger: tuple[str, ...],
        dry_run: bool = False,
    ) -> None:
        self.id_map = id_map
        self._client = client
        self._flights = flights
        self._users = Users(flights)
        self._finders: dict[Place, IdFinder] = {}
        self._creators: dict[Place, Creator] = {}
        self._unique: set[Place] = set()
        self._numbers: set[Place] = set()
        self._watching: dict[Hashable, list[Callable[[], None]]] = {}
        self._trigger = trigger
        self._dry_run = dry_run
        self.waiting: list[LinkRecords] = []  # the steps in which records wait for each other

    def prepare(self, module: str, name: str, *, client: Labelled) -> None:
        """Make ready to look for records of a module by a field; calls count for ``client``. Costs 1 credit.

        Raises SettingsError for a field that the module lacks or that cannot be searched.
        """
        if (module, name) in self._finders:
            return
        described = self._described(module, name)
        if described is not None and described.is_unique:
            self._unique.add((module, name))
        is_text = described is not None and described.data_type != "integer"
        if not is_text:
            self._numbers.add((module, name))
        self._finders[module, name] = IdFinder(
            client, self._flights, module=module, field=name, is_text=is_text
        )
        if described is not None:
            self._creators[module, name] = Creator(
                client,
                self._flights,
                module=module,
                described=described,
                trigger=self._trigger,
                dry_run=self._dry_run,
            )

    @property
    def is_asked(self) -> bool:
        """Whether any stream looks for records."""
        return bool(self._finders or self._watching)

    def known(self, want: Want) -> Answer | None:
        """What is found for a want, if that needs no question."""
        if want.kind == "source":
            return Answer(self._by_source(want))
        if want.kind == "user":
            ids: Ids | None = self._users.known(want.value)
        elif want.place in self._numbers and not WHOLE_NUMBER.fullmatch(want.value):
            ids = ()
        else:
            ids = self._finder(want.place).known(want.value)
        return None if ids is None else _answer(want, ids)

    def ask(self, want: Want, told: Told, *, client: Labelled) -> None:
        """``told(answer)`` follows on the main thread, at once if it is known."""
        if want.kind == "source":
            told(Answer(self._by_source(want)))
        elif want.kind == "user":
            self._users.ask(want.value, lambda ids: told(_answer(want, ids)), client=client)
        else:
            self._finder(want.place).ask(want.value, lambda ids: told(_answer(want, ids)))

    def doubt(self, want: Want) -> None:
        """Ask Bigin once more if nothing was found: others write there, too."""
        if want.kind == "field" and not self._finders[want.place].known(want.value):
            self._finders[want.place].forget(want.value)

    def create(self, want: Want, told: Told) -> None:
        """Make a record that has only this value, once however many ask; ``told(answer)`` follows."""

        def made(outcome: str | Reject) -> None:
            if isinstance(outcome, Reject):
                told(Answer(refusal=outcome))
                return
            self._finders[want.place].learn(want.value, outcome)
            told(_answer(want, (outcome,)))

        self._creators[want.place].create(want.value, made)

    def watch(self, want: Want, appeared: Callable[[], None]) -> None:
        """``appeared()`` follows when the run writes a record that the want may mean."""
        self._watching.setdefault(name_of(want), []).append(appeared)

    def introduce(self, record: Prepared, *, module: str, source_key: str | None) -> None:
        """The run wrote a record: whoever waits for it is told, and nobody need ask Bigin for it."""
        record_id = record.id or UNKNOWN_ID
        if source_key is not None:
            self.id_map.remember(record.stream, module, source_key, record_id)
        for name in self.names(record, module=module, source_key=source_key):
            if name[0] == "field":
                self._learn((name[1], name[2]), name[3], record_id)
            for appeared in self._watching.pop(name, ()):
                appeared()

    def names(self, record: Prepared, *, module: str, source_key: str | None) -> list[tuple[str, ...]]:
        """By what other records may look for this one."""
        found: list[tuple[str, ...]] = [] if source_key is None else [("source", source_key)]
        for place in self._finders:
            value = record.body.get(place[1]) if place[0] == module else None
            if isinstance(value, str | int):
                found.append(("field", *place, fold(value)))
        return found

    def flush(self) -> None:
        """Ask and create now, full batch or not."""
        for finder in self._finders.values():
            finder.flush()
        for creator in self._creators.values():
            creator.flush()

    def _finder(self, place: Place) -> IdFinder:
        if place not in self._finders:  # a module that only the record names
            self.prepare(*place, client=self._client.labelled(place[0]))
        return self._finders[place]

    def _learn(self, place: Place, value: str, record_id: str) -> None:
        if place in self._unique:
            self._finders[place].learn(value, record_id)
        else:  # others may have the same value: who has it is for Bigin to say
            self._finders[place].forget(value)

    def _by_source(self, want: Want) -> tuple[Target, ...]:
        found = self.id_map.find(want.value)
        return tuple(each for each in found if not want.modules or each.module in want.modules)

    def _described(self, module: str, name: str) -> Field | None:
        """The field, None for ``id``, which is none."""
        if name == "id":
            return None
        described = self._client.metadata.field(module, name)
        if described is None:
            raise SettingsError(f"lookups: match_on {name!r} is no field of {module}.")
        if described.data_type not in SEARCHABLE or described.json_type in ("jsonobject", "jsonarray"):
            raise SettingsError(
                f"lookups: match_on {name!r} of {module} is a {described.data_type}, "
                "by which records cannot be told apart."
            )
        return described


def name_of(want: Want) -> tuple[str, ...]:
    """What a want and the record that it means have in common."""
    if want.kind == "field":
        return ("field", *want.place, fold(want.value))
    return (want.kind, want.value)


def _answer(want: Want, ids: Ids) -> Answer:
    module = want.modules[0] if want.modules else USERS
    return Answer(tuple(Target(module, each) for each in ids))
