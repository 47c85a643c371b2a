"""A new owner for one record or for many. Source: FACTS 5 (owner), 6a (scope), 6b; write.md 9."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bigin_sandbox.http.answers import Answer, error_body, invalid_data, limit_exceeded
from bigin_sandbox.http.calls import ApiCall, Route
from bigin_sandbox.rules.access.permissions import require_module
from bigin_sandbox.rules.writing.batches import TOO_MANY, answer_of
from bigin_sandbox.writer import success_entry

if TYPE_CHECKING:
    from bigin_sandbox.storage.store import Record

MOST_RECORDS = 500  # write.md 9


def change_owner(call: ApiCall) -> Answer:
    """`POST /{module}/{id}/actions/change_owner {"owner": {"id"}, "notify"}`."""
    return _change_all(call, [call.path_params["id"]])


def change_owners(call: ApiCall) -> Answer:
    """`POST /{module}/actions/change_owner {"ids": [...], "owner": {"id"}, "notify"}`."""
    ids = call.json_object().get("ids")
    if not isinstance(ids, list) or not ids:
        raise invalid_data(expected_data_type="jsonarray", api_name="ids")
    if len(ids) > MOST_RECORDS:
        raise limit_exceeded(TOO_MANY, api_name="ids", maximum_length=MOST_RECORDS)
    return _change_all(call, [str(record_id) for record_id in ids])


def _change_all(call: ApiCall, ids: list[str]) -> Answer:
    module = require_module(call, "Edit")["api_name"]
    owner = _owner(call)
    with call.store.transaction():
        return answer_of([_change(call, module, record_id, owner) for record_id in ids])


def _change(call: ApiCall, module: str, record_id: str, owner: Record) -> Record:
    if call.store.update(module, record_id, {"Owner": owner}, user_id=call.user_id) is None:
        return error_body("INVALID_DATA", "the id given seems to be invalid", {"id": record_id})
    return success_entry("owner is successfully updated", {"id": record_id})


def _owner(call: ApiCall) -> Record:
    """`{"id"}` of an active user; anything else answers flat."""
    given = call.json_object().get("owner")
    user = call.store.user(str(given.get("id"))) if isinstance(given, dict) else None
    if user is None or user["status"] != "active":
        raise invalid_data("the owner id given is invalid", param_name="owner")
    return {"id": user["id"]}


_SCOPES = ("ZohoBigin.modules.change_owner.CREATE",)
ROUTES = [
    Route("POST", "/{module}/{id}/actions/change_owner", change_owner, scopes=_SCOPES),
    Route("POST", "/{module}/actions/change_owner", change_owners, scopes=_SCOPES),
]
