"""Reading Bigin's JSON without trusting its shape: what is not as expected counts as absent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def mapping(value: Any) -> Mapping[str, Any]:
    """The object, an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def entries(raw: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """The objects in a list, [] where there is no list."""
    found = raw.get(key)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def text(value: Any) -> str | None:
    """The value as text, None for null and for an empty string."""
    return str(value) if value not in (None, "") else None


def integer(value: Any) -> int | None:
    """The whole number, None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def api_name_of(value: Any) -> str | None:
    """The api_name of what is given by name (older form) or as an object (newer form)."""
    return text(value if isinstance(value, str) else mapping(value).get("api_name"))
