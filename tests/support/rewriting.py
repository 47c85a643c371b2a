"""Another Bigin: a proxy before the sandbox that changes questions, answers, or both.

other.refuse("/settings/roles", 401, "OAUTH_SCOPE_MISMATCH")      instead of the sandbox's answer
other.rewrite("/Contacts", lambda asked, body: …)                 the JSON of an answer, in place
other.answering("/Contacts", lambda asked: Rewritten(…) or None)  None: as the sandbox answers

Paths are regular expressions below /bigin/v2; controls of the sandbox are called past the proxy.
"""

from __future__ import annotations

import http.client
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, BinaryIO
from urllib.parse import parse_qsl, urlsplit

from support.sandbox import Sandbox

BASE = "/bigin/v2"
OF_THE_CONNECTION = {"connection", "content-length", "transfer-encoding", "host", "accept-encoding"}
WITHOUT_A_BODY = (204, 304)
DRIP_SECONDS = 0.2


@dataclass(frozen=True)
class Asked:
    """A request on its way."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The path below the API's base."""
        return urlsplit(self.target).path.removeprefix(BASE)

    @property
    def query(self) -> dict[str, str]:
        """The parameters."""
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))


@dataclass
class Rewritten:
    """An answer on its way. Status 0: the connection ends without one."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut_at: int | None = None  # the connection is closed after so many bytes of the body
    drips: bool = False  # the body comes byte by byte, and never ends

    @classmethod
    def of(cls, content: Any, status: int = 200) -> Rewritten:
        """An answer of JSON."""
        return cls(status, json.dumps(content).encode(), {"Content-Type": "application/json;charset=UTF-8"})


class OtherBigin(Sandbox):
    """The sandbox as seen through the proxy: to be given to a run in its place."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._stopped = threading.Event()
        self._server = _QuietServer(("127.0.0.1", 0), self._handler())
        super().__init__(f"http://127.0.0.1:{self._server.server_port}")
        self._behind = urlsplit(sandbox.url).netloc
        self._answers: list[Callable[[Asked], Rewritten | None]] = []
        self._changes: list[Callable[[Asked, Rewritten], None]] = []
        self._asked: list[Asked] = []
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it."""
        super().close()
        self.stop()
        self._thread.join()

    def stop(self) -> None:
        """Take no more connections."""
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()

    def answering(self, path: str, answer: Callable[[Asked], Rewritten | None]) -> None:
        """Answer in the sandbox's place, where a function has an answer."""
        self._answers.append(lambda asked: answer(asked) if re.fullmatch(path, asked.path) else None)

    def refuse(self, path: str, status: int, code: str, **details: Any) -> None:
        """Refuse every call of a path."""
        refusal = {"code": code, "details": details, "message": "refused", "status": "error"}
        self.answering(path, lambda _: Rewritten.of(refusal, status))

    def changing(self, path: str, change: Callable[[Asked, Rewritten], None]) -> None:
        """Change answers in place, headers too."""
        self._changes.append(
            lambda asked, answer: change(asked, answer) if re.fullmatch(path, asked.path) else None
        )

    def rewrite(self, path: str, change: Callable[[Asked, Any], None]) -> None:
        """Change the JSON of answers in place."""

        def changed(asked: Asked, answer: Rewritten) -> None:
            if answer.status == 200 and answer.body.startswith(b"{"):
                content = json.loads(answer.body)
                change(asked, content)
                answer.body = json.dumps(content).encode()

        self.changing(path, changed)

    def saying_twice(self, path: str) -> None:
        """Put the first entry of the first answer to a write before it once more."""
        changed: list[Asked] = []

        def one_before(asked: Asked, answer: Rewritten) -> None:
            if asked.method != "GET" and not changed:
                changed.append(asked)
                content = json.loads(answer.body)
                content["data"].insert(0, content["data"][0])
                answer.body = json.dumps(content).encode()

        self.changing(path, one_before)

    def asked(self, path: str) -> list[Asked]:
        """The requests to a path, reads and writes."""
        return [each for each in self._asked if re.fullmatch(path, each.path)]

    def answer(self, asked: Asked) -> Rewritten:
        """What goes back."""
        self._asked.append(asked)
        answer = next(filter(None, (each(asked) for each in self._answers)), None) or self.forward(asked)
        for change in self._changes:
            change(asked, answer)
        return answer

    def forward(self, asked: Asked) -> Rewritten:
        """What the sandbox itself answers."""
        connection = http.client.HTTPConnection(self._behind, timeout=30)
        headers = {
            name: value for name, value in asked.headers.items() if name.lower() not in OF_THE_CONNECTION
        }
        connection.request(asked.method, asked.target, asked.body, headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        kept = {name: value for name, value in answer.getheaders() if name.lower() not in OF_THE_CONNECTION}
        return Rewritten(answer.status, body, kept)

    def drip(self, into: BinaryIO, body: bytes) -> None:
        """Send a byte now and then, until the client has lost its patience."""
        for at in range(len(body)):
            into.write(body[at : at + 1])
            into.flush()
            if self._stopped.wait(DRIP_SECONDS):
                return

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        other = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                answer = other.answer(Asked(self.command, self.path, dict(self.headers), body))
                if not answer.status:
                    self.close_connection = True
                    return
                self.send_response_only(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if answer.status not in WITHOUT_A_BODY:
                    self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                if answer.drips:
                    other.drip(self.wfile, answer.body)
                self.wfile.write(answer.body[: answer.cut_at])
                self.close_connection = self.close_connection or answer.drips or answer.cut_at is not None

            do_GET = do_POST = do_PUT = do_DELETE = do_any  # noqa: N815 -- http.server's names

            def log_message(self, *_: object) -> None:
                pass

        return Handler


class _QuietServer(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A client that goes away in the middle is none of our business."""
