"""The target's own settings, declared once as JSON Schema: what ``--about`` shows and a config may hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bigin_api import CLIENT_SETTINGS
from bigin_api.limits import MAX_RECORDS_PER_WRITE
from bigin_api.settings import CREDENTIALS_NEEDED

OPERATIONS = ("upsert", "insert", "update", "delete")
WRITE_METHODS = ("records", "bulk", "auto")
NULL_VALUES = ("skip", "write")
ON_MISSING = ("reject", "create", "null")
ON_AMBIGUOUS = ("reject", "null")
EVERY_STREAM = "*"  # the key in `streams` of what holds for each stream that does not say otherwise

OF_THE_TAP = frozenset(
    (
        "start_date",
        "modules",
        "extraction_method",
        "overlap_seconds",
        "deleted_records",
        "deletion_sweep",
        "lookups",
        "related_lists",
        "queries",
        "custom_views",
    )
)
"""Settings of tap-bigin, which may stand in the same file."""

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
            "enum": ["auto", "bigin", "source"],
            "default": "auto",
            "description": "Whose ids the records carry. bigin: an id means an update of that record. "
            "source: ids of another organisation; they are never sent, only used to relate records "
            "to each other. auto: bigin, unless the stream is inserted, or has duplicate_check_fields or an "
            "external_key of its own, or was read by tap-bigin from an organisation whose records are not "
            "here (found out once for all streams, by the first record, 1 credit).",
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
    **CREDENTIALS_NEEDED,
}
