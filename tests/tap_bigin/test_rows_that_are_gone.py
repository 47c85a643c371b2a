"""Rows that are gone are told by versions: after a full reading what has an older one is not there."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.rewriting import OtherBigin, Rewritten
from support.sandbox import Sandbox
from support.tap import TapRun, discover, run_tap, select

from tap_bigin.streams.stream import BiginStream

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
    assert "sweeping" not in run.state["bookmarks"]["Notes"]


def test_what_was_missing_before_a_run_was_cut_off_is_not_gone_after_it(sandbox: Sandbox) -> None:
    """The run that ends the reading did not see what the first one left out."""
    sandbox.settings(most_per_page=2)
    other = OtherBigin(sandbox)
    other.rewrite("/Notes", lambda _, body: body["data"].append(None))
    cut = run_tap(other, modules=["Notes"], credit_budget=7, deleted_records="none")
    other.close()
    assert "pass" in cut.state["bookmarks"]["Notes"]

    whole = run_tap(sandbox, modules=["Notes"], state=cut.state, deleted_records="none")

    assert "pass" not in whole.state["bookmarks"]["Notes"]
    assert "Notes" not in _activated(whole)


@pytest.mark.parametrize(
    ("path", "stream", "settings"),
    [
        ("/Contacts/.*/Products", "contacts_products", {"related_lists": ["Contacts.Products"]}),
        ("/Contacts/.*/Emails", "contacts_emails", {"related_lists": ["Contacts.Emails"]}),
        ("/coql", "contacts_products", {"related_lists": ["Contacts.Products"]}),
        ("/Contacts", "viewed", {"custom_views": [{"name": "viewed", "module": "Contacts"}]}),
        ("/coql", "asked", {"queries": [{"name": "asked", "query": "select Last_Name from Contacts"}]}),
        ("/users", "users", {}),
    ],
)
def test_a_row_that_is_none_keeps_every_kind_of_stream_from_telling_what_is_gone(
    sandbox: Sandbox, path: str, stream: str, settings: dict[str, Any]
) -> None:
    """It may be any of those that were there before."""
    for view in settings.get("custom_views", ()):
        known = sandbox.api("GET", "/settings/custom_views", params={"module": "Contacts"}).json()
        view["cvid"] = known["custom_views"][0]["id"]
    other = OtherBigin(sandbox)

    def spoil(_: Any, body: Any) -> None:
        rows = next(each for each in body.values() if isinstance(each, list))
        rows.append({"Last_Name": "without an id"})

    chosen = {"modules": ["Contacts"], "deleted_records": "none", **settings}
    catalog = select(discover(sandbox, **chosen), stream)
    good = run_tap(sandbox, catalog=catalog, **chosen)
    other.rewrite(path, spoil)
    bad = run_tap(other, catalog=catalog, state=good.state, **chosen)

    other.close()
    assert stream in _activated(good)
    assert bad.code == 0
    assert good.ids(stream)
    assert stream not in _activated(bad)


def test_what_one_module_does_not_tell_today_is_not_gone(sandbox: Sandbox) -> None:
    """Views of contacts that are refused once were taken for deleted; refused always they are none of ours."""
    catalog = select(discover(sandbox, modules=["Contacts", "Tasks"]), "settings_custom_views")
    warehouse, runs = Warehouse(), []
    other = OtherBigin(sandbox)
    refused: set[str] = {"Tasks"}

    def refuse(asked: Any) -> Rewritten | None:
        body = {"code": "NO_PERMISSION", "details": {}, "message": "no", "status": "error"}
        return Rewritten.of(body, 403) if asked.query.get("module") in refused else None

    other.answering("/settings/custom_views", refuse)
    for now in ({"Tasks"}, {"Tasks", "Contacts"}, {"Tasks"}):
        refused.clear()
        refused.update(now)
        state = runs[-1].state if runs else None
        runs.append(run_tap(other, modules=["Contacts", "Tasks"], catalog=catalog, state=state))
        warehouse.load(runs[-1])
        sandbox.clock(advance=5)

    other.close()
    assert [bool(_activated(run)) for run in runs] == [True, False, True]
    assert runs[1].said("without Contacts, which Bigin does not tell of now")
    assert warehouse.ids("settings_custom_views") == set(runs[0].ids("settings_custom_views"))


def test_what_a_module_tells_of_itself_is_handed_on_as_it_comes(sandbox: Sandbox) -> None:
    """A credit each: all waited for the last one, and a run that was killed had paid for them in vain."""
    modules, stream = ["Contacts", "Products", "Tasks"], "settings_custom_views"
    catalog = select(discover(sandbox, modules=modules), stream)
    whole = run_tap(sandbox, modules=modules, catalog=catalog)
    *_, last = (each["module"] for each in whole.records[stream])
    sandbox.fault("GET /settings/custom_views", query=f"*module={last}*", status=500, times=None)

    broken = run_tap(sandbox, modules=modules, catalog=catalog, max_retries=0)

    assert broken.code == 1
    assert broken.records[stream] == [each for each in whole.records[stream] if each["module"] != last] != []
    assert stream in _activated(whole)
    assert stream not in _activated(broken)


def test_notes_that_are_read_as_a_related_list_are_swept_too(sandbox: Sandbox) -> None:
    """They come from the one list of notes, by what was modified, which tells of no deletion."""
    chosen = {"modules": ["Contacts"], "related_lists": ["Contacts.Notes"], "deleted_records": "none"}
    catalog = select(discover(sandbox, **chosen), "contacts_notes")
    warehouse = Warehouse()
    first = run_tap(sandbox, catalog=catalog, **chosen)
    warehouse.load(first)
    gone = first.ids("contacts_notes")[0]
    sandbox.mutate({"op": "delete", "module": "Notes", "id": gone})
    _days_pass(sandbox, 1)
    second = run_tap(sandbox, catalog=catalog, state=first.state, **chosen)
    _days_pass(sandbox, 7)
    warehouse.load(third := run_tap(sandbox, catalog=catalog, state=second.state, **chosen))

    assert _activated(second) == []
    assert _activated(third) == ["contacts_notes"]
    assert warehouse.ids("contacts_notes") == set(first.ids("contacts_notes")) - {gone}


@pytest.mark.parametrize("said", [None, "soon", "Wed, 14 May 2099 09:00:00 GMT"])
def test_versions_rise_whatever_clock_bigin_shows(sandbox: Sandbox, said: str | None) -> None:
    """With the version of before nothing expires, and a clock that was ahead once would end all sweeps."""
    other = OtherBigin(sandbox)

    def clocked(_: Any, answer: Rewritten) -> None:
        answer.headers = {name: each for name, each in answer.headers.items() if name.lower() != "date"}
        answer.headers |= {"Date": said} if said else {}

    other.changing("/.*", clocked)
    chosen = {"modules": ["Notes"], "deleted_records": "none"}
    first = run_tap(other, **chosen)
    gone = sandbox.dump("Notes")[0]["id"]
    sandbox.mutate({"op": "delete", "module": "Notes", "id": gone})
    second = run_tap(sandbox, state=first.state, **chosen)
    other.close()

    warehouse = Warehouse()
    for run in (first, second):
        warehouse.load(run)
    versions = [
        each["version"]
        for run in (first, second)
        for each in run.messages
        if each["type"] == "ACTIVATE_VERSION" and each["stream"] == "Notes"
    ]
    assert 0 < versions[0] < versions[1]
    assert warehouse.ids("Notes") == _held(sandbox, "Notes")


def test_a_start_date_that_moves_on_takes_no_rows_along(sandbox: Sandbox) -> None:
    """Rows of before are in Bigin all the same: a sweep reads from the earliest start that they came from."""
    warehouse = Warehouse()
    first = _run(sandbox)
    warehouse.load(first)
    gone = sandbox.dump("Notes")[0]["id"]
    sandbox.mutate({"op": "delete", "module": "Notes", "id": gone})
    _days_pass(sandbox, 8)

    second = _run(sandbox, first.state, start_date=sandbox.clock())
    warehouse.load(second)

    assert "Notes" in _activated(second)
    assert warehouse.ids("Notes") == _held(sandbox, "Notes")


@pytest.mark.parametrize("later", [None, "2020-01-01T00:00:00Z"])
def test_a_start_date_that_moves_back_is_where_the_next_sweep_begins(
    sandbox: Sandbox, later: str | None
) -> None:
    """The earliest counts, and everything where there is none any more."""
    times = sorted(each["Modified_Time"] for each in sandbox.dump("Notes"))
    first = _run(sandbox, start_date=times[len(times) // 2])
    assert 0 < len(first.ids("Notes")) < sandbox.count("Notes")
    _days_pass(sandbox, 8)

    second = _run(sandbox, first.state, **({"start_date": later} if later else {}))

    assert set(second.ids("Notes")) == _held(sandbox, "Notes")


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


def test_a_run_that_is_stopped_before_it_tells_the_version_tells_it_again(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A state that calls the sweep done keeps the ghosts for another week."""
    tell = BiginStream._write_activate_version_message

    def stopped(stream: Any, version: int) -> None:
        if stream.name == "Notes":
            raise KeyboardInterrupt
        tell(stream, version)

    monkeypatch.setattr(BiginStream, "_write_activate_version_message", stopped)
    first = run_tap(sandbox, modules=["Notes"])
    monkeypatch.undo()

    second = run_tap(sandbox, modules=["Notes"], state=first.state)

    assert first.code != 0
    assert "Notes" not in _activated(first)
    assert "Notes" in _activated(second)


def test_files_of_records_are_not_swept(sandbox: Sandbox, tmp_path: Path) -> None:
    """They carry no version, so that a full reading a week would be paid for nothing."""
    batches = {"encoding": {"format": "jsonl"}, "storage": {"root": tmp_path.as_uri()}}
    chosen: dict[str, Any] = {"modules": ["Notes"], "batch_config": batches, "deleted_records": "none"}
    first = run_tap(sandbox, **chosen)
    _days_pass(sandbox, 8)

    second = run_tap(sandbox, state=first.state, **chosen)

    assert (first.code, second.code) == (0, 0)
    assert not [each for each in second.messages if each["type"] == "BATCH" and each["stream"] == "Notes"]


def test_a_full_refresh_sends_the_tombstones_that_are_still_listed(sandbox: Sandbox) -> None:
    """The warehouse of an earlier state may hold what is gone."""
    gone = sandbox.dump("Contacts")[0]["id"]
    sandbox.mutate({"op": "delete", "module": "Contacts", "id": gone})

    run = run_tap(sandbox, modules=["Contacts"], deleted_records="soft")

    assert run.latest("Contacts")[gone]["_sdc_deleted_at"]
