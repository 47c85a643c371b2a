"""The JSON schema of a stream: its fields' data types, and which of them can be selected. Pure.

Every property may be null except a stream's keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tap_bigin.values.data_types import STRING, JsonSchema, Treatment, data_type_of

if TYPE_CHECKING:
    from bigin_api.models import Field
    from tap_bigin.settings import Lookups


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
        row = data_type_of(module, each)
        flat = row.treatment == "link" and lookups == "id"
        titled = {"title": each.label} if each.label not in ("", each.api_name) else {}
        properties[each.api_name] = {**(STRING if flat else row.schema), **titled}
        if not row.known:
            unknown[each.api_name] = each.data_type
        if not row.in_lists:
            unsupported.add(each.api_name)
        elif row.treatment != "none":
            treatments[each.api_name] = row.treatment
    return RecordSchema(properties, treatments, frozenset(unsupported), unknown=unknown)
