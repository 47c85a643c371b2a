"""The target's own settings as dataclasses, read once from what ``settings_schema`` declares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from bigin_api.errors import SettingsError
from bigin_api.limits import MAX_RECORDS_PER_WRITE
from bigin_api.settings.files import real_path, require_distinct
from bigin_api.settings.reading import FILES
from target_bigin.settings_schema import EVERY_STREAM, TARGET_SETTINGS

REJECTS = Path(TARGET_SETTINGS["rejects_path"]["default"])
OWN_FILES = ("rejects_path", "id_map_path", "unchanged_cache_path", "journal_path")

Operation = Literal["upsert", "insert", "update", "delete"]
WriteMethod = Literal["records", "bulk", "auto"]


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
    ids: Literal["auto", "bigin", "source"] = "auto"
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
    rejects_path: Path = REJECTS
    max_rejects: int = 0
    id_map_path: Path | None = None
    unchanged_cache_path: Path | None = None
    journal_path: Path | None = None
    dry_run: bool = False

    @classmethod
    def from_mapping(cls, settings: Mapping[str, Any]) -> TargetSettings:
        """Read what the JSON Schema has let through. Raises SettingsError for what it cannot see."""
        given = {name: settings[name] for name in TARGET_SETTINGS if settings.get(name) is not None}
        files = {"rejects_path": REJECTS, **settings, **given}
        require_distinct(files, (*OWN_FILES, *FILES))
        for name in OWN_FILES:
            if name in given:
                given[name] = real_path(given[name])
        given["trigger"] = tuple(given.get("trigger", ()))
        for name, stream in given.get("streams", {}).items():
            _check_stream(name, stream)
        return cls(**given)

    def owned_files(self) -> dict[str, Path]:
        """The files that no other run may use meanwhile, by setting; a dry run changes none."""
        paths = {name: getattr(self, name) for name in OWN_FILES if name != "rejects_path"}
        return {} if self.dry_run else {name: path for name, path in paths.items() if path}

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
