"""The log keeps what Bigin's metadata said at the last sweep, so that runs in between need not ask. Pure.

A run that a budget cut short keeps it in the state, packed, for the next one (``packed``).

Under a name of the log's for each set of credentials, a question each:

    {"modules": {"asked": "2026-05-14T09:53:58Z", "rows": [{…}]},
     "fields Contacts": {"asked": "…", "rows": [{…}]},
     "fields Visits": {"asked": "…", "refused": {"kind": "PermissionDenied", "message": "…", "code": "…"}}}

What is not well formed, or older than a sweep, counts as absent: it is asked for.
"""

from __future__ import annotations

import hashlib
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import msgspec

from bigin_api import Field, InvalidRequest, ModuleUnavailable, PermissionDenied, Refused, ScopeMissing
from tap_bigin.bookmarks import to_utc_text
from tap_bigin.discovery.catalog_cache import reduced
from tap_bigin.feed.mark import is_sweep_due

Kept = Mapping[str, Any]
Answers = Mapping[tuple[str, "str | None"], "list[dict[str, Any]] | Refused"]

QUESTIONS = frozenset(("modules", "fields", "custom_views", "related_lists"))
"""What streams are defined by; the rest is asked for by streams that are only read at sweeps."""

REFUSALS: Mapping[str, type[Refused]] = {
    each.__name__: each for each in (PermissionDenied, ScopeMissing, ModuleUnavailable, InvalidRequest)
}
WHO = ("accounts_url", "api_url", "client_id", "data_center", "refresh_token")


def name_of(settings: Mapping[str, Any]) -> str:
    """The name under which the log keeps what these credentials were told: others may see other modules."""
    who = "\n".join(str(settings.get(each)) for each in WHO)
    return f"metadata {hashlib.sha256(who.encode()).hexdigest()[:16]}"


def keep(kept: Kept, answers: Answers, now: datetime) -> dict[str, Any]:
    """What is kept from now on: what was told now, in place of what was kept of the same question."""
    told = {
        _name(what, module): {"asked": to_utc_text(now), **_written(what, answer)}
        for (what, module), answer in answers.items()
        if what in QUESTIONS
    }
    return {**kept, **told}


def recalled(kept: Any, now: datetime, most_age: timedelta) -> Answers:
    """The answers that are younger than a sweep."""
    return dict(_recalled(kept, now, most_age)) if isinstance(kept, Mapping) else {}


def packed(kept: Kept, name: str) -> str:
    """What is kept under the name of these credentials, as a text of some KB."""
    return b64encode(zlib.compress(msgspec.json.encode({name: kept}))).decode()


def unpacked(text: Any, name: str) -> dict[str, Any]:
    """What a packed text keeps under this name; nothing of one that is not well formed.

    >>> unpacked(packed({"modules": {"rows": []}}, "a"), "a"), unpacked("spoiled", "a")
    ({'modules': {'rows': []}}, {})
    """
    try:
        kept = msgspec.json.decode(zlib.decompress(b64decode(text)))[name]
    except (KeyError, TypeError, ValueError, zlib.error):
        return {}
    return kept if isinstance(kept, dict) else {}


def _recalled(
    kept: Kept, now: datetime, most_age: timedelta
) -> Iterator[tuple[tuple[str, str | None], list[dict[str, Any]] | Refused]]:
    for name, entry in kept.items():
        with suppress(AttributeError, KeyError, TypeError, ValueError):
            if not is_sweep_due(entry["asked"], now, most_age):
                what, _, module = name.partition(" ")
                yield (what, module or None), _read(entry)


def _written(what: str, answer: list[dict[str, Any]] | Refused) -> dict[str, Any]:
    if isinstance(answer, Refused):
        kind = type(answer).__name__
        return {"refused": {"kind": kind, "message": answer.message, "code": answer.code}}
    return {"rows": [reduced(Field.from_json(each)) for each in answer] if what == "fields" else answer}


def _read(entry: Mapping[str, Any]) -> list[dict[str, Any]] | Refused:
    refused = entry.get("refused")
    if refused is not None:
        return REFUSALS.get(refused["kind"], Refused)(refused["message"], code=refused["code"])
    return [dict(each) for each in entry["rows"]]


def _name(what: str, module: str | None) -> str:
    return what if module is None else f"{what} {module}"
