"""Opens a stream: its module, fields and key are decided, and its parts are put together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal

from bigin_api.errors import ModuleUnavailable, PermissionDenied, Refused, SettingsError
from bigin_api.models import Field, Layout, Module
from target_bigin.files.reject_log import RejectLog
from target_bigin.records.account import Account
from target_bigin.records.record import Action, Fields, Record, Reject
from target_bigin.schema.context import Schema, StreamContext
from target_bigin.schema.conversion import Conversion
from target_bigin.schema.fields import ID_NAMES, FieldMatch, find_module, is_description, why_unwritable
from target_bigin.schema.id_origin import CREATED, is_the_same, whose_ids
from target_bigin.schema.keys import own_key, plan_key
from target_bigin.settings import StreamSettings
from target_bigin.streams.deleted_records import DELETED_RECORDS, DeletedRecordsStream
from target_bigin.streams.row_stream import PARENT_ID, RowStream, find_row_place
from target_bigin.streams.shared import Shared
from target_bigin.streams.stream import ModuleStream, Stream
from target_bigin.values.checks import DEALS, bring_together, check_stage
from target_bigin.values.objects import as_id

logger = logging.getLogger("target-bigin")

Origin = Literal["bigin", "source"]
NOT_COPIED = (
    "their ids are another organisation's, and no field tells them apart here: "
    "set id_map_path, external_key or operation insert to copy"
)


class FixedStream(Stream):
    """A stream of which every record ends the same way: it can go nowhere, or nothing is to be written."""

    def __init__(self, account: Account, shared: Shared, outcome: Action | Reject) -> None:
        super().__init__(account, shared)
        self._outcome = outcome

    async def _write(self, _record: Record) -> Action:
        """End the record."""
        if isinstance(self._outcome, Reject):
            raise self._outcome
        return self._outcome


class Opener:
    """Opens the streams of one run."""

    def __init__(self, shared: Shared, rejects: RejectLog) -> None:
        self._run = shared.run
        self._shared = shared
        self._rejects = rejects
        self._warned: set[str] = set()
        self._origin: Origin | None = None  # of the ids in all that tap-bigin read, once it is known

    def open(self, schema: Schema, first: Fields | None = None) -> Stream | None:
        """The stream; None if its ``first`` record is needed to know how.

        Raises SettingsError if it cannot be written as configured.
        """
        stream = schema.stream
        _require_its_name(stream, self._run.settings.streams)
        settings = self._run.settings.stream(stream)
        account = self._shared.ledger.account(stream)
        modules = self._run.tasks.wait_for(self._run.client.metadata.modules)
        module = find_module(settings.module, modules)
        name = module.api_name if module else None
        try:
            if module is None:
                return self._without_module(schema, settings, account, modules, first)
            self._rejects.describe(stream, module=name, key_properties=schema.key_properties)
            if (reason := why_unwritable(settings.module, module)) is not None:
                return self._refuse(account, "NO_MODULE", reason)
            context = self._context(module, settings, account, schema)
        except (PermissionDenied, ModuleUnavailable) as error:
            self._rejects.describe(stream, module=name, key_properties=schema.key_properties)
            return self._refuse(account, "NO_MODULE", error.message.rstrip("."))
        account.module = name
        return self._identified(context, schema.properties, first)

    def _without_module(
        self,
        schema: Schema,
        settings: StreamSettings,
        account: Account,
        modules: Sequence[Module],
        first: Fields | None,
    ) -> Stream | None:
        """The stream of what was deleted, of rows of other records, or of what is not written."""
        stream, keys, place = schema.stream, schema.key_properties, None
        if stream != DELETED_RECORDS:
            find = partial(find_row_place, settings.module, modules, self._run.client.metadata.fields)
            place = self._run.tasks.wait_for(find)
        if place is not None and not set(keys) - {PARENT_ID}:
            keys = ()  # by its parent alone a row is not known
        shown = f"{place[0].api_name}.{place[1].api_name}" if place else None
        self._rejects.describe(stream, module=shown, key_properties=keys)
        if place is None and stream != DELETED_RECORDS:
            if is_description(stream, schema.properties):
                logger.info(
                    "%s describes the organisation it was read from: nothing of it is written.", stream
                )
                return FixedStream(account, self._shared, "unchanged")
            reason = str(why_unwritable(settings.module, None, known=modules))
            return self._refuse(account, "NO_MODULE", reason)
        if settings.ids == "auto":
            if self._origin is None and first is None:
                return None  # another stream's first record may tell
            settings = replace(settings, ids=self._origin or "bigin")
        if place is None:
            return DeletedRecordsStream(account, self._shared, settings)
        module, described = place
        return RowStream(self._context(module, settings, account), self._shared, described)

    def _identified(
        self, context: StreamContext, properties: Mapping[str, object], first: Fields | None
    ) -> Stream | None:
        """The stream of a module's records, once it is known whose their ids are."""
        ids = whose_ids(context.settings, properties=properties, key_properties=context.key_properties)
        if ids == "look":
            if self._origin is None and first is None:
                return None
            ids = self._origin_of(context, first)
            if ids == "source" and not self._can_be_copied(context):
                return self._refuse(context.account, "KEY_MISSING", f"{NOT_COPIED} {context.module.api_name}")
        settings = replace(context.settings, ids=ids)
        return self._of_module(replace(context, settings=settings), properties)

    def _refuse(self, account: Account, code: str, reason: str) -> FixedStream:
        if account.stream not in self._warned:
            self._warned.add(account.stream)
            logger.warning("%s: its records are rejected: %s.", account.stream, reason)
        return FixedStream(account, self._shared, Reject("invalid", code, f"{reason}."))

    def _context(
        self, module: Module, settings: StreamSettings, account: Account, schema: Schema | None = None
    ) -> StreamContext:
        """Without a schema: of rows, which need no fields of the module."""
        fields, layouts = self._describe(module) if schema else ((), ())
        return StreamContext(
            stream=account.stream,
            module=module,
            fields={field.api_name: field for field in fields},
            settings=settings,
            key_properties=schema.key_properties if schema else (),
            client=self._run.client.labelled(account.stream),
            account=account,
            run=self._run,
            layouts=layouts,
        )

    def _can_be_copied(self, context: StreamContext) -> bool:
        """Whether a record of another organisation is known again."""
        return self._shared.id_map.kept_between_runs or bool(own_key(context.module.api_name, context.fields))

    def _origin_of(self, context: StreamContext, first: Fields | None) -> Origin:
        """Whose ids these are: as an earlier stream told for all, else by the first record.

        Is it here, and created when it says? Where its kind could not be copied, it decides for no other.
        """
        if self._origin is not None or first is None or not self._can_be_copied(context):
            return self._origin or "bigin"
        name, record_id = context.module.api_name, as_id(first.get("id"))

        def ask() -> list[Fields]:
            return context.client.records.by_ids(name, [record_id], [CREATED]) if record_id else []

        try:
            found = self._run.tasks.wait_for(ask)
        except Refused:
            return "bigin"
        self._origin = "bigin" if is_the_same(first, found[0] if found else None) else "source"
        if self._origin == "source":
            logger.warning(
                "%s: the ids of its records are another organisation's (%s is not here): these and those of "
                "all other streams are recognised by something else instead (%s). Set ids to source to say "
                "so, for a stream or for *, or to bigin if an id is to mean an update.",
                context.stream,
                record_id,
                ", ".join(own_key(name, context.fields)) or "the id map",
            )
        return self._origin

    def _describe(self, module: Module) -> tuple[tuple[Field, ...], tuple[Layout, ...]]:
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
        conversion = Conversion(context, key, match, checks=_checks(context))
        conversion.meet(properties)
        context.matched.update(match.matched)
        self._say_what_a_kill_costs(context)
        return ModuleStream(context, self._shared, conversion, key)

    def _say_what_a_kill_costs(self, context: StreamContext) -> None:
        said = f"insert {context.stream}"
        if context.settings.operation != "insert" or self._shared.journal.is_kept or said in self._warned:
            return
        self._warned.add(said)
        logger.warning(
            "%s: inserts cannot be repeated. If this run is killed, the next one may insert a second time "
            "what was in flight (up to %d records) or written after the last state. "
            "Set journal_path to prevent it.",
            context.stream,
            self._run.client.limits.max_concurrent_requests * self._run.settings.batch_size,
        )


