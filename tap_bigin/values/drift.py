"""A catalog made earlier, held against what Bigin says now. Pure.

Bigin changes between two runs: fields come, go and change their type. What leaves must fit the SCHEMA
that is sent, so where a catalog's schema cannot hold Bigin's values, Bigin's own is sent.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from bigin_api.errors import SettingsError

JsonSchema = Mapping[str, Any]

_UNIMPORTANT = frozenset(("title", "description", "default", "examples"))


@dataclass(frozen=True)
class Reconciled:
    """The schema to send, and what differs."""

    schema: dict[str, Any]
    changed: tuple[str, ...] = ()  # the catalog's schema cannot hold what Bigin has now
    gone: tuple[str, ...] = ()  # Bigin has them no more: null from now on
    new: tuple[str, ...] = ()  # the catalog does not know them: not selected


def reconcile(ours: JsonSchema, theirs: JsonSchema, *, automatic: Collection[str] = ()) -> Reconciled:
    """The catalog's schema of a stream, mended where Bigin has changed.

    >>> string, number = {"type": ["string", "null"]}, {"type": ["number", "null"]}
    >>> ours = {"properties": {"id": {"type": "string"}, "Score": string, "Mood": string}}
    >>> theirs = {"properties": {"id": {"type": "string"}, "Score": number, "Fax": {"type": "string"}}}
    >>> found = reconcile(ours, theirs)
    >>> found.changed, found.gone, found.new
    (('Score',), ('Fax',), ('Mood',))
    >>> found.schema["properties"]["Score"] == string, found.schema["properties"]["Fax"]["type"]
    (True, ['string', 'null'])
    """
    have, want = ours.get("properties", {}), theirs.get("properties", {})
    changed = [name for name in want if name in have and not holds(want[name], have[name])]
    gone = [name for name in want if name not in have]
    properties = {name: _or_null(schema) if name in gone else schema for name, schema in want.items()}
    properties |= {name: have[name] for name in changed}
    properties |= {name: have[name] for name in automatic if name in have and name not in want}
    new = [name for name in have if name not in properties]
    return Reconciled({**theirs, "properties": properties}, tuple(changed), tuple(gone), tuple(new))


def holds(wider: JsonSchema, schema: JsonSchema) -> bool:
    """Whether every value of a schema fits another one, as far as that can be told.

    >>> holds({"type": ["number", "null"]}, {"type": ["integer", "null"]})
    True
    >>> holds({"type": ["string", "null"]}, {"type": ["string", "null"], "format": "date-time"})
    True
    >>> holds({"type": ["string", "null"], "maxLength": 9}, {"type": ["string", "null"]})
    False
    """
    if not wider.keys() - _UNIMPORTANT:
        return True
    if wider.keys() - schema.keys() - _UNIMPORTANT - {"type"}:
        return False
    types = set(_types(wider)) | ({"integer"} if "number" in _types(wider) else set())
    if not types.issuperset(_types(schema)) or wider.get("format", schema.get("format")) != schema.get(
        "format"
    ):
        return False
    if "items" in wider and not holds(wider["items"], schema["items"]):
        return False
    known = schema.get("properties", {})
    return all(
        name in known and holds(each, known[name]) for name, each in wider.get("properties", {}).items()
    )


def check_catalog(catalog: Any) -> None:
    """See that a catalog has the form that Singer gives it.

    Raises SettingsError that names what is wrong and where.
    """
    if not isinstance(catalog, Mapping) or not isinstance(catalog.get("streams"), list):
        raise SettingsError("catalog: expected an object with a list of streams, as --discover prints it.")
    for number, stream in enumerate(catalog["streams"]):
        where = f"catalog: streams[{number}]"
        if not isinstance(stream, Mapping) or not isinstance(stream.get("tap_stream_id"), str):
            raise SettingsError(f"{where}: has no tap_stream_id.")
        where = f"catalog: {stream['tap_stream_id']}"
        schema = stream.get("schema", {})
        if not isinstance(schema, Mapping) or not isinstance(schema.get("properties", {}), Mapping):
            raise SettingsError(f"{where}: schema is not an object with properties.")
        for entry in _list(stream.get("metadata", []), f"{where}: metadata"):
            well_formed = isinstance(entry, Mapping) and isinstance(entry.get("metadata"), Mapping)
            if not well_formed or not isinstance(entry.get("breadcrumb"), list):
                raise SettingsError(f"{where}: a metadata entry has no breadcrumb and metadata: {entry!r}.")


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise SettingsError(f"{where}: expected a list, got {type(value).__name__}.")
    return value


def _types(schema: JsonSchema) -> list[str]:
    types = schema.get("type", [])
    return [types] if isinstance(types, str) else list(types)


def _or_null(schema: JsonSchema) -> dict[str, Any]:
    types = _types(schema)
    return {**schema, "type": [*types, "null"]} if types and "null" not in types else {**schema}
