"""Why one record of a call is refused: the entry that stands in its place in `data`.

The other records of the call are untouched by it. Faults of the whole call are `answers.Refusal`.
Source: FACTS 5 (per record), write.md 2.
"""

from __future__ import annotations

from typing import Any

from bigin_sandbox.http.answers import error_body

DATA_TYPE_WORDS = {
    "currency": "double",
    "percent": "double",
    "textarea": "text",
    "picklist": "text",
    "lookup": "jsonobject",
    "ownerlookup": "jsonobject",
    "userlookup": "jsonobject",
    "multiselectpicklist": "jsonarray",
    "multiselectlookup": "jsonarray",
    "subform": "jsonarray",
    "fileupload": "jsonarray",
    "imageupload": "jsonarray",
}


class RecordRefused(Exception):  # noqa: N818 - an answer about a record, not a failure of the sandbox
    """A record is not written; `entry` tells the caller why."""

    def __init__(self, code: str, message: str, **details: Any) -> None:
        super().__init__(f"{code}: {message} {details}")
        self.code = code
        self.entry = error_body(code, message, details)


def mandatory_not_found(api_name: str, path: str) -> RecordRefused:
    """A field that must be given is absent or empty."""
    return RecordRefused(
        "MANDATORY_NOT_FOUND", "required field not found", api_name=api_name, json_path=f"{path}.{api_name}"
    )


def wrong_type(field: dict[str, Any], path: str) -> RecordRefused:
    """A value of another JSON type, or not of the form that the data type asks for."""
    expected = DATA_TYPE_WORDS.get(field["data_type"], field["data_type"])
    if field["json_type"] == "jsonarray":
        expected = "jsonarray"
    return expected_type(expected, field["api_name"], path)


def expected_type(expected: str, api_name: str, path: str) -> RecordRefused:
    """The same, with the word for the type given."""
    return RecordRefused(
        "INVALID_DATA", "invalid data", expected_data_type=expected, api_name=api_name, json_path=path
    )


def too_long(maximum: int, api_name: str, path: str) -> RecordRefused:
    """More characters or digits than the field's `length`: refused, never cut."""
    return RecordRefused(
        "INVALID_DATA", "invalid data", maximum_length=maximum, api_name=api_name, json_path=path
    )


def refused_value(api_name: str, path: str, message: str = "invalid data", **details: Any) -> RecordRefused:
    """A value of the right type that is refused all the same: a pattern, an unknown linked id."""
    return RecordRefused("INVALID_DATA", message, api_name=api_name, json_path=path, **details)


def unknown_id(path: str) -> RecordRefused:
    """The record that is to be changed does not exist, any more."""
    return refused_value("id", f"{path}.id", "the id given seems to be invalid")


def record_locked(path: str) -> RecordRefused:
    """Someone has locked the record: another time it may be written."""
    details = {"api_name": "id", "json_path": f"{path}.id", "action": "record_locking"}
    return RecordRefused("RECORD_LOCKED", "record is locked", **details)


def not_approved(path: str) -> RecordRefused:
    """Someone has still to approve the record (write.md 2)."""
    return RecordRefused("NOT_APPROVED", "record not approved", api_name="id", json_path=f"{path}.id")


def mapping_mismatch(mapped_field: str, api_name: str, path: str, message: str) -> RecordRefused:
    """A stage outside its sub-pipeline, a sub-pipeline outside its team pipeline."""
    return RecordRefused(
        "MAPPING_MISMATCH",
        message,
        mapped_field=mapped_field,
        api_name=api_name,
        json_path=f"{path}.{api_name}",
    )


def dependent_mismatch(dependee: str, api_name: str, path: str, message: str) -> RecordRefused:
    """A value that another field of the record rules out."""
    return RecordRefused(
        "DEPENDENT_MISMATCH",
        message,
        dependee={"api_name": dependee, "json_path": f"{path}.{dependee}"},
        api_name=api_name,
        json_path=f"{path}.{api_name}",
    )


def too_many(maximum: int, api_name: str, path: str, message: str) -> RecordRefused:
    """More rows, participants or tags than a record may have."""
    return RecordRefused(
        "LIMIT_EXCEEDED", message, maximum_length=maximum, api_name=api_name, json_path=f"{path}.{api_name}"
    )


def several(refusals: list[RecordRefused]) -> RecordRefused:
    """One refusal as it is; several as MULTIPLE_OR_MULTI_ERRORS (documented for duplicates)."""
    if len(refusals) == 1:
        return refusals[0]
    errors = [refusal.entry for refusal in refusals]
    return RecordRefused("MULTIPLE_OR_MULTI_ERRORS", "Multiple errors in the request", errors=errors)
