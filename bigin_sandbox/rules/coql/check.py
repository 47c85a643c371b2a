"""Whether a parsed COQL query may be asked of this organisation, and what it then asks for.

Source: FACTS 4 (COQL), construct-coql-query (limits, comparators by data type); codes and details from
get-records-through-coql (Zoho CRM), read.md 7.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bigin_sandbox.http.answers import Refusal, limit_exceeded, no_permission
from bigin_sandbox.rules.access.permissions import is_open_to
from bigin_sandbox.rules.coql.grammar import Condition, Pair, Query, Value
from bigin_sandbox.rules.reading.columns import MAX_JOINS, Column, UnknownColumn, find_column, joins_of
from bigin_sandbox.rules.reading.conditions import Comparison, Criteria, Group, Scalar, typed_value
from bigin_sandbox.storage.metadata import Metadata

MAX_LIMIT = 200
MAX_RECORDS = 10_000  # offset + limit
MAX_COLUMNS = 50
MAX_CONDITIONS = 25
MAX_VALUES = 50  # of `in` and `not in`
MAX_ORDER = 10
NOT_QUERYABLE = frozenset({"Notes", "Attachments"})

_TEXT = frozenset({"=", "!=", "like", "not like", "in", "not in", "is null", "is not null"})
_LINK = frozenset({"=", "!=", "in", "not in", "is null", "is not null"})
_SCALE = _LINK | {">", "<", ">=", "<=", "between", "not between"}
COMPARATORS: dict[str, frozenset[str]] = {
    "text": _TEXT,
    "multi": _TEXT,
    "lookup": _LINK,
    "id": _SCALE,
    "number": _SCALE,
    "date": _SCALE,
    "datetime": _SCALE,
    "boolean": frozenset({"="}),
}
_PLAIN_OPERATORS = {"is null": "empty", "is not null": "not empty"}
_BARE_KINDS = frozenset({"id", "lookup", "number"})  # the others want their values quoted


@dataclass(frozen=True)
class Plan:
    """A query that may run."""

    module: str
    columns: tuple[Column, ...]
    criteria: Criteria
    order: tuple[tuple[Column, bool], ...]
    limit: int
    offset: int


def check_query(query: Query, metadata: Metadata, user: dict[str, Any]) -> Plan:
    """The query with its names resolved. Raises Refusal as Bigin would."""
    _check_sizes(query)
    _check_module(query.module, metadata, user)
    checker = _Checker(metadata, query.module, user)
    columns = tuple(checker.column(path) for path in query.columns)
    criteria = checker.criteria(query.where)
    order = tuple((checker.column(path), descending) for path, descending in query.order_by)
    if len(joins_of(checker.seen)) > MAX_JOINS:
        raise limit_exceeded("join limit exceeded", limit=MAX_JOINS, clause="join")
    return Plan(query.module, columns, criteria, order, query.limit, query.offset)


def _check_sizes(query: Query) -> None:
    """Everything that is too many, whatever the names mean."""
    conditions = list(_conditions(query.where))
    sizes = [
        (len(query.columns), MAX_COLUMNS, "select"),
        (len(conditions), MAX_CONDITIONS, "where"),
        (max(len(condition.values) for condition in conditions), MAX_VALUES, "in"),
        (len(query.order_by), MAX_ORDER, "order by"),
        (query.limit, MAX_LIMIT, "limit"),
        (query.offset + query.limit, MAX_RECORDS, "offset"),
    ]
    for size, limit, clause in sizes:
        if size > limit:
            raise limit_exceeded(f"{clause} limit exceeded", limit=limit, clause=clause)
    for names in (query.columns, [path for path, _ in query.order_by]):
        repeated = next((name for place, name in enumerate(names) if name in names[:place]), None)
        if repeated is not None:
            details = {"column_name": repeated}
            raise Refusal(400, "DUPLICATE_DATA", "duplicate columns in the query", details)


def _conditions(where: Condition | Pair) -> Iterator[Condition]:
    if isinstance(where, Condition):
        yield where
        return
    yield from _conditions(where.left)
    yield from _conditions(where.right)


def _check_module(api_name: str, metadata: Metadata, user: dict[str, Any]) -> None:
    module = metadata.module(api_name)
    unfit = (
        module is None or not module["api_supported"] or module["generated_type"] in {"subform", "linking"}
    )
    if module is None or unfit or api_name in NOT_QUERYABLE:
        raise invalid_query("module given seems to be invalid", module=api_name)
    if not is_open_to(module, user):
        raise no_permission(f"Crm_Implied_View_{api_name}")


class _Checker:
    """Resolves and checks the columns of one query."""

    def __init__(self, metadata: Metadata, module: str, user: dict[str, Any]) -> None:
        self._metadata = metadata
        self._module = module
        self._user = user
        self.seen: list[Column] = []

    def column(self, path: str) -> Column:
        """A column that COQL can give, filter and sort by."""
        try:
            column = find_column(self._metadata, self._module, path, self._user)
        except UnknownColumn:
            reason = "column given seems to be invalid"
            raise invalid_query(reason, column_name=path, module=self._module) from None
        if column.kind not in COMPARATORS:
            raise invalid_query("data type not supported", column_name=path, data_type=column.data_type)
        self.seen.append(column)
        return column

    def criteria(self, where: Condition | Pair) -> Criteria:
        """A where clause with typed values."""
        if isinstance(where, Pair):
            return Group(where.joiner, (self.criteria(where.left), self.criteria(where.right)))
        column = self.column(where.column)
        if where.operator not in COMPARATORS[column.kind]:
            names = {"column_name": column.path, "operator": where.operator, "data_type": column.data_type}
            raise invalid_query("operator given seems to be invalid for the column", **names)
        if where.operator in {"like", "not like"}:
            return _like(column, where)
        values = tuple(_typed(column, value) for value in where.values)
        return Comparison(column, _PLAIN_OPERATORS.get(where.operator, where.operator), values)


def _typed(column: Column, value: Value) -> Scalar:
    if value.quoted or column.kind in _BARE_KINDS:
        try:
            return typed_value(column.kind, value.text)
        except ValueError:
            pass
    raise _invalid_value(column)


def _like(column: Column, where: Condition) -> Comparison:
    """`%x%`, `x%`, `%x` and `x`; of `not like` only `%x%`. A % elsewhere has no meaning."""
    pattern = str(_typed(column, where.values[0]))
    before, after = pattern.startswith("%"), pattern.endswith("%") and len(pattern) > 1
    inner = pattern[before : len(pattern) - after]
    if "%" in inner or not inner or (where.operator == "not like" and not (before and after)):
        raise _invalid_value(column)
    if where.operator == "not like":
        return Comparison(column, "not contains", (inner,))
    operator = {(True, True): "contains", (False, True): "starts", (True, False): "ends"}.get(
        (before, after), "="
    )
    return Comparison(column, operator, (inner,))


def _invalid_value(column: Column) -> Refusal:
    names = {"column_name": column.path, "expected_data_type": column.data_type}
    return invalid_query("value given seems to be invalid for the column", **names)


def invalid_query(reason: str, **details: Any) -> Refusal:
    """A query that can be read, but not be answered."""
    return Refusal(400, "INVALID_QUERY", "invalid query formed", {**details, "reason": reason})
