"""How a refresh token is got: the device flow with its pace and its data centers, and grant codes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import parse_qs

import pytest
from support.scripted import SECRETS, Answer, ScriptedServer

from bigin_api import AuthError, ServerError, SettingsError
from bigin_api.access.grants import Accounts, Grant
from bigin_api.access.scopes import known_module, scopes_for

BEGUN = {
    "user_code": "ABCD-EFGH",
    "device_code": "the-device-code",
    "verification_url": "https://accounts.zoho.com/oauth/v3/device",
    "interval": 5000,
    "expires_in": 300000,
}
PENDING, SLOW = {"error": "authorization_pending"}, {"error": "slow_down"}
GRANTED = {
    "access_token": "a",
    "refresh_token": "the-new-refresh-token",
    "api_domain": "x",
    "expires_in": 3600,
}


class Clock:
    """Time that passes by sleeping alone."""

    def __init__(self) -> None:
        self.time = 0.0
        self.waits: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.time += seconds

    def now(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def accounts(server: ScriptedServer, clock: Clock) -> Iterator[Accounts]:
    with Accounts(
        client_id="the-client",
        client_secret=SECRETS[0],
        accounts_url=server.url,
        sleep=clock.sleep,
        now=clock.now,
    ) as found:
        yield found


@pytest.fixture
def flow(server: ScriptedServer, accounts: Accounts) -> Callable[..., Grant]:
    """``flow(answers…)``: the whole device flow against these answers to its looks."""

    def run(*answers: dict) -> Grant:
        server.token_answers.extend(map(Answer.of, (BEGUN, *answers)))
        return accounts.wait(accounts.begin(["ZohoBigin.org.READ", "ZohoBigin.users.READ"]))

    return run


def test_a_consent_gives_a_refresh_token(server, flow):
    """What is asked for stands in the first request, what proves the client in the others."""
    grant = flow(PENDING, GRANTED)

    forms = [
        {key: value[0] for key, value in parse_qs(asked.body.decode()).items()}
        for asked in server.token_requests
    ]
    assert grant == Grant("the-new-refresh-token", "us")
    assert [asked.path for asked in server.token_requests] == [
        "/oauth/v3/device/code",
        *["/oauth/v3/device/token"] * 2,
    ]
    assert forms[0] == {
        "client_id": "the-client",
        "grant_type": "device_request",
        "scope": "ZohoBigin.org.READ,ZohoBigin.users.READ",
        "access_type": "offline",
        "prompt": "consent",
    }
    assert forms[2] == {
        "client_id": "the-client",
        "client_secret": SECRETS[0],
        "grant_type": "device_token",
        "code": "the-device-code",
    }


def test_looks_come_at_the_told_pace_and_every_thirty_seconds_once_told_to_slow_down(flow, clock):
    """Interval and lifetime are milliseconds, though named like seconds."""
    flow(PENDING, PENDING, SLOW, PENDING, GRANTED)

    assert clock.waits == [5, 5, 5, 30, 30]


def test_the_flow_finds_the_data_center(flow):
    """Nobody has to know where the account lives."""
    grant = flow({"error": "other_dc", "user_location": "eu"}, GRANTED)

    assert grant.data_center == "eu"


def test_after_other_dc_the_server_of_our_own_table_is_asked():
    """The answer names a place, never an address: a secret must not go to a stranger."""
    accounts = Accounts(client_id="c", client_secret="s")
    accounts._move({"user_location": "in", "accounts_server": "https://accounts.example.org"})

    assert accounts.url == "https://accounts.zoho.in"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"error": "access_denied"}, "consent was refused"),
        ({"error": "expired"}, "not confirmed in time"),
        ({"error": "invalid_client_secret"}, "client secret does not fit"),
        ({"error": "other_dc", "user_location": "https://evil.example.org"}, "unknown here"),
        ({"error": "something_new"}, "something_new"),
        ({"access_token": "a"}, "no refresh token"),
    ],
)
def test_a_refusal_says_what_to_do(flow, answer, words):
    """And never holds a secret."""
    with pytest.raises(AuthError, match=words) as refused:
        flow(answer)

    assert SECRETS[0] not in str(refused.value)
    assert "the-device-code" not in str(refused.value)


def test_nobody_is_waited_for_beyond_the_codes_life(flow, clock):
    """A forgotten terminal must not ask for ever."""
    with pytest.raises(AuthError, match="not confirmed in time"):
        flow(*[PENDING] * 100)

    assert clock.time == 300


def test_a_network_that_blinks_costs_no_consent(server, accounts):
    """The person has confirmed: the next look gets the token."""
    server.token_answers.extend(
        [Answer.of(BEGUN), Answer(reset=True), Answer(502, b"<html>"), Answer.of(GRANTED)]
    )

    assert accounts.wait(accounts.begin(["x"])).refresh_token == "the-new-refresh-token"


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"a":' * 100_000, b"<html>"], ids=["list", "objects", "HTML"]
)
def test_an_answer_that_is_no_json_is_an_error_of_ours(server, accounts, body):
    """One line for the person at the terminal, no traceback."""
    server.token_answers.append(Answer(200, body))

    with pytest.raises(ServerError, match="Is it the accounts server"):
        accounts.redeem("the-code")


@pytest.mark.parametrize("status", [408, 429, 503])
def test_a_busy_accounts_server_costs_no_consent(server, accounts, status):
    """It is looked at again at the next turn."""
    busy = Answer.of({"error": "Access Denied"}, status)
    server.token_answers.extend([Answer.of(BEGUN), busy, Answer.of(GRANTED)])

    assert accounts.wait(accounts.begin(["ZohoBigin.org.READ"])).refresh_token == "the-new-refresh-token"


def test_a_pace_that_nobody_can_wait_for_is_not_kept(server, accounts, clock):
    """A number that no sleep takes would end in a traceback."""
    server.token_answers.extend([Answer.of({**BEGUN, "interval": 1e300}), Answer.of(GRANTED)])

    accounts.wait(accounts.begin(["ZohoBigin.org.READ"]))

    assert clock.waits == [30.0]


@pytest.mark.parametrize(
    "address", ["http://accounts.zoho.eu", r"https://HOST\.zoho.com", "https://me@zoho.com"]
)
def test_a_secret_goes_to_no_address_that_a_run_would_refuse(address):
    """The client's secret and the code are sent there."""
    with pytest.raises(SettingsError, match="accounts_url"):
        Accounts(client_id="c", client_secret="s", accounts_url=address)


