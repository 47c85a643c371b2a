"""Insert, update, upsert and delete records of any module, notes included.

Pages: insert-records, update-records, upsert-records, delete-records. Source: FACTS 5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bigin_sandbox.control.automation import Automation
from bigin_sandbox.http.answers import Answer, Refusal, error_body, invalid_data, invalid_module
from bigin_sandbox.http.calls import ApiCall, Route
from bigin_sandbox.rules.access.credits import is_large_write, price_of_write
from bigin_sandbox.rules.access.permissions import require_module
from bigin_sandbox.rules.values.activities import with_one_spelling
from bigin_sandbox.rules.writing.batches import answer_of, entries_of, sent_ids, sent_records
from bigin_sandbox.rules.writing.drafts import is_locked
from bigin_sandbox.rules.writing.refused import mandatory_not_found
from bigin_sandbox.rules.writing.write_options import ALL_TRIGGERS
from bigin_sandbox.writer import success_entry, writer_of

if TYPE_CHECKING:
    from bigin_sandbox.storage.store import Record

FLAGS = {"Create": "creatable", "Edit": "editable", "Delete": "deletable"}
OTHER_DOORS = frozenset({"Attachments"})  # written as files only: FACTS 5


def insert_records(call: ApiCall) -> Answer:
    """`POST /{module}`: 201 where all are written."""
    module = writable_module(call, "Create")
    records = sent_records(call)
    writer = writer_of(call, module)

    def write(record: Record, path: str) -> list[Record]:
        return writer.entries(writer.insert(with_one_spelling(record), path))

    with call.store.transaction():
        return answer_of(entries_of(records, write), good=201)


def update_records(call: ApiCall) -> Answer:
    """`PUT /{module}`: each record names its id."""
    module = writable_module(call, "Edit")
    records = sent_records(call)
    writer = writer_of(call, module)

    def write(record: Record, path: str) -> list[Record]:
        if record.get("id") is None:
            raise mandatory_not_found("id", path)
        return writer.entries(writer.update(record["id"], with_one_spelling(record), path))

    with call.store.transaction():
        return answer_of(entries_of(records, write))


def update_record(call: ApiCall) -> Answer:
    """`PUT /{module}/{id}`: one record; the id of the address wins. An unknown id answers flat."""
    module = writable_module(call, "Edit")
    records = sent_records(call, most=1)
    record_id = call.path_params["id"]
    if call.store.get(module, record_id) is None:
        raise invalid_data("the id given seems to be invalid", resource_path_index=1)
    writer = writer_of(call, module)

    def write(record: Record, path: str) -> list[Record]:
        return writer.entries(writer.update(record_id, with_one_spelling(record), path))

    with call.store.transaction():
        return answer_of(entries_of(records, write))


def upsert_records(call: ApiCall) -> Answer:
    """`POST /{module}/upsert`: 200 where all are written, also when everything was inserted."""
    module = writable_module(call, "Create")
    records = sent_records(call)
    named = _check_fields(call)
    writer = writer_of(call, module)

    def write(record: Record, path: str) -> list[Record]:
        written = writer.upsert(with_one_spelling(record), path, named=named)
        return writer.entries(written, duplicate_field=written.duplicate_field, action=written.operation)

    with call.store.transaction():
        return answer_of(entries_of(records, write))


def delete_records(call: ApiCall) -> Answer:
    """`DELETE /{module}?ids=`: one entry for each id; an unknown one is an error that may mean "done"."""
    module = writable_module(call, "Delete")
    ids = sent_ids(call)
    with call.store.transaction():
        entries = [_deletion(call, module, record_id) for record_id in ids]
    return answer_of(entries)


def delete_record(call: ApiCall) -> Answer:
    """`DELETE /{module}/{id}`: an unknown id answers flat, without `data`."""
    module = writable_module(call, "Delete")
    record_id = call.path_params["id"]
    if not record_id.isdecimal():
        raise invalid_data("invalid record id", resource_path_index=1)
    entry = _deletion(call, module, record_id)
    if entry["status"] == "error":
        details = {"resource_path_index": 1} if entry["code"] == "INVALID_DATA" else entry["details"]
        raise Refusal(400, entry["code"], entry["message"], details)
    return answer_of([entry])


def writable_module(call: ApiCall, action: str) -> str:
    """api_name of the address's module, if its records are written this way and the user may."""
    module = require_module(call, action)
    if module["api_name"] in OTHER_DOORS or not module[FLAGS[action]]:
        raise invalid_module(resource_path_index=0)
    return str(module["api_name"])


def _check_fields(call: ApiCall) -> list[str] | None:
    named = call.json_object().get("duplicate_check_fields")
    if named is not None and not (isinstance(named, list) and all(isinstance(name, str) for name in named)):
        raise invalid_data(expected_data_type="jsonarray", api_name="duplicate_check_fields")
    return named


def _deletion(call: ApiCall, module: str, record_id: str) -> Record:
    if is_locked(call.store.get(module, record_id) or {}):
        return error_body("RECORD_LOCKED", "record is locked", {"id": record_id, "action": "record_locking"})
    if not call.store.delete(module, [record_id], user_id=call.user_id):
        return error_body("INVALID_DATA", "record not deleted", {"id": record_id})
    if call.params.get("wf_trigger") != "false":
        call.context.part(Automation).fire(module, "delete", ALL_TRIGGERS)
    return success_entry("record deleted", {"id": record_id})


ROUTES = [
    Route(
        "POST",
        "/{module}",
        insert_records,
        scopes=("ZohoBigin.modules.{module}.CREATE",),
        credits=price_of_write,
        sub_concurrency=is_large_write,
    ),
    Route(
        "PUT",
        "/{module}",
        update_records,
        scopes=("ZohoBigin.modules.{module}.WRITE",),
        credits=price_of_write,
        sub_concurrency=is_large_write,
    ),
    Route("PUT", "/{module}/{id}", update_record, scopes=("ZohoBigin.modules.{module}.WRITE",)),
    Route(
        "POST",
        "/{module}/upsert",
        upsert_records,
        scopes=("ZohoBigin.modules.{module}.CREATE", "ZohoBigin.modules.{module}.WRITE"),
        credits=price_of_write,
        sub_concurrency=is_large_write,
    ),
    Route("DELETE", "/{module}", delete_records, scopes=("ZohoBigin.modules.{module}.DELETE",)),
    Route("DELETE", "/{module}/{id}", delete_record, scopes=("ZohoBigin.modules.{module}.DELETE",)),
]
