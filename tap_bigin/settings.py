"""The settings of tap-bigin: each declared once, as JSON Schema, with the client's own among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from bigin_api.errors import SettingsError
from bigin_api.moments import parse_moment
from bigin_api.settings import CLIENT_SETTINGS, REQUIRED_SETTINGS

TAP_SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "start_date": {
        "type": ["string", "null"],
        "format": "date-time",
        "title": "Start date",
        "description": "Earliest Modified_Time to read in a stream's first run, such as "
        "2026-01-01T00:00:00Z; without it everything is read.",
    },
    "modules": {
        "type": ["array", "null"],
        "items": {"type": "string"},
        "title": "Modules",
        "description": "The modules to offer as streams, as api_names or globs such as C*; all by default.",
    },
    "extraction_method": {
        "type": "string",
        "enum": ["auto", "list", "bulk"],
        "default": "auto",
        "title": "Extraction method",
        "description": "How modules are read in full: list pages, Bulk Read jobs, or whichever costs "
        "fewer credits (auto).",
    },
    "overlap_seconds": {
        "type": "integer",
        "default": 60,
        "minimum": 0,
        "maximum": 86_400,
        "title": "Overlap in seconds",
        "description": "How far before its bookmark an incremental run begins, since a change may be stamped "
        "before it can be read, and clocks differ. What lies in it may come twice.",
    },
    "deleted_records": {
        "type": "string",
        "enum": ["stream", "soft", "none"],
        "default": "stream",
        "title": "Deleted records",
        "description": "Where deletions go: the stream deleted_records (stream); the module's own stream, as "
        "a record with id and _sdc_deleted_at, at which loaders set the row's other columns to null (soft); "
        "nowhere (none).",
    },
    "deletion_sweep": {
        "type": "string",
        "enum": ["off", "daily", "weekly"],
        "default": "weekly",
        "title": "Deletion sweep",
        "description": "How often a module whose deletions Bigin does not list (Notes, Attachments, custom "
        "modules) is read in full, so that a loader with add_record_metadata drops the rows that are gone.",
    },
    "backfill": {
        "type": "boolean",
        "default": True,
        "title": "Backfill",
        "description": "Whether a field that is selected later makes one full reading of its module due, "
        "announced with its price; without it such a field is null until its record changes.",
    },
    "lookups": {
        "type": "string",
        "enum": ["object", "id"],
        "default": "object",
        "title": "Lookups",
        "description": "Links to other records and users as objects with id and name (object) or as plain "
        "ids (id).",
    },
    "related_lists": {
        "type": ["array", "null"],
        "items": {"type": "string"},
        "title": "Related lists",
        "description": "Related lists to read as streams, one credit a parent, such as Contacts.Emails "
        "or *.Notes.",
    },
    "queries": {
        "type": ["array", "null"],
        "items": {
            "type": "object",
            "required": ["name", "query"],
            "additionalProperties": False,
            "properties": {
                "name": {"type": "string", "description": "Name of the stream."},
                "query": {"type": "string", "description": "A COQL SELECT."},
                "primary_keys": {
                    "type": ["array", "null"],
                    "items": {"type": "string"},
                    "description": "Columns that identify a row; id by default.",
                },
                "replication_key": {
                    "type": ["string", "null"],
                    "description": "A selected datetime column to read incrementally by.",
                },
            },
        },
        "title": "Queries",
        "description": "COQL queries, each a stream of its own.",
    },
    "custom_views": {
        "type": ["array", "null"],
        "items": {
            "type": "object",
            "required": ["name", "module", "cvid"],
            "additionalProperties": False,
            "properties": {
                "name": {"type": "string", "description": "Name of the stream."},
                "module": {"type": "string", "description": "api_name of the view's module."},
                "cvid": {"type": "string", "description": "Id of the custom view."},
            },
        },
        "title": "Custom views",
        "description": "Custom views, each a stream of its own, 3 credits a page of 200 records.",
    },
    "feed_log": {
        "type": ["string", "null"],
        "secret": True,
        "title": "Feed log",
        "description": "The log of bigin feed serve, as its SQLAlchemy URL: a run reads by id what was told "
        "since the last one, and reads streams by their bookmarks only at sweeps.",
    },
    "sweep_minutes": {
        "type": "integer",
        "default": 60,
        "minimum": 0,
        "maximum": 43_200,
        "title": "Minutes between sweeps",
        "description": "With feed_log: how often streams are read by their bookmarks all the same, since "
        "some changes are never told; 0 at each run.",
    },
    "changes": {
        "type": "boolean",
        "default": False,
        "title": "Changes",
        "description": "With feed_log: offer the stream changes, a row for each field that a notification "
        "told of: the only history that there is.",
    },
}
"""The tap's own, by name; ``CLIENT_SETTINGS`` has those it shares with target-bigin."""

