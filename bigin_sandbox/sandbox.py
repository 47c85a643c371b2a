"""The running sandbox: one organisation at a time, its clock, and the faults that wait."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bigin_sandbox.clock import Clock
from bigin_sandbox.control.faults import Faults
from bigin_sandbox.http.calls import Context
from bigin_sandbox.seed import SeededOrganisations
from bigin_sandbox.storage.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bigin_sandbox.settings import Settings


class Sandbox:
    """What lives as long as the process: endpoints see its `context` only."""

    def __init__(self, settings: Settings, *, db_path: str = ":memory:", clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.faults = Faults()
        self._at_start = settings
        self._seeded = SeededOrganisations()
        self._under_way: set[asyncio.Task[Any]] = set()
        self.store = Store(db_path, self.clock)
        self.was_kept = bool(self.store.users())  # in the file, from an earlier run
        if not self.was_kept:
            self._seeded.put_into(self.store, settings)
        self.context = self._at_work(settings)

    def _at_work(self, settings: Settings) -> Context:
        self.store.visibility_delay = settings.visibility_delay_seconds
        return Context(self.store, self.clock, settings)

    def close(self) -> None:
        """Let go of the organisation."""
        self.store.close()
        self._seeded.close()

    def reset(self, changes: dict[str, Any]) -> None:
        """A fresh organisation, clock, tokens and counters; settings as at the start but for `changes`.

        Calls that are still under way were made to the organisation before: see `is_gone`.
        Raises ValueError for a setting that is unknown or has no such value.
        """
        settings = self._at_start.changed(changes)
        self.clock.follow()
        self.faults.waiting.clear()
        self._seeded.put_into(self.store, settings)
        self.context = self._at_work(settings)

    def is_gone(self, context: Context) -> bool:
        """Whether an organisation was reset: a call made to it must not touch the next one."""
        return context is not self.context

    @contextmanager
    def answering(self) -> Iterator[None]:
        """While the task that runs now answers a call, `drain` waits for it."""
        task = asyncio.current_task()
        assert task is not None
        self._under_way.add(task)
        try:
            yield
        finally:
            self._under_way.discard(task)

    async def drain(self) -> int:
        """Wait until all calls that are under way now are answered; gives how many there were."""
        calls = set(self._under_way)
        if calls:
            await asyncio.wait(calls)
        return len(calls)

    def change_settings(self, changes: dict[str, Any]) -> None:
        """Behave differently from now on; the organisation stays."""
        self.context.settings = self.context.settings.changed(changes)
        self.store.visibility_delay = self.context.settings.visibility_delay_seconds
