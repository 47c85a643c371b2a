"""The own id of a record whose ids are another organisation's (``ids: source``), by the id map.

The source's key, not Bigin's, says which record is meant: what the id map knows is updated by the id
that it has here, what it does not know is made. So a copy may be repeated, whatever the module keeps
unique.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from target_bigin.records.record import Action, Record, Reject, Rejected

if TYPE_CHECKING:
    from target_bigin.files.id_map import IdMap
    from target_bigin.lookups.directory import Directory
    from target_bigin.records.account import Account
    from target_bigin.records.order import Order

KeyOf = Callable[[Record], "str | None"]
"""A record's key in its source, None where it has none."""


class OwnIds:
    """Of one stream. ``matches_by``: its unique fields; any other would merge two records of one name."""

    def __init__(
        self, id_map: IdMap, order: Order, *, key_of: KeyOf, matches_by: Collection[str], account: Account
    ) -> None:
        self._id_map = id_map
        self._order = order
        self._key_of = key_of
        self._matches_by = matches_by
        self._account = account

    async def find(self, record: Record) -> Action | None:
        """Decide what the record does here; how it ended if it ends by that. Raises Rejected.

        A record that is not known waits for an earlier one of the same key, which may be making it.
        """
        key = self._key_of(record)
        if key is None:
            raise Rejected(Reject("invalid", "KEY_MISSING", "no value in the stream's key properties."))
        record.id = self._id_map.of_stream(record.stream, key)
        if record.id is None:
            await self._order.turn(record)
            record.id = self._id_map.of_stream(record.stream, key)
        if record.id is not None:
            record.operation = "delete" if record.operation == "delete" else "update"
            return None
        return self._without_id(record)

    def _without_id(self, record: Record) -> Action | None:
        if record.operation == "delete":
            self._account.notes["deletions of records that were never copied"] += 1
            return "unchanged"
        if record.operation == "update":
            message = "no record was copied from the source under this key."
            raise Rejected(Reject("unmatched", "KEY_NOT_FOUND", message))
        if all(record.body.get(name) is None for name in self._matches_by):
            record.operation = "insert"
        return None


class Publisher:
    """Makes written records of one stream known: to the id map, and to the records that wait for them."""

    def __init__(self, directory: Directory, *, module: str, key_of: KeyOf, keeps_keys: bool) -> None:
        self._directory = directory
        self._module = module
        self._key_of = key_of
        self._keeps_keys = keeps_keys

    def publish(self, record: Record, action: Action) -> None:
        """Tell everybody."""
        if not self._keeps_keys and not self._directory.is_asked:
            return
        key = self._key_of(record) if self._keeps_keys else None
        if action != "deleted":
            self._directory.publish(record, module=self._module, source_key=key)
        elif key is not None:
            self._directory.id_map.forget(record.stream, key)
