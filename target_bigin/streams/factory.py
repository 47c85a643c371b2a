"""Puts streams together around what the streams of a run share."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from bigin_api import Module, PermissionDenied, SettingsError
from target_bigin.bulk.choice import BulkPlan
from target_bigin.bulk.writer import BulkWriter
from target_bigin.deletions.brake import Brakes
from target_bigin.deletions.versions import OldVersions
from target_bigin.files.fingerprints import Slot, Written
from target_bigin.files.id_map import IdMap, source_key
from target_bigin.files.job_log import JobLog
from target_bigin.files.journal import Journal
from target_bigin.files.lock import FileLock
from target_bigin.links.fields import relations_of
from target_bigin.links.references import modules_of
from target_bigin.links.resolver import LinkResolver, WaitingRecords
from target_bigin.lookups.by_value import OwnKey
from target_bigin.lookups.directory import Directory, Place
from target_bigin.lookups.own_id import KeyOf, SourceKeys
from target_bigin.records.ledger import Ledger
from target_bigin.records.order import Order
from target_bigin.records.record import Record
from target_bigin.rows.fields import RowField, row_fields, row_relations, undeclared_rows
from target_bigin.rows.related_list import LinkWriter
from target_bigin.rows.writer import RowWriter
from target_bigin.schema.context import Run, StreamContext
from target_bigin.schema.conversion import Conversion
from target_bigin.schema.fields import find_module
from target_bigin.schema.keys import KeyPlan, own_key, unique_fields
from target_bigin.settings import StreamSettings, TargetSettings
from target_bigin.streams.deleted_records import DELETED_RECORDS, DeletedRecordsStream
from target_bigin.streams.row_stream import (
    PARENT,
    PARENT_ID,
    RowPlace,
    RowStream,
    find_row_place,
    parent_relation,
    shape_of,
)
from target_bigin.streams.stream import ModuleStream, Stream
from target_bigin.writing.calls import RecordWriter, Writer
from target_bigin.writing.dry_run import DryWriter
from target_bigin.writing.inserts import InsertGate, Inserts, ServerClock
from target_bigin.writing.queue import Queue
from target_bigin.writing.tags import Tags
from target_bigin.writing.unchanged import Changes, SlotOf

USER_TYPES = ("ownerlookup", "userlookup")


class Factory:
    """Made once a run: holds the files and what streams share. A dry run leaves the files as they are."""

    def __init__(self, run: Run, ledger: Ledger) -> None:
        self._run = run
        self._ledger = ledger
        self._locks = contextlib.ExitStack()
        try:
            self._open(run)
        except BaseException:
            self._locks.close()
            raise

    def _open(self, run: Run) -> None:
        settings = run.settings
        for name, path in _owned(settings).items():
            self._locks.callback(FileLock(path, setting=name).close)
        self._id_map = IdMap(settings.id_map_path, read_only=settings.dry_run)
        self._directory = Directory(
            run.client, run.tasks, self._id_map, trigger=settings.trigger, dry_run=settings.dry_run
        )
        self._waiting = WaitingRecords()
        self._brakes = Brakes(run)
        journal_path = None if settings.dry_run else settings.journal_path
        self.journal = Journal(journal_path)
        self._job_log = JobLog(journal_path)
        self._cache = Written(settings.unchanged_cache_path) if settings.unchanged_cache_path else None
        self._clock = ServerClock()
        self._changes: dict[str, Changes] = {}  # by stream
        self._orders: dict[str, Order] = {}  # by module, as the next one
        self._gates: dict[str, InsertGate] = {}

    def module_stream(self, context: StreamContext, conversion: Conversion, key: KeyPlan) -> ModuleStream:
        """The stream of a module's records. Raises SettingsError for lookups that cannot be."""
        run, settings, name = self._run, self._run.settings, context.module.api_name
        key_of = _key_of(context)
        order = self._order(name)
        shapes = self._row_fields(context)
        source_keys = self._source_keys(context, order)
        looks_up = key.way == "find" or settings.dry_run
        own_key_ = OwnKey(
            context,
            order,
            key if looks_up or settings.deletes == "delete" else None,
            upserts_too=looks_up,
        )
        deletes = settings.deletes == "delete"
        brakes = (
            deletes or context.settings.operation == "delete"
        ) and not context.settings.allow_mass_delete
        queue = Queue(order, run.tasks, merge=not settings.trigger)
        bulk = BulkPlan.of(context, key)
        return ModuleStream(
            context,
            self._ledger,
            conversion=conversion,
            order=order,
            versions=OldVersions(context, self._id_map, self._brakes, key_of)
            if deletes and not settings.dry_run
            else None,
            source_keys=source_keys,
            links=self._links(context, shapes),
            own_key=own_key_,
            brakes=self._brakes if brakes else None,
            changes=self._changes_of(
                context.stream,
                _slot_of(context),
                _what_writes_depend_on(context),
                is_there=source_keys.is_there,
            ),
            rows=RowWriter(
                context.client,
                run.tasks,
                name,
                shapes,
                remove_others=context.settings.replace_rows,
                trigger=settings.trigger,
                # With a journal an insert may be one that an earlier run made, rows and all.
                may_be_new=settings.journal_path is None,
            ),
            bulk=bulk,
            queue=queue,
            writer=self._writer(context, queue, key, bulk),
            tags=Tags(context.client, run.tasks, module=name, tags=context.settings.tags),
        )

    def other_stream(self, stream: str, settings: StreamSettings, modules: Sequence[Module]) -> Stream | None:
        """The stream of what was deleted, or of rows of other records; None for any other."""
        if find_module(settings.module, modules) is not None:
            return None
        if stream == DELETED_RECORDS:
            return DeletedRecordsStream(
                self._run, self._ledger, self._id_map, self._brakes, stream=stream, settings=settings
            )
        find = partial(find_row_place, settings.module, modules, self._run.client.metadata.fields)
        place = self._run.tasks.wait_for(find)
        return self._row_stream(stream, settings, place) if place else None

    def tick(self, *, flush: bool) -> None:
        """Make what was written survive a kill, and with ``flush`` ask what waits for company."""
        if flush:
            self._directory.flush()
        self._id_map.flush()
        for changes in self._changes.values():
            changes.commit()

    def finish(self) -> None:
        """The input has ended and nothing is in flight: decide about records that wait for others."""
        self._waiting.finish()
        self._brakes.finish()

    def save(self) -> None:
        """A STATE is about to go out: what it covers must be on disk."""
        self._id_map.flush()
        if self._cache is not None:
            self._cache.commit()

    def close(self, *, in_good_order: bool, streams: Sequence[str]) -> None:
        """The run has ended: what was settled of these streams is kept, whatever ended it."""
        self.journal.close(in_good_order=in_good_order, streams=streams)
        self._id_map.close()
        if self._cache is not None:
            self._cache.close()
        self._locks.close()

    def _order(self, module: str) -> Order:
        return self._orders.setdefault(module, Order(self._run.tasks))

    def _source_keys(self, context: StreamContext, order: Order) -> SourceKeys:
        name, fields = context.module.api_name, context.fields
        unique = unique_fields(name, fields)
        matched = context.settings.duplicate_check_fields or own_key(name, fields)
        return SourceKeys(
            context,
            self._directory,
            order,
            key_of=_key_of(context),
            # A deal's name is a check field and not unique: upserts by it would merge two deals into one.
            matches_by=matched if all(each in unique for each in matched) else (),
        )

    def _links(self, context: StreamContext, shapes: Mapping[str, RowField]) -> LinkResolver:
        metadata, directory = self._run.client.metadata, self._directory
        for place, name in _places(context, shapes):
            self._run.tasks.wait_for(partial(metadata.fields, place))
            directory.prepare(place, name, client=context.client)
        relations = {
            **relations_of(context.fields, context.settings),
            **undeclared_rows(context.fields),
            **row_relations(shapes),
        }
        key_of, module = _key_of(context), context.module.api_name
        return LinkResolver(
            relations,
            directory,
            self._waiting,
            tasks=self._run.tasks,
            client=context.client,
            names=lambda record: directory.names(record, module=module, source_key=key_of(record)),
            module=module,
            trigger=self._run.settings.trigger,
        )

    def _row_fields(self, context: StreamContext) -> dict[str, RowField]:
        declared = (
            context.matched.values() or context.fields
        )  # a schema without properties: anything may come
        carried = {name: context.fields[name] for name in declared if name in context.fields}
        metadata = self._run.client.metadata
        return self._run.tasks.wait_for(partial(row_fields, carried, context.settings, metadata))

    def _writer(self, context: StreamContext, queue: Queue, key: KeyPlan, bulk: BulkPlan | None) -> Writer:
        if self._run.settings.dry_run:
            return DryWriter(context, queue)
        name = context.module.api_name
        gate = self._gates.setdefault(name, InsertGate(self._run.tasks))
        inserts = Inserts(context, gate=gate, clock=self._clock, journal=self.journal)
        writer: Writer = RecordWriter(context, queue, check_fields=key.fields, inserts=inserts)
        former = self._job_log.unfinished(name)
        if bulk is None and not former:
            return writer
        return BulkWriter(context, bulk, queue, writer, self._job_log, former=former)

    def _row_stream(self, stream: str, settings: StreamSettings, place: RowPlace) -> RowStream:
        run, name = self._run, place.name
        self._ledger.account(stream).module = place.shown
        shape = run.tasks.wait_for(partial(shape_of, place, settings, run.client.metadata))
        client = run.client.labelled(stream)
        changes = self._changes_of(
            stream,
            lambda record: (stream, place.shown, record.raw[PARENT_ID]),
            {"ids": settings.ids, "replace_rows": settings.replace_rows},
        )
        relations = {PARENT: parent_relation(place.module, settings), shape.name: shape.read}
        writer: RowWriter | LinkWriter | None
        if run.settings.dry_run:
            writer = None
        elif place.described is None:
            writer = LinkWriter(client, run.tasks, module=place.module, related_list=name, column=shape.by)
        else:
            writer = RowWriter(
                client,
                run.tasks,
                place.module,
                {name: shape},
                remove_others=settings.replace_rows,
                trigger=run.settings.trigger,
            )
        return RowStream(
            stream,
            self._ledger,
            run.tasks,
            shape,
            order=Order(run.tasks),
            links=LinkResolver(relations, self._directory, self._waiting, tasks=run.tasks, client=client),
            changes=changes,
            writer=writer,
        )

    def _changes_of(
        self,
        stream: str,
        slot_of: SlotOf,
        settings: Mapping[str, object],
        *,
        is_there: Callable[[Record], bool] = lambda _record: True,
    ) -> Changes:
        """``settings``: what the stream's writes depend on beside the record."""
        if self._cache is not None:
            self._cache.use(stream, {"organisation": self._organisation(), **settings})
        if stream not in self._changes:
            self._changes[stream] = Changes(
                self._cache,
                slot_of,
                self._run.tasks,
                is_there=is_there,
                only_compares=self._run.settings.dry_run,
            )
        return self._changes[stream]

    def _organisation(self) -> str:
        """Which one it is: a cache of another must not count. Costs 1 credit, once a run."""
        try:
            return self._run.tasks.wait_for(self._run.client.organization.zgid)
        except PermissionDenied:
            return ""  # the token may not ask


