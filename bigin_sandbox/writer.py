"""Writes records one by one as Bigin does: checked, unique, with its automation.

    writer = writer_of(call, "Contacts")
    written = writer.insert(sent, "$.data[0]")      or RecordRefused, and then nothing is written
    writer.entries(written)                         [{"code": "SUCCESS", "details": {…}, …}]

Used by every endpoint that creates or changes records. Source: FACTS 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bigin_sandbox.clock import from_text
from bigin_sandbox.control.automation import Automation
from bigin_sandbox.render import Renderer
from bigin_sandbox.rules.values.ids import id_given
from bigin_sandbox.rules.writing.drafts import Draft, is_locked
from bigin_sandbox.rules.writing.duplicates import check_unique, duplicate_data, match
from bigin_sandbox.rules.writing.recurrence import occurrences
from bigin_sandbox.rules.writing.refused import RecordRefused, not_approved, record_locked, unknown_id
from bigin_sandbox.rules.writing.validation import accepted, settled
from bigin_sandbox.rules.writing.write_options import WriteOptions, write_options

if TYPE_CHECKING:
    from bigin_sandbox.http.calls import ApiCall, Context
    from bigin_sandbox.storage.store import Record

MESSAGES = {"insert": "record added", "update": "record updated"}


@dataclass(frozen=True)
class Written:
    """What became of one sent record: the records stored (several where it recurs), and how."""

    records: list[Record]
    operation: str  # "insert" or "update"
    duplicate_field: str | None = None


def writer_of(call: ApiCall, module: str) -> Writer:
    """The writer for a call, as its body and headers say."""
    return Writer(call.context, call.user, module, write_options(call))


class Writer:
    """Writes the records of one call to one module, for one user."""

    def __init__(self, context: Context, user: Record, module: str, options: WriteOptions) -> None:
        self._store = context.store
        self._user = user
        self._module = module
        self._options = options
        self._automation = context.part(Automation)
        self._renderer = Renderer(context.store, zone=user["time_zone"])
        self._inserted: set[str] = set()

    def insert(self, sent: Record, path: str) -> Written:
        """A new record, or one for each occurrence. Raises RecordRefused, and then nothing is written."""
        draft = Draft(self._store, self._module, self._user, sent, path)
        values = accepted(draft)
        check_unique(self._store, self._module, values, path=path)
        dated = occurrences(self._module, values, path=path)
        records = [self._insert(settled(draft, each)) for each in dated]
        return Written(records, "insert")

    def update(self, given: Any, sent: Record, path: str) -> Written:
        """A merge into an existing record. Raises RecordRefused, also for what is no id of the module."""
        record_id = id_given(given) or ""
        existing = self._store.get(self._module, record_id)
        if existing is None:
            raise unknown_id(path)
        if is_locked(existing):
            raise record_locked(path)
        if self._store.is_under_approval(record_id):
            raise not_approved(path)
        self._check_unmodified(existing)
        draft = Draft(self._store, self._module, self._user, sent, path, existing)
        values = accepted(draft)
        check_unique(self._store, self._module, values, path=path, record_id=record_id)
        changes = settled(draft, values)
        record = self._store.update(self._module, record_id, changes, user_id=self._user["id"])
        self._automation.fire(self._module, "update", self._options.triggers)
        return Written([record or existing], "update")

    def upsert(self, sent: Record, path: str, *, named: Sequence[str] | None) -> Written:
        """An update of the record meant, by its id or by the check fields; else an insert."""
        if sent.get("id") is not None:
            return self.update(sent["id"], sent, path)
        meant = match(self._store, self._module, sent, named=named, path=path)
        if meant is None:
            written = self.insert(sent, path)
            self._inserted.update(record["id"] for record in written.records)
            return written
        if meant.record_id in self._inserted:  # the same key twice in a call, new to Bigin: FACTS 5
            raise duplicate_data(self._store, self._module, meant.field, [meant.record_id], path=path)
        written = self.update(meant.record_id, sent, path)
        return Written(written.records, "update", meant.field)

    def entries(self, written: Written, **more: Any) -> list[Record]:
        """The entries of the answer; `more` stands between code and details."""
        return [
            success_entry(MESSAGES[written.operation], self._details(written, record), **more)
            for record in written.records
        ]

    def _details(self, written: Written, record: Record) -> Record:
        """What is told of a written record; of a new product also that it is approved (write.md 1)."""
        details = details_of(self._renderer, record)
        if (self._module, written.operation) == ("Products", "insert"):
            details["$approval_state"] = "approved"
        return details

    def _insert(self, values: Record) -> Record:
        record = self._store.insert(self._module, values, user_id=self._user["id"])
        self._automation.fire(self._module, "insert", self._options.triggers)
        return record

    def _check_unmodified(self, existing: Record) -> None:
        """If-Unmodified-Since: 412 ALREADY_MODIFIED (write.md 2, 4)."""
        since = self._options.unmodified_since
        if since is not None and from_text(existing["Modified_Time"]) > since:
            message = "record updated time has already passed if-unmodified-since time"
            raise RecordRefused("ALREADY_MODIFIED", message, **details_of(self._renderer, existing))


def details_of(renderer: Renderer, record: Record) -> Record:
    """The `details` of a written record: times in the user's offset, users without e-mail."""
    return {
        "Modified_Time": renderer.instant(record["Modified_Time"]),
        "Modified_By": renderer.user(record["Modified_By"], with_email=False),
        "Created_Time": renderer.instant(record["Created_Time"]),
        "id": record["id"],
        "Created_By": renderer.user(record["Created_By"], with_email=False),
    }


def success_entry(message: str, details: Record, **more: Any) -> Record:
    """One entry of `data` in the key order of live answers."""
    return {"code": "SUCCESS", **more, "details": details, "message": message, "status": "success"}
