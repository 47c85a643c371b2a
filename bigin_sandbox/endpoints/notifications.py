"""`/actions/watch`: channels by which Bigin tells of changes. Source: FACTS 6, read.md 9, write.md 11."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bigin_sandbox.clock import in_zone, to_text
from bigin_sandbox.http.answers import (
    Answer,
    Refusal,
    invalid_data,
    json_answer,
    limit_exceeded,
    no_content,
    required_param_missing,
)
from bigin_sandbox.http.calls import ApiCall, Route
from bigin_sandbox.rules.channels import (
    ALL,
    Subscriber,
    check_channel,
    check_channel_id,
    check_events,
    not_subscribed,
)
from bigin_sandbox.rules.reading.paging import page_number, positive
from bigin_sandbox.rules.writing.refused import RecordRefused
from bigin_sandbox.telling.notifier import Notifier

if TYPE_CHECKING:
    from bigin_sandbox.rules.channels import Channel

MAX_CHANNELS = 100
MAX_PER_PAGE = 200
Entry = dict[str, Any]
SUBSCRIBED = "Successfully subscribed for actions-watch of the given module"
UPDATED = "Successfully updated the subscribe details"
REMOVED = "Successfully removed the subscribe details"
ENDED = "Successfully un-subscribed from actions-watch"


def subscribe(call: ApiCall) -> Answer:
    """Open channels; one that is open already is renewed."""

    def work(entry: Any, path: str) -> list[Entry]:
        channel = _read_channel(call, entry, path)
        call.context.part(Notifier).put(channel)
        return [_success(SUBSCRIBED, {"events": [_event(call, channel, name) for name in channel.modules]})]

    return _each(call, work, good=201)


def overwrite(call: ApiCall) -> Answer:
    """Replace channels: what is not sent is gone."""

    def work(entry: Any, path: str) -> list[Entry]:
        channel = _read_channel(call, entry, path)
        notifier = call.context.part(Notifier)
        if channel.channel_id not in notifier.live():
            raise not_subscribed()
        notifier.put(channel)
        return [_success(UPDATED, {"events": [_event(call, channel, name) for name in channel.modules]})]

    return _each(call, work, good=200)


def remove_events(call: ApiCall) -> Answer:
    """Drop single events, if `_delete_events` is true; otherwise nothing happens, successfully."""

    def work(entry: Any, path: str) -> list[Entry]:
        channel_id = check_channel_id(entry if isinstance(entry, dict) else {}, path)
        channel = call.context.part(Notifier).live().get(channel_id)
        if channel is None:
            raise not_subscribed()
        events = check_events(entry, path)
        if entry.get("_delete_events") is True:
            _drop(call.context.part(Notifier), channel, set(events))
        return [_success(REMOVED, _resource(call, channel, name)) for name in channel.modules]

    return _each(call, work, good=200)


def unsubscribe(call: ApiCall) -> Answer:
    """End channels: an entry for each channel and module. Only unknown ones: 202, seen live."""
    wanted = [part for part in call.params.get("channel_ids", "").split(",") if part]
    if not wanted:
        raise required_param_missing("channel_ids")
    notifier = call.context.part(Notifier)
    found = [notifier.live().get(channel_id) for channel_id in wanted]
    entries: list[Entry] = []
    for channel in found:
        if channel is None:
            entries.append(not_subscribed().entry)
            continue
        notifier.end(channel.channel_id)
        entries += [_success(ENDED, _resource(call, channel, name)) for name in channel.modules]
    status = 200 if all(found) else 207 if any(found) else 202
    return json_answer({"watch": entries}, status)


def list_channels(call: ApiCall) -> Answer:
    """The live channels, an item for each channel and module."""
    page, per_page = page_number(call), min(positive(call, "per_page", MAX_PER_PAGE), MAX_PER_PAGE)
    items = [
        _item(call, channel, module)
        for channel in call.context.part(Notifier).live().values()
        for module in channel.modules
        if call.params.get("channel_id", channel.channel_id) == channel.channel_id
        and call.params.get("module", module) == module
    ]
    shown = items[(page - 1) * per_page : page * per_page]
    if not shown:
        return no_content()
    more = page * per_page < len(items)
    info = {"per_page": per_page, "count": len(shown), "page": page, "more_records": more}
    return json_answer({"watch": shown, "info": info})


def _each(call: ApiCall, work: Callable[[Any, str], list[Entry]], *, good: int) -> Answer:
    """Do the work for each entry of `watch`: one that is refused touches no other."""
    watch = call.json_object().get("watch")
    if watch is None:
        raise Refusal(400, "MANDATORY_NOT_FOUND", "required field not found", {"api_name": "watch"})
    if not isinstance(watch, list) or not watch:
        raise invalid_data(api_name="watch", expected_data_type="jsonarray")
    if len(watch) > MAX_CHANNELS:
        raise limit_exceeded("too many channels", api_name="watch", maximum_length=MAX_CHANNELS)
    worked = [_tried(work, entry, f"$.watch[{place}]") for place, entry in enumerate(watch)]
    accepted = sum(is_good for is_good, _ in worked)
    status = 400 if not accepted else 207 if accepted < len(watch) else good
    return json_answer({"watch": [entry for _, entries in worked for entry in entries]}, status)


def _tried(work: Callable[[Any, str], list[Entry]], entry: Any, path: str) -> tuple[bool, list[Entry]]:
    try:
        return True, work(entry, path)
    except RecordRefused as refusal:
        return False, [refusal.entry]


def _read_channel(call: ApiCall, entry: Any, path: str) -> Channel:
    settings = call.context.settings
    subscriber = Subscriber(
        call.context.clock.now(),
        call.base_url,
        call.zone,
        timedelta(seconds=settings.default_channel_seconds),
        timedelta(seconds=settings.longest_channel_seconds),
    )
    return check_channel(entry, path, subscriber)


def _drop(notifier: Notifier, channel: Channel, events: set[str]) -> None:
    """Take events out of a channel; one without any is ended. `Module.all` takes all of the module's."""
    whole = {event.partition(".")[0] for event in events if event.endswith(f".{ALL}")}
    left = tuple(e for e in channel.events if e not in events and e.partition(".")[0] not in whole)
    if left:
        notifier.put(replace(channel, events=left))
    else:
        notifier.end(channel.channel_id)


