"""Ties between records that both go on without them: contacts and products. Source: write.md 8 (live).

Neither record is written: linking moves no Modified_Time of the contact (read.md 5.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bigin_sandbox.http.answers import Answer, Refusal, error_body, invalid_data
from bigin_sandbox.http.calls import ApiCall, Route
from bigin_sandbox.rules.access.permissions import require_module
from bigin_sandbox.rules.writing.batches import answer_of, entries_of, sent_ids, sent_records
from bigin_sandbox.rules.writing.refused import mandatory_not_found
from bigin_sandbox.storage.database import CONTACTS_PRODUCTS
from bigin_sandbox.writer import success_entry

if TYPE_CHECKING:
    from bigin_sandbox.storage.store import Record, Store

LINKED_MODULES = {"Contacts": "Products", "Products": "Contacts"}


@dataclass(frozen=True)
class Ties:
    """The ties of one contact to products, or of one product to contacts."""

    store: Store
    module: str
    record_id: str

    def add(self, related_id: str) -> Record:
        """One entry: "relation added", or "relation updated" where it was there."""
        if self.store.get(LINKED_MODULES[self.module], related_id) is None:
            return error_body("INVALID_DATA", "the related id given seems to be invalid", {"id": related_id})
        contact, product = self._ends(related_id)
        known = product in self.store.linked(CONTACTS_PRODUCTS, one=contact)
        self.store.link(CONTACTS_PRODUCTS, contact, product)
        return success_entry("relation updated" if known else "relation added", {"id": related_id})

    def remove(self, related_id: str) -> Record:
        """One entry: "relation removed"; what was not linked is an error."""
        if not self.store.unlink(CONTACTS_PRODUCTS, *self._ends(related_id)):
            return error_body("INVALID_DATA", "relation not found", {"id": related_id})
        return success_entry("relation removed", {"id": related_id})

    def _ends(self, related_id: str) -> tuple[str, str]:
        """The contact, then the product."""
        pair = (self.record_id, related_id)
        return pair if self.module == "Contacts" else (related_id, self.record_id)


def link_record(call: ApiCall) -> Answer:
    """`PUT /{module}/{id}/{related_list}/{related_id}`."""
    ties = _ties(call)
    with call.store.transaction():
        return answer_of([ties.add(call.path_params["related_id"])])


def link_records(call: ApiCall) -> Answer:
    """`PUT /{module}/{id}/{related_list}` with `{"data": [{"id"}, ...]}`."""
    ties = _ties(call)

    def add(sent: Record, path: str) -> list[Record]:
        if not sent.get("id"):
            raise mandatory_not_found("id", path)
        return [ties.add(str(sent["id"]))]

    with call.store.transaction():
        return answer_of(entries_of(sent_records(call), add))


def unlink_record(call: ApiCall) -> Answer:
    """`DELETE /{module}/{id}/{related_list}/{related_id}`: neither record is deleted."""
    ties = _ties(call)
    with call.store.transaction():
        return answer_of([ties.remove(call.path_params["related_id"])])


def unlink_records(call: ApiCall) -> Answer:
    """`DELETE /{module}/{id}/{related_list}?ids=`."""
    ties = _ties(call)
    with call.store.transaction():
        return answer_of([ties.remove(related_id) for related_id in sent_ids(call)])


def _ties(call: ApiCall) -> Ties:
    module, record_id = require_module(call, "Edit")["api_name"], call.path_params["id"]
    if LINKED_MODULES.get(module) != call.path_params["related_list"]:
        raise invalid_data("the relation name given seems to be invalid", resource_path_index=2)
    if call.store.get(module, record_id) is None:  # no 400, a server error: seen live
        raise Refusal(500, "INTERNAL_ERROR", "Internal Server Error")
    return Ties(call.store, module, record_id)


_SCOPES = ("ZohoBigin.modules.{module}.WRITE",)
ROUTES = [
    Route("PUT", "/{module}/{id}/{related_list}/{related_id}", link_record, scopes=_SCOPES),
    Route("PUT", "/{module}/{id}/{related_list}", link_records, scopes=_SCOPES),
    Route("DELETE", "/{module}/{id}/{related_list}/{related_id}", unlink_record, scopes=_SCOPES),
    Route("DELETE", "/{module}/{id}/{related_list}", unlink_records, scopes=_SCOPES),
]
