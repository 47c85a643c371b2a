"""The settings as Airbyte's form shows them, and what a sync sets by itself."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bigin_api.settings import CLIENT_SETTINGS, REQUIRED_SETTINGS
from tap_bigin.settings import TAP_SETTINGS

PROTOCOL_VERSION = "0.2.0"
NOT_OFFERED = frozenset(("access_token",))
"""A token lives for an hour, syncs are scheduled: with it the form could not demand the credentials."""


def specification() -> dict[str, Any]:
    """The content of a SPEC message. The SDK's own settings are not among them: Airbyte maps by itself."""
    declared = {**CLIENT_SETTINGS, **TAP_SETTINGS}
    names = [name for name in declared if name not in NOT_OFFERED]
    return {
        "protocol_version": PROTOCOL_VERSION,
        "supportsIncremental": True,
        "supported_destination_sync_modes": ["overwrite", "append", "append_dedup"],
        "connectionSpecification": {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "title": "Bigin by Zoho CRM",
            "type": "object",
            "required": list(REQUIRED_SETTINGS),
            "additionalProperties": True,
            "properties": {name: _shown(declared[name], place) for place, name in enumerate(names)},
        },
    }


def _shown(declared: Mapping[str, Any], order: int) -> dict[str, Any]:
    """A setting with Airbyte's marks.

    >>> _shown({"type": ["string", "null"], "secret": True}, 2)
    {'type': 'string', 'airbyte_secret': True, 'order': 2}
    """
    shown: dict[str, Any] = {}
    for name, value in declared.items():
        if name == "secret":
            shown["airbyte_secret"] = value
        elif name == "type" and not isinstance(value, str):
            (shown["type"],) = (each for each in value if each != "null")  # what is left out is not set
        elif name == "items":
            shown["items"] = _items(value)
        else:
            shown[name] = value
    return {**shown, "order": order}


def _items(declared: Mapping[str, Any]) -> dict[str, Any]:
    properties = declared.get("properties")
    if properties is None:
        return dict(declared)
    shown = {name: _shown(each, place) for place, (name, each) in enumerate(properties.items())}
    return {**declared, "properties": shown}


def with_token_cache(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, with a cache of the access token: a sync is several processes, Zoho grants few tokens."""
    who = [config.get(name) for name in ("client_id", "refresh_token")]
    if config.get("token_cache_path") or not all(isinstance(each, str) and each for each in who):
        return dict(config)
    name = hashlib.sha256("\n".join(map(str, who)).encode()).hexdigest()[:16]
    try:
        caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # an account without a home
        return dict(config)
    return {**config, "token_cache_path": str(caches / "bigin-singer" / f"token-{name}.json")}
