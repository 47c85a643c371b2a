"""Is it worth another try, and when: decisions are pure, waiting is handed in."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Literal, TypeVar

import backoff

from bigin_api.errors import (
    AuthError,
    BiginError,
    ClientClosed,
    ConnectionFailed,
    RateLimited,
    TransientError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bigin_api.http.calls import Call

T = TypeVar("T")

FIRST_WAIT = 1.0  # seconds
LONGEST_WAIT = 60.0  # seconds
LONGEST_RETRY_AFTER = 600.0  # seconds; the accounts server stays shut for about ten minutes
TRIES_AT_A_STRANGERS_DOOR = 2
"""Retries of a connection to a server that never answered: an unreachable one is an error at once."""

Verdict = Literal["give up", "at once", "wait"]

_most: ContextVar[int] = ContextVar("_most")


@contextmanager
def retried(times: int) -> Iterator[None]:
    """What fails in this thread meanwhile is tried again so often, more only after a 429."""
    before = _most.set(times)
    try:
        yield
    finally:
        _most.reset(before)


def verdict(
    error: BiginError,
    call: Call,
    *,
    made: int,
    max_retries: int,
    token_renewed: bool = False,
    heard: bool = True,
) -> Verdict:
    """What to do after so many attempts. A call that may have happened is repeated only if it may be.

    ``heard``: whether any answer ever came to this process.

    A token that ended is renewed and the call repeated at once, one time: it was refused before
    anything was done. Source: 401 INVALID_TOKEN; a 429 is refused before work, too.
    """
    if isinstance(error, AuthError):
        renewable = error.code in ("INVALID_TOKEN", "AUTHENTICATION_FAILURE")
        return "at once" if renewable and not token_renewed else "give up"
    if not isinstance(error, TransientError) or made > max_retries:
        return "give up"
    if isinstance(error, RateLimited) and error.details.get("credits_remaining", 1) <= 0:
        return "give up"  # lasts hours, not seconds
    if (error.retry_after or 0) > LONGEST_RETRY_AFTER:
        return "give up"  # it asks for more than a run can wait
    if isinstance(error, ConnectionFailed) and not heard and made > TRIES_AT_A_STRANGERS_DOOR:
        return "give up"  # a wrong address, rather than a server that is down for a moment
    may_repeat = call.repeatable and made <= _most.get(max_retries)
    return "wait" if may_repeat or not error.may_have_happened else "give up"


def longest_wait(attempt: int) -> float:
    """Seconds that the wait after this attempt (from 1) may last at most.

    >>> [longest_wait(n) for n in (1, 2, 5, 9)]
    [1.0, 2.0, 16.0, 60.0]
    """
    return min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(attempt - 1, 10))


class Retry:
    """Tries a call again, as ``verdict`` says, with full jitter, and not before the answer's Retry-After.

    Safe for many threads.
    """

    def __init__(
        self,
        max_retries: int,
        *,
        stop: threading.Event | None = None,
        jitter: Callable[[float], float] = backoff.full_jitter,
        on_retry: Callable[[BiginError, float, int], None] | None = None,
        heard: Callable[[], bool] = lambda: True,
    ) -> None:
        self.max_retries = max_retries
        self._stop = stop or threading.Event()
        self._jitter = jitter
        self._on_retry = on_retry
        self._heard = heard

    def run(self, call: Call, attempt: Callable[[int], T]) -> T:
        """``attempt(n)`` until it answers. Raises its last error, or ClientClosed while it waits."""
        made, renewed = 0, False
        while True:
            made += 1
            try:
                return attempt(made)
            except BiginError as error:
                todo = verdict(
                    error,
                    call,
                    made=made,
                    max_retries=self.max_retries,
                    token_renewed=renewed,
                    heard=self._heard(),
                )
                if todo == "give up":
                    raise
                renewed = renewed or isinstance(error, AuthError)
                if isinstance(error, TransientError):
                    self._wait(error, made)

    def _wait(self, error: TransientError, made: int) -> None:
        # backoff's own loop knows no sleep that an event ends, so the wait is ours.
        seconds = max(self._jitter(longest_wait(made)), error.retry_after or 0.0)
        if self._on_retry:
            self._on_retry(error, seconds, made)
        if self._stop.wait(seconds):
            raise ClientClosed("The client was closed while a call waited for its next try.") from error
