"""What every call goes through before its endpoint, and how the answer leaves.

    scheme -> token -> calls at once -> credits -> scopes -> latency, faults -> endpoint -> headers

Source: FACTS 1 and 2. A call refused for its scheme, its token or the calls at once costs nothing; every
other is paid for, also when it fails (FACTS 7.14).
"""

from __future__ import annotations

import asyncio
import gzip
from datetime import datetime
from email.utils import formatdate
from typing import TYPE_CHECKING

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from bigin_sandbox.clock import UTC, in_zone, to_text
from bigin_sandbox.control.faults import cut_connection, send_half
from bigin_sandbox.control.mutations import mutate
from bigin_sandbox.control.usage import Usage
from bigin_sandbox.http.answers import (
    Answer,
    Refusal,
    authentication_failure,
    invalid_request,
    invalid_token,
    scope_mismatch,
    too_many_requests,
)
from bigin_sandbox.http.calls import (
    AccessToken,
    ApiCall,
    Context,
    Route,
    UploadedFile,
    credits_of,
    is_sub_concurrent,
)
from bigin_sandbox.rules.access.credits import Credits, InFlight
from bigin_sandbox.rules.access.permissions import grants
from bigin_sandbox.rules.access.tokens import Tokens

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from bigin_sandbox.clock import Clock
    from bigin_sandbox.control.faults import Fault
    from bigin_sandbox.sandbox import Sandbox

SCHEME = "Zoho-oauthtoken "
GZIP_FROM = 1024  # bytes: read.md 2
NO_STORE = {
    "server": "ZGS",
    "cache-control": "no-store, no-cache, must-revalidate, private",
    "pragma": "no-cache",
    "expires": "Thu, 01 Jan 1970 00:00:00 GMT",
}


class Pipeline:
    """One route of the API as an ASGI application."""

    def __init__(self, route: Route, sandbox: Sandbox) -> None:
        self._route = route
        self._sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or let the connection break as a fault says."""
        with self._sandbox.answering():
            await self._respond(scope, receive, send)

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        call = await read_call(request, self._sandbox.context)
        fault = self._sandbox.faults.take(call.method, call.path, request.url.query)
        answer = await self._answer(call, fault)
        if answer is None:
            await cut_connection(scope)
            return
        response = _response(call, answer)
        if fault is not None and fault.truncate:
            body = answer.file.read_bytes() if answer.file else bytes(response.body)
            await send_half(response.raw_headers, answer.status, body, scope, send)
            return
        await response(scope, receive, send)

    async def _answer(self, call: ApiCall, fault: Fault | None) -> Answer | None:
        """The answer, or None where the connection is to be cut."""
        usage = call.context.part(Usage)
        if not self._route.needs_token:
            usage.token_requests += 1
            return await self._work(call, fault)
        visit = Visit(call, self._route)
        try:
            visit.admit()
            answer = await self._work(call, fault)
        except Refusal as refusal:
            answer = refusal.to_answer()
        finally:
            visit.leave()
        status = answer.status if answer else 0
        usage.count(endpoint_name(self._route, call), credits_paid=visit.paid, status=status)
        return answer

    async def _work(self, call: ApiCall, fault: Fault | None) -> Answer | None:
        delay = call.context.settings.latency_ms + (fault.delay_ms if fault else 0)
        if delay:
            await asyncio.sleep(delay / 1000)
        if self._sandbox.is_gone(call.context):
            return None
        if fault is not None and fault.mutate:
            mutate(call.store, fault.mutate)
        call.store.lift_veils()
        if fault is not None and fault.drop:
            return None
        if fault is not None and fault.status:
            return fault.answer()
        try:
            answer = self._route.endpoint(call)
        except Refusal as refusal:
            answer = refusal.to_answer()
        return None if fault is not None and fault.lose_response else answer


class Visit:
    """A call's way in: who is it, is there room, is it paid, may it."""

    def __init__(self, call: ApiCall, route: Route) -> None:
        self._call = call
        self._route = route
        self._in_class = is_sub_concurrent(route, call)
        self._inside = False
        self.paid = 0

    def admit(self) -> None:
        """Let the call in, or raise the Refusal that answers it."""
        call = self._call
        call.token = _token_of(call)
        in_flight = call.context.part(InFlight)
        self._inside = True
        if not in_flight.enter(in_class=self._in_class):
            raise too_many_requests()
        price = credits_of(self._route, call)
        if not call.context.part(Credits).spend(price):
            raise too_many_requests()
        self.paid = price
        needed = (scope.format(**call.path_params) for scope in self._route.scopes)
        if not all(grants(call.token.scopes, scope) for scope in needed):
            raise scope_mismatch()

    def leave(self) -> None:
        """Make room for the next."""
        if self._inside:
            self._call.context.part(InFlight).leave(in_class=self._in_class)


