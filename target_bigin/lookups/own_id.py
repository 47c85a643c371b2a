"""Steps of a stream whose ids are another organisation's (``ids: source``), and of the id map.

The source's key, not Bigin's, says which record is meant: what the id map knows is updated by the id
that it has here, what it does not know is made. So a copy may be repeated, whatever the module keeps
unique.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from target_bigin.records.record import Prepared, Reject
from target_bigin.streams.steps import Step

if TYPE_CHECKING:
    from target_bigin.files.id_map import IdMap
    from target_bigin.lookups.directory import Directory
    from target_bigin.records.ledger import Account

KeyOf = Callable[[Prepared], "str | None"]
"""A record's key in its source, None where it has none."""


class MapOwnIds(Step):
    """Gives each record the id that it has in Bigin. Waits for an earlier record of the same key."""

    def __init__(
        self,
        id_map: IdMap,
        *,
        stream: str,
        key_of: KeyOf,
        matches_by: Collection[str],
        account: Account,
    ) -> None:
        self._id_map = id_map
        self._stream = stream
        self._key_of = key_of
        self._matches_by = matches_by  # unique fields; any other would merge two records of one name
        self._account = account
        self._held: dict[int, Prepared] = {}

    def take(self, record: Prepared) -> bool:
        """Decide what the record does here."""
        key = self._key_of(record)
        if key is None:
            self.refuse(record, Reject("invalid", "KEY_MISSING", "no value in the stream's key properties."))
            return False
        record.id = self._id_map.of_stream(self._stream, key)
        if record.id is not None:
            record.operation = "delete" if record.operation == "delete" else "update"
            return True
        if record.queue is not None and not record.queue.is_first(record):
            self._held[record.number] = record  # the one before it may be making it
            return False
        return self._without_id(record)

    def freed(self, record: Prepared) -> None:
        """The records before it have ended."""
        if self._held.pop(record.number, None) and self.take(record):
            self.go_on(record)

    def _without_id(self, record: Prepared) -> bool:
        if record.operation == "delete":
            self._account.notes["deletions of records that were never copied"] += 1
            self.settle(record, "unchanged")
        elif record.operation == "update":
            message = "no record was copied from the source under this key."
            self.refuse(record, Reject("unmatched", "KEY_NOT_FOUND", message))
        elif all(record.body.get(name) is None for name in self._matches_by):
            record.operation = "insert"
        return record.operation in ("insert", "upsert")


class Introduce(Step):
    """Makes a written record known: to the id map, and to the records that wait for it."""

    def __init__(self, directory: Directory, *, module: str, key_of: KeyOf, keeps_keys: bool) -> None:
        self._directory = directory
        self._module = module
        self._key_of = key_of
        self._keeps_keys = keeps_keys

    def take(self, record: Prepared) -> bool:
        """Tell everybody."""
        if not self._keeps_keys and not self._directory.is_asked:
            return True
        key = self._key_of(record) if self._keeps_keys else None
        if record.action != "deleted":
            self._directory.introduce(record, module=self._module, source_key=key)
        elif key is not None:
            self._directory.id_map.forget(record.stream, key)
        return True

    def tick(self, *, flush: bool) -> None:
        """What was written must survive a kill."""
        del flush
        self._directory.id_map.flush()
