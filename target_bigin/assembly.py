"""Which steps stand on a stream's way, in order, and which writer at its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from bigin_api import PermissionDenied, SettingsError
from target_bigin.batching import Queue
from target_bigin.deletes import BrakeDeletions
from target_bigin.id_map import IdMap, source_key
from target_bigin.keys import KeyPlan, own_key, unique_fields
from target_bigin.linking import LinkRecords
from target_bigin.lookups import Directory, Place
from target_bigin.passage import Prepared
from target_bigin.references import modules_of
from target_bigin.relations import relations_of
from target_bigin.row_writing import Aside, RowWriter, SetRowsAside, WriteRows
from target_bigin.rows import RowField, row_fields, row_relations
from target_bigin.run import Run, StreamContext
from target_bigin.skipping import CompareAlone, RememberWritten, SkipUnchanged, SlotOf, UnderWay
from target_bigin.source_ids import Introduce, KeyOf, MapOwnIds
from target_bigin.steps import Step
from target_bigin.tags import AddTags
from target_bigin.unchanged import Slot, Written
from target_bigin.versions import DeleteOldVersions
from target_bigin.writing import MakeWriter

USER_TYPES = ("ownerlookup", "userlookup")


class Assembly:
    """Made once a run: holds what streams share (directory, id map, cache) and builds their steps."""

    def __init__(self, run: Run) -> None:
        settings = run.settings
        self._run = run
        self._id_map = IdMap(settings.id_map_path, read_only=settings.dry_run)
        self._directory = Directory(
            run.client, run.flights, self._id_map, trigger=settings.trigger, dry_run=settings.dry_run
        )
        self._cache = Written(settings.unchanged_cache_path) if settings.unchanged_cache_path else None
        self._asides: dict[str, Aside] = {}  # by stream, as the next one
        self._under_way: dict[str, UnderWay] = {}

    def before(self, context: StreamContext, *, finding: Sequence[Step]) -> list[Step]:
        """Own ids, links, ``finding`` (ids by key), the brake on deletes, what is unchanged, rows aside."""
        shapes = self._row_fields(context)
        aside = self._asides[context.stream] = Aside(shapes)
        under_way = self._cached(context)
        return [
            *self._deleting(context),
            *self._owning(context),
            self._linking(context, shapes),
            *finding,
            *self._braking(context),
            *self._skipping(under_way),
            *([SetRowsAside(aside)] if shapes else []),
        ]

    def after(self, context: StreamContext, *, remembering: Sequence[Step]) -> list[Step]:
        """The record is made known, ``remembering`` (ids by key), then rows, tags, what was written."""
        settings, dry_run = context.settings, self._run.settings.dry_run
        introduce = Introduce(
            self._directory,
            module=context.module.api_name,
            key_of=_key_of(context),
            keeps_keys=self._id_map.kept_between_runs or settings.ids == "source",
        )
        if dry_run:
            return [introduce, *remembering]
        aside, under_way = self._asides[context.stream], self._under_way.get(context.stream)
        return [
            introduce,
            *remembering,
            *([self._row_step(context, aside)] if aside.shapes else []),
            *([self._tag_step(context)] if settings.tags else []),
            *([RememberWritten(under_way)] if under_way else []),
        ]

    def writer(self, context: StreamContext, queue: Queue, key: KeyPlan, records: MakeWriter) -> MakeWriter:
        """The writer of a stream: ``records``, or one of bulk jobs that stands before it."""
        del context, queue, key
        return records

    def save(self) -> None:
        """A STATE is about to go out: what it covers must be on disk."""
        self._id_map.flush()
        if self._cache is not None:
            self._cache.commit()

    def close(self, *, in_good_order: bool) -> None:
        """The run has ended: what was settled is kept, whatever ended it."""
        del in_good_order
        self._id_map.close()
        if self._cache is not None:
            self._cache.close()

    def _owning(self, context: StreamContext) -> Iterator[Step]:
        settings = context.settings
        if settings.ids != "source":
            return
        name, fields = context.module.api_name, context.fields
        unique = unique_fields(name, fields)
        matched = settings.duplicate_check_fields or own_key(name, fields)
        yield MapOwnIds(
            self._id_map,
            stream=context.stream,
            key_of=_key_of(context),
            # A deal's name is a check field and not unique: upserts by it would merge two deals into one.
            matches_by=matched if all(each in unique for each in matched) else (),
            account=context.account,
        )

    def _linking(self, context: StreamContext, shapes: Mapping[str, RowField]) -> Step:
        metadata = self._run.client.metadata
        for module, name in _places(context, shapes):
            self._run.flights.wait_for(partial(metadata.fields, module))
            self._directory.prepare(module, name, client=context.client)
        relations = {**relations_of(context.fields, context.settings), **row_relations(shapes)}
        key_of, module = _key_of(context), context.module.api_name
        return LinkRecords(
            relations,
            self._directory,
            client=context.client,
            names=lambda record: self._directory.names(record, module=module, source_key=key_of(record)),
        )

    def _deleting(self, context: StreamContext) -> Iterator[Step]:
        settings = self._run.settings
        if settings.deletes == "delete" and not settings.dry_run:
            yield DeleteOldVersions(context, self._id_map, _key_of(context))

    def _braking(self, context: StreamContext) -> Iterator[Step]:
        may_delete = self._run.settings.deletes == "delete" or context.settings.operation == "delete"
        if may_delete and not context.settings.allow_mass_delete:
            yield BrakeDeletions(
                context.client, self._run.flights, stream=context.stream, module=context.module.api_name
            )

    def _row_fields(self, context: StreamContext) -> dict[str, RowField]:
        carried = {name: context.fields[name] for name in context.matched.values() if name in context.fields}
        metadata = self._run.client.metadata
        return self._run.flights.wait_for(partial(row_fields, carried, context.settings, metadata))

    def _skipping(self, under_way: UnderWay | None) -> Iterator[Step]:
        if under_way is not None:
            yield CompareAlone(under_way) if self._run.settings.dry_run else SkipUnchanged(under_way)

    def _row_step(self, context: StreamContext, aside: Aside) -> Step:
        write = RowWriter(
            context.client,
            context.module.api_name,
            aside.shapes,
            remove_others=context.settings.replace_rows,
            trigger=self._run.settings.trigger,
        )
        # With a journal an insert may be one that an earlier run made, rows and all.
        may_be_new = self._run.settings.journal_path is None
        return WriteRows(aside, write, self._run.flights, may_be_new=may_be_new)

    def _tag_step(self, context: StreamContext) -> Step:
        return AddTags(
            context.client, self._run.flights, module=context.module.api_name, tags=context.settings.tags
        )

    def _cached(self, context: StreamContext) -> UnderWay | None:
        if self._cache is None:
            return None
        settings, stream = context.settings, context.stream
        self._cache.use(
            stream,
            {
                "organisation": self._organisation(),
                "operation": settings.operation,
                "duplicate_check_fields": settings.duplicate_check_fields,
                "external_key": settings.external_key,
                "ids": settings.ids,
                "null_values": self._run.settings.null_values,
                "tags": settings.tags,
                "replace_rows": settings.replace_rows,
            },
        )
        under_way = self._under_way.get(stream)
        if under_way is None:
            under_way = self._under_way[stream] = UnderWay(
                self._cache, _slot_of(context), settled_up_to=lambda: self._run.ledger.settled_up_to
            )
        return under_way

    def _organisation(self) -> str:
        """Which one it is: a cache of another must not count. Costs 1 credit, once a run."""
        try:
            return self._run.flights.wait_for(self._run.client.organization.zgid)
        except PermissionDenied:
            return ""  # the token may not ask; the ids in the records still tell organisations apart


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
