"""Controls of who may come in: tokens, grant codes, devices that wait for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bigin_sandbox.rules.access.devices import Devices
from bigin_sandbox.rules.access.tokens import ALL_SCOPES, CODE_LIFETIME, Tokens

if TYPE_CHECKING:
    from bigin_sandbox.sandbox import Sandbox


def expire_tokens(sandbox: Sandbox, _params: dict[str, str], _body: Any) -> dict[str, Any]:
    """No access token lives any more."""
    return {"expired": sandbox.context.part(Tokens).expire_all()}


def grant_code(sandbox: Sandbox, _params: dict[str, str], body: Any) -> dict[str, Any]:
    """A grant code for some scopes (all unless named), of the user at that place."""
    wish = {"scope": ALL_SCOPES, "user": 0, "seconds": CODE_LIFETIME, **(body or {})}
    return {"code": sandbox.context.part(Tokens).make_code(**wish)}


def show_devices(sandbox: Sandbox, _params: dict[str, str], _body: Any) -> list[dict[str, Any]]:
    """The programs that wait."""
    return sandbox.context.part(Devices).to_json()


def answer_device(sandbox: Sandbox, _params: dict[str, str], body: Any) -> dict[str, Any]:
    """A person says yes or no; gives the codes answered."""
    wish = {"user_code": None, "user": 0, **body}
    return {"answered": sandbox.context.part(Devices).answer(**wish)}
