"""A Bulk Read job by hand: make, wait, fetch its file."""

from __future__ import annotations

import csv
import io
import time
import zipfile
from typing import Any

import requests

from support.sandbox import Sandbox

BULK = "/bigin/bulk/v2"
PATIENCE = 20  # seconds until a job counts as stuck


def create(sandbox: Sandbox, query: dict[str, Any] | None = None, **body: Any) -> requests.Response:
    """The answer to a job's being made."""
    return sandbox.api(
        "POST", "/read", base=BULK, json={"query": query, **body} if query is not None else body
    )


def made(answer: requests.Response) -> str:
    """The id of a job that was made."""
    assert answer.status_code == 201, answer.text
    return answer.json()["data"][0]["details"]["id"]


def status(sandbox: Sandbox, job: str) -> dict[str, Any]:
    """How far a job is."""
    answer = sandbox.api("GET", f"/read/{job}", base=BULK)
    assert answer.status_code == 200, answer.text
    (entry,) = answer.json()["data"]
    return entry


def download(sandbox: Sandbox, job: str) -> requests.Response:
    """The answer to whoever asks for the file."""
    return sandbox.api("GET", f"/read/{job}/result", base=BULK)


def finished(sandbox: Sandbox, job: str) -> dict[str, Any]:
    """The last status of a job."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        entry = status(sandbox, job)
        if entry["state"] in {"COMPLETED", "FAILURE"}:
            return entry
        time.sleep(0.01)
    raise AssertionError(f"still {entry['state']}")


def content_of(answer: requests.Response) -> tuple[str, str]:
    """Name and text of the file that came."""
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        (name,) = archive.namelist()
        return name, archive.read(name).decode()


def rows_of(sandbox: Sandbox, query: dict[str, Any]) -> tuple[list[dict[str, str]], dict[str, Any]]:
    """Run a job to its end: its rows as dicts, and its result."""
    job = made(create(sandbox, query))
    entry = finished(sandbox, job)
    assert entry["state"] == "COMPLETED"
    _, text = content_of(download(sandbox, job))
    return list(csv.DictReader(io.StringIO(text))), entry["result"]
