"""Questions that share a call."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Generic, TypeVar

from bigin_api import BiginError
from target_bigin.concurrency.division import Division, divided
from target_bigin.concurrency.tasks import Tasks, Wait

K = TypeVar("K", bound=Hashable)
Q = TypeVar("Q")
A = TypeVar("A")


def halves(questions: Mapping[K, Q]) -> list[dict[K, Q]]:
    """Two of half the size; one of a single question, none of none.

    >>> halves({1: "a", 2: "b", 3: "c"})
    [{1: 'a'}, {2: 'b', 3: 'c'}]
    """
    pairs, half = list(questions.items()), len(questions) // 2
    return [dict(some) for some in (pairs[:half], pairs[half:]) if some]


class Batcher(Generic[K, Q, A]):
    """Collects questions until there are ``size``, then asks them in one call.

    ``ask`` runs in a thread: it gets questions by key and gives an answer for each key. Equal keys are
    asked once; everybody who asked gets the answer, or the error that the call raised. A call that Bigin
    refuses is asked in parts (``divided``): a refusal reaches those alone whose question it is about.
    """

    def __init__(self, tasks: Tasks, ask: Callable[[Mapping[K, Q]], Mapping[K, A]], *, size: int) -> None:
        self._tasks = tasks
        self._ask = ask
        self._size = size
        self._division = Division()
        self._waiting: dict[K, Q] = {}  # not asked yet
        self._asking: dict[K, Wait[A]] = {}  # waiting or in flight

    def ask(self, key: K, question: Q) -> Wait[A]:
        """What to await for the answer. Full batches are asked at once, the rest by ``flush``."""
        wait = self._asking.get(key)
        if wait is None:
            wait = self._asking[key] = Wait(self._tasks)
            self._waiting[key] = question
        if len(self._waiting) >= self._size:
            self.flush()
        return wait

    def is_asking(self, key: K) -> bool:
        """Whether somebody waits for this answer."""
        return key in self._asking

    def flush(self) -> None:
        """Ask now all that waits, full batch or not."""
        while self._waiting:
            keys = list(self._waiting)[: self._size]
            self._tasks.create_task(self._ask_for({key: self._waiting.pop(key) for key in keys}))

    async def _ask_for(self, questions: Mapping[K, Q]) -> None:
        try:
            answers = await self._tasks.call(lambda: divided(self._ask, questions, self._division))
        except Exception as error:  # noqa: BLE001 -- told to everybody who asked
            for key in questions:
                self._asking.pop(key).set_exception(error)
            return
        for key in questions:
            wait = self._asking.pop(key)
            answer = answers.get(key, BiginError(f"Bigin's answer says nothing of {key!r}."))
            if isinstance(answer, BiginError):
                wait.set_exception(answer)
            else:
                wait.set_result(answer)
