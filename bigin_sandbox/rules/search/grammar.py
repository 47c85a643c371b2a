r"""The `criteria` of a search: `((Last_Name:starts_with:B)and(Birthday:less_than:2026-01-01))`.

Round brackets and commas inside a value are escaped with `\`, a backslash with another. Several
conditions need brackets around each. Source: search-records, read.md 6.1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_CONDITION = re.compile(r"(?P<name>[\w$.]+):(?P<operator>\w+):(?P<value>(?:\\.|[^()\\])*)", re.DOTALL)
_JOINER = re.compile(r"\s*(and|or)\s*", re.IGNORECASE)
_PIECE = re.compile(r"(?:\\.|[^,\\])*", re.DOTALL)
_MOST_BRACKETS = 50


@dataclass(frozen=True)
class Wish:
    """One condition as written; `values` are split at unescaped commas, `value` is not."""

    name: str
    operator: str
    value: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Wishes:
    """Conditions joined by `and` or `or`."""

    joiner: str
    parts: tuple[Wish | Wishes, ...]


def parse_criteria(text: str) -> Wish | Wishes:
    r"""The tree of a criteria parameter. Raises ValueError if it is none.

    >>> parse_criteria(r"(Last_Name:equals:Burns\, B)")
    Wish(name='Last_Name', operator='equals', value='Burns, B', values=('Burns, B',))
    """
    text = text.strip()
    if not text.startswith("("):
        return _whole(text)
    parsed, end = _sequence(text, 0, depth=0)
    if end != len(text):
        raise ValueError(f"nothing may follow at {end}")
    return parsed


def _whole(text: str) -> Wish:
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise ValueError("no condition")
    return _wish(match)


def _sequence(text: str, start: int, *, depth: int) -> tuple[Wish | Wishes, int]:
    """Bracketed parts and the words between them; `a and b or c` groups from the left."""
    parsed, end = _bracketed(text, start, depth=depth)
    while joiner := _JOINER.match(text, end):
        following, end = _bracketed(text, joiner.end(), depth=depth)
        parsed = Wishes(joiner[1].lower(), (parsed, following))
    return parsed, end


def _bracketed(text: str, start: int, *, depth: int) -> tuple[Wish | Wishes, int]:
    if text[start : start + 1] != "(" or depth > _MOST_BRACKETS:
        raise ValueError(f"a bracket is expected at {start}")
    inside = start + 1
    if text[inside : inside + 1] == "(":
        parsed, end = _sequence(text, inside, depth=depth + 1)
    else:
        match = _CONDITION.match(text, inside)
        if match is None:
            raise ValueError(f"a condition is expected at {inside}")
        parsed, end = _wish(match), match.end()
    if text[end : end + 1] != ")":
        raise ValueError(f"a closing bracket is expected at {end}")
    return parsed, end + 1


def _wish(match: re.Match[str]) -> Wish:
    written = match["value"]
    values, position = [], 0
    while position <= len(written):
        piece = _PIECE.match(written, position)
        end = piece.end() if piece else position
        values.append(_unescape(written[position:end]))
        position = end + 1
    return Wish(match["name"], match["operator"], _unescape(written), tuple(values))


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
