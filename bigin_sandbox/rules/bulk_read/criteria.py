"""The criteria of a Bulk Read job as conditions on records.

    {"api_name": "Modified_Time", "comparator": "greater_equal", "value": "2026-01-01T00:00:00+00:00"}
    {"group": [<criteria>, …], "group_operator": "and"}

A leaf may also name its field as `{"field": {"api_name": …}}`, the sister API's form. Source: FACTS 4,
create-job (Bigin v2: comparators and values by data type), read.md 8.1, 8.4 (codes).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bigin_sandbox.http.answers import Refusal
from bigin_sandbox.rules.reading.columns import Column, UnknownColumn, find_column
from bigin_sandbox.rules.reading.conditions import Comparison, Criteria, Group, Scalar, typed_value
from bigin_sandbox.storage.metadata import Metadata

MAX_CONDITIONS = 25
MAX_TEXT = 255  # characters of a value
EMPTY = "${EMPTY}"

_EQUALITY = ("equal", "not_equal", "in", "not_in")
_RANGE = ("less_than", "less_equal", "greater_than", "greater_equal")
_BETWEEN = ("between", "not_between")
_WITHIN = ("contains", "not_contains", "starts_with", "ends_with")
COMPARATORS: dict[str, tuple[str, ...]] = {
    "id": (*_EQUALITY, *_RANGE),
    "number": (*_EQUALITY, *_RANGE),
    "text": (*_EQUALITY, *_WITHIN),
    "multi": (*_EQUALITY, *_WITHIN),
    "date": (*_EQUALITY, *_RANGE, *_BETWEEN),
    "datetime": (*_EQUALITY, *_RANGE, *_BETWEEN),
    "boolean": ("equal",),
    "lookup": _EQUALITY,
}
_SIGNS = {
    "equal": "=",
    "not_equal": "!=",
    "in": "in",
    "not_in": "not in",
    "less_than": "<",
    "less_equal": "<=",
    "greater_than": ">",
    "greater_equal": ">=",
    "between": "between",
    "not_between": "not between",
    "contains": "contains",
    "not_contains": "not contains",
    "starts_with": "starts",
    "ends_with": "ends",
}


def check_criteria(criteria: Any, metadata: Metadata, module: str, user: dict[str, Any]) -> Criteria:
    """The conditions that a criteria object asks for. Raises Refusal."""
    if sum(1 for _ in _leaves(criteria)) > MAX_CONDITIONS:
        raise refuse("CRITERIA_LIMIT_EXCEEDED", "criteria limit exceeded", limit=MAX_CONDITIONS)
    return _Checker(metadata, module, user).criteria(criteria)


def flat(criteria: Any) -> Any:
    """Criteria in Bigin's own form, in which a job is told again: `api_name`, no `field`."""
    if not isinstance(criteria, dict):
        return criteria
    if isinstance(criteria.get("group"), list):
        return {**criteria, "group": [flat(part) for part in criteria["group"]]}
    rest = {key: value for key, value in criteria.items() if key != "field"}
    return {"api_name": _name(criteria), **rest}


def _leaves(criteria: Any) -> Iterator[Any]:
    group = criteria.get("group") if isinstance(criteria, dict) else None
    if not isinstance(group, list):
        yield criteria
        return
    for part in group:
        yield from _leaves(part)


def _name(leaf: dict[str, Any]) -> Any:
    field = leaf.get("field")
    return field.get("api_name") if isinstance(field, dict) else leaf.get("api_name", field)


class _Checker:
    def __init__(self, metadata: Metadata, module: str, user: dict[str, Any]) -> None:
        self._metadata = metadata
        self._module = module
        self._user = user

    def criteria(self, criteria: Any) -> Criteria:
        """A leaf or a group."""
        if not isinstance(criteria, dict):
            raise refuse("INVALID_CRITERIA", "invalid criteria")
        if "group" not in criteria:
            return self._comparison(criteria)
        if "comparator" in criteria or "api_name" in criteria or "field" in criteria:
            raise refuse("AMBIGUOUS_CRITERIA", "a criteria is a group or a comparison, not both")
        group, operator = criteria["group"], criteria.get("group_operator", "and")
        if not isinstance(group, list) or not group:
            raise refuse("INVALID_CRITERIA", "invalid criteria")
        if operator not in {"and", "or"}:
            raise refuse(
                "GROUP_OPERATOR_NOT_SUPPORTED", "group operator not supported", group_operator=operator
            )
        return Group(operator, tuple(self.criteria(part) for part in group))

    def _comparison(self, leaf: dict[str, Any]) -> Comparison:
        column = self._column(_name(leaf))
        comparator, value = leaf.get("comparator"), leaf.get("value")
        if comparator not in _SIGNS:
            raise refuse("INVALID_CRITERIA", "invalid criteria", api_name=column.path, comparator=comparator)
        supported = COMPARATORS[column.kind]
        if comparator not in supported:
            code = "FIELD_AND_COMPARATOR_IN_CRITERIA_NOT_COMPATIBLE"
            details = {"api_name": column.path, "comparator": comparator, "supported": list(supported)}
            raise refuse(code, "field and comparator in criteria not compatible", **details)
        if value == EMPTY:
            return _emptiness(column, comparator)
        return Comparison(column, _SIGNS[comparator], _values(column, comparator, value))

    def _column(self, name: Any) -> Column:
        if not isinstance(name, str):
            raise refuse("INVALID_CRITERIA", "invalid criteria")
        try:
            column = find_column(self._metadata, self._module, name, self._user)
        except UnknownColumn:
            details = {"api_name": name, "module": self._module}
            raise refuse(
                "FIELD_IN_CRITERIA_NOT_AVAILABLE", "field in criteria not available", **details
            ) from None
        if column.kind not in COMPARATORS:
            raise refuse("FIELD_IN_CRITERIA_NOT_SUPPORTED", "field in criteria not supported", api_name=name)
        return column


def _emptiness(column: Column, comparator: str) -> Comparison:
    if comparator not in {"equal", "not_equal"}:
        raise _incompatible(column, comparator)
    return Comparison(column, "empty" if comparator == "equal" else "not empty")


def _values(column: Column, comparator: str, value: Any) -> tuple[Scalar, ...]:
    is_list = comparator in {"in", "not_in", *_BETWEEN}
    if (
        is_list != isinstance(value, list)
        or (comparator in _BETWEEN and len(value) != 2)
        or value in ([], "")
    ):
        raise _incompatible(column, comparator)
    return tuple(_value(column, one) for one in (value if is_list else [value]))


def _value(column: Column, value: Any) -> Scalar:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if len(text) > MAX_TEXT:
        code = "VALUE_LIMIT_EXCEEDED_IN_CRITERIA"
        raise refuse(code, "value limit exceeded in criteria", api_name=column.path, limit=MAX_TEXT)
    try:
        return typed_value(column.kind, text)
    except ValueError:
        code = "FIELD_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE"
        raise refuse(code, "field and value in criteria not compatible", api_name=column.path) from None


def _incompatible(column: Column, comparator: str) -> Refusal:
    code = "COMPARATOR_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE"
    message = "comparator and value in criteria not compatible"
    return refuse(code, message, api_name=column.path, comparator=comparator)


def refuse(code: str, message: str, **details: Any) -> Refusal:
    """A job that is not made."""
    return Refusal(400, code, message, details)
