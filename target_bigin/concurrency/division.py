"""A call that is refused for the sake of one: cut until that one is alone. No I/O but what it is given."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TypeVar

from bigin_api.errors import Refused

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)
Q = TypeVar("Q")
A = TypeVar("A")

ENOUGH = 2  # refused alone by a code that speaks of all, before anything was taken: nothing will be
TOO_MANY = 100  # ... and so many in a row, though something had been taken

SPEAKS_OF_ONE = frozenset(
    (
        None,  # words that are no JSON: what stands before Bigin dislikes something in the body
        "INVALID_DATA",
        "MANDATORY_NOT_FOUND",
        "DUPLICATE_DATA",
        "MULTIPLE_OR_MULTI_ERRORS",
        "MAPPING_MISMATCH",
        "DEPENDENT_FIELD_MISSING",
        "DEPENDENT_MISMATCH",
        "UNABLE_TO_PARSE_DATA_TYPE",
        "REQUEST_ENTITY_TOO_LARGE",
        "LIMIT_EXCEEDED",
    )
)
"""Codes by which a call is refused for one of its records, or for its size. Source: FACTS 5.

Any other code may speak of all (no permission, no such module) or, for all we know, of one.
"""


class Division:
    """How the calls of one kind (one operation, one question) are cut when they are refused.

    ``closed`` is the refusal that speaks of all: once two were refused alone and none was ever taken.
    Used from several threads; a race costs a call.
    """

    def __init__(self) -> None:
        self.closed: Refused | None = None
        self._in_a_row = 0
        self._any_taken = False

    def taken(self) -> None:
        """A call was not refused."""
        self._in_a_row, self._any_taken = 0, True

    def cut(self, items: Sequence[T], error: Refused) -> list[Sequence[T]]:
        """What to send in the place of a refused call; [] if all of it is refused."""
        if error.code not in SPEAKS_OF_ONE:
            self._in_a_row += len(items) == 1
            if self._in_a_row >= (TOO_MANY if self._any_taken else ENOUGH):
                self.closed = error
            if self.closed is not None:
                return []
            if len(items) > ENOUGH and not self._any_taken:
                return [items[:1], items[-1:], items[1:-1]]
        half = len(items) // 2
        return [items[:half], items[half:]] if half else []


def divided(
    ask: Callable[[Mapping[K, Q]], Mapping[K, A]], questions: Mapping[K, Q], division: Division
) -> dict[K, A | Refused]:
    """The answers to questions that share a call, asked again in parts where it is refused.

    A question that is refused alone has the refusal for its answer.
    """
    answers: dict[K, A | Refused] = {}
    waiting: list[Sequence[K]] = [list(questions)]
    while waiting:
        keys = waiting.pop(0)
        if division.closed is not None:
            answers |= dict.fromkeys(keys, division.closed)
            continue
        try:
            answers |= ask({key: questions[key] for key in keys})
        except Refused as error:
            parts = division.cut(keys, error)
            waiting = [*parts, *waiting]
            if not parts:
                answers |= dict.fromkeys(keys, error)
        else:
            division.taken()
    return answers
