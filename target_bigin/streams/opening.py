"""Opens a stream: its module, fields and key are decided, and its parts are put together."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from bigin_api.errors import ModuleUnavailable, PermissionDenied, Refused
from bigin_api.models import Field, Layout, Module
from target_bigin.files.id_map import source_key
from target_bigin.files.reject_log import RejectLog
from target_bigin.records.ledger import Ledger
from target_bigin.records.record import Fields, Reject
from target_bigin.schema.context import Run, StreamContext
from target_bigin.schema.conversion import Conversion
from target_bigin.schema.fields import ID_NAMES, FieldMatch, find_module, is_description, why_unwritable
from target_bigin.schema.id_origin import CREATED, is_the_same, whose_ids
from target_bigin.schema.keys import own_key, plan_key
from target_bigin.schema.warnings import Warnings
from target_bigin.streams.factory import Factory
from target_bigin.streams.fixed import FixedStream
from target_bigin.streams.stream import ModuleStream, Stream
from target_bigin.values.checks import DEALS, Stages, bring_together
from target_bigin.values.objects import is_id

logger = logging.getLogger("target-bigin")

Described = tuple[tuple[Field, ...], tuple[Layout, ...]]


class Opener:
    """Opens the streams of one run."""

    def __init__(self, run: Run, ledger: Ledger, factory: Factory, rejects: RejectLog) -> None:
        self._run = run
        self._ledger = ledger
        self._factory = factory
        self._rejects = rejects
        self._warned: set[str] = set()
        self._met_foreign_ids = False

    def open(
        self,
        stream: str,
        properties: Mapping[str, object],
        key_properties: Sequence[str],
        *,
        first: Fields | None = None,
    ) -> Stream | None:
        """The stream; None if its ``first`` record is needed to know how.

        Raises SettingsError if it cannot be written as configured.
        """
        settings = self._run.settings.stream(stream)
        account = self._ledger.account(stream)
        account.begun = account.begun or time.monotonic()
        modules = self._run.tasks.wait_for(self._run.client.metadata.modules)
        if settings.ids == "auto":
            of_records = replace(settings, ids="source" if self._met_foreign_ids else "bigin")
        else:
            of_records = settings
        other = self._factory.other_stream(stream, of_records, modules)
        if other is not None:
            return other
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
            return FixedStream(account, self._ledger, "unchanged")
        if module is None or reason is not None:
            if stream not in self._warned:
                self._warned.add(stream)
                logger.warning("%s: its records are rejected: %s.", stream, reason)
            return FixedStream(account, self._ledger, Reject("invalid", "NO_MODULE", f"{reason}."))
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
        if ids == "look":
            if first is None:
                return None
            ids = self._look(context, first)
        self._met_foreign_ids = self._met_foreign_ids or ids == "source"
        return self._of_module(replace(context, settings=replace(settings, ids=ids)), properties)

    def _look(self, context: StreamContext, first: Fields) -> Literal["bigin", "source"]:
        """Whose ids these are, by the first record: is it here, and created when it says?"""
        name, record_id = context.module.api_name, str(first.get("id") or "")

        def ask() -> list[Fields]:
            return context.client.records.by_ids(name, [record_id], [CREATED])

        try:
            found = self._run.tasks.wait_for(ask) if is_id(record_id) else []
        except Refused:
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
            except Refused:
                return ()  # they only tell beforehand what Bigin would refuse

        asked: list[Callable[[], tuple[Any, ...]]] = [lambda: metadata.fields(name), layouts]
        described = self._run.tasks.wait_for_all(asked)
        return described[0], described[1]

    def _of_module(self, context: StreamContext, properties: Mapping[str, object]) -> ModuleStream:
        settings = context.settings
        has_id = any(each in ID_NAMES for each in (*properties, *context.key_properties))
        match = FieldMatch(context.fields, operation=settings.operation, exact=list(properties))
        key = plan_key(
            context.module.api_name,
            context.fields,
            settings,
            key_fields=_as_fields(context.key_properties, match),
            has_id=settings.ids == "bigin" and has_id,
            has_map=settings.ids == "source" and self._run.settings.id_map_path is not None,
        )
        conversion = Conversion(
            fields=context.fields,
            settings=settings,
            key=key,
            match=match,
            warnings=Warnings(context.stream, context.module.api_name, context.account),
            write_nulls=self._run.settings.null_values == "write",
            mandatory=_mandatory(context),
            checks=_checks(context),
            source_key=(lambda raw: source_key(raw, context.key_properties))
            if settings.ids == "source"
            else None,
        )
        conversion.meet(properties)
        context.matched.update(match.matched)
        self._say_what_a_kill_costs(context)
        return self._factory.module_stream(context, conversion, key)

    def _say_what_a_kill_costs(self, context: StreamContext) -> None:
        said = f"insert {context.stream}"
        if context.settings.operation != "insert" or self._factory.journal.is_kept or said in self._warned:
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


def _checks(context: StreamContext) -> tuple[Callable[[Fields], None], ...]:
    """What looks at a record's fields as a whole."""
    checks: list[Callable[[Fields], None]] = []
    if context.module.api_name == DEALS:
        stages = Stages(context.layouts)
        checks.append(lambda body: stages.check(body, foreign_ids=context.settings.ids == "source"))
    if any(field.data_type == "event_reminder" for field in context.fields.values()):
        checks.append(bring_together)
    return tuple(checks)


def _mandatory(context: StreamContext) -> frozenset[str]:
    """What a null never clears: the system's mandatory fields, and those that a layout requires."""
    system = {field.api_name for field in context.fields.values() if field.mandatory}
    required = [{field.api_name for field in layout.fields if field.required} for layout in context.layouts]
    return frozenset(system.union(*required))
