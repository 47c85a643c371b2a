"""Unique values, and which record an upsert means. Source: FACTS 5 (unique out of the box, upsert).

Values are compared without case and outer blanks; what lies in the recycle bin neither matches nor blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bigin_sandbox.rules.values.values import is_empty
from bigin_sandbox.rules.writing.refused import RecordRefused, several

if TYPE_CHECKING:
    from bigin_sandbox.storage.store import Record, Store

SYSTEM_CHECK_FIELDS = {
    "Contacts": "Email",
    "Accounts": "Account_Name",
    "Products": "Product_Name",
    "Pipelines": "Deal_Name",  # though deals of one name may be inserted freely
}
CUSTOM_CHECK_FIELD = "Name"  # of custom modules: write.md 5


@dataclass(frozen=True)
class Match:
    """The record that an upsert will update, and the field that told."""

    record_id: str
    field: str


def check_order(system: str | None, user_defined: Sequence[str], named: Sequence[str] | None) -> list[str]:
    """The fields to look in, in order: the list orders, it does not restrict (write.md 5, the table).

    >>> check_order("Email", ["u1", "u2"], None)
    ['Email', 'u1', 'u2']
    >>> check_order("Email", ["u1", "u2"], ["u2"])
    ['u2', 'u1']
    >>> check_order("Email", ["u1", "u2"], ["Last_Name"])
    ['u1', 'u2']
    """
    known = [*([system] if system else []), *user_defined]
    if not named:
        return known
    first = [name for name in dict.fromkeys(named) if name in known]
    return [*first, *(name for name in user_defined if name not in first)]


def match(
    store: Store, module: str, values: Record, *, named: Sequence[str] | None, path: str
) -> Match | None:
    """The one record that an upsert of these values means; the first field that finds any decides.

    Raises RecordRefused DUPLICATE_DATA where several records hold the value.
    """
    system = _system_check_field(store, module)
    user_defined = [name for name in store.unique_fields(module) if name != system]
    for name in check_order(system, user_defined, named):
        if is_empty(values.get(name)):
            continue
        found = store.find(module, name, values[name])
        if len(found) > 1:
            raise duplicate_data(store, module, name, found, path=path)
        if found:
            return Match(found[0], name)
    return None


def _system_check_field(store: Store, module: str) -> str | None:
    described = store.module(module)
    if described and described["generated_type"] == "custom":
        return CUSTOM_CHECK_FIELD
    return SYSTEM_CHECK_FIELDS.get(module)


def check_unique(
    store: Store, module: str, values: Record, *, path: str, record_id: str | None = None
) -> None:
    """Refuse values that another record holds in a unique field; `record_id` is the record's own."""
    refusals = []
    for name in store.unique_fields(module):
        value: Any = values.get(name)
        others = [] if is_empty(value) else [i for i in store.find(module, name, value) if i != record_id]
        if others:
            refusals.append(duplicate_data(store, module, name, others, path=path))
    if refusals:
        raise several(refusals)


def duplicate_data(store: Store, module: str, name: str, holders: list[str], *, path: str) -> RecordRefused:
    """DUPLICATE_DATA, with the existing id in two places (write.md 2)."""
    record = store.get(module, holders[0]) or {}
    described = store.module(module) or {}
    owner = store.user(record["Owner"]["id"]) or {}
    return RecordRefused(
        "DUPLICATE_DATA",
        "duplicate data",
        api_name=name,
        json_path=f"{path}.{name}",
        id=holders[0],
        more_records=len(holders) > 1,
        duplicate_record={
            "id": holders[0],
            "module": {"api_name": module, "id": described.get("id")},
            "Owner": {"name": owner.get("full_name"), "id": owner.get("id"), "zuid": owner.get("zuid")},
        },
    )
