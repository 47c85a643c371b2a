"""What a process sees of ``tap-bigin``: its exit code and its two outputs, at every kind of end."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.sandbox import Sandbox
from support.tap import run_process

FEW = {"modules": ["Contacts", "Tasks"]}


def test_a_good_run_ends_with_0(sandbox: Sandbox) -> None:
    """All that is written is Singer messages; what a person reads goes beside them."""
    found = run_process(sandbox, "--discover", **FEW)
    run = run_process(sandbox, catalog=json.loads(found.stdout), **FEW)

    assert (found.code, run.code) == (0, 0)
    assert {each["type"] for each in run.messages} == {"SCHEMA", "RECORD", "STATE"}
    assert len(run.ids("Contacts")) == sandbox.count("Contacts")
    assert "Total: " in run.log[-1]


@pytest.mark.parametrize("arguments", [(), ("--discover",), ("--test",)])
@pytest.mark.parametrize(
    ("settings", "says"),
    [({"modules": "Contacts"}, "modules: "), ({"client_secret": "wrong"}, "client_secret")],
)
def test_a_wrong_setting_ends_with_1(
    sandbox: Sandbox, arguments: tuple[str, ...], settings: dict[str, Any], says: str
) -> None:
    """A scheduler looks at the exit code, a person at the last line."""
    run = run_process(sandbox, *arguments, **settings)

    assert run.code == 1
    assert says in run.log[-1]
    assert not run.stdout
    assert not run.said("Traceback")


def test_a_stream_that_failed_ends_with_1(sandbox: Sandbox) -> None:
    """The other streams are written, and the run does not look like a success."""
    sandbox.fault("GET /Contacts", status=500, times=None)

    run = run_process(sandbox, max_retries=0, **FEW)

    assert run.code == 1
    assert len(run.ids("Tasks")) == sandbox.count("Tasks")
    assert "Contacts: failed" in run.log[-1]


def test_a_budget_that_is_reached_ends_with_0(sandbox: Sandbox) -> None:
    """The next run goes on: nothing went wrong."""
    sandbox.settings(most_per_page=2)

    run = run_process(sandbox, credit_budget=60)

    assert run.code == 0
    assert "The state says where the next run goes on" in run.log[-1]
    assert run.state
