"""A client's settings, read from the mapping that a tap, a target or a script was given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from bigin_api.errors import SettingsError
from bigin_api.settings.declared import CLIENT_SETTINGS, REQUIRED_SETTINGS
from bigin_api.settings.files import require_distinct
from bigin_api.settings.hosts import Hosts, data_center, origin

FILES = ("api_log_path", "token_cache_path", "run_report_path")
"""Settings that name a file that is written."""


@dataclass(frozen=True)
class Credentials:
    """Who calls. Its repr never shows a secret."""

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)


@dataclass(frozen=True)
class GivenToken:
    """A token that somebody else renews. Its repr never shows it."""

    access_token: str = field(repr=False)


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

    credentials: Credentials | GivenToken
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
        require_distinct(settings, FILES)
        hosts = data_center(_text(settings, "data_center") or "us")
        allow_http = _boolean(settings, "allow_http")
        api_url = read_address(settings, "api_url", allow_http=allow_http)
        return cls(
            credentials=_credentials(settings),
            hosts=replace(
                hosts,
                accounts_url=read_address(settings, "accounts_url", allow_http=allow_http)
                or hosts.accounts_url,
                content_url=api_url or hosts.content_url,
                api_url=api_url,
            ),
            limits=Limits(**{each.name: _integer(settings, each.name) for each in fields(Limits)}),
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


def _credentials(settings: Mapping[str, Any]) -> Credentials | GivenToken:
    if _text(settings, "access_token") is not None:
        return GivenToken(_required(settings, "access_token"))
    return Credentials(*(_required(settings, name) for name in REQUIRED_SETTINGS))


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


def read_address(settings: Mapping[str, Any], name: str, *, allow_http: bool) -> str | None:
    """The address that a setting holds, without a slash at its end; None where it is not set.

    Raises SettingsError for one that secrets should not go to.
    """
    value = _text(settings, name)
    if value is None:
        return None
    if "@" in value or "?" in value or "#" in value:
        # Not shown: it may hold a password.
        raise SettingsError(f"{name} takes an address alone: no user, password, query or fragment.")
    found = origin(value)
    if found is None:
        raise SettingsError(f"{name}: {value!r} is not an http(s) address such as https://www.zohoapis.eu.")
    if "/bigin/" in f"{value}/":
        raise SettingsError(
            f"{name}: give {value.split('/bigin')[0]!r} without the path, which is ours to add."
        )
    if found.scheme == "http" and not found.is_loopback and not allow_http:
        raise SettingsError(
            f"{name}: {value!r} is plain http, where whoever listens on the way has your token: "
            "use https, or set allow_http."
        )
    return value.rstrip("/")


def _boolean(settings: Mapping[str, Any], name: str) -> bool:
    value = settings.get(name)
    if not isinstance(value, bool | None):
        raise SettingsError(f"{name}: expected true or false, got {value!r}.")
    return bool(CLIENT_SETTINGS[name]["default"] if value is None else value)


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
