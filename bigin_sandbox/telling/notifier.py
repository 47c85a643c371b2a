"""Tells the channels what happened to records, whoever did it.

Changes of one moment and one kind go out together, at most 100 ids a POST; there is no promise of order
or delivery (FACTS 6).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

from bigin_sandbox.rules.channels import MODULES
from bigin_sandbox.storage.store import Change
from bigin_sandbox.telling.bodies import Told, body_of, told
from bigin_sandbox.telling.deliveries import Deliveries

if TYPE_CHECKING:
    from bigin_sandbox.http.calls import Context
    from bigin_sandbox.rules.channels import Channel


class Notifier:
    """The channels of one organisation, and what they are still to be told."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._channels: dict[str, Channel] = {}
        self._pending: list[Told] = []
        context.store.subscribe(self._note)

    def live(self) -> dict[str, Channel]:
        """The channels that have not expired, by id."""
        now = self._context.clock.now()
        self._channels = {key: channel for key, channel in self._channels.items() if channel.expiry > now}
        return self._channels

    def put(self, channel: Channel) -> None:
        """Open a channel, or overwrite it; its modules are silent no longer."""
        troubles = self._context.part(Deliveries).troubles
        troubles.silent = [module for module in troubles.silent if module not in channel.modules]
        self._channels[channel.channel_id] = channel

    def end(self, channel_id: str) -> None:
        """Close a channel."""
        self._channels.pop(channel_id, None)

    def expire_all(self) -> int:
        """End every channel as its expiry would, without a word; gives how many lived."""
        ended = len(self.live())
        self._channels.clear()
        return ended

    def _note(self, change: Change) -> None:
        heard = list(self._heard(change))
        if heard and not self._pending:
            gathered = self._context.part(Deliveries).troubles.gather_ms / 1000
            asyncio.get_running_loop().call_later(gathered, self._flush)
        self._pending += heard

    def _heard(self, change: Change) -> Iterator[Told]:
        """What each channel hears of a change: the change, and those of the records that it links to."""
        troubles = self._context.part(Deliveries).troubles
        if change.cause in troubles.silent_causes:
            return
        for channel in self.live().values():
            related = self._related(change) if channel.notify_on_related_action else ()
            for each in (change, *related):
                if channel.wants(each.module, each.operation) and each.module not in troubles.silent:
                    yield told(self._context.store, channel, each)

    def _related(self, change: Change) -> list[Change]:
        """An edit of a contact is an edit of its company, too (FACTS 6): of whatever a lookup leads to."""
        if change.operation != "update":
            return []
        store = self._context.store
        targets = {
            (module, link["id"]): None
            for record in store.get_many(change.module, change.ids).values()
            for field in store.fields(change.module)
            if field["data_type"] == "lookup" and isinstance(link := record.get(field["api_name"]), dict)
            if (module := store.module_of(link["id"])) in MODULES
        }
        return [Change("update", str(module), (i,), (), change.user_id) for module, i in targets]

    def _flush(self) -> None:
        grouped: dict[tuple[str, str, str], list[Told]] = {}
        for each in self._pending:
            key = (each.channel.channel_id, each.change.module, each.change.operation)
            grouped.setdefault(key, []).append(each)
        self._pending = []
        deliveries = self._context.part(Deliveries)
        most = deliveries.troubles.ids_per_post
        now = int(self._context.clock.timestamp() * 1000)
        for together in grouped.values():
            for start in range(0, len(together), most):
                part = together[start : start + most]
                deliveries.tell(part[0].channel.notify_url, body_of(part, server_time=now))
