"""What an answer means: every trap of the API is a row of a table."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigin_api import (
    AuthError,
    BiginError,
    Call,
    InvalidRequest,
    ModuleUnavailable,
    NotFound,
    PageTokenRefused,
    PaginationLimit,
    PermissionDenied,
    QueryRefused,
    RateLimited,
    Reply,
    ScopeMissing,
    ServerError,
)
from bigin_api.endpoints.results import verdicts
from bigin_api.errors import CODE_TO_ERROR
from bigin_api.http.replies import read_reply

LIST = Call("GET", "/Contacts", module="Contacts")
WRITE_100 = Call("POST", "/Contacts", module="Contacts", records=100, answers_records=True)
WRITE_2, WRITE_0 = (replace(WRITE_100, records=number) for number in (2, 0))
WRITE_1 = Call("POST", "/Contacts", module="Contacts", records=1, answers_records=True)

GOOD = {"code": "SUCCESS", "details": {"id": "1"}, "message": "record added", "status": "success"}
BAD = {"code": "INVALID_DATA", "details": {"api_name": "Email"}, "message": "invalid data", "status": "error"}


def refusal(code: str, **details: Any) -> dict[str, Any]:
    return {"code": code, "details": details, "message": "as said", "status": "error"}


def read(status: int, content: Any, call: Call = LIST, **header: str) -> Reply:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return read_reply(status, body, header, call=call)


def test_nothing_new_is_a_fault_where_nobody_asked_since_when():
    """Taken for an empty list it would hide every record."""
    with pytest.raises(ServerError, match="304"):
        read_reply(304, b"", {}, call=Call("GET", "/Contacts"))


@pytest.mark.parametrize("status", [204, 304])
def test_empty_answers_are_no_records(status):
    """204 and 304 have empty bodies: nothing there, and nothing new, are no faults."""
    since = {"If-Modified-Since": "2026-05-14T09:00:00+00:00"}
    reply = read(status, b"", Call("GET", "/Contacts", headers=since))

    assert reply.rows() == []
    assert reply.info == {}
    assert reply.not_modified is (status == 304)


@pytest.mark.parametrize(
    ("status", "code", "details", "error"),
    [
        (401, "INVALID_TOKEN", {}, AuthError),
        (401, "AUTHENTICATION_FAILURE", {}, AuthError),
        (401, "SOMETHING_NEW", {}, AuthError),
        (401, "OAUTH_SCOPE_MISMATCH", {}, ScopeMissing),
        (403, "NO_PERMISSION", {"permissions": ["Crm_Implied_View_Contacts"]}, PermissionDenied),
        (400, "AUTHORIZATION_FAILED", {}, PermissionDenied),
        (403, "SOMETHING_NEW", {}, PermissionDenied),
        (400, "INVALID_MODULE", {"resource_path_index": 0}, ModuleUnavailable),
        (400, "NOT_SUPPORTED", {}, ModuleUnavailable),
        (400, "MODULE_NOT_AVAILABLE", {}, ModuleUnavailable),
        (400, "INVALID_DATA", {"param_name": "page_token"}, PageTokenRefused),
        (400, "TOKEN_BOUND_DATA_MISMATCH", {"param_name": "page_token"}, PageTokenRefused),
        (400, "EXPIRED_VALUE", {"param_name": "page_token"}, PageTokenRefused),
        (400, "DISCRETE_PAGINATION_LIMIT_EXCEEDED", {"limit": 2000}, PaginationLimit),
        (400, "PAGINATION_LIMIT_EXCEEDED", {"limit": 100000}, PaginationLimit),
        (400, "SYNTAX_ERROR", {"line": 1, "column": 8}, QueryRefused),
        (400, "INVALID_QUERY", {"column_name": "Nope"}, QueryRefused),
        (404, "RESOURCE_NOT_FOUND", {"resource": "job"}, NotFound),
        (429, "TOO_MANY_REQUESTS", {}, RateLimited),
        (400, "TOO_MANY_REQUESTS", {}, RateLimited),
        (429, "SOMETHING_NEW", {}, RateLimited),
        (408, "SOMETHING_NEW", {}, ServerError),
        (500, "INTERNAL_ERROR", {}, ServerError),
        (400, "INTERNAL_ERROR", {}, ServerError),
        (503, "SOMETHING_NEW", {}, ServerError),
        (400, "REQUIRED_PARAM_MISSING", {"param_name": "fields"}, InvalidRequest),
        (400, "INVALID_DATA", {"param_name": "per_page"}, InvalidRequest),
        (400, "SOMETHING_NEW", {}, InvalidRequest),
        (200, "SOMETHING_NEW", {}, InvalidRequest),
    ],
)
def test_each_code_has_the_class_that_says_what_to_do(status, code, details, error):
    """The class of a refusal tells the caller what to do about it, its message what Bigin said."""
    with pytest.raises(BiginError) as raised:
        read(status, refusal(code, **details))

    assert type(raised.value) is error
    assert raised.value.code == code
    assert raised.value.status == status
    assert raised.value.module == "Contacts"
    assert code in raised.value.message
    assert "as said" in raised.value.message


@pytest.mark.parametrize("code", sorted(CODE_TO_ERROR))
@pytest.mark.parametrize("enveloped", [False, True], ids=["flat", "in data"])
def test_every_known_code_becomes_its_class(code, enveloped):
    """Some faults come flat and some as the only entry of ``data``: both mean the same."""
    body = {"data": [refusal(code)]} if enveloped else refusal(code)

    with pytest.raises(CODE_TO_ERROR[code]):
        read(400, body)


@pytest.mark.parametrize("status", [200, 201, 207, 400, 401, 403, 404, 500, 502])
@pytest.mark.parametrize("body", [b"", b'{"data": [{"id": "1"'])
def test_a_body_that_is_cut_off_is_a_server_error_whatever_the_status(status, body):
    """Half a page must never pass for a page, nor half a refusal for one."""
    with pytest.raises(ServerError) as raised:
        read(status, body)

    assert raised.value.may_have_happened


@pytest.mark.parametrize(
    ("status", "error"),
    [
        *((status, ServerError) for status in (200, 201, 207, 408, 500, 502)),
        *((status, InvalidRequest) for status in (400, 403, 404, 413)),
        (401, AuthError),
    ],
)
@pytest.mark.parametrize("body", [b"<html>Bad gateway</html>", b"\xff\xfe", b"[1]"])
def test_what_is_no_json_is_not_bigins(status, error, body):
    """A proxy's page with a 4xx is its refusal; with any other status it is no answer yet."""
    with pytest.raises(error) as raised:
        read(status, body)

    assert type(raised.value) is error
    assert raised.value.status == status


