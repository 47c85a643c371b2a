"""Credentials without a browser on this machine: /oauth/v3/device. FACTS 6a."""

from __future__ import annotations

import pytest
import requests

SCOPE = "ZohoBigin.modules.contacts.READ,ZohoBigin.settings.ALL"


@pytest.fixture(autouse=True)
def frozen(sandbox):
    """No second passes by itself."""
    sandbox.clock(set="2026-07-01T10:00:00Z", freeze=True)


def begin(sandbox, **more):
    form = {"client_id": "sandbox-client", "grant_type": "device_request", "scope": SCOPE}
    form |= {"access_type": "offline", "prompt": "consent", **more}
    answer = requests.post(f"{sandbox.url}/oauth/v3/device/code", data=form, timeout=9)
    assert answer.status_code == 200
    return answer.json()


def poll(sandbox, device_code, *, at="", **more):
    form = {"client_id": "sandbox-client", "client_secret": "sandbox-secret", "grant_type": "device_token"}
    url = f"{sandbox.url}{at}/oauth/v3/device/token"
    answer = requests.post(url, data={**form, "code": device_code, **more}, timeout=9)
    assert answer.status_code == 200  # errors too
    return answer.json()


def test_a_device_begins_with_two_codes_and_milliseconds(sandbox):
    """FACTS 6a: named like seconds, 5000 and 300000 in a working client."""
    begun = begin(sandbox)

    assert begun.keys() == {"user_code", "device_code", "verification_url", "interval", "expires_in"}
    assert (begun["interval"], begun["expires_in"]) == (5_000, 300_000)
    assert [(each["user_code"], each["state"]) for each in sandbox.devices()] == [
        (begun["user_code"], "waiting")
    ]


def test_tokens_come_once_a_person_has_said_yes(sandbox):
    """Pending until then; afterwards an access token and a refresh token for the scopes asked for."""
    begun = begin(sandbox)
    before = poll(sandbox, begun["device_code"])
    sandbox.answer_device(user_code=begun["user_code"])
    sandbox.clock(advance=5)

    given = poll(sandbox, begun["device_code"])

    assert before == {"error": "authorization_pending"}
    assert (given["api_domain"], given["expires_in"], given["scope"]) == (sandbox.url, 3600, SCOPE)
    assert poll(sandbox, begun["device_code"]) == {"error": "invalid_code"}
    signed = {"refresh_token": given["refresh_token"]}
    assert sandbox.api("GET", "/Contacts", params={"fields": "id"}, **signed).status_code == 200
    assert sandbox.api("GET", "/Accounts", params={"fields": "id"}, **signed).status_code == 401


def test_only_offline_access_gives_a_refresh_token(sandbox):
    """`access_type=offline` is asked for, or there is nothing to keep."""
    begun = begin(sandbox, access_type="online")
    sandbox.answer_device()

    given = poll(sandbox, begun["device_code"])

    assert "access_token" in given
    assert "refresh_token" not in given


def test_polling_too_fast_must_become_slower_for_good(sandbox):
    """FACTS 6a: `slow_down`, then once in 30 s; before that, at the told interval."""
    code = begin(sandbox)["device_code"]
    errors = [poll(sandbox, code)["error"]]
    for seconds in (5, 4, 6, 29, 30, 5, 30):
        sandbox.clock(advance=seconds)
        errors.append(poll(sandbox, code)["error"])

    pending, slow = "authorization_pending", "slow_down"
    assert errors == [pending, pending, slow, slow, slow, pending, slow, pending]


def test_the_flow_finds_the_data_center(sandbox):
    """FACTS 6a: `other_dc` and `user_location`; one goes on polling there, at once."""
    sandbox.settings(location="eu")
    begun = begin(sandbox)
    assert poll(sandbox, begun["device_code"]) == {"error": "authorization_pending"}
    sandbox.answer_device()
    sandbox.clock(advance=5)

    elsewhere = poll(sandbox, begun["device_code"])
    given = poll(sandbox, begun["device_code"], at="/dc/eu")

    assert elsewhere == {"error": "other_dc", "user_location": "eu"}
    form = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
    form |= {"grant_type": "refresh_token", "refresh_token": given["refresh_token"]}
    for location, known in (("eu", True), ("in", False)):
        answer = requests.post(f"{sandbox.url}/dc/{location}/oauth/v2/token", data=form, timeout=9).json()
        assert ("access_token" in answer) is known


def test_a_person_may_say_no(sandbox):
    """`access_denied`."""
    code = begin(sandbox)["device_code"]

    sandbox.answer_device("deny")

    assert poll(sandbox, code) == {"error": "access_denied"}


def test_a_code_expires_after_five_minutes(sandbox):
    """300000 milliseconds, not seconds."""
    code = begin(sandbox)["device_code"]

    sandbox.clock(advance=300)

    assert poll(sandbox, code) == {"error": "expired"}


def test_opening_the_page_with_the_code_says_yes(sandbox):
    """As a person does who follows the verification_url."""
    begun = begin(sandbox)

    page = requests.get(begun["verification_url"], params={"user_code": begun["user_code"]}, timeout=9)
    unknown = requests.get(begun["verification_url"], params={"user_code": "NOBODY"}, timeout=9)

    assert (page.status_code, "may now use" in page.text) == (200, True)
    assert "Nobody waits" in unknown.text
    assert "access_token" in poll(sandbox, begun["device_code"])


