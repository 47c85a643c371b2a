"""The parameter `fields`: required for lists, at most 50 names. Source: FACTS 4."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bigin_sandbox.http.answers import limit_exceeded, required_param_missing

if TYPE_CHECKING:
    from bigin_sandbox.http.calls import ApiCall

MOST_FIELDS = 50


def read_fields(call: ApiCall) -> list[str] | None:
    """The names asked for; None if the parameter is absent or empty."""
    names = [name.strip() for name in call.params.get("fields", "").split(",") if name.strip()]
    if len(names) > MOST_FIELDS:
        raise limit_exceeded("Max field limit exceeded", param_name="fields", limit=MOST_FIELDS)
    return names or None


def required_fields(call: ApiCall) -> list[str]:
    """The names asked for. Raises Refusal if there are none."""
    names = read_fields(call)
    if names is None:
        raise required_param_missing("fields")
    return names
