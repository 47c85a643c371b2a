"""tap-bigin killed in the middle of a first load: has it handed on what it paid for?

``python -m benchmarks.tap_killed [SEED …]`` for several organisations.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import places
from benchmarks.table import Row
from benchmarks.tap import TAP

if TYPE_CHECKING:
    from collections.abc import Iterator

ORGANISATION = ("--size", "30000", "--edition", "express")
LATENCY_MS = 400
SECONDS = 40
LEAST_SHARE = 0.8
NO_STREAM = "metadata"


def killed(seed: int = 1) -> Iterator[Row]:
    """30,000 records at 400 ms a call, SIGKILL after 40 s.

    What a stream's credits bring is known from a whole run before.
    """
    with tempfile.TemporaryDirectory() as name, places.sandbox(*ORGANISATION, "--seed", str(seed)) as url:
        all_records, all_credits = _run(Path(name), url)
        places.control(url, "settings", {"latency_ms": LATENCY_MS})
        records, credits_ = _run(Path(name), url, seconds=SECONDS)
    paid = sum(credits_[each] * all_records[each] / all_credits[each] for each in all_credits)
    yield Row(
        f"killed after {SECONDS} s, organisation {seed}: records against what its credits bring",
        records.total() / paid,
        LEAST_SHARE,
        "",
        least=True,
        seen=f"{records.total():,} of {paid:,.0f} records, {credits_.total()} credits",
    )


def _run(folder: Path, url: str, *, seconds: float | None = None) -> tuple[Counter[str], Counter[str]]:
    """Records written and credits spent by stream, of a run that is killed after so many seconds."""
    log, output = folder / "api.jsonl", folder / "out.singer"
    log.unlink(missing_ok=True)
    config = places.config(folder, url, api_log_path=str(log))
    with output.open("wb") as out:
        process = subprocess.Popen([TAP, "--config", str(config)], stdout=out, stderr=subprocess.DEVNULL)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
    records, credits_ = Counter[str](), Counter[str]()
    for line in output.open("rb"):
        if line.startswith(b'{"type":"RECORD"'):
            records[json.loads(line)["stream"]] += 1
    for line in log.open("rb"):
        call = json.loads(line)
        if call["stream"] not in (None, NO_STREAM):
            credits_[call["stream"]] += call["credits"]
    return records, credits_


if __name__ == "__main__":
    for number in map(int, sys.argv[1:] or ["1"]):
        for row in killed(number):
            print(row, flush=True)
