"""A queue for programs that are no Singer tap: start a session, drain it, acknowledge.

A device gets each changed record as it is now, once however often it changed, until it acknowledges it.
What is acknowledged is forgotten unless the record changed since it was handed out.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil
from typing import Any

from bigin_api import BiginError, Client
from bigin_api.limits import MAX_FIELDS_PER_CALL, MAX_IDS_PER_CALL
from bigin_feed.log import Due, FeedLog, acknowledge, bring_to, device_position

MODIFIED = "Modified_Time"
MOST_SESSIONS = 100
SESSION_SECONDS = 900.0  # after which a session that nobody asks for is dropped


class SyncRefused(Exception):  # noqa: N818 -- reads as what happened
    """The device gets nothing; the status says why as HTTP does."""

    def __init__(self, status_code: int, detail: str) -> None:
        super().__init__(detail)
        self.status_code, self.detail = status_code, detail


@dataclass
class Session:
    """What one device is handed out, item by item."""

    id: str
    items: list[Due]
    used: float
    handed_out: int = 0


class SyncFlow:
    """The sessions of all devices. Safe for many threads."""

    def __init__(self, log: FeedLog, client: Client, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._log, self._client, self._clock = log, client, clock
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    def start(self, device: str) -> dict[str, Any] | None:
        """A session with what the device has not acknowledged; None if there is nothing.

        Raises SyncRefused: 429 for too many sessions, 410 once for a device that was away for too long.
        """
        state = self._log.state()
        position = device_position(self._log, device)
        if position is None or state.why_not_from(state.id, position) is not None:
            bring_to(self._log, device, state.head)
            if position is not None:
                raise SyncRefused(410, "the log no longer has what came since: read everything anew")
            return None
        changes = self._log.changes(position, state.head)
        due = bring_to(self._log, device, state.head, changes)
        return self._begin(sorted(due, key=lambda each: each.module)) if due else None

    def items(self, session_id: str) -> dict[str, Any] | None:
        """The session's next items as they are now; None if there are none. Raises SyncRefused (404).

        Costs a credit for at most 100 records of a module and 50 fields.
        """
        with self._lock:
            session = self._sessions.get(session_id)
            if session is None:
                raise SyncRefused(404, "no such session")
            session.used = self._clock()
            due = session.items[session.handed_out : session.handed_out + MAX_IDS_PER_CALL]
            session.handed_out += len(due)
            left = len(session.items) - session.handed_out
        if not due:
            return None
        found, failed = self._fetch(due)
        meta = {"type": "collection", "count": len(found), "count_left": left, "failed_objects": failed}
        return {"items": found, "meta": meta}

    def acknowledge(self, device: str, keys: Sequence[str]) -> None:
        """Forget what the device has. A key that is none of ours is ignored."""
        acknowledge(self._log, device, [each for each in map(_from_key, keys) if each is not None])

    def _begin(self, due: list[Due]) -> dict[str, Any]:
        now = self._clock()
        session = Session(uuid.uuid4().hex, due, now)
        with self._lock:
            kept = {key: each for key, each in self._sessions.items() if now - each.used < SESSION_SECONDS}
            if sum(each.handed_out < len(each.items) for each in kept.values()) >= MOST_SESSIONS:
                raise SyncRefused(429, "too many sessions are open")
            self._sessions = {**kept, session.id: session}
        queue = {
            "data": {"name": "main", "pages": ceil(len(due) / MAX_IDS_PER_CALL), "total_count": len(due)},
            "meta": {"type": "sync_queue", "links": {"self": f"/v2/sync/{session.id}/queues/main"}},
        }
        return {"data": {"id": session.id, "queues": [queue]}, "meta": {"type": "sync_session"}}

    def _fetch(self, due: Sequence[Due]) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
        items: list[dict[str, Any]] = []
        failed: list[dict[str, str]] = []
        for module, group in groupby(due, key=lambda each: each.module):
            of_module = list(group)
            try:
                records = self._records(module, [each.id for each in of_module])
            except BiginError:
                failed += [{"type": module, "id": each.id} for each in of_module]
                continue
            for each in of_module:
                record = records.get(each.id)
                # Absence alone is no deletion: a record under approval is missing too.
                if record is not None or (each.event == "deleted" and each.id not in records):
                    items.append(_item(each, record))
                else:
                    failed.append({"type": module, "id": each.id})
        return items, failed

    def _records(self, module: str, ids: Sequence[str]) -> dict[str, dict[str, Any] | None]:
        """Those that are there; None for one that changed between the calls for its fields."""
        named = (each.api_name for each in self._client.metadata.fields(module))
        names = [each for each in named if each != MODIFIED]
        parts = []
        for start in range(0, len(names), MAX_FIELDS_PER_CALL - 1):
            fields = [MODIFIED, *names[start : start + MAX_FIELDS_PER_CALL - 1]]
            records = self._client.records.by_ids(module, ids, fields)
            parts.append({str(record["id"]): record for record in records})
        return {each: _whole([part.get(each, {}) for part in parts]) for each in set().union(*parts)}


def _whole(parts: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """One record, None if its parts are of different states; {} stands for one that did not come."""
    whole: dict[str, Any] = {}
    for part in parts:
        if not part or part.get(MODIFIED) != parts[0].get(MODIFIED):
            return None
        whole |= part
    return whole


def _item(due: Due, record: dict[str, Any] | None) -> dict[str, Any]:
    event = due.event
    if event == "deleted" and record is not None:
        event = "updated"  # told before or brought back: there it is
    return {
        "data": {"id": due.id} if record is None else record,
        "meta": {
            "type": due.module,
            "sync": {"event_type": event, "ack_key": f"{due.module}-{due.id}-{due.seq}", "revision": due.seq},
        },
    }


def _from_key(key: str) -> Due | None:
    module, _, rest = key.partition("-")
    record_id, _, seq = rest.partition("-")
    is_number = record_id.isdecimal() and seq.isdecimal() and len(seq) < 19  # noqa: PLR2004 -- of 64 bits
    if not is_number or "\0" in module:  # which PostgreSQL refuses
        return None
    return Due(module, record_id, int(seq), "")
