"""What records are to satisfy, whoever asked in whichever grammar: COQL, Bulk Read, search.

Each grammar is checked by its own rules and then becomes this tree, which `record_sql` understands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from bigin_sandbox.clock import parse_instant, to_text
from bigin_sandbox.rules.reading.columns import Column

Scalar = str | int | float | bool

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_NUMBER = re.compile(r"-?\d{1,19}(\.\d+)?")


@dataclass(frozen=True)
class Comparison:
    """A column and what is asked of it.

    `operator` is one of `=  !=  <  <=  >  >=  in  not in  between  not between  contains  not contains
    starts  ends  empty  not empty`.
    """

    column: Column
    operator: str
    values: tuple[Scalar, ...] = ()


@dataclass(frozen=True)
class Group:
    """Several conditions joined by `and` or by `or`."""

    joiner: str
    parts: tuple[Criteria, ...]


Criteria = Comparison | Group


def comparisons(criteria: Criteria) -> Iterator[Comparison]:
    """Every comparison of a tree."""
    if isinstance(criteria, Comparison):
        yield criteria
        return
    for part in criteria.parts:
        yield from comparisons(part)


def typed_value(kind: str, text: str) -> Scalar:
    """A value as a column of that kind compares it; instants in the stored form.

    Raises ValueError if it is none: a word for a number, `Z` or a fraction in a datetime.

    >>> typed_value("datetime", "2026-05-14T12:53:58+03:00"), typed_value("number", "12.5")
    ('2026-05-14T09:53:58Z', 12.5)
    """
    if kind == "datetime":
        instant = parse_instant(text, allow_z=False)
        if instant is None:
            raise ValueError(text)
        return to_text(instant)
    if kind == "date":
        if not _DATE.fullmatch(text):
            raise ValueError(text)
        return date.fromisoformat(text).isoformat()
    if kind in {"id", "lookup"}:
        return _digits(text) if kind == "id" else str(_digits(text))
    if kind == "number":
        return _number(text)
    if kind == "boolean":
        return _boolean(text)
    return text


def _digits(text: str) -> int:
    if not re.fullmatch(r"\d{1,19}", text) or int(text) >= 2**63:
        raise ValueError(text)
    return int(text)


def _number(text: str) -> int | float:
    if not _NUMBER.fullmatch(text):
        raise ValueError(text)
    number = float(text) if "." in text else int(text)
    if abs(number) >= 2**63:
        raise ValueError(text)
    return number


def _boolean(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise ValueError(text)
    return text.lower() == "true"
