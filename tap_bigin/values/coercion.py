"""A value of another type than its schema says → one of that type, if that can be told. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from bigin_api.json_values import MOST_DIGITS, exact_number, plain_number

_JSON = msgspec.json.Encoder(decimal_format="number")
# float() takes more than numbers.
_NUMBER = re.compile(rf"[+-]?\d{{1,{MOST_DIGITS}}}(?:\.\d*)?(?:[eE][+-]?\d{{1,3}})?", re.ASCII)


def coerced(value: Any, types: Sequence[str]) -> Any:
    """A value of another type as one of these JSON types, None if it cannot be.

    >>> coerced("12.5", ["number", "null"]), coerced("many", ["number", "null"])
    (12.5, None)
    >>> coerced({"id": "7"}, ["string", "null"]), coerced(True, ["string", "null"])
    ('{"id":"7"}', 'true')
    >>> coerced(7.0, ["string", "null"]), coerced("", ["array", "null"])
    ('7', None)
    >>> coerced("7", ["object", "null"]), coerced("7", ["array", "null"])
    ({'id': '7'}, ['7'])
    """
    if value is None:
        return None
    for each in types:
        made = _MAKERS[each](value)
        if made is not None:
            return made
    return None


def _to_string(value: Any) -> str:
    if isinstance(value, str):
        return value
    return plain_number(value) if isinstance(value, float | Decimal) else _JSON.encode(value).decode()


def _to_integer(value: Any) -> int | None:
    number = _to_number(value)
    if number is None or isinstance(number, int):
        return number
    whole = Decimal(str(number))
    return int(whole) if whole == whole.to_integral_value() else None


def _to_number(value: Any) -> float | Decimal | None:
    """With every digit."""
    if isinstance(value, str):
        written = value.strip()
        if _NUMBER.fullmatch(written) is None:
            return None
        value = int(written) if written.lstrip("+-").isdecimal() else exact_number(written)
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return value if is_number and abs(value) != float("inf") else None


def _to_boolean(value: Any) -> bool | None:
    return {"true": True, "false": False, "1": True, "0": False}.get(str(value).lower())


def _to_object(value: Any) -> dict[str, Any] | None:
    """A link of its id, or of its name."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    written = _to_string(value).strip()
    return ({"id": written} if written.isdecimal() else {"name": written}) if written else None


def _to_array(value: Any) -> list[Any] | None:
    return None if value == "" else [value]


def _to_null(_: Any) -> None:
    return None


_MAKERS: Mapping[str, Callable[[Any], Any]] = {
    "string": _to_string,
    "integer": _to_integer,
    "number": _to_number,
    "boolean": _to_boolean,
    "object": _to_object,
    "array": _to_array,
    "null": _to_null,
}
