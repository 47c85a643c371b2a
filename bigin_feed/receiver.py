"""``bigin feed serve``: the routes, and what they answer. 200 means on disk.

POST /notify/<secret>            Bigin's notifications
POST /hook/<secret>/<module>     workflow webhooks
GET  /health                     for people and their monitoring; no secrets
POST /v2/sync/start, GET /v2/sync/<session>/queues/main, POST /v2/sync/ack      the sync flow
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from bigin_api.moments import utc_text
from bigin_feed.channels import Channel, Keeper
from bigin_feed.log import FeedLog, LogWriter, Post, Unwritten, cause, now_text
from bigin_feed.notifications import Malformed, Told, read_hook, read_notification
from bigin_feed.sync_flow import SyncFlow, TooLate, TooManySessions

logger = logging.getLogger(__name__)

MAX_BODY = 1024 * 1024  # bytes
SILENCES_SHOWN = 20
NOTIFY = "/notify/"
DEVICE_HEADERS = ("X-Device-UUID", "X-Basecrm-Device-UUID")
STORED = Response(status_code=200)
T = TypeVar("T")
_Taken = tuple[Sequence[Told], "str | None", "asyncio.Future[int]"]


@dataclass(frozen=True)
class Receiver:
    """What the routes need."""

    log: FeedLog
    writer: LogWriter
    keeper: Keeper
    channel: Channel
    secret: str = field(repr=False)
    sync: SyncFlow
    sync_token: str | None = field(repr=False)
    _taken: list[_Taken] = field(default_factory=list, init=False, repr=False)

    def app(self) -> ASGIApp:
        """The routes as an ASGI application. Starlette's routing would cost notifications a third more."""
        routes = [
            Route("/hook/{secret}/{module}", self.hook, methods=["POST"]),
            Route("/health", self.health, methods=["GET"]),
            Route("/v2/sync/start", self.start, methods=["POST"]),
            Route("/v2/sync/ack", self.acknowledge, methods=["POST"]),
            Route("/v2/sync/{session}/queues/main", self.queue, methods=["GET"]),
        ]
        others = Starlette(routes=routes, exception_handlers={HTTPException: _refuse, Exception: _fail})

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or not scope["path"].startswith(NOTIFY):
                await others(scope, receive, send)
                return
            request = Request(scope, receive)
            try:
                response = await self.notify(request)
            except HTTPException as error:
                response = await _refuse(request, error)
            await response(scope, receive, send)

        return app

    async def notify(self, request: Request) -> Response:
        """A notification of Bigin's."""
        if request.method != "POST":
            raise HTTPException(405, "notifications are POSTed")
        self._check_secret(request.scope["path"].removeprefix(NOTIFY))
        body = await _body(request)
        said = _read(read_notification, body)
        if said.channel != self.channel.id:
            raise HTTPException(404, "unknown channel")
        if not _same(said.token or "", self.channel.token):
            raise HTTPException(403, "wrong token")
        return await self._store(said.told, hashlib.sha256(body).hexdigest())

    async def hook(self, request: Request) -> Response:
        """A workflow's webhook. Two of them are two changes, also if they look the same."""
        self._check_secret(request.path_params["secret"])
        body = await _body(request)
        kind = request.headers.get("content-type", "")
        return await self._store(
            _read(read_hook, request.path_params["module"], request.url.query, kind, body), None
        )

    async def health(self, _request: Request) -> Response:
        """How far the log is, and whether the channel is open: 503 if it is not."""
        shown = await _in_thread(self._health)
        return _answer(200 if shown["channels"] else 503, shown)

    async def start(self, request: Request) -> Response:
        """Begin a session."""
        device = self._device(request)
        try:
            session = await _in_thread(self.sync.start, device)
        except TooManySessions:
            raise HTTPException(429, "too many sessions are open") from None
        except TooLate:
            raise HTTPException(410, "the log no longer has what came since: read everything anew") from None
        return Response(status_code=204) if session is None else _answer(201, session)

    async def queue(self, request: Request) -> Response:
        """A session's next items."""
        self._device(request)
        try:
            items = await _in_thread(self.sync.items, request.path_params["session"])
        except KeyError:
            raise HTTPException(404, "no such session") from None
        return Response(status_code=204) if items is None else _answer(200, items)

    async def acknowledge(self, request: Request) -> Response:
        """What the device has."""
        device = self._device(request)
        keys = _keys(await _body(request))
        await _in_thread(self.sync.acknowledge, device, keys)
        return Response(status_code=202)

    async def _store(self, told: tuple[Told, ...], digest: str | None) -> Response:
        """Wait until it is on disk. What comes in one turn of the loop goes to the writer together."""
        loop = asyncio.get_running_loop()
        stored: asyncio.Future[int] = loop.create_future()
        if not self._taken:
            loop.call_soon(self._hand_over, loop)
        self._taken.append((told, digest, stored))
        try:
            await stored
        except Unwritten:
            raise HTTPException(503, "the log cannot be written") from None
        return STORED

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        now = now_text()
        items = [(Post(told, now, digest), stored) for told, digest, stored in self._taken]
        self._taken.clear()
        self.writer.answer_by(loop.call_soon_threadsafe)
        try:
            self.writer.append_all(items)
        except Unwritten as error:
            for _, stored in items:
                if not stored.done():
                    stored.set_exception(error)

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
        if not _same(given, self.secret):
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


def _read(read: Callable[..., T], *what: Any) -> T:
    try:
        return read(*what)
    except Malformed as error:
        raise HTTPException(400, str(error)) from None


def _keys(body: bytes) -> list[str]:
    try:
        keys = msgspec.json.decode(body)["data"]["ack_keys"]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, KeyError, TypeError):
        raise HTTPException(400, "no JSON with data.ack_keys") from None
    if not isinstance(keys, list) or not all(isinstance(each, str) for each in keys):
        raise HTTPException(400, "ack_keys is no list of texts")
    return keys


async def _in_thread(work: Callable[..., T], *arguments: Any) -> T:
    try:
        return await run_in_threadpool(work, *arguments)
    except sa.exc.SQLAlchemyError as error:
        logger.error("The log cannot be used: %s", cause(error))  # noqa: TRY400
        raise HTTPException(503, "the log cannot be used") from None


def _same(given: str, wanted: str) -> bool:
    """Compared in constant time: how much of it is right must not be told by how long it takes."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), wanted.encode())


def _answer(status: int, body: Any) -> Response:
    return Response(json.dumps(body), status, media_type="application/json")


async def _refuse(request: Request, error: Exception) -> Response:
    """One line for what was refused; the path may hold the secret, so its first part alone is told."""
    status, detail = (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, "")
    door = request.url.path.split("/")[1][:20]
    client = request.client.host if request.client else "?"
    logger.warning("Refused a %s of /%s from %s: %d, %s.", request.method, door, client, status, detail)
    return _answer(status, {"error": detail})


async def _fail(_request: Request, _error: Exception) -> Response:
    return _answer(500, {"error": "an error of the receiver's"})
