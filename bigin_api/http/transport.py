"""Bytes out, bytes in: the only place that opens a connection."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec
import requests
from requests.adapters import HTTPAdapter

from bigin_api.errors import BiginError, ConnectionFailed, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CONNECT_TIMEOUT = 15  # seconds
CHUNK = 1 << 16  # bytes

_encoder = msgspec.json.Encoder(decimal_format="number")  # exact: 18 digits are more than a float holds
_NEVER_SENT = {"NewConnectionError", "NameResolutionError", "ConnectTimeoutError"}  # urllib3's


@dataclass(frozen=True)
class Received:
    """What came back, not yet understood. ``header`` finds names in any case."""

    status: int
    body: bytes
    header: Mapping[str, str]
    in_file: bool = False  # the body went to the file that was handed in


class Transport:
    """Keeps connections open and sends requests over them; safe for many threads.

    Raises ConnectionFailed, which tells whether the request may have reached Bigin.
    """

    def __init__(self, *, timeout: int, connections: int, user_agent: str) -> None:
        self._timeout = (min(CONNECT_TIMEOUT, timeout), timeout)
        self._session = requests.Session()
        # A .netrc entry would silently replace our Authorization header, so the environment
        # is read for proxies and certificates alone.
        self._session.trust_env = False
        self._session.verify = (
            os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
        )
        self._session.headers.update({"User-Agent": user_agent, "Accept": "application/json, */*"})
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._proxies: dict[str, Mapping[str, str]] = {}
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, HTTPAdapter(pool_connections=4, pool_maxsize=connections))

    def send(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        json: object = None,
        form: Mapping[str, str] | None = None,
        upload: tuple[str, BinaryIO, str] | None = None,
        into: BinaryIO | None = None,
    ) -> Received:
        """One request. With ``into``, a good answer's body goes to that file, but not if it is JSON.

        Raises ConnectionFailed, or SettingsError where the address or the certificate is at fault.
        """
        sent = dict(headers or {})
        body: Any = form
        if json is not None:
            body = _encoder.encode(json)
            sent.setdefault("Content-Type", "application/json")
        if upload:
            upload[1].seek(0)
        try:
            with self._session.request(
                method,
                url,
                params=params or None,
                headers=sent,
                data=body,
                files={"file": upload} if upload else None,
                timeout=self._timeout,
                allow_redirects=False,
                proxies=self._proxies_for(url),
                stream=into is not None,
            ) as answer:
                if into is None or not _is_file(answer):
                    return Received(answer.status_code, answer.content, answer.headers)
                for chunk in answer.iter_content(CHUNK):
                    into.write(chunk)
                return Received(answer.status_code, b"", answer.headers, in_file=True)
        except requests.RequestException as exc:
            failure = _failure(exc, url)
        # Raised out here, so that no traceback leads to theirs, which holds the request and its secrets.
        raise failure

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _proxies_for(self, url: str) -> dict[str, str]:
        host = url.split("/", 3)[2]
        if host not in self._proxies:
            self._proxies[host] = requests.utils.get_environ_proxies(url)
        return dict(self._proxies[host])


def _is_file(answer: requests.Response) -> bool:
    """A refusal comes as JSON, now and then with a status that says nothing of it."""
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return 200 <= answer.status_code < 300 and kind != "application/json"  # noqa: PLR2004


def _failure(exc: requests.RequestException, url: str) -> BiginError:
    """Our error for theirs, without the query string or the body, which may hold values."""
    host = "/".join(url.split("/", 3)[:3])
    causes = list(_causes(exc))
    names = {type(each).__name__ for each in causes}
    reason = _reason(causes[-1])
    if isinstance(exc, ValueError):  # an address, a proxy or a header that cannot be used at all
        return SettingsError(
            f"{host} cannot be called ({reason}): check api_url, accounts_url and the proxy variables."
        )
    if any(isinstance(each, ssl.SSLCertVerificationError) for each in causes):
        return SettingsError(
            f"{host}: its certificate was refused ({reason}). REQUESTS_CA_BUNDLE names your own authority."
        )
    if names & _NEVER_SENT or isinstance(exc, requests.exceptions.ProxyError):
        return ConnectionFailed(
            f"{host} cannot be reached ({reason}). Check api_url, accounts_url, data_center and the network.",
            may_have_happened=False,
        )
    if isinstance(exc, requests.exceptions.Timeout):
        return ConnectionFailed(f"{host} did not answer in time.", may_have_happened=True)
    return ConnectionFailed(f"{host}: the connection broke ({reason}).", may_have_happened=True)


def _causes(exc: BaseException) -> Iterator[BaseException]:
    """The chain from theirs to the innermost, which is the one a person can act on."""
    seen: BaseException | None = exc
    while isinstance(seen, BaseException):
        yield seen
        inner = getattr(seen, "reason", None) or seen.__cause__ or seen.__context__
        seen = None if inner is seen else inner


def _reason(innermost: BaseException) -> str:
    if isinstance(innermost, OSError) and innermost.strerror:
        return innermost.strerror
    return type(innermost).__name__
