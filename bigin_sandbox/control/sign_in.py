"""Controls of who may come in: tokens, grant codes, devices that wait for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from bigin_sandbox.rules.access.devices import Devices
from bigin_sandbox.rules.access.tokens import ALL_SCOPES, CODE_LIFETIME, Tokens
from bigin_sandbox.wishes import read_wish

if TYPE_CHECKING:
    from bigin_sandbox.sandbox import Sandbox


class CodeWish(msgspec.Struct, frozen=True):
    """A grant code that is asked for; ``user`` is a place among the organisation's."""

    scope: str = ALL_SCOPES
    user: int = 0
    seconds: float = CODE_LIFETIME


class DeviceAnswer(msgspec.Struct, frozen=True):
    """What a person says to a device that waits."""

    answer: str = ""
    user_code: str | None = None
    user: int = 0


def expire_tokens(sandbox: Sandbox, _params: dict[str, str], _body: Any) -> dict[str, Any]:
    """No access token lives any more."""
    return {"expired": sandbox.context.part(Tokens).expire_all()}


def grant_code(sandbox: Sandbox, _params: dict[str, str], body: Any) -> dict[str, Any]:
    """A grant code for some scopes (all unless named), of the user at that place."""
    wish = read_wish(body, CodeWish, what="code")
    return {"code": sandbox.context.part(Tokens).make_code(wish.user, wish.scope, wish.seconds)}


def show_devices(sandbox: Sandbox, _params: dict[str, str], _body: Any) -> list[dict[str, Any]]:
    """The programs that wait."""
    return sandbox.context.part(Devices).to_json()


def answer_device(sandbox: Sandbox, _params: dict[str, str], body: Any) -> dict[str, Any]:
    """A person says yes or no; gives the codes answered."""
    wish = read_wish(body, DeviceAnswer, what="device")
    devices = sandbox.context.part(Devices)
    return {"answered": devices.answer(wish.answer, user_code=wish.user_code, user=wish.user)}
