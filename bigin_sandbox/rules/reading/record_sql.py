"""Conditions on records -> SQL over the store's tables, joins included.

Conditions on `id`, `Created_Time`, `Modified_Time` and on what the store keeps an index of use those
indexes, so that a page out of 200,000 records takes a few milliseconds. What nobody has documented is
read the harsher way: an empty value satisfies no comparison, not even `!=` and `not in`; the order among
equals is none that anyone would expect. Texts compare without case (FACTS 7.13).

Names stand in the SQL only after they were found in the metadata; values are always bound.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from bigin_sandbox.clock import from_text
from bigin_sandbox.rules.reading.columns import USERS, Column, join_target, joins_of
from bigin_sandbox.rules.reading.conditions import Comparison, Criteria, Scalar, comparisons
from bigin_sandbox.rules.values.formulas import formula_value
from bigin_sandbox.storage.store import normal

if TYPE_CHECKING:
    from bigin_sandbox.http.calls import Context
    from bigin_sandbox.storage.store import Record, Store

Joins = tuple[str, ...]
Order = tuple[Column, bool]  # the flag says descending

_TIMES = {"Created_Time": "created", "Modified_Time": "modified"}
_TEXT_KINDS = frozenset({"text", "multi", "long text"})
_PARTIAL = frozenset({"contains", "not contains", "starts", "ends"})
_TEMPLATES = {
    "empty": "{left} is null",
    "not empty": "{left} is not null",
    "in": "{left} in ({marks})",
    "not in": "{left} not in ({marks})",
    "between": "({left} between ? and ?)",
    "not between": "({left} not between ? and ?)",
    "contains": "instr({left}, ?) > 0",
    "not contains": "instr({left}, ?) = 0",
    "starts": "substr({left}, 1, length(?)) = ?",
    "ends": "substr({left}, -length(?)) = ?",
}
_READ_AS = {  # by kind or data type, where a value is not compared as it is stored
    "bigint": "cast({value} as integer)",
    "boolean": "coalesce({value}, 0)",
    "multi": "joined_text({value})",
    "lookup": "json_extract({value}, '$.id')",
}
_TIE_BREAK = "r.id * 7919 % 1000003"


@dataclass(frozen=True)
class Statement:
    """A select with its values; its columns are the record's body and one body for each of `joins`."""

    sql: str
    values: tuple[Any, ...]
    joins: tuple[Joins, ...]


@dataclass(frozen=True)
class Row:
    """A record, and those it is linked to by the lookups that lead there."""

    record: Record
    joined: dict[Joins, Record]

    def value(self, column: Column, field: dict[str, Any] | None) -> Any:
        """What stands in a column, in the stored form; `field` is its metadata, needed for formulas."""
        record = self.joined.get(column.joins) if column.joins else self.record
        if record is None:
            return None
        if column.is_formula and field:
            return formula_value(field, record)
        return record.get(column.name, False if column.kind == "boolean" else None)


class RecordQueries:
    """Finds records by conditions; one for each organisation (`context.part(RecordQueries)`)."""

    def __init__(self, context: Context) -> None:
        self._store = context.store
        self._store.define("normal_text", 1, lambda value: None if value is None else normal(value))
        self._store.define("joined_text", 1, _joined_text)
        self._store.define("formula_of", 3, self._formula_of)

    def statement(
        self,
        module: str,
        criteria: Criteria | None,
        *,
        columns: Sequence[Column] = (),
        order: Sequence[Order] = (),
        limit: int | None = None,
        offset: int = 0,
        approved: str = "true",
    ) -> Statement:
        """The select that gives the records; without `order` oldest id first."""
        source = self._store.source(approved)
        needed = [*columns, *(column for column, _ in order)]
        if criteria is not None:
            needed += [comparison.column for comparison in comparisons(criteria)]
        tables = _Tables(self._store, module, sorted(joins_of(needed), key=lambda joins: (len(joins), joins)))
        where = "r.module = ?"
        values: list[Any] = [module]
        if criteria is not None:
            condition, condition_values = tables.condition(criteria)
            where, values = f"{where} and {condition}", [*values, *condition_values]
        bodies = ", ".join(f"{alias}.body" for alias in tables.aliases.values())
        sql = (
            f"select {bodies} from {source} r {tables.joined()} where {where} order by {tables.order(order)}"
        )
        if limit is not None:
            sql, values = f"{sql} limit ? offset ?", [*values, limit, offset]
        return Statement(sql, tuple(values), tuple(tables.aliases)[1:])

    def rows(self, statement: Statement) -> Iterator[Row]:
        """What a statement selects, lazily; do not write meanwhile."""
        yield from rows_of(self._store.query(statement.sql, statement.values), statement.joins)

    def count(self, module: str, criteria: Criteria) -> int:
        """How many records satisfy the conditions."""
        statement = self.statement(module, criteria)
        ((number,),) = self._store.query(f"select count(*) from ({statement.sql})", statement.values)
        return int(number)

    def _formula_of(self, module: str, name: str, body: str) -> float | None:
        field = self._store.field(module, name)
        return formula_value(field, msgspec.json.decode(body)) if field else None


