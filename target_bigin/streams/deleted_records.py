"""The stream of what was deleted, as tap-bigin gives it: each entry deletes that record of that module.

Entries are held until the input has ended and are counted by module, for the brake on deletions. With
``ids: source`` they name records of another organisation: what was never copied is not touched.
"""

from __future__ import annotations

from bigin_api import WriteResult
from target_bigin.concurrency.batcher import Batcher
from target_bigin.concurrency.tasks import Wait
from target_bigin.deletions.calls import deletions_of
from target_bigin.records.account import Account
from target_bigin.records.record import Action, Record, Reject
from target_bigin.settings import StreamSettings
from target_bigin.streams.shared import Shared
from target_bigin.streams.stream import Stream
from target_bigin.values.objects import as_id
from target_bigin.writing.results import is_gone, refusal

DELETED_RECORDS = "deleted_records"
RESTORED = "restored"  # the type of an entry that left the recycle bin: the record is back


class DeletedRecordsStream(Stream):
    """Main thread alone. Deletes nothing unless ``deletes`` or the stream's operation says so."""

    def __init__(self, account: Account, shared: Shared, settings: StreamSettings) -> None:
        super().__init__(account, shared)
        self._run = shared.run
        self._brakes = shared.brakes
        self._client = shared.run.client.labelled(account.stream)
        self._id_map = shared.id_map
        self._settings = settings
        self._is_asked_for = "delete" in (self._run.settings.deletes, settings.operation)
        self._held: Wait[None] = Wait(self._tasks)
        self._calls: dict[str, Batcher[str, None, WriteResult]] = {}  # by module

    async def _write(self, record: Record) -> Action:
        """An entry's way, top to bottom. Whether it may go is decided when all of them are known."""
        record.operation = "delete"
        module, own = record.raw.get("module"), as_id(record.raw.get("id"))
        if not isinstance(module, str) or own is None:
            message = "an entry names a module and the id of a record."
            raise Reject("invalid", "NOT_AN_ID", message, "id")
        if str(record.raw.get("type")).strip().lower() == RESTORED:
            self._account.notes["restored, so nothing to delete"] += 1
            return "unchanged"
        if not self._is_asked_for:
            self._account.notes["deletions ignored (deletes: ignore)"] += 1
            return "unchanged"
        await self._held  # what is copied until the end is known then
        record.id = self._recognise(module, own)
        if record.id is None:
            self._account.notes["deletions of records that were never copied"] += 1
            return "unchanged"
        if not self._settings.allow_mass_delete:
            await self._brakes.allow(record, module)
        result = await self._calls_of(module).ask(record.id, None)
        if not result.succeeded and not is_gone("delete", result):
            raise refusal("delete", result)
        if self._settings.ids == "source":
            self._id_map.forget_key(own, module=module)
        return "deleted"

    def _recognise(self, module: str, own: str) -> str | None:
        """The id that the record has here, None if it was never copied. Raises Reject."""
        if self._settings.ids == "bigin":
            return own
        found = self._id_map.find(own, module=module)
        if len(found) > 1:
            message = f"{len(found)} records of {module} were made from {own}."
            raise Reject("unmatched", "SEVERAL_FOUND", message, "id")
        return found[0].id if found else None

    def _calls_of(self, module: str) -> Batcher[str, None, WriteResult]:
        if module not in self._calls:
            self._calls[module] = deletions_of(module, self._client, self._run)
        return self._calls[module]

    def finish(self) -> None:
        """Count each module, then delete or refuse."""
        held, self._held = self._held, Wait(self._tasks)
        held.set_result(None)

    def complete(self) -> None:
        """Send the deletions that were allowed."""
        for calls in self._calls.values():
            calls.flush()
