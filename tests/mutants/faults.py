"""Where a single fault can be put into a file, and the file's source with the fault in it. No I/O.

Left alone is what no test should hold: docstrings, annotations, logging, the words of an error,
texts in general, and imports for the type checker.
"""

from __future__ import annotations

import ast
import copy
import hashlib
from collections import Counter
from dataclasses import dataclass

from mutants.operators import faults_of

Function = ast.FunctionDef | ast.AsyncFunctionDef
Key = tuple[str, str, str, str]
PLAIN = (ast.Constant, ast.Name, ast.Attribute, ast.Call, ast.Tuple, ast.Slice)
"""What stands anywhere without brackets around it."""


@dataclass(frozen=True)
class Mutant:
    """One fault. ``lines`` are those of its statement's head: a test that runs none of them cannot notice."""

    file: str
    function: str  # its qualified name; "" outside of functions, where importing the file runs it
    operator: str
    before: str  # the head of the statement in ast's own form, so that layout does not count
    after: str
    lines: range
    start: int  # in bytes
    end: int
    text: str

    @property
    def key(self) -> Key:
        """What stays the same when the function moves to another place."""
        return self.function, self.operator, self.before, self.after

    @property
    def id(self) -> str:
        """A short name for the command line."""
        return hashlib.sha256("\n".join(self.key).encode()).hexdigest()[:7]

    def apply(self, source: str) -> str:
        """The source with the fault in it."""
        raw = source.encode()
        return (raw[: self.start] + self.text.encode() + raw[self.end :]).decode()

    def shown(self, source: str) -> tuple[int, list[str], list[str]]:
        """The number of the first line that differs, those lines before, and after."""
        raw = source.encode()
        first = raw.count(b"\n", 0, self.start)
        behind = raw.count(b"\n", self.end)
        before, after = source.split("\n"), self.apply(source).split("\n")
        return first + 1, before[first : len(before) - behind], after[first : len(after) - behind]


def find(source: str, file: str) -> list[Mutant]:
    """Every single fault of a file, from top to bottom.

    >>> for each in find("def f(a): return a < 1", "f.py"):
    ...     print(each.operator, "|", each.after)
    return | return None
    negated | return a >= 1
    boundary | return a <= 1
    number | return a < 2
    number | return a < 0
    """
    finder = _Finder(source, file)
    finder.visit(ast.parse(source))
    return finder.found


class _Finder(ast.NodeVisitor):
    """Walks down, knowing in which function and in which statement it is."""

    def __init__(self, source: str, file: str) -> None:
        self.found: list[Mutant] = []
        self._file = file
        self._starts = [0]
        for line in source.encode().split(b"\n"):
            self._starts.append(self._starts[-1] + len(line) + 1)
        self._names: list[str] = []
        self._function = ""
        self._statement: ast.AST | None = None
        self._stored: Counter[str] = Counter()

    def visit(self, node: ast.AST) -> None:
        outer = self._statement
        if isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
            self._statement = node
        for operator, place, instead in faults_of(node):
            if self._is_worth_it(operator, place, instead):
                self._note(operator, place, instead)
        super().visit(node)
        self._statement = outer

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._inside(node)

    def visit_FunctionDef(self, node: Function) -> None:
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default is not None:
                self.visit(default)
        outer = self._function, self._stored
        self._function = ".".join((*self._names, node.name))
        arguments = Counter(each.arg for each in ast.walk(node.args) if isinstance(each, ast.arg))
        self._stored = arguments + Counter(
            each.id
            for each in ast.walk(node)
            if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
        )
        self._inside(node)
        self._function, self._stored = outer

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_If(self, node: ast.If) -> None:
        if ast.unparse(node.test) != "TYPE_CHECKING":
            self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_Expr(self, node: ast.Expr) -> None:
        if not _is_log(node):
            self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        """The words of an error are no one's promise."""

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Nor are other texts; before Python 3.12 their parts do not know where they stand."""

    def _inside(self, node: Function | ast.ClassDef) -> None:
        self._names.append(node.name)
        for each in node.body:
            self.visit(each)
        self._names.pop()

    def _is_worth_it(self, operator: str, place: ast.AST, instead: ast.AST) -> bool:
        if not self._function:
            return operator in ("number", "true/false", "boundary", "operand dropped", "sign")
        if operator == "negated" and place is getattr(self._statement, "test", None):
            return False  # always and never stand for it, and are harder to notice
        if not isinstance(instead, ast.Pass):
            return True
        if isinstance(place, ast.Expr):
            return not isinstance(place.value, ast.Constant) and not _is_log(place)
        if not isinstance(place, ast.Assign):
            return True
        # What is assigned nowhere else is missed by any test, since the name is missing.
        parts = [part for target in place.targets for part in ast.walk(target)]
        names = [part.id for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)]
        is_first = self._function.endswith("__init__") or any(self._stored[name] < 2 for name in names)
        return not is_first

    def _note(self, operator: str, place: ast.AST, instead: ast.AST) -> None:
        assert self._statement
        head = self._statement
        text = ast.unparse(ast.fix_missing_locations(instead))
        if isinstance(instead, ast.expr) and not isinstance(instead, PLAIN):
            text = f"({text})"
        self.found.append(
            Mutant(
                file=self._file,
                function=self._function,
                operator=operator,
                before=_head(head),
                after=_head(copy.deepcopy(head, {id(place): instead}) if place is not head else instead),
                lines=_lines(head),
                start=self._starts[place.lineno - 1] + place.col_offset,  # type: ignore[attr-defined]
                end=self._starts[place.end_lineno - 1] + place.end_col_offset,  # type: ignore[attr-defined]
                text=text,
            )
        )


def _is_log(node: ast.AST) -> bool:
    call = getattr(node, "value", None)
    return isinstance(call, ast.Call) and "logger" in ast.unparse(call.func)


def _head(statement: ast.AST) -> str:
    """A statement without the statements inside it."""
    bare = copy.copy(statement)
    if getattr(bare, "body", None):
        bare.body = [ast.Pass()]  # type: ignore[attr-defined]
        for part in ("orelse", "finalbody", "handlers"):
            if hasattr(bare, part):
                setattr(bare, part, [])
    return ast.unparse(ast.fix_missing_locations(bare)).split("\n    pass")[0]


def _lines(statement: ast.AST) -> range:
    body = getattr(statement, "body", None)
    first: int = statement.lineno if hasattr(statement, "lineno") else statement.pattern.lineno  # type: ignore[attr-defined]
    if body:
        return range(first, max(first, body[0].lineno - 1) + 1)
    return range(first, statement.end_lineno + 1)  # type: ignore[attr-defined]