def rows_of(selected: Iterator[tuple[Any, ...]], joins: Sequence[Joins]) -> Iterator[Row]:
    """Rows out of the bodies that a statement selects."""
    decode = msgspec.json.Decoder(dict).decode
    for body, *others in selected:
        joined = {path: decode(other) for path, other in zip(joins, others, strict=True) if other}
        yield Row(decode(body), joined)


class _Tables:
    """The aliases of one statement: `r` for the module's records, `j1`, `j2` for what they link to."""

    def __init__(self, store: Store, module: str, joins: Sequence[Joins]) -> None:
        self._store = store
        self._module = module
        self.aliases: dict[Joins, str] = {(): "r"}
        self.aliases |= {path: f"j{number}" for number, path in enumerate(joins, 1)}

    def joined(self) -> str:
        """The joins of the from clause."""
        return " ".join(self._join(path) for path in self.aliases if path)

    def _join(self, path: Joins) -> str:
        alias, parent = self.aliases[path], self.aliases[path[:-1]]
        linked = f"json_extract({parent}.body, '$.\"{path[-1]}\".id')"
        if self._module_behind(path) == USERS:
            user = f"{alias}.kind = 'users' and {alias}.owner = ''"
            return f"left join metadata {alias} on {user} and json_extract({alias}.body, '$.id') = {linked}"
        return f"left join records {alias} on {alias}.id = cast({linked} as integer)"

    def _module_behind(self, path: Joins) -> str | None:
        module: str | None = self._module
        for lookup in path:
            field = self._store.field(module or "", lookup)
            module = join_target(field) if field else None
        return module

    def order(self, order: Sequence[Order]) -> str:
        """The order by clause."""
        terms = [f"{self._comparable(column)} {'desc' if falls else 'asc'}" for column, falls in order]
        if not terms:
            return "r.id"
        return ", ".join(terms if _ends_in_id(order) else [*terms, _TIE_BREAK])

    def condition(self, criteria: Criteria) -> tuple[str, list[Any]]:
        """A tree as SQL."""
        if isinstance(criteria, Comparison):
            return self._indexed(criteria) or self._comparison(criteria)
        parts = [self.condition(part) for part in criteria.parts]
        joined = f" {criteria.joiner} ".join(sql for sql, _ in parts)
        return f"({joined})", [value for _, values in parts for value in values]

    def _indexed(self, comparison: Comparison) -> tuple[str, list[Any]] | None:
        """Equality on what the store keeps an index of, for long modules."""
        column = comparison.column
        fit = column.kind in {"text", "lookup"} and not column.joins and comparison.operator in {"=", "in"}
        if not fit or column.name not in self._store.indexed_fields(column.module):
            return None
        marks = ", ".join("?" * len(comparison.values))
        sql = f"r.id in (select id from lookups where module = ? and field = ? and value in ({marks}))"
        return sql, [column.module, column.name, *map(normal, comparison.values)]

    def _comparison(self, comparison: Comparison) -> tuple[str, list[Any]]:
        values = [_bound(comparison, value) for value in comparison.values]
        template = _TEMPLATES.get(comparison.operator, f"{{left}} {comparison.operator} ?")
        sql = template.format(left=self._comparable(comparison.column), marks=", ".join("?" * len(values)))
        return sql, values * (sql.count("?") // len(values)) if values else []

    def _comparable(self, column: Column) -> str:
        expression = self._expression(column)
        return f"normal_text({expression})" if column.kind in _TEXT_KINDS else expression

    def _expression(self, column: Column) -> str:
        alias = self.aliases[column.joins]
        if column.is_formula:
            return f"formula_of('{column.module}', '{column.name}', {alias}.body)"
        if column.name in _TIMES:
            return f"{alias}.{_TIMES[column.name]}"
        if column.kind == "id" and column.module != USERS:
            return f"{alias}.id"
        value = f"json_extract({alias}.body, '$.\"{column.name}\"')"
        return (_READ_AS.get(column.kind) or _READ_AS.get(column.data_type, "{value}")).format(value=value)


def _bound(comparison: Comparison, value: Scalar) -> Any:
    """A value as its column's expression compares it; a part of a text keeps its blanks."""
    if comparison.column.kind in _TEXT_KINDS:
        return str(value).casefold() if comparison.operator in _PARTIAL else normal(value)
    if comparison.column.name in _TIMES:
        return int(from_text(str(value)).timestamp())
    return int(value) if isinstance(value, bool) else value


def _ends_in_id(order: Sequence[Order]) -> bool:
    return any(column.kind == "id" and not column.joins for column, _ in order)


def _joined_text(values: str | None) -> str | None:
    return None if values is None else ";".join(msgspec.json.decode(values))
