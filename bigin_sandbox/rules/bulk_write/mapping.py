"""The body of a Bulk Write job: into which fields its columns go, and whether they may.

Keys and field names are checked when the job is made, the file's content when it runs. Source: FACTS 5,
create-job (Bigin v2; codes from Zoho CRM), write.md 10.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bigin_sandbox.http.answers import Refusal, limit_exceeded, no_permission
from bigin_sandbox.rules.access.permissions import is_open_to
from bigin_sandbox.rules.bulk_write.cells import strptime_format
from bigin_sandbox.rules.writing.duplicates import SYSTEM_CHECK_FIELDS
from bigin_sandbox.storage.metadata import Item, Metadata

if TYPE_CHECKING:
    from bigin_sandbox.http.calls import ApiCall

MODULES = ("Contacts", "Accounts", "Pipelines", "Products")
OPERATIONS = ("insert", "update", "upsert")
_NOT_MAPPABLE = frozenset(
    {"fileupload", "imageupload", "profileimage", "subform", "multiselectlookup", "formula", "autonumber"}
)
_USERS = frozenset({"ownerlookup", "userlookup"})


@dataclass(frozen=True)
class Mapping:
    """One field and where its value comes from."""

    api_name: str
    index: int | None  # None: only the default
    find_by: str | None = None  # of a lookup: `id`, a unique field or the name field of its module
    pattern: str | None = None  # of a date
    default: Any = None


@dataclass(frozen=True)
class WriteQuery:
    """A job that may be made."""

    operation: str
    module: str
    file_id: str
    find_by: str | None
    ignore_empty: bool
    encoding: str
    mappings: tuple[Mapping, ...] | None  # None: by the header


def check_write_query(body: dict[str, Any], call: ApiCall) -> WriteQuery:
    """The job that a body asks for. Raises Refusal."""
    operation = _required(body, "operation")
    if operation not in OPERATIONS:
        raise _refuse("INVALID_DATA", "invalid operation", api_name="operation", supported_values=OPERATIONS)
    resource = _resource(body)
    module = _module(_required(resource, "module"), operation, call)
    find_by = _find_by(resource.get("find_by"), operation, call.store, module)
    given = resource.get("field_mappings")
    mappings = check_mappings(given, call.store, module) if given else None
    if mappings is not None:
        check_covered(mappings, find_by, operation, call.store, module)
    ignore_empty = body.get("ignore_empty", resource.get("ignore_empty", False)) is True
    file_id = str(_required(resource, "file_id"))
    return WriteQuery(operation, module, file_id, find_by, ignore_empty, _encoding(body), mappings)


def check_mappings(given: Any, metadata: Metadata, module: str) -> tuple[Mapping, ...]:
    """Where each field's value comes from."""
    if not isinstance(given, list) or not all(isinstance(entry, dict) for entry in given):
        raise _refuse(
            "INVALID_DATA", "invalid data", api_name="field_mappings", expected_data_type="jsonarray"
        )
    mappings = tuple(_mapping(entry, metadata, module) for entry in given)
    names = [mapping.api_name for mapping in mappings]
    repeated = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if repeated is not None:
        raise _refuse("COEXISTENCE_NOT_ALLOWED", f"{repeated} is mapped twice", api_name=repeated)
    return mappings


def header_mappings(header: Sequence[str], metadata: Metadata, module: str) -> tuple[Mapping, ...]:
    """What a header of api_names says by itself; lookups as `Account_Name.id`."""
    parts = [name.partition(".") for name in header]
    entries = [
        {"api_name": name, "index": index, **({"find_by": key} if key else {})}
        for index, (name, _, key) in enumerate(parts)
    ]
    return check_mappings(entries, metadata, module)


def _mapping(entry: dict[str, Any], metadata: Metadata, module: str) -> Mapping:
    api_name, index, default = _required(entry, "api_name"), entry.get("index"), _default(entry)
    if index is None and default is None:
        message = f"required key index for field {api_name} is not found in request body."
        raise _refuse("MISSING_REQUIRED_KEY", message, api_name=api_name, key="index")
    if index is not None and (not isinstance(index, int) or isinstance(index, bool) or index < 0):
        raise _refuse("INVALID_DATA", "invalid data", api_name="index", expected_data_type="integer")
    if api_name in {"id", "Layout"}:
        return Mapping(api_name, index, default=default)
    field = metadata.field(module, str(api_name))
    if field is None:
        raise _refuse(
            "INVALID_FIELD_NAME", f"invalid mapping. invalid api_name {api_name}.", api_name=api_name
        )
    if field["data_type"] in _NOT_MAPPABLE or _is_other_array(field):
        raise _refuse("INVALID_FIELD", f"invalid mapping. {api_name} is not supported.", api_name=api_name)
    find_by = _lookup_key(entry.get("find_by"), field, metadata)
    return Mapping(str(api_name), index, find_by, _pattern(entry.get("format"), field), default)


