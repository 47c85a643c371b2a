"""Faults asked for by a test: what goes wrong between Bigin and its callers.

    {"match": "POST /Contacts", "lose_response": true}      the work is done, the connection is cut
    {"match": "GET /Contacts", "status": 500, "times": 2}   an answer like Bigin's for that status
    {"match": "* /settings/*", "drop": true}                cut before any work or answer
    {"match": "GET /*", "truncate": true, "after": 3}       from the 4th on: half a body, whole length
    {"match": "GET /Contacts", "query": "*page=2*", "delay_ms": 800}
    {"match": "POST /oauth/*", "status": 200, "body": {"error": "invalid_client"}}
    {"match": "GET /Contacts", "after": 2, "mutate": [{"op": "delete", …}]}     people at work meanwhile:
                                                            before the 3rd call is answered, see mutate

`match` is a method and a path below `/bigin/v2` (bulk: `/bulk/read`; token: `/oauth/v2/token`), both as
globs; `times` (default 1, null for ever) says how often, `after` how many matching calls go well first.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from bigin_sandbox.http.answers import (
    Answer,
    Refusal,
    invalid_token,
    json_answer,
    no_permission,
    too_many_requests,
)
from bigin_sandbox.wishes import read_wish, require_list

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

ABORT = "bigin_sandbox.abort"  # key of the scope

INTERNAL_ERROR = Refusal(500, "INTERNAL_ERROR", "Internal Server Error")
# These come from what stands before Bigin, which speaks no JSON.
FROM_A_PROXY = {
    status: f"<html><head><title>{status} {text}</title></head><body>{text}</body></html>".encode()
    for status, text in ((502, "Bad Gateway"), (503, "Service Unavailable"), (504, "Gateway Time-out"))
}
LIKE_BIGIN = {
    401: invalid_token(),
    403: no_permission("Crm_Implied_View"),
    429: too_many_requests(),
    500: INTERNAL_ERROR,
}


@dataclass
class Fault:
    """One thing that is to go wrong."""

    match: str
    query: str = "*"
    status: int | None = None
    code: str | None = None
    body: Any = None
    drop: bool = False
    truncate: bool = False
    lose_response: bool = False
    delay_ms: int = 0
    mutate: list[dict[str, Any]] | None = None
    times: int | None = 1
    after: int = 0

    def fits(self, method: str, path: str, query: str) -> bool:
        """Whether it concerns a call."""
        wanted_method, _, wanted_path = self.match.partition(" ")
        return (
            fnmatchcase(method, wanted_method)
            and (fnmatchcase(path, wanted_path) or fnmatchcase(short_path(path), wanted_path))
            and fnmatchcase(query, self.query)
        )

    def strikes(self) -> bool:
        """Whether this matching call is one of those that go wrong; counts it."""
        if self.after > 0:
            self.after -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True

    def answer(self) -> Answer:
        """What is answered in place of the work, for `status`."""
        status = self.status or 500
        if self.body is not None:
            return json_answer(self.body, status)
        if status in FROM_A_PROXY:
            return Answer(status=status, content=FROM_A_PROXY[status], content_type="text/html")
        like = LIKE_BIGIN.get(status)
        if self.code or like is None:
            like = Refusal(status, self.code or "INTERNAL_ERROR", "Internal Server Error")
        return like.to_answer()


class Faults:
    """The faults still to come; the first that fits a call strikes."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []

    def add(self, wishes: list[dict[str, Any]]) -> None:
        """Ask for more of them.

        Raises ValueError for a key or a value that no fault has.
        """
        self.waiting += [_fault(wish) for wish in require_list(wishes, what="faults")]

    def take(self, method: str, path: str, query: str) -> Fault | None:
        """The fault that strikes this call, if one does."""
        for fault in self.waiting:
            if fault.fits(method, path, query) and fault.strikes():
                self.waiting = [other for other in self.waiting if other.times != 0]
                return fault
        return None


def _fault(wish: dict[str, Any]) -> Fault:
    if "match" not in wish:
        raise ValueError(f"a fault needs 'match', such as 'GET /Contacts': {wish!r}")
    fault = read_wish(wish, Fault, what="a fault")
    method, _, path = fault.match.partition(" ")
    if not method or not path:
        raise ValueError(
            f"a fault's 'match' is a method and a path, such as 'GET /Contacts': {fault.match!r}"
        )
    if fault.status is not None and not 200 <= fault.status <= 599:
        raise ValueError(f"a fault's 'status' is from 200 to 599, not {fault.status}")
    if fault.times is not None and fault.times < 1:
        raise ValueError(f"a fault's 'times' is 1 or more, or null for ever, not {fault.times}")
    if fault.mutate is not None:
        require_list(fault.mutate, what="a fault's 'mutate'")
    return fault


def short_path(path: str) -> str:
    """A path as people write it: `/Contacts`, `/bulk/read`, `/oauth/v2/token`."""
    for long, short in (("/bigin/v2", ""), ("/bigin/bulk/v2", "/bulk")):
        if path.startswith(long + "/"):
            return short + path[len(long) :]
    return path


class Abortable:
    """Outermost ASGI layer: lets what lies below cut the connection.

    It reaches uvicorn's transport behind its `send`, which is no documented way: a test holds it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        scope[ABORT] = send.__self__.transport.abort  # type: ignore[attr-defined]
        await self._app(scope, receive, send)


async def cut_connection(scope: Scope) -> None:
    """End the connection without another byte."""
    scope[ABORT]()
    await asyncio.sleep(0)  # uvicorn learns of it before we return, and does not complain


async def send_half(
    headers: list[tuple[bytes, bytes]], status: int, body: bytes, scope: Scope, send: Send
) -> None:
    """Announce a whole body, send half of it, end the connection."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
    await cut_connection(scope)
