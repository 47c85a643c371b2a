"""What a write call says beside its records: automation, features, `If-Unmodified-Since`.

Source: FACTS 5 (trigger); write.md 4, 7 (body-level switches).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bigin_sandbox.clock import parse_instant
from bigin_sandbox.http.answers import invalid_data
from bigin_sandbox.http.calls import ApiCall

ALL_TRIGGERS = ("workflow", "approval", "blueprint", "pathfinder", "orchestration")
FEATURES = (
    "layout_rules",
    "range_validation",
    "assignment_rules",
    "function_validation_rule",
    "criteria_validation_rule",
    "global_map_dependency",
    "territory_subordinates",
)


@dataclass(frozen=True)
class WriteOptions:
    """How a call's records are written."""

    triggers: tuple[str, ...] = ()
    unmodified_since: datetime | None = None


def write_options(call: ApiCall) -> WriteOptions:
    """The options of an insert, update or upsert. Raises Refusal."""
    body = call.json_object()
    _check_features(body.get("apply_feature_execution"))
    trigger = body.get("trigger")
    if trigger is not None and not isinstance(trigger, list):
        raise invalid_data(expected_data_type="jsonarray", api_name="trigger")
    return WriteOptions(triggers_of(trigger), _unmodified_since(call))


def triggers_of(trigger: list[Any] | None) -> tuple[str, ...]:
    """The triggers left on: absent means all, `[]` none, unknown words nothing.

    >>> triggers_of([]), triggers_of(["workflow", "sunshine"])
    ((), ('workflow',))
    """
    if trigger is None:
        return ALL_TRIGGERS
    return tuple(word for word in ALL_TRIGGERS if word in trigger)


def _check_features(features: Any) -> None:
    """`apply_feature_execution: [{"name": "layout_rules"}]`: a wrong name is refused."""
    if features is None:
        return
    if not isinstance(features, list) or not all(isinstance(feature, dict) for feature in features):
        raise invalid_data(expected_data_type="jsonarray", api_name="apply_feature_execution")
    for place, feature in enumerate(features):
        if feature.get("name") not in FEATURES:
            path = f"$.apply_feature_execution[{place}].name"
            raise invalid_data(api_name="name", json_path=path, supported_values=list(FEATURES))


def _unmodified_since(call: ApiCall) -> datetime | None:
    given = call.headers.get("if-unmodified-since")
    if given is None:
        return None
    instant = parse_instant(given)
    if instant is None:
        raise invalid_data(expected_data_type="datetime", param_name="If-Unmodified-Since")
    return instant
