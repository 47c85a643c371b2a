"""Where a benchmark runs: a sandbox of its own, config files, the plugins' commands."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

BIN = Path(sys.executable).parent
CREDENTIALS = {
    "client_id": "sandbox-client",
    "client_secret": "sandbox-secret",
    "refresh_token": "sandbox-refresh",
}


@contextmanager
def sandbox(*options: str) -> Iterator[str]:
    """A sandbox in a process of its own; gives its address."""
    command = [str(BIN / "bigin-sandbox"), "serve", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            said = process.stdout.readline() if process.stdout else ""
            address = re.search(r"http://[\d.:]+", said)
            if address is None:
                sys.exit(f"The sandbox did not start: {said}")
            yield address.group()
        finally:
            process.terminate()


def control(url: str, path: str, body: object = None) -> Any:
    """Ask something of the sandbox itself, outside the API."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        f"{url}/_sandbox/{path}", data=data, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=300) as answer:
        return json.load(answer)


def credits_spent(url: str) -> int:
    """What the sandbox charged until now."""
    return int(control(url, "usage")["credits"])


def config(folder: Path, url: str, name: str = "config.json", **settings: Any) -> Path:
    """A config file for a plugin that talks to ``url``."""
    path = folder / name
    path.write_text(json.dumps({**CREDENTIALS, "api_url": url, "accounts_url": url, **settings}))
    return path


def catalog(
    folder: Path, config_path: Path, *, tables_only: bool = False, without: Collection[str] = ()
) -> Path:
    """The tap's own catalog; ``tables_only`` leaves out what is no module of records, ``without`` fields."""
    command = [str(BIN / "tap-bigin"), "--config", str(config_path), "--discover"]
    found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    for stream in found["streams"]:
        entries = {tuple(each["breadcrumb"]): each["metadata"] for each in stream["metadata"]}
        entries[()]["selected"] = not tables_only or stream.get("replication_key") == "Modified_Time"
        for name in without:
            if ("properties", name) in entries:
                entries["properties", name]["selected"] = False
    path = folder / "catalog.json"
    path.write_text(json.dumps(found))
    return path


def last_state(output: Path) -> dict[str, Any]:
    """The last STATE that a tap wrote."""
    state: dict[str, Any] = {}
    with output.open("rb") as lines:
        for line in lines:
            if line.startswith((b'{"type":"STATE"', b'{"type": "STATE"')):
                state = json.loads(line)["value"]
    return state
