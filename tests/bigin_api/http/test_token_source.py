"""One access token for all threads, and every way in which getting it can fail."""

import json
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from support.scripted import SECRETS, TOKEN_ENDED, Answer, Clock, ScriptedServer, settings_for, token_answer

from bigin_api import (
    AuthError,
    BiginError,
    Call,
    Client,
    ClientSettings,
    ConnectionFailed,
    ServerError,
)
from bigin_api.http.auth import AccessToken, TokenSource
from bigin_api.http.transport import Transport

LIST = Call("GET", "/Contacts")
INSERT = Call("POST", "/Contacts", json={"data": [{}]}, repeatable=False)


def test_fifty_threads_share_one_token(server, connect):
    """Zoho grants ten tokens in ten minutes: one refresh for all threads, or the run locks itself out."""
    client = connect(server.url, max_concurrent_requests=10)

    with ThreadPoolExecutor(50) as pool:
        list(pool.map(lambda _: client.send(LIST), range(200)))

    assert len(server.token_requests) == 1
    assert {asked.headers["Authorization"] for asked in server.asked} == {"Zoho-oauthtoken token-1"}


def test_the_request_is_what_the_accounts_server_expects(server, client):
    """A form in the body: in a query string the secrets would stand in every proxy's log."""
    client.send(LIST)

    (asked,) = server.token_requests
    assert (asked.method, asked.path) == ("POST", "/oauth/v2/token")
    assert asked.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert asked.body == (
        b"grant_type=refresh_token&client_id=the-client&client_secret=the-secret"
        b"&refresh_token=the-refresh-token"
    )
    assert "Authorization" not in asked.headers


@pytest.mark.parametrize(("seconds", "refreshes"), [(3290, 1), (3310, 2)])
def test_a_token_is_renewed_five_minutes_before_it_ends(server, connect, seconds, refreshes):
    """A call that begins with a token that is about to end would be refused half-way through a run."""
    clock = Clock()
    client = connect(server.url, now=clock)
    client.send(LIST)

    clock.time += seconds
    client.send(LIST)

    assert len(server.token_requests) == refreshes


def test_a_short_lived_token_is_used_for_half_its_life(server, connect):
    """With a fixed margin it would never be fresh, and every call would ask for another one."""
    clock = Clock()
    client = connect(server.url, now=clock)
    server.token_answers.append(token_answer("short", server.url, expires_in=60))

    client.send(LIST)
    clock.time += 29
    client.send(LIST)
    clock.time += 2
    client.send(LIST)

    assert [asked.headers["Authorization"][-7:] for asked in server.asked] == [
        "n short",
        "n short",
        "token-2",
    ]


@pytest.mark.parametrize("call", [LIST, INSERT], ids=["read", "insert"])
def test_a_token_that_is_refused_in_mid_run_is_renewed_once(server, client, call):
    """The sixteenth token of an account kills the oldest: its owner goes on with another one."""
    client.send(LIST)
    server.dead_tokens.add("token-1")

    client.send(call)

    assert len(server.token_requests) == 2
    assert [asked.headers["Authorization"][-7:] for asked in server.asked] == [
        "token-1",
        "token-1",
        "token-2",
    ]


def test_threads_that_meet_the_same_end_renew_it_once(server, connect):
    """Ten calls in flight are refused together; one of them renews, the others take what it got."""
    client = connect(server.url, max_concurrent_requests=10)
    client.send(LIST)
    server.dead_tokens.add("token-1")

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda _: client.send(LIST), range(10)))

    assert len(server.token_requests) == 2


class SlowToRefuse(TokenSource):
    """Its thread "refusing" stops between looking at the token and dropping it, as any thread may."""

    def __init__(self, *given: Any, **more: Any) -> None:
        self.looked = threading.Event()
        self.renewed = threading.Event()
        super().__init__(*given, **more)

    @property
    def _token(self) -> AccessToken | None:
        token: AccessToken | None = self.__dict__["_kept"]
        if threading.current_thread().name == "refusing":
            self.looked.set()
            self.renewed.wait(0.3)
        return token

    @_token.setter
    def _token(self, token: AccessToken | None) -> None:
        self.__dict__["_kept"] = token


def test_a_refusal_that_comes_late_drops_no_new_token(server):
    """Ended and refused at once: whoever renews it must not see its new token thrown away by the other."""
    clock = Clock()
    settings = ClientSettings.from_mapping(settings_for(server.url))
    transport = Transport(timeout=5, connections=2, user_agent="test")
    tokens = SlowToRefuse(transport, settings.credentials, settings.hosts, now=clock)
    old = tokens.current()
    clock.time += 3_500

    refusing = threading.Thread(target=tokens.refuse, args=(old,), name="refusing")
    refusing.start()
    tokens.looked.wait(5)
    new = tokens.current()
    tokens.renewed.set()
    refusing.join()
    kept = tokens.current()
    transport.close()

    assert kept is new
    assert len(server.token_requests) == tokens.refreshes == 2