def test_a_grant_code_is_changed_into_a_refresh_token(server, accounts):
    """The way of a self client, without a browser."""
    server.token_answers.append(Answer.of(GRANTED))

    grant = accounts.redeem("1000.code")

    form = parse_qs(server.token_requests[0].body.decode())
    assert grant.refresh_token == "the-new-refresh-token"
    assert form["grant_type"] == ["authorization_code"]
    assert form["code"] == ["1000.code"]


def test_a_stale_grant_code_says_so(server, accounts):
    """It lives for ten minutes at most, and serves once."""
    server.token_answers.append(Answer.of({"error": "invalid_code"}))

    with pytest.raises(AuthError, match="used before, is too old"):
        accounts.redeem("1000.code")


def test_what_an_answer_brings_to_the_terminal_is_printable(server, accounts):
    """An escape code in it could hide what is asked for."""
    server.token_answers.append(Answer.of({**BEGUN, "user_code": "AB\x1b[2JCD"}))

    assert accounts.begin(["x"]).user_code == "AB[2JCD"


@pytest.mark.parametrize(
    ("purpose", "modules", "first"),
    [
        ("read", [], "ZohoBigin.modules.ALL"),
        ("read", ["Contacts", " pipelines"], "ZohoBigin.modules.contacts.READ"),
        ("read", ["Contacts", "Payroll"], "ZohoBigin.modules.ALL"),
        ("write", ["Deals"], "ZohoBigin.modules.pipelines.ALL"),
        ("feed", [], "ZohoBigin.modules.ALL"),
    ],
)
def test_as_few_rights_are_asked_for_as_the_scopes_allow(purpose, modules, first):
    """A custom module has no scope of its own, so it takes that of all modules."""
    scopes = scopes_for(purpose, modules)

    assert scopes[0] == first
    assert ("ZohoBigin.notifications.ALL" in scopes) == (purpose == "feed")
    assert ("ZohoFiles.files.ALL" in scopes) == (purpose == "write")
    assert not any("ALL" in scope for scope in scopes[1:] if purpose == "read")


def test_a_slip_of_the_pen_is_no_custom_module():
    """It would ask for every module's records."""
    with pytest.raises(SettingsError, match="did you mean 'Contacts'"):
        known_module("Contcts")
