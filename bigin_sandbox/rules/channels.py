"""What a notification channel is, and which are refused. Source: FACTS 6, read.md 9, write.md 11."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bigin_sandbox.clock import parse_instant
from bigin_sandbox.rules.writing.refused import (
    RecordRefused,
    expected_type,
    mandatory_not_found,
    refused_value,
)

MODULES = frozenset({"Contacts", "Pipelines", "Accounts", "Products", "Tasks", "Events", "Calls"})
ACTIONS = {"insert": "create", "update": "edit", "delete": "delete"}
ALL = "all"
MAX_TOKEN = 50  # characters


@dataclass(frozen=True)
class Channel:
    """Who wants to be told of what, and until when."""

    channel_id: str
    events: tuple[str, ...]  # "Contacts.all", "Pipelines.edit"
    notify_url: str
    expiry: datetime
    token: str | None
    notify_on_related_action: bool
    return_affected_field_values: bool
    api_url: str  # as the subscriber reached the API: what resource_uri begins with
    zone: str  # the subscriber's

    @property
    def modules(self) -> list[str]:
        """The modules it is about, in the order of its events."""
        return list(dict.fromkeys(event.partition(".")[0] for event in self.events))

    def wants(self, module: str, operation: str) -> bool:
        """Whether it is told of an insert, update or delete in a module."""
        return bool({f"{module}.{ALL}", f"{module}.{ACTIONS[operation]}"} & set(self.events))

    def resource_uri(self, module: str) -> str:
        """Says v1 even on v2: seen live."""
        return f"{self.api_url}/bigin/v1/{module}"

    @property
    def query_params(self) -> dict[str, str]:
        """The query string of the notify_url, which comes back with every notification."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.notify_url).query).items()}


@dataclass(frozen=True)
class Subscriber:
    """Who asks for a channel, when, and how long channels may live."""

    now: datetime
    api_url: str
    zone: str
    default_life: timedelta
    longest_life: timedelta


def check_channel(entry: Any, path: str, subscriber: Subscriber) -> Channel:
    """The channel that an entry of `watch` describes. Raises RecordRefused."""
    if not isinstance(entry, dict):
        raise expected_type("jsonobject", "watch", path)
    channel_id = check_channel_id(entry, path)
    return Channel(
        channel_id,
        check_events(entry, path),
        _notify_url(entry, path),
        _expiry(entry, path, subscriber),
        _token(entry, path),
        _flag(entry, "notify_on_related_action", path),
        _flag(entry, "return_affected_field_values", path),
        subscriber.api_url,
        subscriber.zone,
    )


def check_channel_id(entry: Mapping[str, Any], path: str) -> str:
    """Digits, as a number or a string; always a string afterwards."""
    given = _required(entry, "channel_id", path)
    if isinstance(given, bool) or not str(given).isdecimal():
        raise expected_type("bigint", "channel_id", f"{path}.channel_id")
    return str(given)


def check_events(entry: Mapping[str, Any], path: str) -> tuple[str, ...]:
    """`Module.create`, `.edit`, `.delete`, `.all`, of the modules that notify."""
    given = _required(entry, "events", path)
    if not isinstance(given, list):
        raise expected_type("jsonarray", "events", f"{path}.events")
    actions = {ALL, *ACTIONS.values()}
    for event in given:
        module, _, action = str(event).partition(".")
        if module not in MODULES or action not in actions:
            raise refused_value("events", f"{path}.events")
    return tuple(dict.fromkeys(given))


def _notify_url(entry: Mapping[str, Any], path: str) -> str:
    given = _required(entry, "notify_url", path)
    parts = urlsplit(given) if isinstance(given, str) else urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise refused_value("notify_url", f"{path}.notify_url")
    return str(given)


def _expiry(entry: Mapping[str, Any], path: str, subscriber: Subscriber) -> datetime:
    """Absent or more than a day ahead: silently the default. Past, or with milliseconds: refused."""
    given, now = entry.get("channel_expiry"), subscriber.now
    if given is None:
        return now + subscriber.default_life
    instant = parse_instant(given) if isinstance(given, str) else None
    if instant is None or instant <= now:
        raise refused_value("channel_expiry", f"{path}.channel_expiry", expected_data_type="datetime")
    return instant if instant <= now + subscriber.longest_life else now + subscriber.default_life


def _token(entry: Mapping[str, Any], path: str) -> str | None:
    given = entry.get("token")
    if given is not None and (not isinstance(given, str) or len(given) > MAX_TOKEN):
        raise refused_value("token", f"{path}.token", maximum_length=MAX_TOKEN)
    return given


def _flag(entry: Mapping[str, Any], name: str, path: str) -> bool:
    given = entry.get(name, False)
    if not isinstance(given, bool):
        raise expected_type("boolean", name, f"{path}.{name}")
    return given


def _required(entry: Mapping[str, Any], name: str, path: str) -> Any:
    if entry.get(name) in (None, "", []):
        raise mandatory_not_found(name, path)
    return entry[name]


def not_subscribed() -> RecordRefused:
    """No such channel, any more."""
    return RecordRefused("NOT_SUBSCRIBED", "the channel is not subscribed")
