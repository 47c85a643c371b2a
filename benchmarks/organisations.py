"""What one organisation costs a machine, run by run: calls, credits, memory, CPU, transactions.

    PYTHONPATH=tests python -m benchmarks.organisations

The figures of docs/explanation/a-thousand-organisations.md; the sandbox has the twelve modules of a small
organisation. The feed's log is in PostgreSQL, which counts the transactions.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy
from support.feed import ToldLog
from support.sandbox import Sandbox, start_sandbox

from benchmarks.feed import postgresql

RECORDS = 20_000
TAP = "from tap_bigin.tap import TapBigin; TapBigin.cli()"
WATCHED = """
import resource, subprocess, sys
with open(sys.argv[1], "wb") as out:
    subprocess.run(sys.argv[2:], stdout=out, stderr=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
LOG = "select sum(xact_commit) from pg_stat_database where datname = current_database()"


@dataclass(frozen=True)
class Cost:
    """Of one run."""

    calls: int
    credits: int
    megabytes: float
    cpu_seconds: float

    def row(self, name: str) -> str:
        """A line of the table."""
        memory = f"{self.megabytes:.0f} MB"
        return f"| {name} | {self.calls} | {self.credits} | {memory} | {self.cpu_seconds:.1f} s |"


@dataclass
class Runs:
    """Runs of the tap, each going on from the one before."""

    sandbox: Sandbox
    folder: Path
    settings: dict[str, Any]
    state: Any = None
    catalog: Any = None

    def run(self) -> Cost:
        """A run that reads the folder's files, as a scheduler starts it."""
        arguments = ["--config", self._file("config", self.settings)]
        arguments += ["--catalog", self._file("catalog", self.catalog)] if self.catalog else []
        arguments += ["--state", self._file("state", self.state)] if self.state else []
        out = self.folder / "out.jsonl"
        cost = measured(self.sandbox, [sys.executable, "-c", TAP, *arguments], out)
        lines = (json.loads(line) for line in out.open() if line.startswith('{"type":"STATE"'))
        self.state = [each["value"] for each in lines][-1]
        return cost

    def discover(self) -> None:
        """Take the catalog without the streams that describe the organisation."""
        command = [sys.executable, "-c", TAP, "--config", self._file("config", self.settings), "--discover"]
        self.catalog = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        for stream in self.catalog["streams"]:
            is_wanted = not stream["tap_stream_id"].startswith(("settings_", "Payroll"))
            for entry in stream["metadata"]:
                if not entry["breadcrumb"]:
                    entry["metadata"]["selected"] = is_wanted

    def _file(self, name: str, content: Any) -> str:
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(content))
        return str(path)


def measured(sandbox: Sandbox, command: list[str], out: Path) -> Cost:
    """What a command costs: in the sandbox's account, and in the system's."""
    before, cpu = sandbox.usage(), _cpu()
    ended = subprocess.run(
        [sys.executable, "-c", WATCHED, str(out), *command], capture_output=True, text=True, check=True
    )
    after = sandbox.usage()
    return Cost(
        after["calls"] - before["calls"],
        after["credits"] - before["credits"],
        int(ended.stdout) / 1024,
        _cpu() - cpu,
    )


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def organisation(size: str = "small") -> Iterator[tuple[Sandbox, Path]]:
    """A sandbox, and a folder for its runs."""
    running = start_sandbox("--size", size)
    sandbox = Sandbox(running.url)
    with tempfile.TemporaryDirectory() as folder:
        yield sandbox, Path(folder)
    sandbox.close()
    running.stop()


def main() -> None:
    """Print the tables."""
    print("| run of tap-bigin | calls | credits | peak memory | CPU |\n|---|---|---|---|---|")
    with organisation() as (sandbox, folder):
        runs = Runs(sandbox, folder, sandbox.settings_for(token_cache_path=str(folder / "token")))
        runs.discover()
        print(runs.run().row("first, 200 records"))
        print(runs.run().row("nothing new, by bookmarks"))
        with_feed(runs)
    with organisation(str(RECORDS)) as (sandbox, folder):
        runs = Runs(sandbox, folder, sandbox.settings_for(token_cache_path=str(folder / "token")))
        runs.discover()
        print(runs.run().row(f"first, {RECORDS:,} records"))


def with_feed(runs: Runs) -> None:
    """The same organisation with a feed."""
    with postgresql() as url:
        _told(runs, url.replace("postgresql:", "postgresql+psycopg:", 1))


def _told(runs: Runs, url: str) -> None:
    told = ToldLog(url)
    runs.settings["feed_log"], runs.settings["sweep_minutes"] = url, 600
    runs.run()
    contacts = [each["id"] for each in runs.sandbox.dump("Contacts")]
    engine = sqlalchemy.create_engine(url)
    for count in (0, 1, 10):
        for each in contacts[:count]:
            told.tell("Contacts", each)
        before = _asked(engine)
        cost = runs.run()
        after = _asked(engine)
        print(cost.row(f"with a feed, {count} told"), f"{after - before} transactions")
    engine.dispose()
    told.log.close()


def _asked(engine: sqlalchemy.Engine) -> int:
    time.sleep(1.5)  # the server's statistics are late by a second
    with engine.connect() as connection:
        return int(connection.execute(sqlalchemy.text(LOG)).scalar_one())


if __name__ == "__main__":
    main()
