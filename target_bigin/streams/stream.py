"""A stream that goes to a module, and in it a record's whole way, from a line of input to its end."""

from __future__ import annotations

import time
from abc import abstractmethod

from target_bigin.bulk.choice import BulkPlan
from target_bigin.concurrency.tasks import Tasks
from target_bigin.deletions.brake import Brakes
from target_bigin.deletions.versions import OldVersions
from target_bigin.links.resolver import LinkResolver
from target_bigin.lookups.by_value import OwnKey
from target_bigin.lookups.own_id import SourceKeys
from target_bigin.records.ledger import Ledger
from target_bigin.records.order import Order
from target_bigin.records.record import Action, Fields, Record, Reject, Rejected
from target_bigin.rows.writer import RowWriter
from target_bigin.schema.context import StreamContext
from target_bigin.schema.conversion import Conversion
from target_bigin.writing.calls import Writer
from target_bigin.writing.queue import Queue
from target_bigin.writing.tags import Tags
from target_bigin.writing.unchanged import Changes

PATIENCE = 3.0  # seconds a record waits for company before its call goes out
COMPANY = 1.0  # seconds a question waits for others before it is asked


class Stream:
    """Whatever the records of a stream become. Main thread alone. By default nothing waits here."""

    @property
    def is_full(self) -> bool:
        """Whether so much waits for a place in flight that reading had better stop."""
        return False

    @abstractmethod
    def take(self, raw: Fields) -> None:
        """A record was read."""

    def judges(self, key_property: str) -> bool:  # noqa: ARG002 -- for those that do
        """Whether a record without this key property is refused here."""
        return False

    def tick(self, *, flush: bool) -> None:
        """Let what has waited long enough go on, and with ``flush`` all that waits."""
        if flush:
            self.complete()

    def activate_version(self, version: int) -> None:
        """The stream's records of this version have all been read."""

    def finish(self) -> None:
        """No further record will come, and nothing is in flight. Called again while that moves anything."""

    def complete(self) -> None:
        """What is written is completed now: the run ends early, nothing more is sent."""


class ModuleStream(Stream):
    """Writes the records of one stream to one module."""

    def __init__(
        self,
        context: StreamContext,
        ledger: Ledger,
        *,
        conversion: Conversion,
        order: Order,
        versions: OldVersions | None,
        source_keys: SourceKeys,
        links: LinkResolver,
        own_key: OwnKey,
        brakes: Brakes | None,
        changes: Changes,
        rows: RowWriter,
        bulk: BulkPlan | None,
        queue: Queue,
        writer: Writer,
        tags: Tags,
    ) -> None:
        self._context = context
        self._ledger = ledger
        self._conversion = conversion
        self._order = order
        self._versions = versions
        self._source_keys = source_keys
        self._links = links
        self._own_key = own_key
        self._brakes = brakes
        self._changes = changes
        self._rows = rows
        self._bulk = bulk
        self._queue = queue
        self._writer = writer
        self._tags = tags
        settings = context.run.settings
        self._tasks: Tasks = context.run.tasks
        self._size = settings.batch_size
        self._is_dry = settings.dry_run
        self._ignores_deletes = settings.deletes == "ignore" and context.settings.operation != "delete"
        self._waits_since: float | None = None
        self._asked = time.monotonic()

    def take(self, raw: Fields) -> None:
        """A record was read. Its task runs until it first waits, so the order of keys is the input's."""
        record = Record(self._ledger.read(self._context.account), self._context.stream, raw)
        self._tasks.create_task(self._settle(record))
        if self._queue.waiting >= self._size:
            self._pump(flush=False)

    async def _settle(self, record: Record) -> None:
        """The one place where a record ends."""
        try:
            outcome: Action | Reject = await self._write(record)
        except Rejected as rejected:
            outcome = rejected.reject
        self._ledger.end(record, outcome)
        self._order.leave(record)

    async def _write(self, record: Record) -> Action:
        """A record's whole way, top to bottom. Raises Rejected anywhere on it."""
        if self._versions is not None:
            self._versions.note(record)  # the source has it, whatever becomes of it
        self._conversion.fill(record)  # body, operation, id, locks
        if record.operation == "delete" and self._ignores_deletes:
            self._context.account.notes["deletions ignored (deletes: ignore)"] += 1
            return "unchanged"
        self._order.enter(record)  # later records of its keys stay behind
        if (ended := await self._source_keys.find_id(record)) is not None:
            return ended
        circular = await self._links.resolve(record)  # waits for parents
        await self._own_key.find(record)
        if self._brakes is not None and record.operation == "delete":
            await self._brakes.allow(record, self._context.module.api_name)  # at the end of the input
        async with self._changes.of(record) as change:  # a refusal makes void what was known
            if change.is_empty:
                return "unchanged"
            rows = self._rows.take_out(record)
            if self._bulk is not None:
                self._bulk.choose(record)
            action = await self._queue.send(record)  # in a bulk job where one pays, else in calls of 100
            if action == "merged":
                return action  # a later record said all that this one says
            self._source_keys.publish(record, action)  # to the id map, and to whoever waits for it
            self._own_key.learn(record, action)
            if self._is_dry:
                return action
            await self._links.complete(record, circular)
            await self._rows.write(record, rows, action)
            await self._tags.add(record, action)
            change.keep(action)
        return action

    @property
    def is_full(self) -> bool:
        """Whether so much waits for a place in flight that reading had better stop."""
        return self._queue.waiting >= self._size and self._writer.is_full

    def judges(self, key_property: str) -> bool:
        """Whether a record without this key property is refused here: if it is a field of the module."""
        return key_property in self._context.matched

    def tick(self, *, flush: bool) -> None:
        """Ask and send what has waited long enough, and with ``flush`` all that waits."""
        now = time.monotonic()
        if flush or now - self._asked >= COMPANY:
            self._asked = now
            self._own_key.flush()
            self.complete()
        if self._queue.waiting and self._waits_since is None:
            self._waits_since = now
        aged = self._waits_since is not None and now - self._waits_since >= PATIENCE
        self._pump(flush=flush or aged)

    def activate_version(self, version: int) -> None:
        """The stream's records of this version have all been read."""
        if self._versions is not None:
            self._versions.activate(version)

    def finish(self) -> None:
        """No further record will come: what was held back until then is decided."""
        if self._versions is not None:
            self._versions.finish()
        if self._bulk is not None:
            self._bulk.finishing = True

    def complete(self) -> None:
        """What is written gets its rows and tags."""
        self._rows.flush()
        self._tags.flush()

    def _pump(self, *, flush: bool) -> None:
        self._writer.pump(flush=flush)
        if not self._queue.waiting:
            self._waits_since = None
