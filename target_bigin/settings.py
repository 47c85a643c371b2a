"""The target's own settings: declared once, as JSON Schema, and read once, into dataclasses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from bigin_api import CLIENT_SETTINGS
from bigin_api.errors import SettingsError
from bigin_api.limits import MAX_RECORDS_PER_WRITE
from bigin_api.settings import REQUIRED_SETTINGS

Operation = Literal["upsert", "insert", "update", "delete"]
WriteMethod = Literal["records", "bulk", "auto"]

OPERATIONS = ("upsert", "insert", "update", "delete")
WRITE_METHODS = ("records", "bulk", "auto")
NULL_VALUES = ("skip", "write")
ON_MISSING = ("reject", "create", "null")
ON_AMBIGUOUS = ("reject", "null")
EVERY_STREAM = "*"  # the key in `streams` of what holds for each stream that does not say otherwise

LOOKUP_SETTING: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "match_on": {
            "type": "string",
            "description": "Field of the other module that holds what the record says, such as Account_Name; "
            "email for an owner.",
        },
        "module": {
            "type": "string",
            "description": "The module looked in, where the field's metadata does not say it (What_Id).",
        },
        "on_missing": {
            "type": "string",
            "enum": list(ON_MISSING),
            "default": "reject",
            "description": "What to do if nothing is found: reject the record, create what is missing, "
            "or leave the lookup empty.",
        },
        "on_ambiguous": {
            "type": "string",
            "enum": list(ON_AMBIGUOUS),
            "default": "reject",
            "description": "What to do if several are found: reject the record, or leave the lookup empty.",
        },
    },
}

STREAM_SETTING: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "module": {"type": "string", "description": "The module it goes to; default the stream's name."},
        "operation": {
            "type": "string",
            "enum": list(OPERATIONS),
            "description": "Replaces default_operation.",
        },
        "duplicate_check_fields": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Fields that identify a record, in the order in which Bigin checks them. "
            "Default: the stream's key properties if they are fields of the module, else the module's own.",
        },
        "external_key": {
            "type": "string",
            "description": "A field that identifies a record though Bigin does not keep it unique "
            "(Tasks, Events, Calls, Pipelines): the target finds the id by it before it writes.",
        },
        "ids": {
            "type": "string",
            "enum": ["bigin", "source"],
            "default": "bigin",
            "description": "Whose ids the records carry. bigin: an id means an update of that record. "
            "source: ids of another organisation; they are never sent, only used to relate records "
            "to each other.",
        },
        "lookups": {
            "type": "object",
            "additionalProperties": LOOKUP_SETTING,
            "description": "By field: how to find the id for what the record says.",
        },
        "tags": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Tags added to every record that the stream writes.",
        },
        "write_method": {
            "type": "string",
            "enum": list(WRITE_METHODS),
            "description": "Replaces the target's write_method.",
        },
        "truncate": {
            "type": "boolean",
            "default": False,
            "description": "Cut text that is too long instead of rejecting the record.",
        },
        "replace_rows": {
            "type": "boolean",
            "default": False,
            "description": "Remove rows of a subform (a deal's products) that the record does not name.",
        },
        "allow_mass_delete": {
            "type": "boolean",
            "default": False,
            "description": "Allow this stream to delete more than a quarter of its module.",
        },
    },
}

TARGET_SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "default_operation": {
        "type": "string",
        "title": "Default operation",
        "enum": list(OPERATIONS),
        "default": "upsert",
        "description": "What a record does in Bigin, where the stream does not say otherwise.",
    },
    "streams": {
        "type": "object",
        "title": "Streams",
        "default": {},
        "additionalProperties": STREAM_SETTING,
        "description": "By stream name, or * for every stream that does not say otherwise: module, "
        "operation, duplicate_check_fields, external_key, ids, lookups, tags, write_method, truncate, "
        "replace_rows, allow_mass_delete.",
    },
    "batch_size": {
        "type": "integer",
        "title": "Batch size",
        "minimum": 1,
        "maximum": MAX_RECORDS_PER_WRITE,
        "default": MAX_RECORDS_PER_WRITE,
        "description": "Most records in one write call.",
    },
    "write_method": {
        "type": "string",
        "title": "Write method",
        "enum": list(WRITE_METHODS),
        "default": "records",
        "description": "records: calls of up to 100. bulk: Bulk Write jobs. auto: jobs where they cost fewer "
        "credits and the module allows them.",
    },
    "trigger": {
        "type": "array",
        "items": {"type": "string"},
        "title": "Trigger",
        "default": [],
        "description": "The automation that a write fires, such as workflow. Empty: none.",
    },
    "null_values": {
        "type": "string",
        "title": "Null values",
        "enum": list(NULL_VALUES),
        "default": "skip",
        "description": "skip: a null leaves the field as it is. write: a null clears the field, but for a "
        "mandatory one.",
    },
    "deletes": {
        "type": "string",
        "title": "Deletes",
        "enum": ["ignore", "delete"],
        "default": "ignore",
        "description": "What a record with _sdc_deleted_at does: nothing, or it deletes the record in Bigin.",
    },
    "rejects_path": {
        "type": "string",
        "title": "Reject log",
        "default": "target-bigin-rejects.jsonl",
        "description": "A JSONL file that gets a line for each record that was not written, with the reason. "
        "Lines are appended.",
    },
    "max_rejects": {
        "type": "integer",
        "title": "Most rejects",
        "minimum": 0,
        "default": 0,
        "description": "The run fails (exit code 1) if more records were rejected, after everything else is "
        "written.",
    },
    "id_map_path": {
        "type": ["string", "null"],
        "title": "Id map",
        "description": "A JSONL file that gets source key and Bigin id of each record written.",
    },
    "unchanged_cache_path": {
        "type": ["string", "null"],
        "title": "Cache of unchanged records",
        "description": "A SQLite file with a fingerprint of each record last written; "
        "records equal to it are not sent again.",
    },
    "journal_path": {
        "type": ["string", "null"],
        "title": "Journal",
        "description": "A JSONL file that notes inserts before they are sent, so that a run that was killed "
        "can be picked up without duplicates.",
    },
    "dry_run": {
        "type": "boolean",
        "title": "Dry run",
        "default": False,
        "description": "Do everything but write; tell what would have been done and what it would have cost.",
    },
}
"""By name, beside the client's."""

