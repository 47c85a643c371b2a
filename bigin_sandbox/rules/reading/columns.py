"""A dotted name -> where its value lies: `Account_Name.Phone` is the Phone of the linked company.

COQL, Bulk Read and search criteria name their columns so. Source: FACTS 4 (2 joins), read.md 7, 8.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bigin_sandbox.rules.access.permissions import field_permission
from bigin_sandbox.storage.metadata import USER_TYPES, Item, Metadata

MAX_JOINS = 2  # coql-overview, bulk-read create-job
USERS = "Users"  # where a join through Owner leads
USER_COLUMNS = frozenset({"first_name", "last_name", "email"})

_KINDS = {
    "text": ("text", "email", "phone", "website", "picklist", "autonumber"),
    "number": ("integer", "double", "currency", "percent", "bigint"),
    "date": ("date",),
    "datetime": ("datetime",),
    "boolean": ("boolean",),
    "lookup": ("lookup", "ownerlookup", "userlookup"),
    "multi": ("multiselectpicklist",),
    "long text": ("textarea",),
    "image": ("profileimage",),
}
KIND_OF = {data_type: kind for kind, data_types in _KINDS.items() for data_type in data_types}


@dataclass(frozen=True)
class Column:
    """One value of a record, or of a record that it is linked to."""

    path: str  # as asked for: "Account_Name.Phone"
    joins: tuple[str, ...]  # the lookups on the way: ("Account_Name",)
    module: str  # where the field is; USERS behind an owner
    name: str  # its api_name there
    kind: str  # what it compares as: a key of _KINDS, "id" or "other"
    data_type: str
    is_formula: bool = False


class UnknownColumn(Exception):  # noqa: N818 - what a caller wrote, not a failure of the sandbox
    """A part of a dotted name that its module does not have."""

    def __init__(self, name: str, module: str) -> None:
        super().__init__(f"{module} has no {name}")
        self.name = name
        self.module = module


def find_column(metadata: Metadata, module: str, path: str, user: dict[str, Any]) -> Column:
    """The column of a dotted name, as a user sees the organisation.

    Raises UnknownColumn for a field that is not there or hidden from the user, and for a join through
    what is no lookup.
    """
    *lookups, name = path.split(".")
    here = module
    for lookup in lookups:
        field = _visible_field(metadata, here, lookup, user)
        target = join_target(field) if field else None
        if target is None:
            raise UnknownColumn(path, module)
        here = target
    kind, data_type = _types(metadata, here, name, user)
    if not kind:
        raise UnknownColumn(path, module)
    is_formula = data_type == "formula"
    return Column(path, tuple(lookups), here, name, kind, data_type, is_formula)


def joins_of(columns: Iterable[Column]) -> set[tuple[str, ...]]:
    """The different joins that some columns need: `a.b.c` needs `a` and `a.b`."""
    return {column.joins[:depth] for column in columns for depth in range(1, len(column.joins) + 1)}


def _visible_field(metadata: Metadata, module: str, name: str, user: dict[str, Any]) -> Item | None:
    field = metadata.field(module, name)
    return field if field and field_permission(field, user) != "hidden" else None


def join_target(field: Item) -> str | None:
    """The module that a lookup leads to."""
    if field["data_type"] in USER_TYPES:
        return USERS
    if field["data_type"] != "lookup":
        return None
    module = (field["lookup"] or {}).get("module") or {}
    return module.get("api_name")


def _types(metadata: Metadata, module: str, name: str, user: dict[str, Any]) -> tuple[str, str]:
    """Kind and data type; two empty texts where there is no such field."""
    if name == "id":
        return "id", "bigint"
    if module == USERS:
        return ("text", "text") if name in USER_COLUMNS else ("", "")
    field = _visible_field(metadata, module, name, user)
    return (_kind_of(field), field["data_type"]) if field else ("", "")


def _kind_of(field: Item) -> str:
    data_type, json_type = field["data_type"], field["json_type"]
    if data_type == "formula":
        data_type = (field["formula"] or {}).get("return_type")
    if data_type == "bigint" and json_type == "jsonobject":  # Pipeline says bigint and is a link: FACTS 3
        return "lookup"
    if data_type == "text" and json_type == "jsonarray":  # Tag says text and is an array: FACTS 3
        return "other"
    return KIND_OF.get(data_type, "other")
