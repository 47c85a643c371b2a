"""A cell of an uploaded CSV -> the JSON value that a write call would send.

Dates without a `format` are read as `MM/dd/yyyy`, datetimes as `MM/dd/yyyy HH:mm:ss` in the user's zone
(FACTS 5). Nothing is guessed: a cell that does not fit raises ValueError and becomes INVALID_DATA.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from bigin_sandbox.clock import to_text

DATE_FORMAT = "MM/dd/yyyy"
DATETIME_FORMAT = "MM/dd/yyyy HH:mm:ss"

# letters of Java's formats -> strptime
_LETTERS = {
    "yyyy": "%Y",
    "yy": "%y",
    "MMM": "%b",
    "MM": "%m",
    "M": "%m",
    "dd": "%d",
    "d": "%d",
    "HH": "%H",
    "H": "%H",
    "hh": "%I",
    "h": "%I",
    "mm": "%M",
    "ss": "%S",
    "a": "%p",
    "XXX": "%z",
    "XX": "%z",
    "Z": "%z",
}
_PART = re.compile(r"'(?P<literal>[^']*)'|(?P<letters>([A-Za-z])\3*)|(?P<sign>[^A-Za-z'])")


@lru_cache(maxsize=100)
def strptime_format(pattern: str) -> str:
    """A Java date format as Python's. Raises ValueError for letters that no date has.

    >>> strptime_format("yyyy-MM-dd'T'HH:mm:ssXXX")
    '%Y-%m-%dT%H:%M:%S%z'
    """
    converted, position = "", 0
    while position < len(pattern):
        part = _PART.match(pattern, position)
        if part is None or (part["letters"] and part["letters"] not in _LETTERS):
            raise ValueError(pattern)
        plain = part["literal"] if part["literal"] is not None else part["sign"]
        converted += _LETTERS[part["letters"]] if part["letters"] else plain.replace("%", "%%")
        position = part.end()
    return converted


def cell_value(field: dict[str, Any], text: str, *, pattern: str | None, zone: str) -> Any:
    """The value of a cell that is not blank, by the field's data type."""
    data_type = field["data_type"]
    if data_type == "date":
        return datetime.strptime(text, strptime_format(pattern or DATE_FORMAT)).date().isoformat()  # noqa: DTZ007
    if data_type == "datetime":
        return _instant(text, strptime_format(pattern or DATETIME_FORMAT), zone)
    return _BY_DATA_TYPE.get(data_type, str)(text)


def _instant(text: str, pattern: str, zone: str) -> str:
    moment = datetime.strptime(text, pattern)  # noqa: DTZ007 - it gets the user's zone if it has none
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    return to_text(moment)


def _boolean(text: str) -> bool:
    words = {"true": True, "false": False}
    if text.lower() not in words:
        raise ValueError(text)
    return words[text.lower()]


def _number(text: str) -> float:
    if not re.fullmatch(r"-?\d+(\.\d+)?", text):
        raise ValueError(text)
    return float(text) if "." in text else int(text)


def _integer(text: str) -> int:
    if not re.fullmatch(r"-?\d+", text):
        raise ValueError(text)
    return int(text)


def _several(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


_BY_DATA_TYPE: dict[str, Callable[[str], Any]] = {
    "boolean": _boolean,
    "integer": _integer,
    "double": _number,
    "currency": _number,
    "percent": _number,
    "multiselectpicklist": _several,
}
