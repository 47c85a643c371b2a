"""Rows that are gone are told by versions: after a full reading what has an older one is not there."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from support.rewriting import OtherBigin
from support.sandbox import Sandbox
from support.tap import TapRun, discover, run_tap

DAY = 24 * 3_600


class Warehouse:
    """A loader with add_record_metadata: it drops the rows of older versions, and none without a version."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, Any], int | None] = {}

    def load(self, run: TapRun) -> None:
        """What the messages of a run do."""
        for message in run.messages:
            stream = message.get("stream")
            if message["type"] == "RECORD":
                self.rows[stream, message["record"]["id"]] = message.get("version")
            if message["type"] == "ACTIVATE_VERSION":
                for key, version in list(self.rows.items()):
                    if key[0] == stream and version is not None and version < message["version"]:
                        del self.rows[key]

    def ids(self, stream: str) -> set[Any]:
        """What it holds of a stream."""
        return {record_id for name, record_id in self.rows if name == stream}


def _activated(run: TapRun) -> list[str]:
    return [each["stream"] for each in run.messages if each["type"] == "ACTIVATE_VERSION"]


def _days_pass(sandbox: Sandbox, days: float) -> None:
    sandbox.clock(advance=int(days * DAY))
    sandbox.forget_tokens()


def _run(sandbox: Sandbox, state: Any = None, **settings: Any) -> TapRun:
    run = run_tap(sandbox, modules=["Notes", "Contacts"], state=state, **settings)
    assert run.code == 0
    return run


def _held(sandbox: Sandbox, module: str) -> set[str]:
    return {each["id"] for each in sandbox.dump(module)}


@pytest.mark.parametrize(("sweep", "days"), [("weekly", 7), ("daily", 1)])
def test_a_note_that_is_deleted_leaves_the_warehouse_with_the_next_sweep(
    sandbox: Sandbox, sweep: str, days: int
) -> None:
    """Bigin lists no deletions of notes: their ghosts stayed for ever without a word."""
    warehouse = Warehouse()
    first = _run(sandbox, deletion_sweep=sweep)
    warehouse.load(first)
    gone, kept = (each["id"] for each in sandbox.dump("Notes")[:2])
    sandbox.mutate({"op": "delete", "module": "Notes", "id": gone})
    sandbox.mutate({"op": "edit", "module": "Notes", "id": kept, "data": {"Note_Title": "Edited"}})

    _days_pass(sandbox, days / 2)
    second = _run(sandbox, first.state, deletion_sweep=sweep)
    warehouse.load(second)
    assert "Notes" not in _activated(second)
    assert kept in second.ids("Notes")
    assert gone in warehouse.ids("Notes")

    _days_pass(sandbox, days / 2 + 0.1)
    third = _run(sandbox, second.state, deletion_sweep=sweep)
    warehouse.load(third)

    assert "Notes" in _activated(third)
    assert warehouse.ids("Notes") == _held(sandbox, "Notes")
    assert third.said("Notes: reads everything to find what was deleted")
    assert len(third.ids("Contacts")) < sandbox.count("Contacts")


def test_rows_of_incremental_runs_carry_the_version_that_is_active(sandbox: Sandbox) -> None:
    """A row without a version never expires."""
    first = _run(sandbox)
    note = sandbox.dump("Notes")[0]["id"]
    sandbox.clock(advance=3_600)
    sandbox.mutate({"op": "edit", "module": "Notes", "id": note, "data": {"Note_Title": "Edited"}})

    second = _run(sandbox, first.state)

    versions = {
        message["version"]
        for run in (first, second)
        for message in run.messages
        if message["type"] == "RECORD" and message["stream"] == "Notes"
    }
    assert len(versions) == 1
    assert note in second.ids("Notes")


def test_a_module_whose_deletions_are_listed_has_no_versions(sandbox: Sandbox) -> None:
    """It costs a full reading, and the list costs a call."""
    run = _run(sandbox)

    assert "Contacts" not in _activated(run)
    contacts = [each for each in run.messages if each["type"] == "RECORD" and each["stream"] == "Contacts"]
    assert not any("version" in each for each in contacts)


def test_off_is_off(sandbox: Sandbox) -> None:
    """Who says so keeps the ghosts."""
    first = _run(sandbox, deletion_sweep="off")
    _days_pass(sandbox, 8)
    second = _run(sandbox, first.state, deletion_sweep="off")

    assert "Notes" not in [*_activated(first), *_activated(second)]
    assert len(second.ids("Notes")) == 0


def test_a_stream_that_is_read_whole_at_each_run_drops_what_is_gone(sandbox: Sandbox) -> None:
    """Users, tags, views and the like have no key of change."""
    warehouse = Warehouse()
    catalog = discover(sandbox, modules=["Contacts"])
    first = run_tap(sandbox, catalog=catalog, modules=["Contacts"])
    warehouse.load(first)
    views = warehouse.ids("settings_custom_views")
    sandbox.clock(advance=60)
    other = OtherBigin(sandbox)
    other.rewrite("/settings/custom_views", lambda _, body: body["custom_views"].pop())

    second = run_tap(other, catalog=catalog, modules=["Contacts"], state=first.state)
    warehouse.load(second)

    other.close()
    assert {"users", "settings_tags", "settings_custom_views"} <= set(_activated(second))
    assert warehouse.ids("settings_custom_views") < views


def test_a_reading_that_lacks_something_activates_nothing(sandbox: Sandbox) -> None:
    """What did not come may be there all the same."""
    other = OtherBigin(sandbox)
    other.rewrite("/Notes", lambda _, body: body["data"].append(None))

    run = run_tap(other, modules=["Notes"])

    other.close()
    assert run.code == 0
    assert "Notes" not in _activated(run)
    assert "sweeping" in run.state["bookmarks"]["Notes"]


def test_a_sweep_that_is_cut_off_deletes_nothing_and_is_finished_by_the_next_run(sandbox: Sandbox) -> None:
    """A budget ends it in the middle: rows that were not reached are not gone."""
    sandbox.settings(most_per_page=2)
    warehouse = Warehouse()
    cut = run_tap(sandbox, modules=["Notes"], credit_budget=7, deleted_records="none")
    warehouse.load(cut)
    assert "Notes" not in _activated(cut)
    assert 0 < len(warehouse.ids("Notes")) < sandbox.count("Notes")

    whole = run_tap(sandbox, modules=["Notes"], state=cut.state, deleted_records="none")
    warehouse.load(whole)

    assert "Notes" in _activated(whole)
    assert warehouse.ids("Notes") == _held(sandbox, "Notes")
    swept = datetime.fromisoformat(whole.state["bookmarks"]["Notes"]["swept"].replace("Z", "+00:00"))
    now = datetime.fromisoformat(sandbox.clock().replace("Z", "+00:00"))
    assert timedelta() <= now - swept < timedelta(seconds=60)


def test_a_full_refresh_sends_the_tombstones_that_are_still_listed(sandbox: Sandbox) -> None:
    """The warehouse of an earlier state may hold what is gone."""
    gone = sandbox.dump("Contacts")[0]["id"]
    sandbox.mutate({"op": "delete", "module": "Contacts", "id": gone})

    run = run_tap(sandbox, modules=["Contacts"], deleted_records="soft")

    assert run.latest("Contacts")[gone]["_sdc_deleted_at"]