@pytest.mark.parametrize("body", [b"", b"<html>slow down</html>"])
def test_429_needs_no_body(body):
    """The status alone says that nothing was done, so that an insert may be sent again."""
    with pytest.raises(RateLimited) as raised:
        read(429, body)

    assert not raised.value.may_have_happened


def test_redirect_is_no_answer():
    """A host that redirects is not Bigin; what it would redirect to gets no token."""
    with pytest.raises(ServerError, match="api_url"):
        read(302, b"")


@pytest.mark.parametrize(
    ("remaining", "says"),
    [("0", "used up"), ("-5", "used up"), ("40", "too many calls at once"), (None, "Bigin does not say")],
)
def test_429_tells_the_two_causes_apart_by_what_remains(remaining, says):
    """Too many calls clear in seconds, spent credits in hours: the figures are all there is to tell."""
    header = {} if remaining is None else {"x-api-credits-remaining": remaining}

    with pytest.raises(RateLimited, match=says) as raised:
        read(429, refusal("TOO_MANY_REQUESTS"), **header)

    assert raised.value.details.get("credits_remaining") == (None if remaining is None else int(remaining))


@pytest.mark.parametrize(
    ("status", "call", "data"),
    [
        (201, WRITE_1, [GOOD]),
        (207, WRITE_100, [GOOD] * 93 + [BAD] * 7),
        (202, WRITE_100, [GOOD] * 100),
        (400, WRITE_100, [BAD] * 100),
        (200, WRITE_1, [BAD]),
        (200, WRITE_2, [GOOD]),
        (400, WRITE_2, [refusal("INVALID_MODULE")] * 2),
        (400, WRITE_1, [BAD]),
        (400, WRITE_1, [GOOD] * 7),
        (403, WRITE_1, [refusal("NO_PERMISSION")]),
        (400, WRITE_1, [refusal("LIMIT_EXCEEDED", api_name="Participants")]),
        (400, WRITE_1, [refusal("INTERNAL_ERROR")]),
    ],
)
def test_verdicts_are_a_reply_whatever_the_status(status, call, data):
    """Partial success: each record's own verdict counts, and a 400 may hold a hundred of them."""
    assert read(status, {"data": data}, call).rows() == data


@pytest.mark.parametrize(
    ("status", "call", "data", "error"),
    [
        (400, WRITE_100, [BAD], InvalidRequest),
        (200, WRITE_100, [BAD], InvalidRequest),
        (200, WRITE_2, [BAD], InvalidRequest),
        (400, WRITE_0, [], InvalidRequest),
        (207, WRITE_100, [refusal("INVALID_MODULE")], ModuleUnavailable),
        (400, WRITE_100, [refusal("LIMIT_EXCEEDED", maximum_length=100, api_name="data")], InvalidRequest),
        (400, WRITE_1, [refusal("LIMIT_EXCEEDED", maximum_length=100, api_name="data")], InvalidRequest),
        (400, WRITE_1, [refusal("INVALID_MODULE")], ModuleUnavailable),
        (401, WRITE_1, [refusal("INVALID_TOKEN")], AuthError),
        (401, WRITE_1, [refusal("SOMETHING_NEW")], AuthError),
        (429, WRITE_1, [refusal("TOO_MANY_REQUESTS")], RateLimited),
        (500, WRITE_1, [refusal("INTERNAL_ERROR")], ServerError),
        (500, WRITE_100, [BAD] * 100, ServerError),
        (400, WRITE_100, [], InvalidRequest),
        (400, WRITE_100, "nonsense", InvalidRequest),
        (400, WRITE_1, ["nonsense"], InvalidRequest),
    ],
)
def test_one_fault_for_many_is_the_calls_own(status, call, data, error):
    """One entry for a hundred records speaks of the call: it must not be pinned on the first record."""
    with pytest.raises(error):
        read(status, {"data": data}, call)


