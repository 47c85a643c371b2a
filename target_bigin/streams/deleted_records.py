"""The stream of what was deleted, as tap-bigin gives it: each entry deletes that record of that module.

Entries are held until the input has ended and are counted by module, for the brake on deletions. With
``ids: source`` they name records of another organisation: what was never copied is not touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from bigin_api import WriteResult
from bigin_api.errors import Refused
from bigin_api.limits import MAX_RECORDS_PER_WRITE
from target_bigin.concurrency.batcher import Batcher
from target_bigin.concurrency.tasks import Wait
from target_bigin.deletions.brake import Brakes
from target_bigin.records.ledger import Ledger
from target_bigin.records.record import Action, Fields, Record, Reject, Rejected
from target_bigin.streams.stream import Stream
from target_bigin.values.objects import is_id
from target_bigin.writing.results import is_gone, refusal

if TYPE_CHECKING:
    from target_bigin.files.id_map import IdMap
    from target_bigin.schema.context import Run
    from target_bigin.settings import StreamSettings

DELETED_RECORDS = "deleted_records"
RESTORED = "restored"  # the type of an entry that left the recycle bin: the record is back


class DeletedRecordsStream(Stream):
    """Main thread alone. Deletes nothing unless ``deletes`` or the stream's operation says so."""

    def __init__(
        self,
        run: Run,
        ledger: Ledger,
        id_map: IdMap,
        brakes: Brakes,
        *,
        stream: str,
        settings: StreamSettings,
    ) -> None:
        self._run = run
        self._ledger = ledger
        self._brakes = brakes
        self._client = run.client.labelled(stream)
        self._id_map = id_map
        self._stream = stream
        self._settings = settings
        self._account = ledger.account(stream)
        self._is_asked_for = run.settings.deletes == "delete" or settings.operation == "delete"
        self._held: Wait[None] = Wait(run.tasks)
        self._calls: dict[str, Batcher[str, None, WriteResult]] = {}  # by module

    def take(self, raw: Fields) -> None:
        """Hold it back; whether it may go is decided when all of them are known."""
        record = Record(self._ledger.read(self._account), self._stream, raw, operation="delete")
        self._run.tasks.create_task(self._settle(record))

    async def _settle(self, record: Record) -> None:
        """The one place where an entry ends."""
        try:
            outcome: Action | Reject = await self._delete(record)
        except Rejected as rejected:
            outcome = rejected.reject
        except Refused as error:
            outcome = Reject("rejected", error.code or type(error).__name__, error.message)
        self._ledger.end(record, outcome)

    async def _delete(self, record: Record) -> Action:
        """An entry's way, top to bottom. Raises Rejected."""
        module, own = record.raw.get("module"), record.raw.get("id")
        if not isinstance(module, str) or not is_id(own):
            message = "an entry names a module and the id of a record."
            raise Rejected(Reject("invalid", "NOT_AN_ID", message, "id"))
        if record.raw.get("type") == RESTORED:
            self._account.notes["restored, so nothing to delete"] += 1
            return "unchanged"
        if not self._is_asked_for:
            self._account.notes["deletions ignored (deletes: ignore)"] += 1
            return "unchanged"
        await self._held  # what is copied until the end is known then
        record.id = self._recognise(module, str(own))
        if record.id is None:
            self._account.notes["deletions of records that were never copied"] += 1
            return "unchanged"
        if not self._run.settings.dry_run:
            if not self._settings.allow_mass_delete:
                await self._brakes.allow(record, module)
            result = await self._calls_of(module).ask(record.id, None)
            if not result.succeeded and not is_gone("delete", result):
                raise Rejected(refusal("delete", result))
        if self._settings.ids == "source":
            self._id_map.forget_key(str(own), module=module)
        return "deleted"

    def _recognise(self, module: str, own: str) -> str | None:
        """The id that the record has here, None if it was never copied. Raises Rejected."""
        if self._settings.ids == "bigin":
            return own
        found = self._id_map.find(own, module=module)
        if len(found) > 1:
            message = f"{len(found)} records of {module} were made from {own}."
            raise Rejected(Reject("unmatched", "SEVERAL_FOUND", message, "id"))
        return found[0].id if found else None

    def _calls_of(self, module: str) -> Batcher[str, None, WriteResult]:
        if module not in self._calls:
            call = partial(self._call, module)
            self._calls[module] = Batcher(self._run.tasks, call, size=MAX_RECORDS_PER_WRITE)
        return self._calls[module]

    def _call(self, module: str, ids: Mapping[str, None]) -> Mapping[str, WriteResult]:
        """In a thread."""
        fire = bool(self._run.settings.trigger)
        results = self._client.records.delete(module, list(ids), fire_workflows=fire)
        return dict(zip(ids, results, strict=False))

    def finish(self) -> None:
        """Count each module, then delete or refuse."""
        held, self._held = self._held, Wait(self._run.tasks)
        held.set_result(None)

    def complete(self) -> None:
        """Send the deletions that were allowed."""
        for calls in self._calls.values():
            calls.flush()
