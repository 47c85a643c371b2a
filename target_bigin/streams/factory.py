"""Which steps stand on a stream's way, in order, and which writer at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from bigin_api import Module, SettingsError
from target_bigin.bulk.choice import BulkPlan, ChooseBulk
from target_bigin.bulk.former_jobs import FormerJobs
from target_bigin.bulk.writer import BulkWriter
from target_bigin.deletions.brake import BrakeDeletions
from target_bigin.deletions.versions import DeleteOldVersions
from target_bigin.files.fingerprints import Slot
from target_bigin.files.id_map import source_key
from target_bigin.links.fields import relations_of
from target_bigin.links.later_links import LinkLater, Postponed
from target_bigin.links.references import modules_of
from target_bigin.links.resolver import LinkRecords
from target_bigin.lookups.directory import Place
from target_bigin.lookups.own_id import Introduce, KeyOf, MapOwnIds
from target_bigin.records.record import Prepared
from target_bigin.rows.fields import RowField, row_fields, row_relations, undeclared_rows
from target_bigin.rows.writer import Aside, RowWriter, SetRowsAside, WriteRows, job_from
from target_bigin.schema.context import Run, StreamContext
from target_bigin.schema.keys import KeyPlan, own_key, unique_fields
from target_bigin.settings import StreamSettings
from target_bigin.streams.shared import Shared
from target_bigin.streams.side_lanes import side_lane
from target_bigin.streams.steps import Step
from target_bigin.streams.stream import Fail, SideLane
from target_bigin.writing.calls import MakeWriter, Outcomes, Writer
from target_bigin.writing.queue import Queue
from target_bigin.writing.tags import AddTags
from target_bigin.writing.unchanged import RememberWritten, SlotOf, UnderWay

USER_TYPES = ("ownerlookup", "userlookup")


class Assembly:
    """Made once a run: builds the steps of each stream around what the streams share."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._shared = Shared(run)
        self._asides: dict[str, Aside] = {}  # by stream, as the next ones
        self._postponed: dict[str, Postponed] = {}
        self._bulk: dict[str, BulkPlan | None] = {}
        self._under_way: dict[str, UnderWay | None] = {}

    def side_lane(
        self, stream: str, settings: StreamSettings, modules: Sequence[Module], *, fail: Fail
    ) -> SideLane | None:
        """The lane of a stream that is no module: what was deleted, or rows of other records."""
        return side_lane(self._shared, stream, settings, modules, fail=fail)

    def before(self, context: StreamContext, key: KeyPlan, *, finding: Sequence[Step]) -> list[Step]:
        """Own ids, links, ``finding`` (ids by key), the brake, what is unchanged, rows aside, bulk or not."""
        bulk = self._bulk[context.stream] = BulkPlan.of(context, key)
        shapes = self._row_fields(context)
        aside = self._asides[context.stream] = Aside(shapes)
        under_way = self._under_way[context.stream] = self._shared.under_way(
            context.stream,
            _slot_of(context),
            self._what_writes_depend_on(context),
            is_there=self._is_there(context),
        )
        return [
            *self._deleting(context),
            *self._owning(context),
            self._linking(context, shapes),
            *finding,
            *self._braking(context),
            *self._shared.skipping(under_way),
            *([SetRowsAside(aside)] if shapes else []),
            *([ChooseBulk(bulk)] if bulk else []),
        ]

    def after(self, context: StreamContext, *, remembering: Sequence[Step]) -> list[Step]:
        """The record is made known, ``remembering`` (ids by key), then rows, tags, what was written."""
        introduce = Introduce(
            self._shared.directory,
            module=context.module.api_name,
            key_of=_key_of(context),
            keeps_keys=self._keeps_keys(context),
        )
        if self._run.settings.dry_run:
            return [introduce, *remembering]
        aside, under_way = self._asides[context.stream], self._under_way[context.stream]
        return [
            introduce,
            *remembering,
            self._later_step(context),
            *([self._row_step(context, aside)] if aside.shapes else []),
            *([self._tag_step(context)] if context.settings.tags else []),
            *([RememberWritten(under_way)] if under_way else []),
        ]

    def writer(self, context: StreamContext, queue: Queue, calls: MakeWriter) -> MakeWriter:
        """The writer of a stream: ``calls``, or one of bulk jobs that stands before it."""
        bulk, notes = self._bulk[context.stream], self._shared.bulk_notes
        former = notes.unfinished(context.module.api_name)

        def make(outcomes: Outcomes) -> Writer:
            writer = calls(outcomes)
            if bulk is not None:
                writer = BulkWriter(bulk, queue, outcomes, writer, notes)
            return FormerJobs(context, former, notes, writer) if former else writer

        return make

    def save(self) -> None:
        """A STATE is about to go out: what it covers must be on disk."""
        self._shared.save()

    def close(self, *, in_good_order: bool) -> None:
        """The run has ended: what was settled is kept, whatever ended it."""
        del in_good_order
        self._shared.close()

    def _owning(self, context: StreamContext) -> Iterator[Step]:
        settings = context.settings
        if settings.ids != "source":
            return
        name, fields = context.module.api_name, context.fields
        unique = unique_fields(name, fields)
        matched = settings.duplicate_check_fields or own_key(name, fields)
        yield MapOwnIds(
            self._shared.id_map,
            stream=context.stream,
            key_of=_key_of(context),
            # A deal's name is a check field and not unique: upserts by it would merge two deals into one.
            matches_by=matched if all(each in unique for each in matched) else (),
            account=context.account,
        )

    def _linking(self, context: StreamContext, shapes: Mapping[str, RowField]) -> Step:
        metadata, directory = self._run.client.metadata, self._shared.directory
        for place, name in _places(context, shapes):
            self._run.flights.wait_for(partial(metadata.fields, place))
            directory.prepare(place, name, client=context.client)
        relations = {
            **relations_of(context.fields, context.settings),
            **undeclared_rows(context.fields),
            **row_relations(shapes),
        }
        key_of, module = _key_of(context), context.module.api_name
        return LinkRecords(
            relations,
            directory,
            client=context.client,
            names=lambda record: directory.names(record, module=module, source_key=key_of(record)),
            postponed=self._postponed.setdefault(context.stream, Postponed()),
        )

    def _deleting(self, context: StreamContext) -> Iterator[Step]:
        settings = self._run.settings
        if settings.deletes == "delete" and not settings.dry_run:
            yield DeleteOldVersions(context, self._shared.id_map, _key_of(context))

    def _braking(self, context: StreamContext) -> Iterator[Step]:
        may_delete = self._run.settings.deletes == "delete" or context.settings.operation == "delete"
        if may_delete and not context.settings.allow_mass_delete:
            yield BrakeDeletions(
                context.client, self._run.flights, stream=context.stream, module=context.module.api_name
            )

    def _row_fields(self, context: StreamContext) -> dict[str, RowField]:
        declared = (
            context.matched.values() or context.fields
        )  # a schema without properties: anything may come
        carried = {name: context.fields[name] for name in declared if name in context.fields}
        metadata = self._run.client.metadata
        return self._run.flights.wait_for(partial(row_fields, carried, context.settings, metadata))

    def _later_step(self, context: StreamContext) -> Step:
        return LinkLater(
            self._postponed[context.stream],
            self._shared.directory,
            context.client,
            self._run.flights,
            module=context.module.api_name,
            trigger=self._run.settings.trigger,
        )

    def _row_step(self, context: StreamContext, aside: Aside) -> Step:
        write = RowWriter(
            context.client,
            context.module.api_name,
            aside.shapes,
            remove_others=context.settings.replace_rows,
            trigger=self._run.settings.trigger,
        )
        # With a journal an insert may be one that an earlier run made, rows and all.
        job_of = job_from(aside, may_be_new=self._run.settings.journal_path is None)
        return WriteRows(job_of, write, self._run.flights)

    def _tag_step(self, context: StreamContext) -> Step:
        return AddTags(
            context.client, self._run.flights, module=context.module.api_name, tags=context.settings.tags
        )

    def _keeps_keys(self, context: StreamContext) -> bool:
        return self._shared.id_map.kept_between_runs or context.settings.ids == "source"

    def _is_there(self, context: StreamContext) -> Callable[[Prepared], bool]:
        """Where keys are kept, a record without an id was deleted since it was written, or never was."""
        if not self._keeps_keys(context):
            return lambda _record: True
        id_map, key_of = self._shared.id_map, _key_of(context)

        def is_there(record: Prepared) -> bool:
            key = key_of(record)
            return key is None or id_map.of_stream(record.stream, key) is not None

        return is_there

    def _what_writes_depend_on(self, context: StreamContext) -> Mapping[str, object]:
        settings = context.settings
        return {
            "operation": settings.operation,
            "duplicate_check_fields": settings.duplicate_check_fields,
            "external_key": settings.external_key,
            "ids": settings.ids,
            "null_values": self._run.settings.null_values,
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

    def slot_of(record: Prepared) -> Slot | None:
        key = key_of(record) if by_source or not record.locks else "=".join(record.locks[0])
        return None if key is None else Slot(stream, module, key)

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
