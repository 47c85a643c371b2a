"""Records as Bigin's list gives them → as they leave: in place, column by column. Pure.

After it every record has exactly the stream's properties and fits the stream's schema, whatever Bigin
sent. A page costs a few passes in C a column, not a decision a value.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from itertools import chain
from operator import itemgetter
from typing import Any

from tap_bigin.values.data_types import Treatment
from tap_bigin.values.instants import MOST_KEPT, Instants

Record = dict[str, Any]
Warn = Callable[[str], None]

_PYTHON_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}


class Conversion:
    """Makes a stream's records ready to leave.

    >>> seats = {"type": ["integer", "null"]}
    >>> convert = Conversion({"id": {"type": "string"}, "Seats": seats}, {}, warn=print)
    >>> records = [{"id": "7", "Seats": "12"}]
    >>> convert(records)
    field 'Seats' came as str, though the metadata says integer: converted where it can be, else null.
    >>> records
    [{'id': '7', 'Seats': 12}]
    """

    def __init__(
        self,
        properties: Mapping[str, Mapping[str, Any]],
        treatments: Mapping[str, Treatment],
        *,
        warn: Warn,
        instants: Instants | None = None,
    ) -> None:
        self._warn = warn
        self._instants = Instants() if instants is None else instants
        self._days: set[str] = set()  # that have been read
        self._names = frozenset(properties)
        self._columns = tuple((name, itemgetter(name), _accepted(each)) for name, each in properties.items())
        self._types = {name: _types(each) for name, each in properties.items()}
        self._lists = tuple(
            (name, itemgetter(name), _accepted(each["items"]), _types(each["items"]))
            for name, each in properties.items()
            if "items" in each and set(self._types[name]) <= {"array", "null"}
        )
        self._dates = tuple(name for name in properties if treatments.get(name) == "date")
        self._datetimes = tuple(name for name in properties if treatments.get(name) == "datetime")
        self._links = tuple(name for name in properties if treatments.get(name) == "link")
        self._flat = tuple(name for name in self._links if "object" not in self._types[name])

    def __call__(self, records: Sequence[Record]) -> None:
        """Convert the records in place."""
        if not records:
            return
        if not all(self._names == record.keys() for record in records):
            self._complete(records)
        self._flatten(records)
        for name, get, accepted in self._columns:
            if not accepted.issuperset(map(type, map(get, records))):
                self._coerce(name, accepted, records)
        for name, get, accepted, types in self._lists:
            lists = list(filter(None, map(get, records)))
            if not accepted.issuperset(map(type, chain.from_iterable(lists))):
                self._coerce_items(name, accepted, types, lists)
        for name in self._datetimes:
            self._to_utc(name, records)
        for name in self._dates:
            self._to_days(name, records)

    def _flatten(self, records: Sequence[Record]) -> None:
        for name in self._links:
            for record in records:
                value = record[name]
                if type(value) is dict and type(value.get("id")) is int:
                    value["id"] = str(value["id"])
        for name in self._flat:
            for record in records:
                value = record[name]
                if type(value) is dict:
                    record[name] = value.get("id")

    def _to_utc(self, name: str, records: Sequence[Record]) -> None:
        instants = self._instants
        try:
            for record in records:
                record[name] = instants[record[name]]
        except ValueError:
            for record in records:
                record[name] = self._instant(name, record[name])

    def _instant(self, name: str, text: str | None) -> str | None:
        try:
            utc: str | None = self._instants[text]
        except ValueError:
            self._warn(f"field {name!r} holds {text!r}, which is no datetime. It is null.")
            return None
        return utc

    def _to_days(self, name: str, records: Sequence[Record]) -> None:
        days = self._days
        for record in records:
            text = record[name]
            if text is None or text in days:
                continue
            if _is_day(text):
                if len(days) < MOST_KEPT:
                    days.add(text)
                continue
            self._warn(f"field {name!r} holds {text!r}, which is no date. It is null.")
            record[name] = None

    def _complete(self, records: Sequence[Record]) -> None:
        """Give every record the stream's properties and no others."""
        for name in sorted(self._names):
            if any(name in record for record in records):
                continue
            self._warn(
                f"field {name!r} is not in what Bigin sends: it was deleted, or is hidden from the token's "
                "profile. It is null."
            )
        for record in records:
            for name in self._names - record.keys():
                record[name] = None
            for name in record.keys() - self._names:
                del record[name]

    def _coerce(self, name: str, accepted: frozenset[type], records: Sequence[Record]) -> None:
        types = self._types[name]
        for record in records:
            value = record[name]
            if type(value) not in accepted:
                said = "/".join(each for each in types if each != "null")
                self._warn(
                    f"field {name!r} came as {type(value).__name__}, though the metadata says {said}: "
                    "converted where it can be, else null."
                )
                record[name] = coerced(value, types)

    def _coerce_items(
        self, name: str, accepted: frozenset[type], types: Sequence[str], lists: Sequence[list[Any]]
    ) -> None:
        said = "/".join(each for each in types if each != "null")
        self._warn(f"field {name!r} holds a list of other things than {said}: converted or left out.")
        for each in lists:
            made = (item if type(item) in accepted else coerced(item, types) for item in each)
            each[:] = [item for item in made if item is not None]


def coerced(value: Any, types: Sequence[str]) -> Any:
    """A value of another type as one of these JSON types, None if it cannot be.

    >>> coerced("12.5", ["number", "null"]), coerced("many", ["number", "null"])
    (12.5, None)
    >>> coerced({"id": "7"}, ["string", "null"]), coerced(True, ["string", "null"])
    ('{"id": "7"}', 'true')
    >>> coerced("7", ["object", "null"]), coerced("7", ["array", "null"])
    ({'id': '7'}, ['7'])
    """
    for each in types:
        made = _MAKERS[each](value)
        if made is not None:
            return made
    return None


def _to_string(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _is_day(text: str) -> bool:
    """Whether a text is a day such as 2026-05-14.

    >>> _is_day("2026-02-28"), _is_day("2026-02-30"), _is_day("2026-05-14T09:00:00Z"), _is_day("20260514")
    (True, False, False, False)
    """
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _to_integer(value: Any) -> int | None:
    if isinstance(value, str) and value.strip().lstrip("-").isdecimal():
        return int(value)  # with every digit
    number = _to_number(value)
    return int(number) if number is not None and number == int(number) else None


def _to_number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if abs(number) != float("inf") and number == number else None  # noqa: PLR0124 -- NaN


def _to_boolean(value: Any) -> bool | None:
    return {"true": True, "false": False}.get(str(value).lower())


def _to_object(value: Any) -> dict[str, Any] | None:
    return {"id": value} if isinstance(value, str) else None


def _to_array(value: Any) -> list[Any]:
    return [value]


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


def _types(schema: Mapping[str, Any]) -> list[str]:
    types = schema.get("type") or list(_PYTHON_TYPES)
    return [types] if isinstance(types, str) else list(types)


def _accepted(schema: Mapping[str, Any]) -> frozenset[type]:
    return frozenset(each for name in _types(schema) for each in _PYTHON_TYPES[name])
