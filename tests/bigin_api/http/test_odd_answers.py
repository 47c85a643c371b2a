"""Answers that are not Bigin's JSON: nested without end, a proxy's page, a wait that is asked for."""

import pytest
from support.scripted import Answer

from bigin_api import AuthError, Call, InvalidRequest, RateLimited, ServerError
from bigin_api.http.replies import retry_after

LIST = Call("GET", "/Contacts", endpoint="list", module="Contacts")
INSERT = Call("POST", "/Contacts", json={"data": [{}]}, module="Contacts", repeatable=False)
JSON = {"Content-Type": "application/json"}
ONE = Answer.of({"data": [{"id": "1"}]})


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"data":['], ids=["list", "objects", "page"])
@pytest.mark.parametrize("status", [200, 400, 500])
def test_json_nested_without_end_is_an_error_of_ours(server, connect, opening, status):
    """A hundred thousand brackets are more than a stack holds: one line, no RecursionError."""
    server.answers.append(Answer(status, opening * 100_000, JSON))

    with pytest.raises((ServerError, InvalidRequest), match="not a whole JSON object"):
        connect(server.url, max_retries=0).send(LIST)


@pytest.mark.parametrize("depth", range(900, 1000, 10))
def test_json_nested_as_deep_as_it_can_be_read_is_an_error_of_ours(server, connect, depth):
    """What is just shallow enough to be read must not break the message that shows it."""
    nested = b'{"a":' * depth + b"1" + b"}" * depth
    body = b'{"code": "X", "status": "error", "message": %b, "details": %b}' % (nested, nested)
    server.answers.append(Answer(400, body, JSON))

    with pytest.raises((ServerError, InvalidRequest)) as raised:
        connect(server.url, max_retries=0).send(LIST)

    assert len(raised.value.message) < 1000


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"error":' * 100_000])
def test_a_token_answer_nested_without_end_is_an_error_of_ours(server, connect, body):
    """As those of the API."""
    server.token_answers.extend([Answer(200, body, JSON), Answer(400, body, JSON)])
    client = connect(server.url, max_retries=0)

    with pytest.raises(ServerError, match="without a token"):
        client.send(LIST)
    with pytest.raises(AuthError):
        client.send(LIST)


PAGE = b"<html><title>Request Entity Too Large</title></html>"


@pytest.mark.parametrize("status", [400, 403, 404, 413, 414, 431])
def test_a_page_of_a_proxy_is_a_refusal(server, client, status):
    """A firewall says no in HTML: asking nine times does not help, and the insert was not carried out."""
    server.answers.append(Answer(status, PAGE, {"Content-Type": "text/html; charset=utf-8"}))

    with pytest.raises(InvalidRequest, match=rf"HTTP {status} with 52 bytes of 'text/html'") as raised:
        client.send(INSERT)

    assert (raised.value.status, raised.value.code, raised.value.module) == (status, None, "Contacts")
    assert len(server.asked) == 1


@pytest.mark.parametrize("tells_length", [True, False])
@pytest.mark.parametrize("status", [413, 414, 431])
def test_too_large_needs_no_body(server, client, status, tells_length):
    """The status says all that there is to say, also where nothing says that no body was cut off."""
    server.answers.append(Answer(status, drip=0.0 if tells_length else 0.001))

    with pytest.raises(InvalidRequest, match=f"HTTP {status} with an empty body"):
        client.send(INSERT)


def test_a_page_with_401_ends_the_run(server, client):
    """Whoever it is that wants other credentials, ours are refused."""
    server.answers.append(Answer(401, PAGE, {"Content-Type": "text/html"}))

    with pytest.raises(AuthError, match="HTTP 401"):
        client.send(LIST)


@pytest.mark.parametrize("status", [408, 429, 502, 503])
def test_a_page_that_says_later_is_tried_again(server, client, status):
    """A proxy whose server is busy says so in HTML too."""
    server.answers.extend([Answer(status, PAGE, {"Content-Type": "text/html"}), ONE])

    assert client.send(LIST).rows() == [{"id": "1"}]


@pytest.mark.parametrize(("after", "waits"), [("7", 7.0), ("0", 0.0), ("soon", 0.0), ("", 0.0), ("-1", 0.0)])
def test_the_wait_that_an_answer_asks_for_is_kept(server, connect, after, waits):
    """Retry-After is the least; whoever comes earlier is turned away again."""
    server.answers.append(Answer(429, b"", {"Retry-After": after}))
    client, told = connect(server.url, max_retries=1), []
    client._retry._on_retry = lambda _error, seconds, _made: told.append(seconds)
    client._retry._stop.wait = lambda _seconds: False

    client.send(INSERT)

    assert told == [waits]


@pytest.mark.parametrize(("until", "seconds"), [("09:54:08", 10.0), ("09:53:00", 0.0)])
def test_a_moment_to_wait_for_is_measured_by_the_servers_clock(until, seconds):
    """Our clock may be wrong by hours."""
    date, until = "Thu, 14 May 2026 09:53:58 GMT", f"Thu, 14 May 2026 {until} GMT"

    assert retry_after({"date": date, "retry-after": until}) == seconds
    assert retry_after({"retry-after": until}) is None


def test_a_wait_of_hours_is_not_sat_out(server, client):
    """The run ends with a line, rather than stand still until somebody looks."""
    server.answers.append(Answer(429, b"", {"Retry-After": "86400"}))

    with pytest.raises(RateLimited):
        client.send(LIST)

    assert len(server.asked) == 1


@pytest.mark.parametrize("header", [{"X-API-CREDITS-REMAINING": "--5"}, {"X-API-CREDITS-REMAINING": "9" * 5000},
                                    {"Retry-After": "9" * 400}, {"Retry-After": "Mon, 01 Jan 0001 00:00:00 +2300"},
                                    {"Date": "Mon, 01 Jan 0001 00:00:00 +2300"}])  # fmt: skip
def test_a_header_that_makes_no_sense_is_unknown(server, client, header):
    """It must not cost the answer that it came with."""
    server.answers.append(Answer(200, ONE.body, {**ONE.headers, **header}))

    assert client.send(LIST).rows() == [{"id": "1"}]
