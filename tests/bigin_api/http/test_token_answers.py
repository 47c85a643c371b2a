"""What an answer of the accounts server comes to, and when another one is asked for: no network."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bigin_api import AuthError, ConnectionFailed, RateLimited, ServerError
from bigin_api.http.auth import AccessToken, FixedToken, TokenSource
from bigin_api.http.transport import Received
from bigin_api.settings import Credentials, GivenToken, Hosts

NOW = 1_000_000.0
HOSTS = Hosts.of_zoho("eu")
OWN = Hosts("https://a.example", "https://d.example", "https://c.example", "https://b.example")
GOOD = {
    "access_token": "t",
    "api_domain": "https://www.zohoapis.eu",
    "expires_in": 3600,
    "token_type": "Bearer",
}


class Clock:
    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> float:
        return self.time


class Accounts:
    """Gives the answers in turn: a content, an answer of another status, or an error."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[Any, ...]] = []

    def send(self, method: str, url: str, *, form: dict[str, str]) -> Received:
        self.asked.append((method, url, form))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Received) else Received(200, json.dumps(answer).encode(), {})


def _source(*answers: Any, hosts: Hosts = HOSTS, clock: Clock | None = None, **more: Any) -> TokenSource:
    source = TokenSource(
        Accounts(*answers),
        Credentials("c", "s", "r"),
        hosts,
        now=clock or Clock(),
        **more,  # type: ignore[arg-type]
    )
    source.accounts = source._transport  # type: ignore[attr-defined]
    return source


@pytest.mark.parametrize(
    ("changes", "hosts", "domain", "seconds"),
    [
        ({}, HOSTS, "https://www.zohoapis.eu", 3300),
        ({"expires_in": 601}, HOSTS, "https://www.zohoapis.eu", 301),
        ({"expires_in": 600}, HOSTS, "https://www.zohoapis.eu", 300),
        ({"expires_in": 60}, HOSTS, "https://www.zohoapis.eu", 30),
        ({"expires_in": 0.5}, HOSTS, "https://www.zohoapis.eu", 0.25),
        *(({"expires_in": each}, HOSTS, "https://www.zohoapis.eu", 3300) for each in (0, -1, None, "60", float("inf"))),
        ({"api_domain": None}, HOSTS, None, 3300),
        ({"api_domain": 7}, HOSTS, None, 3300),
        ({"api_domain": "www.zohoapis.eu"}, HOSTS, None, 3300),
        ({"api_domain": "https://example.org"}, OWN, None, 3300),  # api_url is set: it is not looked at
    ],
)  # fmt: skip
def test_a_token_is_fresh_until_five_minutes_before_its_end(changes, hosts, domain, seconds):
    """A shorter one for half its life; what makes no sense is an hour."""
    source = _source({**GOOD, **changes}, hosts=hosts)

    assert source.current() == AccessToken("t", domain, NOW + seconds)
    assert source.has_answered
    form = {"grant_type": "refresh_token", "client_id": "c", "client_secret": "s", "refresh_token": "r"}
    assert source.accounts.asked == [("POST", f"{hosts.accounts_url}/oauth/v2/token", form)]