CONFIG_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": list(REQUIRED_SETTINGS),
    "properties": {
        name: dict(declared)
        for settings in (CLIENT_SETTINGS, TAP_SETTINGS)
        for name, declared in settings.items()
    },
}

OF_THE_TARGET = frozenset(
    (
        "default_operation",
        "streams",
        "batch_size",
        "write_method",
        "trigger",
        "null_values",
        "deletes",
        "rejects_path",
        "max_rejects",
        "id_map_path",
        "unchanged_cache_path",
        "journal_path",
        "dry_run",
    )
)
"""Settings of target-bigin, which may stand in the same file."""

ENV_PREFIX = "TAP_BIGIN_"  # of environment variables, as the SDK makes it
SECRETS = frozenset(name for name, declared in CONFIG_SCHEMA["properties"].items() if declared.get("secret"))

Deletions = Literal["stream", "soft", "none"]
Extraction = Literal["auto", "list", "bulk"]
Lookups = Literal["object", "id"]


_SWEEPS = {"off": None, "daily": timedelta(days=1), "weekly": timedelta(days=7)}


@dataclass(frozen=True)
class TapSettings:
    """The tap's settings, read and checked. ``queries`` and ``custom_views`` stay as they were given."""

    start_date: datetime | None = None
    modules: tuple[str, ...] = ("*",)
    extraction_method: Extraction = "auto"
    overlap: timedelta = timedelta(seconds=60)
    deleted_records: Deletions = "stream"
    sweep_after: timedelta | None = timedelta(days=7)
    backfill: bool = True
    lookups: Lookups = "object"
    related_lists: tuple[str, ...] = ()
    queries: tuple[Mapping[str, Any], ...] = ()
    custom_views: tuple[Mapping[str, Any], ...] = ()
    feed_log: str | None = field(default=None, repr=False)
    sweep_every: timedelta = timedelta(minutes=60)
    changes: bool = False
    concurrency: int = field(default=5)

    @classmethod
    def from_mapping(cls, settings: Mapping[str, Any]) -> TapSettings:
        """Read settings that have passed ``CONFIG_SCHEMA``. Raises SettingsError naming the setting."""
        if settings.get("changes") and not settings.get("feed_log"):
            raise SettingsError("changes: what was told stands in a log; set feed_log, too.")
        return cls(
            start_date=_moment(settings, "start_date"),
            modules=_names(settings, "modules") or ("*",),
            extraction_method=_choice(settings, "extraction_method"),
            overlap=timedelta(seconds=_number(settings, "overlap_seconds")),
            deleted_records=_choice(settings, "deleted_records"),
            sweep_after=_SWEEPS[_choice(settings, "deletion_sweep")],
            backfill=settings.get("backfill") is not False,
            lookups=_choice(settings, "lookups"),
            related_lists=_names(settings, "related_lists"),
            queries=tuple(settings.get("queries") or ()),
            custom_views=tuple(settings.get("custom_views") or ()),
            feed_log=settings.get("feed_log") or None,
            sweep_every=timedelta(minutes=_number(settings, "sweep_minutes")),
            changes=settings.get("changes") is True,
            concurrency=_number(settings, "max_concurrent_requests"),
        )


def _default(name: str) -> Any:
    return CONFIG_SCHEMA["properties"][name].get("default")


def _number(settings: Mapping[str, Any], name: str) -> int:
    value: int | None = settings.get(name)
    return int(_default(name)) if value is None else value


def _choice(settings: Mapping[str, Any], name: str) -> Any:
    value = settings.get(name) or _default(name)
    allowed: Sequence[str] = CONFIG_SCHEMA["properties"][name]["enum"]
    if value not in allowed:
        raise SettingsError(f"{name}: {value!r} is not one of {', '.join(allowed)}.")
    return value


def _names(settings: Mapping[str, Any], name: str) -> tuple[str, ...]:
    return tuple(settings.get(name) or ())


def _moment(settings: Mapping[str, Any], name: str) -> datetime | None:
    value = settings.get(name)
    if not value:
        return None
    try:
        return parse_moment(str(value))
    except ValueError:
        raise SettingsError(f"{name}: {value!r} is no moment such as 2026-01-01T00:00:00Z.") from None
