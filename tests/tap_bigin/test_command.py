"""What a process sees of ``tap-bigin``: its exit code and its two outputs, at every kind of end."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.sandbox import Sandbox
from support.tap import aged, discover, run_process, run_tap, select

FEW = {"modules": ["Contacts", "Tasks"]}


def test_a_good_run_ends_with_0(sandbox: Sandbox) -> None:
    """All that is written is Singer messages; what a person reads goes beside them."""
    found = run_process(sandbox, "--discover", **FEW)
    run = run_process(sandbox, catalog=json.loads(found.stdout), **FEW)

    assert (found.code, run.code) == (0, 0)
    assert {each["type"] for each in run.messages} == {"SCHEMA", "RECORD", "STATE", "ACTIVATE_VERSION"}
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


def test_a_budget_with_which_no_run_comes_further_is_an_error(sandbox: Sandbox) -> None:
    """It was spent again each hour, exit 0, and nothing ever came."""
    run = run_tap(sandbox, modules=["C*", "Tasks", "Notes", "Products"], credit_budget=1)

    assert run.code == 1
    assert not run.ids("Contacts")
    assert "at least" in run.log[-1]


def test_within_a_budget_streams_come_to_their_end_one_after_the_other(sandbox: Sandbox) -> None:
    """What is begun goes first, so that a small budget reads everything in the end."""
    sandbox.settings(most_per_page=2)
    catalog = select(discover(sandbox, modules=["Contacts", "Accounts"]), "Contacts", "Accounts")
    state: Any = None
    ended: list[set[str]] = []
    for _ in range(30):
        run = run_tap(sandbox, catalog=catalog, state=state, credit_budget=14, deleted_records="none")
        assert run.code == 0
        state = run.state
        entries = state["bookmarks"]
        assert len([name for name, entry in entries.items() if "pass" in entry]) <= 1
        ended.append({name for name, entry in entries.items() if "replication_key_value" in entry})
        if len(ended[-1]) == 2:
            break

    assert len(ended[-1]) == 2
    assert 2 < len(ended) < 30


@pytest.mark.parametrize("is_fresh", [True, False])
def test_with_a_budget_each_stream_takes_its_turn_until_all_is_read(
    sandbox: Sandbox,
    *,
    is_fresh: bool,
) -> None:
    """What the first streams cost again at each run, and the metadata of all, was everything it did."""
    modules = ("Accounts", "Contacts", "Notes", "Pipelines", "Tasks")
    catalog = select(discover(sandbox, modules=[*modules]), *modules, "deleted_records", "users")
    if not is_fresh:
        aged(catalog, seconds=25 * 3600)
    state: Any = None
    read: set[str] = set()
    for _ in range(16):
        before = sandbox.calls("GET /settings/fields")
        run = run_tap(sandbox, catalog=catalog, state=state, credit_budget=7, modules=[*modules])
        state = run.state
        read |= {name for name in run.schemas if run.ids(name)}
        assert run.code == 0, run.log[-1]
        described = sandbox.calls("GET /settings/fields") - before
        assert described <= (1 if is_fresh else 4)  # two of them may be of modules that deals link to
        done = {name for name in modules if "replication_key_value" in state["bookmarks"].get(name, {})}
        if done == {*modules} and {"users", "deleted_records"} <= read:
            break

    assert done == {*modules}
    assert {"users", "deleted_records"} <= read
