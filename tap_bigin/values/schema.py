"""``Field`` → what its values look like when they leave: JSON schema and treatment, one table. Pure.

Every property may be null except a stream's keys. Believe ``json_type`` and the values more than
``data_type``; a type that is not known becomes a permissive schema, never an error.
Source: field-meta (Bigin v2), answers recorded by published integrations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from bigin_api.models import Field
    from tap_bigin.settings import Lookups

JsonSchema = dict[str, Any]
Treatment = Literal["none", "datetime", "link"]
"""``datetime``: to UTC. ``link``: an object with id and name, or with ``lookups: id`` its id alone."""


@dataclass(frozen=True)
class Shape:
    """What a value looks like when it leaves the tap."""

    schema: Mapping[str, Any]
    treatment: Treatment = "none"
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

_TEXT = Shape(STRING)
_NUMBER = Shape(nullable("number"))
_LINK = Shape(LINK, "link")
_USER = Shape(USER, "link")

SHAPES: Mapping[str, Shape] = {
    **dict.fromkeys(
        (
            *("text", "string", "textarea", "email", "phone", "website", "picklist"),
            *("bigint", "autonumber", "profileimage"),
        ),
        _TEXT,
    ),
    "integer": Shape(nullable("integer")),
    **dict.fromkeys(("double", "currency", "percent", "decimal", "number"), _NUMBER),
    "boolean": Shape(nullable("boolean")),
    "date": Shape(nullable("string", format="date")),
    "datetime": Shape(DATETIME, "datetime"),
    "lookup": _LINK,
    **dict.fromkeys(("ownerlookup", "userlookup"), _USER),
    "multiselectpicklist": Shape(nullable("array", items=STRING)),
    **dict.fromkeys(("fileupload", "imageupload"), Shape(nullable("array", items=nullable("object")))),
    **dict.fromkeys(("multiselectlookup", "subform"), Shape(LIST_OF_ANYTHING, in_lists=False)),
    "RRULE": Shape(nullable("object")),
    "ALARM": Shape(ANYTHING),
    **dict.fromkeys(("event_reminder", "multireminder"), Shape(ANYTHING)),
}
"""By ``data_type``; a formula and a roll-up summary take the row of their return type."""

COMPUTED = ("formula", "rollup_summary")
"""Types that say nothing of their values: where no return type is given, ``json_type`` tells."""

_BY_JSON_TYPE: Mapping[str, Shape] = {
    "string": _TEXT,
    "integer": Shape(nullable("integer")),
    "double": _NUMBER,
    "boolean": Shape(nullable("boolean")),
    "jsonobject": Shape(objects()),
    "jsonarray": Shape(LIST_OF_ANYTHING),
}

# Metadata that misleads: `Pipeline` says bigint and gives {"id", "name"} (seen live).
_MISLEADING: Mapping[tuple[str, str], Shape] = {("Pipelines", "Pipeline"): _LINK}


def shape_of(module: str, described: Field) -> Shape:
    """What the values of a field look like.

    >>> from bigin_api.models import Field
    >>> shape_of("Contacts", Field("Modified_Time", "datetime", "string")).treatment
    'datetime'
    >>> shape_of("Contacts", Field("Tag", "text", "jsonarray")).schema["type"]
    ['array', 'null']
    >>> shape_of("Contacts", Field("Mood", "hologram", "jsonobject")).known
    False
    """
    if misleading := _MISLEADING.get((module, described.api_name)):
        return misleading
    data_type = described.formula_return_type or described.data_type
    shape = SHAPES.get(data_type) or SHAPES.get(data_type.lower())
    if shape is None and data_type in COMPUTED:
        shape = _BY_JSON_TYPE.get(described.json_type or "")
    if shape is None:
        return Shape(_at_least(described), known=False)
    return _corrected(shape, described)


def _at_least(described: Field) -> Mapping[str, Any]:
    """For a data type nobody described: the scalar that ``json_type`` names, else anything.

    Loaders keep anything in a column of JSON, and some of them stumble over a bare string in it.
    """
    said = _BY_JSON_TYPE.get(described.json_type or "")
    return ANYTHING if said is None or {"object", "array"} & set(said.schema["type"]) else said.schema


def _corrected(shape: Shape, described: Field) -> Shape:
    """The table's shape, unless ``json_type`` contradicts it or tells more."""
    if described.api_name == "Tag":
        return Shape(TAGS)
    said = _BY_JSON_TYPE.get(described.json_type or "")
    if shape.schema is ANYTHING and said is not None:
        # The reminder of an event is a moment, that of a task an object (seen in samples).
        return Shape(said.schema, "datetime" if described.json_type == "string" else "none")
    if said is None or described.formula_return_type or _agree(shape.schema, said.schema):
        return shape
    if described.data_type == "bigint" and described.json_type == "jsonobject":
        return _LINK
    return said


def _agree(ours: Mapping[str, Any], said: Mapping[str, Any]) -> bool:
    types = set(ours["type"])
    return bool(types & (set(said["type"]) - {"null"})) or "number" in types


@dataclass(frozen=True)
class RecordSchema:
    """The JSON schema of a stream, and what its records need before they leave."""

    properties: Mapping[str, JsonSchema]
    treatments: Mapping[str, Treatment] = field(default_factory=dict)
    unsupported: frozenset[str] = frozenset()  # shown in the catalog, never selected
    automatic: frozenset[str] = frozenset()  # always selected, beside the keys
    unknown: Mapping[str, str] = field(default_factory=dict)  # properties of a data type nobody described

    def to_json(self) -> JsonSchema:
        """The schema as a catalog and a SCHEMA message carry it."""
        return {"type": "object", "properties": {name: dict(each) for name, each in self.properties.items()}}


def record_schema(module: str, fields: Sequence[Field], *, lookups: Lookups = "object") -> RecordSchema:
    """The schema of a module's records: ``id`` and the fields under their api_names.

    >>> from bigin_api.models import Field
    >>> company = Field("Account_Name", "lookup", "jsonobject")
    >>> record_schema("Contacts", [company], lookups="id").properties["Account_Name"]["type"]
    ['string', 'null']
    """
    properties: dict[str, JsonSchema] = {"id": {"type": "string"}}
    treatments: dict[str, Treatment] = {}
    unsupported: set[str] = set()
    unknown: dict[str, str] = {}
    for each in fields:
        shape = shape_of(module, each)
        flat = shape.treatment == "link" and lookups == "id"
        properties[each.api_name] = {**(STRING if flat else shape.schema), **_described(each)}
        if not shape.known:
            unknown[each.api_name] = each.data_type
        if not shape.in_lists:
            unsupported.add(each.api_name)
        elif shape.treatment != "none":
            treatments[each.api_name] = shape.treatment
    return RecordSchema(properties, treatments, frozenset(unsupported), unknown=unknown)


def _described(described: Field) -> JsonSchema:
    label = described.label
    return {"title": label} if label and label != described.api_name else {}
