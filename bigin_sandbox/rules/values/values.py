"""What a value must look like to be stored, by the field's data type: plain types, no other record asked.

    stored_value(field, "2026-05-14T12:53:58+03:00", "$.data[0].Start")   -> "2026-05-14T09:53:58Z"

`field` is an item of /settings/fields. A value that does not fit raises `RecordRefused`; nothing is ever
cut or guessed. Source: FACTS 3 (data types and their JSON), 5 ("Values"); write.md 7.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from bigin_sandbox.clock import parse_instant, to_text
from bigin_sandbox.rules.writing.refused import refused_value, too_long, wrong_type

Field = dict[str, Any]

_EMAIL = re.compile(r"[^\s@,;<>()\"]+@[^\s@,;<>()\"]+\.[^\s@,;<>()\".]+")
_PHONE = re.compile(r"\+?[0-9A-Za-z(][0-9A-Za-z .,;()+/#*-]*")
_WEBSITE = re.compile(r"(?:(?:https?|ftp)://)?(?:[\w-]+\.)+[\w-]{2,}(?::\d+)?(?:[/?#]\S*)?", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_BIGINT = re.compile(r"-?\d+")
_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "jsonobject": (dict,),
    "jsonarray": (list,),
    "boolean": (bool,),
    "integer": (int,),
    "double": (int, float),
}


def is_empty(value: Any) -> bool:
    """Whether a value empties a field: `null`, and a blank text, which is stored as null (FACTS 5).

    >>> is_empty(None), is_empty(""), is_empty(0), is_empty(False)
    (True, True, False, False)
    """
    return value is None or (isinstance(value, str) and not value.strip())


def stored_value(field: Field, value: Any, path: str) -> Any:
    """The stored form of a value that is not empty. Raises RecordRefused."""
    return _BY_DATA_TYPE.get(field["data_type"], _by_json_type)(field, value, path)


def _text(field: Field, value: Any, path: str) -> str:
    """Numbers are no text; too long is refused, never cut (FACTS 5)."""
    if not isinstance(value, str):
        raise wrong_type(field, path)
    if field["length"] and len(value) > field["length"]:
        raise too_long(field["length"], field["api_name"], path)
    return value


def _matching(pattern: re.Pattern[str]) -> Callable[[Field, Any, str], str]:
    """A text that must have a form: e-mail, phone, URL (write.md 2)."""

    def accept(field: Field, value: Any, path: str) -> str:
        text = _text(field, value, path)
        if not pattern.fullmatch(text.strip()):
            raise wrong_type(field, path)
        return text

    return accept


def _integer(field: Field, value: Any, path: str) -> int:
    """A JSON integer of at most `length` digits; a string is refused (FACTS 5)."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise wrong_type(field, path)
    if len(str(abs(value))) > (field["length"] or 9):
        raise too_long(field["length"] or 9, field["api_name"], path)
    return value


def _number(field: Field, value: Any, path: str) -> float:
    """A JSON number of at most `length` digits before the point, kept to `decimal_place` digits after it."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise wrong_type(field, path)
    if len(str(abs(int(value)))) > (field["length"] or 16):
        raise too_long(field["length"] or 16, field["api_name"], path)
    if field["decimal_place"] is None or isinstance(value, int):
        return value
    step = Decimal(1).scaleb(-field["decimal_place"])
    return float(Decimal(str(value)).quantize(step, ROUND_HALF_UP))


def _bigint(field: Field, value: Any, path: str) -> str:
    """A string of digits: beyond 2^53 a JSON number is no longer exact (FACTS 3)."""
    if not isinstance(value, str) or not _BIGINT.fullmatch(value):
        raise wrong_type(field, path)
    if len(value.lstrip("-")) > (field["length"] or 18):
        raise too_long(field["length"] or 18, field["api_name"], path)
    return value


def _boolean(field: Field, value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise wrong_type(field, path)
    return value


def _date(field: Field, value: Any, path: str) -> str:
    """`YYYY-MM-DD`, a day that exists."""
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise wrong_type(field, path)
    try:
        date.fromisoformat(value)
    except ValueError:
        raise wrong_type(field, path) from None
    return value


def _datetime(field: Field, value: Any, path: str) -> str:
    """Whole seconds with an offset; `Z` is taken in records (FACTS 5)."""
    instant = parse_instant(value) if isinstance(value, str) else None
    if instant is None:
        raise wrong_type(field, path)
    return to_text(instant)


def _multiselect(field: Field, value: Any, path: str) -> list[str]:
    """An array of texts, each as it comes: a picklist stores any text (FACTS 5)."""
    if not isinstance(value, list) or not all(isinstance(choice, str) for choice in value):
        raise wrong_type(field, path)
    return list(dict.fromkeys(value))


def _by_json_type(field: Field, value: Any, path: str) -> Any:
    """Reminders, recurrence, participants, types that came later: the JSON type must fit."""
    expected = _JSON_TYPES.get(field["json_type"], (object,))
    if not isinstance(value, expected) or (isinstance(value, bool) and bool not in expected):
        raise wrong_type(field, path)
    return value


def duration(field: Field, value: Any, path: str) -> str:
    """`mm:ss`, as Bigin writes the length of a call (FACTS 5)."""
    text = _text(field, value, path)
    if not re.fullmatch(r"\d+:[0-5]\d", text):
        raise refused_value(field["api_name"], path)
    return text


_BY_DATA_TYPE: dict[str, Callable[[Field, Any, str], Any]] = {
    "text": _text,
    "textarea": _text,
    "picklist": _text,
    "email": _matching(_EMAIL),
    "phone": _matching(_PHONE),
    "website": _matching(_WEBSITE),
    "integer": _integer,
    "bigint": _bigint,
    "double": _number,
    "currency": _number,
    "percent": _number,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
    "multiselectpicklist": _multiselect,
}
