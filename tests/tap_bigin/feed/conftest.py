"""Runs of the tap with a feed, whose log a test writes."""

from __future__ import annotations

import pytest
from support.feed import MODULES, ToldLog
from support.tap import run_tap


@pytest.fixture
def log(tmp_path):
    made = ToldLog(f"sqlite:///{tmp_path / 'feed.sqlite'}")
    yield made
    made.log.close()


@pytest.fixture
def run(sandbox, log, tmp_path):
    """``run(state)``: a run of some modules with the feed, its token kept from run to run."""

    def run(state=None, catalog=None, *, code=0, **settings):
        fixed = {"modules": MODULES, "feed_log": log.url, "token_cache_path": str(tmp_path / "token.json")}
        ended = run_tap(sandbox, state=state, catalog=catalog, **{**fixed, **settings})
        assert ended.code == code, ended.log
        return ended

    return run


@pytest.fixture
def first(run):
    """The first run, which reads everything."""
    return run()


@pytest.fixture
def spent(sandbox):
    """``spent(call)``: what a call costs in credits, and the calls by endpoint."""

    def spent(call):
        before = sandbox.usage()
        result = call()
        after = sandbox.usage()
        calls = {
            name: each["calls"] - before["by_endpoint"].get(name, {"calls": 0})["calls"]
            for name, each in after["by_endpoint"].items()
        }
        made = {name: count for name, count in calls.items() if count}
        return result, after["credits"] - before["credits"], made

    return spent
