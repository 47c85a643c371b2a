"""A warehouse of dictionaries, loaded with what a tap wrote, and with as much of it as a loader that dies got."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Message = dict[str, Any]


class Warehouse:
    """The last row of each key by stream, without rows that deleted_records says are gone; and the state."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.changes: dict[tuple[int, str], Any] = {}
        self.state: Any = None

    def load(self, messages: Sequence[Message]) -> None:
        """Store messages in their order; the state is kept once all before it is stored."""
        for message in messages:
            if message["type"] == "STATE":
                self.state = message["value"]
            if message["type"] == "RECORD":
                self._store(message["stream"], message["record"])

    def _store(self, stream: str, record: dict[str, Any]) -> None:
        if stream == "changes":
            self.changes[record["seq"], record["field"]] = record
        elif stream != "deleted_records":
            self.rows.setdefault(stream, {})[record["id"]] = record
        elif record["type"] != "restored":
            self.rows.get(record["module"], {}).pop(record["id"], None)

    def differences(self, held: dict[str, dict[str, Any]], names: dict[str, str]) -> dict[str, list[str]]:
        """What is missing, stale or a ghost beside what Bigin holds, by the field that ``names`` a record."""
        found: dict[str, list[str]] = {"missing": [], "stale": [], "ghosts": []}
        for module, records in held.items():
            rows = self.rows.get(module, {})
            found["missing"] += sorted(records.keys() - rows.keys())
            found["ghosts"] += sorted(rows.keys() - records.keys())
            name = names[module]
            found["stale"] += [
                each for each in records.keys() & rows.keys() if records[each][name] != rows[each][name]
            ]
        return {what: ids for what, ids in found.items() if ids}
