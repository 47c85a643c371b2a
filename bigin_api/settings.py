"""The settings that make a client, as plain JSON Schema; tap and target merge it with their own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bigin_api.data_centers import DATA_CENTERS, data_center
from bigin_api.errors import SettingsError
from bigin_api.limits import MAX_CONCURRENT_REQUESTS, SAFE_CONCURRENT_REQUESTS

CLIENT_SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "client_id": {
        "type": "string",
        "title": "Client ID",
        "description": "Client ID of your self client or server-based application in the Zoho API console.",
    },
    "client_secret": {
        "type": "string",
        "title": "Client secret",
        "secret": True,
        "description": "Client secret of the same client.",
    },
    "refresh_token": {
        "type": "string",
        "title": "Refresh token",
        "secret": True,
        "description": "Refresh token granted with access_type=offline for the scopes that the README lists.",
    },
    "data_center": {
        "type": "string",
        "title": "Data center",
        "enum": list(DATA_CENTERS),
        "default": "us",
        "description": "Where the account lives: the ending of your Bigin address tells "
        "(bigin.zoho.eu is eu). A token of one data center is unknown in another.",
    },
    "api_url": {
        "type": ["string", "null"],
        "title": "API URL",
        "description": "Replaces the data center's API host, for the sandbox or a proxy; "
        "serves uploads and bulk jobs too.",
    },
    "accounts_url": {
        "type": ["string", "null"],
        "title": "Accounts URL",
        "description": "Replaces the data center's accounts server, for the sandbox or a proxy.",
    },
    "max_concurrent_requests": {
        "type": "integer",
        "title": "Calls in flight",
        "minimum": 1,
        "maximum": MAX_CONCURRENT_REQUESTS,
        "default": SAFE_CONCURRENT_REQUESTS,
        "description": "Most API calls in flight at once. 5 is safe on every edition, "
        "10 is the most that paid editions allow.",
    },
    "request_timeout": {
        "type": "integer",
        "title": "Request timeout",
        "minimum": 1,
        "default": 60,
        "description": "Seconds to wait for an answer before the call counts as lost.",
    },
    "max_retries": {
        "type": "integer",
        "title": "Retries",
        "minimum": 0,
        "default": 8,
        "description": "How often a call is tried again after 429, 5xx, a lost connection or a broken "
        "body, with exponential backoff and full jitter.",
    },
    "credit_budget": {
        "type": ["integer", "null"],
        "title": "Credit budget",
        "minimum": 1,
        "description": "Most API credits that one run may spend.",
    },
    "api_log_path": {
        "type": ["string", "null"],
        "title": "API log",
        "description": "A JSONL file that gets a line for each API call: time, method, path, module, "
        "status, code, milliseconds, credits, records, attempt. No secrets, no values of records.",
    },
    "user_agent": {
        "type": ["string", "null"],
        "title": "User agent",
        "description": "User-Agent header of every call.",
    },
    "token_cache_path": {
        "type": ["string", "null"],
        "title": "Token cache",
        "description": "A file, readable by its owner alone, that keeps the access token between runs. "
        "Zoho grants 10 access tokens in 10 minutes for a refresh token: worth setting where runs start "
        "every few minutes.",
    },
}
"""By name. ``secret`` marks what must never be shown."""

REQUIRED_SETTINGS = ("client_id", "client_secret", "refresh_token")


@dataclass(frozen=True)
class Credentials:
    """Who calls. Its repr never shows a secret."""

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)


@dataclass(frozen=True)
class Hosts:
    """Where to call. ``api_url`` is None where the accounts server's answer is to tell."""

    accounts_url: str
    default_api_url: str
    content_url: str
    api_url: str | None = None


@dataclass(frozen=True)
class Limits:
    """How the client behaves."""

    max_concurrent_requests: int = SAFE_CONCURRENT_REQUESTS
    request_timeout: int = 60
    max_retries: int = 8
    credit_budget: int | None = None


