"""The value of a formula field, computed whenever a record is read: it moves no Modified_Time (FACTS 7.9)."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_NAME = re.compile(r"\$\{(?:\w+\.)?(\w+)\}")


def formula_value(field: Mapping[str, Any], record: Mapping[str, Any]) -> float | None:
    """What the field's expression gives for a record; None if a number in it is missing.

    >>> field = {"formula": {"expression": "${Leases.Rent}*${Leases.Months}"}}
    >>> formula_value(field, {"Rent": 9.5, "Months": 2})
    19.0
    """
    try:
        return round(float(_evaluate(_parsed(field["formula"]["expression"]), record)), 2)
    except (TypeError, ZeroDivisionError):
        return None


@lru_cache(maxsize=100)
def _parsed(expression: str) -> ast.expr:
    return ast.parse(_NAME.sub(r"\1", expression), mode="eval").body


def _evaluate(node: ast.expr, record: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return record.get(node.id)
    if isinstance(node, ast.BinOp):
        return _OPERATORS[type(node.op)](_evaluate(node.left, record), _evaluate(node.right, record))
    raise ValueError(f"a formula knows numbers, fields and + - * /, not {ast.dump(node)}")
