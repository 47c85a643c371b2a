"""Every data type of Bigin in one table: what its values look like, and what a Bulk Read job gives of them.

A new data type is a row of ``DATA_TYPES``. Believe ``json_type`` and the values more than ``data_type``; a
type that is not known becomes a permissive schema, never an error, and is never guessed out of a CSV.
Source: field-meta, bulk-read/create-job (Bigin v2), answers recorded by published integrations. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal

from bigin_api.json_values import exact_number

if TYPE_CHECKING:
    from bigin_api.models import Field
    from tap_bigin.planning import Kind

JsonSchema = dict[str, Any]
Treatment = Literal["none", "date", "datetime", "link"]
"""``date``: a day that there is. ``datetime``: to UTC. ``link``: an object with id and name, or with
``lookups: id`` its id alone."""


@dataclass(frozen=True)
class DataType:
    """What a value looks like when it leaves the tap, and where it comes from."""

    schema: Mapping[str, Any]
    treatment: Treatment = "none"
    column: Kind | None = None  # how a job's CSV gives it; None: only the list does
    in_lists: bool = True  # False: Bigin gives it only with a record read singly
    known: bool = True  # False: a data type that no source describes


def nullable(*types: str, **more: Any) -> JsonSchema:
    """A schema of one or more JSON types that may also be null.

    >>> nullable("string", format="date")
    {'type': ['string', 'null'], 'format': 'date'}
    """
    return {"type": [*types, "null"], **more}


def objects(**properties: JsonSchema) -> JsonSchema:
    """A schema of an object with these properties, among others that Bigin may add."""
    return nullable("object", properties=properties)


STRING = nullable("string")
ID = nullable("string", description="18 or 19 digits: beyond what a number holds.")
DATETIME = nullable("string", format="date-time")
LINK = objects(id=STRING, name=STRING)
USER = objects(id=STRING, name=STRING, email=STRING)
ANYTHING: JsonSchema = {"type": ["string", "number", "integer", "boolean", "object", "array", "null"]}
LIST_OF_ANYTHING = nullable("array", items=ANYTHING)
TAGS = nullable("array", items=objects(id=STRING, name=STRING, color_code=STRING))

_TEXT = DataType(STRING, column="text")
_INTEGER = DataType(nullable("integer"), column="integer")
_NUMBER = DataType(nullable("number"), column="number")
_BOOLEAN = DataType(nullable("boolean"), column="boolean")
_LINK = DataType(LINK, "link", column="link")
_FILES = DataType(nullable("array", items=nullable("object")))
_ROWS = DataType(LIST_OF_ANYTHING, in_lists=False)

DATA_TYPES: Mapping[str, DataType] = {
    "text": _TEXT,
    "string": _TEXT,  # what formulas call a text
    "textarea": _TEXT,
    "email": _TEXT,
    "phone": _TEXT,
    "website": _TEXT,
    "picklist": _TEXT,
    "autonumber": _TEXT,
    "bigint": _TEXT,
    "profileimage": DataType(STRING),
    "integer": _INTEGER,
    "double": _NUMBER,
    "currency": _NUMBER,
    "percent": _NUMBER,
    "decimal": DataType(nullable("number")),
    "number": DataType(nullable("number")),
    "boolean": _BOOLEAN,
    "date": DataType(nullable("string", format="date"), "date", column="text"),
    "datetime": DataType(DATETIME, "datetime", column="datetime"),
    "lookup": _LINK,
    "userlookup": DataType(USER, "link", column="user"),
    "ownerlookup": DataType(USER, "link", column="owner"),
    "multiselectpicklist": DataType(nullable("array", items=STRING), column="choices"),
    "fileupload": _FILES,
    "imageupload": _FILES,
    "multiselectlookup": _ROWS,
    "subform": _ROWS,
    "RRULE": DataType(nullable("object")),
    "ALARM": DataType(ANYTHING),
    "event_reminder": DataType(ANYTHING),
    "multireminder": DataType(ANYTHING),
}
"""By ``data_type``; a formula and a roll-up summary take the row of their return type."""

COMPUTED = ("formula", "rollup_summary")
"""Types that say nothing of their values: where no return type is given, ``json_type`` tells."""

_BY_JSON_TYPE: Mapping[str, DataType] = {
    "string": _TEXT,
    "integer": _INTEGER,
    "double": _NUMBER,
    "boolean": _BOOLEAN,
    "jsonobject": DataType(objects()),
    "jsonarray": DataType(LIST_OF_ANYTHING),
}

# Metadata that misleads: `Pipeline` says bigint and gives {"id", "name"} (seen live).
_MISLEADING: Mapping[tuple[str, str], DataType] = {("Pipelines", "Pipeline"): _LINK}


def data_type_of(module: str, described: Field) -> DataType:
    """The row of a field, as its values leave.

    >>> from bigin_api.models import Field
    >>> data_type_of("Contacts", Field("Modified_Time", "datetime", "string")).treatment
    'datetime'
    >>> data_type_of("Contacts", Field("Tag", "text", "jsonarray")).schema["type"]
    ['array', 'null']
    >>> data_type_of("Contacts", Field("Mood", "hologram", "jsonobject")).known
    False
    """
    if described.api_name == "Tag":
        return DataType(TAGS)
    if misleading := _MISLEADING.get((module, described.api_name)):
        return misleading
    row = _row(described.formula_return_type or described.data_type)
    if row is None and described.data_type in COMPUTED and not described.formula_return_type:
        row = _BY_JSON_TYPE.get(described.json_type or "")
    if row is None:
        return DataType(_at_least(described), known=False)
    return _corrected(row, described)


def _row(data_type: str) -> DataType | None:
    return DATA_TYPES.get(data_type) or DATA_TYPES.get(data_type.lower())


def _at_least(described: Field) -> Mapping[str, Any]:
    """For a data type nobody described: the scalar that ``json_type`` names, else anything.

    Loaders keep anything in a column of JSON, and some of them stumble over a bare string in it.
    """
    said = _BY_JSON_TYPE.get(described.json_type or "")
    return ANYTHING if said is None or {"object", "array"} & set(said.schema["type"]) else said.schema


def _corrected(row: DataType, described: Field) -> DataType:
    """The table's row, unless ``json_type`` contradicts it or tells more."""
    said = _BY_JSON_TYPE.get(described.json_type or "")
    if row.schema is ANYTHING and said is not None:
        # The reminder of an event is a moment, that of a task an object (seen in samples).
        return DataType(said.schema, "datetime" if described.json_type == "string" else "none")
    if said is None or described.formula_return_type or _agree(row.schema, said.schema):
        return row
    if described.data_type == "bigint" and described.json_type == "jsonobject":
        return _LINK
    return said


