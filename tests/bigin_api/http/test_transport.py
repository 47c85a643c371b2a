"""Bytes out, bytes in, over real connections that are refused, reset, cut off or slow."""

import io
import json
import socket
import traceback

import pytest
import requests
from support.scripted import SECRETS, Answer

from bigin_api import BiginError, Call, ConnectionFailed, ServerError, SettingsError, TransientError
from bigin_api.http.transport import Transport

ONE = Answer.of({"data": [{"id": "1"}]})
LIST = Call("GET", "/Contacts", {"fields": "Last_Name", "ids": "17"}, endpoint="list", module="Contacts")
INSERT = Call(
    "POST", "/Contacts", json={"data": [{"Last_Name": "Bérg"}]}, module="Contacts", repeatable=False
)
VALUABLE = Call("POST", "/Contacts", {"ids": "the-value"}, json={"data": ["the-value"]})
FILE = Call("GET", "/read/1/result", api="bulk")


@pytest.fixture
def closed_port() -> str:
    """An address where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


def test_a_call_arrives_as_described(server, connect):
    """Method, path, query, headers and body are what Bigin's pages ask for."""
    client = connect(server.url, user_agent="acme/1.0")

    client.send(Call("POST", "/Contacts", {"a": "x+y z"}, json={"data": ["é"]}, headers={"If-X": "1"}))

    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", "/bigin/v2/Contacts?a=x%2By+z")
    assert json.loads(asked.body) == {"data": ["é"]}
    assert asked.headers["Content-Type"] == "application/json"
    assert asked.headers["User-Agent"] == "acme/1.0"
    assert asked.headers["If-X"] == "1"
    assert "gzip" in asked.headers["Accept-Encoding"]


@pytest.mark.parametrize(
    ("api", "path"),
    [("rest", "/bigin/v2/x"), ("bulk", "/bigin/bulk/v2/x"), ("upload", "/bigin/v2/x"), ("root", "/x")],
)
def test_each_api_has_its_base_path(server, client, api, path):
    """Bulk stands before the version; addresses that Bigin gives have their own path."""
    client.send(Call("GET", "/x", api=api))

    assert server.asked[0].path == path


def test_zipped_answers_are_unpacked(server, client):
    """Bigin packs whatever is larger than a kilobyte."""
    server.answers.append(ONE.zipped())

    assert client.send(LIST).rows() == [{"id": "1"}]


@pytest.mark.parametrize("kept", [4, 24], ids=["header", "half"])
def test_a_zipped_answer_that_is_damaged_is_no_answer(server, connect, kept):
    """Half a page must not pass for a page because it was packed."""
    packed = ONE.zipped()
    server.answers.append(Answer(200, packed.body[:kept], packed.headers))

    with pytest.raises(TransientError):
        connect(server.url, max_retries=0).send(LIST)