@pytest.mark.parametrize(
    ("status", "content", "code"),
    [
        (
            200,
            {"ERROR_CODE": "BAD_REQUEST", "ERROR_MESSAGE": "Bad Request", "x-error": "check if headers"},
            "BAD_REQUEST",
        ),
        (
            400,
            {"ERROR_CODE": "BAD_REQUEST", "ERROR_MESSAGE": "Bad Request", "x-error": "check if headers"},
            "BAD_REQUEST",
        ),
        (200, {"info": "Forbidden", "x-info": "Link not valid", "http_status": "403"}, "FORBIDDEN"),
        (403, {"info": "Forbidden", "x-info": "Link not valid", "http_status": "403"}, "FORBIDDEN"),
        (200, refusal("INVALID_FILE_FORMAT"), "INVALID_FILE_FORMAT"),
    ],
)
def test_refusals_in_other_envelopes_are_refusals(status, content, code):
    """Uploads and result links speak in envelopes of their own, some with HTTP 200."""
    with pytest.raises(BiginError) as raised:
        read(status, content)

    assert raised.value.code == code


@pytest.mark.parametrize(
    "content",
    [
        {"info": {}},
        {"data": {"id": "1"}},
        {"users": []},
        {"status": "error"},
        {"data": None},
        {"data": None, "info": {"more_records": True}},
        {"data": None, "info": {"more_records": False, "count": 2}},
    ],
)
def test_a_page_without_its_list_is_no_empty_page(content):
    """An error must never become an empty page: a full read would end there and look complete."""
    reply = read(200, content)

    with pytest.raises(ServerError, match="no list 'data'"):
        reply.rows()


@pytest.mark.parametrize(
    ("key", "info"),
    [("data", {"more_records": False, "count": 0}), ("data", {"more_records": "false"}), ("layouts", None)],
)
def test_null_is_no_record_where_the_answer_says_so(key, info):
    """The platform writes null for an empty list; of records only together with that no more follow."""
    assert read(200, {key: None, "info": info}).rows(key) == []


@pytest.mark.parametrize("word", ["Error", "ERROR"])
def test_an_error_is_one_whatever_its_case(word):
    """A flat refusal with HTTP 200 must not pass as an answer."""
    with pytest.raises(BiginError) as raised:
        read(200, {**refusal("NO_PERMISSION"), "status": word})

    assert raised.value.code == "NO_PERMISSION"


def test_the_header_tells_time_and_credits():
    """The server's clock decides about bookmarks; what remains decides whether to go on."""
    reply = read(
        200, {"data": []}, date="Thu, 14 May 2026 09:53:58 GMT", **{"x-api-credits-remaining": "2400"}
    )

    assert reply.server_time == datetime(2026, 5, 14, 9, 53, 58, tzinfo=timezone.utc)
    assert reply.credits_remaining == 2400


@pytest.mark.parametrize("said", ["09:53:58 -0000", "11:53:58 +0200"])
def test_a_time_is_of_the_zone_that_it_names_and_never_of_this_machines(said, monkeypatch):
    """HTTP has one zone, UTC; a machine elsewhere would be hours ahead."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        reply = read(200, {"data": []}, date=f"Thu, 14 May 2026 {said}")
    finally:
        monkeypatch.undo()
        time.tzset()

    assert reply.server_time == datetime(2026, 5, 14, 9, 53, 58, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"date": "soon", "x-api-credits-remaining": "many"},
        {"date": ""},
        {"date": "Sat, 01 Jan 2000 00:00:00 GMT"},  # a clock that is not set
        {"date": "Thu, 14 May 99999999999 09:53:58 GMT"},
    ],
)
def test_a_header_that_says_nothing_is_unknown(header):
    """A missing clock is unknown, never our own."""
    reply = read(200, {"data": []}, **header)

    assert reply.server_time is None
    assert reply.credits_remaining is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["data", "code", "status", "details", "message", "info"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(status=st.integers(200, 599), content=JSON, call=st.sampled_from([LIST, WRITE_1, WRITE_100]))
def test_any_answer_is_a_reply_or_one_of_our_errors(status, content, call):
    """Whatever shape comes back, the caller sees a reply or a BiginError, never a stray exception."""

    def outcome() -> Reply | BiginError:
        try:
            reply = read_reply(status, json.dumps(content).encode(), {}, call=call)
            verdicts(reply, call)
        except BiginError as error:
            return error
        return reply

    assert isinstance(outcome(), Reply | BiginError)
