"""A longer soak: people work in Bigin without pause while the tap runs again and again.

``python -m benchmarks.soak [SECONDS [SEED]]``. At the end the writers stop, the tap runs once more, and
what a warehouse would then hold is compared with the organisation, record by record.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from benchmarks import places

MODULES = ("Accounts", "Contacts", "Products", "Tasks", "Calls")
NAMES = {
    "Accounts": "Account_Name",
    "Contacts": "Last_Name",
    "Products": "Product_Name",
    "Tasks": "Subject",
    "Calls": "Subject",
}


class People:
    """Somebody who creates, edits and deletes, in a thread of their own, until told to stop."""

    def __init__(self, url: str, seed: int) -> None:
        self.url = url
        self.random = random.Random(seed)
        self.ids = {module: [each["id"] for each in dump(url, module)] for module in MODULES}
        self.did: Counter[str] = Counter()
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.work)

    def work(self) -> None:
        while not self.stopped.wait(self.random.uniform(0.0, 0.02)):
            for _ in range(self.random.randint(1, 6)):
                self.do(self.deed())

    def do(self, deed: dict[str, Any]) -> None:
        try:
            answer = places.control(self.url, "mutate", [deed])[0]
        except HTTPError:
            self.did["too late"] += 1  # went with its company
            return
        self.did[deed["op"]] += 1
        if deed["op"] == "create":
            self.ids[deed["module"]].append(answer["id"])

    def deed(self) -> dict[str, Any]:
        module = self.random.choice(MODULES)
        ids = self.ids[module]
        op = self.random.choices(("edit", "create", "delete"), (6, 2, 2))[0] if ids else "create"
        name = f"Soak {self.did.total()} {self.random.random()}"
        if op == "create":
            more = {"Call_Type": "Inbound", "Call_Duration": "01:00"} if module == "Calls" else {}
            return {"op": op, "module": module, "data": {NAMES[module]: name, **more}}
        at = self.random.randrange(len(ids))
        if op == "delete":
            return {"op": op, "module": module, "id": ids.pop(at)}
        return {"op": op, "module": module, "id": ids[at], "data": {NAMES[module]: name}}


class Warehouse:
    """What a loader would hold: the last row of each key, without those that were deleted."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, str]] = {module: {} for module in MODULES}
        self.read = 0

    def load(self, singer: Path) -> None:
        deleted = []
        for line in singer.open("rb"):
            message = json.loads(line)
            if message["type"] != "RECORD":
                continue
            self.read += 1
            record = message["record"]
            if message["stream"] == "deleted_records":
                deleted.append((record["module"], record["id"]))
            elif message["stream"] in self.rows:
                self.rows[message["stream"]][record["id"]] = record[NAMES[message["stream"]]]
        for module, record_id in deleted:
            self.rows.get(module, {}).pop(record_id, None)


def dump(url: str, module: str) -> list[dict[str, Any]]:
    return list(places.control(url, f"dump?module={module}"))


def soak(seconds: float, seed: int, paging: str) -> bool:
    """One soak under one reading of page tokens; True if nothing was lost."""
    with (
        tempfile.TemporaryDirectory() as name,
        places.sandbox(
            "--size", "6000", "--edition", "express", "--token-paging", paging, "--latency-ms", "5"
        ) as url,
    ):
        folder, warehouse, people = Path(name), Warehouse(), People(url, seed)
        config = places.config(
            folder,
            url,
            modules=list(MODULES),
            extraction_method="list",
            token_cache_path=str(folder / "token.json"),  # ten access tokens in ten minutes are all there are
        )
        state, output = folder / "state.json", folder / "out.singer"
        people.thread.start()
        ends, runs = time.monotonic() + seconds, 0
        while True:
            last = time.monotonic() >= ends
            if last:
                people.stopped.set()
                people.thread.join()
            command = [str(places.BIN / "tap-bigin"), "--config", str(config)]
            if state.exists():
                command += ["--state", str(state)]
            with output.open("wb") as out:
                subprocess.run(command, stdout=out, stderr=subprocess.DEVNULL, check=True)
            runs += 1
            warehouse.load(output)
            state.write_text(json.dumps(places.last_state(output)))
            if last:
                break
        return compare(warehouse, people, url, f"{paging}: {runs} runs, {warehouse.read} records read")


def compare(warehouse: Warehouse, people: People, url: str, what: str) -> bool:
    """Missing, stale and ghost rows; none is the only good answer."""
    missing = stale = ghosts = 0
    for module in MODULES:
        held = {each["id"]: each[NAMES[module]] for each in dump(url, module)}
        rows = warehouse.rows[module]
        missing += len(held.keys() - rows.keys())
        ghosts += len(rows.keys() - held.keys())
        stale += sum(rows[each] != held[each] for each in held.keys() & rows.keys())
    print(f"{what}, {dict(people.did)}: {missing} missing, {stale} stale, {ghosts} ghosts", flush=True)
    return not (missing or stale or ghosts)


if __name__ == "__main__":
    length = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    start = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    both = [soak(length, start, paging) for paging in ("keyset", "offset")]
    sys.exit(0 if all(both) else 1)
