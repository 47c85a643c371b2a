"""Singer's state in parts, one a stream, as Airbyte keeps them; and put together again. Pure.

A part is the stream's entry under ``bookmarks``. What stands beside ``bookmarks`` (how far the feed was
read) is all streams', and Airbyte may keep a later part of one stream and an earlier one of another. So each
part carries it as well, numbered, and the oldest of them counts: what lies after it comes twice to some
streams, and is missed by none.

    {"replication_key": "Modified_Time", "replication_key_value": "2026-05-14T09:53:58Z",
     "tap-bigin.shared": {"number": 3, "state": {"feed": {...}}}}
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from bigin_api.errors import SettingsError
from tap_bigin.discovery.turns import TOLD_METADATA

Json = dict[str, Any]

SHARED = "tap-bigin.shared"


class States:
    """The parts of one sync. ``singer`` is the state that it begins with."""

    def __init__(self, given: Any, streams: Collection[str]) -> None:
        parts = {name: part for name, part in _parts(given) if name in streams}
        shared: list[Json] = [each[SHARED] for each in parts.values() if SHARED in each]
        self._latest = max((int(each["number"]) for each in shared), default=0)
        self._shared: Json = min(shared, key=lambda each: int(each["number"]), default={"state": {}})
        entries = {
            name: {key: value for key, value in part.items() if key != SHARED} for name, part in parts.items()
        }
        self.singer: Json = {
            **copy.deepcopy(self._shared["state"]),
            "bookmarks": {name: entry for name, entry in entries.items() if entry},
        }
        self._told = parts

    def split(self, singer: Mapping[str, Any], streams: Collection[str]) -> Iterator[tuple[str, Json, bool]]:
        """Each stream's part of a state, and whether it differs from the one told before."""
        # Copies: the tap goes on to write into its own.
        singer = copy.deepcopy(dict(singer))
        # What a run with a budget was told of the metadata would stand in every part: it is asked for anew.
        beside = {name: value for name, value in singer.items() if name not in ("bookmarks", TOLD_METADATA)}
        if beside != self._shared["state"]:
            self._latest += 1
            self._shared = {"number": self._latest, "state": beside}
        for name in streams:
            part = singer.get("bookmarks", {}).get(name, {})
            if beside:
                part[SHARED] = self._shared
            is_new = part != self._told.get(name, {})
            self._told[name] = part
            yield name, part, is_new


def _parts(given: Any) -> Iterator[tuple[str, Json]]:
    """The parts in what --state holds: [] at first, then a list of stream states. Raises SettingsError."""
    if given is None or given == {}:
        return
    if not isinstance(given, list):
        raise SettingsError("state: expected a list of stream states, as this source tells them.")
    for number, message in enumerate(given):
        try:
            stream = message["stream"]
            name, part = stream["stream_descriptor"]["name"], stream.get("stream_state") or {}
            shared = part.get(SHARED)
            if shared is not None:
                _ = (int(shared["number"]), shared["state"].keys())
        except (AttributeError, KeyError, TypeError, ValueError):
            raise SettingsError(
                f"state: [{number}] is no state of a stream, as this source tells it."
            ) from None
        yield name, dict(part)
