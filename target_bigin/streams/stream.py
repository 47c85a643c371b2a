"""A stream that goes to a module, and in it a record's whole way, from a line of input to its end."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from bigin_api.errors import Refused, SettingsError, did_you_mean
from bigin_api.json_values import one_form
from target_bigin.concurrency.tasks import UNREADABLE
from target_bigin.files.fingerprints import Slot
from target_bigin.links.fields import Relation, relations_of
from target_bigin.links.references import modules_of
from target_bigin.links.resolver import LinkResolver
from target_bigin.lookups.by_value import OwnKey
from target_bigin.lookups.directory import Place
from target_bigin.lookups.own_id import SourceKeys
from target_bigin.records.account import Account
from target_bigin.records.order import Order
from target_bigin.records.record import Action, Fields, Record, Reject
from target_bigin.rows.fields import RowField, row_fields, undeclared_rows
from target_bigin.rows.writer import RowWriter
from target_bigin.schema.context import StreamContext
from target_bigin.schema.conversion import Conversion
from target_bigin.schema.keys import KeyPlan
from target_bigin.streams.shared import Shared
from target_bigin.writing.queue import Queue
from target_bigin.writing.results import reject_of
from target_bigin.writing.tags import tag, tagging_of
from target_bigin.writing.unchanged import Change

logger = logging.getLogger("target-bigin")

PATIENCE = 3.0  # seconds a record waits for company before its call goes out, as the engine counts them
COMPANY = 1.0  # ... and a question for others before it is asked
USER_TYPES = ("ownerlookup", "userlookup")


class Stream:
    """Whatever the records of a stream become. Main thread alone. By default nothing waits here."""

    def __init__(self, account: Account, shared: Shared) -> None:
        self._account = account
        self._ledger = shared.ledger
        self._tasks = shared.run.tasks
        self._order = Order(self._tasks)

    @property
    def is_full(self) -> bool:
        """Whether so much waits for a place in flight that reading had better stop."""
        return False

    def take(self, raw: Fields) -> None:
        """A record was read. Its task runs until it first waits, so the order of keys is the input's."""
        record = self._read(raw)
        self._tasks.create_task(self._settle(record, (record,)))

    def judges(self, key_property: str) -> bool:  # noqa: ARG002 -- for those that do
        """Whether a record without this key property is refused here."""
        return False

    def tick(self, now: float, *, asks: bool) -> None:
        """Let what has waited long enough go on. ``asks``: questions and completions have."""

    def ask(self) -> None:
        """Ask what waits to be asked."""

    def send(self) -> None:
        """Send what waits to be written."""

    def activate_version(self, version: int) -> None:
        """The stream's records of this version have all been read."""

    def finish(self) -> None:
        """No further record will come, and nothing is in flight. Called again while that moves anything."""

    def complete(self) -> None:
        """What is written is completed now: the run ends early, nothing more is sent."""

    def _read(self, raw: Fields) -> Record:
        return Record(self._ledger.read(self._account), self._account.stream, raw)

    async def _settle(self, record: Record, read: Sequence[Record]) -> None:
        """The one place where records end: those that were read end as the one does that they became."""
        outcome = await self._outcome_of(record)
        for each in read:
            self._ledger.end(each, outcome)
        self._order.leave(record)

    async def _outcome_of(self, record: Record) -> Action | Reject:
        try:
            return await self._write(record)
        except Reject as reject:
            return reject.with_traceback(None)  # the first of its kind is kept as an example
        except Refused as error:
            return reject_of(error)  # whatever was asked for its sake: nobody else pays
        except UNREADABLE as error:
            logger.debug("", exc_info=True)
            told = f"nobody foresaw this ({type(error).__name__}: {error}); it may have been written."
            return Reject("rejected", "UNFORESEEN", told)

    @abstractmethod
    async def _write(self, record: Record) -> Action:
        """A record's whole way, top to bottom. Raises Reject anywhere on it."""


