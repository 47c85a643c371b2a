"""The table of contents of the API.

Each family of endpoints brings its `ROUTES`; what every call goes through first is in `pipeline`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Route as Address

from bigin_sandbox.control import controls
from bigin_sandbox.control.faults import INTERNAL_ERROR, Abortable
from bigin_sandbox.endpoints import (
    accounts,
    attachments,
    bulk_read,
    bulk_write,
    change_owner,
    coql,
    counting,
    deleted,
    device,
    files,
    links,
    metadata,
    notes,
    notifications,
    organization,
    records,
    related,
    search,
    send_mail,
    tag_settings,
    tagging,
    uploads,
    writing,
)
from bigin_sandbox.http.answers import Answer, Refusal, invalid_method, invalid_url
from bigin_sandbox.http.pipeline import Pipeline, plain_response

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp

    from bigin_sandbox.http.calls import Route
    from bigin_sandbox.sandbox import Sandbox

ROUTES: list[Route] = [
    *accounts.ROUTES,
    *device.ROUTES,
    *records.ROUTES,
    *counting.ROUTES,
    *search.ROUTES,
    *deleted.ROUTES,
    *related.ROUTES,
    *notes.ROUTES,
    *attachments.ROUTES,
    *links.ROUTES,
    *writing.ROUTES,
    *tagging.ROUTES,
    *change_owner.ROUTES,
    *send_mail.ROUTES,
    *files.ROUTES,
    *coql.ROUTES,
    *bulk_read.ROUTES,
    *uploads.ROUTES,
    *bulk_write.ROUTES,
    *notifications.ROUTES,
    *metadata.ROUTES,
    *tag_settings.ROUTES,
    *organization.ROUTES,
]


class ModuleConvertor(StringConvertor):
    """`{module}` in an address: any word but those that the API begins other addresses with."""

    regex = "(?!(?:settings|users|org|coql|files|actions)(?:/|$))[^/]+"


def make_app(sandbox: Sandbox) -> ASGIApp:
    """The whole server: accounts, API, uploads and controls on one port."""
    refusals = {404: invalid_url(), 405: invalid_method(), 500: INTERNAL_ERROR}
    app = Starlette(
        routes=[*controls.addresses(sandbox), *_addresses(sandbox)],
        exception_handlers={
            **{status: _answering(refusal, sandbox) for status, refusal in refusals.items()},
            ClientDisconnect: _hung_up,
        },
    )
    return Abortable(app)


def _addresses(sandbox: Sandbox) -> list[Address]:
    """Literal addresses before those with placeholders: `/{module}/search` before `/{module}/{id}`."""
    register_url_convertor("module", ModuleConvertor())
    routes = sorted(ROUTES, key=lambda route: ["{" in part for part in route.path.split("/")])
    return [
        Address(
            (route.base + route.path).replace("{module}", "{module:module}"),
            Pipeline(route, sandbox),
            methods=[route.method],
        )
        for route in routes
    ]


async def _hung_up(_request: Request, _error: Exception) -> Response:
    """The client went away before its request was whole: nothing was done, and nobody hears the answer."""
    return Response(status_code=400)


def _answering(refusal: Refusal, sandbox: Sandbox) -> Any:
    answer: Answer = refusal.to_answer()

    async def handler(_request: Request, _error: Exception) -> Response:
        return plain_response(answer, sandbox.clock)

    return handler
