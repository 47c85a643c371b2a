"""Questions that share a call."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from typing import Generic, TypeVar

from bigin_api import BiginError
from bigin_api.errors import Refused, TransientError
from target_bigin.concurrency.culprits import Blamed, blamed
from target_bigin.concurrency.division import Division
from target_bigin.concurrency.tasks import Tasks, Wait

K = TypeVar("K", bound=Hashable)
Q = TypeVar("Q")
A = TypeVar("A")

Ask = Callable[[Mapping[K, Q]], Mapping[K, A]]
"""The answer to each question, by key."""


async def divided(
    tasks: Tasks, ask: Ask[K, Q, A], questions: Mapping[K, Q], division: Division
) -> dict[K, A | Refused]:
    """The answers to questions that share a call, asked again in parts where it is refused or fails.

    ``ask`` runs in a thread. A question that is refused alone, or fails alone while others go through,
    has a refusal for its answer. Raises TransientError if Bigin is down.
    """
    parts = _Parts(tasks, ask, questions, division)
    while parts.waiting:
        keys = parts.waiting.popleft()
        error = await parts.send(keys, tasks.call)
        if error is not None:
            culprits = await division.culprits(
                keys, error, attempt=parts.attempt, is_up=lambda: tasks.call(tasks.is_up)
            )
            parts.answers.update(dict.fromkeys(culprits, blamed(error)))
    return parts.answers


class _Parts(Generic[K, Q, A]):
    """The parts of some questions, and what was answered."""

    def __init__(self, tasks: Tasks, ask: Ask[K, Q, A], questions: Mapping[K, Q], division: Division) -> None:
        self._tasks = tasks
        self._ask = ask
        self._questions = questions
        self._division = division
        self.waiting: deque[Sequence[K]] = deque([list(questions)])
        self.answers: dict[K, A | Refused] = {}

    async def send(
        self, keys: Sequence[K], call: Callable[[Callable[[], Mapping[K, A]]], Wait[Mapping[K, A]]]
    ) -> TransientError | None:
        """What came in the place of an answer, None if one did; a refusal is one."""
        division = self._division
        if division.closed is not None:
            self.answers.update(dict.fromkeys(keys, division.closed))
            return None
        try:
            self.answers.update(await call(partial(self._ask, {key: self._questions[key] for key in keys})))
        except Refused as refused:
            parts = division.cut(keys, refused)
            self.waiting.extendleft(reversed(parts))
            if not parts:
                self.answers.update(dict.fromkeys(keys, refused))
        except TransientError as error:
            if not error.may_have_happened:
                raise
            return error
        else:
            division.taken()
        return None

    async def attempt(self, keys: Sequence[K], patiently: bool) -> Sequence[K]:  # noqa: FBT001
        """Those that nothing was answered to."""
        error = await self.send(keys, partial(self._tasks.call_again, patiently=patiently))
        return keys if error else ()


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
        self._blamed: dict[K, BiginError] = {}  # at which Bigin fails: it is not tried for minutes again

    def ask(self, key: K, question: Q) -> Wait[A]:
        """What to await for the answer. Full batches are asked at once, the rest by ``flush``."""
        if key in self._blamed:
            known: Wait[A] = Wait(self._tasks)
            known.set_exception(self._blamed[key])
            return known
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
            answers = await divided(self._tasks, self._ask, questions, self._division)
        except Exception as error:  # noqa: BLE001 -- told to everybody who asked
            for key in questions:
                self._asking.pop(key).set_exception(error)
            return
        for key in questions:
            wait = self._asking.pop(key)
            answer = answers.get(key, BiginError(f"Bigin's answer says nothing of {key!r}."))
            if isinstance(answer, BiginError):
                if isinstance(answer, Blamed):
                    self._blamed[key] = answer
                wait.set_exception(answer)
            else:
                wait.set_result(answer)
