"""What makes a client: its settings as plain JSON Schema, and the hosts of each data center.

Tap and target merge the schema with their own. Source of the hosts: multi-dc page, bulk-write upload
page (Bigin v2).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bigin_api.errors import SettingsError
from bigin_api.limits import MAX_CONCURRENT_REQUESTS, SAFE_CONCURRENT_REQUESTS


@dataclass(frozen=True)
class Hosts:
    """Where a location keeps its accounts server, its API and its uploads.

    ``api_url`` is None where the accounts server's answer is to tell; ``default_api_url`` is for an
    answer that does not.
    """

    accounts_url: str
    default_api_url: str
    content_url: str
    api_url: str | None = None

    @classmethod
    def of_zoho(cls, suffix: str, *, accounts: str = "zoho") -> Hosts:
        """Those of the data center whose addresses end so.

        >>> Hosts.of_zoho("eu").accounts_url
        'https://accounts.zoho.eu'
        """
        return cls(
            f"https://accounts.{accounts}.{suffix}",
            f"https://www.zohoapis.{suffix}",
            f"https://content.zohoapis.{suffix}",
        )


DATA_CENTERS = {
    "us": Hosts.of_zoho("com"),
    "eu": Hosts.of_zoho("eu"),
    "in": Hosts.of_zoho("in"),
    "au": Hosts.of_zoho("com.au"),
    "cn": Hosts.of_zoho("com.cn"),
    "jp": Hosts.of_zoho("jp"),
    "sa": Hosts.of_zoho("sa"),
    "ca": Hosts.of_zoho("ca", accounts="zohocloud"),
}
ZOHO_DOMAINS = tuple(
    f"{domain}.{suffix}"
    for suffix in ("com", "eu", "in", "com.au", "com.cn", "jp", "sa", "ca")
    for domain in ("zoho", "zohoapis", "zohocloud")
)

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
class Limits:
    """How the client behaves."""

    max_concurrent_requests: int
    request_timeout: int
    max_retries: int
    credit_budget: int | None


@dataclass(frozen=True)
class ClientSettings:
    """Everything a client is made from."""

    credentials: Credentials
    hosts: Hosts
    limits: Limits
    api_log_path: Path | None
    token_cache_path: Path | None
    user_agent: str

    @classmethod
    def from_mapping(cls, settings: Mapping[str, Any]) -> ClientSettings:
        """Read the settings of a tap, a target or a script.

        Raises SettingsError naming the setting; never with a secret's value.
        """
        hosts = data_center(_text(settings, "data_center") or "us")
        api_url = _url(settings, "api_url")
        return cls(
            credentials=Credentials(*(_required(settings, name) for name in REQUIRED_SETTINGS)),
            hosts=replace(
                hosts,
                accounts_url=_url(settings, "accounts_url") or hosts.accounts_url,
                content_url=api_url or hosts.content_url,
                api_url=api_url,
            ),
            limits=Limits(**{each.name: _integer(settings, each.name) for each in fields(Limits)}),
            api_log_path=_path(settings, "api_log_path"),
            token_cache_path=_path(settings, "token_cache_path"),
            user_agent=_header_text(settings, "user_agent") or "bigin-singer",
        )


def data_center(name: str) -> Hosts:
    """The hosts of a location such as ``eu``. Raises SettingsError for an unknown one."""
    try:
        return DATA_CENTERS[name.strip().lower()]
    except KeyError:
        known = ", ".join(DATA_CENTERS)
        raise SettingsError(f"data_center: {name!r} is not one of {known}.") from None


def is_zoho(url: str) -> bool:
    """Whether an address is an https one of Zoho's, so that a token may go there.

    >>> is_zoho("https://download-accl.zoho.com/x"), is_zoho("https://zoho.com.example.org/x")
    (True, False)
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    return parts.scheme == "https" and host.endswith(tuple(f".{domain}" for domain in ZOHO_DOMAINS))


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


def _integer(settings: Mapping[str, Any], name: str) -> Any:
    """A whole number within the bounds that are declared, or the default that is."""
    declared = CLIENT_SETTINGS[name]
    value = settings.get(name)
    if value is None:
        return declared.get("default")
    if isinstance(value, bool) or not isinstance(value, int):
        raise SettingsError(f"{name}: expected a whole number, got {value!r}.")
    least, most = declared["minimum"], declared.get("maximum")
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
