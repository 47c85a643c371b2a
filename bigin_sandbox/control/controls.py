"""Controls of the sandbox under `/_sandbox/`: outside the API, without a token, not counted.

    GET    usage                     calls, credits, by_endpoint, statuses, most_in_flight, …
    GET    automation                how often workflow rules and the like would have run, by trigger
    GET    dump?module=Contacts      every record as GET /{module}/{id} shows it, oldest first; times in UTC
    GET    count?module=Contacts     how many records it has: `{"count": 61}`
    GET    deleted?module=Contacts   the recycle bin, whatever its age
    GET    settings                  what the sandbox runs with
    POST   settings  {"ims": "ignored", …}          behave differently from now on
    POST   reset     {"seed": 2, "size": "medium"}  a fresh organisation; settings as at start but for these
    POST   drain                     wait until all calls under way are answered: `{"waited_for": 3}`
    POST   mutate    [{"op": …}, …]                 people at work: see mutate
    POST   metadata  [{"op": …}, …]                 administrators at work: see metadata
    GET    faults                    those still to come
    POST   faults    [{"match": "POST /Contacts", "status": 500, "times": 2}]   see faults
    DELETE faults
    GET    clock
    POST   clock     {"advance": seconds} | {"set": "2026-03-29T00:59:50Z"} | {"freeze": true|false}
                     | {"date_ahead": seconds}      the Date header is ahead of what records are stamped with
    POST   expire_tokens             end every access token
    GET    deliveries                what became of notifications: posts, lost, doubled, delivered, waiting, …
    POST   deliveries {"lose": 0.1, "double": 0.1, …}     how they fare from now on: see deliveries
    DELETE deliveries                all goes well again
    POST   expire_channels           end every channel as its expiry would: nothing says so
    POST   code      {"scope": "…", "user": 1}       a grant code; gives `{"code"}`, good for ten minutes
    GET    device                    the programs that wait for a person
    POST   device    {"answer": "approve"|"deny"}    a person answers; of several, `"user_code"` names one
    POST   bulk      {"outcome": "FAILURE", "times": 1}   how bulk jobs go: see bulk

Any of them waits first, as `drain` does, where its query string says `drained=1`.
What cannot be done is answered with 400 and `{"error": "why"}`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import Response
from starlette.routing import Route as Address

from bigin_sandbox.clock import UTC, parse_instant, to_text
from bigin_sandbox.control import notices, sign_in
from bigin_sandbox.control.administration import change_metadata
from bigin_sandbox.control.automation import Automation
from bigin_sandbox.control.mutations import mutate
from bigin_sandbox.control.usage import Usage
from bigin_sandbox.render import Renderer
from bigin_sandbox.rules.access.credits import Credits, InFlight
from bigin_sandbox.rules.bulk_jobs import BulkBehaviour
from bigin_sandbox.storage.selection import Selection
from bigin_sandbox.wishes import read_wish, require_module

if TYPE_CHECKING:
    from starlette.requests import Request

    from bigin_sandbox.sandbox import Sandbox

Control = Callable[["Sandbox", dict[str, str], Any], Any]
YEARS = (0.0, 253_370_764_800.0)  # 1970 and 9999, in seconds since 1970


class Turn(msgspec.Struct, frozen=True):
    """How the clock is to be turned, in seconds."""

    set: str | None = None
    advance: float = 0
    freeze: bool | None = None
    date_ahead: float | None = None


def usage(sandbox: Sandbox, _params: dict[str, str], _body: Any) -> dict[str, Any]:
    """What was asked of the API since the last reset."""
    context = sandbox.context
    credits_ = context.part(Credits)
    return {
        **context.part(Usage).to_json(),
        "credits_limit": credits_.limit,
        "credits_remaining": credits_.remaining,
        "most_in_flight": context.part(InFlight).most,
    }


def automation(sandbox: Sandbox, _params: dict[str, str], _body: Any) -> dict[str, Any]:
    """What would have run since the last reset."""
    return sandbox.context.part(Automation).to_json()


def dump(sandbox: Sandbox, params: dict[str, str], _body: Any) -> list[dict[str, Any]]:
    """Every record of a module."""
    renderer = Renderer(sandbox.context.store, zone="UTC")
    module = _module(sandbox, params, what="dump")
    return renderer.whole(module, sandbox.context.store.iterate(module, Selection(descending=False)))


def count(sandbox: Sandbox, params: dict[str, str], _body: Any) -> dict[str, int]:
    """How many records `dump` would show."""
    return {"count": sandbox.context.store.count(_module(sandbox, params, what="count"))}


def deleted(sandbox: Sandbox, params: dict[str, str], _body: Any) -> list[dict[str, Any]]:
    """Every entry of a module's recycle bin, newest deletion first."""
    since = dict.fromkeys(("recycle", "permanent"), datetime.fromtimestamp(0, UTC))
    module = _module(sandbox, params, what="deleted")
    entries = sandbox.context.store.deleted(module, since=since, after=None, limit=-1, offset=0)
    return [{**asdict(entry), "deleted": to_text(entry.deleted)} for entry in entries]


def _module(sandbox: Sandbox, params: dict[str, str], *, what: str) -> str:
    return require_module(sandbox.context.store, params.get("module"), what=f"{what}?module=…")


def show_settings(sandbox: Sandbox, _params: dict[str, str], _body: Any) -> dict[str, Any]:
    """The settings in force."""
    return asdict(sandbox.context.settings)


