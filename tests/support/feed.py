"""A running ``bigin feed serve`` in the hands of a test.

feed.url, feed.secret, feed.token, feed.channel_id      how it is reached, as `status --secrets` shows it
feed.health()                                           status code and body of GET /health
feed.notify({"ids": ["7"]}, …)                          a POST as Bigin would send it

log = ToldLog(url); log.tell("Contacts", "7")           a log without a receiver, as the tap reads it
"""

from __future__ import annotations

import copy
import json
import re
import signal
import socket
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import requests

from bigin_feed.log import FeedLog, Post, now_text
from bigin_feed.notifications import Told
from support.processes import PIPE, start
from support.sandbox import Sandbox
from support.tap import TapRun

LISTENING = re.compile(r"bigin feed: listening on (http://\S+), (.*)")
DEADLINE = 30  # seconds
MODULES = ["Contacts", "Notes", "Products", "Tasks"]  # few, and one of each kind: told of, not told of


def free_port() -> int:
    """A port that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Feed:
    """The command as a process of its own."""

    def __init__(self, folder: Path, settings: dict[str, Any], *, port: int | None = None) -> None:
        port = port or free_port()
        self.port = port
        self.config = folder / "feed.json"
        self.log_url = settings["feed_log"]
        self.config.write_text(json.dumps({"public_url": f"http://127.0.0.1:{port}", **settings}))
        self.errors = folder / "feed.err"
        with self.errors.open("a") as errors:
            self.process = start(
                *("bigin", "feed", "serve", "--config", str(self.config), "--port", str(port)),
                stdout=PIPE,
                stderr=errors,
                text=True,
            )
        assert self.process.stdout
        self.first_line = self.process.stdout.readline().strip()
        match = LISTENING.fullmatch(self.first_line)
        if match is None:
            self.process.wait(DEADLINE)
            self.process.stdout.close()
            pytest.fail(f"it did not start: {self.first_line!r} {self.errors.read_text()}")
        self.url, self.said = match[1], match[2]
        with FeedLog(self.log_url, read_only=True) as log:
            kept = log.kept()["feed"]
        self.secret, self.token, self.channel_id = kept["secret"], kept["token"], kept["channel_id"]

    def health(self) -> tuple[int, dict[str, Any]]:
        """What it says of itself."""
        answer = requests.get(f"{self.url}/health", timeout=DEADLINE)
        return answer.status_code, answer.json()

    def post(self, path: str, **arguments: Any) -> requests.Response:
        """Any POST."""
        return requests.post(f"{self.url}{path}", timeout=DEADLINE, **arguments)

    def notify(self, **changes: Any) -> requests.Response:
        """A good notification, but for the changes."""
        return self.post(f"/notify/{self.secret}", json=self.body(**changes))

    def body(self, **changes: Any) -> dict[str, Any]:
        """What Bigin would send."""
        return {
            "server_time": 1772442904000,
            "query_params": {},
            "module": "Contacts",
            "resource_uri": "https://www.zohoapis.eu/bigin/v1/Contacts",
            "ids": ["6100000000000451010"],
            "operation": "update",
            "affected_fields": [{"6100000000000451010": ["Phone"]}],
            "channel_id": self.channel_id,
            "token": self.token,
            **changes,
        }

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it by a signal; gives the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(DEADLINE)
        assert self.process.stdout
        rest = self.process.stdout.read()
        self.process.stdout.close()
        assert rest == "", "more than one line on stdout"
        return code


class ToldLog:
    """A log without a receiver: a test says what was told. Made in 1970, its numbers begin at 1."""

    def __init__(self, url: str, *, made: str = "1970-01-01T00:00:00Z") -> None:
        self.url = url
        self.log = FeedLog(url, now=lambda: made)

    def tell(self, module: str, *ids: str, operation: str = "update", **more: Any) -> int:
        """One notification of some records, stored now; gives the log's head."""
        told = [Told("1", module, each, operation, **more) for each in ids]
        return self.log.append([Post(told, now_text())])

    def tell_of(self, sandbox: Sandbox, *wishes: dict[str, Any]) -> list[str]:
        """People at work, each deed told of; gives the ids of the records."""
        operations = {"create": "insert", "edit": "update", "delete": "delete"}
        done = []
        for wish, answer in zip(wishes, sandbox.mutate(*wishes), strict=True):
            done.append(wish.get("id") or answer["id"])
            self.tell(wish["module"], done[-1], operation=operations[wish["op"]])
        return done

    def silence(self, why: str = "nobody listened") -> None:
        """Notifications may have been missed."""
        self.log.append(silence=(now_text(), now_text(), why))


def swept_ago(state: dict[str, Any], **ago: float) -> dict[str, Any]:
    """The same state of the tap, its sweeps so much earlier."""
    earlier = copy.deepcopy(state)
    moment = datetime.now(timezone.utc) - timedelta(**ago)
    earlier["feed"]["swept"] = dict.fromkeys(earlier["feed"]["swept"], moment.strftime("%Y-%m-%dT%H:%M:%SZ"))
    return earlier


def emitted(run: TapRun) -> dict[str, list[str]]:
    """Ids of the records of a run, by stream."""
    return {stream: [each["id"] for each in records] for stream, records in run.records.items() if records}


def edit(module: str, record_id: str, **data: Any) -> dict[str, Any]:
    """A person's edit, as `mutate` takes it."""
    return {"op": "edit", "module": module, "id": record_id, "data": data}