@pytest.mark.parametrize(
    ("status", "content", "code", "advice"),
    [
        (200, {"error": "invalid_code"}, "invalid_code", "the refresh_token is revoked"),
        (400, {"error": " Access \n Denied "}, "Access Denied", "Zoho grants 10 in 10 minutes"),
        (200, {"error": "x" * 200}, "x" * 100, "check data_center, client_id"),
        (200, {"error": ["x"]}, "no access_token in the answer", "check data_center, client_id"),
        (200, {**GOOD, "access_token": "two words"}, "no access_token in the answer", "check data_center"),
        (403, None, "no access_token in the answer", "check data_center"),
        (300, [], "no access_token in the answer", "check data_center"),
        (200, {**GOOD, "api_domain": "https://example.org"}, None, "is neither Zoho's nor set"),
    ],
)
def test_credentials_that_are_refused_are_not_sent_again(status, content, code, advice):
    """Zoho counts the attempts, and the account is shut for ten minutes."""
    source = _source(Received(status, json.dumps(content).encode() if content is not None else b"<html>", {}))

    for _ in range(2):
        with pytest.raises(AuthError, match=advice) as raised:
            source.current()

    assert (raised.value.status, raised.value.code) == (status, code)
    assert (len(source.accounts.asked), source.refreshes, source.has_answered) == (1, 1, True)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (429, b"{}", RateLimited),
        (408, b"{}", ServerError),
        (500, b'{"access_token": "t"}', ServerError),
        (200, b"[]", ServerError),
        (299, b"<html>", ServerError),
        (200, b"", ServerError),
    ],
)
def test_what_another_try_may_mend_is_said_as_such(status, body, error):
    """The call that waits for the token was not sent, so it may be tried again whatever it is."""
    source = _source(Received(status, body, {"retry-after": "7"}), GOOD)

    with pytest.raises(error, match=f"HTTP {status} without a token") as raised:
        source.current()

    assert type(raised.value) is error
    assert (raised.value.status, raised.value.retry_after) == (status, 7.0)
    assert not raised.value.may_have_happened
    assert source.current().value == "t"
    assert source.refreshes == 2


def test_a_server_that_was_not_reached_has_not_answered():
    """Whoever never heard of it gives up sooner; and the call that waits was not sent."""
    source = _source(ConnectionFailed("reset", may_have_happened=True))

    with pytest.raises(ConnectionFailed) as raised:
        source.current()

    assert not raised.value.may_have_happened
    assert not source.has_answered


def test_a_token_is_kept_until_it_is_old_or_refused():
    """One refused that is no longer ours refuses nothing."""
    clock = Clock()
    source = _source(*({**GOOD, "access_token": each} for each in "abc"), clock=clock)
    first = source.current()
    clock.time += 3299.9
    assert source.current() is first

    clock.time += 0.1
    second = source.current()
    source.refuse(first)
    assert source.current() is second
    source.refuse(second)

    assert [first.value, second.value, source.current().value] == ["a", "b", "c"]


KEPT = {"value": "kept", "api_domain": "https://www.zohoapis.eu", "fresh_until": NOW + 1}


@pytest.mark.parametrize(
    ("kept", "is_taken"),
    [
        (KEPT, True),
        ({**KEPT, "api_domain": None}, True),
        ({**KEPT, "fresh_until": NOW}, False),
        ({**KEPT, "api_domain": "https://example.org"}, False),
        ({**KEPT, "value": "two words"}, False),
        ({**KEPT, "value": ""}, False),
        ({**KEPT, "fresh_until": "soon"}, False),
        ({}, False),
    ],
)
def test_a_kept_token_is_taken_if_it_is_good(tmp_path, kept, is_taken):
    """Else it is asked for, and kept in its place."""
    path = tmp_path / "token.json"
    source = _source(GOOD, cache=path)
    path.write_text(json.dumps({source._cache_key: kept}), encoding="utf-8")

    token = source.current()

    assert token.value == ("kept" if is_taken else "t")
    assert len(source.accounts.asked) == (not is_taken)
    if not is_taken:
        fresh = {"value": "t", "api_domain": "https://www.zohoapis.eu", "fresh_until": NOW + 3300}
        assert json.loads(path.read_text(encoding="utf-8")) == {source._cache_key: fresh}


def test_a_kept_token_that_is_refused_is_not_taken_again(tmp_path):
    """It stands in the file still."""
    path = tmp_path / "token.json"
    source = _source(GOOD, cache=path)
    path.write_text(json.dumps({source._cache_key: KEPT}), encoding="utf-8")

    source.refuse(source.current())

    assert source.current().value == "t"


def test_a_given_token_serves_until_it_is_refused():
    """It cannot be renewed; the refusal of another one is none of its own."""
    source = FixedToken(GivenToken("given"))
    token = source.current()
    assert token == AccessToken("given", None, float("inf"))
    assert "given" not in repr(token)

    source.refuse(AccessToken("given", None, float("inf")))
    assert source.current() is token
    source.refuse(token)

    assert not source.has_answered
    with pytest.raises(AuthError, match="access_token was refused"):
        source.current()
