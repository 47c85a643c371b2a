"""What is handed to the library that sends, and what its errors are turned into, without a connection."""

from __future__ import annotations

import io
import json
import ssl
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from urllib3.exceptions import MaxRetryError, NewConnectionError

from bigin_api import BiginError, ConnectionFailed, InvalidRequest, SettingsError
from bigin_api.http.transport import Transport

HOST = "https://a.example"


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a proxy and without an authority of its own."""
    proxies = [f"{kind}_proxy" for kind in ("http", "https", "all", "no")]
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", *proxies, *map(str.upper, proxies)):
        monkeypatch.delenv(name, raising=False)


class Adapter:
    """Notes what is sent, and answers with what it was given: an error, or a body in pieces."""

    def __init__(self, error: BaseException | None = None, cause: BaseException | None = None) -> None:
        self.error, self.cause = error, cause
        self.sent: list[tuple[Any, dict[str, Any]]] = []

    def send(self, request: Any, **how: Any) -> Any:
        self.sent.append((request, how))
        if self.error is not None:
            raise self.error from self.cause
        answer = requests.Response()
        answer.status_code, answer.url = 200, request.url
        answer.raw = io.BytesIO(b"{}")
        return answer


def _transport(adapter: Adapter, *, timeout: int = 60) -> Transport:
    transport = Transport(timeout=timeout, connections=3, user_agent="acme/1.0")
    transport.close()
    transport._adapter = adapter  # type: ignore[assignment]
    return transport


@pytest.mark.parametrize(("timeout", "limits"), [(60, (15, 60)), (15, (15, 15)), (5, (5, 5))])
def test_a_connection_has_its_own_limit(timeout, limits):
    """To connect takes a moment or comes to nothing; an answer may take a minute."""
    adapter = Adapter()

    received = _transport(adapter, timeout=timeout).send("GET", f"{HOST}/x")

    assert (received.status, received.body, received.in_file) == (200, b"{}", False)
    ((_, how),) = adapter.sent
    assert how == {"stream": True, "timeout": limits, "verify": True, "proxies": {}}


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_companys_own_authority_is_believed(monkeypatch, name):
    """Named as for any program that uses the library."""
    monkeypatch.setenv(name, "/there.pem")
    adapter = Adapter()

    _transport(adapter).send("GET", f"{HOST}/x")

    assert adapter.sent[0][1]["verify"] == "/there.pem"


def test_proxies_are_looked_up_by_host(monkeypatch):
    """One host may go through a proxy that another one does not."""
    monkeypatch.setenv("https_proxy", "http://proxy.example:8080")
    monkeypatch.setenv("no_proxy", "b.example")
    adapter = Adapter()
    transport = _transport(adapter)

    for url in (f"{HOST}/x", "https://b.example/x", f"{HOST}/y"):
        transport.send("GET", url)

    given = [how["proxies"].get("https") for _, how in adapter.sent]
    assert given == ["http://proxy.example:8080", None, "http://proxy.example:8080"]


def test_a_request_is_what_was_asked_for():
    """A body of ours says that it is JSON; a form and a file say it themselves."""
    adapter = Adapter()
    transport = _transport(adapter)
    file = io.BytesIO(b"PK")
    file.read()

    transport.send("POST", f"{HOST}/x", params={"a": "b c"}, headers={"X-A": "1"}, json={"n": 0, "é": None})
    transport.send("POST", f"{HOST}/x", json=[], headers={"Content-Type": "application/x"})
    transport.send("POST", f"{HOST}/x", form={"a": "b c"})
    transport.send("POST", f"{HOST}/x", upload=("x.zip", file, "application/zip"))
    transport.send("GET", f"{HOST}/x")

    first, second, third, fourth, fifth = (request for request, _ in adapter.sent)
    assert (first.method, first.url) == ("POST", f"{HOST}/x?a=b+c")
    assert json.loads(first.body) == {"n": 0, "é": None}
    plain = {"User-Agent": "acme/1.0", "Accept": "application/json, */*", "Connection": "keep-alive"}
    packed = {"Accept-Encoding": requests.utils.default_headers()["Accept-Encoding"]}
    assert dict(first.headers) == {
        **plain,
        **packed,
        "X-A": "1",
        "Content-Type": "application/json",
        "Content-Length": str(len(first.body)),
    }
    assert (second.body, second.headers["Content-Type"]) == (b"[]", "application/x")
    assert (third.body, third.headers["Content-Type"]) == ("a=b+c", "application/x-www-form-urlencoded")
    assert b'name="file"; filename="x.zip"\r\nContent-Type: application/zip\r\n\r\nPK\r\n' in fourth.body
    assert (fifth.body, dict(fifth.headers)) == (None, {**plain, **packed})


class Pooled(SimpleNamespace):
    """What urllib3 says of a pool in its messages."""


REFUSED = MaxRetryError(Pooled(), "/x?a=the-value", NewConnectionError(Pooled(), "refused"))  # type: ignore[arg-type]
UNREACHED = "cannot be reached ({}). Check api_url, accounts_url, data_center and the network."


@pytest.mark.parametrize(
    ("error", "cause", "expected", "may_have_happened", "message"),
    [
        (requests.ConnectionError(), REFUSED, ConnectionFailed, False, UNREACHED.format("NewConnectionError")),
        (requests.exceptions.ProxyError(), OSError(111, "Refused"), ConnectionFailed, False, UNREACHED.format("Refused")),
        (requests.ReadTimeout("the-value"), None, ConnectionFailed, True, "did not answer in time."),
        (requests.ConnectionError(), TimeoutError("the-value"), ConnectionFailed, True, "did not answer in time."),
        (requests.ConnectionError(), OSError(104, "Reset"), ConnectionFailed, True, "the connection broke (Reset)."),
        (requests.exceptions.ChunkedEncodingError(), EOFError("the-value"), ConnectionFailed, True,
         "the connection broke (EOFError)."),
        (requests.exceptions.InvalidURL("the-value"), None, SettingsError, None,
         "cannot be called (InvalidURL): check api_url, accounts_url and the proxy variables."),
        (requests.exceptions.SSLError(), ssl.SSLCertVerificationError("the-value"), SettingsError, None,
         "its certificate was refused (SSLCertVerificationError). REQUESTS_CA_BUNDLE names your own authority."),
        (requests.exceptions.SSLError(), ssl.SSLError(1, "bad record"), ConnectionFailed, True,
         "the connection broke (bad record)."),
        (UnicodeEncodeError("utf-8", "the-value", 0, 1, "no"), None, InvalidRequest, None,
         "not sent, for it holds what is no Unicode or nested too deep (UnicodeEncodeError)."),
        (RecursionError("the-value"), None, InvalidRequest, None,
         "not sent, for it holds what is no Unicode or nested too deep (RecursionError)."),
    ],
)  # fmt: skip
def test_the_librarys_errors_are_told_as_ours(error, cause, *, expected, may_have_happened, message):
    """By what the caller does about them; never with the address' query, and with no way to the request."""
    with pytest.raises(BiginError) as raised:
        _transport(Adapter(error, cause)).send("GET", f"{HOST}/x", params={"a": "the-value"})

    ours = raised.value
    assert type(ours) is expected
    assert getattr(ours, "may_have_happened", None) is may_have_happened
    assert ours.message.replace(f"{HOST}: ", f"{HOST} ", 1) == f"{HOST} {message}"
    assert ours.__cause__ is ours.__context__ is None