def test_a_token_refused_twice_ends_the_call(server, client):
    """A fresh token that is refused too will not get better: the data center is wrong."""
    server.answers.extend([TOKEN_ENDED, TOKEN_ENDED, TOKEN_ENDED])

    with pytest.raises(AuthError, match="data_center"):
        client.send(LIST)

    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("status", "error", "advice"),
    [
        (200, "invalid_client", "data_center first, then client_id"),
        (200, "invalid_client_secret", "client_secret does not fit"),
        (200, "invalid_code", "refresh_token is revoked"),
        (200, "access_denied", "wait ten minutes"),
        (400, "Access Denied", "token_cache_path"),
        (200, "Access Denied", "token_cache_path"),
        (200, "something_new", "check data_center, client_id, client_secret and refresh_token"),
        (401, "invalid_client", "data_center first"),
    ],
)
def test_refused_credentials_tell_what_to_check(server, client, status, error, advice):
    """OAuth errors come as HTTP 200; the run ends at once with one line that says what to do."""
    server.token_answers.append(
        Answer.of({"error": error, "error_description": "You have made too many requests"}, status)
    )

    with pytest.raises(AuthError) as raised:
        client.send(LIST)

    assert advice in raised.value.message
    assert error in raised.value.message
    assert raised.value.code == error
    assert server.asked == []


def test_an_answer_without_a_token_is_refused(server, client):
    """{} is no token and no error either: it must not be sent as the token None."""
    server.token_answers.append(Answer.of({}))

    with pytest.raises(AuthError, match="no access_token"):
        client.send(LIST)


def test_refused_credentials_are_not_tried_again(server, connect):
    """Twenty streams that each try wrong credentials would lock the account for ten minutes."""
    client = connect(server.url, max_concurrent_requests=10)
    server.token_answers.extend([Answer.of({"error": "invalid_code"})] * 50)

    with ThreadPoolExecutor(10) as pool:
        tries = [pool.submit(client.send, LIST) for _ in range(50)]

    assert {type(each.exception()) for each in tries} == {AuthError}
    assert len(server.token_requests) == 1


@pytest.mark.parametrize(
    "failure",
    [
        Answer(reset=True),
        Answer(502, b"<html>Bad gateway</html>"),
        Answer(200, b'{"access_token": "tok', cut_after=10),
        Answer(500, b"{}"),
    ],
    ids=["reset", "502", "cut off", "500"],
)
@pytest.mark.parametrize("call", [LIST, INSERT], ids=["read", "insert"])
def test_a_token_request_that_fails_is_tried_again(server, client, failure, call):
    """What failed is the token's call: the insert that waits for it was never sent, so it may go on."""
    server.token_answers.append(failure)

    client.send(call)

    assert len(server.token_requests) == 2
    assert len(server.asked) == 1
    assert client.spent().credits == 1


@pytest.mark.parametrize("failure", [Answer(502, b"<html>"), Answer(reset=True)], ids=["502", "reset"])
def test_an_accounts_server_that_stays_away_is_said(server, connect, failure):
    """The message names the accounts server, for the API may well be alive."""
    client = connect(server.url, max_retries=1)
    server.token_answers.extend([failure, failure])

    with pytest.raises((ServerError, ConnectionFailed), match=r"^http://127\.0\.0\.1"):
        client.send(LIST)

    assert client.spent().calls == 0


@pytest.mark.parametrize("domain", ["scripted", None, "www.zohoapis.eu", 17])
def test_api_lives_where_the_token_says(server, connect, domain):
    """Without api_url the answer's api_domain decides; what is no address is passed over."""
    client = connect(server.url, api_url=None)
    answer = token_answer("t", server.url if domain == "scripted" else domain)
    server.token_answers.append(answer)

    if domain == "scripted":
        client.send(LIST)
        assert len(server.asked) == 1
    else:
        token = client._tokens.current()
        assert token.api_domain is None


FOREIGN = ["https://api.example.org", r"https://HOST\.zoho.com", "https://zoho.com@HOST", "http://www.zohoapis.com",
           "https://zohocloud.com", "https://www.zohoapis.com.example.org", "http://127.0.0.1:1", "https://[::1"]  # fmt: skip


@pytest.mark.parametrize("domain", FOREIGN)
def test_no_token_goes_where_an_answer_alone_points(server, connect, domain, tmp_path):
    """Whoever could write an api_domain had our token: it is Zoho's, or one that the user set."""
    client = connect(server.url, api_url=None, token_cache_path=str(tmp_path / "token.json"))
    server.token_answers.append(token_answer("t", domain))

    with pytest.raises(AuthError, match="neither Zoho's nor set") as raised:
        client.send(LIST)

    assert "api_url" in raised.value.message
    assert (server.asked, len(server.token_requests)) == ([], 1)
    assert not (tmp_path / "token.json").exists()


def test_what_an_answer_says_matters_only_where_nothing_is_set(server, client):
    """Behind a proxy the accounts server tells an address that nobody here calls."""
    server.token_answers.append(token_answer("t", "https://api.example.org"))

    client.send(LIST)

    assert len(server.asked) == 1


