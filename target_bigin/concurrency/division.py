"""A call that does not go through for the sake of one: taken apart until that one is alone. No I/O.

A refusal says that asking again does not help: the call is cut. A 5xx, a connection that breaks and an
answer that makes no sense do not, and may as well come because Bigin is down. So what the call carried is
tried in parts, each once, until those are alone at which nothing but failure comes, while calls with the
others go through. If none does, it is Bigin that is down.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from bigin_api.errors import InvalidRequest, Refused, TransientError

T = TypeVar("T")

Attempt = Callable[[Sequence[T], bool], Awaitable[Sequence[T]]]
"""Tries a part, once or (True) patiently; gives those of it that no answer came for."""

ENOUGH = 2  # refused alone by a code that speaks of all, before anything was taken: nothing will be
TOO_MANY = 100  # ... and so many in a row, though something had been taken
IN_A_ROW = 20  # parts that fail one after the other, before it is asked whether Bigin answers at all
SURE = 3  # culprits that were tried patiently once more; if none of them went through, the others are not

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
    """How the calls of one kind (one operation, one question) are taken apart.

    ``closed`` is the refusal that speaks of all: once two were refused alone and none was ever taken.
    ``is_up`` asks whether Bigin answers at all. ``others_work`` tells whether calls of other kinds went
    through: a single item may then be to blame before any of this kind did. Main thread alone.
    """

    def __init__(self, is_up: Callable[[], Awaitable[bool]], *, others_work: Callable[[], bool]) -> None:
        self.closed: Refused | None = None
        self._is_up = is_up
        self._others_work = others_work
        self._in_a_row = 0
        self._taken = 0  # calls
        self._blamed_alone = False  # one was, and none was taken since

    def taken(self) -> None:
        """A call was not refused."""
        self._taken += 1
        self._in_a_row, self._blamed_alone = 0, False

    def cut(self, items: Sequence[T], error: Refused) -> list[Sequence[T]]:
        """What to send in the place of a refused call; [] if all of it is refused."""
        if error.code not in SPEAKS_OF_ONE:
            self._in_a_row += len(items) == 1
            if self._in_a_row >= (TOO_MANY if self._taken else ENOUGH):
                self.closed = error
            if self.closed is not None:
                return []
            if len(items) > ENOUGH and not self._taken:
                return [items[:1], items[-1:], items[1:-1]]
        return halves(items) if len(items) > 1 else []

    async def culprits(self, items: Sequence[T], error: TransientError, attempt: Attempt[T]) -> list[T]:
        """The items at which a call has failed again and again; all others went through in ``attempt``.

        Costs about the price of the call again for each of its halvings, some seven of a hundred. Raises
        ``error`` if it is Bigin that is down: what went through before speaks for nobody.
        """
        if len(items) == 1:
            if not (self._may_blame() and await self._is_up()):
                raise error
            return list(await attempt(items, True))
        before = self._taken
        suspects = await self._suspects(items, error, attempt)
        if suspects and self._taken == before:
            raise error
        culprits: list[T] = []
        for each in suspects:
            is_sure = len(culprits) >= SURE and culprits == suspects[: len(culprits)]
            culprits.extend(await attempt([each], not is_sure))
        if culprits and not await self._is_up():
            raise error
        return culprits

    async def _suspects(self, items: Sequence[T], error: TransientError, attempt: Attempt[T]) -> list[T]:
        """The items that fail alone, tried once."""
        suspects: list[T] = []
        waiting = deque(first_parts(items))
        before, in_a_row = self._taken, 0
        while waiting:
            part = waiting.popleft()
            left = await attempt(part, False)
            in_a_row = in_a_row + 1 if left else 0
            if len(left) == 1:
                suspects += left
            elif left and self._taken > before:
                waiting.extend(halves(left))
            elif left:
                raise error  # single ones and all the others failed
            if in_a_row >= IN_A_ROW:
                in_a_row = 0
                if not await self._is_up():
                    raise error
        return suspects

    def _may_blame(self) -> bool:
        """Whether an item that had a call of its own may be to blame: the others go through.

        A second one in a row, without a call between them that goes through, speaks against Bigin.
        """
        may = (self._taken > 0 or self._others_work()) and not self._blamed_alone
        self._blamed_alone = True
        return may


def halves(items: Sequence[T]) -> list[Sequence[T]]:
    """Two of half the size; one of a single item.

    >>> halves([1, 2, 3])
    [[1], [2, 3]]
    """
    half = len(items) // 2
    return [some for some in (items[:half], items[half:]) if some]


def first_parts(items: Sequence[T]) -> list[Sequence[T]]:
    """Three alone, of which one should go through if Bigin is up, and then the others.

    >>> first_parts([1, 2, 3, 4, 5]), first_parts([1, 2])
    ([[1], [3], [5], [2, 4]], [[1], [2]])
    """
    alone = dict.fromkeys((0, len(items) // 2, len(items) - 1))
    others = [each for place, each in enumerate(items) if place not in alone]
    return [*([items[place]] for place in alone), *([others] if others else [])]


def blamed(error: TransientError) -> InvalidRequest:
    """The refusal that it amounts to where Bigin fails at one, again and again, while others go through."""
    code = error.code or (f"HTTP_{error.status}" if error.status else "NO_ANSWER")
    return InvalidRequest(
        f"{error.message} It happens with this one alone, again and again, while others go through.",
        code=code,
        status=error.status,
        module=error.module,
    )
