"""Turns what a record says of others into ids, and lets it wait for those to come.

A child may arrive before its parent: what is found nowhere is waited for until the input has ended,
asked for once more, and then refused, left empty or created, as the stream is set. A record that
another one waits for is let go before the one that waits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

from bigin_api import WriteResult
from bigin_api.errors import Refused
from target_bigin.concurrency.batcher import Batcher
from target_bigin.concurrency.tasks import Wait
from target_bigin.files.id_map import Target
from target_bigin.links.fields import Relation
from target_bigin.links.references import PendingLink
from target_bigin.lookups.directory import Directory, Name
from target_bigin.records.record import Fields, Record, Reject
from target_bigin.schema.context import StreamContext
from target_bigin.writing.results import paired, refusal, reject_of

MOST_WAITING = 20_000  # records of a run; beyond it the oldest is decided as if the input had ended
DECIDED_AT_ONCE = 5_000  # records, when the input has ended: what they then ask and become takes memory
SHOWN_IDS = 5

Decision = Literal["last call", "circle", "never"]
"""What is not there at the last call will not come; in a circle a record is written first, linked later."""


class Waiting(NamedTuple):
    """A record of one stream that lacks links."""

    record: Record
    links: Sequence[PendingLink]
    stream: LinkResolver
    moved: Wait[Decision | None]


class WaitingRecords:
    """The records of a run that wait for others. Main thread alone.

    Whoever waits goes on when the directory publishes what it waits for (None), or by a decision here.
    """

    def __init__(self) -> None:
        self.unwritten: dict[int, Waiting] = {}  # by number of the record
        self.written: dict[int, Wait[Decision | None]] = {}  # but for links that close a circle

    def hold(self, waiting: Waiting) -> None:
        """A record lacks links."""
        self.unwritten[waiting.record.number] = waiting
        if len(self.unwritten) > MOST_WAITING:
            _decide(next(iter(self.unwritten.values())).moved, "last call")

    def finish(self) -> None:
        """The input has ended: decide about those that wait for nobody who waits himself.

        If all of them do, they wait in a circle. Called again while that moves anything.
        """
        unwritten = list(self.unwritten.values())
        coming = {name for each in unwritten for name in each.stream.names(each.record)}
        hopeless = [each for each in unwritten if coming.isdisjoint(each.stream.sought(each.links))]
        if hopeless:
            for each in hopeless[:DECIDED_AT_ONCE]:
                _decide(each.moved, "last call")
        else:
            for each in unwritten:
                _decide(each.moved, "circle")
        if not unwritten:
            for moved in list(self.written.values()):
                _decide(moved, "never")


def _decide(moved: Wait[Decision | None], decision: Decision) -> None:
    if not moved.is_done:
        moved.set_result(decision)


class LinkResolver:
    """Holds a record of one stream back until all its links are ids.

    ``are_linked_to``: others may look for the records of this stream, so they may wait in a circle.
    """

    def __init__(
        self,
        context: StreamContext,
        relations: dict[str, Relation],
        directory: Directory,
        waiting: WaitingRecords,
        *,
        are_linked_to: bool,
    ) -> None:
        self._context = context
        self._relations = relations
        self._directory = directory
        self._waiting = waiting
        self._tasks = context.run.tasks
        self._client = context.client
        self._are_linked_to = are_linked_to
        self._changes = Batcher(self._tasks, self._update, size=1)

    async def resolve(self, record: Record) -> list[PendingLink]:
        """Put ids in the place of links. Those that would close a circle are left empty and given back.

        Raises Reject for a link that means nothing, or nothing that is there.
        """
        links = self._links_of(record)  # of a deletion none: no link is a key
        last_call = False
        while links:
            links = await self._seek_all(links, last_call=last_call)
            if not links or any(self._directory.known(query) for link in links for query in link.queries):
                continue
            moved: Wait[Decision | None] = Wait(self._tasks)
            self._waiting.hold(Waiting(record, links, self, moved))
            decision = await self._moved(links, moved)
            del self._waiting.unwritten[record.number]
            if decision == "circle" and self._are_linked_to and not any(link.must_be_there for link in links):
                for link in links:
                    link.put(None)
                return links
            last_call = decision is not None
            for link in links if last_call else ():
                for query in (*link.queries, *link.last_resort):
                    self._directory.doubt(query)
        return []

    async def complete(self, record: Record, links: Sequence[PendingLink]) -> None:
        """Link a written record to what closes a circle, once that is written, too. 1 credit."""
        if not links:
            return
        while (targets := self._known(links)) is None:
            moved = self._waiting.written[record.number] = Wait(self._tasks)
            decision = await self._moved(links, moved)
            del self._waiting.written[record.number]
            if decision == "never":
                names = ", ".join(link.field for link in links)
                message = f"the record was written, but what it links to was not ({names})."
                raise Reject("unmatched", "LOOKUP_NOT_FOUND", message, links[0].field)
        for link, target in zip(links, targets, strict=True):
            link.put(target)
        changed = {*(link.field for link in links), "$se_module"}
        body = {"id": record.id, **{name: record.body[name] for name in changed if name in record.body}}
        try:
            result = await self._changes.ask(record.number, body)
        except Refused as error:
            raise reject_of(error).of_part("link") from None
        if not result.succeeded:
            raise refusal("update", result).of_part("link")

    def _update(self, bodies: Mapping[int, Fields]) -> Mapping[int, WriteResult]:
        """In a thread."""
        module, trigger = self._context.module.api_name, self._context.run.settings.trigger
        return paired(bodies, self._client.records.update(module, list(bodies.values()), trigger=trigger))

    def sought(self, links: Sequence[PendingLink]) -> Iterator[Name]:
        """What these look for."""
        for link in links:
            yield from (self._directory.name(query) for query in (*link.queries, *link.last_resort))

    def names(self, record: Record) -> Sequence[Name]:
        """By what others may look for a record of this stream."""
        if not self._are_linked_to:
            return ()
        return self._directory.names(
            record, module=self._context.module.api_name, source_key=self._context.source_key(record.raw)
        )

    def _links_of(self, record: Record) -> list[PendingLink]:
        links: list[PendingLink] = []
        name = ""
        try:
            for name, relation in self._relations.items():
                value = record.body.get(name)
                if value is not None:
                    links.extend(relation(record, value))
        except Reject as bad:
            raise replace(bad, message=f"{name}: {bad.message}", field=name) from None
        return links

    async def _seek_all(self, links: Sequence[PendingLink], *, last_call: bool) -> list[PendingLink]:
        """Those of the links that are not there and may come."""
        found = await self._tasks.gather([self._seek(link, last_call=last_call) for link in links])
        return [link for link, is_found in zip(links, found, strict=True) if not is_found]

    async def _seek(self, link: PendingLink, *, last_call: bool) -> bool:
        """Go through what is looked for. False: nothing is there, but it may come. Raises Reject."""
        queries = (*link.queries, *link.last_resort) if last_call else link.queries
        for query in queries:
            targets = await self._directory.find(query, client=self._client)
            if targets:
                _choose(link, targets)
                return True
        for query in queries:  # one may have been written while the next was asked for
            if targets := self._directory.known(query) or ():
                _choose(link, targets)
                return True
        searched = [each for each in queries if each.kind == "field" and each.field != "id"]
        if link.how.on_missing == "create" and len(searched) == 1:  # of several modules none is guessed
            await self._directory.turn_to_create()
            if targets := await self._directory.find(*searched, client=self._client):
                _choose(link, targets)
                return True
            link.put(await self._directory.create(*searched))
            return True
        if not last_call and any(query.may_come for query in link.queries):
            return False
        if link.how.on_missing == "null" and not link.must_be_there:
            link.put(None)
            return True
        raise Reject("unmatched", "LOOKUP_NOT_FOUND", _not_found(link), link.field)

    async def _moved(self, links: Sequence[PendingLink], moved: Wait[Decision | None]) -> Decision | None:
        """Until something of the links appears, or it is decided about them."""
        queries = [query for link in links for query in link.queries]
        for query in queries:
            self._directory.watch(query, moved)
        decision = await moved
        for query in queries:
            self._directory.unwatch(query, moved)
        return decision

    def _known(self, links: Sequence[PendingLink]) -> list[Target] | None:
        """One record for each link, None unless all are known."""
        found: list[Target] = []
        for link in links:
            known = (self._directory.known(query) for query in link.queries)
            target = next((each[0] for each in known if each and len(each) == 1), None)
            if target is None:
                return None
            found.append(target)
        return found


def _choose(link: PendingLink, targets: Sequence[Target]) -> None:
    if len(targets) == 1:
        link.put(targets[0])
    elif link.how.on_ambiguous == "null" and not link.must_be_there:
        link.put(None)
    else:
        modules = ", ".join(dict.fromkeys(each.module for each in targets))
        ids = ", ".join(each.id for each in targets[:SHOWN_IDS])
        message = f"{link.field}: {link.shown!r} means {len(targets)} records of {modules} ({ids})."
        raise Reject("unmatched", "LOOKUP_AMBIGUOUS", message, link.field)


def _not_found(link: PendingLink) -> str:
    """What was looked for and where.

    >>> from target_bigin.links.references import PendingLink
    >>> from target_bigin.lookups.directory import Query
    >>> from target_bigin.settings import LookupSettings
    >>> query = Query("field", "ACME", ("Accounts",), "Account_Name")
    >>> _not_found(PendingLink("Account_Name", (query,), LookupSettings(), lambda _: None, shown="ACME"))
    "Account_Name: 'ACME' was found nowhere (Accounts by Account_Name)."
    """
    places = {
        "source": "records copied from the source",
        "user": "active users by e-mail, id or full name",
    }
    queries = (*link.queries, *link.last_resort)
    searched = dict.fromkeys(places.get(query.kind) or " by ".join(query.place) for query in queries)
    return f"{link.field}: {link.shown!r} was found nowhere ({', '.join(searched)})."