@pytest.mark.parametrize(
    ("answer", "key"), [("approve", "access_token"), ("deny", "error"), ("ask", "error")]
)
def test_what_a_person_says_may_be_settled_beforehand(sandbox, answer, key):
    """The setting `device_consent`, for commands that nobody can interrupt."""
    sandbox.settings(device_consent=answer, device_interval_ms=50)

    begun = begin(sandbox)

    assert begun["interval"] == 50
    assert key in poll(sandbox, begun["device_code"])


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"client_id": "nobody"}, "invalid_client"),
        ({"client_secret": "wrong"}, "invalid_client_secret"),
        ({"grant_type": "device_request"}, "invalid_request"),
        ({"code": "1004.unknown"}, "invalid_code"),
    ],
)
def test_a_poll_that_is_wrong_is_told_with_200(sandbox, wrong, error):
    """FACTS 1 and 6a: errors of the accounts server come with HTTP 200."""
    sandbox.settings(device_consent="approve")
    code = begin(sandbox)["device_code"]

    assert poll(sandbox, code, **wrong) == {"error": error}


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"client_id": "nobody"}, "invalid_client"),
        ({"scope": ""}, "invalid_request"),
        ({"grant_type": "x"}, "invalid_request"),
    ],
)
def test_a_beginning_that_is_wrong_is_told(sandbox, wrong, error):
    """And nobody waits."""
    assert begin(sandbox, **wrong) == {"error": error}
    assert sandbox.devices() == []


@pytest.mark.parametrize(
    ("begun", "wish"),
    [
        (False, {"answer": "approve"}),
        (True, {"answer": "approve", "user_code": "NOBODY"}),
        (True, {"answer": "approve", "user": 99}),
        (True, {"answer": "perhaps"}),
    ],
)
def test_an_answer_that_cannot_be_is_refused(sandbox, begun, wish):
    """A test that answers too soon, or as nobody, must hear of it."""
    if begun:
        begin(sandbox)

    answer = requests.post(f"{sandbox.url}/_sandbox/device", json=wish, timeout=9)

    assert answer.status_code == 400


def test_the_twenty_first_consent_ends_the_oldest(sandbox):
    """FACTS 6a: 20 refresh tokens a client and user; the one that cron uses goes first."""
    others = [sandbox.refresh_token_for(SCOPE) for _ in range(19)]
    assert "access_token" in sandbox.request_token().json()

    newest = sandbox.refresh_token_for(SCOPE)

    assert sandbox.request_token().json() == {"error": "invalid_code"}
    for kept in (others[0], newest, sandbox.limited_refresh_token):
        assert "access_token" in sandbox.request_token(refresh_token=kept).json()


def test_a_grant_code_ends_after_ten_minutes(sandbox):
    """FACTS 6a: ten minutes at most for a self client, about one for a redirect."""
    long, short = sandbox.grant_code(SCOPE), sandbox.grant_code(SCOPE, seconds=60)
    sandbox.clock(advance=599)

    form = {"grant_type": "authorization_code"}
    assert sandbox.request_token(**form, code=short).json() == {"error": "invalid_code"}
    assert "refresh_token" in sandbox.request_token(**form, code=long).json()
    late = sandbox.grant_code(SCOPE)
    sandbox.clock(advance=600)
    assert sandbox.request_token(**form, code=late).json() == {"error": "invalid_code"}


def test_locations_are_told_without_a_login(sandbox):
    """FACTS 6a: `/oauth/serverinfo`, location -> accounts server."""
    told = requests.get(f"{sandbox.url}/oauth/serverinfo", timeout=9).json()

    assert told["locations"].keys() == {"us", "eu", "in", "au", "cn", "jp", "sa", "ca"}
    assert told["locations"]["us"] == sandbox.url


# scopes that are easy to miss


@pytest.mark.parametrize(
    ("scope", "method", "path", "status"),
    [
        ("ZohoBigin.modules.ALL", "POST", "/files", 401),
        ("ZohoBigin.Files.CREATE", "POST", "/files", 200),
        ("ZohoBigin.modules.ALL", "POST", "/Contacts/{id}/actions/change_owner", 401),
        ("ZohoBigin.modules.change_owner.CREATE", "POST", "/Contacts/{id}/actions/change_owner", 400),
        ("ZohoBigin.modules.ALL", "GET", "/Contacts/{id}/Emails", 401),
        (
            "ZohoBigin.modules.contacts.READ ZohoBigin.modules.emails.READ",
            "GET",
            "/Contacts/{id}/Emails",
            200,
        ),
        ("ZohoBigin.modules.emails.READ", "GET", "/Contacts/{id}/Emails", 401),
        ("ZohoBigin.modules.contacts.READ", "GET", "/Contacts/{id}/Notes", 401),
        ("ZohoBigin.modules.contacts.ALL,ZohoBigin.modules.notes.READ", "GET", "/Contacts/{id}/Notes", 204),
        ("ZohoBigin.modules.READ", "GET", "/Contacts/{id}", 401),
        ("ZohoBigin.modules.contacts.READ", "GET", "/Contacts/{id}", 200),
    ],
)
def test_scopes_that_are_easy_to_miss(sandbox, scope, method, path, status):
    """FACTS 1, 6a: files, owners and mails have scopes of their own; there is no `modules.READ`."""
    contact = sandbox.dump("Contacts")[0]["id"]
    sent = {"files": {"file": ("a.txt", b"a")}} if path == "/files" else {}
    sent = {"json": {"owner": {"id": "1"}}} if "change_owner" in path else sent

    answer = sandbox.api(
        method,
        path.format(id=contact),
        params={"fields": "Note_Content"},
        refresh_token=sandbox.refresh_token_for(scope),
        **sent,
    )

    assert answer.status_code == status, answer.text
    assert status != 401 or answer.json()["code"] == "OAUTH_SCOPE_MISMATCH"
