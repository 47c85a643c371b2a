"""How the metadata of a module, a field, a layout is spelled out in full. Source: FACTS 3, read.md 3.

Tables in `standard` and `custom` say what is particular; the many keys that are the same for most
fields are filled in here.
"""

from __future__ import annotations

from typing import Any

Item = dict[str, Any]

# data_type -> (json_type, length)
TYPES: dict[str, tuple[str, int]] = {
    "text": ("string", 255),
    "textarea": ("string", 2000),
    "email": ("string", 100),
    "phone": ("string", 30),
    "website": ("string", 255),
    "picklist": ("string", 120),
    "multiselectpicklist": ("jsonarray", 2000),
    "integer": ("integer", 9),
    "bigint": ("string", 18),
    "double": ("double", 16),
    "currency": ("double", 16),
    "percent": ("double", 5),
    "boolean": ("boolean", 5),
    "date": ("string", 20),
    "datetime": ("string", 120),
    "lookup": ("jsonobject", 120),
    "ownerlookup": ("jsonobject", 120),
    "userlookup": ("jsonobject", 120),
    "multiselectlookup": ("jsonarray", 2000),
    "subform": ("jsonarray", 2000),
    "autonumber": ("string", 200),
    "formula": ("double", 15),
    "fileupload": ("jsonarray", 2000),
    "imageupload": ("jsonarray", 2000),
    "profileimage": ("string", 255),
    "RRULE": ("jsonobject", 2000),
    "ALARM": ("jsonobject", 2000),
    "event_reminder": ("string", 120),
    "geolocation": ("jsonobject", 120),  # stands for the types that appear without notice: FACTS 3
}
DECIMALS = {"double": 2, "currency": 2, "percent": 2}
NOT_SORTABLE = frozenset({"textarea", "multiselectlookup", "subform", "fileupload", "imageupload"})
COMPUTED = frozenset({"autonumber", "formula", "profileimage"})
TEXTAREA_LENGTHS = {"small": 2000, "large": 32000, "rich_text": 50000}

EMPTY_KEYS: Item = {
    "association_details": None,
    "subform": None,
    "external": None,
    "global_picklist": None,
    "crypt": None,
    "tooltip": None,
    "created_source": "default",
    "display_format": None,
    "display_format_properties": None,
    "parent_field": None,
    "child_fields": None,
    "range": None,
    "address": None,
    "history_tracking": None,
    "email_parser": {"fields_update_supported": False, "record_operations_supported": False},
    "created_time": None,
    "modified_time": None,
    "display_type": -1,
    "ui_type": 1,
    "type": "used",
    "separator": False,
    "virtual_field": False,
    "webhook": True,
    "businesscard_supported": True,
    "pick_list_values_sorted_lexically": False,
    "enable_colour_code": False,
    "colour_code_enabled_by_system": False,
    "multi_module_lookup": {},
    "multiselectlookup": {},
    "lookup": {},
    "unique": {},
    "formula": {},
    "auto_number": {},
    "currency": {},
}


def field(api_name: str, data_type: str, label: str | None = None, **particular: Any) -> Item:
    """A field without ids and profiles (`Ids.finish` adds them).

    `particular` overrides keys of the JSON; shorthands: `mandatory`, `is_unique`, `values` (of a pick
    list), `to` (module of a lookup), `kind` (of a textarea), `writable`, `create`, `edit`, `view`,
    `hidden_from` and `read_only_for` (names of profiles).
    """
    json_type, length = TYPES[data_type]
    label = label or api_name.replace("_", " ")
    made = {
        **EMPTY_KEYS,
        "api_name": api_name,
        "field_label": label,
        "display_label": label,
        "data_type": data_type,
        "json_type": json_type,
        "length": length,
        "decimal_place": DECIMALS.get(data_type),
        "system_mandatory": particular.pop("mandatory", False),
        "read_only": data_type in COMPUTED,
        "field_read_only": data_type in COMPUTED,
        "custom_field": False,
        "visible": True,
        "display_field": False,
        "sortable": data_type not in NOT_SORTABLE,
        "filterable": data_type not in NOT_SORTABLE,
        "searchable": data_type not in NOT_SORTABLE,
        "mass_update": data_type not in COMPUTED,
        "view_type": _view_type(particular, writable=particular.pop("writable", data_type not in COMPUTED)),
        "pick_list_values": [_choice(value) for value in particular.pop("values", [])],
        **_typed(data_type, particular),
    }
    if particular.pop("is_unique", False):
        made["unique"] = {"casesensitive": "0"}
    return {**made, **particular}


def _view_type(particular: Item, *, writable: bool) -> Item:
    return {
        "view": particular.pop("view", True),
        "edit": particular.pop("edit", writable),
        "create": particular.pop("create", writable),
        "quick_create": particular.pop("quick_create", False),
    }


def _choice(value: str | tuple[str, str]) -> Item:
    """A value of a pick list; a pair is (actual_value, display_value)."""
    actual, display = value if isinstance(value, tuple) else (value, value)
    return {
        "display_value": display,
        "actual_value": actual,
        "reference_value": actual,
        "type": "used",
        "colour_code": None,
    }


def _typed(data_type: str, particular: Item) -> Item:
    """The keys that a data type has of its own."""
    if data_type == "textarea":
        kind = particular.pop("kind", "small")
        return {"textarea": {"type": kind}, "length": TEXTAREA_LENGTHS[kind]}
    if data_type == "currency":
        return {"currency": {"rounding_option": "normal", "precision": 2}}
    if data_type in {"lookup", "multiselectlookup"} and "to" in particular:
        return {data_type: {"to": particular.pop("to")}}  # spelled out by `Ids.finish`
    return {}


def module(api_name: str, label: str, **particular: Any) -> Item:
    """A module without id, profiles and place in the order."""
    singular = particular.pop("singular", label)
    plural = particular.pop("plural", f"{label}s")
    writable = particular.get("api_supported", True)
    return {
        "api_name": api_name,
        "module_name": api_name,
        "singular_label": singular,
        "plural_label": plural,
        "actual_singular_label": singular,
        "actual_plural_label": plural,
        "api_supported": True,
        "viewable": writable,
        "creatable": writable,
        "editable": writable,
        "deletable": writable,
        "visible": True,
        "visibility": 1,
        "show_as_tab": True,
        "presence_sub_menu": True,
        "generated_type": "default",
        "access_type": "org_based",
        "quick_create": True,
        "convertable": False,
        "webform_supported": True,
        "global_search_supported": True,
        "filter_supported": True,
        "feeds_required": False,
        "scoring_supported": False,
        "triggers_supported": True,
        "email_parser_supported": True,
        "emailTemplate_support": True,
        "inventory_template_supported": False,
        "isBlueprintSupported": False,
        "public_fields_configured": False,
        "private_profile": None,
        "has_more_profiles": False,
        "business_card_field_limit": 5,
        "arguments": [],
        "parent_module": {},
        "web_link": None,
        "description": None,
        "modified_time": None,
        "modified_by": None,
        **particular,
    }
