"""What of a sent record is stored, and whether it is stored at all.

    sent (JSON of the caller) -> values in the stored form, of the fields that this user may write

Unknown, read-only and system fields are dropped without a word; what is left must fit, or the record is
refused with its first fault (FACTS 5: several in one answer are documented for duplicates only).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bigin_sandbox.clock import to_text
from bigin_sandbox.rules.values import activities, linked, pipelines, tags, values
from bigin_sandbox.rules.values.field_values import accepted_value
from bigin_sandbox.rules.writing.drafts import ALWAYS_WRITABLE, Draft, is_writable
from bigin_sandbox.rules.writing.refused import mandatory_not_found

if TYPE_CHECKING:
    from bigin_sandbox.storage.store import Record

FILLED_BY_THE_SERVER = frozenset({"Owner", *pipelines.LAYOUT_FIELDS})  # mandatory, and yet may be absent
PARENT_FIELDS = ("What_Id", "Parent_Id")  # each with `$se_module` beside it
STAGE_FIELDS = frozenset({"Sub_Pipeline", "Stage", *pipelines.LAYOUT_FIELDS})
NO_LAYOUT: Record = {"id": None, "sections": []}


def accepted(draft: Draft) -> Record:
    """The values to store, None where a field is emptied. Raises RecordRefused.

    A company named by a contact is still `{"name"}`, and so are new tags: `settled` makes them, once
    nothing else can refuse the record.
    """
    layout = _layout(draft)
    in_layout = pipelines.layout_fields(layout)
    fields = _fields_in_reach(draft, in_layout)
    _check_mandatory(draft, fields, in_layout)
    stored = {name: accepted_value(draft, known) for name, known in fields.items() if name in draft.sent}
    stored |= _module_of_parent(draft, stored)
    if draft.is_insert:
        stored = {**_defaults(draft, in_layout), **stored}
    if draft.module == "Pipelines" and (draft.is_insert or stored.keys() & STAGE_FIELDS):
        stored |= _team_pipeline(draft, layout)
        pipelines.check_stage(layout, {**draft.existing, **stored}, path=draft.path)
    if draft.module == "Tasks":
        stored |= activities.closing(stored, draft.existing, to_text(draft.store.clock.now()))
    if draft.module == "Calls":
        activities.check_duration(stored, path=draft.path)
    return stored


def settled(draft: Draft, stored: Record) -> Record:
    """The values with ids for what was only named: the contact's company, the record's tags."""
    user_id = draft.user["id"]
    company = stored.get("Account_Name")
    if isinstance(company, dict) and "id" not in company:
        linked_company = linked.company_named(draft.store, company["name"], user_id=user_id)
        stored = {**stored, "Account_Name": linked_company}
    if stored.get("Tag") is not None:
        chosen = tags.ids_of_tags(draft.store, draft.module, stored["Tag"], user_id=user_id)
        stored = {**stored, "Tag": chosen}
    return stored


def _layout(draft: Draft) -> Record:
    """The record's layout: the one it names, the one it has, or the module's first."""
    layouts = draft.store.layouts(draft.module)
    for name in pipelines.LAYOUT_FIELDS:
        if not values.is_empty(draft.sent.get(name)):
            return pipelines.layout_named(layouts, draft.sent[name], api_name=name, at=draft.path_of(name))
    present = draft.existing.get("Pipeline") or draft.existing.get("Layout") or {}
    default = layouts[0] if layouts else NO_LAYOUT
    return next((layout for layout in layouts if layout["id"] == present.get("id")), default)


def _fields_in_reach(draft: Draft, in_layout: dict[str, Record]) -> dict[str, Record]:
    """Writable fields that are sent or required; a caller who names a Layout reaches only those in it.

    Source: write.md 7.
    """
    within = None
    if not values.is_empty(draft.sent.get("Layout")):
        within = in_layout.keys() | ALWAYS_WRITABLE | set(pipelines.LAYOUT_FIELDS)
    return {
        name: known
        for name, known in draft.store.fields_by_name(draft.module).items()
        if (name in draft.sent or _is_required(known, in_layout))
        and (within is None or name in within)
        and is_writable(known, draft.user, on_insert=draft.is_insert)
    }


def _is_required(known: Record, in_layout: dict[str, Record]) -> bool:
    return bool(known["system_mandatory"] or in_layout.get(known["api_name"], {}).get("required"))


def _check_mandatory(draft: Draft, fields: dict[str, Record], in_layout: dict[str, Record]) -> None:
    """Mandatory fields are given on insert and not emptied later: FACTS 3, 5."""
    for name, known in fields.items():
        asked = draft.is_insert or name in draft.sent
        if not asked or name in FILLED_BY_THE_SERVER or not values.is_empty(draft.sent.get(name)):
            continue
        if _is_required(known, in_layout):
            raise mandatory_not_found(name, draft.path)


def _module_of_parent(draft: Draft, stored: Record) -> Record:
    for name in PARENT_FIELDS:
        if name in stored:
            return {"$se_module": draft.store.module_of(stored[name]["id"]) if stored[name] else None}
    return {}


def _team_pipeline(draft: Draft, layout: Record) -> Record:
    known = draft.store.fields_by_name(draft.module)
    return {name: {"id": layout["id"]} for name in pipelines.LAYOUT_FIELDS if name in known}


def _defaults(draft: Draft, in_layout: dict[str, Record]) -> dict[str, Any]:
    """What an insert gets unasked: the layout's default values; a product begins active (write.md 3)."""
    defaults = {
        name: shown["default_value"]
        for name, shown in in_layout.items()
        if shown.get("default_value") is not None
    }
    return {"Product_Active": True, **defaults} if draft.module == "Products" else defaults
