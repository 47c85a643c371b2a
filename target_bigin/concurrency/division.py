"""A call that is refused for the sake of one: cut until that one is alone. No I/O."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from bigin_api.errors import Refused, TransientError
from target_bigin.concurrency.culprits import Attempt, Signs, find_culprits

T = TypeVar("T")

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
    ``signs``: where calls of other divisions that speak for Bigin are noted, too. Main thread alone.
    """

    def __init__(self, signs: Signs | None = None) -> None:
        self.closed: Refused | None = None
        self._in_a_row = 0
        self._any_taken = False
        self._own_signs = Signs()
        self._signs = signs or self._own_signs
        self._blamed_alone = False  # one was, and none was taken since

    def taken(self) -> None:
        """A call was not refused."""
        self._in_a_row, self._any_taken, self._blamed_alone = 0, True, False
        self._own_signs.note()
        self._signs.note()

    async def culprits(
        self,
        items: Sequence[T],
        error: TransientError,
        *,
        attempt: Attempt[T],
        is_up: Callable[[], Awaitable[bool]],
    ) -> list[T]:
        """The items at which a call has failed again and again.

        Raises ``error`` if it is Bigin that is down: what went through before speaks for nobody.
        """
        begun = time.monotonic()
        if len(items) > 1:
            return await find_culprits(
                items, error, attempt=attempt, others_work=lambda: self._own_signs.since(begun), is_up=is_up
            )
        if not (self._may_blame(begun) and await is_up()):
            raise error
        return list(await attempt(items, True))

    def _may_blame(self, begun: float) -> bool:
        """Whether an item that had a call of its own may be to blame: the others go through.

        A second one in a row, without a call between them that goes through, speaks against Bigin.
        """
        if self._own_signs.since(begun):
            return True
        others_work = self._any_taken or self._signs is self._own_signs or self._signs.since(begun)
        may, self._blamed_alone = others_work and not self._blamed_alone, True
        return may

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
