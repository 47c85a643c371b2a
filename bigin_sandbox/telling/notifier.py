"""Tells the channels what happened to records, whoever did it.

Changes of one moment and one kind go out together, at most 100 ids a POST; there is no promise of order
or delivery (FACTS 6). Source: read.md 9, "What arrives at notify_url".
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from bigin_sandbox.render import Renderer
from bigin_sandbox.telling.deliveries import Deliveries

if TYPE_CHECKING:
    from bigin_sandbox.http.calls import Context
    from bigin_sandbox.rules.channels import Channel
    from bigin_sandbox.storage.store import Change

MAX_IDS = 100


class Notifier:
    """The channels of one organisation, and what they are still to be told."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._channels: dict[str, Channel] = {}
        self._pending: list[tuple[Channel, Change, dict[str, Any]]] = []
        context.store.subscribe(self._note)

    def live(self) -> dict[str, Channel]:
        """The channels that have not expired, by id."""
        now = self._context.clock.now()
        self._channels = {key: channel for key, channel in self._channels.items() if channel.expiry > now}
        return self._channels

    def put(self, channel: Channel) -> None:
        """Open a channel, or overwrite it."""
        self._channels[channel.channel_id] = channel

    def end(self, channel_id: str) -> None:
        """Close a channel."""
        self._channels.pop(channel_id, None)

    def _note(self, change: Change) -> None:
        wanting = [
            channel for channel in self.live().values() if channel.wants(change.module, change.operation)
        ]
        if wanting and not self._pending:
            asyncio.get_running_loop().call_soon(self._flush)
        for channel in wanting:
            self._pending.append((channel, change, self._values(channel, change)))

    def _values(self, channel: Channel, change: Change) -> dict[str, Any]:
        """What an update's fields hold now, by record id, if the channel asked for that."""
        if not channel.return_affected_field_values or change.operation != "update":
            return {}
        renderer = Renderer(self._context.store, zone=channel.zone)
        records = self._context.store.get_many(change.module, change.ids).items()
        return {key: renderer.single(change.module, record, change.fields) for key, record in records}

    def _flush(self) -> None:
        grouped: dict[tuple[str, str, str], list[tuple[Channel, Change, dict[str, Any]]]] = {}
        for channel, change, values in self._pending:
            key = (channel.channel_id, change.module, change.operation)
            grouped.setdefault(key, []).append((channel, change, values))
        self._pending = []
        for told in grouped.values():
            for start in range(0, len(told), MAX_IDS):
                self._send(told[start : start + MAX_IDS])

    def _send(self, told: list[tuple[Channel, Change, dict[str, Any]]]) -> None:
        channel, first, _ = told[0]
        changes = [change for _, change, _ in told]
        is_update = first.operation == "update"
        body: dict[str, Any] = {
            "server_time": int(self._context.clock.timestamp() * 1000),
            "query_params": channel.query_params,
            "module": first.module,
            "resource_uri": channel.resource_uri(first.module),
            "ids": [record_id for change in changes for record_id in change.ids],
            "affected_fields": [{i: list(c.fields)} for c in changes for i in c.ids] if is_update else [],
            "operation": first.operation,
            "channel_id": channel.channel_id,
            "token": channel.token,
        }
        if channel.return_affected_field_values:
            pairs = [pair for _, _, values in told for pair in values.items()]
            body["affected_values"] = [{"record_id": key, "values": values} for key, values in pairs]
        self._context.part(Deliveries).send(channel.notify_url, body)
