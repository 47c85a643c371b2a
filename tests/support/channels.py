"""Notification channels by hand."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import requests

from support.sandbox import Sandbox

WATCH = "/actions/watch"


def channel(url: str = "http://127.0.0.1:9/hook", **more: Any) -> dict[str, Any]:
    """A channel that is told everything of contacts, but for what is given."""
    return {"channel_id": "10000", "events": ["Contacts.all"], "notify_url": url, **more}


def watch(sandbox: Sandbox, method: str, *channels: dict[str, Any]) -> requests.Response:
    """Open, change or end channels."""
    return sandbox.api(method, WATCH, json={"watch": list(channels)})


def listed(sandbox: Sandbox, **params: Any) -> list[dict[str, Any]]:
    """The channels that there are."""
    answer = sandbox.api("GET", WATCH, params=params)
    return answer.json()["watch"] if answer.status_code == 200 else []


def now(sandbox: Sandbox) -> datetime:
    """The present in Bigin."""
    return datetime.fromisoformat(sandbox.clock().replace("Z", "+00:00"))


def wait(sandbox: Sandbox, seconds: float) -> None:
    """Let time pass."""
    sandbox.clock(advance=seconds)
    sandbox.forget_tokens()
