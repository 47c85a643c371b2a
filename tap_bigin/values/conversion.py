"""Records as Bigin's list gives them → as they leave: in place, column by column. Pure.

After it every record has exactly the stream's properties and fits the stream's schema, whatever Bigin
sent. A page costs a few passes in C a column, not a decision a value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import chain
from operator import itemgetter, methodcaller
from typing import Any

from tap_bigin.values.coercion import coerced
from tap_bigin.values.data_types import Treatment
from tap_bigin.values.instants import MOST_KEPT, Instants

Record = dict[str, Any]
Warn = Callable[[str], None]

MOST_NAMED = 20  # values of a field that are told one by one, with their records
MOST_SHOWN = 60  # characters of such a value

_PYTHON_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float, Decimal),
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
        self._told: Counter[str] = Counter()  # by field: values that are null for what they were
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
        self._parts = tuple(_parts_of(properties))
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
        for name, part, accepted, types, are_listed in self._parts:
            self._coerce_part(name, part, accepted, types, records, are_listed=are_listed)
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
                record[name] = self._instant(name, record)

    def _instant(self, name: str, record: Record) -> str | None:
        try:
            utc: str | None = self._instants[record[name]]
        except ValueError:
            self._tell_null(name, record, "datetime")
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
            day, _, clock = text.partition("T")
            if clock and _is_day(day):
                self._tell_converted(name, text, "date")
                record[name] = day
                continue
            self._tell_null(name, record, "date")
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
        said = _said(types)
        for record in records:
            value = record[name]
            if type(value) in accepted:
                continue
            made = coerced(value, types)
            if made is None and value != "":
                self._tell_null(name, record, said)
            elif made is not None:
                self._tell_converted(name, value, said)
            record[name] = made

    def _coerce_items(
        self, name: str, accepted: frozenset[type], types: Sequence[str], lists: Sequence[list[Any]]
    ) -> None:
        self._warn(f"field {name!r} holds a list of other things than {_said(types)}: converted or left out.")
        for each in lists:
            made = (item if type(item) in accepted else coerced(item, types) for item in each)
            each[:] = [item for item in made if item is not None]

    def _coerce_part(
        self,
        name: str,
        part: str,
        accepted: frozenset[type],
        types: Sequence[str],
        records: Sequence[Record],
        *,
        are_listed: bool,
    ) -> None:
        """See that a part of an object, such as a link's name, is what the schema says of it."""
        values: Iterable[Any] = filter(None, map(itemgetter(name), records))
        objects = list(chain.from_iterable(values) if are_listed else values)
        if accepted.issuperset(map(type, map(methodcaller("get", part), objects))):
            return
        for each in objects:
            value = each.get(part)
            if type(value) not in accepted:
                self._tell_converted(f"{name}.{part}", value, _said(types))
                each[part] = coerced(value, types)

    def _tell_converted(self, name: str, value: Any, said: str) -> None:
        self._warn(
            f"field {name!r} came as {type(value).__name__}, though the metadata says {said}: "
            "converted where it can be, else null."
        )

    def _tell_null(self, name: str, record: Record, said: str) -> None:
        """Say with its record what cannot be told as the column's type; of very many the first ones."""
        self._told[name] += 1
        if self._told[name] > MOST_NAMED:
            self._warn(f"field {name!r}: of more records it is no {said}, and null.")
            return
        shown = repr(record[name])
        shown = shown if len(shown) <= MOST_SHOWN else f"{shown[:MOST_SHOWN]}…"
        self._warn(
            f"field {name!r} of record {record.get('id')} holds {shown}, which is no {said}. It is null."
        )


def _is_day(text: str) -> bool:
    """Whether a text is a day such as 2026-05-14.

    >>> _is_day("2026-02-28"), _is_day("2026-02-30"), _is_day("2026-05-14T09:00:00Z"), _is_day("20260514")
    (True, False, False, False)
    """
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _parts_of(
    properties: Mapping[str, Mapping[str, Any]],
) -> Iterable[tuple[str, str, frozenset[type], list[str], bool]]:
    """What is described inside objects and lists of objects: name, part, its types, whether in a list."""
    for name, schema in properties.items():
        inner, are_listed = (schema["items"], True) if "items" in schema else (schema, False)
        if set(_types(inner)) <= {"object", "null"} and set(_types(schema)) <= {"object", "array", "null"}:
            for part, described in inner.get("properties", {}).items():
                yield name, part, _accepted(described), _types(described), are_listed


def _types(schema: Mapping[str, Any]) -> list[str]:
    types = schema.get("type") or list(_PYTHON_TYPES)
    return [types] if isinstance(types, str) else list(types)


def _accepted(schema: Mapping[str, Any]) -> frozenset[type]:
    return frozenset(each for name in _types(schema) for each in _PYTHON_TYPES[name])


def _said(types: Sequence[str]) -> str:
    return "/".join(each for each in types if each != "null")
