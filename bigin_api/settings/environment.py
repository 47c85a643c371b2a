"""Settings in environment variables, read by what their schema says they are."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any

from bigin_api.errors import SettingsError

OF_THE_SDK = ("loglevel",)  # it reads these itself
_BOOLEANS = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}


def read_environment(
    properties: Mapping[str, Mapping[str, Any]], prefix: str, environ: Mapping[str, str]
) -> dict[str, Any]:
    """The settings that variables such as ``TAP_BIGIN_MODULES`` give; an empty one gives none.

    Raises SettingsError that names the variable, and never shows what is in it.

    >>> names = {"type": ["array", "null"], "items": {"type": "string"}}
    >>> read_environment({"modules": names}, "TAP_BIGIN_", {"TAP_BIGIN_MODULES": "Contacts,Tasks"})
    {'modules': ['Contacts', 'Tasks']}
    """
    require_known(properties, prefix, environ)
    found = {}
    for name, schema in properties.items():
        variable = prefix + name.upper().replace("-", "_")
        text = environ.get(variable, "").strip()
        if text:
            found[name] = _value(variable, text, schema)
    return found


def require_known(known: Collection[str], prefix: str, environ: Mapping[str, str]) -> None:
    """Raises SettingsError for a variable that means a setting and does not name it.

    Names that are like no setting's are somebody else's, as are those that go on with ``_`` (Meltano's).
    """
    for variable in environ:
        name = variable.removeprefix(prefix).lower()
        if not variable.startswith(prefix) or name.startswith("_") or name in (*known, *OF_THE_SDK):
            continue
        alike = get_close_matches(name.replace("-", "_"), known, n=1)
        if alike:
            raise SettingsError(f"there is no setting {variable}, did you mean {prefix}{alike[0].upper()}?")


def _value(variable: str, text: str, schema: Mapping[str, Any]) -> Any:
    kind = _kind(schema)
    if kind == "boolean":
        if text.lower() not in _BOOLEANS:
            raise SettingsError(f"{variable}: takes true or false.")
        return _BOOLEANS[text.lower()]
    if kind == "integer":
        try:
            return int(text)
        except ValueError:
            raise SettingsError(f"{variable}: takes a whole number.") from None
    if kind == "array" and _kind(schema.get("items", {})) == "string" and not text.startswith("["):
        return [each.strip() for each in text.split(",")]
    if kind not in ("array", "object"):
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{variable}: not JSON ({error}), but it takes an {kind} as JSON.") from None
    if not isinstance(value, list if kind == "array" else dict):
        raise SettingsError(f"{variable}: holds no {kind} but a {type(value).__name__}.")
    return value


def _kind(schema: Mapping[str, Any]) -> str:
    types = schema.get("type", "string")
    return types if isinstance(types, str) else next((each for each in types if each != "null"), "string")
