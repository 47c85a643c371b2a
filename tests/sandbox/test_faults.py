"""What goes wrong on the way, over real HTTP: bigin_sandbox.control.faults.

Dropped, cut and lost answers reach behind uvicorn's documented face, so these tests hold its range.
"""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

import pytest
import requests

CONTACTS = {"params": {"fields": "Last_Name,Email,Mailing_Street"}}


def _raw(sandbox, method="GET", path="/bigin/v2/Contacts?fields=Last_Name,Email,Phone", body=None):
    """One call on a connection of its own: status, announced length, bytes that came."""
    connection = http.client.HTTPConnection(urlsplit(sandbox.url).netloc, timeout=9)
    try:
        headers = {"Authorization": f"Zoho-oauthtoken {sandbox.token()}"}
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        announced = int(answer.headers["content-length"])
        try:
            return answer.status, announced, len(answer.read())
        except http.client.IncompleteRead as cut:
            return answer.status, announced, len(cut.partial)
    finally:
        connection.close()


def test_a_dropped_connection_gives_no_answer(sandbox):
    """`drop`: cut before any work; the call after it goes well."""
    before = sandbox.count("Contacts")
    sandbox.token()
    sandbox.fault("POST /Contacts", drop=True)

    with pytest.raises(requests.ConnectionError):
        sandbox.api("POST", "/Contacts", json={"data": [{"Last_Name": "Lost"}]})

    assert sandbox.count("Contacts") == before
    assert sandbox.api("GET", "/Contacts", **CONTACTS).status_code == 200


def test_a_truncated_body_has_the_whole_length(sandbox):
    """`truncate`: half a body under the right Content-Length, so only a careful client notices."""
    whole = _raw(sandbox)
    sandbox.fault("GET /Contacts", truncate=True)

    status, announced, came = _raw(sandbox)

    assert status == 200
    assert announced == whole[1]
    assert 0 < came < announced
    assert _raw(sandbox) == whole


def test_a_lost_response_is_of_work_that_was_done(sandbox):
    """`lose_response`: the insert happened, its answer never came."""
    before = sandbox.count("Contacts")
    sandbox.token()
    sandbox.fault("POST /Contacts", lose_response=True)

    with pytest.raises(requests.ConnectionError):
        sandbox.api("POST", "/Contacts", json={"data": [{"Last_Name": "Written"}]})

    assert sandbox.count("Contacts") == before + 1


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "INVALID_TOKEN"),
        (403, "NO_PERMISSION"),
        (429, "TOO_MANY_REQUESTS"),
        (500, "INTERNAL_ERROR"),
    ],
)
def test_a_status_comes_with_bigins_body(sandbox, status, code):
    """`status`: FACTS 1, 2, 5."""
    sandbox.fault("GET /Contacts", status=status)

    answer = sandbox.api("GET", "/Contacts", **CONTACTS)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_proxy_speaks_no_json(sandbox, status):
    """What stands before Bigin answers in HTML."""
    sandbox.fault("GET /Contacts", status=status)

    answer = sandbox.api("GET", "/Contacts", **CONTACTS)

    assert answer.status_code == status
    assert answer.text.startswith("<html>")


def test_a_fault_has_a_body_of_its_own(sandbox):
    """`body` and `code`: any answer that a test can think of."""
    sandbox.fault("POST /oauth/*", status=200, body={"error": "access_denied"})
    sandbox.fault("GET /Contacts", status=400, code="SOMETHING_NEW")

    refused = sandbox.request_token()
    strange = sandbox.api("GET", "/Contacts", **CONTACTS)

    assert (refused.status_code, refused.json()) == (200, {"error": "access_denied"})
    assert (strange.status_code, strange.json()["code"]) == (400, "SOMETHING_NEW")


def test_faults_strike_so_often_and_so_late_as_asked(sandbox):
    """`after` matching calls go well, then `times` go wrong."""
    sandbox.fault("GET /Contacts", status=500, after=2, times=2)

    statuses = [sandbox.api("GET", "/Contacts", **CONTACTS).status_code for _ in range(6)]

    assert statuses == [200, 200, 500, 500, 200, 200]


def test_a_fault_without_end_is_ended_by_hand(sandbox):
    """`times` null."""
    sandbox.token()
    sandbox.fault("* /*", status=503, times=None)
    statuses = [sandbox.api("GET", "/org").status_code for _ in range(3)]

    sandbox.clear_faults()

    assert statuses == [503] * 3
    assert sandbox.api("GET", "/org").status_code == 200


@pytest.mark.parametrize(
    ("match", "query", "strikes"),
    [
        ("GET /Contacts", "*", True),
        ("GET /bigin/v2/Contacts", "*", True),
        ("* /Con*", "*", True),
        ("GET /Contacts", "*page=2*", False),
        ("GET /Contacts", "*fields=Last_Name*", True),
        ("POST /Contacts", "*", False),
        ("GET /Accounts", "*", False),
    ],
)
def test_a_fault_strikes_what_it_matches(sandbox, match, query, strikes):
    """Method and path are globs, `query` is one of the query string."""
    sandbox.token()
    sandbox.fault(match, query=query, status=500)

    answer = sandbox.api("GET", "/Contacts", **CONTACTS)

    assert (answer.status_code == 500) is strikes


def test_a_call_that_went_wrong_is_paid_for(sandbox):
    """FACTS 7.14: credits are spent also by failed calls; a lost answer has no status."""
    sandbox.token()
    sandbox.fault("GET /Contacts", status=500)
    sandbox.fault("POST /Contacts", lose_response=True)

    sandbox.api("GET", "/Contacts", **CONTACTS)
    with pytest.raises(requests.ConnectionError):
        sandbox.api("POST", "/Contacts", json={"data": [{"Last_Name": "X"}]})

    usage = sandbox.usage()
    assert usage["credits"] == 2
    assert usage["statuses"] == {"0": 1, "500": 1}


def test_an_unknown_fault_is_refused(sandbox):
    """A misspelt fault must not let a test pass."""
    wish = [{"match": "GET /Contacts", "explode": True}]

    answer = requests.post(f"{sandbox.url}/_sandbox/faults", json=wish, timeout=9)

    assert answer.status_code == 400
