"""Bytes out, bytes in: the only place that opens a connection."""

from __future__ import annotations

import os
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec
import requests
from requests.adapters import HTTPAdapter

from bigin_api.errors import ConnectionFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

CONNECT_TIMEOUT = 15  # seconds
CHUNK = 1 << 16  # bytes


@dataclass(frozen=True)
class Received:
    """What came back, not yet understood. ``header`` finds names in any case."""

    status: int
    body: bytes
    header: Mapping[str, str]


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
        """One request. With ``into``, a good answer's body goes to that file and ``body`` is empty."""
        sent = dict(headers or {})
        body: Any = form
        if json is not None:
            body = msgspec.json.encode(json)
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
                if into is None or not answer.ok:
                    return Received(answer.status_code, answer.content, answer.headers)
                for chunk in answer.iter_content(CHUNK):
                    into.write(chunk)
                return Received(answer.status_code, b"", answer.headers)
        except requests.RequestException as exc:
            raise _connection_failed(exc, url) from exc

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _proxies_for(self, url: str) -> dict[str, str]:
        host = url.split("/", 3)[2]
        if host not in self._proxies:
            self._proxies[host] = requests.utils.get_environ_proxies(url)
        return dict(self._proxies[host])


def _connection_failed(exc: requests.RequestException, url: str) -> ConnectionFailed:
    """Our error for theirs, without the query string or the body, which may hold values."""
    host = "/".join(url.split("/", 3)[:3])
    if isinstance(exc, requests.exceptions.SSLError):
        return ConnectionFailed(
            f"{host}: its certificate was refused ({_cause(exc)}).", may_have_happened=False
        )
    if isinstance(exc, requests.exceptions.ConnectTimeout | requests.exceptions.ProxyError):
        return ConnectionFailed(f"{host} cannot be reached ({_cause(exc)}).", may_have_happened=False)
    if isinstance(exc, requests.exceptions.Timeout):
        return ConnectionFailed(f"{host} did not answer in time.", may_have_happened=True)
    if isinstance(exc, requests.ConnectionError) and _never_connected(exc):
        return ConnectionFailed(
            f"{host} cannot be reached ({_cause(exc)}). "
            "Check api_url, accounts_url, data_center and the network.",
            may_have_happened=False,
        )
    return ConnectionFailed(f"{host}: the connection broke ({_cause(exc)}).", may_have_happened=True)


def _never_connected(exc: BaseException) -> bool:
    return "NewConnectionError" in repr(exc) or "NameResolutionError" in repr(exc)


def _cause(exc: BaseException) -> str:
    """The innermost reason, which is the one a person can act on."""
    seen: BaseException = exc
    while True:
        inner = getattr(seen, "reason", None) or seen.__cause__ or seen.__context__
        if not isinstance(inner, BaseException) or inner is seen:
            break
        seen = inner
    if isinstance(seen, OSError) and seen.strerror:
        return seen.strerror
    return type(seen).__name__
