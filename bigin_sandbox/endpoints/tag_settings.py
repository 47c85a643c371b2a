"""The tags of a module: create, rename, delete. Source: write.md 9 (settings/tags)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bigin_sandbox.http.answers import Answer, invalid_data, required_param_missing
from bigin_sandbox.http.calls import ApiCall, Route
from bigin_sandbox.render import Renderer
from bigin_sandbox.rules.access.permissions import allowed_module
from bigin_sandbox.rules.values.tags import change_tag, checked_name, create_tag
from bigin_sandbox.rules.writing.batches import answer_of, entries_of, sent_records
from bigin_sandbox.rules.writing.refused import RecordRefused, mandatory_not_found, unknown_id
from bigin_sandbox.writer import success_entry

if TYPE_CHECKING:
    from bigin_sandbox.storage.store import Record


def create_tags(call: ApiCall) -> Answer:
    """`POST /settings/tags?module=`: 201; a name that is taken is refused."""
    module = _module(call)

    def create(sent: Record, path: str) -> list[Record]:
        name = checked_name(sent.get("name"), f"{path}.name")
        _check_free(call, module, name, path)
        tag = create_tag(call.store, module, {**sent, "name": name}, user_id=call.user_id)
        return [_entry(call, tag, "tags created successfully")]

    with call.store.transaction():
        return answer_of(entries_of(sent_records(call, key="tags"), create, key="tags"), good=201, key="tags")


def update_tags(call: ApiCall) -> Answer:
    """`PUT /settings/tags?module=` and `/settings/tags/{id}?module=`: `id` and `name` are both required."""
    module = _module(call)
    only = call.path_params.get("id")

    def rename(sent: Record, path: str) -> list[Record]:
        for key in ("id", "name"):
            if not sent.get(key):
                raise mandatory_not_found(key, path)
        if call.store.tag(module, sent["id"]) is None or only not in (None, sent["id"]):
            raise unknown_id(path)
        name = checked_name(sent["name"], f"{path}.name")
        _check_free(call, module, name, path, tag_id=sent["id"])
        tag = change_tag(call.store, module, sent["id"], {**sent, "name": name}, user_id=call.user_id)
        return [_entry(call, tag, "tags updated successfully")]

    with call.store.transaction():
        return answer_of(entries_of(sent_records(call, key="tags"), rename, key="tags"), key="tags")


def delete_tag(call: ApiCall) -> Answer:
    """`DELETE /settings/tags/{id}`: the tag leaves every record."""
    tag_id = call.path_params["id"]
    for module in (module["api_name"] for module in call.store.modules()):
        if call.store.tag(module, tag_id) is not None:
            rest = [tag for tag in call.store.tags(module) if tag["id"] != tag_id]
            call.store.put_metadata("tags", rest, owner=module)
            return answer_of([success_entry("tags deleted successfully", {"id": tag_id})], key="tags")
    raise invalid_data("the id given seems to be invalid", resource_path_index=2)


def _module(call: ApiCall) -> str:
    if "module" not in call.params:
        raise required_param_missing("module")
    return str(allowed_module(call, call.params["module"], param_name="module")["api_name"])


def _check_free(call: ApiCall, module: str, name: str, path: str, *, tag_id: str | None = None) -> None:
    for tag in call.store.tags(module):
        if tag["name"].casefold() == name.casefold() and tag["id"] != tag_id:
            details = {"id": tag["id"], "api_name": "name", "json_path": f"{path}.name"}
            raise RecordRefused("DUPLICATE_DATA", "duplicate data", **details)


def _entry(call: ApiCall, tag: Record, message: str) -> Record:
    render = Renderer(call.store, zone=call.zone)
    details = {
        "created_time": render.instant(tag["created_time"]),
        "modified_time": render.instant(tag["modified_time"]),
        "modified_by": render.user(tag["modified_by"], with_email=False),
        "id": tag["id"],
        "created_by": render.user(tag["created_by"], with_email=False),
        "color_code": tag["color_code"],
    }
    return success_entry(message, details)


ROUTES = [
    Route("POST", "/settings/tags", create_tags, scopes=("ZohoBigin.settings.tags.CREATE",)),
    Route("PUT", "/settings/tags", update_tags, scopes=("ZohoBigin.settings.tags.UPDATE",)),
    Route("PUT", "/settings/tags/{id}", update_tags, scopes=("ZohoBigin.settings.tags.UPDATE",)),
    Route("DELETE", "/settings/tags/{id}", delete_tag, scopes=("ZohoBigin.settings.tags.DELETE",)),
]
