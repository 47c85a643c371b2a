"""What the parts of a run are made from: settings, client, tasks; and a stream with its module."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Event
from typing import NamedTuple

from bigin_api import Client, Labelled
from bigin_api.models import Field, Layout, Module
from target_bigin.concurrency.tasks import Tasks
from target_bigin.files.id_map import source_key
from target_bigin.records.account import Account
from target_bigin.records.forecast import Forecast
from target_bigin.records.record import Fields
from target_bigin.settings import StreamSettings, TargetSettings
from target_bigin.values.sameness import compared_as, is_text

WRITTEN_BY = ("operation", "duplicate_check_fields", "external_key", "ids", "tags", "replace_rows")


@dataclass(frozen=True)
class Run:
    """What every part of a run shares."""

    settings: TargetSettings
    client: Client
    tasks: Tasks
    forecast: Forecast | None = None  # of a dry run
    has_written: Event = field(default_factory=Event)  # a call that writes went through, of whichever stream


class Schema(NamedTuple):
    """A SCHEMA message: the properties of a stream by name, and those that identify a record."""

    stream: str
    properties: Mapping[str, object]
    key_properties: tuple[str, ...]


@dataclass(frozen=True)
class StreamContext:
    """One stream and the module it goes to, as metadata describes it. What a stream's parts are made from."""

    stream: str
    module: Module
    fields: dict[str, Field]  # by api_name
    settings: StreamSettings
    key_properties: tuple[str, ...]
    client: Labelled  # counts and logs calls under the stream's name
    account: Account
    run: Run
    layouts: tuple[Layout, ...] = ()
    matched: dict[str, str] = field(default_factory=dict)  # property of the stream → api_name

    @property
    def written_by(self) -> Mapping[str, object]:
        """The settings that what is written depends on."""
        own = {name: getattr(self.settings, name) for name in WRITTEN_BY}
        return {**own, "null_values": self.run.settings.null_values}

    def source_key(self, raw: Fields) -> str | None:
        """The key that a record has in its source, None if it has none: numbers and moments in one form."""
        told = {name: raw.get(name) for name in self.key_properties}
        for name, value in told.items():
            described = self.fields.get(self.matched.get(name, ""))
            if value not in (None, "") and described is not None and not is_text(described):
                told[name] = compared_as(described)(value)
        return source_key(told, self.key_properties)
