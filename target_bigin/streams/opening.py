"""Opens a stream: its module, fields and key are decided, and its lane is put together."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from bigin_api.errors import InvalidRequest, ModuleUnavailable, PermissionDenied
from bigin_api.models import Field, Layout, Module
from target_bigin.files.id_map import source_key
from target_bigin.files.journal import Journal
from target_bigin.files.reject_log import RejectLog
from target_bigin.lookups.finding_step import FindByKey, RememberKeys, finders
from target_bigin.records.record import Record
from target_bigin.schema.context import Run, StreamContext
from target_bigin.schema.conversion import Preparer
from target_bigin.schema.descriptions import DescribingLane, is_description
from target_bigin.schema.id_origin import CREATED, UndecidedLane, is_the_same, whose_ids
from target_bigin.schema.keys import KeyPlan, own_key, plan_key
from target_bigin.schema.matching import ID_NAMES, FieldMatch, find_module, why_unwritable
from target_bigin.schema.warnings import Notices
from target_bigin.streams.factory import Assembly
from target_bigin.streams.stream import Lane, RefusingLane, SideLane
from target_bigin.values.objects import is_id
from target_bigin.values.reminders import bring_together
from target_bigin.values.stages import MODULE as DEALS
from target_bigin.values.stages import Stages
from target_bigin.writing.calls import MakeWriter, Outcomes, RecordWriter, Writer
from target_bigin.writing.dry_run import DryWriter
from target_bigin.writing.inserting import Inserter
from target_bigin.writing.inserts import InsertWatch, ServerClock
from target_bigin.writing.queue import Order, Queue

logger = logging.getLogger("target-bigin")

Fail = Callable[[BaseException], None]
Described = tuple[tuple[Field, ...], tuple[Layout, ...]]


class Opener:
    """Knows what streams of one module share: the order of its records and its inserts in flight."""

    def __init__(
        self,
        run: Run,
        *,
        assembly: Assembly,
        journal: Journal,
        clock: ServerClock,
        rejects: RejectLog,
        fail: Fail,
    ) -> None:
        self._run = run
        self._assembly = assembly
        self._journal = journal
        self._clock = clock
        self._rejects = rejects
        self._fail = fail
        self._orders: dict[str, Order] = {}
        self._watches: dict[str, InsertWatch] = {}
        self._warned: set[str] = set()
        self._met_foreign_ids = False

    def open(
        self, stream: str, properties: Mapping[str, object], key_properties: Sequence[str]
    ) -> Lane | SideLane:
        """The lane of a stream. Raises SettingsError if it cannot be written as configured."""
        settings = self._run.settings.stream(stream)
        account = self._run.ledger.account(stream)
        account.begun = account.begun or time.monotonic()
        modules = self._run.flights.wait_for(self._run.client.metadata.modules)
        if settings.ids == "auto":
            of_records = replace(settings, ids="source" if self._met_foreign_ids else "bigin")
        else:
            of_records = settings
        side = self._assembly.side_lane(stream, of_records, modules, fail=self._fail)
        if side is not None:
            return side
        module = find_module(settings.module, modules)
        reason = why_unwritable(settings.module, module)
        described: Described = ((), ())
        if module is not None and reason is None:
            try:
                described = self._describe(module)
            except (PermissionDenied, ModuleUnavailable) as error:
                reason = error.message.rstrip(".")
        self._rejects.describe(
            stream, module=module.api_name if module else None, key_properties=key_properties
        )
        if module is None and is_description(stream, properties):
            logger.info("%s describes the organisation it was read from: nothing of it is written.", stream)
            return DescribingLane(stream, account, self._run.ledger)
        if module is None or reason is not None:
            if stream not in self._warned:
                self._warned.add(stream)
                logger.warning("%s: its records are rejected: %s.", stream, reason)
            return RefusingLane(stream, account, self._run.ledger, reason or "")
        account.module = module.api_name
        context = StreamContext(
            stream=stream,
            module=module,
            fields={field.api_name: field for field in described[0]},
            settings=settings,
            key_properties=tuple(key_properties),
            client=self._run.client.labelled(stream),
            account=account,
            run=self._run,
            layouts=described[1],
        )
        ids = whose_ids(
            settings,
            properties=properties,
            key_properties=key_properties,
            has_own_key=bool(own_key(module.api_name, context.fields)),
        )
        if ids != "look":
            return self._lane_with(ids, context, properties)
        return UndecidedLane(lambda first: self._lane_with(self._look(context, first), context, properties))

    def _lane_with(
        self, ids: Literal["bigin", "source"], context: StreamContext, properties: Mapping[str, object]
    ) -> Lane:
        self._met_foreign_ids = self._met_foreign_ids or ids == "source"
        return self._lane(replace(context, settings=replace(context.settings, ids=ids)), properties)

    def _look(self, context: StreamContext, first: Record) -> Literal["bigin", "source"]:
        """Whose ids these are, by the first record: is it here, and created when it says?"""
        name, record_id = context.module.api_name, str(first.get("id") or "")

        def ask() -> list[Record]:
            return context.client.records.by_ids(name, [record_id], [CREATED])

        try:
            found = self._run.flights.wait_for(ask) if is_id(record_id) else []
        except (PermissionDenied, ModuleUnavailable, InvalidRequest):
            return "bigin"
        if is_the_same(first, found[0] if found else None):
            return "bigin"
        logger.warning(
            "%s: the ids of its records are another organisation's (%s is not here): they are recognised "
            "by %s instead. Set streams.%s.ids to source to say so, or to bigin if an id is to mean an "
            "update.",
            context.stream,
            record_id,
            ", ".join(own_key(name, context.fields)),
            context.stream,
        )
        return "source"

    def _describe(self, module: Module) -> Described:
        metadata, name = self._run.client.metadata, module.api_name

        def layouts() -> tuple[Layout, ...]:
            try:
                return metadata.layouts(name)
            except (PermissionDenied, ModuleUnavailable, InvalidRequest):
                return ()  # they only tell beforehand what Bigin would refuse

        asked: list[Callable[[], tuple[Any, ...]]] = [lambda: metadata.fields(name), layouts]
        described = self._run.flights.wait_for_all(asked)
        return described[0], described[1]

    def _lane(self, context: StreamContext, properties: Mapping[str, object]) -> Lane:
        settings, name = context.settings, context.module.api_name
        has_id = any(each in ID_NAMES for each in (*properties, *context.key_properties))
        match = FieldMatch(context.fields, operation=settings.operation, exact=list(properties))
        key = plan_key(
            name,
            context.fields,
            settings,
            key_fields=_as_fields(context.key_properties, match),
            has_id=settings.ids == "bigin" and has_id,
            has_map=settings.ids == "source" and self._run.settings.id_map_path is not None,
        )
        preparer = self._preparer(context, key, match)
        preparer.meet(properties)
        context.matched.update(match.matched)
        self._say_what_a_kill_costs(context)
        order = self._orders.setdefault(name, Order())
        queue = Queue(order, merge=not self._run.settings.trigger)
        looks_up = key.way == "find" or self._run.settings.dry_run
        by_field = finders(context, key.fields) if looks_up or self._run.settings.deletes == "delete" else {}
        finding = [FindByKey(context, by_field, upserts_too=looks_up)] if by_field else []
        return Lane(
            context,
            preparer,
            queue,
            before=self._assembly.before(context, key, finding=finding),
            after=self._assembly.after(context, remembering=[RememberKeys(by_field)] if by_field else []),
            make_writer=self._writer(context, queue, key),
            fail=self._fail,
        )

    def _preparer(self, context: StreamContext, key: KeyPlan, match: FieldMatch) -> Preparer:
        foreign = context.settings.ids == "source"
        checks = []
        if context.module.api_name == DEALS:
            stages = Stages(context.layouts)
            checks.append(lambda body: stages.check(body, foreign_ids=foreign))
        if any(field.data_type == "event_reminder" for field in context.fields.values()):
            checks.append(bring_together)
        keys = context.key_properties
        return Preparer(
            fields=context.fields,
            settings=context.settings,
            key=key,
            match=match,
            notices=Notices(context.stream, context.module.api_name, context.account),
            write_nulls=self._run.settings.null_values == "write",
            mandatory=_mandatory(context),
            checks=tuple(checks),
            source_key=(lambda raw: source_key(raw, keys)) if foreign else None,
        )

    def _writer(self, context: StreamContext, queue: Queue, key: KeyPlan) -> MakeWriter:
        if self._run.settings.dry_run:
            return lambda outcomes: DryWriter(context, queue, outcomes)
        watch = self._watches.setdefault(context.module.api_name, InsertWatch(self._clock))

        def records(outcomes: Outcomes) -> Writer:
            inserter = Inserter(context, outcomes, watch=watch, journal=self._journal)
            return RecordWriter(context, queue, outcomes, check_fields=key.fields, inserter=inserter)

        return self._assembly.writer(context, queue, records)

    def _say_what_a_kill_costs(self, context: StreamContext) -> None:
        said = f"insert {context.stream}"
        if context.settings.operation != "insert" or self._journal.is_kept or said in self._warned:
            return
        self._warned.add(said)
        logger.warning(
            "%s: inserts cannot be repeated. If this run is killed, the next one may insert a second time "
            "what was in flight (up to %d records) or written after the last state. "
            "Set journal_path to prevent it.",
            context.stream,
            self._run.client.limits.max_concurrent_requests * self._run.settings.batch_size,
        )


def _as_fields(key_properties: Sequence[str], match: FieldMatch) -> list[str]:
    """The stream's key properties as fields, [] unless each of them is one."""
    found = [match.field(name) if name not in ID_NAMES else None for name in key_properties]
    return (
        [field.api_name for field in found if isinstance(field, Field)]
        if all(isinstance(field, Field) for field in found)
        else []
    )


def _mandatory(context: StreamContext) -> frozenset[str]:
    """What a null never clears: the system's mandatory fields, and those that a layout requires."""
    system = {field.api_name for field in context.fields.values() if field.mandatory}
    required = [{field.api_name for field in layout.fields if field.required} for layout in context.layouts]
    return frozenset(system.union(*required))
