"""What this organisation is made of: modules, fields, layouts, views, related lists as dataclasses.

Unknown keys are ignored and unknown data types kept as they are; ``raw`` holds Bigin's own answer.
Source: modules-api, field-meta, layouts-meta-data, custom-view-meta, related-list-meta (Bigin v2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bigin_api.json_values import api_name_of, entries, integer, is_true, mapping, says, text

Raw = Mapping[str, Any]


@dataclass(frozen=True)
class Module:
    """A module. ``api_supported`` decides whether it can be read; ``visible`` does not."""

    api_name: str
    id: str = ""
    module_name: str = ""
    singular_label: str = ""
    plural_label: str = ""
    api_supported: bool = False
    creatable: bool = False
    editable: bool = False
    deletable: bool = False
    generated_type: str = "default"  # default, web, custom, linking, subform
    parent_module: str | None = None
    raw: Raw = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_json(cls, raw: Raw) -> Module:
        """Read one entry of /settings/modules."""
        return cls(
            api_name=_name(raw.get("api_name")),
            id=str(raw.get("id") or ""),
            module_name=str(raw.get("module_name") or ""),
            singular_label=str(raw.get("singular_label") or ""),
            plural_label=str(raw.get("plural_label") or ""),
            api_supported=is_true(raw.get("api_supported")),
            creatable=is_true(raw.get("creatable")),
            editable=is_true(raw.get("editable")),
            deletable=is_true(raw.get("deletable")),
            generated_type=str(raw.get("generated_type") or "default").lower(),
            parent_module=api_name_of(raw.get("parent_module")),
            raw=raw,
        )


ANY_MODULE = "se_module"
OLDER_NAMES: Mapping[str, str] = {"Deals": "Pipelines"}  # API v1's, still used in $se_module


@dataclass(frozen=True)
class PickListValue:
    """A value of a pick list. Records hold ``actual_value``; people see ``display_value``.

    ``maps`` is there only in the layouts of Pipelines: field api_name to the values it allows.
    """

    actual_value: str
    display_value: str
    id: str = ""
    sequence_number: int = 0
    maps: Mapping[str, tuple[PickListValue, ...]] = field(default_factory=dict)
    raw: Raw = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_json(cls, raw: Raw) -> PickListValue:
        """Read one entry of pick_list_values."""
        shown = raw.get("display_value")
        actual = raw.get("actual_value")
        stored = shown if actual is None else actual
        return cls(
            actual_value="" if stored is None else str(stored),
            display_value="" if shown is None else str(shown),
            id=str(raw.get("id") or ""),
            sequence_number=integer(raw.get("sequence_number")) or 0,
            maps={str(each.get("api_name")): _choices(each) for each in entries(raw, "maps")},
            raw=raw,
        )


def _choices(raw: Raw) -> tuple[PickListValue, ...]:
    return tuple(map(PickListValue.from_json, entries(raw, "pick_list_values")))


@dataclass(frozen=True)
class Field:
    """A field of a module. Believe ``json_type`` and the values more than ``data_type``."""

    api_name: str
    data_type: str = "text"
    json_type: str | None = None
    id: str = ""
    label: str = ""
    length: int | None = None
    decimal_place: int | None = None
    mandatory: bool = False
    is_display_field: bool = False
    is_unique: bool = False
    creatable: bool = False  # may be sent on insert
    updatable: bool = False  # may be sent on update
    lookup_module: str | None = None  # of a lookup: the module it points to; None where it may be any
    linking_lookup: str | None = None  # of a multi-select lookup: the lookup's name in a linking row
    rows_module: str | None = None  # of a subform: the module of its rows, by any of its names
    may_be_rich_text: bool = False  # a list may cut its values
    formula_return_type: str | None = None
    pick_list_values: tuple[PickListValue, ...] = ()
    raw: Raw = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_json(cls, raw: Raw) -> Field:
        """Read one entry of /settings/fields."""
        name = _name(raw.get("api_name"))
        many = mapping(raw.get("multiselectlookup"))
        return cls(
            api_name=name,
            data_type=_data_type(raw),
            json_type=_json_type(name, raw),
            id=str(raw.get("id") or ""),
            label=str(raw.get("field_label") or raw.get("display_label") or name),
            length=max(0, integer(raw.get("length")) or 0) or None,  # 0 where there is no such thing
            decimal_place=integer(raw.get("decimal_place")),
            mandatory=is_true(raw.get("system_mandatory")),
            is_display_field=is_true(raw.get("display_field")),
            is_unique=text(mapping(raw.get("unique")).get("casesensitive")) is not None,
            creatable=_is_writable(name, raw, "create"),
            updatable=_is_writable(name, raw, "edit"),
            lookup_module=_pointed_at(name, raw),
            linking_lookup=text(many.get("connectedlookup_apiname")),
            rows_module=_rows_module(name, raw),
            may_be_rich_text=_may_be_rich_text(raw),
            formula_return_type=text(mapping(raw.get("formula")).get("return_type")),
            pick_list_values=_choices(raw),
            raw=raw,
        )


def _name(value: Any) -> str:
    """A name, an empty one where there is none: what is no text names nothing."""
    return value if isinstance(value, str) else ""


def _data_type(raw: Raw) -> str:
    """The data type in Bigin's writing, whatever its case; ``RRULE`` and ``ALARM`` are in capitals.

    A lookup that may point to several modules is a lookup (the sister API tells it apart). What every
    organisation has is of the type that it has everywhere.
    """
    if not is_true(raw.get("custom_field")) and (own := _SYSTEM_TYPES.get(_name(raw.get("api_name")))):
        return own
    said = (_name(raw.get("data_type")) or "unknown").lower()
    return {"multi_module_lookup": "lookup", "rrule": "RRULE", "alarm": "ALARM"}.get(said, said)


_SYSTEM_TYPES: Mapping[str, str] = {
    **dict.fromkeys(("What_Id", "Who_Id", "Parent_Id"), "lookup"),
    **dict.fromkeys(("Sub_Pipeline", "Stage"), "picklist"),
    "Owner": "ownerlookup",
    "Associated_Products": "subform",
}
"""Source: FACTS 3."""


def _json_type(name: str, raw: Raw) -> str | None:
    """What the values are: of system fields, links and lists as every organisation's records show them.

    Of others as metadata say, but that ``string`` tells less than a data type. A word that is none of the
    JSON types says nothing.

    >>> _json_type("Pipeline", {"data_type": "bigint", "json_type": "string"})
    'jsonobject'
    >>> _json_type("Company", {"data_type": "lookup", "json_type": "integer"})
    'jsonobject'
    >>> _json_type("Seats", {"data_type": "integer", "json_type": "long"})
    'integer'
    """
    said, data_type = (text(raw.get("json_type")) or "").lower(), _data_type(raw)
    own = None if is_true(raw.get("custom_field")) else _SYSTEM_FIELDS.get(name)
    if certain := own or _LINKS_AND_LISTS.get(data_type):
        return certain
    return said if said in _JSON_TYPES else _VALUES.get(data_type) or (said if said == "string" else None)


_JSON_TYPES = ("integer", "double", "boolean", "jsonobject", "jsonarray")
_SYSTEM_FIELDS: Mapping[str, str] = {
    **dict.fromkeys(("Tag", "Participants"), "jsonarray"),
    **dict.fromkeys(("Pipeline", "Layout"), "jsonobject"),
    **dict.fromkeys(("Sub_Pipeline", "Stage"), "string"),
}
_LINKS_AND_LISTS: Mapping[str, str] = {
    **dict.fromkeys(("lookup", "ownerlookup", "userlookup"), "jsonobject"),
    **dict.fromkeys(("multiselectlookup", "multiselectpicklist", "subform"), "jsonarray"),
}
_VALUES: Mapping[str, str] = {
    **dict.fromkeys(("ALARM", "RRULE"), "jsonobject"),
    **dict.fromkeys(("double", "currency", "percent"), "double"),
    "integer": "integer",
    "boolean": "boolean",
}
"""What no ``string`` of the metadata makes a text. Source: FACTS 3, 7.21."""


def _may_be_rich_text(raw: Raw) -> bool:
    """Whether it is told to be rich text, or is a text area of which the kind is not told.

    >>> _may_be_rich_text({"data_type": "textarea"})
    True
    >>> _may_be_rich_text({"data_type": "textarea", "textarea": {"type": "large"}})
    False
    """
    kind = text(mapping(raw.get("textarea")).get("type"))
    return says(kind, "rich_text") or (kind is None and _data_type(raw) == "textarea")


@dataclass(frozen=True)
class LayoutField:
    """A field as a layout has it: it may be required here though it is not mandatory."""

    api_name: str
    required: bool = False
    pick_list_values: tuple[PickListValue, ...] = ()


@dataclass(frozen=True)
class Layout:
    """A layout; of Pipelines it is a Team Pipeline, and ``id`` is its ``pipeline_id``."""

    id: str
    name: str
    display_label: str = ""
    status: str = "active"
    fields: tuple[LayoutField, ...] = ()
    raw: Raw = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_json(cls, raw: Raw) -> Layout:
        """Read one entry of /settings/layouts."""
        sections = entries(raw, "sections")
        return cls(
            id=str(raw.get("id") or ""),
            name=str(raw.get("name") or ""),
            display_label=str(raw.get("display_label") or raw.get("name") or ""),
            status=str(raw.get("status") or "active"),
            fields=tuple(
                LayoutField(
                    api_name=_name(each.get("api_name")),
                    required=is_true(each.get("required")),
                    pick_list_values=_choices(each),
                )
                for section in sections
                for each in entries(section, "fields")
            ),
            raw=raw,
        )

    def field(self, api_name: str) -> LayoutField | None:
        """The layout's own view of a field."""
        return next((each for each in self.fields if each.api_name == api_name), None)

    @property
    def sub_pipelines(self) -> tuple[PickListValue, ...]:
        """The sub-pipelines of a Team Pipeline, each with its stages in ``maps["Stage"]``, in order."""
        chosen = self.field("Sub_Pipeline")
        return chosen.pick_list_values if chosen else ()


