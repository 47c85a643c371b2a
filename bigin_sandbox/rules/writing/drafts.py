"""A record on its way into the organisation, and which of its fields take a value. Source: FACTS 3."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bigin_sandbox.rules.access.permissions import field_permission

if TYPE_CHECKING:
    from bigin_sandbox.storage.store import Record, Store

COMPUTED_TYPES = frozenset({"formula", "autonumber", "rollup_summary", "profileimage"})
ALWAYS_WRITABLE = frozenset({"Owner", "Tag"})  # whatever their metadata say: FACTS 3


@dataclass(frozen=True)
class Draft:
    """What was sent, to which module, by whom, and what was there before."""

    store: Store
    module: str
    user: Record
    sent: Record
    path: str  # "$.data[0]"
    existing: Record = field(default_factory=dict)  # empty on insert

    @property
    def is_insert(self) -> bool:
        """Whether the record is new."""
        return not self.existing

    def path_of(self, api_name: str) -> str:
        """Where a field stands in what was sent."""
        return f"{self.path}.{api_name}"


def is_writable(known: Record, user: Record, *, on_insert: bool) -> bool:
    """Whether a field takes a value from this user. Source: FACTS 3, "Writable"."""
    if known["data_type"] in COMPUTED_TYPES or field_permission(known, user) != "read_write":
        return False
    if known["api_name"] in ALWAYS_WRITABLE:
        return True
    return bool(known["view_type"]["create" if on_insert else "edit"]) and not known["field_read_only"]


def is_locked(record: Record) -> bool:
    """Whether a record takes no change for now; people lock it, the API cannot. write.md 2."""
    return record.get("Locked__s") is True