@pytest.mark.parametrize("domain", FOREIGN)
def test_a_kept_token_of_a_foreign_domain_is_not_taken(server, connect, domain, tmp_path):
    """A cache written by an older version may hold one."""
    path = tmp_path / "token.json"
    connect(server.url, api_url=None, token_cache_path=str(path)).send(LIST)
    kept = json.loads(path.read_text(encoding="utf-8"))
    for each in kept.values():
        each["api_domain"] = domain
    path.write_text(json.dumps(kept), encoding="utf-8")

    connect(server.url, api_url=None, token_cache_path=str(path)).send(LIST)

    assert len(server.token_requests) == 2


@pytest.mark.parametrize("value", ["tok\r\nX-Evil: 1", "tök☃", "", "two words", 17, None])
def test_a_token_that_no_header_can_carry_is_none(server, client, value):
    """It would end in a traceback of the library that sends it."""
    server.token_answers.append(token_answer(value, server.url))

    with pytest.raises(AuthError, match="no access_token"):
        client.send(LIST)

    assert server.asked == []


@pytest.mark.parametrize("seconds", ["soon", None, 0, -5, 1e400])
def test_a_token_whose_end_makes_no_sense_lives_an_hour(server, client, seconds):
    """Ended at once, each call would ask for another one, and the account be locked after ten."""
    server.token_answers.append(token_answer("t", server.url, expires_in=seconds))

    client.send(LIST)
    client.send(LIST)

    assert len(server.token_requests) <= 2
    assert len(server.asked) == 2


@pytest.mark.parametrize("status", [408, 429, 500, 503])
@pytest.mark.parametrize(
    "body", [b"", b'{"error": "Access Denied"}', b"<html>"], ids=["empty", "JSON", "HTML"]
)
def test_an_accounts_server_that_is_busy_is_asked_again(server, client, status, body):
    """One busy minute of the accounts server must not end a night's run."""
    server.token_answers.extend([Answer(status, body)] * 2)

    client.send(INSERT)

    assert (len(server.token_requests), len(server.asked)) == (3, 1)


def test_a_busy_accounts_server_is_not_asked_before_its_time(server, connect):
    """Retry-After is kept as with any answer."""
    server.token_answers.append(Answer(429, b"", {"Retry-After": "7"}))
    client, waits = connect(server.url), []
    client._retry._stop.wait = lambda seconds: bool(waits.append(seconds))

    client.send(LIST)

    assert waits == [7.0]


def test_threads_that_wait_for_one_token_share_its_failure(server, connect):
    """Ten calls would make ten requests to a server that is busy, each time."""
    server.token_answers.append(Answer(503, b"", seconds=0.5))
    client = connect(server.url, max_concurrent_requests=10, max_retries=0)

    with ThreadPoolExecutor(10) as pool:
        tries = [pool.submit(client.send, LIST) for _ in range(10)]

    assert {type(each.exception()) for each in tries} == {ServerError}
    assert len(server.token_requests) == 1


@pytest.mark.parametrize("status", [302, 403, 404, 413])
def test_a_page_instead_of_a_token_ends_the_run(server, client, status):
    """accounts_url is wrong, or a firewall says no: it stays so, however often it is asked."""
    server.token_answers.append(Answer(status, b"<html>"))

    with pytest.raises(AuthError, match=f"HTTP {status}"):
        client.send(LIST)

    assert len(server.token_requests) == 1


def given(server: ScriptedServer, **more: Any) -> dict[str, Any]:
    """Settings with an access token alone."""
    return {"access_token": "given-token", "api_url": server.url, **more}


def test_an_access_token_is_used_as_it_is(server):
    """A platform that renews tokens itself hands out no refresh token."""
    with Client.from_settings(given(server, client_secret=None)) as client:
        client.send(LIST)

    assert server.asked[0].headers["Authorization"] == "Zoho-oauthtoken given-token"
    assert server.token_requests == []


def test_an_access_token_that_is_refused_ends_the_run(server):
    """It cannot be renewed: one line that says so, and no call more."""
    server.dead_tokens.add("given-token")

    with Client.from_settings(given(server)) as client:
        for _ in range(2):
            with pytest.raises(AuthError, match=r"access_token was refused.*Set a new one") as raised:
                client.send(LIST)

    assert "given-token" not in raised.value.message
    assert len(server.asked) == 1


FAILURES = {
    "refused": Answer.of({"error": "invalid_code"}),
    "reset": Answer(reset=True),
    "cut off": Answer(200, b'{"access_token": "token-x"', cut_after=20),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES.keys())
def test_no_error_leads_to_a_secret(server, connect, failure):
    """Whoever prints the error, its causes and its context finds neither credentials nor a token."""
    client = connect(server.url, max_retries=0)
    server.token_answers.append(failure)

    with pytest.raises(BiginError) as raised:
        client.send(LIST)

    said = "".join(traceback.format_exception(raised.value)) + repr(raised.value.__dict__)
    assert not any(secret in said for secret in (*SECRETS, "token-x"))
    assert _objects_reached(raised.value) == {type(raised.value).__module__}


def _objects_reached(error: BaseException | None) -> set[str]:
    """Where the classes of an error and of all that it is chained to come from."""
    modules = set()
    while error is not None:
        modules.add(type(error).__module__)
        error = error.__cause__ or error.__context__
    return modules
