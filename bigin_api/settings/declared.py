"""The client's settings, declared once as plain JSON Schema: tap and target merge them with their own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from bigin_api.errors import did_you_mean
from bigin_api.limits import MAX_CONCURRENT_REQUESTS, SAFE_CONCURRENT_REQUESTS
from bigin_api.settings.hosts import DATA_CENTERS

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
    "access_token": {
        "type": ["string", "null"],
        "title": "Access token",
        "secret": True,
        "description": "A token that somebody else renews, in place of client_id, client_secret and "
        "refresh_token: it is used as it is, and the run ends when Bigin refuses it.",
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
    "allow_http": {
        "type": "boolean",
        "title": "Allow plain http",
        "default": False,
        "description": "Let api_url and accounts_url be plain http addresses of other machines: whoever "
        "listens on the way then has your token.",
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
        "description": "Seconds within which an answer has to be there in whole, or the call counts as lost; "
        "the file of a bulk job may take thirty times as long.",
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
        "description": "A JSONL file, made for its owner alone, that gets a line for each API call: time, "
        "method, path, module, status, code, milliseconds, credits, records, attempt. No secrets, no values "
        "of records.",
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
    "run_report_path": {
        "type": ["string", "null"],
        "title": "Run report",
        "description": "A JSON file that says what the run did: streams, counts, outcomes, credits, seconds, "
        "rejects by code, versions. Each run replaces it; {time} in the path gives a file a run.",
    },
}
"""By name. ``secret`` marks what must never be shown."""

REQUIRED_SETTINGS = ("client_id", "client_secret", "refresh_token")
"""Of both programs, unless there is an ``access_token``."""


def demanded(schema: Mapping[str, Any], given: Mapping[str, Any]) -> Mapping[str, Any]:
    """A plugin's schema, as these settings are to be held to it: an access token serves alone.

    >>> demanded({"required": ["client_id"]}, {"access_token": "1000.x"})
    {'required': []}
    """
    token = given.get("access_token")
    return {**schema, "required": []} if token and isinstance(token, str) else schema


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
        hint = did_you_mean(name, known, otherwise="; --about lists those that there are.")
        errors.append(f"there is no setting {name!r}{hint}")
    return errors
