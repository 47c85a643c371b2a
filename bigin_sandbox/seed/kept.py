"""Copies of seeded organisations: a reset that asks for one again takes its copy, many times faster."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from bigin_sandbox.seed.seeding import seed_organisation

if TYPE_CHECKING:
    from bigin_sandbox.settings import Settings
    from bigin_sandbox.storage.store import Store

MOST_KEPT = 8
MOST_RECORDS = 2_000  # of an organisation that is kept
DAY = 86_400

Key = tuple[int, int, int, str, int]


class SeededOrganisations:
    """Organisations as they were when they had just been seeded, in memory; the ones used last are kept."""

    def __init__(self) -> None:
        self._kept: dict[Key, sqlite3.Connection] = {}

    def put_into(self, store: Store, settings: Settings) -> None:
        """Make the organisation that the settings ask for, in place of what the store holds."""
        key = _key(store, settings)
        if key in self._kept:
            self._kept[key] = self._kept.pop(key)  # moved to the end: used last
            store.take_copy(self._kept[key])
            return
        store.clear()
        seed_organisation(store, settings)
        if settings.records <= MOST_RECORDS:
            self._kept[key] = store.copy()
        if len(self._kept) > MOST_KEPT:
            self._kept.pop(next(iter(self._kept))).close()

    def close(self) -> None:
        """Let go of the copies."""
        for copy in self._kept.values():
            copy.close()
        self._kept.clear()


def _key(store: Store, settings: Settings) -> Key:
    """All that the content of a fresh organisation depends on: deletions lie in the weeks before today."""
    today = int(store.clock.timestamp()) // DAY
    return (settings.seed, settings.records, settings.custom_modules, settings.edition, today)
