"""The stream of what was deleted, as tap-bigin gives it: each entry deletes that record of that module.

Entries are held until the input has ended and are counted by module, for the brake on deletions. With
``ids: source`` they name records of another organisation: what was never copied is not touched.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING

from bigin_api import BiginError, InvalidRequest, ModuleUnavailable, PermissionDenied, WriteResult
from bigin_api.limits import MAX_RECORDS_PER_WRITE
from target_bigin.deletions.brake import may_delete, too_many
from target_bigin.records.record import Prepared, Record, Reject
from target_bigin.streams.stream import SideLane
from target_bigin.values.objects import is_id
from target_bigin.writing.results import is_gone, refusal

if TYPE_CHECKING:
    from target_bigin.files.id_map import IdMap
    from target_bigin.schema.context import Run
    from target_bigin.settings import StreamSettings

logger = logging.getLogger("target-bigin")

DELETED_RECORDS = "deleted_records"


class DeletedRecordsLane(SideLane):
    """Main thread alone. Deletes nothing unless ``deletes`` or the stream's operation says so."""

    def __init__(
        self,
        run: Run,
        id_map: IdMap,
        stream: str,
        settings: StreamSettings,
        *,
        fail: Callable[[BaseException], None],
    ) -> None:
        self._run = run
        self._ledger = run.ledger
        self._client = run.client.labelled(stream)
        self._id_map = id_map
        self._stream = stream
        self._settings = settings
        self._fail = fail
        self._account = run.ledger.account(stream)
        self._is_asked_for = run.settings.deletes == "delete" or settings.operation == "delete"
        self._held: defaultdict[str, list[Prepared]] = defaultdict(list)

    def take(self, raw: Record) -> None:
        """Hold it back; whether it may go is decided when all of them are known."""
        record = Prepared(self._ledger.read(self._account), self._stream, raw, operation="delete")
        module = raw.get("module")
        if not isinstance(module, str) or not is_id(raw.get("id")):
            self._ledger.reject(
                record,
                Reject("invalid", "NOT_AN_ID", "an entry names a module and the id of a record.", "id"),
            )
        elif not self._is_asked_for:
            self._account.notes["deletions ignored (deletes: ignore)"] += 1
            self._ledger.settle(record, "unchanged")
        else:
            self._held[module].append(record)

    def finish(self) -> None:
        """Count each module, then delete or refuse."""
        held, self._held = self._held, defaultdict(list)
        for module, records in held.items():
            known = [record for record in records if self._recognise(module, record)]
            if known and self._run.settings.dry_run:
                self._settle(known)
            elif known:
                self._run.flights.start(
                    partial(self._client.records.count, module), partial(self._counted, module, known)
                )

    def _recognise(self, module: str, record: Prepared) -> bool:
        """Whether the record is known here; if not, it has ended."""
        own = str(record.raw["id"])
        if self._settings.ids == "bigin":
            record.id = own
            return True
        found = self._id_map.find(own, module=module)
        if len(found) == 1:
            record.id = found[0].id
            return True
        if found:
            message = f"{len(found)} records of {module} were made from {own}."
            self._ledger.reject(record, Reject("unmatched", "SEVERAL_FOUND", message, "id"))
        else:
            self._account.notes["deletions of records that were never copied"] += 1
            self._ledger.settle(record, "unchanged")
        return False

    def _counted(self, module: str, records: Sequence[Prepared], future: Future[int]) -> None:
        try:
            there = future.result()
        except (PermissionDenied, ModuleUnavailable, InvalidRequest) as error:
            self._reject(records, Reject("rejected", error.code or "NO_COUNT", error.message))
            return
        except BiginError as error:
            self._fail(error)
            return
        deletions = len({record.id for record in records})
        if not self._settings.allow_mass_delete and not may_delete(deletions, there):
            reject = too_many(self._stream, module, deletions, there)
            logger.error("%s", reject.message)
            self._reject(records, reject)
            return
        for start in range(0, len(records), MAX_RECORDS_PER_WRITE):
            self._delete(module, records[start : start + MAX_RECORDS_PER_WRITE])

    def _delete(self, module: str, records: Sequence[Prepared]) -> None:
        ids = list(dict.fromkeys(str(record.id) for record in records))
        fire = bool(self._run.settings.trigger)
        call: Callable[[], list[WriteResult]] = partial(
            self._client.records.delete, module, ids, fire_workflows=fire
        )
        self._run.flights.start(call, partial(self._deleted, records, ids))

    def _deleted(
        self, records: Sequence[Prepared], ids: Sequence[str], future: Future[list[WriteResult]]
    ) -> None:
        try:
            results = dict(zip(ids, future.result(), strict=False))
        except (PermissionDenied, ModuleUnavailable, InvalidRequest) as error:
            self._reject(records, Reject("rejected", error.code or type(error).__name__, error.message))
            return
        except BiginError as error:
            self._fail(error)
            return
        for record in records:
            result = results[str(record.id)]
            if result.succeeded or is_gone("delete", result):
                self._settle([record])
            else:
                self._ledger.reject(record, refusal("delete", result))

    def _settle(self, records: Sequence[Prepared]) -> None:
        for record in records:
            if self._settings.ids == "source":
                self._id_map.forget_key(str(record.raw["id"]), module=str(record.raw["module"]))
            self._ledger.settle(record, "deleted")

    def _reject(self, records: Sequence[Prepared], reject: Reject) -> None:
        for record in records:
            self._ledger.reject(record, reject)
