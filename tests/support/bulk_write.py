"""A Bulk Write job by hand: pack, upload, make, wait, read the result."""

from __future__ import annotations

import csv
import io
import time
import zipfile
from typing import Any

from support.sandbox import Sandbox

BULK = "/bigin/bulk/v2"
PATIENCE = 20  # seconds until a job counts as stuck


def packed(**members: str | bytes) -> bytes:
    """A zip of these members; `people_csv="…"` becomes `people.csv`."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("_", "."), text)
    return content.getvalue()


def upload(sandbox: Sandbox, content: bytes, **headers: str) -> Any:
    """The answer to an upload with good headers, unless they are overridden."""
    zgid = sandbox.api("GET", "/org").json()["org"][0]["zgid"]
    sent = {"feature": "bulk-write", "X-CRM-ORG": zgid, **headers}
    files = {"file": ("people.zip", content, "application/zip")}
    return sandbox.api("POST", "/upload", files=files, headers=sent)


def uploaded(sandbox: Sandbox, text: str | bytes) -> str:
    """The file_id of an uploaded CSV."""
    return upload(sandbox, packed(people_csv=text)).json()["details"]["file_id"]


def body(
    file_id: str, operation: str = "upsert", module: str = "Contacts", **resource: Any
) -> dict[str, Any]:
    """The body of a job; None leaves a key of the resource out."""
    whole = {"type": "data", "module": module, "file_id": file_id, **resource}
    return {"operation": operation, "resource": [{k: v for k, v in whole.items() if v is not None}]}


def create(sandbox: Sandbox, job: dict[str, Any]) -> Any:
    """The answer to a job's being made."""
    return sandbox.api("POST", "/write", base=BULK, json=job)


def made(answer: Any) -> str:
    """The id of a job that was made."""
    assert answer.status_code == 201, answer.text
    return answer.json()["details"]["id"]


def status(sandbox: Sandbox, job: str) -> dict[str, Any]:
    """How far a job is."""
    answer = sandbox.api("GET", f"/write/{job}", base=BULK)
    assert answer.status_code == 200, answer.text
    return answer.json()


def finished(sandbox: Sandbox, job: str) -> dict[str, Any]:
    """The last status of a job."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        seen = status(sandbox, job)
        if seen["status"] in {"COMPLETED", "FAILED"}:
            return seen
        time.sleep(0.01)
    raise AssertionError(f"still {seen['status']}")


def result_text(sandbox: Sandbox, seen: dict[str, Any]) -> tuple[str, str]:
    """Name and text of a finished job's result."""
    answer = sandbox.api("GET", seen["result"]["download_url"], base="")
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        (name,) = archive.namelist()
        return name, archive.read(name).decode()


def run(
    sandbox: Sandbox, text: str | bytes, operation: str = "upsert", module: str = "Contacts", **more: Any
) -> tuple[list[dict[str, str]], dict[str, Any]]:
    """Rows of the result and counts of a job from beginning to end; `job` adds to its body."""
    whole = {**body(uploaded(sandbox, text), operation, module, **more), **more.pop("job", {})}
    whole["resource"][0].pop("job", None)
    seen = finished(sandbox, made(create(sandbox, whole)))
    assert seen["status"] == "COMPLETED", seen
    rows = list(csv.DictReader(io.StringIO(result_text(sandbox, seen)[1])))
    return rows, seen["resource"][0]["file"]
