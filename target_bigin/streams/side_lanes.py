"""Streams that are no module: what was deleted, and rows that belong to other records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from bigin_api import Metadata, Module
from target_bigin.files.fingerprints import Slot
from target_bigin.links.references import Link
from target_bigin.links.resolver import LinkRecords
from target_bigin.records.record import Prepared
from target_bigin.rows.fields import RowField, row_fields
from target_bigin.rows.related_list import WriteLinks
from target_bigin.rows.writer import RowJob, RowWriter, WriteRows
from target_bigin.schema.matching import find_module
from target_bigin.settings import StreamSettings
from target_bigin.streams.deleted_records import DELETED_RECORDS, DeletedRecordsLane
from target_bigin.streams.row_stream import (
    LINK_LISTS,
    PARENT,
    PARENT_ID,
    RowLane,
    RowPlace,
    find_row_place,
    parent_relation,
)
from target_bigin.streams.shared import Shared
from target_bigin.streams.steps import Step
from target_bigin.streams.stream import SideLane
from target_bigin.values.objects import lookup
from target_bigin.writing.unchanged import RememberWritten

Fail = Callable[[BaseException], None]

LINKED = "$linked"  # the only column of a row that is a link and nothing else


def side_lane(
    shared: Shared, stream: str, settings: StreamSettings, modules: Sequence[Module], *, fail: Fail
) -> SideLane | None:
    """The lane of a stream that is no module, None for one that is or for one that is neither."""
    if find_module(settings.module, modules) is not None:
        return None
    if stream == DELETED_RECORDS:
        return DeletedRecordsLane(shared.run, shared.id_map, stream, settings, fail=fail)
    metadata = shared.run.client.metadata
    place = shared.run.flights.wait_for(partial(find_row_place, settings.module, modules, metadata.fields))
    return _row_lane(shared, stream, settings, place, fail=fail) if place else None


def _row_lane(
    shared: Shared, stream: str, settings: StreamSettings, place: RowPlace, *, fail: Fail
) -> SideLane:
    run = shared.run
    run.ledger.account(stream).module = place.shown
    shape = run.flights.wait_for(partial(_shape, place, settings, run.client.metadata))
    slot_module = place.shown

    def slot_of(record: Prepared) -> Slot:
        return Slot(stream, slot_module, record.raw[PARENT_ID])

    under_way = shared.under_way(
        stream, slot_of, {"ids": settings.ids, "replace_rows": settings.replace_rows}
    )
    relations = {PARENT: parent_relation(place.module, settings), shape.name: shape.read}
    client = run.client.labelled(stream)
    steps: list[Step] = [
        LinkRecords(relations, shared.directory, client=client, names=lambda _record: ()),
        *shared.skipping(under_way),
    ]
    if not run.settings.dry_run:
        steps.append(_writing(shared, stream, settings, place, shape))
        steps.extend([RememberWritten(under_way)] if under_way else [])
    return RowLane(run, stream, shape, steps, fail=fail)


def _writing(shared: Shared, stream: str, settings: StreamSettings, place: RowPlace, shape: RowField) -> Step:
    run, name = shared.run, shape.name
    client = run.client.labelled(stream)
    if place.described is None:
        return WriteLinks(client, run.flights, module=place.module, related_list=name, column=shape.by)
    write = RowWriter(
        client,
        place.module,
        {name: shape},
        remove_others=settings.replace_rows,
        trigger=run.settings.trigger,
    )
    return WriteRows(lambda record: RowJob(str(record.id), {name: record.body[name]}), write, run.flights)


def _shape(place: RowPlace, settings: StreamSettings, metadata: Metadata) -> RowField:
    """How the rows are read. Costs 1 credit for the columns of a subform."""
    if place.described is not None:
        return row_fields({place.name: place.described}, settings, metadata)[place.name]
    by_source = settings.ids == "source"
    link = Link(LINKED, (LINK_LISTS[place.module, place.name],), by_source=by_source, must_be_there=True)
    convert = lookup(by_value=False, foreign_ids=by_source)
    return RowField(place.name, LINKED, {LINKED: convert}, {LINKED: link})