@dataclass(frozen=True)
class ClientSettings:
    """Everything a client is made from."""

    credentials: Credentials
    hosts: Hosts
    limits: Limits = Limits()
    api_log_path: Path | None = None
    token_cache_path: Path | None = None
    user_agent: str = "bigin-singer"

    @classmethod
    def from_mapping(cls, settings: Mapping[str, Any]) -> ClientSettings:
        """Read the settings of a tap, a target or a script.

        Raises SettingsError naming the setting; never with a secret's value.
        """
        center = data_center(_text(settings, "data_center") or "us")
        api_url = _url(settings, "api_url")
        return cls(
            credentials=Credentials(*(_required(settings, name) for name in REQUIRED_SETTINGS)),
            hosts=Hosts(
                accounts_url=_url(settings, "accounts_url") or center.accounts_url,
                default_api_url=center.api_url,
                content_url=api_url or center.content_url,
                api_url=api_url,
            ),
            limits=Limits(
                max_concurrent_requests=_integer(
                    settings,
                    "max_concurrent_requests",
                    default=SAFE_CONCURRENT_REQUESTS,
                    most=MAX_CONCURRENT_REQUESTS,
                ),
                request_timeout=_integer(settings, "request_timeout", default=60),
                max_retries=_integer(settings, "max_retries", default=8, least=0),
                credit_budget=_integer(settings, "credit_budget", default=0) or None,
            ),
            api_log_path=_path(settings, "api_log_path"),
            token_cache_path=_path(settings, "token_cache_path"),
            user_agent=_header_text(settings, "user_agent") or "bigin-singer",
        )


def _text(settings: Mapping[str, Any], name: str) -> str | None:
    value = settings.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        # The value itself is not shown: it may be a secret of the wrong type.
        raise SettingsError(f"{name}: expected a string, got {type(value).__name__}.")
    return value.strip() or None


def _required(settings: Mapping[str, Any], name: str) -> str:
    value = _header_text(settings, name)
    if value is None:
        raise SettingsError(f"{name} is missing. The README tells how to get it for your data center.")
    if " " in value:
        raise SettingsError(f"{name} holds a blank, which no {name} has: was it pasted whole and alone?")
    return value


def _header_text(settings: Mapping[str, Any], name: str) -> str | None:
    value = _text(settings, name)
    if value is not None and not (value.isascii() and value.isprintable()):
        raise SettingsError(f"{name} holds characters that do not belong there: was it pasted whole?")
    return value


def _url(settings: Mapping[str, Any], name: str) -> str | None:
    value = _text(settings, name)
    if value is None:
        return None
    if "@" in value or "?" in value or "#" in value:
        # Not shown: it may hold a password.
        raise SettingsError(f"{name} takes an address alone: no user, password, query or fragment.")
    if not _is_address(value):
        raise SettingsError(f"{name}: {value!r} is not an http(s) address such as https://www.zohoapis.eu.")
    if "/bigin/" in f"{value}/":
        raise SettingsError(
            f"{name}: give {value.split('/bigin')[0]!r} without the path, which is ours to add."
        )
    return value.rstrip("/")


def _is_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, half an IPv6 address
        return False


def _integer(
    settings: Mapping[str, Any], name: str, *, default: int, least: int = 1, most: int | None = None
) -> int:
    value = settings.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int):
        raise SettingsError(f"{name}: expected a whole number, got {value!r}.")
    if value < least or (most is not None and value > most):
        bounds = f"at least {least}" if most is None else f"from {least} to {most}"
        raise SettingsError(f"{name}: {value} is out of range, it takes {bounds}.")
    return value


def _path(settings: Mapping[str, Any], name: str) -> Path | None:
    value = _text(settings, name)
    return Path(value) if value else None


def unknown_settings(
    given: Iterable[str],
    known: Collection[str],
    *,
    sister: Collection[str] = (),
    tell: Callable[[str], None] = lambda _message: None,
) -> list[str]:
    """What is wrong with settings that a program does not have; ``tell`` of those of its sister.

    >>> unknown_settings(["dryrun", "client_id"], ["dry_run", "client_id"])
    ["there is no setting 'dryrun', did you mean 'dry_run'?"]
    """
    errors = []
    for name in given:
        if name in known:
            continue
        if name in sister:
            tell(f"The setting {name!r} is another program's: let be.")
            continue
        alike = get_close_matches(name, known, n=1)
        hint = f", did you mean {alike[0]!r}?" if alike else "; --about lists those that there are."
        errors.append(f"there is no setting {name!r}{hint}")
    return errors
