"""What a notification says. Source: FACTS 6, read.md 9 ("What arrives at notify_url")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bigin_sandbox.render import Renderer

if TYPE_CHECKING:
    from bigin_sandbox.rules.channels import Channel
    from bigin_sandbox.storage.store import Change, Store

# A deletion is not bare: seen live on the sister product.
OF_A_DELETION = ("Modified_By", "Record_Status__s")
DELETED = 0  # as Record_Status__s says it


@dataclass(frozen=True)
class Told:
    """A change that a channel is to hear of, and what the fields held at that moment, by record id."""

    channel: Channel
    change: Change
    values: dict[str, dict[str, Any]]


def told(store: Store, channel: Channel, change: Change) -> Told:
    """A change as the channel hears of it; with values if the channel asked for them."""
    asked = channel.return_affected_field_values
    return Told(channel, change, _values(store, channel, change) if asked else {})


def body_of(together: Sequence[Told], *, server_time: int) -> dict[str, Any]:
    """The body of one POST, of changes of one kind for one channel."""
    channel, first = together[0].channel, together[0].change
    changes = [each.change for each in together]
    body: dict[str, Any] = {
        "server_time": server_time,
        "query_params": channel.query_params,
        "module": first.module,
        "resource_uri": channel.resource_uri(first.module),
        "ids": [record_id for change in changes for record_id in change.ids],
        "affected_fields": [{i: _fields(change)} for change in changes for i in _named(change)],
        "operation": first.operation,
        "channel_id": channel.channel_id,
        "token": channel.token,
    }
    if channel.return_affected_field_values:
        pairs = [pair for each in together for pair in each.values.items()]
        body["affected_values"] = [{"record_id": key, "values": values} for key, values in pairs]
    return body


def _named(change: Change) -> Sequence[str]:
    """The records whose fields are named: an insert names none (seen live)."""
    return () if change.operation == "insert" else change.ids


def _fields(change: Change) -> list[str]:
    return list(OF_A_DELETION if change.operation == "delete" else change.fields)


def _values(store: Store, channel: Channel, change: Change) -> dict[str, dict[str, Any]]:
    """By record id: the fields of an update, all that an insert filled, who deleted."""
    renderer = Renderer(store, zone=channel.zone)
    if change.operation == "delete":
        who = renderer.user({"id": change.user_id}) if change.user_id else None
        return {i: {"Modified_By": who, "Record_Status__s": DELETED} for i in change.ids}
    known = store.fields_by_name(change.module).keys()
    values = {}
    for record_id, record in store.get_many(change.module, change.ids).items():
        names = change.fields if change.operation == "update" else [name for name in record if name in known]
        shown = renderer.single(change.module, record, names)
        values[record_id] = {name: value for name, value in shown.items() if name != "id"}
    return values