CONFIG_JSONSCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        **{name: dict(setting) for name, setting in CLIENT_SETTINGS.items()},
        **{name: dict(setting) for name, setting in TARGET_SETTINGS.items()},
    },
    "required": list(REQUIRED_SETTINGS),
}


@dataclass(frozen=True)
class LookupSettings:
    """How the id of one lookup field is found."""

    match_on: str | None = None
    module: str | None = None
    on_missing: Literal["reject", "create", "null"] = "reject"
    on_ambiguous: Literal["reject", "null"] = "reject"


@dataclass(frozen=True)
class StreamSettings:
    """What is set for one stream, the target's defaults filled in."""

    module: str
    operation: Operation = "upsert"
    duplicate_check_fields: tuple[str, ...] = ()
    external_key: str | None = None
    ids: Literal["bigin", "source"] = "bigin"
    lookups: Mapping[str, LookupSettings] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    write_method: WriteMethod = "records"
    truncate: bool = False
    replace_rows: bool = False
    allow_mass_delete: bool = False


@dataclass(frozen=True)
class TargetSettings:
    """The target's own settings; the client reads its own from the same mapping."""

    default_operation: Operation = "upsert"
    streams: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    batch_size: int = MAX_RECORDS_PER_WRITE
    write_method: WriteMethod = "records"
    trigger: tuple[str, ...] = ()
    null_values: Literal["skip", "write"] = "skip"
    deletes: Literal["ignore", "delete"] = "ignore"
    rejects_path: Path = Path("target-bigin-rejects.jsonl")
    max_rejects: int = 0
    id_map_path: Path | None = None
    unchanged_cache_path: Path | None = None
    journal_path: Path | None = None
    dry_run: bool = False

    @classmethod
    def from_mapping(cls, settings: Mapping[str, Any]) -> TargetSettings:
        """Read what the JSON Schema has let through. Raises SettingsError for what it cannot see."""
        given = {name: settings[name] for name in TARGET_SETTINGS if settings.get(name) is not None}
        for name in ("rejects_path", "id_map_path", "unchanged_cache_path", "journal_path"):
            if name in given:
                given[name] = Path(given[name])
        given["trigger"] = tuple(given.get("trigger", ()))
        for name, stream in given.get("streams", {}).items():
            _check_stream(name, stream)
        return cls(**given)

    def stream(self, name: str) -> StreamSettings:
        """What holds for a stream, whether it is named in ``streams`` or not."""
        own = {**(self.streams.get(EVERY_STREAM) or {}), **(self.streams.get(name) or {})}
        own["lookups"] = {each: LookupSettings(**how) for each, how in (own.get("lookups") or {}).items()}
        own["duplicate_check_fields"] = tuple(own.get("duplicate_check_fields") or ())
        own["tags"] = tuple(own.get("tags") or ())
        defaults = {"module": name, "operation": self.default_operation, "write_method": self.write_method}
        return StreamSettings(**{**defaults, **own})


def _check_stream(name: str, stream: Mapping[str, Any]) -> None:
    if stream.get("external_key") and stream.get("duplicate_check_fields"):
        raise SettingsError(
            f"streams.{name}: external_key and duplicate_check_fields exclude each other. "
            "Bigin matches the one list, the target the other field: keep the one that identifies a record."
        )
    if stream.get("operation") == "insert" and stream.get("external_key"):
        raise SettingsError(
            f"streams.{name}: operation insert matches no record, so external_key has no use. "
            "Set operation to upsert, or leave external_key out."
        )