def _agree(ours: Mapping[str, Any], said: Mapping[str, Any]) -> bool:
    types = set(ours["type"])
    return bool(types & (set(said["type"]) - {"null"})) or "number" in types


# What a job's CSV gives

SEPARATOR_OF_CHOICES = ";"

BOOLEANS: Mapping[str, bool] = {"true": True, "false": False, "": False}  # an untouched one reads false
TRUTHS: Mapping[str, bool | None] = {"true": True, "false": False, "": None}


def column_kind(field: Field) -> Kind | None:
    """How the CSV's text of a field is read; None for what only the list gives.

    >>> from bigin_api.models import Field
    >>> column_kind(Field("Seats", "integer", "integer")), column_kind(Field("Tag", "text", "jsonarray"))
    ('integer', None)
    """
    if field.api_name == "Modified_Time":
        return "datetime"  # whatever is told of it: without it no row can be compared
    if field.data_type == "formula":
        return _FORMULAS.get(_column(field.formula_return_type or ""))
    if field.data_type == "bigint" and field.json_type == "jsonobject":
        return "layout"  # `Pipeline` of Pipelines: the metadata says bigint, the value is a link
    kind, row = _column(field.data_type), _row(field.data_type)
    if row is None or (field.json_type and not _is_column_of(row, field.json_type)):
        return None
    choices = [each.actual_value for each in field.pick_list_values]
    if kind == "choices" and (not choices or any(SEPARATOR_OF_CHOICES in each for each in choices)):
        return None  # where one choice ends nobody knows
    return kind


_FORMULAS: Mapping[Kind | None, Kind] = {
    "text": "text",
    "datetime": "datetime",
    "integer": "integer",
    "number": "number",
    "boolean": "truth",
}
"""What a formula returns, as a column gives it."""


def _column(data_type: str) -> Kind | None:
    row = _row(data_type)
    return row.column if row else None


def _is_column_of(row: DataType, json_type: str) -> bool:
    """Whether values of a JSON type are what the row's column gives."""
    said = _BY_JSON_TYPE.get(json_type)
    types = {*row.schema["type"], *(("integer",) if "number" in row.schema["type"] else ())}
    return said is not None and said.schema["type"][0] in types


def _whole(text: str) -> int:
    if "_" in text or not text.isascii():  # which int() takes
        raise ValueError(f"{text!r} is no number")
    return int(text)


def _number(text: str) -> float | Decimal:
    """With every digit, whichever way the list would give it."""
    try:
        return _whole(text)
    except ValueError:
        if "_" in text or not text.isascii():
            raise
        number = exact_number(text)
        if not isfinite(number):
            raise ValueError(f"{text!r} is no number") from None
        return number


READERS: Mapping[Kind, Callable[[Sequence[str]], Iterable[Any]]] = {
    "text": lambda texts: [text or None for text in texts],
    "datetime": lambda texts: [text or None for text in texts],  # in the user's offset, as in the list
    "id": lambda texts: [text or None for text in texts],
    "integer": lambda texts: [_whole(text) if text else None for text in texts],
    "number": lambda texts: [_number(text) if text else None for text in texts],
    "boolean": lambda texts: [BOOLEANS[text.lower()] for text in texts],
    "truth": lambda texts: [TRUTHS[text.lower()] for text in texts],
}
"""The texts of a column as the list's values, by kind; links take their names from elsewhere.

Each raises ValueError or KeyError for a text that is no value of its kind.
"""
