"""What one entry of Bigin's answer means for its record. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import TypeVar

from bigin_api import WriteResult
from bigin_api.errors import InvalidRequest, Refused
from target_bigin.records.record import Action, Reject
from target_bigin.settings import Operation

K = TypeVar("K", bound=Hashable)

RETRIABLE = frozenset(
    ("INTERNAL_ERROR", "INTERNAL_SERVER_ERROR", "TOO_MANY_REQUESTS", "RECORD_LOCKED", "RECORD_IN_PROCESS")
)
"""Per-record codes that may pass by themselves. Source: FACTS 5."""

MAY_HAVE_HAPPENED = frozenset(("INTERNAL_ERROR", "INTERNAL_SERVER_ERROR"))

ACTIONS: Mapping[Operation, Action] = {"insert": "inserted", "update": "updated", "delete": "deleted"}

_SEVERAL = "MULTIPLE_OR_MULTI_ERRORS"
_ADDED = "record added"


def action_of(operation: Operation, result: WriteResult) -> Action:
    """How a record ended that Bigin took. An upsert says itself what it did."""
    if operation != "upsert":
        return ACTIONS[operation]
    if result.action is None:
        return "inserted" if result.message == _ADDED else "updated"
    return "inserted" if result.action == "insert" else "updated"


def refusal(operation: Operation, result: WriteResult) -> Reject:
    """Why Bigin did not take a record, as a line a person can act on.

    An id that Bigin does not know is ``unmatched``: the record that was meant is not there.
    """
    details, code = result.details, result.code or "UNKNOWN"
    errors = details.get("errors") if code == _SEVERAL else None
    if isinstance(errors, list) and errors:
        each = [WriteResult.from_json(error) for error in errors if isinstance(error, Mapping)]
        said = "; ".join(f"{error.code} {error.field or ''}: {_said(error)}" for error in each)
        return Reject("rejected", code, said, each[0].field if each else None)
    field = result.field
    if code == "INVALID_DATA" and field in ("id", None) and operation == "update":
        return Reject("unmatched", "ID_NOT_FOUND", f"no record has this id ({result.message}).", "id")
    return Reject("rejected", code, _said(result), field)


def paired(keys: Collection[K], results: Sequence[WriteResult]) -> dict[K, WriteResult]:
    """The result of each of some ids, or other keys of what was sent, in their order.

    Of a single one it is the first: a recurring activity is answered by an entry for each occurrence. Raises
    InvalidRequest, by which they are asked for in parts, where it cannot be told which entry is whose.
    """
    if len(results) != len(keys) > 1:
        raise InvalidRequest(f"Bigin's answer judges {len(results)} of {len(keys)} records.")
    return dict(zip(keys, results, strict=False))


def reject_of(error: Refused) -> Reject:
    """Why a record was not written for which a call was refused as a whole."""
    return Reject("rejected", error.code or "INVALID_REQUEST", error.message)


def is_gone(operation: Operation, result: WriteResult) -> bool:
    """Whether a delete was refused because there is nothing left to delete: done, then. Source: FACTS 5."""
    return operation == "delete" and result.code == "INVALID_DATA"


def _said(result: WriteResult) -> str:
    details = result.details
    parts = [result.message or result.code]
    for key, words in (
        ("expected_data_type", "expects {}"),
        ("maximum_length", "takes {} at most"),
        ("supported_values", "takes {}"),
        ("mapped_field", "depends on {}"),
        ("permissions", "needs {}"),
    ):
        if details.get(key) is not None:
            parts.append(words.format(details[key]))
    twin = details.get("duplicate_record")
    twin_id = twin.get("id") if isinstance(twin, Mapping) else None
    if result.code == "DUPLICATE_DATA" and (twin_id or result.id):
        parts.append(f"record {twin_id or result.id} has this value")
        if details.get("more_records") is True:
            parts.append("and others too")
    return ", ".join(parts)
