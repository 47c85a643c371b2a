"""Deals: team pipeline ⊃ sub-pipeline ⊃ stage. Source: FACTS 3 (layouts of Pipelines), 5 (deals).

A layout of Pipelines is a Team Pipeline; the values of its Sub_Pipeline field are the sub-pipelines, and
the `maps` of each value list its stages. Texts are compared with `actual_value`, never with the label.
"""

from __future__ import annotations

from typing import Any

from bigin_sandbox.rules.values.ids import id_given
from bigin_sandbox.rules.writing.refused import expected_type, mapping_mismatch, refused_value

Item = dict[str, Any]

LAYOUT_FIELDS = ("Pipeline", "Layout")  # either names the team pipeline; Pipeline wins


def layout_named(layouts: list[Item], value: Any, *, api_name: str, at: str) -> Item:
    """The layout of `{"id"}`, or of a plain id. An unknown one is refused."""
    layout_id = id_given(value.get("id") if isinstance(value, dict) else value)
    if layout_id is None:
        raise expected_type("jsonobject", api_name, at)
    named = next((layout for layout in layouts if layout["id"] == layout_id), None)
    if named is None:
        raise refused_value(api_name, at)
    return named


def layout_fields(layout: Item) -> dict[str, Item]:
    """The fields of a layout by api_name, through all its sections."""
    return {field["api_name"]: field for section in layout["sections"] for field in section["fields"]}


def stages_by_sub_pipeline(layout: Item) -> dict[str, list[str]]:
    """Sub-pipeline -> its stages in order, all by `actual_value`."""
    sub_pipelines = layout_fields(layout)["Sub_Pipeline"]["pick_list_values"]
    return {sub_pipeline["actual_value"]: _stages(sub_pipeline) for sub_pipeline in sub_pipelines}


def _stages(sub_pipeline: Item) -> list[str]:
    return [
        stage["actual_value"]
        for mapped in sub_pipeline["maps"]
        if mapped["api_name"] == "Stage"
        for stage in mapped["pick_list_values"]
    ]


def check_stage(layout: Item, deal: Item, *, path: str) -> None:
    """Refuse a sub-pipeline outside the team pipeline, or a stage outside the sub-pipeline.

    `deal` is the record as it will be after the write. Raises RecordRefused MAPPING_MISMATCH.
    """
    stages = stages_by_sub_pipeline(layout)
    if deal["Sub_Pipeline"] not in stages:
        raise mapping_mismatch("Pipeline", "Sub_Pipeline", path, "Layout doesn't contain the Pipeline")
    if deal["Stage"] not in stages[deal["Sub_Pipeline"]]:
        raise mapping_mismatch("Sub_Pipeline", "Stage", path, "Pipeline doesn't contain the Stage")