def _owned(settings: TargetSettings) -> dict[str, Path]:
    """The files that no other run may use meanwhile, by setting; a dry run changes none."""
    paths = {
        "id_map_path": settings.id_map_path,
        "unchanged_cache_path": settings.unchanged_cache_path,
        "journal_path": settings.journal_path,
    }
    return {name: path for name, path in paths.items() if path is not None and not settings.dry_run}


def _what_writes_depend_on(context: StreamContext) -> Mapping[str, object]:
    settings = context.settings
    return {
        "operation": settings.operation,
        "duplicate_check_fields": settings.duplicate_check_fields,
        "external_key": settings.external_key,
        "ids": settings.ids,
        "null_values": context.run.settings.null_values,
        "tags": settings.tags,
        "replace_rows": settings.replace_rows,
    }


def _key_of(context: StreamContext) -> KeyOf:
    properties = context.key_properties
    return lambda record: source_key(record.raw, properties)


def _slot_of(context: StreamContext) -> SlotOf:
    """Whose fingerprints a record's are: known by its key in Bigin, or by the source's where it has none."""
    stream, module, key_of = context.stream, context.module.api_name, _key_of(context)
    by_source = context.settings.ids == "source" or context.settings.operation == "insert"

    def slot_of(record: Record) -> Slot | None:
        key = key_of(record) if by_source or not record.locks else "=".join(record.locks[0])
        return None if key is None else (stream, module, key)

    return slot_of


def _places(context: StreamContext, shapes: Mapping[str, RowField]) -> Iterator[Place]:
    """Where the stream's lookups are searched. Raises SettingsError for a lookup that is no such field."""
    for name, how in context.settings.lookups.items():
        described = context.fields.get(name)
        if described is None:
            raise SettingsError(
                f"streams.{context.stream}.lookups: {context.module.api_name} has no field {name!r}."
            )
        if described.data_type in USER_TYPES or how.match_on in (None, "id"):
            continue
        shape = shapes.get(name)
        pointed_to = shape.links[shape.by].modules if shape else modules_of(described)
        for module in (how.module,) if how.module else pointed_to:
            yield module, str(how.match_on)
