"""Controls of notifications: what goes wrong with them, how channels end."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bigin_sandbox.telling.deliveries import Deliveries
from bigin_sandbox.telling.notifier import Notifier
from bigin_sandbox.telling.troubles import troubles_of

if TYPE_CHECKING:
    from bigin_sandbox.sandbox import Sandbox


def show_deliveries(sandbox: Sandbox, _params: dict[str, str], _body: Any) -> dict[str, Any]:
    """The troubles in force, and what became of notifications so far."""
    deliveries = sandbox.context.part(Deliveries)
    return {**asdict(deliveries.troubles), **deliveries.counts()}


def trouble_deliveries(sandbox: Sandbox, params: dict[str, str], body: Any) -> dict[str, Any]:
    """Other troubles from now on."""
    sandbox.context.part(Deliveries).troubles = troubles_of({} if body is None else body)
    return show_deliveries(sandbox, params, body)


def expire_channels(sandbox: Sandbox, _params: dict[str, str], _body: Any) -> dict[str, Any]:
    """No channel lives any more."""
    return {"ended": sandbox.context.part(Notifier).expire_all()}
