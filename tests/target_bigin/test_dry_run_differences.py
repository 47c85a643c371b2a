"""Whatever comes, under whatever settings: a dry run tells what the run then does, and what it takes.

A handful of seeds; ``make soak`` plays more.
"""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from concurrent.futures import Future

import pytest
from support.dry_runs import written
from support.dry_worlds import World
from support.target import run_target
from support.wide_worlds import WideWorld

from bigin_api import InFlight
from target_bigin.bulk import writer

FIRST_SEED = int(os.environ.get("DRY_RUNS_SEED", "1"))
SEEDS = range(FIRST_SEED, FIRST_SEED + int(os.environ.get("DRY_RUNS", "3")))


@pytest.fixture(autouse=True)
def _one_call_after_the_other(monkeypatch):
    """Which records share a call is for chance to say where an answer comes sooner than another."""

    def submit(_pool, work, *args):
        future = Future()
        try:
            future.set_result(work(*args))
        except Exception as error:  # noqa: BLE001 -- it is raised where the result is awaited
            future.set_exception(error)
        return future

    monkeypatch.setattr(InFlight, "submit", submit)


def told(run, report):
    """What of a run is to be the same: what became of the records, and what it took."""
    found = {
        stream: (dict(+Counter(account.outcomes)), dict(account.rejects), dict(account.notes))
        for stream, account in run.accounts.items()
    }
    price = report["of_the_run"] or {"calls": report["calls"], "credits": report["credits"]}
    return {**found, "": (type(run.error).__name__, price)}


def there(sandbox, folder):
    """What a dry run is to leave as it is: what was written to Bigin, and the run's files."""
    own = ("report.json", "rejects.jsonl")
    files = {each.name: each.read_bytes() for each in folder.iterdir() if each.name not in own}
    return written(sandbox), files


@pytest.mark.parametrize("kind", [World, WideWorld])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_dry_run_is_the_run(sandbox, tmp_path, monkeypatch, seed, kind):
    """Counts, rejects by code and field, notes, calls and credits; and nothing is touched."""
    monkeypatch.setattr(writer, "WORTH_A_JOB", 8)  # so that `auto` makes jobs, too
    world = kind(sandbox, random.Random(seed), tmp_path)
    sandbox.bulk(seconds_per_state=0.01)  # a job is asked once how far it is
    report = tmp_path / "report.json"
    settings = {**world.settings, "run_report_path": str(report)}
    if world.earlier:
        run_target(sandbox, tmp_path, world.earlier, **{**settings, **world.settings_of_earlier})
    before = there(sandbox, tmp_path)

    dry = run_target(sandbox, tmp_path, world.messages, dry_run=True, **settings)
    planned = told(dry, json.loads(report.read_text()))
    assert there(sandbox, tmp_path) == before
    real = run_target(sandbox, tmp_path, world.messages, **settings)

    done = told(real, json.loads(report.read_text()))
    told_otherwise = {
        name: (planned.get(name), done[name]) for name in done if planned.get(name) != done[name]
    }
    assert not told_otherwise, f"{kind.__name__}, seed {seed}: {settings['streams']}"
