"""The running sandbox: one organisation at a time, its clock, and the faults that wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bigin_sandbox.calls import Context
from bigin_sandbox.clock import Clock
from bigin_sandbox.faults import Faults
from bigin_sandbox.seed import seed_organisation
from bigin_sandbox.store import Store

if TYPE_CHECKING:
    from bigin_sandbox.settings import Settings


class Sandbox:
    """What lives as long as the process: endpoints see its `context` only."""

    def __init__(self, settings: Settings, *, db_path: str = ":memory:", clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.faults = Faults()
        self._at_start = settings
        self.store = Store(db_path, self.clock)
        self.was_kept = bool(self.store.users())  # in the file, from an earlier run
        if not self.was_kept:
            seed_organisation(self.store, settings)
        self.context = Context(self.store, self.clock, settings)

    def reset(self, changes: dict[str, Any]) -> None:
        """A fresh organisation, clock, tokens and counters; settings as at the start but for `changes`.

        Raises ValueError for a setting that is unknown or has no such value.
        """
        settings = self._at_start.changed(changes)
        self.clock.follow()
        self.faults.waiting.clear()
        self.store.clear()
        seed_organisation(self.store, settings)
        self.context = Context(self.store, self.clock, settings)

    def change_settings(self, changes: dict[str, Any]) -> None:
        """Behave differently from now on; the organisation stays."""
        self.context.settings = self.context.settings.changed(changes)
