"""What can be wrong with one node of a syntax tree: a table of kinds of faults.

An operator yields (name of the fault, node, what stands in the node's place).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

Fault = tuple[str, ast.AST, ast.AST]

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.GtE, ast.LtE),
    ast.LtE: (ast.Gt, ast.Lt),
    ast.Gt: (ast.LtE, ast.GtE),
    ast.GtE: (ast.Lt, ast.Gt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
"""The opposite, and what differs at the boundary alone."""
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_PAIRS = (("min", "max"), ("any", "all"))
NAMES = {**dict(_PAIRS), **{other: one for one, other in _PAIRS}, "appendleft": "append", "popleft": "pop"}
NOTHING = "__import__('contextlib').nullcontext()"
TEXTS = (ast.JoinedStr, ast.Constant)
LABELS = ("name", "prefix", "thread_name_prefix")
"""Arguments that, as a text written there, name a thread or a file for whoever looks on."""


def _comparison(node: ast.Compare) -> Iterator[Fault]:
    for place, each in enumerate(node.ops):
        negation, *neighbours = COMPARISONS[type(each)]
        for other in (negation, *neighbours):
            ops = [*node.ops[:place], other(), *node.ops[place + 1 :]]
            name = "negated" if other is negation else "boundary"
            yield name, node, ast.Compare(node.left, ops, node.comparators)


def _and_or(node: ast.BoolOp) -> Iterator[Fault]:
    other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    yield "and/or", node, ast.BoolOp(other, node.values)
    for place in range(len(node.values)):
        left = [*node.values[:place], *node.values[place + 1 :]]
        yield "operand dropped", node, left[0] if len(left) == 1 else ast.BoolOp(node.op, left)


def _unary(node: ast.UnaryOp) -> Iterator[Fault]:
    if isinstance(node.op, ast.Not | ast.USub):
        yield "negated" if isinstance(node.op, ast.Not) else "sign", node, node.operand


def _arithmetic(node: ast.BinOp) -> Iterator[Fault]:
    if type(node.op) in ARITHMETIC and not isinstance(node.left, TEXTS):
        yield "arithmetic", node, ast.BinOp(node.left, ARITHMETIC[type(node.op)](), node.right)


def _constant(node: ast.Constant) -> Iterator[Fault]:
    if isinstance(node.value, bool):
        yield "true/false", node, ast.Constant(not node.value)
    elif isinstance(node.value, int | float):
        yield "number", node, ast.Constant(node.value + 1)
        yield "number", node, ast.Constant(node.value - 1)


def _call(node: ast.Call) -> Iterator[Fault]:
    function = node.func
    if isinstance(function, ast.Name) and function.id in NAMES:
        yield "name", function, ast.Name(NAMES[function.id], ast.Load())
    if isinstance(function, ast.Attribute) and function.attr in NAMES:
        yield "name", function, ast.Attribute(function.value, NAMES[function.attr], ast.Load())
    if isinstance(function, ast.Attribute) and function.attr == "append" and len(node.args) == 1:
        instead = ast.Attribute(function.value, "insert", ast.Load())
        yield "in front", node, ast.Call(instead, [ast.Constant(0), *node.args], [])
    for place, keyword in enumerate(node.keywords):
        is_label = keyword.arg in LABELS and isinstance(keyword.value, ast.Constant)
        if keyword.arg is not None and not is_label:
            left = [*node.keywords[:place], *node.keywords[place + 1 :]]
            yield "argument dropped", node, ast.Call(function, node.args, left)


def _slice(node: ast.Slice) -> Iterator[Fault]:
    lower, upper, step = node.lower, node.upper, node.step
    for other in _bounds(lower):
        yield "slice", node, ast.Slice(other, upper, step)
    for other in _bounds(upper):
        yield "slice", node, ast.Slice(lower, other, step)


def _bounds(bound: ast.expr | None) -> Iterator[ast.expr | None]:
    """No bound in place of this one, and one further; a constant is also a number, with faults of its own."""
    if bound is not None:
        yield None
        if not isinstance(bound, ast.Constant):
            yield ast.BinOp(bound, ast.Add(), ast.Constant(1))


def _condition(node: ast.If | ast.IfExp | ast.While) -> Iterator[Fault]:
    """The body always, or never. What the condition assigns is assigned all the same."""
    if isinstance(node.test, ast.Constant):
        return
    for value in (True, False):
        if value and isinstance(node, ast.While):
            continue  # an endless loop, that any test notices
        instead: ast.expr = ast.Constant(value)
        if any(isinstance(each, ast.NamedExpr) for each in ast.walk(node.test)):
            instead = ast.BoolOp(ast.Or() if value else ast.And(), [node.test, instead])
        yield "condition", node.test, instead


def _filter(node: ast.comprehension) -> Iterator[Fault]:
    for each in node.ifs:
        if not any(isinstance(part, ast.NamedExpr) for part in ast.walk(each)):
            yield "condition", each, ast.Constant(True)
            yield "condition", each, ast.Constant(False)


def _handler(node: ast.ExceptHandler) -> Iterator[Fault]:
    if isinstance(node.type, ast.Tuple):
        for place in range(len(node.type.elts)):
            left = [*node.type.elts[:place], *node.type.elts[place + 1 :]]
            yield "exception", node.type, ast.Tuple(left, ast.Load())
    elif node.type is not None:
        yield "exception", node.type, ast.Tuple([], ast.Load())


def _with(node: ast.With) -> Iterator[Fault]:
    """A lock is not taken, a transaction not made."""
    for item in node.items:
        if item.optional_vars is None:
            yield "context", item.context_expr, ast.parse(NOTHING, mode="eval").body


def _return(node: ast.Return) -> Iterator[Fault]:
    if node.value is not None and not isinstance(node.value, ast.Constant):
        yield "return", node, ast.Return(ast.Constant(None))


def _removed(node: ast.stmt) -> Iterator[Fault]:
    yield "removed", node, ast.Pass()


def _loop(node: ast.Break | ast.Continue) -> Iterator[Fault]:
    yield "loop", node, ast.Continue() if isinstance(node, ast.Break) else ast.Break()


OPERATORS: dict[type[ast.AST], tuple[Callable[[Any], Iterator[Fault]], ...]] = {
    ast.Compare: (_comparison,),
    ast.BoolOp: (_and_or,),
    ast.UnaryOp: (_unary,),
    ast.BinOp: (_arithmetic,),
    ast.Constant: (_constant,),
    ast.Call: (_call,),
    ast.Slice: (_slice,),
    ast.If: (_condition,),
    ast.IfExp: (_condition,),
    ast.While: (_condition,),
    ast.comprehension: (_filter,),
    ast.ExceptHandler: (_handler,),
    ast.With: (_with,),
    ast.Return: (_return,),
    ast.Break: (_loop,),
    ast.Continue: (_loop,),
    ast.Expr: (_removed,),
    ast.Raise: (_removed,),
    ast.Delete: (_removed,),
    ast.Assign: (_removed,),
    ast.AugAssign: (_removed,),
}


def faults_of(node: ast.AST) -> Iterator[Fault]:
    """Every fault that this very node can have; those of its parts are their own."""
    return chain.from_iterable(operator(node) for operator in OPERATORS.get(type(node), ()))
