"""Gives functions that are there already the code of a source with a fault in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import CodeType, FunctionType


def swap(functions: Iterable[FunctionType], before: str, after: str) -> None:
    """Let the functions of one file do what the source after the change says."""
    codes = dict(_pairs(before, after))
    for function in functions:
        function.__code__ = codes.get(function.__code__, function.__code__)


def can_swap(before: str, after: str) -> bool:
    """Whether a function can take its new code: it must take as many names from around it as before."""
    return all(len(old.co_freevars) == len(new.co_freevars) for old, new in _pairs(before, after))


def _pairs(before: str, after: str) -> Iterator[tuple[CodeType, CodeType]]:
    """Code before and after: what a function makes anew at each call comes with that function's own."""
    pairs = [tuple(compile(source, "", "exec", dont_inherit=True) for source in (before, after))]
    while pairs:
        old, new = pairs.pop()
        yield old, new
        inner = [[each for each in code.co_consts if isinstance(each, CodeType)] for code in (old, new)]
        if len(inner[0]) == len(inner[1]):
            pairs += zip(*inner, strict=True)
