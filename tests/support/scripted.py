"""A server that answers what a test wrote down, byte for byte, for what no real server would be asked.

Its accounts server grants tokens ``token-1``, ``token-2`` … unless the test scripts other answers.
"""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import struct
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRETS = ("the-secret", "the-refresh-token")


def settings_for(url: str, **more: Any) -> dict[str, Any]:
    """Settings of a client that find everything at one address."""
    return {
        "client_id": "the-client",
        "client_secret": SECRETS[0],
        "refresh_token": SECRETS[1],
        "api_url": url,
        "accounts_url": url,
        **more,
    }


@dataclass(frozen=True)
class Answer:
    """What goes over the wire. ``cut_after`` breaks off after so many bytes of the body.

    ``drip`` waits so many seconds before each byte, of the header too with ``drip_header``. ``endless`` is
    sent after the body until the client goes away.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    reset: bool = False
    seconds: float = 0.0
    drip: float = 0.0
    drip_header: bool = False
    endless: bytes = b""

    @classmethod
    def of(cls, content: Any, status: int = 200, **more: Any) -> Answer:
        headers = {"Content-Type": "application/json;charset=UTF-8", **more.pop("headers", {})}
        return cls(status, json.dumps(content).encode(), headers, **more)

    def zipped(self) -> Answer:
        return Answer(self.status, gzip.compress(self.body), {**self.headers, "Content-Encoding": "gzip"})


TOKEN_ENDED = Answer.of(
    {"code": "INVALID_TOKEN", "details": {}, "message": "invalid oauth token", "status": "error"}, 401
)


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.time = 1_000_000.0

    def __call__(self) -> float:
        return self.time


class ScriptedServer:
    """Answers in the order of ``answers``, then with an empty list of records."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.answers: deque[Answer] = deque()
        self.token_answers: deque[Answer] = deque()
        self.asked: list[Asked] = []
        self.dead_tokens: set[str] = set()
        self.token_requests: list[Asked] = []
        self._lock = threading.Lock()
        self._server = _QuietServer(("127.0.0.1", 0), self._handler())
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._server.server_port}"
        if tls:
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, asked: Asked) -> Answer:
        with self._lock:
            if asked.path.startswith("/oauth/"):
                self.token_requests.append(asked)
                if self.token_answers:
                    return self.token_answers.popleft()
                return token_answer(f"token-{len(self.token_requests)}", self.url)
            self.asked.append(asked)
            if asked.headers.get("Authorization", "").partition(" ")[2] in self.dead_tokens:
                return TOKEN_ENDED
            return self.answers.popleft() if self.answers else Answer.of({"data": [], "info": {}})

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        script = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_any(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                asked = Asked(self.command, self.path, dict(self.headers), self.rfile.read(length))
                _send(self, script.answer(asked))

            do_GET = do_POST = do_PUT = do_DELETE = do_any  # noqa: N815 -- http.server's names

            def log_message(self, *_: object) -> None:
                pass

        return Handler


class _QuietServer(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A client that goes away in the middle is what some tests are about."""


def token_answer(value: str, api_domain: str, **more: Any) -> Answer:
    return Answer.of(
        {"access_token": value, "api_domain": api_domain, "token_type": "Bearer", "expires_in": 3600, **more}
    )


def _send(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    time.sleep(answer.seconds)
    if answer.reset:
        handler.close_connection = True
        # Linger of 0 seconds: the connection ends with RST instead of FIN.
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.close()
        return
    if answer.drip or answer.endless:
        _send_without_haste(handler, answer)
        return
    handler.send_response(answer.status)
    for name, value in answer.headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(answer.body)))
    handler.end_headers()
    handler.wfile.write(answer.body[: answer.cut_after])
    if answer.cut_after is not None:
        handler.wfile.flush()
        handler.close_connection = True


def _send_without_haste(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    """Byte by byte, or without an end; the connection's end is the answer's."""
    handler.close_connection = True
    lines = [
        f"HTTP/1.1 {answer.status} said",
        *(f"{name}: {value}" for name, value in answer.headers.items()),
    ]
    head = "".join(f"{line}\r\n" for line in (*lines, "Connection: close", "")).encode()
    for part, is_slow in ((head, answer.drip_header), (answer.body, True)):
        for at in range(0, len(part), 1 if is_slow else len(part)):
            time.sleep(answer.drip if is_slow else 0.0)
            handler.wfile.write(part[at : at + (1 if is_slow else len(part))])
    while answer.endless:
        handler.wfile.write(answer.endless)
