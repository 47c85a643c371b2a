"""Questions that share a call."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from typing import Generic, TypeVar

from bigin_api import BiginError
from bigin_api.errors import Refused, TransientError
from target_bigin.concurrency.division import Division, blamed
from target_bigin.concurrency.tasks import Tasks, Wait

K = TypeVar("K", bound=Hashable)
Q = TypeVar("Q")
A = TypeVar("A")


class Batcher(Generic[K, Q, A]):
    """Collects questions until there are ``size``, then asks them in one call.

    ``ask`` runs in a thread: it gets questions by key and gives an answer for each key. Equal keys are
    asked once; everybody who asked gets the answer, or the error that the call raised. A call that Bigin
    refuses, or fails at, is made again in parts: a refusal reaches those alone whose question it is about,
    and what fails alone while others go through has a refusal for its answer.
    """

    def __init__(self, tasks: Tasks, ask: Callable[[Mapping[K, Q]], Mapping[K, A]], *, size: int) -> None:
        self._tasks = tasks
        self._ask = ask
        self._size = size
        self._division = Division(tasks.is_up, others_work=lambda: True)
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
        questions, self._waiting = self._waiting, {}
        if questions:
            self._tasks.create_task(self._ask_for(questions))

    async def _ask_for(self, questions: Mapping[K, Q]) -> None:
        answers: dict[K, A | BiginError] = {}
        try:
            await self._note_answers(questions, answers)
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

    async def _note_answers(self, questions: Mapping[K, Q], answers: dict[K, A | BiginError]) -> None:
        """Ask, and find out at which of them the call fails. Raises TransientError if Bigin is down."""
        error = await self._try(questions, answers, self._tasks.call)
        if error is None:
            return

        async def attempt(keys: Sequence[K], patiently: bool) -> Sequence[K]:  # noqa: FBT001
            call = partial(self._tasks.call_again, patiently=patiently)
            return keys if await self._try({key: questions[key] for key in keys}, answers, call) else ()

        culprits = await self._division.culprits(list(questions), error, attempt)
        self._blamed.update(dict.fromkeys(culprits, blamed(error)))
        answers.update((key, self._blamed[key]) for key in culprits)

    async def _try(
        self,
        questions: Mapping[K, Q],
        answers: dict[K, A | BiginError],
        call: Callable[[Callable[[], Mapping[K, A]]], Wait[Mapping[K, A]]],
    ) -> TransientError | None:
        """What came in the place of an answer, None if one did; a refusal is one."""
        division = self._division
        if division.closed is not None:
            answers.update(dict.fromkeys(questions, division.closed))
            return None
        try:
            answers.update(await call(partial(self._ask, questions)))
        except Refused as refused:
            parts = division.cut(list(questions), refused)
            if not parts:
                answers.update(dict.fromkeys(questions, refused))
        except TransientError as error:
            if not error.may_have_happened:
                raise
            return error
        else:
            division.taken()
            return None
        for part in parts:
            await self._note_answers({key: questions[key] for key in part}, answers)
        return None
