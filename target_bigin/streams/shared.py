"""What the streams of a run share: its files, the records that wait, the order of each module."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial

from bigin_api import PermissionDenied
from target_bigin.bulk.job import run_job
from target_bigin.bulk.writer import BulkWriter
from target_bigin.deletions.brake import Brakes
from target_bigin.deletions.versions import OldVersions
from target_bigin.files.fingerprints import Written
from target_bigin.files.id_map import IdMap
from target_bigin.files.job_log import JobLog
from target_bigin.files.journal import Journal
from target_bigin.files.lock import locked
from target_bigin.foresight.client import DryClient
from target_bigin.foresight.jobs import foresee_job
from target_bigin.links.resolver import WaitingRecords
from target_bigin.lookups.directory import Directory
from target_bigin.records.ledger import Ledger
from target_bigin.records.order import Order
from target_bigin.records.record import Record
from target_bigin.schema.context import Run, StreamContext
from target_bigin.schema.keys import KeyPlan
from target_bigin.writing.calls import RecordWriter
from target_bigin.writing.insert_gate import InsertGate
from target_bigin.writing.queue import Queue
from target_bigin.writing.unchanged import Changes, SlotOf


class Shared:
    """Made once a run, closed with it. A dry run leaves the files as they are."""

    def __init__(self, run: Run, ledger: Ledger) -> None:
        self.run = run
        self.ledger = ledger
        with contextlib.ExitStack() as opened:  # closed again if something else cannot be opened
            self._open(opened)
            self._opened = opened.pop_all()

    def _open(self, opened: contextlib.ExitStack) -> None:
        settings = self.run.settings
        for name, path in settings.owned_files().items():
            opened.enter_context(locked(path, setting=name))
        self.id_map = IdMap(settings.id_map_path, read_only=settings.dry_run)
        opened.callback(self.id_map.close)
        self.journal = Journal(settings.journal_path, read_only=settings.dry_run)
        self._job_log = JobLog(settings.journal_path, read_only=settings.dry_run)
        cache = settings.unchanged_cache_path
        self._cache = Written(cache, read_only=settings.dry_run) if cache else None
        if self._cache is not None:
            opened.callback(self._cache.close)
        self.directory = Directory(self.run, self.id_map)
        self.waiting = WaitingRecords()
        self.brakes = Brakes(self.run)
        self._changes: dict[str, Changes] = {}  # by stream
        self._versions: dict[str, OldVersions] = {}  # by stream
        # By stream, whatever SCHEMA they came under: the parents of which rows were written.
        self.row_parents: defaultdict[str, set[str]] = defaultdict(set)
        self._orders: dict[str, Order] = {}  # by module, as the next one
        self._gates: dict[str, InsertGate] = {}

    def order(self, module: str) -> Order:
        """The order of a module's records, whichever stream brings them."""
        return self._orders.setdefault(module, Order(self.run.tasks))

    def writer(self, context: StreamContext, queue: Queue, key: KeyPlan) -> BulkWriter:
        """What sends the records of a stream."""
        name, client = context.module.api_name, self.run.client
        if name not in self._gates:
            self._gates[name] = InsertGate(
                name, self.run.tasks, client.clock, journal=self.journal, id_map=self.id_map
            )
        calls = RecordWriter(context, queue, check_fields=key.fields, gate=self._gates[name])
        make_job = partial(foresee_job, client) if isinstance(client, DryClient) else run_job
        return BulkWriter(context, key, queue, calls, self._job_log, run_job=make_job)

    def changes(
        self,
        context: StreamContext,
        slot_of: SlotOf,
        *,
        is_there: Callable[[Record], bool] = lambda _record: True,
        is_first: Callable[[Record], bool] = lambda _record: True,
    ) -> Changes:
        """The cache around the writes of a stream."""
        if self._cache is not None:
            self._cache.use(context.stream, {"organisation": self._organisation(), **context.written_by})
        if context.stream not in self._changes:
            self._changes[context.stream] = Changes(
                context, self._cache, slot_of, is_there=is_there, is_first=is_first
            )
        return self._changes[context.stream]

    def versions(self, context: StreamContext) -> OldVersions:
        """What a stream has brought in this run, whatever SCHEMA it came under."""
        versions = OldVersions(context, self.id_map, self.brakes)
        return self._versions.setdefault(context.stream, versions)

    def tick(self) -> None:
        """Make what was written survive a kill."""
        self.id_map.flush()
        for changes in self._changes.values():
            changes.commit()

    def finish(self) -> None:
        """The input has ended and nothing is in flight: decide about records that wait for others."""
        if any(gate.finish() for gate in self._gates.values()):
            return  # what is found out may be what others wait for
        self.waiting.finish()
        self.brakes.finish()

    def close(self, *, in_good_order: bool, streams: Sequence[str]) -> None:
        """The run has ended: what was settled of these streams is kept, whatever ended it."""
        with self._opened:
            self.journal.close(in_good_order=in_good_order, streams=streams)

    def _organisation(self) -> str:
        """Which one it is: a cache of another must not count. Costs 1 credit, once a run."""
        try:
            return self.run.tasks.wait_for(self.run.client.organization.zgid)
        except PermissionDenied:
            return ""  # the token may not ask