FAULTS = {
    "reset": Answer(reset=True),
    "cut off": Answer(200, ONE.body, ONE.headers, cut_after=8),
    "cut off within the JSON": Answer(200, ONE.body[:8], ONE.headers),
    "500": Answer.of({"code": "INTERNAL_ERROR", "details": {}, "message": "", "status": "error"}, 500),
    "502 of a proxy": Answer(502, b"<html>Bad gateway</html>", {"Content-Type": "text/html"}),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_read_is_tried_again(server, client, fault):
    """A night's run survives what networks do."""
    server.answers.extend([fault, fault, ONE])

    assert client.send(LIST).rows() == [{"id": "1"}]
    assert client.spent().credits == 3


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_an_insert_is_not_sent_again(server, client, fault):
    """The records may be there: whoever repeats the call without looking makes duplicates."""
    server.answers.extend([fault, ONE])

    with pytest.raises((ServerError, ConnectionFailed)) as raised:
        client.send(INSERT)

    assert raised.value.may_have_happened
    assert len(server.asked) == 1


@pytest.mark.parametrize("body", [b"", b"slow down", b'{"code":"TOO_MANY_REQUESTS","status":"error"}'])
def test_an_insert_that_was_turned_away_is_sent_again(server, client, body):
    """429 is said before anything is done."""
    server.answers.extend([Answer(429, body), Answer(429, body), ONE])

    client.send(INSERT)

    assert len(server.asked) == 3
    assert client.spent().credits == 3


def test_an_insert_that_never_left_is_sent_again(closed_port, server, connect):
    """Nobody listened, so nothing can have been written; and nothing was spent."""
    tries = []
    client = connect(server.url, api_url=closed_port, max_retries=3)
    client._retry._on_retry = lambda error, _seconds, made: tries.append((error.may_have_happened, made))

    with pytest.raises(ConnectionFailed, match="cannot be reached"):
        client.send(INSERT)

    assert tries == [(False, 1), (False, 2), (False, 3)]
    assert client.spent().credits == client.spent().calls == 0


def test_an_unknown_host_is_said_with_what_to_check(server, connect):
    """A typing error in api_url is the most likely cause; the last line says where to look."""
    client = connect(server.url, api_url="http://no-such-host.invalid", allow_http=True, max_retries=0)

    with pytest.raises(ConnectionFailed, match=r"no-such-host\.invalid cannot be reached") as raised:
        client.send(LIST)

    assert "api_url" in raised.value.message
    assert not raised.value.may_have_happened


def test_an_answer_that_takes_too_long_is_lost(server, connect):
    """request_timeout ends the wait; the call may have been carried out all the same."""
    server.answers.append(Answer(200, ONE.body, ONE.headers, seconds=3))
    client = connect(server.url, request_timeout=1)

    with pytest.raises(ConnectionFailed, match="did not answer in time") as raised:
        client.send(INSERT)

    assert raised.value.may_have_happened


def test_a_redirect_is_not_followed(server, connect, closed_port):
    """Our token must not go where an answer points."""
    server.answers.append(Answer(302, b"", {"Location": f"{server.url}/elsewhere"}))

    with pytest.raises(ServerError, match="redirect"):
        connect(server.url, max_retries=0).send(LIST)

    assert len(server.asked) == 1


def test_cookies_are_not_kept(server, client):
    """Zoho's load balancer sets some; they would bind all calls to one node, or to a session."""
    server.answers.append(Answer(200, ONE.body, {**ONE.headers, "Set-Cookie": "JSESSIONID=1; Path=/"}))

    client.send(LIST)
    client.send(LIST)

    assert "Cookie" not in server.asked[1].headers


def test_netrc_does_not_replace_the_token(server, client, tmp_path, monkeypatch):
    """The library would take a .netrc entry for the host and silently send that instead."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password mine\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(netrc))

    client.send(LIST)

    assert server.asked[0].headers["Authorization"] == "Zoho-oauthtoken token-1"


def test_the_environments_proxy_is_used(server, connect, monkeypatch):
    """Behind a company's proxy there is no other way out."""
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    client = connect(server.url, api_url="http://api.invalid", allow_http=True)

    client.send(LIST)

    assert server.asked[0].path == "http://api.invalid/bigin/v2/Contacts?fields=Last_Name&ids=17"


@pytest.mark.parametrize(
    ("proxy", "error"), [("http://127.0.0.1:1", ConnectionFailed), ("http://[::1", SettingsError)]
)
def test_a_proxy_that_does_not_answer_is_said(server, connect, monkeypatch, proxy, error):
    """Nothing was sent, and the message does not claim that Bigin is away."""
    monkeypatch.setenv("http_proxy", proxy)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    client = connect(server.url, api_url="http://api.invalid", allow_http=True, max_retries=0)

    with pytest.raises(error, match=r"api\.invalid"):
        client.send(INSERT)


def test_a_file_comes_as_it_is(server, client):
    """A zip is written to the file from where it stood, byte by byte."""
    server.answers.append(Answer(200, b"PK" + bytes(range(256)) * 999, {"Content-Type": "application/zip"}))
    into = io.BytesIO(b"before")
    into.seek(6)

    reply = client.download(FILE, into)

    assert into.getvalue() == b"beforePK" + bytes(range(256)) * 999
    assert (reply.status, reply.body) == (200, None)


def test_a_file_that_is_cut_off_is_fetched_again_from_its_beginning(server, client):
    """What came first must not stand before what comes then."""
    whole = b"0123456789" * 20_000
    server.answers.extend([Answer(200, whole, cut_after=150_000), Answer(200, whole[:5], cut_after=0)])
    server.answers.append(Answer(200, whole[:1000]))
    into = io.BytesIO()

    client.download(FILE, into)

    assert into.getvalue() == whole[:1000]


@pytest.mark.parametrize("status", [200, 400, 404])
def test_a_refusal_is_no_file(server, client, status):
    """Some refusals come with HTTP 200; they must not be written where a zip is expected."""
    server.answers.append(
        Answer.of({"code": "RESOURCE_NOT_FOUND", "details": {}, "message": "gone", "status": "error"}, status)
    )
    into = io.BytesIO()

    with pytest.raises(BiginError) as raised:
        client.download(FILE, into)

    assert raised.value.code == "RESOURCE_NOT_FOUND"
    assert into.getvalue() == b""


@pytest.mark.parametrize("host", ["https://example.org", "http://127.0.0.1:1", "http://www.zohoapis.com"])
def test_the_token_goes_to_zoho_alone(server, client, host):
    """A result's address comes from an answer; whoever could write it there must not get our token."""
    with pytest.raises(BiginError, match="no token is sent"):
        client.download(Call("GET", "/x", api="root", host=host), io.BytesIO())

    assert client.spent().calls == 0


def test_an_address_on_api_url_is_called(server, client):
    """The sandbox, or a proxy, serves results too."""
    server.answers.append(Answer(200, b"PK"))
    into = io.BytesIO()

    client.download(Call("GET", "/v7/org1/x.zip", {"sign": "abc"}, api="root", host=server.url), into)

    assert server.asked[0].path == "/v7/org1/x.zip?sign=abc"
    assert into.getvalue() == b"PK"


def test_an_upload_is_whole_at_each_try(server, client):
    """The file was read to its end by the first try: the second must begin at its beginning."""
    server.answers.extend([Answer(503, b"busy"), ONE])
    file = io.BytesIO(b"PK the zip")

    client.send(Call("POST", "/upload", upload=("contacts.zip", file, "application/zip"), api="upload"))

    for asked in server.asked:
        assert asked.headers["Content-Type"].startswith("multipart/form-data; boundary=")
        assert b'name="file"; filename="contacts.zip"' in asked.body
        assert b"PK the zip" in asked.body


@pytest.mark.parametrize("fault", ["refused", "reset", "cut off", "500", "401"])
def test_no_error_leads_to_a_secret_or_a_value(server, connect, closed_port, fault):
    """Tracebacks end up in tickets: no token, no secret, no query, no body, and no way to the request."""
    client = connect(server.url, max_retries=0)
    if fault == "refused":
        client = connect(server.url, api_url=closed_port, max_retries=0)
    elif fault == "401":
        server.dead_tokens.update({"token-1", "token-2"})
    else:
        server.answers.append(FAULTS[fault])

    with pytest.raises(BiginError) as raised:
        client.send(VALUABLE)

    said = "".join(traceback.format_exception(raised.value)) + repr(raised.value.__dict__)
    assert not any(word in said for word in (*SECRETS, "token-1", "token-2", "the-value"))
    assert not any(isinstance(each, requests.RequestException) for each in _chain(raised.value))


def test_what_is_not_the_networks_fault_is_not_hidden(server):
    """A disk that is full is no lost connection: it must not be tried again as one."""
    transport = Transport(timeout=5, connections=1, user_agent="test")
    server.answers.append(Answer(200, b"PK"))

    class Full(io.BytesIO):
        def write(self, _data: object) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        transport.send("GET", f"{server.url}/x", into=Full())
    transport.close()


def _chain(error: BaseException | None) -> list[BaseException]:
    found = []
    while error is not None:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found
