"""How field metadata are told where only the platform's own shape is known. Source: FACTS 7.21.

The organisation behaves alike under every option: metadata may mislead, values do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bigin_sandbox.settings import Settings

Item = dict[str, Any]

ANY_MODULE_LOOKUPS = frozenset({"What_Id", "Parent_Id"})
NO_MODULE = {"api_name": None, "module": {"api_name": "se_module", "id": None}}  # seen live on the sister


def told_field(field: Item, settings: Settings) -> Item:
    """A field as `/settings/fields` and the sections of a layout tell it."""
    if field["api_name"] in ANY_MODULE_LOOKUPS and settings.any_module_lookups == "se_module":
        return {**field, "multi_module_lookup": {}, "lookup": NO_MODULE}
    if field["api_name"] == "Pipeline" and settings.pipeline_json_type == "absent":
        return {key: value for key, value in field.items() if key != "json_type"}
    if field["api_name"] == "Pipeline":
        return {**field, "json_type": settings.pipeline_json_type}
    return field


def told_layout(layout: Item, settings: Settings) -> Item:
    """A layout with its fields told alike."""
    sections = [
        {**section, "fields": [told_field(field, settings) for field in section["fields"]]}
        for section in layout["sections"]
    ]
    return {**layout, "sections": sections}