def _require_its_name(stream: str, configured: Collection[str]) -> None:
    """Raises SettingsError if what is set for a stream stands under another writing of its name."""
    letters = _letters(stream)
    for name in configured:
        if stream not in configured and _letters(name) == letters:
            raise SettingsError(f"streams.{name}: there is no such stream, did you mean {stream!r}?")


def _letters(name: str) -> str:
    return "".join(each for each in name.casefold() if each.isalnum())


def _as_fields(key_properties: Sequence[str], match: FieldMatch) -> list[str]:
    """The stream's key properties as fields, [] unless each of them is one."""
    found = [match.field(name) if name not in ID_NAMES else None for name in key_properties]
    names = [field.api_name for field in found if isinstance(field, Field)]
    return names if len(names) == len(found) else []


def _checks(context: StreamContext) -> tuple[Callable[[Fields], None], ...]:
    """What looks at a record's fields as a whole."""
    checks: list[Callable[[Fields], None]] = []
    if context.module.api_name == DEALS:
        pipelines = [each for each in context.layouts if each.sub_pipelines]
        checks.append(partial(check_stage, pipelines, foreign_ids=context.settings.ids == "source"))
    if any(field.data_type == "event_reminder" for field in context.fields.values()):
        checks.append(bring_together)
    return tuple(checks)
