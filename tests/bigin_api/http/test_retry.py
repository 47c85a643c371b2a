"""Is it worth another try, and when."""

import threading

import pytest

from bigin_api import (
    AuthError,
    BiginError,
    Call,
    ClientClosed,
    ConnectionFailed,
    CreditBudgetReached,
    InvalidRequest,
    PermissionDenied,
    RateLimited,
    ServerError,
    SettingsError,
)
from bigin_api.http.retry import Retry, longest_wait, verdict

READ = Call("GET", "/Contacts")
INSERT = Call("POST", "/Contacts", repeatable=False)

NEVER_SENT = ConnectionFailed("refused", may_have_happened=False)
LOST = ConnectionFailed("reset", may_have_happened=True)
BROKEN = ServerError("cut off", status=201)
BUSY = RateLimited("busy", status=429)
SPENT = RateLimited("spent", status=429, details={"credits_remaining": 0})
OVERSPENT = RateLimited("spent", status=429, details={"credits_remaining": -3})
MANY_LEFT = RateLimited("busy", status=429, details={"credits_remaining": 500})
TOKEN_ENDED = AuthError("ended", code="INVALID_TOKEN", status=401)
REFUSED = AuthError("refused", code="invalid_code", status=200)


@pytest.mark.parametrize(
    ("error", "call", "expected"),
    [
        (BUSY, READ, "wait"),
        (BUSY, INSERT, "wait"),  # refused before work
        (MANY_LEFT, INSERT, "wait"),
        (SPENT, READ, "give up"),  # lasts hours
        (OVERSPENT, READ, "give up"),
        (BROKEN, READ, "wait"),
        (BROKEN, INSERT, "give up"),  # it may have been written
        (LOST, READ, "wait"),
        (LOST, INSERT, "give up"),
        (NEVER_SENT, READ, "wait"),
        (NEVER_SENT, INSERT, "wait"),
        (TOKEN_ENDED, READ, "at once"),
        (TOKEN_ENDED, INSERT, "at once"),  # refused before work
        (REFUSED, READ, "give up"),
        (PermissionDenied("no"), READ, "give up"),
        (InvalidRequest("wrong"), READ, "give up"),
        (CreditBudgetReached("enough"), READ, "give up"),
        (ClientClosed("closed"), READ, "give up"),
        (SettingsError("wrong"), READ, "give up"),
    ],
)
def test_what_may_have_happened_is_repeated_only_if_it_may_be(error, call, expected):
    """An insert sent twice is a duplicate in somebody's CRM; a read sent twice is a credit."""
    assert verdict(error, call, made=1, max_retries=8) == expected


@pytest.mark.parametrize("error", [BUSY, BROKEN, LOST, NEVER_SENT])
@pytest.mark.parametrize(("made", "expected"), [(8, "wait"), (9, "give up")])
def test_tries_end(error, made, expected):
    """max_retries counts the tries after the first one."""
    assert verdict(error, READ, made=made, max_retries=8) == expected


@pytest.mark.parametrize(
    ("made", "heard", "expected"), [(2, False, "wait"), (3, False, "give up"), (3, True, "wait")]
)
def test_a_server_that_never_answered_is_soon_given_up(made, heard, expected):
    """A wrong address is an error at once; a server that went down in mid-run gets its time."""
    assert verdict(NEVER_SENT, READ, made=made, heard=heard, max_retries=8) == expected


@pytest.mark.parametrize(("seconds", "expected"), [(None, "wait"), (600.0, "wait"), (600.5, "give up")])
def test_what_asks_for_more_time_than_a_run_has_is_given_up(seconds, expected):
    """The accounts server stays shut for ten minutes, and that is worth the wait."""
    error = RateLimited("busy", status=429)
    error.retry_after = seconds

    assert verdict(error, READ, made=1, max_retries=8) == expected


def test_a_token_is_renewed_once_a_call():
    """A server that refuses every token must not be asked for ever."""
    assert verdict(TOKEN_ENDED, READ, made=2, token_renewed=True, max_retries=8) == "give up"


def test_a_token_that_was_renewed_is_not_renewed_again_after_another_fault():
    """Each round would cost a token, of which there are ten in ten minutes."""
    attempt = Failing(TOKEN_ENDED, BROKEN, TOKEN_ENDED)

    with pytest.raises(AuthError):
        Retry(8, jitter=lambda _: 0.0).run(READ, attempt)

    assert attempt.made == [1, 2, 3]


def test_waits_grow_to_a_limit():
    """Backoff doubles and then stays: no overflow, and nobody waits for hours."""
    assert [longest_wait(attempt) for attempt in (1, 2, 3, 6, 7, 8, 10_000)] == [1, 2, 4, 32, 60, 60, 60]


class Failing:
    """Raises the errors in turn, then answers."""

    def __init__(self, *errors: BiginError) -> None:
        self.errors = list(errors)
        self.made = []

    def __call__(self, made: int) -> str:
        self.made.append(made)
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


def test_every_attempt_knows_its_number_and_every_wait_is_told():
    """The call log shows which attempt a line belongs to; a person sees why a run stands still."""
    told = []
    retry = Retry(
        8, jitter=lambda longest: longest / 1000, on_retry=lambda e, s, n: told.append((e.message, s, n))
    )
    attempt = Failing(BUSY, TOKEN_ENDED, BROKEN)

    answer = retry.run(READ, attempt)

    assert answer == "answer"
    assert attempt.made == [1, 2, 3, 4]
    assert told == [("busy", 0.001, 1), ("cut off", 0.004, 3)]


def test_a_server_that_has_answered_before_gets_its_time():
    """Whoever makes no difference between servers waits for all."""
    attempt = Failing(NEVER_SENT, NEVER_SENT, NEVER_SENT)

    assert Retry(3, jitter=lambda _: 0.0).run(READ, attempt) == "answer"


def test_the_last_error_is_the_one_that_is_raised():
    """What a person reads is how it ended."""
    attempt = Failing(BUSY, BROKEN, LOST)

    with pytest.raises(ConnectionFailed):
        Retry(2, jitter=lambda _: 0.0).run(READ, attempt)

    assert attempt.made == [1, 2, 3]


def test_jitter_is_full_by_default():
    """Calls that were refused together must not come back together."""
    waits = []
    retry = Retry(8, on_retry=lambda _e, seconds, _n: waits.append(seconds), stop=_Stopped())

    for _ in range(50):
        with pytest.raises(ClientClosed):
            retry.run(READ, Failing(BUSY))

    assert len(set(waits)) == 50
    assert all(0 <= seconds <= 1 for seconds in waits)


def test_closing_ends_a_wait():
    """SIGTERM must not sit out a minute's backoff."""
    stop = threading.Event()
    retry = Retry(8, stop=stop, jitter=lambda _: 3600.0, on_retry=lambda *_: stop.set())

    with pytest.raises(ClientClosed) as raised:
        retry.run(READ, Failing(BUSY))

    assert raised.value.__cause__ is BUSY


class _Stopped(threading.Event):
    def wait(self, timeout: float | None = None) -> bool:
        return True