def _success(message: str, details: Entry) -> Entry:
    return {"code": "SUCCESS", "details": details, "message": message, "status": "success"}


def _resource(call: ApiCall, channel: Channel, module: str) -> Entry:
    described = call.store.module(module) or {}
    return {
        "resource_uri": channel.resource_uri(module),
        "resource_id": described.get("id"),
        "channel_id": channel.channel_id,
    }


def _event(call: ApiCall, channel: Channel, module: str) -> Entry:
    expiry = in_zone(to_text(channel.expiry), call.zone)
    return {"channel_expiry": expiry, "resource_name": module, **_resource(call, channel, module)}


def _item(call: ApiCall, channel: Channel, module: str) -> Entry:
    return {
        "notify_on_related_action": channel.notify_on_related_action,
        "return_affected_field_values": channel.return_affected_field_values,
        "notify_url": channel.notify_url,
        "fields": None,
        "events": [event for event in channel.events if event.startswith(f"{module}.")],
        "token": channel.token,
        **_event(call, channel, module),
    }


_WATCH = "/actions/watch"
ROUTES = [
    Route("POST", _WATCH, subscribe, scopes=("ZohoBigin.notifications.CREATE",)),
    Route("GET", _WATCH, list_channels, scopes=("ZohoBigin.notifications.READ",)),
    Route("PUT", _WATCH, overwrite, scopes=("ZohoBigin.notifications.UPDATE",)),
    Route("PATCH", _WATCH, remove_events, scopes=("ZohoBigin.notifications.UPDATE",)),
    Route("DELETE", _WATCH, unsubscribe, scopes=("ZohoBigin.notifications.DELETE",)),
]
