"""What an answer is turned into, to the word: a person acts on the line, the program on what it carries."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest

from bigin_api import (
    AuthError,
    BiginError,
    Call,
    InvalidRequest,
    ModuleUnavailable,
    NotFound,
    PermissionDenied,
    RateLimited,
    Reply,
    ServerError,
)
from bigin_api.http.replies import read_reply

LIST = Call("GET", "/Contacts", {"ids": "the-value"}, module="Contacts")
NOW = {"date": "Thu, 14 May 2026 09:53:58 GMT", "x-api-credits-remaining": "2400"}
MOMENT = datetime(2026, 5, 14, 9, 53, 58, tzinfo=timezone.utc)
BUSY = {"code": "TOO_MANY_REQUESTS", "message": "slow down", "status": "error"}
ERRORS = [
    {"status": "success"},
    {"status": "Error", "code": "A", "message": "b"},
    {"status": "error", "code": "C"},
]
NO_JSON = "that are not a whole JSON object"


def _refused(
    status: int, content: Any, header: dict[str, str] | None = None, call: Call = LIST
) -> BiginError:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    with pytest.raises(BiginError) as raised:
        read_reply(status, body, header or {}, call=call)
    return raised.value


@pytest.mark.parametrize(
    ("status", "content", "error", "said"),
    [
        (
            403,
            {"code": "NO_PERMISSION", "details": {"permissions": ["x"]}, "message": " no\n  right "},
            PermissionDenied,
            ("NO_PERMISSION (no right) {'permissions': ['x']}. Give the token's user this right in Bigin "
            "(Settings > Profiles)."),
        ),
        (400, {"code": "X", "message": "m" * 600}, InvalidRequest, f"X ({'m' * 500})."),
        (400, {"code": "X", "message": None, "details": []}, InvalidRequest, "X."),
        (400, {}, InvalidRequest, None),
        (400, {"data": ERRORS}, InvalidRequest, "A (b)."),
        (400, {"watch": ERRORS}, InvalidRequest, "A (b)."),
        (400, {"tags": ERRORS}, InvalidRequest, "A (b)."),
        (400, {"code": "INVALID_MODULE", "data": ERRORS}, ModuleUnavailable,
         "INVALID_MODULE. Check the module's api_name and that the edition opens it to the API."),
        (400, {"ERROR_CODE": "BAD", "ERROR_MESSAGE": "Bad one", "x-error": "headers"}, InvalidRequest, "BAD (Bad one headers)."),
        (200, {"ERROR_CODE": "BAD"}, InvalidRequest, "BAD."),
        (403, {"info": "Forbidden", "x-info": "Link not valid"}, NotFound, "FORBIDDEN (Link not valid)."),
        (401, {"x-info": "no"}, AuthError,
         "(no). Check data_center first: a token of one data center is unknown in another."),
    ],
)  # fmt: skip
def test_a_refusal_is_told_in_bigins_words_with_what_to_do(status, content, error, said):
    """Never a parameter, which may hold somebody's value."""
    raised = _refused(status, content)

    assert type(raised) is error
    assert raised.message == f"Contacts: GET /Contacts: HTTP {status}{f' {said}' if said else '.'}"
    assert (raised.status, raised.module) == (status, "Contacts")


@pytest.mark.parametrize(
    ("remaining", "details", "remedy"),
    [
        (None, {}, "Too many calls at once, or the day's credits are used up: Bigin does not say which."),
        (
            "1",
            {"credits_remaining": 1},
            "1 credits remain, so it is too many calls at once: lower max_concurrent_requests.",
        ),
        (
            "0",
            {"credits_remaining": 0},
            "The day's credits are used up; they come back over a rolling 24 hours.",
        ),
    ],
)
def test_too_many_requests_are_told_with_what_remains(remaining, details, remedy):
    """Whether to wait for seconds or for hours."""
    raised = _refused(429, BUSY, {"x-api-credits-remaining": remaining} if remaining else {})

    assert type(raised) is RateLimited
    assert raised.message == f"Contacts: GET /Contacts: HTTP 429 TOO_MANY_REQUESTS (slow down). {remedy}"
    assert (raised.details, raised.code) == (details, "TOO_MANY_REQUESTS")


@pytest.mark.parametrize(
    ("status", "body", "kind", "error", "said"),
    [
        (502, b"<html>", "text/html; charset=utf-8", ServerError, f"6 bytes of 'text/html' {NO_JSON}"),
        (404, b"<html>", None, InvalidRequest, f"6 bytes of 'unnamed' {NO_JSON}"),
        (401, b"<html>", "x" * 60, AuthError, f"6 bytes of '{'x' * 50}' {NO_JSON}"),
        (499, b"", "text/html", ServerError, "an empty body"),
        (499, b'  {"a"', "text/html", ServerError, f"6 bytes of 'text/html' {NO_JSON}"),
        (408, b"<html>", "text/html", ServerError, f"6 bytes of 'text/html' {NO_JSON}"),
        (413, b'{"a"', "text/html", InvalidRequest, f"4 bytes of 'text/html' {NO_JSON}"),
        (200, b"[]", "application/json", ServerError, f"2 bytes of 'application/json' {NO_JSON}"),
    ],
)  # fmt: skip
def test_what_is_no_json_is_told_by_its_size_and_kind(status, body, kind, *, error, said):
    """Cut off it may be tried again; a proxy's page may not."""
    raised = _refused(status, body, {"content-type": kind} if kind else {})

    assert type(raised) is error
    assert raised.message == f"Contacts: GET /Contacts: HTTP {status} with {said}."
    assert (raised.status, raised.module) == (status, "Contacts")


def test_an_empty_refusal_that_says_it_is_empty_is_whole():
    """It was not cut off."""
    assert type(_refused(499, b"", {"content-length": "0"})) is InvalidRequest
    assert type(_refused(499, b"", {"content-length": "7"})) is ServerError


@pytest.mark.parametrize("status", [300, 302, 399])
def test_a_redirect_is_told_as_one(status):
    """Bigin never answers so."""
    raised = _refused(status, {"data": []})

    assert type(raised) is ServerError
    assert raised.message == (
        f"Contacts: GET /Contacts: HTTP {status}, a redirect, which Bigin never answers. Is api_url right?"
    )
    assert (raised.status, raised.module) == (status, "Contacts")


def test_without_a_module_the_call_alone_is_named():
    """As of the organisation."""
    refused = _refused(400, {"code": "X"}, call=Call("GET", "/org"))

    assert (refused.message, refused.module) == ("GET /org: HTTP 400 X.", None)


@pytest.mark.parametrize(
    ("status", "body", "reply"),
    [
        (
            200,
            b'{"data": [{"id": 7, "A": "\\ud800"}]}',
            Reply(200, {"data": [{"id": "7", "A": None}]}, MOMENT, 2400, NOW, ("record 7: A",)),
        ),
        (299, b'{"a": 1}', Reply(299, {"a": 1}, MOMENT, 2400, NOW)),
        (204, b"", Reply(204, None, MOMENT, 2400, NOW)),
        (204, b"<html>", Reply(204, None, MOMENT, 2400, NOW)),
    ],
)
def test_a_reply_has_all_that_the_answer_says(status, body, reply):
    """The clock, what remains of the day's credits, and where values were that nobody can store."""
    assert read_reply(status, body, NOW, call=LIST) == reply