@dataclass(frozen=True)
class CustomView:
    """A custom view; reading through it costs 3 credits a page."""

    id: str
    name: str
    raw: Raw = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_json(cls, raw: Raw) -> CustomView:
        """Read one entry of /settings/custom_views."""
        return cls(id=str(raw.get("id") or ""), name=str(raw.get("name") or ""), raw=raw)


@dataclass(frozen=True)
class RelatedList:
    """A related list of a module; ``module`` is None where none stands behind it (Emails)."""

    api_name: str
    id: str = ""
    module: str | None = None
    status: str = "visible"
    raw: Raw = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_json(cls, raw: Raw) -> RelatedList:
        """Read one entry of /settings/related_lists."""
        return cls(
            api_name=_name(raw.get("api_name")),
            id=str(raw.get("id") or ""),
            module=api_name_of(raw.get("module")),
            status=str(raw.get("status") or "visible"),
            raw=raw,
        )


def _is_writable(name: str, raw: Raw, way: str) -> bool:
    """View_type, field_read_only and the profile tell; without view_type the sister API's operation_type.

    ``Owner`` says field_read_only and is writable; ``Tag`` says view_type false and is writable.
    """
    if name == "Tag":
        return True
    told = mapping(raw.get("view_type")).get(way)
    if told is None:
        told = mapping(raw.get("operation_type")).get(_API_WAYS[way])
    if not is_true(told):
        return False
    if name == "Owner":
        return True
    if is_true(raw.get("field_read_only")):
        return False
    # The profiles are those that have the field; whose token this is they do not say.
    permissions = [each.get("permission_type") for each in entries(raw, "profiles")]
    return not permissions or "read_write" in permissions