def _token_of(call: ApiCall) -> AccessToken:
    given = call.headers.get("authorization", "")
    if not given.startswith(SCHEME.strip()):
        raise invalid_request()
    value = given[len(SCHEME) :].strip()
    if not value:
        raise authentication_failure()
    token = call.context.part(Tokens).find(value)
    if token is None:
        raise invalid_token()
    return token


async def read_call(request: Request, context: Context) -> ApiCall:
    """A request with its body read."""
    content = await request.body()
    parts = await _form_parts(request)
    return ApiCall(
        context=context,
        method=request.method,
        path=request.url.path,
        url=str(request.url.replace(query="")),
        path_params=request.path_params,
        params={name: request.query_params.getlist(name)[0] for name in request.query_params},
        headers=dict(request.headers),
        content=content,
        form=dict(parts),
        files=[part for _, part in parts if isinstance(part, UploadedFile)],
    )


async def _form_parts(request: Request) -> list[tuple[str, str | UploadedFile]]:
    content_type = request.headers.get("content-type", "")
    if not content_type.startswith(("multipart/form-data", "application/x-www-form-urlencoded")):
        return []
    parts: list[tuple[str, str | UploadedFile]] = []
    for name, value in (await request.form()).multi_items():
        if isinstance(value, UploadFile):
            kind = value.content_type or "application/octet-stream"
            parts.append((name, UploadedFile(value.filename or "", await value.read(), kind)))
        else:
            parts.append((name, value))
    return parts


def endpoint_name(route: Route, call: ApiCall) -> str:
    """`GET /Contacts/{id}`: the module named, ids not."""
    prefix = "/bulk" if route.base == "/bigin/bulk/v2" else ""
    path = route.path.replace("{module}", call.path_params.get("module", ""))
    return f"{route.method} {prefix}{path}"


def http_date(instant: datetime) -> str:
    """An instant as HTTP's Date header has it."""
    return formatdate(instant.timestamp(), usegmt=True)


def plain_response(answer: Answer, clock: Clock) -> Response:
    """An answer to a call that reached no endpoint."""
    headers = {**NO_STORE, "date": http_date(clock.told()), **answer.headers}
    return Response(answer.content, answer.status, headers, media_type=answer.content_type)


def _response(call: ApiCall, answer: Answer) -> Response:
    headers = {**NO_STORE, "date": http_date(call.context.clock.told()), **answer.headers}
    headers |= _token_headers(call)
    if answer.file is not None:
        size = answer.file.stat()
        return FileResponse(answer.file, answer.status, headers, answer.content_type, stat_result=size)
    content = answer.content
    if len(content) > GZIP_FROM and "gzip" in call.headers.get("accept-encoding", ""):
        content = gzip.compress(content, compresslevel=1)
        headers |= {"content-encoding": "gzip", "vary": "accept-encoding"}
    return Response(content, answer.status, headers, media_type=answer.content_type)


def _token_headers(call: ApiCall) -> dict[str, str]:
    """When the token ends, in the user's zone; what is left of the credits once half is used."""
    if call.token is None:
        return {}
    ends = datetime.fromtimestamp(int(call.token.expires), UTC)
    headers = {"x-accesstoken-reset": in_zone(to_text(ends), call.zone)}
    credits_ = call.context.part(Credits)
    if credits_.used * 2 >= credits_.limit:
        headers["X-API-CREDITS-REMAINING"] = str(credits_.remaining)
    return headers
