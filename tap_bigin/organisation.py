"""The streams that describe the organisation itself: columns, types and keys, one table. Pure.

Full tables, one credit an answer; what discovery has asked for is not paid for twice. Keys that Bigin
may add are left out. Source: modules-api, field-meta, layouts-meta-data, custom-view-meta,
related-list-meta, get-users, get-org-data (Bigin v2), key lists seen live.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_bigin.discovery.definition import StreamDefinition
from tap_bigin.values.schema import (
    DATETIME,
    LINK,
    LIST_OF_ANYTHING,
    STRING,
    JsonSchema,
    RecordSchema,
    Shape,
    nullable,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_bigin.settings import Lookups


@dataclass(frozen=True)
class OrganisationDefinition(StreamDefinition):
    """One of the organisation's own descriptions; its name says which."""


_SHAPES: Mapping[str, Shape] = {
    "text": Shape(STRING),
    "integer": Shape(nullable("integer")),
    "boolean": Shape(nullable("boolean")),
    "moment": Shape(DATETIME, "datetime"),
    "link": Shape(LINK, "link"),
    "object": Shape(nullable("object")),
    "list": Shape(LIST_OF_ANYTHING),
}

_COLUMNS: Mapping[str, tuple[tuple[str, ...], Mapping[str, str]]] = {
    "users": (
        ("id",),
        {
            "text": "full_name first_name last_name email mobile phone fax website zuid alias signature dob "
            "street city state zip country status status_reason__s category language locale country_locale "
            "time_zone date_format time_format name_format sort_order_preference decimal_separator "
            "number_separator default_tab_group Preferred_Currency__s",
            "link": "role profile created_by Modified_By",
            "moment": "created_time Modified_Time",
            "integer": "offset",
            "boolean": "confirm sandboxDeveloper microsoft personal_account Isonline",
            "object": "theme customize_info",
        },
    ),
    "organization": (
        ("id",),
        {
            "text": "company_name zgid domain_name primary_zuid primary_email currency currency_symbol "
            "currency_locale iso_code time_zone country_code country city state street zip phone mobile fax "
            "website alias description employee_count photo_id zia_portal_id",
            "boolean": "mc_status gapps_enabled lite_users_enabled translation_enabled privacy_settings "
            "hipaa_compliance_enabled deletable_org_account",
            "object": "hierarchy_preferences license_details",
        },
    ),
    "settings_modules": (
        ("api_name",),
        {
            "text": "id module_name singular_label plural_label actual_singular_label actual_plural_label "
            "generated_type access_type web_link description",
            "boolean": "api_supported viewable creatable editable deletable visible show_as_tab quick_create "
            "presence_sub_menu convertable webform_supported global_search_supported filter_supported "
            "feeds_required scoring_supported triggers_supported email_parser_supported "
            "emailTemplate_support inventory_template_supported isBlueprintSupported "
            "public_fields_configured has_more_profiles",
            "integer": "visibility sequence_number profile_count business_card_field_limit",
            "list": "profiles arguments",
            "object": "parent_module private_profile",
            "link": "modified_by",
            "moment": "modified_time",
        },
    ),
    "settings_fields": (
        ("module", "api_name"),
        {
            "text": "id field_label display_label data_type json_type type created_source tooltip",
            "integer": "length decimal_place display_type ui_type",
            "boolean": "system_mandatory read_only field_read_only custom_field visible display_field "
            "virtual_field sortable filterable searchable mass_update separator webhook "
            "businesscard_supported pick_list_values_sorted_lexically enable_colour_code "
            "colour_code_enabled_by_system",
            "object": "view_type unique lookup multiselectlookup multi_module_lookup formula auto_number "
            "currency textarea email_parser",
            "list": "pick_list_values profiles",
            "moment": "created_time modified_time",
        },
    ),
    "settings_layouts": (
        ("module", "id"),
        {
            "text": "name api_name display_label status source generated_type",
            "boolean": "visible has_more_profiles",
            "link": "created_by modified_by",
            "moment": "created_time modified_time",
            "list": "profiles sections",
        },
    ),
    "settings_custom_views": (
        ("module", "id"),
        {
            "text": "name display_value system_name category",
            "boolean": "system_defined default locked",
            "integer": "favorite",
            "link": "created_by modified_by",
            "moment": "created_time modified_time last_accessed_time",
        },
    ),
    "settings_related_lists": (
        ("parent_module", "id"),
        {
            "text": "api_name name display_label type sequence_number href action status connectedmodule "
            "linkingmodule",
            "object": "module",
            "boolean": "customize_sort customize_fields customize_display_label",
        },
    ),
    "settings_tags": (
        ("module", "id"),
        {
            "text": "name color_code",
            "link": "created_by modified_by",
            "moment": "created_time modified_time",
        },
    ),
    "settings_roles": (
        ("id",),
        {"text": "name display_label description", "link": "reporting_to", "boolean": "share_with_peers"},
    ),
    "settings_profiles": (
        ("id",),
        {
            "text": "name display_label description",
            "boolean": "category custom default",
            "link": "created_by modified_by",
            "moment": "created_time modified_time",
        },
    ),
}
"""Stream: its keys, and its other columns by kind."""

ORGANISATION_STREAMS = frozenset(_COLUMNS)
FIELDS = "settings_fields"


def define_organisation(*, lookups: Lookups = "object") -> Iterator[OrganisationDefinition]:
    """The definition of each of these streams.

    >>> roles = next(each for each in define_organisation() if each.name == "settings_roles")
    >>> roles.primary_keys, roles.schema.properties["share_with_peers"]
    (('id',), {'type': ['boolean', 'null']})
    """
    for name, (keys, kinds) in _COLUMNS.items():
        shapes = {column: _SHAPES[kind] for kind, columns in kinds.items() for column in columns.split()}
        properties: dict[str, JsonSchema] = {key: {"type": "string"} for key in keys}
        for column, shape in shapes.items():
            flat = shape.treatment == "link" and lookups == "id"
            properties[column] = dict(STRING if flat else shape.schema)
        treatments = {
            column: shape.treatment for column, shape in shapes.items() if shape.treatment != "none"
        }
        yield OrganisationDefinition(name, RecordSchema(properties, treatments), keys)
