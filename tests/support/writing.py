"""Writes by hand: what a test says to the sandbox, and what it looks at in the answers."""

from __future__ import annotations

from typing import Any

from support.sandbox import Sandbox

Entry = dict[str, Any]


def send(sandbox: Sandbox, method: str, path: str, *records: Any, **body: Any) -> tuple[int, Any]:
    """A write of these records; `body` holds keys beside `data`. Gives the status and the entries."""
    answer = sandbox.api(method, path, json={"data": list(records), **body})
    return answer.status_code, answer.json().get("data", answer.json())


def insert(sandbox: Sandbox, module: str, **values: Any) -> str:
    """A record that is taken; gives its id."""
    status, entries = send(sandbox, "POST", f"/{module}", values)
    assert status == 201, entries
    return str(entries[0]["details"]["id"])


def refusal(sandbox: Sandbox, module: str, **values: Any) -> Entry:
    """A record that is not taken; gives the entry that says why."""
    status, entries = send(sandbox, "POST", f"/{module}", values)
    assert status == 400, entries
    entry: Entry = entries[0]
    assert entry["status"] == "error"
    return entry


def read(sandbox: Sandbox, module: str, record_id: str) -> Entry:
    """A record as GET /{module}/{id} shows it."""
    answer = sandbox.api("GET", f"/{module}/{record_id}")
    assert answer.status_code == 200, answer.text
    record: Entry = answer.json()["data"][0]
    return record


def exists(sandbox: Sandbox, module: str, record_id: str) -> bool:
    """Whether a record can still be read."""
    return sandbox.api("GET", f"/{module}/{record_id}").status_code == 200


def codes(entries: list[Entry]) -> list[str]:
    """What became of each record, in the order of the answer."""
    return [entry["code"] for entry in entries]


def credits_of(sandbox: Sandbox, endpoint: str) -> int:
    """What the calls of one kind have cost."""
    return int(sandbox.usage()["by_endpoint"][endpoint]["credits"])