class ModuleStream(Stream):
    """Writes the records of one stream to one module."""

    def __init__(self, context: StreamContext, shared: Shared, conversion: Conversion, key: KeyPlan) -> None:
        """Raises SettingsError for lookups that cannot be."""
        super().__init__(context.account, shared)
        self._context = context
        self._conversion = conversion
        self._module = context.module.api_name
        self._order = shared.order(self._module)
        settings, own = context.run.settings, context.settings
        deletes = settings.deletes == "delete"
        self._versions = shared.versions(context) if deletes else None
        self._source_keys = SourceKeys(context, shared.directory, self._order)
        shapes = _row_fields(context)
        relations = _relations(context, shapes, shared)
        self._links = LinkResolver(context, relations, shared.directory, shared.waiting, are_linked_to=True)
        self._key = key
        self._own_key = OwnKey(context, self._order, key)
        brakes = (deletes or own.operation == "delete") and not own.allow_mass_delete
        self._brakes = shared.brakes if brakes else None
        self._changes = shared.changes(
            context,
            self._slot_of,
            is_there=self._source_keys.is_there,
            is_first=self._order.is_first,
        )
        self._rows = RowWriter(context, shapes)
        self._queue = Queue(self._order, self._tasks, merge=not settings.trigger)
        self._writer = shared.writer(context, self._queue, key)
        self._tagging = tagging_of(context)
        self._size = settings.batch_size
        self._ignores_deletes = settings.deletes == "ignore" and own.operation != "delete"
        self._waits_since: float | None = None

    def take(self, raw: Fields) -> None:
        """A record was read: calls that are full then go out."""
        super().take(raw)
        if self._queue.waiting >= self._size:
            self._pump(flush=False)

    async def _write(self, record: Record) -> Action:
        """A record's whole way, top to bottom. Raises Reject anywhere on it."""
        if self._versions is not None:
            self._versions.note(record)  # the source has it, whatever becomes of it
        self._conversion.fill(record)  # body, operation, id, locks
        if record.operation == "delete" and self._ignores_deletes:
            self._account.notes["deletions ignored (deletes: ignore)"] += 1
            return "unchanged"
        self._order.enter(record)  # later records of its keys stay behind
        if (ended := await self._source_keys.find_id(record)) is not None:
            return ended
        circular = await self._links.resolve(record)  # waits for parents
        await self._own_key.find(record)
        if self._brakes is not None and record.operation == "delete":
            await self._brakes.allow(record, self._module)  # at the end of the input
        async with Change(self._changes, record) as change:  # a refusal makes void what was known
            if change.is_empty:
                return "unchanged"
            rows = self._rows.take_out(record)
            self._writer.choose(record)
            action = await self._queue.send(record)  # in a bulk job where one pays, else in calls of 100
            if action == "merged":
                return action  # a later record said all that this one says
            self._source_keys.publish(record, action)  # to the id map, and to whoever waits for it
            self._own_key.learn(record, action)
            await self._links.complete(record, circular)
            if action != "deleted":
                if rows:
                    await self._rows.write(record, rows, action, are_all=True)
                if self._context.settings.tags:
                    await tag(record, self._tagging)
            change.keep(action)
        return action

    @property
    def is_full(self) -> bool:
        """Whether so much waits for a place in flight that reading had better stop."""
        return self._writer.is_full

    def judges(self, key_property: str) -> bool:
        """Whether a record without this key property is refused here: if it is a field of the module."""
        return key_property in self._context.matched

    def tick(self, now: float, *, asks: bool) -> None:
        """Ask and send what has waited long enough."""
        if asks:
            self.ask()
            self.complete()
        if self._waits_since is None:
            self._waits_since = now
        self._pump(flush=now - self._waits_since >= PATIENCE)

    def ask(self) -> None:
        """Ask for the ids of own keys."""
        self._own_key.flush()

    def send(self) -> None:
        """Send all that waits, full calls or not."""
        self._pump(flush=True)

    def activate_version(self, version: int) -> None:
        """The stream's records of this version have all been read."""
        if self._versions is not None:
            self._versions.activate(version)

    def finish(self) -> None:
        """No further record will come: what was held back until then is decided."""
        if self._versions is not None:
            self._versions.finish()
        self._writer.finish()

    def complete(self) -> None:
        """What is written gets its rows and tags."""
        self._rows.flush()
        self._tagging.flush()

    def _pump(self, *, flush: bool) -> None:
        self._writer.pump(flush=flush)
        if not self._queue.waiting:
            self._waits_since = None

    def _slot_of(self, record: Record) -> Slot | None:
        """Whose fingerprints a record's are: by its key in Bigin, or by the source's where it has none."""
        settings = self._context.settings
        if settings.ids == "source" or settings.operation == "insert" or not record.locks:
            key = self._context.source_key(record.raw)
        elif not self._key.all_of or record.locks[0][0] == "id":
            key = "=".join(record.locks[0])
        else:
            key = one_form(record.locks[: len(self._key.fields)]).decode()
        return None if key is None else (self._context.stream, self._module, key)


def _row_fields(context: StreamContext) -> dict[str, RowField]:
    declared = context.matched.values() or context.fields  # a schema without properties: anything may come
    carried = {name: context.fields[name] for name in declared if name in context.fields}
    metadata = context.run.client.metadata
    return context.run.tasks.wait_for(partial(row_fields, carried, context.settings, metadata))


def _relations(context: StreamContext, shapes: Mapping[str, RowField], shared: Shared) -> dict[str, Relation]:
    """What reads the links of each field; all that they are found by is made ready."""
    for place, name in _places(context, shapes):
        context.run.tasks.wait_for(partial(context.run.client.metadata.fields, place))
        shared.directory.prepare(place, name, client=context.client)
    return {
        **relations_of(context.fields, context.settings),
        **undeclared_rows(context.fields),
        **{name: shape.read for name, shape in shapes.items()},
    }


def _places(context: StreamContext, shapes: Mapping[str, RowField]) -> Iterator[Place]:
    """Where the stream's lookups are searched. Raises SettingsError for a lookup that is no such field."""
    for name, how in context.settings.lookups.items():
        described = context.fields.get(name)
        if described is None:
            raise SettingsError(
                f"streams.{context.stream}.lookups: {context.module.api_name} has no field {name!r}"
                f"{did_you_mean(name, context.fields, otherwise='.')}"
            )
        if described.data_type in USER_TYPES or how.match_on in (None, "id"):
            continue
        shape = shapes.get(name)
        pointed_to = shape.links[shape.by].modules if shape else modules_of(described)
        for module in (how.module,) if how.module else pointed_to:
            yield module, str(how.match_on)
