"""A sent value -> its stored form, for every kind of field: plain, linked, tags, rows.

Plain types are in `values`; here are those that need the rest of the record or of the organisation.
Source: FACTS 5 ("Values", deals, activities).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bigin_sandbox.clock import to_text
from bigin_sandbox.rules.values import activities, linked, pipelines, subforms, tags, values
from bigin_sandbox.rules.values.ids import id_given
from bigin_sandbox.rules.writing.drafts import Draft, is_writable
from bigin_sandbox.rules.writing.refused import mandatory_not_found, refused_value, wrong_type

if TYPE_CHECKING:
    from bigin_sandbox.storage.store import Record


def accepted_value(draft: Draft, known: Record) -> Any:
    """What is stored of one sent field; None empties it. Raises RecordRefused."""
    name, sent = known["api_name"], draft.sent[known["api_name"]]
    if values.is_empty(sent):
        if name == "Owner":  # a record always has one
            raise wrong_type(known, draft.path_of(name))
        return None
    accept = _BY_NAME.get(name) or _BY_DATA_TYPE.get(known["data_type"])
    if accept is not None:
        return accept(draft, known, sent)
    return values.stored_value(known, sent, draft.path_of(name))


def _lookup(draft: Draft, known: Record, sent: Any) -> Record:
    at = draft.path_of(known["api_name"])
    return linked.linked_record(draft.store, draft.module, known, sent, at)


def _user(draft: Draft, known: Record, sent: Any) -> Record:
    return linked.user(draft.store, known, sent, draft.path_of(known["api_name"]))


def _parent(draft: Draft, known: Record, sent: Any) -> Record:
    """What an activity or a note belongs to: an id, in the module that is named beside it."""
    name = known["api_name"]
    word = _parent_module_word(draft.sent, name)
    if word is None:
        raise mandatory_not_found("$se_module", draft.path)
    record_id = id_given(sent.get("id") if isinstance(sent, dict) else sent)
    if record_id is not None and draft.store.module_of(record_id) == activities.module_named(word):
        return {"id": record_id}
    message = "the related id given seems to be invalid" if name == "Parent_Id" else "invalid data"
    raise refused_value(name, draft.path_of(name), message)


def _parent_module_word(sent: Record, name: str) -> Any:
    parent = sent[name]
    if name == "Parent_Id" and isinstance(parent, dict) and isinstance(parent.get("module"), dict):
        return parent["module"].get("api_name")
    return sent.get("$se_module") or (sent.get("se_module") if name == "Parent_Id" else None)


def _tags(draft: Draft, _known: Record, sent: Any) -> list[Record]:
    """The array replaces the set (FACTS 5)."""
    at = draft.path_of("Tag")
    return tags.accepted_tags(draft.store, draft.module, sent, path=draft.path, at=at)


def _multiselect(draft: Draft, known: Record, sent: Any) -> list[str]:
    """The array replaces; `"$append_values": {field: true}` inside the record appends (write.md 7)."""
    name = known["api_name"]
    chosen: list[str] = values.stored_value(known, sent, draft.path_of(name))
    appending = draft.sent.get("$append_values")
    if isinstance(appending, dict) and appending.get(name) is True:
        return list(dict.fromkeys([*(draft.existing.get(name) or []), *chosen]))
    return chosen


def _layout(draft: Draft, known: Record, sent: Any) -> Record:
    name = known["api_name"]
    layouts = draft.store.layouts(draft.module)
    return {"id": pipelines.layout_named(layouts, sent, api_name=name, at=draft.path_of(name))["id"]}


def _subform(draft: Draft, known: Record, sent: Any) -> list[Record]:
    """Rows by the fields of the module that bears the subform's name."""
    return _rows(draft, known, sent, lambda row, was, at: _subform_row(draft, known, row, was, at))


def _subform_row(draft: Draft, known: Record, sent: Record, was: Record, at: str) -> Record:
    module = known["api_name"]
    row = Draft(draft.store, module, draft.user, sent, at, was)
    columns = [
        column
        for column in draft.store.fields(module)
        if is_writable(column, draft.user, on_insert=row.is_insert)
    ]
    for column in columns:
        name = column["api_name"]
        given = name in sent or row.is_insert
        if column["system_mandatory"] and given and values.is_empty(sent.get(name)):
            raise mandatory_not_found(name, at)
    now = to_text(draft.store.clock.now())
    times = {"Created_Time": was.get("Created_Time", now), "Modified_Time": now}
    values_ = {
        column["api_name"]: accepted_value(row, column) for column in columns if column["api_name"] in sent
    }
    return {**values_, **times}


def _multiselect_lookup(draft: Draft, known: Record, sent: Any) -> list[Record]:
    """`[{"id": <linked id>}]` or `[{"<lookup>": {"id"}}]`: both are taken (FACTS 5)."""
    link = known["multiselectlookup"]
    name, module = link["connectedlookup_apiname"], link["connected_module"]["api_name"]

    def accept(row: Record, was: Record, at: str) -> Record:
        linked_id = row.get(name, was.get(name))
        if not isinstance(linked_id, dict):
            raise mandatory_not_found(name, at)
        return {name: linked.existing(draft.store, module, linked_id.get("id"), name, f"{at}.{name}")}

    present = draft.existing.get(known["api_name"]) or []
    return _rows(draft, known, subforms.as_link_rows(present, sent, name), accept)


def _files(draft: Draft, known: Record, sent: Any) -> list[Record]:
    api_name = known["api_name"]
    return _rows(draft, known, sent, lambda row, _was, at: subforms.file_row(draft.store, row, api_name, at))


def _rows(draft: Draft, known: Record, sent: Any, accept: subforms.AcceptRow) -> list[Record]:
    name = known["api_name"]
    present = draft.existing.get(name) or []
    rows = subforms.merged_rows(present, sent, accept, api_name=name, path=draft.path, at=draft.path_of(name))
    return [row if "id" in row else {"id": draft.store.new_id(), **row} for row in rows]


def _duration(draft: Draft, known: Record, sent: Any) -> str:
    return values.duration(known, sent, draft.path_of(known["api_name"]))


def _participants(draft: Draft, _known: Record, sent: Any) -> list[Record]:
    invited = activities.accepted_participants(sent, path=draft.path)
    return [{"invited": False, "status": "not_known", **each, "id": draft.store.new_id()} for each in invited]


def _reminder(draft: Draft, known: Record, sent: Any) -> str:
    """An instant, or `[{"unit": 15, "period": "minutes"}]` before the start: kept is the instant."""
    at = draft.path_of(known["api_name"])
    if isinstance(sent, str):
        return str(values.stored_value({**known, "data_type": "datetime"}, sent, at))
    start = draft.sent.get("Start_DateTime") or draft.existing.get("Start_DateTime")
    return activities.reminder(sent, start, at=at)


Accept = Callable[[Draft, "Record", Any], Any]

_BY_NAME: dict[str, Accept] = {
    "Tag": _tags,
    "Pipeline": _layout,
    "Layout": _layout,
    "What_Id": _parent,
    "Parent_Id": _parent,
    "Call_Duration": _duration,
    "Participants": _participants,
}
_BY_DATA_TYPE: dict[str, Accept] = {
    "lookup": _lookup,
    "ownerlookup": _user,
    "userlookup": _user,
    "multiselectpicklist": _multiselect,
    "multiselectlookup": _multiselect_lookup,
    "subform": _subform,
    "fileupload": _files,
    "imageupload": _files,
    "event_reminder": _reminder,
}
