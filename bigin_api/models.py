"""What this organisation is made of: modules, fields, layouts, views, related lists as dataclasses.

Unknown keys are ignored and unknown data types kept as they are; ``raw`` holds Bigin's own answer.
Source: modules-api, field-meta, layouts-meta-data, custom-view-meta, related-list-meta (Bigin v2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bigin_api.json_values import api_name_of, entries, integer, mapping, text

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
    viewable: bool = False
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
            api_name=str(raw.get("api_name") or ""),
            id=str(raw.get("id") or ""),
            module_name=str(raw.get("module_name") or ""),
            singular_label=str(raw.get("singular_label") or ""),
            plural_label=str(raw.get("plural_label") or ""),
            api_supported=raw.get("api_supported") is True,
            viewable=raw.get("viewable") is True,
            creatable=raw.get("creatable") is True,
            editable=raw.get("editable") is True,
            deletable=raw.get("deletable") is True,
            generated_type=str(raw.get("generated_type") or "default"),
            parent_module=api_name_of(raw.get("parent_module")),
            raw=raw,
        )


ANY_MODULE = "se_module"


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
        actual = raw.get("actual_value", shown)
        return cls(
            actual_value="" if actual is None else str(actual),
            display_value="" if shown is None else str(shown),
            id=str(raw.get("id") or ""),
            sequence_number=integer(raw.get("sequence_number")) or 0,
            maps={
                str(each.get("api_name")): tuple(
                    PickListValue.from_json(v) for v in entries(each, "pick_list_values")
                )
                for each in entries(raw, "maps")
            },
            raw=raw,
        )


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
    custom: bool = False
    is_display_field: bool = False
    is_unique: bool = False
    creatable: bool = False  # may be sent on insert
    updatable: bool = False  # may be sent on update
    sortable: bool = False
    filterable: bool = False
    lookup_module: str | None = None  # of a lookup: the module it points to; None where it may be any
    linking_lookup: str | None = None  # of a multi-select lookup: the lookup's name in a linking row
    textarea_type: str | None = None  # small, large, rich_text
    formula_return_type: str | None = None
    pick_list_values: tuple[PickListValue, ...] = ()
    raw: Raw = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_json(cls, raw: Raw) -> Field:
        """Read one entry of /settings/fields."""
        name = str(raw.get("api_name") or "")
        lookup = mapping(raw.get("lookup"))
        many = mapping(raw.get("multiselectlookup"))
        return cls(
            api_name=name,
            data_type=str(raw.get("data_type") or "unknown"),
            json_type=_json_type(name, raw),
            id=str(raw.get("id") or ""),
            label=str(raw.get("field_label") or raw.get("display_label") or name),
            length=integer(raw.get("length")),
            decimal_place=integer(raw.get("decimal_place")),
            mandatory=raw.get("system_mandatory") is True,
            custom=raw.get("custom_field") is True,
            is_display_field=raw.get("display_field") is True,
            is_unique=bool(mapping(raw.get("unique"))),  # present means unique; casesensitive is a string
            creatable=_is_writable(name, raw, "create"),
            updatable=_is_writable(name, raw, "edit"),
            sortable=raw.get("sortable") is True,
            filterable=raw.get("filterable") is True,
            lookup_module=_target(lookup.get("module")) or _target(many.get("connected_module")),
            linking_lookup=text(many.get("connectedlookup_apiname")),
            textarea_type=text(mapping(raw.get("textarea")).get("type")),
            formula_return_type=text(mapping(raw.get("formula")).get("return_type")),
            pick_list_values=tuple(
                PickListValue.from_json(each) for each in entries(raw, "pick_list_values")
            ),
            raw=raw,
        )


def _json_type(name: str, raw: Raw) -> str | None:
    """What the values are: where metadata say nothing or ``string``, as records show them.

    >>> _json_type("Pipeline", {"data_type": "bigint", "json_type": "string"})
    'jsonobject'
    """
    said, data_type = text(raw.get("json_type")), raw.get("data_type")
    if said not in (None, "string"):
        return said
    own = None if raw.get("custom_field") is True else _SYSTEM_FIELDS.get((name, data_type))
    return own or _STRUCTURES.get(data_type, said)


_SYSTEM_FIELDS: Mapping[tuple[str, Any], str] = {
    ("Tag", "text"): "jsonarray",
    ("Participants", "text"): "jsonarray",
    ("Pipeline", "bigint"): "jsonobject",
}
_STRUCTURES: Mapping[Any, str] = {
    **dict.fromkeys(("lookup", "ownerlookup", "userlookup"), "jsonobject"),
    **dict.fromkeys(("multiselectlookup", "multiselectpicklist", "subform"), "jsonarray"),
}
"""Values that are objects or arrays whatever metadata say. Source: FACTS 3, 7.21."""


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
                    api_name=str(each.get("api_name") or ""),
                    required=each.get("required") is True,
                    pick_list_values=tuple(
                        PickListValue.from_json(v) for v in entries(each, "pick_list_values")
                    ),
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
            api_name=str(raw.get("api_name") or ""),
            id=str(raw.get("id") or ""),
            module=api_name_of(raw.get("module")),
            status=str(raw.get("status") or "visible"),
            raw=raw,
        )


def _is_writable(name: str, raw: Raw, way: str) -> bool:
    """Bigin v2 has no operation_type: view_type, field_read_only and the profile tell.

    ``Owner`` says field_read_only and is writable; ``Tag`` says view_type false and is writable.
    """
    if name == "Tag":
        return True
    if mapping(raw.get("view_type")).get(way) is not True:
        return False
    if name == "Owner":
        return True
    if raw.get("field_read_only") is True or raw.get("read_only") is True:
        return False
    # The profiles are those that have the field; whose token this is they do not say.
    permissions = [each.get("permission_type") for each in entries(raw, "profiles")]
    return not permissions or "read_write" in permissions


def _target(module: Any) -> str | None:
    """The module that a lookup points to. ``se_module`` is none: it stands for any (seen live).

    >>> _target({"api_name": "se_module", "id": None}) is None, _target({"api_name": "Accounts"})
    (True, 'Accounts')
    """
    name = api_name_of(module)
    return None if name == ANY_MODULE else name
