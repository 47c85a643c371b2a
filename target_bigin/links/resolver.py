"""The step that turns what a record says of others into ids, and lets it wait for those to come.

A child may arrive before its parent: what is found nowhere is waited for until the input has ended,
asked for once more, and then refused, left empty or created, as the stream is set. A record that
another one waits for is let go before the one that waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from target_bigin.links.references import Need, Want
from target_bigin.lookups.directory import Answer, name_of
from target_bigin.records.record import Prepared, Reject
from target_bigin.streams.steps import Step
from target_bigin.values.errors import BadValue

if TYPE_CHECKING:
    from bigin_api import Labelled
    from target_bigin.links.later_links import Postponed
    from target_bigin.lookups.directory import Directory

MOST_WAITING = 50_000  # records of a stream; beyond it the oldest is decided as if the input had ended
SHOWN_IDS = 5

Relation = Callable[[Prepared, Any], Iterator[Need]]
"""What the value of one field needs; what is known already it puts in its place. May raise BadValue."""

Name = tuple[str, ...]


@dataclass(eq=False)
class Held:
    """A record that waits for its links."""

    record: Prepared
    open: list[Need]
    asked: int = 0  # questions under way
    last_call: bool = False  # what is not there now will not come
    refused: bool = False

    def looks_for(self) -> Iterator[Want]:
        """All that it lacks."""
        return (want for need in self.open for want in (*need.wants, *need.last_resort))


class LinkRecords(Step):
    """Holds a record back until all its links are ids. One a stream."""

    def __init__(
        self,
        relations: dict[str, Relation],
        directory: Directory,
        *,
        client: Labelled,
        names: Callable[[Prepared], Sequence[Name]],
        postponed: Postponed | None = None,
    ) -> None:
        self._relations = relations
        self._directory = directory
        self._client = client
        self._names = names  # by what others may look for a record of this stream
        self._postponed = postponed  # None: what waits in a circle cannot be linked later
        self._held: dict[int, Held] = {}  # by number: in the order of the input
        directory.waiting.append(self)

    def take(self, record: Prepared) -> bool:
        """Let a record go on whose links are known."""
        if record.operation == "delete":
            return True
        body, needs, name = record.body, list[Need](), ""
        try:
            for name, relation in self._relations.items():
                value = body.get(name)
                if value is not None:
                    needs.extend(relation(record, value))
        except BadValue as error:
            self.refuse(record, Reject("invalid", error.code, f"{name}: {error.message}", name))
            return False
        return self._hold(Held(record, needs)) if needs else True

    def tick(self, *, flush: bool) -> None:
        """With ``flush`` ask now."""
        if flush:
            self._directory.flush()

    def finish(self) -> None:
        """Decide about those that wait for nobody who waits himself.

        If all of them do, they wait in a circle: they are let go, to be linked once they are written.
        """
        everybody = [held for step in self._directory.waiting for held in step.held]
        coming = {name for step in self._directory.waiting for name in step.names_held()}
        hopeless = [held for held in everybody if not any(name_of(w) in coming for w in held.looks_for())]
        for held in tuple(self._held.values()):
            if held in hopeless:
                self._give_last_call(held)
            elif not hopeless:
                self._postpone(held)
        self._directory.flush()

    @property
    def held(self) -> Sequence[Held]:
        """The records that wait."""
        return tuple(self._held.values())

    def names_held(self) -> Iterator[Name]:
        """By what others may look for the records that wait."""
        return (name for held in self._held.values() for name in self._names(held.record))

    def _hold(self, held: Held) -> bool:
        """Whether the record goes on at once, for what it needs is known."""
        for need in tuple(held.open):
            self._seek(held, need)
        if held.refused or not held.open:
            return not held.refused
        self._held[held.record.number] = held
        if len(self._held) > MOST_WAITING:
            self._give_last_call(next(iter(self._held.values())))
        return False

    def _give_last_call(self, held: Held) -> None:
        if held.last_call or held.asked:
            return
        held.last_call = True
        for want in held.looks_for():
            self._directory.doubt(want)
        self._seek_all(held)

    def _postpone(self, held: Held) -> None:
        if self._postponed is None or held.asked or any(need.must_be_there for need in held.open):
            self._give_last_call(held)
            return
        self._postponed.needs[held.record.number] = list(held.open)
        for need in held.open:
            need.put(None)
        held.open.clear()
        self._release(held)

    def _seek_all(self, held: Held) -> None:
        for need in tuple(held.open):
            if not held.refused:
                self._seek(held, need)
        self._release(held)

    def _seek(self, held: Held, need: Need) -> None:
        """Go through what is wanted until it is found or must be asked for."""
        wants = (*need.wants, *need.last_resort) if held.last_call else need.wants
        for want in wants:
            answer = self._directory.known(want)
            if answer is None:
                held.asked += 1
                self._directory.ask(want, partial(self._told, held, need), client=self._client)
                return
            if self._use(held, need, answer):
                return
        self._miss(held, need, wants)

    def _told(self, held: Held, need: Need, answer: Answer) -> None:
        held.asked -= 1
        if held.refused:
            return
        if not self._use(held, need, answer):
            self._seek(held, need)
        self._release(held)

    def _use(self, held: Held, need: Need, answer: Answer) -> bool:
        """Whether the answer decides about the need."""
        if answer.refusal is not None:
            self._refuse(held, answer.refusal)
        elif len(answer.targets) == 1:
            self._put(held, need, answer)
        elif answer.targets:
            self._choose_none(held, need, answer)
        return bool(answer.targets or answer.refusal)

    def _put(self, held: Held, need: Need, answer: Answer | None) -> None:
        need.put(answer.targets[0] if answer else None)
        held.open.remove(need)

    def _choose_none(self, held: Held, need: Need, answer: Answer) -> None:
        if need.how.on_ambiguous == "null" and not need.must_be_there:
            self._put(held, need, None)
            return
        modules = ", ".join(dict.fromkeys(each.module for each in answer.targets))
        ids = ", ".join(each.id for each in answer.targets[:SHOWN_IDS])
        message = f"{need.field}: {need.shown!r} means {len(answer.targets)} records of {modules} ({ids})."
        self._refuse(held, Reject("unmatched", "LOOKUP_AMBIGUOUS", message, need.field))

    def _miss(self, held: Held, need: Need, wants: tuple[Want, ...]) -> None:
        """Nothing was found anywhere."""
        searched = [want for want in wants if want.kind == "field" and want.field != "id"]
        if need.how.on_missing == "create" and searched:
            held.asked += 1
            self._directory.create(searched[-1], partial(self._told, held, need))
        elif not held.last_call and any(want.may_come for want in need.wants):
            for want in need.wants:
                self._directory.watch(want, partial(self._appeared, held))
        elif need.how.on_missing == "null" and not need.must_be_there:
            self._put(held, need, None)
        else:
            self._refuse(held, Reject("unmatched", "LOOKUP_NOT_FOUND", _not_found(need), need.field))

    def _appeared(self, held: Held) -> None:
        """The run wrote a record that this one may wait for."""
        if held.record.number in self._held and not held.asked:
            self._seek_all(held)

    def _refuse(self, held: Held, reject: Reject) -> None:
        held.refused = True
        self._held.pop(held.record.number, None)
        self.refuse(held.record, reject)

    def _release(self, held: Held) -> None:
        if not held.open and not held.refused and held.record.number in self._held:
            del self._held[held.record.number]
            self.go_on(held.record)


def _not_found(need: Need) -> str:
    """What was looked for and where.

    >>> from target_bigin.settings import LookupSettings
    >>> want = Want("field", "ACME", ("Accounts",), "Account_Name")
    >>> _not_found(Need("Account_Name", (want,), LookupSettings(), lambda _: None, shown="ACME"))
    "Account_Name: 'ACME' was found nowhere (Accounts by Account_Name)."
    """
    places = {
        "source": "records copied from the source",
        "user": "active users by e-mail, id or full name",
    }
    wants = (*need.wants, *need.last_resort)
    searched = dict.fromkeys(places.get(want.kind) or " by ".join(want.place) for want in wants)
    return f"{need.field}: {need.shown!r} was found nowhere ({', '.join(searched)})."
