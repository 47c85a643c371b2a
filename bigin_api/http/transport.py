"""Bytes out, bytes in: the only place that opens a connection.

An answer has a deadline and a size that it may not pass, from its first byte to its last: the time limits
of sockets begin anew with each byte.
"""

from __future__ import annotations

import http.client
import io
import os
import ssl
import time
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec
import requests
from requests.adapters import HTTPAdapter

from bigin_api.errors import BiginError, ConnectionFailed, InvalidRequest, ServerError, SettingsError

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Mapping

CONNECT_TIMEOUT = 15  # seconds
CHUNK = 65_536  # bytes
MAX_BYTES = 64 << 20  # of an answer in memory: 200 records with five texts of 32,000 characters
MAX_BYTES_IN_FILE = 4 << 30  # packed: more than any bulk job holds
FILE_TIMEOUTS = 30  # a file may take so many times as long as an answer in memory

_encoder = msgspec.json.Encoder(decimal_format="number")  # exact: 18 digits are more than a float holds
_patience: ContextVar[float] = ContextVar("_patience")  # seconds, of the call that this thread makes
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
        # No session: it would keep cookies, look where redirects point, and put a .netrc entry in place of
        # our Authorization header. The environment is read for proxies and certificates alone.
        self._adapter = _Adapter(pool_connections=4, pool_maxsize=connections)
        self._verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
        self._headers = {
            **requests.utils.default_headers(),
            "User-Agent": user_agent,
            "Accept": "application/json, */*",
        }
        self._proxies: dict[str, Mapping[str, str]] = {}

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

        Raises ConnectionFailed, ServerError for an answer that is too large, InvalidRequest for what is no
        Unicode, or SettingsError where the address or the certificate is at fault.
        """
        sent = {**self._headers, **(headers or {})}
        if json is not None:
            sent.setdefault("Content-Type", "application/json")
        if upload:
            upload[1].seek(0)
        _patience.set(self._timeout[1] * (1 if into is None else FILE_TIMEOUTS))
        try:
            request = requests.Request(
                method,
                url,
                params=params,
                headers=sent,
                data=form if json is None else _encoder.encode(json),
                files={"file": upload} if upload else None,
            ).prepare()
            with self._adapter.send(
                request,
                stream=True,
                timeout=self._timeout,
                verify=self._verify,
                proxies=self._proxies_for(url),
            ) as answer:
                if into is None or not _is_file(answer):
                    body = b"".join(_chunks(answer, MAX_BYTES))
                    return Received(answer.status_code, body, answer.headers)
                for chunk in _chunks(answer, MAX_BYTES_IN_FILE):
                    into.write(chunk)
                return Received(answer.status_code, b"", answer.headers, in_file=True)
        except (requests.RequestException, UnicodeEncodeError, RecursionError) as exc:
            failure = _failure(exc, url)
        # Raised out here, so that no traceback leads to theirs, which holds the request and its secrets.
        raise failure

    def close(self) -> None:
        """Close the connections."""
        self._adapter.close()

    def _proxies_for(self, url: str) -> dict[str, str]:
        host = url.split("/", 3)[2]
        if host not in self._proxies:
            self._proxies[host] = requests.utils.get_environ_proxies(url)
        return dict(self._proxies[host])


class _Adapter(HTTPAdapter):
    """Connections, direct ones and those through a proxy, whose answers have a deadline."""

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """Theirs, with our class of answers."""
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        if pool.ConnectionCls.response_class is not _TimedAnswer:
            pool.ConnectionCls = type("_Timed", (pool.ConnectionCls,), {"response_class": _TimedAnswer})
        return pool


class _TimedAnswer(http.client.HTTPResponse):
    """An answer with one deadline for its header and its body."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(_TimedReader(sock), *args, **kwargs)  # type: ignore[arg-type]  # makes a file of it


class _TimedReader(io.RawIOBase):
    """What comes over a connection until the deadline; a silence may last as long as the socket's timeout."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._file = sock.makefile("rb", buffering=0)
        self._silence = sock.gettimeout() or CONNECT_TIMEOUT
        self._deadline = time.monotonic() + _patience.get(self._silence)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer is not whole yet")
        self._sock.settimeout(min(left, self._silence))
        return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()


def _chunks(answer: requests.Response, most: int) -> Iterator[bytes]:
    """The body, unpacked. Raises ServerError once it is larger than it may be."""
    size = 0
    for chunk in answer.iter_content(CHUNK):
        size += len(chunk)
        if size > most:
            raise ServerError(
                f"{_host(answer.url)}: HTTP {answer.status_code} with more than {most >> 20} MB, given up.",
                status=answer.status_code,
            )
        yield chunk


def _is_file(answer: requests.Response) -> bool:
    """A refusal comes as JSON, now and then with a status that says nothing of it."""
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return 200 <= answer.status_code < 300 and kind != "application/json"  # noqa: PLR2004


def _host(url: str) -> str:
    return "/".join(url.split("/", 3)[:3])


def _failure(exc: Exception, url: str) -> BiginError:
    """Our error for theirs, without the query string or the body, which may hold values."""
    host = _host(url)
    causes = list(_causes(exc))
    names = {type(each).__name__ for each in causes}
    reason = _reason(causes[-1])
    if isinstance(exc, UnicodeEncodeError | RecursionError):
        return InvalidRequest(
            f"{host}: not sent, for it holds what is no Unicode or nested too deep ({reason})."
        )
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
    if isinstance(exc, requests.exceptions.Timeout) or any(isinstance(each, TimeoutError) for each in causes):
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
