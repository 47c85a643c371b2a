"""Whatever comes, under whatever settings: a dry run tells what the run then does, and what it takes.

A handful of seeds; ``make soak`` plays more.
"""

from __future__ import annotations

import json
import os
import random
from collections import Counter

import pytest
from support.dry_worlds import World
from support.target import run_target

FIRST_SEED = int(os.environ.get("DRY_RUNS_SEED", "1"))
SEEDS = range(FIRST_SEED, FIRST_SEED + int(os.environ.get("DRY_RUNS", "3")))


def told(run, report):
    """What of a run is to be the same: what became of the records, and what it took."""
    found = {
        stream: (dict(+Counter(account.outcomes)), dict(account.rejects))
        for stream, account in run.accounts.items()
    }
    price = report["of_the_run"] or {"calls": report["calls"], "credits": report["credits"]}
    return {**found, "": (type(run.error).__name__, price)}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_dry_run_is_the_run(sandbox, tmp_path, seed):
    """Counts, rejects by code and field, calls and credits."""
    world = World(sandbox, random.Random(seed), tmp_path)
    sandbox.bulk(seconds_per_state=0.01)  # a job is asked once how far it is
    report = tmp_path / "report.json"
    settings = {**world.settings, "run_report_path": str(report)}
    if world.earlier:
        run_target(sandbox, tmp_path, world.earlier, **settings)

    dry = run_target(sandbox, tmp_path, world.messages, dry_run=True, **settings)
    planned = told(dry, json.loads(report.read_text()))
    real = run_target(sandbox, tmp_path, world.messages, **settings)

    done = told(real, json.loads(report.read_text()))
    told_otherwise = {
        name: (planned.get(name), done[name]) for name in done if planned.get(name) != done[name]
    }
    assert not told_otherwise, f"seed {seed}: {settings['streams']}"