_API_WAYS: Mapping[str, str] = {"create": "api_create", "edit": "api_update"}


def _pointed_at(name: str, raw: Raw) -> str | None:
    """The module that a lookup points to. ``se_module`` is none: it stands for any (seen live).

    Where metadata do not say, the lookups that every organisation has point where they always do.

    >>> _pointed_at("What_Id", {"data_type": "lookup", "lookup": {"module": {"api_name": "se_module"}}})
    >>> _pointed_at("Account_Name", {"data_type": "lookup", "lookup": {}})
    'Accounts'
    """
    lookup, many = mapping(raw.get("lookup")), mapping(raw.get("multiselectlookup"))
    said = api_name_of(lookup.get("module")) or api_name_of(many.get("connected_module"))
    if said in (None, ANY_MODULE) and not is_true(raw.get("custom_field")) and _data_type(raw) in _LOOKUPS:
        said = _SYSTEM_LOOKUPS.get(name)
    return None if said in (None, ANY_MODULE) else OLDER_NAMES.get(said, said)


_LOOKUPS = ("lookup", "multiselectlookup")
_SYSTEM_LOOKUPS: Mapping[str, str] = {
    "Account_Name": "Accounts",
    "Contact_Name": "Contacts",
    "Who_Id": "Contacts",
    "Secondary_Contacts": "Contacts",
    "Product": "Products",
}
"""Source: FACTS 3, and 5 for the columns of a deal's products."""


def _rows_module(name: str, raw: Raw) -> str | None:
    """The module of a subform's rows: as told in one of two places, else the field's own name, which it has.

    >>> _rows_module("Associated_Products", {"data_type": "subform", "subform": {}})
    'Associated_Products'
    """
    if _data_type(raw) != "subform":
        return None
    places = (mapping(raw.get(each)).get("module") for each in ("subform", "associated_module"))
    return next(filter(None, map(api_name_of, places)), name)
