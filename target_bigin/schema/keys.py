"""Which fields identify a record here, and whether Bigin keeps them unique. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from bigin_api.errors import SettingsError, did_you_mean
from bigin_api.models import Field
from target_bigin.settings import StreamSettings

CHECK_FIELDS: Mapping[str, str] = {
    "Contacts": "Email",
    "Accounts": "Account_Name",
    "Products": "Product_Name",
    "Pipelines": "Deal_Name",
}
"""The field that Bigin itself checks on upsert. Source: FACTS 5; Tasks, Events and Calls have none."""

ALSO_UNIQUE = frozenset(("Contacts", "Accounts", "Products"))  # Deal_Name may repeat

UNSEARCHABLE_TYPES = frozenset(
    ("textarea", "subform", "multiselectlookup", "multiselectpicklist", "fileupload", "imageupload")
)
"""What COQL neither selects nor filters, so no record can be found by it."""

Way = Literal["check", "find", "id", "map", "none"]


@dataclass(frozen=True)
class KeyPlan:
    """How a stream's records are recognised in Bigin.

    ``check``: Bigin matches ``fields`` itself (upsert). ``find``: the target finds the id by ``fields``
    first. ``id``: by the id in the record alone. ``map``: by the id map alone, else it is inserted.
    ``none``: not at all (insert). ``all_of``: a record is meant only if all ``fields`` are equal, else if
    the first one is that finds any. With ``has_map`` the id map is asked before ``fields``.
    ``unique`` are the fields that Bigin keeps unique: the values of which no two records in flight share.
    """

    way: Way
    fields: tuple[str, ...] = ()
    unique: tuple[str, ...] = ()
    has_map: bool = False
    all_of: bool = False


def plan_key(
    module: str,
    fields: Mapping[str, Field],
    settings: StreamSettings,
    *,
    key_fields: Sequence[str],
    has_id: bool,
    has_map: bool,
) -> KeyPlan:
    """How to recognise the records of a stream.

    ``key_fields``: the stream's key properties as fields, [] unless each of them is a field.
    ``has_id``: whether its records carry Bigin's ids. ``has_map``: whether an id map that outlives the
    run knows which record each became. Raises SettingsError, with an explanation, for a key by which
    Bigin would insert twins without an error.
    """
    unique = unique_fields(module, fields)
    if settings.operation == "insert":
        return KeyPlan("none", unique=unique)
    if settings.external_key:
        return replace(_by_external_key(module, fields, settings, unique), has_map=has_map)
    named = [
        _existing(module, fields, name, "duplicate_check_fields").api_name
        for name in settings.duplicate_check_fields
    ]
    chosen = named or list(key_fields) or own_key(module, fields)
    if not chosen:
        if not (has_map or has_id):
            raise SettingsError(
                f"{module} has no field that Bigin keeps unique, so {settings.operation} cannot recognise "
                "its records. Set external_key to the field that identifies them, or operation to insert."
            )
        return KeyPlan("map" if has_map else "id", has_map=has_map)
    # Singer's key properties identify a record together; Bigin's check fields are alternatives.
    all_of = not named and len(key_fields) > 1
    if settings.operation == "upsert":
        _require_unique(module, fields, chosen, unique)
        if not all_of:
            return KeyPlan("check", tuple(chosen), unique, has_map)
    for name in chosen:
        _require_searchable(module, fields[name])
    return KeyPlan("find", tuple(chosen), unique, has_map, all_of)


def unique_fields(module: str, fields: Mapping[str, Field]) -> tuple[str, ...]:
    """The fields whose values Bigin keeps unique in this organisation, the system's first."""
    own = CHECK_FIELDS.get(module)
    system = (own,) if own in fields and module in ALSO_UNIQUE else ()
    return (*system, *(name for name, field in fields.items() if field.is_unique and name not in system))


def own_key(module: str, fields: Mapping[str, Field]) -> list[str]:
    """The module's own check field, else those that this organisation made unique."""
    own = CHECK_FIELDS.get(module)
    if own and own in fields:
        return [own]
    return [name for name, field in fields.items() if field.is_unique]


def _by_external_key(
    module: str, fields: Mapping[str, Field], settings: StreamSettings, unique: Sequence[str]
) -> KeyPlan:
    field = _existing(module, fields, str(settings.external_key), "external_key")
    if settings.operation == "upsert" and field.api_name in unique:
        return KeyPlan("check", (field.api_name,), tuple(unique))
    _require_searchable(module, field)
    return KeyPlan("find", (field.api_name,), tuple(unique))


def _existing(module: str, fields: Mapping[str, Field], name: str, setting: str) -> Field:
    if name in fields:
        return fields[name]
    raise SettingsError(
        f"{setting}: {module} has no field {name!r}{did_you_mean(name, fields, otherwise='.')}"
    )


def _require_unique(
    module: str, fields: Mapping[str, Field], chosen: Sequence[str], unique: Sequence[str]
) -> None:
    allowed = dict.fromkeys((*unique, *([own] if (own := CHECK_FIELDS.get(module)) in fields else ())))
    for name in chosen:
        if name not in allowed:
            raise SettingsError(
                f"{module}.{name} cannot identify records: it is neither {module}'s own check field nor "
                "unique in this organisation, so Bigin would insert a second record without an error. "
                f"Set duplicate_check_fields to {' or '.join(allowed) or 'a field that is unique'}, "
                f"make {name} unique in Bigin (Do not allow duplicate values), or set external_key to let "
                "the target find records by it."
            )


def _require_searchable(module: str, field: Field) -> None:
    if field.data_type in UNSEARCHABLE_TYPES or field.json_type in ("jsonarray", "jsonobject"):
        raise SettingsError(
            f"{module}.{field.api_name} ({field.data_type}) cannot identify records: Bigin cannot be asked "
            "for records by such a field."
        )
