"""The criteria of a custom view -> conditions on records. Source: read.md 3.5."""

from __future__ import annotations

from typing import Any

from bigin_sandbox.rules.reading.columns import find_column
from bigin_sandbox.rules.reading.conditions import Comparison, Criteria, Group
from bigin_sandbox.storage.metadata import Metadata

OPERATORS = {
    "equal": "=",
    "not_equal": "!=",
    "greater_than": ">",
    "greater_equal": ">=",
    "less_than": "<",
    "less_equal": "<=",
    "is_empty": "empty",
}


def view_criteria(
    metadata: Metadata, module: str, criteria: dict[str, Any], user: dict[str, Any]
) -> Criteria:
    """Conditions as the view has them."""
    if "group" in criteria:
        parts = tuple(view_criteria(metadata, module, part, user) for part in criteria["group"])
        return Group(criteria["group_operator"], parts)
    column = find_column(metadata, module, criteria["field"]["api_name"], user)
    operator = OPERATORS[criteria["comparator"]]
    return Comparison(column, operator, () if operator == "empty" else (criteria["value"],))
