"""Team Pipelines, their sub-pipelines and stages, in order: a row for each stage. Pure.

A Team Pipeline is a layout of Pipelines, a sub-pipeline a value of its ``Sub_Pipeline`` field, and only
there does each value say which stages it has. Source: layouts-meta-data (Bigin v2), seen live.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_bigin.discovery.definition import StreamDefinition
from tap_bigin.values.schema import STRING, RecordSchema, nullable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bigin_api import Field, Layout, PickListValue

PIPELINES = "Pipelines"
STAGE = "Stage"
INTEGER = nullable("integer")
CATEGORY_KEYS = ("forecast_type", "deal_category", "forecast_category")


@dataclass(frozen=True)
class SubPipelinesDefinition(StreamDefinition):
    """The stages of every sub-pipeline, from one answer of the metadata."""


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