def _is_other_array(field: Item) -> bool:
    """Of arrays only those of a pick list fit into a cell; Tag says text and is one, too: FACTS 3."""
    return bool(field["json_type"] == "jsonarray" and field["data_type"] != "multiselectpicklist")


def _default(entry: dict[str, Any]) -> Any:
    default = entry.get("default_value")
    return default.get("value") if isinstance(default, dict) else None


def _pattern(given: Any, field: Item) -> str | None:
    if given is None:
        return None
    try:
        strptime_format(given)
    except (ValueError, TypeError):
        raise _refuse("INVALID_FORMAT", "invalid format", api_name=field["api_name"], format=given) from None
    if field["data_type"] not in {"date", "datetime"}:
        raise _refuse("INVALID_FORMAT", "only dates have a format", api_name=field["api_name"])
    return str(given)


def _lookup_key(given: Any, field: Item, metadata: Metadata) -> str | None:
    """By what a lookup's cells are found; a team pipeline and a user by id alone."""
    data_type = field["data_type"]
    if data_type != "lookup" and data_type not in _USERS:
        return None
    if given is None:
        raise _find_by_missing(api_name=field["api_name"])
    target = ((field["lookup"] or {}).get("module") or {}).get("api_name")
    keys = {"id"}
    if target and data_type == "lookup":
        keys |= {metadata.display_field(target), *metadata.unique_fields(target)}
    if given not in keys:
        raise _refuse("INVALID_FIELD", "invalid find_by", api_name=field["api_name"], find_by=given)
    return str(given)


def _find_by(given: Any, operation: str, metadata: Metadata, module: str) -> str | None:
    if given is None:
        if operation != "insert":
            raise _find_by_missing()
        return None
    keys = {"id", SYSTEM_CHECK_FIELDS[module], *metadata.unique_fields(module)}
    if given not in keys:
        raise _refuse("INVALID_FIELD", "find_by is no unique field", find_by=given)
    return str(given)


def check_covered(
    mappings: Sequence[Mapping], find_by: str | None, operation: str, metadata: Metadata, module: str
) -> None:
    """The key is mapped, and so is what every new record must have."""
    mapped = {mapping.api_name for mapping in mappings}
    needed = {find_by} if find_by else set()
    if operation != "update":
        needed |= {field["api_name"] for field in metadata.fields(module) if field["system_mandatory"]}
    missing = sorted(needed - mapped)
    if missing:
        message = "All mandatory fields are not mapped for the layout"
        raise _refuse("MANDATORY_FIELDS_NOT_MAPPED", message, fields=missing)


def _resource(body: dict[str, Any]) -> dict[str, Any]:
    resources = _required(body, "resource")
    if not isinstance(resources, list) or not resources or not isinstance(resources[0], dict):
        raise _refuse("INVALID_DATA", "invalid data", api_name="resource", expected_data_type="jsonarray")
    if len(resources) > 1:
        raise limit_exceeded("only one file is allowed", api_name="resource", maximum_length=1)
    if _required(resources[0], "type") != "data":
        raise _refuse("INVALID_DATA", "invalid data", api_name="type", supported_values=["data"])
    return resources[0]


def _module(given: Any, operation: str, call: ApiCall) -> str:
    api_name = given.get("api_name") if isinstance(given, dict) else given
    module = call.store.module(str(api_name))
    if module is None or api_name not in MODULES:
        message = f"Requested module '{api_name}' is not available."
        raise _refuse("MODULE_NOT_AVAILABLE", message, module=api_name)
    if not is_open_to(module, call.user):
        action = "Edit" if operation == "update" else "Create"
        raise no_permission(f"Crm_Implied_{action}_{api_name}")
    return str(api_name)


def _encoding(body: dict[str, Any]) -> str:
    given = body.get("character_encoding", "UTF-8")
    try:
        codecs.lookup(given)
    except (LookupError, TypeError):
        raise _refuse("INVALID_FORMAT", "invalid character encoding", character_encoding=given) from None
    return str(given)


def _required(where: dict[str, Any], key: str) -> Any:
    if where.get(key) in (None, "", []):
        message = f"required key {key} is not found in request body."
        raise _refuse("MISSING_REQUIRED_KEY", message, key=key)
    return where[key]


def _find_by_missing(**details: Any) -> Refusal:
    return _refuse("MANDATORY_NOT_FOUND", "Required key find_by is not available", **details)


def _refuse(code: str, message: str, **details: Any) -> Refusal:
    return Refusal(400, code, message, details)
