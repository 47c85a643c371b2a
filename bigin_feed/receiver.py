"""``bigin feed serve``: the routes, and what they answer. 200 means on disk.

POST /notify/<secret>            Bigin's notifications
POST /hook/<secret>/<module>     workflow webhooks
GET  /health                     for people and their monitoring; no secrets
POST /v2/sync/start, GET /v2/sync/<session>/queues/main, POST /v2/sync/ack      the sync flow
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from bigin_api.moments import utc_text
from bigin_feed.channels import Channel, Keeper
from bigin_feed.log import FeedLog, LogWriter, Post, Unwritten, cause
from bigin_feed.notifications import Malformed, Told, read_hook, read_notification
from bigin_feed.sync_flow import SyncFlow, SyncRefused

logger = logging.getLogger(__name__)

MAX_BODY = 1024 * 1024  # bytes
SILENCES_SHOWN = 20
NOTIFY = "/notify/"
DEVICE_HEADERS = ("X-Device-UUID", "X-Basecrm-Device-UUID")
STORED = Response()
STATUS: dict[type[Exception], int] = {Malformed: 400, Unwritten: 503, sa.exc.SQLAlchemyError: 503}


class _AckKeys(msgspec.Struct):
    ack_keys: list[str]


class _Ack(msgspec.Struct):
    data: _AckKeys


@dataclass(frozen=True)
class Receiver:
    """What the routes need."""

    log: FeedLog
    writer: LogWriter
    keeper: Keeper
    channel: Channel
    sync: SyncFlow
    sync_token: str | None = field(repr=False)

    def app(self) -> ASGIApp:
        """The routes as an ASGI application. Starlette's routing would cost notifications a third more."""
        routes = [
            Route("/hook/{secret}/{module}", self.hook, methods=["POST"]),
            Route("/health", self.health, methods=["GET"]),
            Route("/v2/sync/start", self.start, methods=["POST"]),
            Route("/v2/sync/ack", self.acknowledge, methods=["POST"]),
            Route("/v2/sync/{session}/queues/main", self.queue, methods=["GET"]),
        ]
        others = Starlette(
            routes=routes, exception_handlers=dict.fromkeys((HTTPException, SyncRefused, *STATUS), _refuse)
        )

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or not scope["path"].startswith(NOTIFY):
                await others(scope, receive, send)
                return
            request = Request(scope, receive)
            try:
                response = await self.notify(request)
            except (HTTPException, Malformed, Unwritten) as error:
                response = await _refuse(request, error)
            await response(scope, receive, send)

        return app

    async def notify(self, request: Request) -> Response:
        """A notification of Bigin's."""
        if request.method != "POST":
            raise HTTPException(405, "notifications are POSTed")
        self._check_secret(request.scope["path"].removeprefix(NOTIFY))
        body = await _body(request)
        said = read_notification(body)
        if said.channel != self.channel.id:
            raise HTTPException(404, "unknown channel")
        if not _same(said.token or "", self.channel.token):
            raise HTTPException(403, "wrong token")
        return await self._store(said.told, hashlib.sha256(body).hexdigest())

    async def hook(self, request: Request) -> Response:
        """A workflow's webhook. Two of them are two changes, also if they look the same."""
        self._check_secret(request.path_params["secret"])
        body, kind = await _body(request), request.headers.get("content-type", "")
        return await self._store(read_hook(request.path_params["module"], request.url.query, kind, body))

    async def health(self, _request: Request) -> Response:
        """How far the log is, and whether the channel is open: 503 if it is not."""
        shown = await run_in_threadpool(self._health)
        return JSONResponse(shown, 200 if shown["channels"] else 503)

    async def start(self, request: Request) -> Response:
        """Begin a session."""
        session = await run_in_threadpool(self.sync.start, self._device(request))
        return Response(status_code=204) if session is None else JSONResponse(session, 201)

    async def queue(self, request: Request) -> Response:
        """A session's next items."""
        self._device(request)
        items = await run_in_threadpool(self.sync.items, request.path_params["session"])
        return Response(status_code=204) if items is None else JSONResponse(items)

    async def acknowledge(self, request: Request) -> Response:
        """What the device has."""
        device = self._device(request)
        try:
            said = msgspec.json.decode(await _body(request), type=_Ack)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise HTTPException(400, "no JSON with data.ack_keys, a list of texts") from None
        await run_in_threadpool(self.sync.acknowledge, device, said.data.ack_keys)
        return Response(status_code=202)

    async def _store(self, told: Sequence[Told], digest: str | None = None) -> Response:
        """Wait until it is on disk."""
        await self.writer.append(Post(told, digest=digest))
        return STORED

    def _health(self) -> dict[str, Any]:
        state = self.log.state()
        silences: list[dict[str, Any]] = [
            {"from": each.begun, "to": each.ended, "why": each.why}
            for each in self.log.silences(last=SILENCES_SHOWN)
        ]
        if (silence := self.keeper.silence) is not None:
            silences.append({"from": silence[0], "to": None, "why": silence[1]})
        expiry = self.keeper.expiry
        open_until = [] if expiry is None else [utc_text(expiry)]
        channels = [{"modules": list(self.channel.modules), "expires": each} for each in open_until]
        return {
            "head": state.head, "heartbeat": state.heartbeat, "channels": channels, "silences": silences,
        }  # fmt: skip

    def _check_secret(self, given: str) -> None:
        if not _same(given, self.channel.secret):
            raise HTTPException(404, "no such address")

    def _device(self, request: Request) -> str:
        """The device that asks, if it may."""
        if self.sync_token is None:
            raise HTTPException(404, "the sync flow is off: sync_token is not set")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not _same(token.strip(), self.sync_token):
            raise HTTPException(401, "wrong bearer token")
        device = next(filter(None, map(request.headers.get, DEVICE_HEADERS)), "")
        if not 0 < len(device) <= 200 or not device.isprintable():  # noqa: PLR2004
            raise HTTPException(400, f"the header {DEVICE_HEADERS[0]} names the device")
        return device


async def _body(request: Request) -> bytes:
    """The whole body, if it is small. How long it may take is the connection's guard's to say."""
    body, more = bytearray(), True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise HTTPException(400, "the connection was closed")
        body += message["body"]
        if len(body) > MAX_BODY:
            raise HTTPException(413, "the body is larger than 1 MB")
        more = message["more_body"]
    return bytes(body)


def _same(given: str, wanted: str) -> bool:
    """Compared in constant time: how much of it is right must not be told by how long it takes."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), wanted.encode())


async def _refuse(request: Request, error: Exception) -> Response:
    """One line for what was refused; the path may hold the secret, so its first part alone is told."""
    if isinstance(error, HTTPException | SyncRefused):
        status, why = error.status_code, error.detail
    else:
        status = next(status for kind, status in STATUS.items() if isinstance(error, kind))
        why = cause(error)
    door = request.url.path.split("/")[1][:20]
    client = request.client.host if request.client else "?"
    logger.warning("Refused a %s of /%s from %s: %d, %s.", request.method, door, client, status, why)
    # A database's own words may name its host and user.
    return JSONResponse({"error": why if status != 503 else "the log cannot be used"}, status)  # noqa: PLR2004
