"""The streams that describe the organisation itself: their columns, types and keys, in one table.

Keys that Bigin may add are left out. Source: modules-api, field-meta, layouts-meta-data,
custom-view-meta, related-list-meta, get-users, get-org-data (Bigin v2), key lists seen live.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_bigin.discovery.definition import StreamDefinition
from tap_bigin.values.data_types import (
    DATETIME,
    LINK,
    LIST_OF_ANYTHING,
    STRING,
    DataType,
    JsonSchema,
    nullable,
)
from tap_bigin.values.schema import RecordSchema

if TYPE_CHECKING:
    from tap_bigin.settings import Lookups


@dataclass(frozen=True)
class OrganizationDefinition(StreamDefinition):
    """One of the organisation's own descriptions; its name says which.

    What describes the settings is needed seldom, and costs more than an hourly run of all else.
    """

    @property
    def selected_by_default(self) -> bool:
        """True for users and the organisation itself."""
        return not self.name.startswith("settings_")


_DATA_TYPES: Mapping[str, DataType] = {
    "text": DataType(STRING),
    "integer": DataType(nullable("integer")),
    "boolean": DataType(nullable("boolean")),
    "moment": DataType(DATETIME, "datetime"),
    "link": DataType(LINK, "link"),
    "object": DataType(nullable("object")),
    "list": DataType(LIST_OF_ANYTHING),
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

ORGANIZATION_STREAMS = frozenset(_COLUMNS)
FIELDS = "settings_fields"


def define_organization(*, lookups: Lookups = "object") -> Iterator[OrganizationDefinition]:
    """The definition of each of these streams.

    >>> roles = next(each for each in define_organization() if each.name == "settings_roles")
    >>> roles.primary_keys, roles.schema.properties["share_with_peers"]
    (('id',), {'type': ['boolean', 'null']})
    """
    for name, (keys, kinds) in _COLUMNS.items():
        types = {column: _DATA_TYPES[kind] for kind, columns in kinds.items() for column in columns.split()}
        properties: dict[str, JsonSchema] = {key: {"type": "string"} for key in keys}
        for column, data_type in types.items():
            flat = data_type.treatment == "link" and lookups == "id"
            properties[column] = dict(STRING if flat else data_type.schema)
        treatments = {
            column: data_type.treatment
            for column, data_type in types.items()
            if data_type.treatment != "none"
        }
        yield OrganizationDefinition(name, RecordSchema(properties, treatments), keys)


PIPELINES = "Pipelines"
INTEGER = nullable("integer")


SUB_PIPELINES = OrganizationDefinition(
    name="settings_sub_pipelines",
    schema=RecordSchema(
        {
            "pipeline_id": {
                "type": "string",
                "description": "Id of the Team Pipeline, as in a deal's Pipeline.",
            },
            "pipeline": STRING,
            "sub_pipeline": {"type": "string", "description": "As a deal's Sub_Pipeline has it."},
            "sub_pipeline_label": STRING,
            "sub_pipeline_position": INTEGER,
            "stage": {"type": "string", "description": "As a deal's Stage has it."},
            "stage_label": STRING,
            "stage_position": INTEGER,
            "stage_id": STRING,
            "category": nullable("string", description="Won, lost or open in Bigin's words, where it tells."),
        }
    ),
    primary_keys=("pipeline_id", "sub_pipeline", "stage"),
)
