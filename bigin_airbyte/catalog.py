"""Singer's catalog as Airbyte's, and the streams that were configured as Singer's. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bigin_api.errors import SettingsError
from tap_bigin.discovery.definition import DELETED_AT

Json = dict[str, Any]

AIRBYTE_DELETED_AT = "_ab_cdc_deleted_at"  # at which destinations with deduping drop the row


def airbyte_catalog(singer: Mapping[str, Any]) -> Json:
    """The content of a CATALOG message: keys, cursors and modes are the tap's own."""
    return {"streams": [_offered(each) for each in singer["streams"]]}


def _offered(entry: Mapping[str, Any]) -> Json:
    hidden = {
        each["breadcrumb"][1]
        for each in entry["metadata"]
        if each["breadcrumb"] and each["metadata"].get("inclusion") == "unsupported"
    }
    properties = {
        AIRBYTE_DELETED_AT if name == DELETED_AT else name: schema
        for name, schema in entry["schema"]["properties"].items()
        if name not in hidden
    }
    cursor = entry.get("replication_key")
    stream: Json = {
        "name": entry["tap_stream_id"],
        "json_schema": {**entry["schema"], "properties": properties},
        "supported_sync_modes": ["full_refresh", "incremental"] if cursor else ["full_refresh"],
        "source_defined_primary_key": [[key] for key in entry["key_properties"]],
        "is_resumable": bool(cursor),
    }
    if cursor:
        stream |= {"source_defined_cursor": True, "default_cursor_field": [cursor]}
    return stream


def singer_catalog(configured: Any) -> Json:
    """The catalog with which the tap reads what was configured, and of its columns those that were kept.

    Raises SettingsError for what is no configured catalog.
    """
    streams = configured.get("streams") if isinstance(configured, Mapping) else None
    if not isinstance(streams, Sequence):
        raise SettingsError("catalog: expected an object with a list of streams, as Airbyte configures it.")
    return {"streams": [_selected(each, f"catalog: streams[{n}]") for n, each in enumerate(streams)]}


def _selected(configured: Any, where: str) -> Json:
    try:
        stream = configured["stream"]
        name, schema = stream["name"], stream.get("json_schema") or {}
        properties = {
            DELETED_AT if name == AIRBYTE_DELETED_AT else name: each
            for name, each in (schema.get("properties") or {}).items()
        }
        is_full = configured.get("sync_mode") != "incremental"
    except (AttributeError, KeyError, TypeError):
        raise SettingsError(f"{where}: expected a stream with name and json_schema.") from None
    return {
        "tap_stream_id": name,
        "stream": name,
        "schema": {**schema, "properties": properties},
        "replication_method": "FULL_TABLE" if is_full else "INCREMENTAL",
        "metadata": [{"breadcrumb": [], "metadata": {"selected": True}}],
    }
