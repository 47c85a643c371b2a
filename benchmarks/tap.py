"""tap-bigin: wall time at a latency, CPU time without one, memory, price."""

from __future__ import annotations

import calendar
import json
import re
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks import places
from benchmarks.made_pages import serving
from benchmarks.measure import Took, run
from benchmarks.table import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

TAP = str(places.BIN / "tap-bigin")
RICH_TEXT = ("Terms",)
LATENCY = 0.250  # seconds
ORGANISATION = ("--size", "60000", "--custom-modules", "8", "--edition", "express", "--latency-ms", "250")


def side_by_side() -> Iterator[Row]:
    """20 streams, 60,000 records, 250 ms a call: against one call at a time; then nothing new."""
    with tempfile.TemporaryDirectory() as name, places.sandbox(*ORGANISATION) as url:
        folder = Path(name)
        before = places.credits_spent(url)
        plain = run([sys.executable, "-m", "benchmarks.plain", "read", url])
        plain_credits = places.credits_spent(url) - before
        # A list cuts rich text to 500 characters, and the plain script takes it so; the tap reads the
        # whole of it, a credit each. It is left out here.
        discovered = places.config(folder, url, max_concurrent_requests=10)
        catalog = places.catalog(folder, discovered, tables_only=True, without=RICH_TEXT)
        output = folder / "out.singer"
        for in_flight, wanted in ((5, 4.0), (10, 6.0)):
            config = places.config(folder, url, max_concurrent_requests=in_flight)
            before = places.credits_spent(url)
            with output.open("wb") as out:
                took = run([TAP, "--config", str(config), "--catalog", str(catalog)], stdout=out)
            spent = places.credits_spent(url) - before
            yield Row(
                f"first run, {in_flight} in flight: faster than one at a time",
                plain.wall / took.wall,
                wanted,
                "x",
                least=True,
                seen=f"{took.wall:.1f} s against {plain.wall:.1f} s",
            )
            yield Row(
                f"first run, {in_flight} in flight: credits against one at a time",
                spent / plain_credits,
                1.0,
                "x",
                seen=f"{spent} against {plain_credits}",
            )
        yield from _nothing_new(folder, config, catalog, output)


def _nothing_new(folder: Path, config: Path, catalog: Path, output: Path) -> Iterator[Row]:
    state = folder / "state.json"
    state.write_text(json.dumps(places.last_state(output)))
    started = median(start_up() for _ in range(3))
    command = [TAP, "--config", str(config), "--catalog", str(catalog), "--state", str(state)]
    wall = median(_wall_of(command, folder / "again.singer") for _ in range(3))
    trips = (wall - started) / LATENCY
    yield Row("nothing new: round trips of wall time beside start-up", trips, 6.0, "", seen=f"{wall:.2f} s")


def _wall_of(command: list[str], output: Path) -> float:
    with output.open("wb") as out:
        return run(command, stdout=out).wall


def start_up() -> float:
    """Seconds from the start of the process to its first request."""
    with serving(0) as url, tempfile.TemporaryDirectory() as name:
        log = Path(name) / "api.jsonl"
        config = places.config(Path(name), url, api_log_path=str(log))
        begun = time.time()
        run([TAP, "--config", str(config), "--discover"])
        first = json.loads(log.read_text().splitlines()[0])
        ended = time.strptime(first["time"][:19], "%Y-%m-%dT%H:%M:%S")
        return calendar.timegm(ended) + float("0." + first["time"][20:23]) - first["ms"] / 1000 - begun


def starts() -> Iterator[Row]:
    """Import to first request."""
    yield Row("start-up: import to first request", min(start_up() for _ in range(5)), 0.7, "s")


def cpu() -> Iterator[Row]:
    """50,000 records of 30 fields, no latency: CPU of the whole process against the SDK from memory."""
    records = 50_000
    base = sorted(_sdk(records) for _ in range(3))[1]
    with serving(records) as url, tempfile.TemporaryDirectory() as name:
        for method, most in (("list", 2.0), ("bulk", 3.0)):
            config = places.config(
                Path(name), url, extraction_method=method, modules=["Contacts"], deleted_records="none"
            )
            catalog = places.catalog(Path(name), config, tables_only=True)
            took = sorted((_tap(config, catalog) for _ in range(3)), key=lambda each: each.cpu)[1]
            yield Row(
                f"CPU by {method}, 50,000 x 30: times the SDK's own from memory",
                took.cpu / base,
                most,
                "x",
                seen=f"{took.cpu:.2f} s against {base:.2f} s",
            )


def _sdk(records: int) -> float:
    took = run([sys.executable, "-m", "benchmarks.sdk_tap", str(records)])
    made = re.search(r"made_cpu=([\d.]+)", took.stderr)
    return took.cpu - float(made[1] if made else 0)


def _tap(config: Path, catalog: Path) -> Took:
    return run([TAP, "--config", str(config), "--catalog", str(catalog)])
