"""The accounts server and what the API makes of a token. FACTS 1."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import requests

CONTACTS = {"params": {"fields": "id"}}


def test_a_refresh_token_gives_an_access_token_for_an_hour(sandbox):
    """FACTS 1, Refresh: the four keys, and `api_domain` is where the API lives: here."""
    answer = sandbox.request_token()

    body = answer.json()
    assert answer.status_code == 200
    assert (body["token_type"], body["expires_in"], body["api_domain"]) == ("Bearer", 3600, sandbox.url)
    assert "refresh_token" not in body
    signed = {"Authorization": f"Zoho-oauthtoken {body['access_token']}"}
    url = f"{sandbox.url}/bigin/v2/Contacts"
    assert requests.get(url, headers=signed, timeout=9, **CONTACTS).status_code == 200


@pytest.mark.parametrize("way", ["params", "data", "multipart"])
def test_the_token_request_may_come_in_three_forms(sandbox, way):
    """FACTS 1: one client posts a multipart form, others a form or a query string."""
    fields = {
        "grant_type": "refresh_token",
        "client_id": "sandbox-client",
        "client_secret": "sandbox-secret",
        "refresh_token": "sandbox-refresh",
    }
    sent = {"files": {k: (None, v) for k, v in fields.items()}} if way == "multipart" else {way: fields}

    answer = requests.post(f"{sandbox.url}/oauth/v2/token", timeout=9, **sent)

    assert "access_token" in answer.json()


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"client_id": "nobody"}, "invalid_client"),
        ({"client_secret": "guess"}, "invalid_client_secret"),
        ({"refresh_token": "revoked"}, "invalid_code"),
        ({"grant_type": "authorization_code", "code": "used"}, "invalid_code"),
        ({"grant_type": "password"}, "invalid_request"),
    ],
)
def test_oauth_errors_come_with_http_200(sandbox, wrong, error):
    """FACTS 1, 7.2: a client that looks at the status alone takes a refusal for a token."""
    answer = sandbox.request_token(**wrong)

    assert (answer.status_code, answer.json()) == (200, {"error": error})


def test_a_code_gives_a_refresh_token_and_serves_once(sandbox):
    """FACTS 1, Authorization code: also `refresh_token`."""
    first = sandbox.request_token(grant_type="authorization_code", code="sandbox-code").json()
    second = sandbox.request_token(grant_type="authorization_code", code="sandbox-code").json()

    assert first["refresh_token"] == "sandbox-refresh"
    assert second == {"error": "invalid_code"}


def test_the_eleventh_token_within_ten_minutes_is_refused_with_400(sandbox):
    """FACTS 1, Too many refreshes: a 400 of its own shape, and shut for about 10 minutes."""
    sandbox.clock(freeze=True)
    given = [sandbox.request_token().status_code for _ in range(10)]

    refused = sandbox.request_token()

    assert given == [200] * 10
    assert (refused.status_code, refused.json()["error"]) == (400, "Access Denied")
    assert refused.json()["status"] == "failure"
    sandbox.clock(advance=599)
    assert sandbox.request_token().status_code == 400
    sandbox.clock(advance=2)
    assert "access_token" in sandbox.request_token().json()


def test_the_sixteenth_live_token_ends_the_oldest(sandbox):
    """FACTS 1: at most 15 live ones, so a deployment that hoards tokens suddenly gets 401."""
    sandbox.settings(access_tokens_per_10_minutes=100)
    oldest = sandbox.token()
    for _ in range(14):
        sandbox.request_token()
    assert sandbox.api("GET", "/Contacts", **CONTACTS).status_code == 200

    sandbox.request_token()

    assert sandbox.token() == oldest
    refused = sandbox.api("GET", "/Contacts", **CONTACTS)
    assert (refused.status_code, refused.json()["code"]) == (401, "INVALID_TOKEN")


def test_an_access_token_ends_after_an_hour(sandbox):
    """FACTS 1, Access tokens live 1 hour; the body is printed there word by word."""
    sandbox.token()
    sandbox.clock(advance=3601)

    answer = sandbox.api("GET", "/Contacts", **CONTACTS)

    assert answer.status_code == 401
    message = {"code": "INVALID_TOKEN", "details": {}, "message": "invalid oauth token", "status": "error"}
    assert answer.json() == message


def test_every_answer_tells_when_the_token_ends(sandbox):
    """FACTS 1: x-accesstoken-reset, in the offset of the token's user."""
    answer = sandbox.api("GET", "/Contacts", **CONTACTS)

    ends = datetime.fromisoformat(answer.headers["x-accesstoken-reset"])
    left = ends - datetime.now().astimezone()
    assert timedelta(minutes=55) < left <= timedelta(hours=1)
    assert ends.utcoffset() in (timedelta(hours=1), timedelta(hours=2))


