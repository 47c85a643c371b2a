"""Notes written at the record they belong to. `POST /Notes` is a write like any other: see `writing`.

Source: FACTS 5 (notes); write.md 9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bigin_sandbox.http.answers import Answer, invalid_data
from bigin_sandbox.http.calls import ApiCall, Route
from bigin_sandbox.rules.access.credits import is_large_write, price_of_write
from bigin_sandbox.rules.access.permissions import require_module
from bigin_sandbox.rules.writing.batches import answer_of, entries_of, sent_records
from bigin_sandbox.writer import writer_of

if TYPE_CHECKING:
    from bigin_sandbox.storage.store import Record


def add_notes(call: ApiCall) -> Answer:
    """`POST /{module}/{id}/Notes`: without a parent in the body."""
    module = require_module(call)["api_name"]
    parent_id = call.path_params["id"]
    if call.store.get(module, parent_id) is None:
        raise invalid_data("the related id given seems to be invalid", resource_path_index=1)
    parent = {"Parent_Id": {"module": {"api_name": module}, "id": parent_id}}
    writer = writer_of(call, "Notes")

    def write(note: Record, path: str) -> list[Record]:
        return writer.entries(writer.insert({**note, **parent}, path))

    with call.store.transaction():
        return answer_of(entries_of(sent_records(call), write), good=201)


ROUTES = [
    Route(
        "POST",
        "/{module}/{id}/Notes",
        add_notes,
        scopes=("ZohoBigin.modules.{module}.READ", "ZohoBigin.modules.notes.CREATE"),
        credits=price_of_write,
        sub_concurrency=is_large_write,
    ),
]
