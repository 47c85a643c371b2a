"""Bytes: files for file fields, and the photo of a record. Source: write.md 9; read.md 6.6."""

from __future__ import annotations

from bigin_sandbox.http.answers import (
    Answer,
    Refusal,
    file_answer,
    invalid_data,
    json_answer,
    no_content,
    required_param_missing,
)
from bigin_sandbox.http.calls import ApiCall, Route
from bigin_sandbox.rules.access.permissions import require_module
from bigin_sandbox.rules.writing.batches import answer_of
from bigin_sandbox.rules.writing.uploads import uploaded
from bigin_sandbox.storage.store import Record
from bigin_sandbox.writer import success_entry


def upload_files(call: ApiCall) -> Answer:
    """`POST /files`: several parts; each gives the id that a file field takes as `File_Id__s`."""
    entries = [
        success_entry(  # spelt as Bigin spells it
            f"{part.name} uploaded Succeessfully",
            {"name": part.name, "id": call.store.put_file(part.name, part.content)},
        )
        for part in uploaded(call)
    ]
    return answer_of(entries)


def download_file(call: ApiCall) -> Answer:
    """`GET /files?id=`: the bytes of an uploaded file."""
    if "id" not in call.params:
        raise required_param_missing("id")
    return _bytes(call, call.params["id"])


def download_photo(call: ApiCall) -> Answer:
    """`GET /{module}/{id}/photo`: 204 if the record has none."""
    module = require_module(call)["api_name"]
    record = call.store.get(module, call.path_params["id"]) or {}
    return _bytes(call, record.get("Record_Image") or "")


def upload_photo(call: ApiCall) -> Answer:
    """`POST /{module}/{id}/photo`: one image; answers flat, without `data`."""
    module, record = _pictured(call)
    photo = uploaded(call)[0]
    file_id = call.store.put_file(photo.name, photo.content)
    call.store.update(module, record["id"], {"Record_Image": file_id}, user_id=call.user_id)
    return json_answer(success_entry("photo uploaded successfully", {}))


def delete_photo(call: ApiCall) -> Answer:
    """`DELETE /{module}/{id}/photo`."""
    module, record = _pictured(call)
    if record.get("Record_Image") is None:
        raise Refusal(400, "INVALID_DATA", "the record has no photo")
    call.store.update(module, record["id"], {"Record_Image": None}, user_id=call.user_id)
    return json_answer(success_entry("Photo deleted", {}))


def _bytes(call: ApiCall, file_id: str) -> Answer:
    kept = call.store.get_file(file_id)
    if kept is None:
        return no_content()
    name, content = kept
    return file_answer(content, name)


def _pictured(call: ApiCall) -> tuple[str, Record]:
    module = require_module(call, "Edit")["api_name"]
    record = call.store.get(module, call.path_params["id"])
    if record is None or call.store.field(module, "Record_Image") is None:
        raise invalid_data("the id given seems to be invalid", resource_path_index=1)
    return module, record


_PHOTO = "/{module}/{id}/photo"
ROUTES = [
    Route("POST", "/files", upload_files, scopes=("ZohoBigin.Files.CREATE",)),
    Route("GET", "/files", download_file, scopes=("ZohoBigin.Files.READ",)),
    Route("GET", _PHOTO, download_photo, scopes=("ZohoBigin.modules.{module}.READ",)),
    Route("POST", _PHOTO, upload_photo, scopes=("ZohoBigin.modules.{module}.WRITE",)),
    Route("DELETE", _PHOTO, delete_photo, scopes=("ZohoBigin.modules.{module}.WRITE",)),
]
