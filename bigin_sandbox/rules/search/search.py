"""What a search looks for: `criteria`, `email`, `phone` or `word`, as conditions on records.

The index lags behind the data (FACTS 4): a record written in the last seconds is not found, whatever its
values. Source: search-records; operators and codes from Zoho CRM, read.md 6.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from bigin_sandbox.clock import to_text
from bigin_sandbox.http.answers import Refusal, invalid_data
from bigin_sandbox.rules.reading.columns import Column, UnknownColumn, find_column
from bigin_sandbox.rules.reading.conditions import Comparison, Criteria, Group, Scalar, typed_value
from bigin_sandbox.rules.search.grammar import Wish, Wishes, parse_criteria
from bigin_sandbox.storage.metadata import Item, Metadata

MAX_CONDITIONS = 10
MAX_VALUES = 100
WAYS = ("criteria", "email", "phone", "word")  # given several, in this order of preference
NOT_SEARCHABLE = frozenset({"Sub_Pipeline"})  # refused live, though its metadata say otherwise

_SCALE = frozenset(
    {"equals", "not_equal", "greater_than", "greater_equal", "less_than", "less_equal", "between", "in"}
)
_TEXT = frozenset({"equals", "not_equal", "starts_with", "in"})
_CHOICE = frozenset({"equals", "not_equal", "in"})
_OPERATORS_OF_KIND = {
    "text": _TEXT,
    "long text": _TEXT - {"in"},
    "multi": _TEXT,
    "lookup": _CHOICE,
    "id": _SCALE,
    "number": _SCALE,
    "date": _SCALE,
    "datetime": _SCALE,
    "boolean": frozenset({"equals", "not_equal"}),
}
_OPERATORS_OF_TYPE = {"picklist": _CHOICE, "autonumber": _CHOICE}
_SIGNS = {
    "equals": "=",
    "not_equal": "!=",
    "greater_than": ">",
    "greater_equal": ">=",
    "less_than": "<",
    "less_equal": "<=",
    "between": "between",
    "in": "in",
    "starts_with": "starts",
}
_PATTERNS = {
    "email": re.compile(r"[\w.%+@-]{2,}"),
    "phone": re.compile(r"[\d ()+./-]{2,}"),
    "word": re.compile(r"[\w .@+-]{2,}"),
}


def wanted(params: Mapping[str, str], metadata: Metadata, module: str, user: dict[str, Any]) -> Criteria:
    """What the caller looks for. Raises Refusal."""
    way = next((way for way in WAYS if params.get(way)), None)
    if way is None:
        details = {"param_names": list(WAYS)}
        raise Refusal(400, "EXPECTED_PARAM_MISSING", "One of the expected parameter is missing", details)
    text = params[way]
    if way == "criteria":
        return _criteria(text, metadata, module, user)
    if not _PATTERNS[way].fullmatch(text):
        raise invalid_data("the value given seems to be invalid", param_name=way)
    return _anywhere(way, text, metadata, module, user)


def indexed_before(module: str, instant: datetime) -> Comparison:
    """Only what the index knew by then."""
    modified = Column("Modified_Time", (), module, "Modified_Time", "datetime", "datetime")
    return Comparison(modified, "<=", (to_text(instant),))


def _criteria(text: str, metadata: Metadata, module: str, user: dict[str, Any]) -> Criteria:
    try:
        wishes = parse_criteria(text)
    except ValueError as error:
        raise _invalid_query(f"the criteria cannot be read: {error}") from None
    if len(list(_leaves(wishes))) > MAX_CONDITIONS:
        raise _invalid_query(f"more than {MAX_CONDITIONS} conditions")

    def resolved(wish: Wish | Wishes) -> Criteria:
        if isinstance(wish, Wishes):
            return Group(wish.joiner, tuple(resolved(part) for part in wish.parts))
        return _comparison(wish, metadata, module, user)

    return resolved(wishes)


def _leaves(wish: Wish | Wishes) -> Iterator[Wish]:
    if isinstance(wish, Wish):
        yield wish
        return
    for part in wish.parts:
        yield from _leaves(part)


def _comparison(wish: Wish, metadata: Metadata, module: str, user: dict[str, Any]) -> Comparison:
    where = {"api_name": wish.name, "operator": wish.operator}
    column = _searchable_column(wish.name, metadata, module, user)
    if column is None:
        raise _invalid_query("the field is not available for search", **where)
    operators = _OPERATORS_OF_TYPE.get(column.data_type, _OPERATORS_OF_KIND[column.kind])
    if wish.operator not in operators:
        raise _invalid_query("invalid operator for the field", **where)
    try:
        values = _values(column, wish)
    except ValueError:
        raise _invalid_query("invalid value for the field", **where) from None
    # `equals` on a text finds what contains it.
    is_loose = wish.operator == "equals" and column.kind in {"text", "long text", "multi"}
    return Comparison(column, "contains" if is_loose else _SIGNS[wish.operator], values)


def _searchable_column(name: str, metadata: Metadata, module: str, user: dict[str, Any]) -> Column | None:
    path = name.removesuffix(".id") if name != "id" else name  # clients also write Account_Name.id
    try:
        column = find_column(metadata, module, path, user)
    except UnknownColumn:
        return None
    field = metadata.field(module, path)
    searchable = path == "id" or bool(field and field["searchable"] and path not in NOT_SEARCHABLE)
    return column if searchable and column.kind in _OPERATORS_OF_KIND and not column.joins else None


def _values(column: Column, wish: Wish) -> tuple[Scalar, ...]:
    count = {"in": range(1, MAX_VALUES + 1), "between": range(2, 3)}.get(wish.operator)
    texts = wish.values if count else (wish.value,)
    if count and len(texts) not in count:
        raise ValueError("too many or too few values")
    return tuple(typed_value(column.kind, text.strip()) for text in texts)


def _anywhere(way: str, text: str, metadata: Metadata, module: str, user: dict[str, Any]) -> Criteria:
    """The text in any field of the right sort."""
    operator = "=" if way == "email" else "contains"
    found = [
        Comparison(column, operator, (text,))
        for field in metadata.fields(module)
        if (column := _searchable_column(field["api_name"], metadata, module, user))
        and _suits(way, field, column)
    ]
    if not found:
        raise invalid_data("the module has no such field", param_name=way)
    return Group("or", tuple(found))


def _suits(way: str, field: Item, column: Column) -> bool:
    return column.kind == "text" if way == "word" else field["data_type"] == way


def _invalid_query(reason: str, **details: Any) -> Refusal:
    return Refusal(400, "INVALID_QUERY", "Invalid query formed", {"reason": reason, **details})
