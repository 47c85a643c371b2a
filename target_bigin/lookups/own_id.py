"""Which record of the source is which record here, by the id map.

Where the ids of a stream are another organisation's (``ids: source``) the source's key, not Bigin's, says
which record is meant: what the id map knows is updated by the id that it has here, what it does not know
is made. So a copy may be repeated, whatever the module keeps unique.
"""

from __future__ import annotations

from target_bigin.lookups.directory import Directory
from target_bigin.records.order import Order
from target_bigin.records.record import Action, Record, Reject
from target_bigin.schema.context import StreamContext
from target_bigin.schema.keys import own_key, unique_fields


class SourceKeys:
    """Of one stream, with the id map and the directory of the run."""

    def __init__(self, context: StreamContext, directory: Directory, order: Order) -> None:
        self._context = context
        self._module = context.module.api_name
        self._account = context.account
        self._directory = directory
        self._id_map = directory.id_map
        self._order = order
        unique = unique_fields(self._module, context.fields)
        matched = context.settings.duplicate_check_fields or own_key(self._module, context.fields)
        # A deal's name is a check field and not unique: upserts by it would merge two deals into one.
        self._matches_by = matched if all(each in unique for each in matched) else ()
        self._are_ids_foreign = context.settings.ids == "source"
        self._keeps_keys = self._are_ids_foreign or self._id_map.kept_between_runs

    async def find_id(self, record: Record) -> Action | None:
        """Decide what the record does here; how it ended if it ends by that. Raises Reject.

        A record that is not known waits for an earlier one of the same key, which may be making it.
        """
        if not self._are_ids_foreign:
            return None
        key = self._context.source_key(record.raw)
        if key is None:
            raise Reject("invalid", "KEY_MISSING", "no value in the stream's key properties.")
        record.id = self._id_map.of_stream(record.stream, self._module, key)
        if record.id is None:
            await self._order.turn(record)
            record.id = self._id_map.of_stream(record.stream, self._module, key)
        if record.id is None:
            return self._without_id(record)
        if record.operation != "delete":
            record.operation = "update"
        return None

    def is_there(self, record: Record) -> bool:
        """Where keys are kept, a record without an id was deleted since it was written, or never was."""
        key = self._context.source_key(record.raw) if self._keeps_keys else None
        return key is None or self._id_map.of_stream(record.stream, self._module, key) is not None

    def publish(self, record: Record, action: Action) -> None:
        """A record was written: tell the id map, and the records that wait for it."""
        if not self._keeps_keys and not self._directory.is_asked:
            return
        key = self._context.source_key(record.raw) if self._keeps_keys else None
        if action != "deleted":
            self._directory.publish(record, module=self._module, source_key=key)
        elif key is not None:
            self._id_map.forget(record.stream, self._module, key)

    def _without_id(self, record: Record) -> Action | None:
        if record.operation == "delete":
            self._account.notes["deletions of records that were never copied"] += 1
            return "unchanged"
        if record.operation == "update":
            message = "no record was copied from the source under this key."
            raise Reject("unmatched", "KEY_NOT_FOUND", message)
        if all(record.body.get(name) is None for name in self._matches_by):
            record.operation = "insert"
        return None
