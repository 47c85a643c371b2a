"""How long it takes from an edit in Bigin to the row in PostgreSQL, with ``bigin feed run`` and a plain pipe.

People edit at five changes a second. An edit counts as seen when SQL shows it, or a later one of its record.
"""

from __future__ import annotations

import json
import os
import random
import shlex
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from benchmarks import feed, places
from benchmarks.table import Row

SECONDS = float(os.environ.get("FRESHNESS_SECONDS", "300"))
CHANGES_PER_SECOND = 5
NAMES = {"Contacts": "Last_Name", "Products": "Product_Name", "Tasks": "Subject"}
PATIENCE = 60  # seconds that the last edit may take
MEDIAN, NEARLY_ALL = 5.0, 10.0  # seconds
LOOK_SECONDS = 0.05


class Editors:
    """People who edit, each edit with a number of its own in the record's name."""

    def __init__(self, url: str) -> None:
        self._url = url
        chance = random.Random(1)
        ids = [
            (module, each["id"]) for module in NAMES for each in places.control(url, f"dump?module={module}")
        ]
        self._ring = chance.sample(ids, len(ids))
        self.edits: list[tuple[str, str, float]] = []  # module, id, when

    def work(self, seconds: float) -> None:
        """Edit until so many seconds have passed."""
        begun = time.monotonic()
        while (now := time.monotonic()) < begun + seconds:
            module, record_id = self._ring[len(self.edits) % len(self._ring)]
            data = {NAMES[module]: f"Edit {len(self.edits)}"}
            self.edits.append((module, record_id, now))
            places.control(
                self._url, "mutate", [{"op": "edit", "module": module, "id": record_id, "data": data}]
            )
            time.sleep(max(0.0, begun + len(self.edits) / CHANGES_PER_SECOND - time.monotonic()))


class Watcher:
    """Somebody who asks PostgreSQL again and again which edits it shows."""

    def __init__(self, url: str, editors: Editors) -> None:
        self._url, self._editors = url, editors
        self.seen: dict[int, float] = {}  # seconds from the edit to the row
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def wait(self, patience: float) -> None:
        """Until every edit was seen, or patience ends."""
        ends = time.monotonic() + patience
        while len(self.seen) < len(self._editors.edits) and time.monotonic() < ends:
            time.sleep(LOOK_SECONDS)
        self._is_over.set()
        self._thread.join()

    def _look(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            while not self._is_over.wait(LOOK_SECONDS):
                self._note(dict(_shown(connection)), time.monotonic())

    def _note(self, shown: dict[tuple[str, str], int], now: float) -> None:
        for number, (module, record_id, when) in enumerate(list(self._editors.edits)):
            if number not in self.seen and shown.get((module, record_id), -1) >= number:
                self.seen[number] = now - when


def _shown(connection: psycopg.Connection[Any]) -> Iterator[tuple[tuple[str, str], int]]:
    for module, name in NAMES.items():
        found = connection.execute(
            "select id, record->>%s from records where stream = %s and record->>%s like 'Edit %%'",
            [name, module, name],
        )
        for record_id, text in found:
            yield (module, record_id), int(text.removeprefix("Edit "))


def freshness() -> Iterator[Row]:
    """Seconds from the edit to the row, and what it cost."""
    with (
        tempfile.TemporaryDirectory() as name,
        feed.postgresql() as warehouse,
        places.sandbox("--size", "medium", "--edition", "express") as url,
    ):
        folder = Path(name)
        log = f"sqlite:///{folder / 'feed.sqlite'}"
        with feed.receiver(folder, log, api=url):
            pipe = _pipe(folder, url, log, warehouse)
            subprocess.run(["bash", "-o", "pipefail", "-c", pipe], check=True, stderr=subprocess.DEVNULL)
            with psycopg.connect(warehouse) as connection:
                connection.execute("delete from runs")
            before = places.credits_spent(url)
            editors = Editors(url)
            watcher = Watcher(warehouse, editors)
            with _supervised(log, pipe):
                editors.work(SECONDS)
                watcher.wait(PATIENCE)
            yield from _rows(editors, watcher, warehouse, places.credits_spent(url) - before)


def _pipe(folder: Path, url: str, log: str, warehouse: str) -> str:
    config = places.config(
        folder,
        url,
        modules=list(NAMES),
        feed_log=log,
        token_cache_path=str(folder / "token.json"),
    )
    catalog, state = places.catalog(folder, config, tables_only=True), folder / "state.json"
    state.write_text(json.dumps({}))
    tap = [str(places.BIN / "tap-bigin"), "--config", str(config)]
    tap += ["--catalog", str(catalog), "--state", str(state)]
    loader = [sys.executable, "-m", "benchmarks.postgres_loader", warehouse, str(state)]
    return f"{shlex.join(tap)} | {shlex.join(loader)}"


@contextmanager
def _supervised(log: str, pipe: str) -> Iterator[None]:
    command = [*feed.BIGIN, "feed", "run", "--log", log, "--", pipe]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)


def _rows(editors: Editors, watcher: Watcher, warehouse: str, spent: int) -> Iterator[Row]:
    with psycopg.connect(warehouse) as connection:
        found = connection.execute(
            "select count(*), count(*) filter (where records > 0) from runs"
        ).fetchone()
    runs, busy = found or (0, 0)
    seconds = sorted(watcher.seen.values())
    count, unseen = len(editors.edits), len(editors.edits) - len(seconds)
    what = f"Feed: {CHANGES_PER_SECOND} changes a second for {SECONDS:.0f} s, from the edit to the row"
    seen = f"{count:,} edits, {unseen} never seen; {runs} runs, {busy} of them with records"
    yield Row(f"{what}, p50", statistics.median(seconds), MEDIAN, "s", seen=seen)
    yield Row(
        f"{what}, p95", seconds[int(len(seconds) * 0.95)], NEARLY_ALL, "s", seen=f"most {seconds[-1]:.1f} s"
    )
    allowed = count / 100 + busy * len(NAMES)
    yield Row("Feed: credits for that, 1 a hundred changes and 1 a module a run", spent, allowed, "")
