"""A state that cannot be understood is named, and not taken for none; what one stream has costs that stream."""

from __future__ import annotations

from typing import Any

import pytest
from support.sandbox import Sandbox
from support.tap import run_tap


@pytest.mark.parametrize("wrapped", ["message", "singer_state", "both"])
def test_a_state_is_taken_out_of_what_holds_it(sandbox: Sandbox, wrapped: str) -> None:
    """A line of the target's output, or what `meltano state get` prints, is what people have at hand."""
    first = run_tap(sandbox, modules=["Contacts"], deleted_records="none")
    state = first.state if wrapped == "message" else {"singer_state": first.state}
    state = state if wrapped == "singer_state" else {"type": "STATE", "value": state}

    second = run_tap(sandbox, state=state, modules=["Contacts"], deleted_records="none")

    assert second.code == 0
    assert second.ids("Contacts") == []


def test_an_empty_file_is_no_state(sandbox: Sandbox) -> None:
    """A script that keeps the last line of a run that failed before its first state leaves one."""
    run = run_tap(sandbox, state="\n", modules=["Contacts"])

    assert run.code == 0
    assert run.ids("Contacts")


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("{", "state: not JSON"),
        ([], "state: expected an object"),
        ({"bookmarks": []}, "state: bookmarks: expected an object, got list"),
        ({"bookmarks": {"Contacts": "2026"}}, "state: bookmarks: Contacts: expected an object, got str"),
        (
            {
                "bookmarks": {
                    "Contacts": {"replication_key": "Modified_Time", "replication_key_value": "soon"}
                }
            },
            "state: bookmarks: Contacts: replication_key_value 'soon' is no moment",
        ),
        (
            {"bookmarks": {"Contacts": {"replication_key_value": "2026-05-14T09:00:00Z"}}},
            "has no replication_key beside it",
        ),
        ({"bookmarks": {"Contacts": {"pass": {"kind": "half"}}}}, "state: bookmarks: Contacts: pass"),
    ],
)
def test_a_malformed_state_is_named(sandbox: Sandbox, state: Any, said: str) -> None:
    """A state that is not understood must not be read as no state: that would read everything again."""
    run = run_tap(sandbox, state=state, modules=["Contacts"])

    assert run.code == 1
    assert said in run.log[-1]
    assert not run.said("Traceback")


@pytest.mark.parametrize(
    ("stream", "entry", "said"),
    [
        ("Contacts", "2026", "expected an object, got str"),
        ("Contacts", None, "expected an object, got NoneType"),
        ("Contacts", {"replication_key": "Modified_Time", "replication_key_value": "soon"}, "is no moment"),
        ("Contacts", {"fields": 7}, "fields: expected a list of names, got 7"),
        ("Contacts", {"fields": [["Email"]]}, "fields: expected a list of names"),
        ("Contacts", {"pass": {"kind": "half"}}, "pass: not as this tap writes it"),
        ("Contacts", {"deleted": "x"}, "deleted: expected an object, got str"),
        ("Contacts", {"deleted": {"since": "x"}}, "deleted: not as this tap writes it"),
        ("Contacts", {"deleted": {"gone": "x y"}}, "deleted: not as this tap writes it"),
        ("users", {"version": None}, "version None is no whole number"),
        ("users", {"version": "x"}, "version 'x' is no whole number"),
        ("Contacts", {"swept": "soon"}, "swept 'soon' is no moment such as"),
        ("Contacts", {"since": 7}, "since 7 is no moment such as"),
        ("deleted_records", {"modules": 7}, "modules: expected an object, got int"),
        (
            "deleted_records",
            {"modules": {"Contacts": True}},
            "modules: Contacts: expected an object, got bool",
        ),
        ("deleted_records", {"modules": {"Contacts": {"listed": "x"}}}, "modules: Contacts: not as"),
    ],
)
def test_a_malformed_entry_of_the_state_costs_its_stream(
    sandbox: Sandbox, stream: str, entry: Any, said: str
) -> None:
    """Some of them ended the run, with every stream. The entry goes out as it came: a person mends it."""
    state = {"bookmarks": {stream: entry}, "told": {}}

    run = run_tap(sandbox, state=state, modules=["Contacts", "Accounts"])

    assert run.code == 1
    assert f"{stream}: failed, the other streams are written. state: bookmarks: {stream}: " in run.log[-1]
    assert said in run.log[-1]
    assert not run.records.get(stream)
    assert run.ids("Accounts")
    assert run.state["bookmarks"][stream] == entry
    assert "replication_key_value" in run.state["bookmarks"]["Accounts"]
