"""A call that fails again and again, at some of what it carries or because Bigin is down: which is it?

A refusal says that asking again does not help; a 5xx, a connection that breaks and an answer that makes no
sense do not. So what the call carried is tried in parts, each once, until those are alone at which nothing
but failure comes, while calls with the others go through. If none does, it is Bigin that is down.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from bigin_api.errors import InvalidRequest, TransientError

T = TypeVar("T")

Attempt = Callable[[Sequence[T], bool], Awaitable[Sequence[T]]]
"""Tries a part, once or (True) patiently; gives those of it that no answer came for."""

IN_A_ROW = 20  # parts that fail one after the other, before it is asked whether Bigin answers at all
SURE = 3  # culprits that were tried patiently once more; if none of them went through, the others are not


class Signs:
    """When calls of one kind went through. Main thread alone."""

    def __init__(self) -> None:
        self._latest = float("-inf")

    def note(self) -> None:
        """One went through now."""
        self._latest = time.monotonic()

    def since(self, moment: float) -> bool:
        """Whether one went through after this moment (``time.monotonic``)."""
        return self._latest > moment


async def find_culprits(
    items: Sequence[T],
    error: TransientError,
    *,
    attempt: Attempt[T],
    others_work: Callable[[], bool],
    is_up: Callable[[], Awaitable[bool]],
) -> list[T]:
    """Those of several items at which their call fails; all others went through in ``attempt``.

    ``others_work``: whether a call of this kind has gone through since the failed one began. Costs about
    the price of the call again for each of its halvings, some seven of a hundred. Raises ``error`` if
    nothing goes through.
    """
    suspects = await _suspects(items, error, attempt, others_work, is_up)
    if suspects and not others_work():
        raise error
    culprits: list[T] = []
    for each in suspects:
        is_sure = len(culprits) >= SURE and culprits == suspects[: len(culprits)]
        culprits.extend(await attempt([each], not is_sure))
    if culprits and not await is_up():
        raise error
    return culprits


async def _suspects(
    items: Sequence[T],
    error: TransientError,
    attempt: Attempt[T],
    others_work: Callable[[], bool],
    is_up: Callable[[], Awaitable[bool]],
) -> list[T]:
    """The items that fail alone, tried once."""
    suspects: list[T] = []
    waiting = deque(halves(items) if others_work() else first_parts(items))
    in_a_row = 0
    while waiting:
        part = waiting.popleft()
        left = await attempt(part, False)
        in_a_row = in_a_row + 1 if left else 0
        if len(left) == 1:
            suspects += left
        elif left and others_work():
            waiting.extend(halves(left))
        elif left:
            raise error  # single ones and all the others failed
        if in_a_row >= IN_A_ROW:
            in_a_row = 0
            if not await is_up():
                raise error
    return suspects


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