@pytest.mark.parametrize("header", ["Bearer {}", "zoho-oauthtoken {}", "{}", None])
def test_another_scheme_is_a_bad_request(sandbox, header):
    """FACTS 1: a generic 400, not an auth error, so nobody sees at once what is wrong."""
    headers = {} if header is None else {"Authorization": header.format(sandbox.token())}

    answer = requests.get(f"{sandbox.url}/bigin/v2/Contacts", headers=headers, timeout=9, **CONTACTS)

    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")


@pytest.mark.parametrize(
    ("method", "path", "sent"),
    [
        ("POST", "/coql", {"json": {"select_query": "select id from Contacts where id is not null"}}),
        ("GET", "/Contacts/search", {"params": {"word": "Berg"}}),
    ],
)
def test_a_missing_scope_is_told_with_401(sandbox, method, path, sent):
    """FACTS 1, No scope: the token of sandbox-limited may neither query nor search."""
    answer = sandbox.api(method, path, refresh_token=sandbox.limited_refresh_token, **sent)

    assert (answer.status_code, answer.json()["code"]) == (401, "OAUTH_SCOPE_MISMATCH")


def test_a_listed_module_may_be_closed(sandbox):
    """FACTS 7.10: metadata list Payroll as readable, reading it is refused with 403."""
    listed = sandbox.api("GET", "/settings/modules/Payroll").json()["modules"][0]

    answer = sandbox.api("GET", "/Payroll", params={"fields": "Name"})

    assert (listed["api_supported"], listed["viewable"]) == (True, True)
    assert (answer.status_code, answer.json()["code"]) == (403, "NO_PERMISSION")
    assert answer.json()["details"] == {"permissions": ["Crm_Implied_View_Payroll"]}


def test_only_administrators_list_all_notes(sandbox):
    """FACTS 4: the list of all notes may be refused with 403; a record's own notes are still there."""
    parent = sandbox.dump("Notes")[0]["Parent_Id"]
    wanted = {"params": {"fields": "Note_Content"}, "refresh_token": sandbox.limited_refresh_token}

    everywhere = sandbox.api("GET", "/Notes", **wanted)
    of_one = sandbox.api("GET", f"/{parent['module']['api_name']}/{parent['id']}/Notes", **wanted)

    assert everywhere.status_code == 403
    assert of_one.status_code == 200


def test_a_revoked_refresh_token_takes_its_access_tokens_along(sandbox):
    """Source: revoke-tokens (Zoho CRM)."""
    sandbox.token()

    answer = requests.post(
        f"{sandbox.url}/oauth/v2/token/revoke", params={"token": "sandbox-refresh"}, timeout=9
    )

    assert answer.json() == {"status": "success"}
    assert sandbox.api("GET", "/Contacts", **CONTACTS).status_code == 401
    assert sandbox.request_token().json() == {"error": "invalid_code"}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/settings/pipelines", 404, "INVALID_URL_PATTERN"),
        ("GET", "/a/b/c/d/e", 404, "INVALID_URL_PATTERN"),
        ("PATCH", "/Contacts", 400, "INVALID_REQUEST_METHOD"),
        ("GET", "/Nowhere?fields=id", 400, "INVALID_MODULE"),
        ("GET", "/Social?fields=id", 400, "INVALID_MODULE"),
        ("GET", "/Associated_Products?fields=id", 400, "INVALID_MODULE"),
    ],
)
def test_wrong_addresses_have_codes_of_their_own(sandbox, method, path, status, code):
    """FACTS 5, Whole call."""
    answer = sandbox.api(method, path)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_scope_words_count_without_case(sandbox):
    """FACTS 1: `ZohoBigin.modules.ALL` serves `/contacts`' scope whatever its case."""
    assert sandbox.api("GET", "/Contacts", refresh_token="sandbox-limited", **CONTACTS).status_code == 200
