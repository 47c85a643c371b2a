"""What the feed is told: its settings, from a file and from the environment (``BIGIN_FEED_…``)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from bigin_api import CLIENT_SETTINGS, ClientSettings, SettingsError, unknown_settings
from bigin_api.settings import files
from bigin_api.settings.environment import read_environment
from bigin_api.settings.hosts import origin

logger = logging.getLogger(__name__)

NOTIFYING_MODULES = (  # notifications/enable (Bigin v2)
    "Contacts", "Pipelines", "Accounts", "Products", "Tasks", "Events", "Calls",
)  # fmt: skip
ENV_PREFIX = "BIGIN_FEED_"
DEFAULT_LOG = "sqlite:///bigin-feed.sqlite"
MOST_RETRIES = 2  # of a call: the receiver has a heartbeat to write, and asks again by itself

FEED_SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "feed_log": {
        "type": "string",
        "secret": True,
        "default": DEFAULT_LOG,
        "description": "SQLAlchemy URL of the log: SQLite on a local disk, or PostgreSQL.",
    },
    "public_url": {
        "type": "string",
        "description": "The address by which Bigin reaches the receiver, such as https://feed.example.com.",
    },
    "modules": {
        "type": "array",
        "items": {"type": "string"},
        "default": ["*"],
        "description": "Which modules to be told of: api_names or globs, of the seven that notify.",
    },
    "retention_days": {
        "type": "integer",
        "default": 30,
        "description": "Days that what was told is kept for, so that it can be read again.",
    },
    "sync_token": {
        "type": ["string", "null"],
        "secret": True,
        "description": "Bearer token of the sync flow. Without it the sync flow is off.",
    },
}
"""By name. ``secret`` marks what must never be shown."""


@dataclass(frozen=True)
class FeedSettings:
    """Everything the receiver is made from. Its repr never shows a secret."""

    client: ClientSettings
    feed_log: str = field(repr=False)
    public_url: str
    modules: tuple[str, ...]
    retention_days: int
    sync_token: str | None = field(repr=False)

    @classmethod
    def from_mapping(cls, settings: Mapping[str, Any]) -> FeedSettings:
        """Read the settings. Raises SettingsError naming the setting; never with a secret's value."""
        client = ClientSettings.from_mapping(settings)
        retries = min(client.limits.max_retries, MOST_RETRIES)
        return cls(
            client=replace(client, limits=replace(client.limits, max_retries=retries)),
            feed_log=_text(settings, "feed_log") or DEFAULT_LOG,
            public_url=_public_url(settings),
            modules=_modules(settings.get("modules")),
            retention_days=_days(settings.get("retention_days")),
            sync_token=_text(settings, "sync_token"),
        )


def read_settings(
    path: str | None, environment: Mapping[str, str], *, sister: Callable[[], Collection[str]]
) -> dict[str, Any]:
    """The settings of a file, and over them those of the environment. Raises SettingsError.

    ``sister`` gives the settings of other programs that may stand in the same file.
    """
    settings = files.read_settings(path) if path else {}
    known = {*FEED_SETTINGS, *CLIENT_SETTINGS}
    unknown = settings.keys() - known
    if unknown and (wrong := unknown_settings(unknown, known, sister=sister(), tell=logger.info)):
        raise SettingsError(f"--config {path}: {'; '.join(wrong)}")
    return {**settings, **read_environment({**CLIENT_SETTINGS, **FEED_SETTINGS}, ENV_PREFIX, environment)}


def _text(settings: Mapping[str, Any], name: str) -> str | None:
    value = settings.get(name)
    if not isinstance(value, str | None):
        raise SettingsError(f"{name}: expected a string, got {type(value).__name__}.")
    return (value or "").strip() or None


def _public_url(settings: Mapping[str, Any]) -> str:
    value = _text(settings, "public_url")
    if value is None:
        raise SettingsError("public_url is missing: the address by which Bigin reaches the receiver.")
    if origin(value) is None:  # not shown: it may hold a password
        raise SettingsError("public_url: expected an address alone, such as https://feed.example.com.")
    return value.rstrip("/")


def _modules(value: Any) -> tuple[str, ...]:
    globs = ["*"] if value is None else value
    if not isinstance(globs, list) or not all(isinstance(each, str) for each in globs):
        raise SettingsError("modules: expected a list of api_names or globs.")
    chosen = tuple(name for name in NOTIFYING_MODULES if any(fnmatchcase(name, glob) for glob in globs))
    if not chosen:
        raise SettingsError(f"modules: {globs} names none of {', '.join(NOTIFYING_MODULES)}.")
    return chosen


def _days(value: Any) -> int:
    if value is None:
        return int(FEED_SETTINGS["retention_days"]["default"])
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 36_500:  # noqa: PLR2004
        raise SettingsError(f"retention_days: expected a whole number from 1, got {value!r}.")
    return value
