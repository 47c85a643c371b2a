"""Tags on records: add_tags, remove_tags. Source: FACTS 5 (tags); write.md 9.

Both take a body and the query form: which of the two Bigin's page means is not known for adding, and is
the query for removing. Tagging moves no Modified_Time (read.md 5.4) and fires no automation.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import TYPE_CHECKING, Any

from bigin_sandbox.http.answers import (
    Answer,
    Refusal,
    invalid_module,
    limit_exceeded,
    required_param_missing,
)
from bigin_sandbox.http.calls import ApiCall, Route
from bigin_sandbox.render import Renderer
from bigin_sandbox.rules.access.credits import TAGGED_RECORDS_PER_CREDIT
from bigin_sandbox.rules.access.permissions import require_module
from bigin_sandbox.rules.values.tags import MOST_TAGS_OF_A_RECORD, accepted_tags, added, ids_of_tags
from bigin_sandbox.rules.writing.batches import TOO_MANY, answer_of
from bigin_sandbox.rules.writing.refused import RecordRefused, too_many
from bigin_sandbox.writer import success_entry

if TYPE_CHECKING:
    from bigin_sandbox.storage.store import Record

MOST_RECORDS = 500  # FACTS 5

NewSet = Callable[[list["Record"]], list["Record"]]


def add_tags(call: ApiCall) -> Answer:
    """`POST /{module}[/{id}]/actions/add_tags`; unknown tags are created, `over_write` drops the others."""
    module = _tagged_module(call)
    ids, sent = _ids(call), _tags(call)
    over_write = _body(call).get("over_write", call.params.get("over_write")) in (True, "true")
    accepted = _accepted(call, module, sent)
    tags = ids_of_tags(call.store, module, accepted, user_id=call.user_id)
    return _tag_all(call, module, ids, lambda present: added(present, tags, over_write=over_write))


def remove_tags(call: ApiCall) -> Answer:
    """`POST /{module}[/{id}]/actions/remove_tags`; a tag that a record lacks is no error."""
    module = _tagged_module(call)
    ids = _ids(call)
    names = {str(tag.get("name")).casefold() for tag in _tags(call)}
    given_ids = {tag.get("id") for tag in _tags(call)}
    gone = [
        tag["id"]
        for tag in call.store.tags(module)
        if tag["name"].casefold() in names or tag["id"] in given_ids
    ]
    return _tag_all(call, module, ids, lambda present: [tag for tag in present if tag["id"] not in gone])


def price_of_tagging(call: ApiCall) -> int:
    """1 for each 50 records begun."""
    try:
        return max(1, ceil(len(_all_ids(call)) / TAGGED_RECORDS_PER_CREDIT))
    except Refusal:  # the endpoint says so; here it only has a price
        return 1


def _tagged_module(call: ApiCall) -> str:
    """api_name of the address's module, whose records have tags: notes have none (FACTS 3). Refusal: [A]."""
    module = str(require_module(call, "Edit")["api_name"])
    if call.store.field(module, "Tag") is None:
        raise invalid_module(resource_path_index=0)
    return module


def _tag_all(call: ApiCall, module: str, ids: list[str], new_set: NewSet) -> Answer:
    with call.store.transaction():
        entries = [_tag_one(call, module, record_id, new_set) for record_id in ids]
    done = sum(entry["status"] == "success" for entry in entries)
    return answer_of(entries, success_count=str(done), locked_count="0")


def _tag_one(call: ApiCall, module: str, record_id: str, new_set: NewSet) -> Record:
    record = call.store.get(module, record_id)
    if record is None:
        return RecordRefused("INVALID_DATA", "the id given seems to be invalid", id=record_id).entry
    tags = new_set(record.get("Tag") or [])
    if len(tags) > MOST_TAGS_OF_A_RECORD:
        return too_many(MOST_TAGS_OF_A_RECORD, "Tag", "$", "a record has no more than 10 tags").entry
    stored = call.store.update(module, record_id, {"Tag": tags}, user_id=call.user_id, touch=False)
    shown = Renderer(call.store, zone=call.zone).single(module, stored or record, ["Tag"])
    return success_entry("tags updated successfully", {"id": record_id, "tags": shown["Tag"]})


def _accepted(call: ApiCall, module: str, sent: list[Record]) -> list[Record]:
    try:
        return accepted_tags(call.store, module, sent, path="$", at="$.tags")
    except RecordRefused as refused:
        entry = refused.entry
        raise Refusal(400, entry["code"], entry["message"], entry["details"]) from None


def _ids(call: ApiCall) -> list[str]:
    ids = _all_ids(call)
    if not ids:
        raise required_param_missing("ids")
    if len(ids) > MOST_RECORDS:
        raise limit_exceeded(TOO_MANY, api_name="ids", maximum_length=MOST_RECORDS)
    return ids


def _all_ids(call: ApiCall) -> list[str]:
    if "id" in call.path_params:
        return [call.path_params["id"]]
    given = _body(call).get("ids")
    if isinstance(given, list):
        return [str(record_id) for record_id in given]
    return _words(call.params.get("ids", ""))


def _tags(call: ApiCall) -> list[Record]:
    given: Any = _body(call).get("tags")
    tags = (
        given
        if isinstance(given, list)
        else [{"name": name} for name in _words(call.params.get("tag_names", ""))]
    )
    if not tags:
        raise required_param_missing("tag_names")
    return tags


def _body(call: ApiCall) -> Record:
    return call.json_object() if call.content.strip() else {}


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


ROUTES = [
    Route("POST", path, endpoint, scopes=("ZohoBigin.modules.{module}.WRITE",), credits=price_of_tagging)
    for endpoint in (add_tags, remove_tags)
    for path in (
        f"/{{module}}/actions/{endpoint.__name__}",
        f"/{{module}}/{{id}}/actions/{endpoint.__name__}",
    )
]
