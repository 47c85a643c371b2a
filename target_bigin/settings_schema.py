"""The target's own settings, declared once as JSON Schema: what ``--about`` shows and a config may hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bigin_api import CLIENT_SETTINGS
from bigin_api.limits import MAX_RECORDS_PER_WRITE
from bigin_api.settings import REQUIRED_SETTINGS

TRIGGERS = ("workflow", "approval", "blueprint", "pathfinder", "orchestration")
"""Bigin ignores another word. Source: write.md 7 (v1 names workflow, the platform the others)."""

EVERY_STREAM = "*"  # the key in `streams` of what holds for each stream that does not say otherwise

OF_THE_TAP = frozenset(
    [
        "start_date",
        "modules",
        "extraction_method",
        "overlap_seconds",
        "deleted_records",
        "deletion_sweep",
        "backfill",
        "lookups",
        "related_lists",
        "queries",
        "custom_views",
        "feed_log",
        "sweep_minutes",
        "changes",
    ]
)
"""Settings of tap-bigin, which may stand in the same file."""

OPERATIONS = "upsert insert update delete"
WRITE_METHODS = "records bulk auto"

Setting = Mapping[str, Any]


def _setting(kind: str | list[str], description: str, **more: Any) -> Setting:
    return {"type": kind, **more, "description": description}


def _one_of(values: str, description: str, **more: Any) -> Setting:
    return _setting("string", description, enum=values.split(), **more)


def _texts(description: str, **more: Any) -> Setting:
    return _setting("array", description, items={"type": "string"}, **more)


def _flag(description: str, **more: Any) -> Setting:
    return _setting("boolean", description, default=False, **more)


def _object(**properties: Setting) -> Setting:
    return {"type": "object", "additionalProperties": False, "properties": properties}


LOOKUP_SETTING = _object(
    match_on=_setting(
        "string",
        "Field of the other module that holds what the record says, such as Account_Name; "
        "email for an owner.",
    ),
    module=_setting("string", "The module looked in, where the field's metadata does not say it (What_Id)."),
    on_missing=_one_of(
        "reject create null",
        "What to do if nothing is found: reject the record, create what is missing, "
        "or leave the lookup empty.",
        default="reject",
    ),
    on_ambiguous=_one_of(
        "reject null",
        "What to do if several are found: reject the record, or leave the lookup empty.",
        default="reject",
    ),
)

STREAM_SETTING = _object(
    module=_setting("string", "The module it goes to; default the stream's name."),
    operation=_one_of(OPERATIONS, "Replaces default_operation."),
    duplicate_check_fields=_texts(
        "Fields that identify a record, in the order in which Bigin checks them. "
        "Default: the stream's key properties if they are fields of the module, else the module's own."
    ),
    external_key=_setting(
        "string",
        "A field that identifies a record though Bigin does not keep it unique "
        "(Tasks, Events, Calls, Pipelines): the target finds the id by it before it writes.",
    ),
    ids=_one_of(
        "auto bigin source",
        "Whose ids the records carry. bigin: an id means an update of that record. "
        "source: ids of another organisation; they are never sent, only used to relate records "
        "to each other. auto: bigin, unless the stream is inserted, or has duplicate_check_fields or an "
        "external_key of its own, or was read by tap-bigin from an organisation whose records are not "
        "here (found out once for all streams, by the first record, 1 credit).",
        default="auto",
    ),
    lookups={
        "type": "object",
        "additionalProperties": LOOKUP_SETTING,
        "description": "By field: how to find the id for what the record says.",
    },
    tags=_texts("Tags added to every record that the stream writes."),
    write_method=_one_of(WRITE_METHODS, "Replaces the target's write_method."),
    truncate=_flag("Cut text that is too long instead of rejecting the record."),
    replace_rows=_flag("Remove rows of a subform (a deal's products) that the record does not name."),
    allow_mass_delete=_flag("Allow this stream to delete more than a quarter of its module."),
)

TARGET_SETTINGS: Mapping[str, Setting] = {
    "default_operation": _one_of(
        OPERATIONS,
        "What a record does in Bigin, where the stream does not say otherwise.",
        title="Default operation",
        default="upsert",
    ),
    "streams": {
        "type": "object",
        "title": "Streams",
        "default": {},
        "additionalProperties": STREAM_SETTING,
        "description": "By stream name, or * for every stream that does not say otherwise: module, "
        "operation, duplicate_check_fields, external_key, ids, lookups, tags, write_method, truncate, "
        "replace_rows, allow_mass_delete.",
    },
    "batch_size": _setting(
        "integer",
        "Most records in one write call.",
        title="Batch size",
        minimum=1,
        maximum=MAX_RECORDS_PER_WRITE,
        default=MAX_RECORDS_PER_WRITE,
    ),
    "write_method": _one_of(
        WRITE_METHODS,
        "records: calls of up to 100. bulk: Bulk Write jobs. auto: jobs where they cost fewer "
        "credits and the module allows them.",
        title="Write method",
        default="records",
    ),
    "trigger": _setting(
        "array",
        "The automation that a write fires, such as workflow. Empty: none.",
        items={"type": "string", "enum": list(TRIGGERS)},
        title="Trigger",
        default=[],
    ),
    "null_values": _one_of(
        "skip write",
        "skip: a null leaves the field as it is. write: a null clears the field, but for a mandatory one.",
        title="Null values",
        default="skip",
    ),
    "deletes": _one_of(
        "ignore delete",
        "What a record with _sdc_deleted_at does: nothing, or it deletes the record in Bigin.",
        title="Deletes",
        default="ignore",
    ),
    "rejects_path": _setting(
        "string",
        "A JSONL file that gets a line for each record that was not written, with the reason. "
        "Lines are appended.",
        title="Reject log",
        default="target-bigin-rejects.jsonl",
    ),
    "max_rejects": _setting(
        "integer",
        "The run fails (exit code 1) if more records were rejected, after everything else is written.",
        title="Most rejects",
        minimum=0,
        default=0,
    ),
    "id_map_path": _setting(
        ["string", "null"],
        "A JSONL file that gets source key and Bigin id of each record written.",
        title="Id map",
    ),
    "unchanged_cache_path": _setting(
        ["string", "null"],
        "A SQLite file with a fingerprint of each record last written; "
        "records equal to it are not sent again.",
        title="Cache of unchanged records",
    ),
    "journal_path": _setting(
        ["string", "null"],
        "A JSONL file that notes inserts before they are sent, so that a run that was killed "
        "can be picked up without duplicates.",
        title="Journal",
    ),
    "dry_run": _flag(
        "Do everything but write; tell what would have been done and what it would have cost.",
        title="Dry run",
    ),
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