def change_settings(sandbox: Sandbox, _params: dict[str, str], body: Any) -> dict[str, Any]:
    """Other settings from now on."""
    sandbox.change_settings({} if body is None else body)
    return asdict(sandbox.context.settings)


def reset(sandbox: Sandbox, _params: dict[str, str], body: Any) -> dict[str, Any]:
    """A fresh organisation."""
    sandbox.reset({} if body is None else body)
    return {"records": sandbox.context.store.total(), **asdict(sandbox.context.settings)}


async def drain(sandbox: Sandbox, _params: dict[str, str], _body: Any) -> dict[str, Any]:
    """All calls that are under way, answered: a delayed one still writes when its caller is gone."""
    return {"waited_for": await sandbox.drain()}


def people(sandbox: Sandbox, _params: dict[str, str], body: Any) -> list[Any]:
    """Edits by hand."""
    return mutate(sandbox.context.store, body)


def administrators(sandbox: Sandbox, _params: dict[str, str], body: Any) -> list[Any]:
    """Changes of the organisation's description."""
    return change_metadata(sandbox.context.store, body)


def list_faults(sandbox: Sandbox, _params: dict[str, str], _body: Any) -> list[dict[str, Any]]:
    """Faults still to come."""
    return [asdict(fault) for fault in sandbox.faults.waiting]


def add_faults(sandbox: Sandbox, _params: dict[str, str], body: Any) -> list[dict[str, Any]]:
    """More faults; gives all that wait."""
    sandbox.faults.add(body)
    return [asdict(fault) for fault in sandbox.faults.waiting]


def clear_faults(sandbox: Sandbox, _params: dict[str, str], _body: Any) -> list[dict[str, Any]]:
    """No faults."""
    sandbox.faults.waiting.clear()
    return []


def show_clock(sandbox: Sandbox, _params: dict[str, str], _body: Any) -> dict[str, Any]:
    """The present."""
    return {"now": to_text(sandbox.clock.now())}


def turn_clock(sandbox: Sandbox, params: dict[str, str], body: Any) -> dict[str, Any]:
    """Set, advance, freeze; gives the present. All of it or, on an error, nothing."""
    turn = read_wish(body, Turn, what="clock")
    instant = None if turn.set is None else parse_instant(turn.set)
    if turn.set is not None and instant is None:
        raise ValueError(f"clock: not an instant such as 2026-03-29T00:59:50Z: {turn.set!r}")
    present = instant.timestamp() if instant else sandbox.clock.timestamp()
    for then in (present + turn.advance, present + turn.advance + (turn.date_ahead or 0)):
        if not YEARS[0] <= then < YEARS[1]:
            raise ValueError("clock: no year from 1970 to 9999 would come of it")
    if instant is not None:
        sandbox.clock.set(instant)
    if turn.advance:
        sandbox.clock.advance(turn.advance)
    if turn.date_ahead is not None:
        sandbox.clock.date_ahead = turn.date_ahead
    if turn.freeze is not None:
        sandbox.clock.freeze(frozen=turn.freeze)
    return show_clock(sandbox, params, body)


def bulk(sandbox: Sandbox, _params: dict[str, str], body: Any) -> dict[str, Any]:
    """How the bulk jobs still to be made will go."""
    behaviour = sandbox.context.part(BulkBehaviour)
    behaviour.ask(body)
    return {"seconds_per_state": behaviour.seconds_per_state}


CONTROLS: list[tuple[str, str, Control]] = [
    ("GET", "usage", usage),
    ("GET", "automation", automation),
    ("GET", "dump", dump),
    ("GET", "count", count),
    ("GET", "deleted", deleted),
    ("GET", "settings", show_settings),
    ("POST", "settings", change_settings),
    ("POST", "reset", reset),
    ("POST", "drain", drain),
    ("POST", "mutate", people),
    ("POST", "metadata", administrators),
    ("GET", "faults", list_faults),
    ("POST", "faults", add_faults),
    ("DELETE", "faults", clear_faults),
    ("GET", "clock", show_clock),
    ("POST", "clock", turn_clock),
    ("POST", "expire_tokens", sign_in.expire_tokens),
    ("POST", "bulk", bulk),
    ("POST", "code", sign_in.grant_code),
    ("GET", "device", sign_in.show_devices),
    ("POST", "device", sign_in.answer_device),
    ("GET", "deliveries", notices.show_deliveries),
    ("POST", "deliveries", notices.trouble_deliveries),
    ("DELETE", "deliveries", notices.trouble_deliveries),
    ("POST", "expire_channels", notices.expire_channels),
]


def addresses(sandbox: Sandbox) -> list[Address]:
    """The controls as routes."""
    return [
        Address(f"/_sandbox/{name}", _handler(sandbox, control), methods=[method])
        for method, name, control in CONTROLS
    ]


def _handler(sandbox: Sandbox, control: Control) -> Any:
    async def handle(request: Request) -> Response:
        content = await request.body()
        try:
            body = msgspec.json.decode(content) if content else None
            params = dict(request.query_params)
            if params.pop("drained", None):
                await sandbox.drain()
            answer = control(sandbox, params, body)
            if inspect.isawaitable(answer):
                answer = await answer
        except msgspec.DecodeError as error:
            return _json({"error": f"the body is no JSON: {error}"}, 400)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            return _json({"error": str(error)}, 400)
        return _json(answer, 200)

    return handle


def _json(body: Any, status: int) -> Response:
    return Response(msgspec.json.encode(body), status, media_type="application/json")
