"""The streams that describe the organisation itself: columns, types and keys in one table, and their reading.

Full tables, one credit an answer; what discovery has asked for is not paid for twice. Keys that Bigin
may add are left out. Team Pipelines, their sub-pipelines and stages are a row for each stage: a Team
Pipeline is a layout of Pipelines, a sub-pipeline a value of its ``Sub_Pipeline`` field, and only there
does each value say which stages it has. Source: modules-api, field-meta, layouts-meta-data,
custom-view-meta, related-list-meta, get-users, get-org-data (Bigin v2), key lists seen live.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bigin_api import InvalidRequest, ModuleUnavailable
from bigin_api.errors import Refused
from tap_bigin.discovery.definition import StreamDefinition
from tap_bigin.singer.batch import Batch
from tap_bigin.streams.stream import BiginStream
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
    from collections.abc import Sequence

    from bigin_api import Field, Layout, PickListValue
    from tap_bigin.settings import Lookups
    from tap_bigin.singer.batch import Record, State


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
STAGE = "Stage"
INTEGER = nullable("integer")
CATEGORY_KEYS = ("forecast_type", "deal_category", "forecast_category")


@dataclass(frozen=True)
class SubPipelinesDefinition(StreamDefinition):
    """The stages of every sub-pipeline, from one answer of the metadata."""

    @property
    def selected_by_default(self) -> bool:
        """False, as for all that describes the settings."""
        return False


SUB_PIPELINES = SubPipelinesDefinition(
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


def sub_pipeline_rows(layouts: Sequence[Layout], fields: Sequence[Field]) -> Iterator[dict[str, Any]]:
    """A row for each stage of each sub-pipeline, in the order in which people see them.

    >>> from bigin_api import Layout
    >>> won = {"actual_value": "Closed Won", "display_value": "Won", "id": "9", "forecast_type": "Closed Won"}
    >>> maps = [{"api_name": "Stage", "pick_list_values": [won]}]
    >>> inbound = {"actual_value": "Inbound", "display_value": "Inbound", "maps": maps}
    >>> sections = [{"fields": [{"api_name": "Sub_Pipeline", "pick_list_values": [inbound]}]}]
    >>> rows = sub_pipeline_rows([Layout.from_json({"id": "7", "name": "Sales", "sections": sections})], [])
    >>> [(row["pipeline"], row["sub_pipeline"], row["stage_label"], row["category"]) for row in rows]
    [('Sales', 'Inbound', 'Won', 'Closed Won')]
    """
    described = next((each.pick_list_values for each in fields if each.api_name == STAGE), ())
    categories = {each.actual_value: _category(each.raw) for each in described}
    for layout in layouts:
        for place, sub_pipeline in enumerate(layout.sub_pipelines, start=1):
            for position, stage in enumerate(sub_pipeline.maps.get(STAGE, ()), start=1):
                yield {
                    "pipeline_id": layout.id,
                    "pipeline": layout.display_label or layout.name,
                    **_of_sub_pipeline(sub_pipeline, place),
                    **_of_stage(stage, position),
                    "category": _category(stage.raw) or categories.get(stage.actual_value),
                }


def _of_sub_pipeline(value: PickListValue, place: int) -> dict[str, Any]:
    return {
        "sub_pipeline": value.actual_value,
        "sub_pipeline_label": value.display_value,
        "sub_pipeline_position": value.sequence_number or place,
    }


def _of_stage(value: PickListValue, place: int) -> dict[str, Any]:
    return {
        "stage": value.actual_value,
        "stage_label": value.display_value,
        "stage_position": value.sequence_number or place,
        "stage_id": value.id or None,
    }


def _category(raw: Mapping[str, Any]) -> str | None:
    """Bigin's own word; the name of a stage is no evidence, people rename them."""
    for key in CATEGORY_KEYS:
        said = raw.get(key)
        name = said.get("name") if isinstance(said, dict) else said
        if isinstance(name, str) and name:
            return name
    return None


Rows = Iterable[Mapping[str, Any]]


class OrganizationStream(BiginStream[OrganizationDefinition]):
    """All of it at each run: a few answers of the metadata."""

    @property
    def least_credits(self) -> int:
        """All of it at once: an answer for each module at most, or some pages of users."""
        return len(self.run.description.modules) + super().least_credits

    def read(self, state: State) -> Iterator[Batch]:  # noqa: ARG002 -- all of it at each run
        """The rows of every answer, in one batch."""
        names = list(filter(self.is_asked_for, self.definition.schema.properties))
        convert = self.conversion(names)
        try:
            rows: list[Record] = [{name: row.get(name) for name in names} for row in SOURCES[self.name](self)]
        except InvalidRequest as refused:
            # Not every organisation describes itself in every way; no record depends on it.
            raise ModuleUnavailable(refused.message) from refused
        convert(rows)
        yield Batch(rows)

    def of_modules(self, ask: Callable[[str], Iterable[Any]], column: str = "module") -> Rows:
        """The answer for each readable module, side by side, with the module's name in a column."""
        modules = [module.api_name for module in self.run.description.modules]
        answers = self.calls.map_in_order(lambda module: _asked(ask, module), modules)
        for module, rows in zip(modules, answers, strict=True):
            for row in rows:
                yield {**getattr(row, "raw", row), column: module}


SOURCES: Mapping[str, Callable[[OrganizationStream], Rows]] = {
    "users": lambda stream: stream.client.organization.users(),
    "organization": lambda stream: [stream.client.organization.get()],
    "settings_modules": lambda stream: [module.raw for module in stream.client.metadata.modules()],
    "settings_roles": lambda stream: stream.client.metadata.roles(),
    "settings_profiles": lambda stream: stream.client.metadata.profiles(),
    "settings_fields": lambda stream: stream.of_modules(stream.client.metadata.complete_fields),
    "settings_layouts": lambda stream: stream.of_modules(stream.client.metadata.layouts),
    "settings_custom_views": lambda stream: stream.of_modules(stream.client.metadata.custom_views),
    "settings_tags": lambda stream: stream.of_modules(stream.client.tags.of_module),
    "settings_related_lists": lambda stream: stream.of_modules(
        stream.client.metadata.related_lists, "parent_module"
    ),
}


def _asked(ask: Callable[[str], Iterable[Any]], module: str) -> Iterable[Any]:
    """The answer, nothing where the module has no such thing: not every one has related lists or tags."""
    try:
        return ask(module)
    except Refused:
        return ()


class SubPipelinesStream(BiginStream[SubPipelinesDefinition]):
    """One answer of the metadata, which the run may have asked for already."""

    def read(self, state: State) -> Iterator[Batch]:  # noqa: ARG002 -- all of it at each run
        """Everything at once: at most a few hundred rows."""
        metadata = self.client.metadata
        yield Batch(list(sub_pipeline_rows(metadata.layouts(PIPELINES), metadata.complete_fields(PIPELINES))))
