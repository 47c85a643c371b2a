"""Runs that are cut off: what was written counts, and the next run goes on from there."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from support.processes import PIPE, start
from support.sandbox import Sandbox
from support.tap import DEADLINE, TapRun, assert_holds, discover, read_messages, run_tap, select, tap_command

from tap_bigin.tap import TapBigin


def _cut_off(
    sandbox: Sandbox, after: int, how: signal.Signals, *, full_pipe: bool = False, **settings: Any
) -> TapRun:
    """Start a run, end it by a signal after so many records; what it wrote until then.

    With ``full_pipe`` nobody reads for a moment, so that the signal comes while the run waits to write.
    """
    with tempfile.TemporaryDirectory(prefix="tap-bigin-") as folder, tempfile.TemporaryFile("w+") as said:
        command = tap_command(sandbox, Path(folder), **settings)
        process = start(*command, stdout=PIPE, stderr=said, text=True)
        assert process.stdout
        written, records = "", 0
        while records < after:
            line = process.stdout.readline()
            written += line
            records += line.startswith('{"type":"RECORD"')
        if full_pipe:
            time.sleep(1)
        process.send_signal(how)
        written += process.stdout.read()
        process.stdout.close()
        code = process.wait(timeout=DEADLINE)
        said.seek(0)
        return TapRun(read_messages(written), said.read().splitlines(), code)


def _until_last_state(run: TapRun) -> list[dict[str, Any]]:
    """What a target may count on when the tap is gone."""
    last = max(at for at, message in enumerate(run.messages) if message["type"] == "STATE")
    return run.messages[:last]


def _products(sandbox: Sandbox, count: int, **options: Any) -> None:
    sandbox.reset(size="empty", **options)
    sandbox.mutate({"op": "create", "module": "Products", "count": count, "data": {"Product_Name": "P{n}"}})
    sandbox.clock(advance=60)  # what is younger than the overlap of two passes is read by both


@pytest.mark.parametrize("token_paging", ["keyset", "offset"])
def test_killed_in_the_middle_it_goes_on_near_where_it_was(sandbox: Sandbox, token_paging: str) -> None:
    """A first load takes hours: it must not start again, and must not lose what lies at the seam."""
    _products(sandbox, 6_000, token_paging=token_paging, latency_ms=20)

    first = _cut_off(sandbox, 3_500, signal.SIGKILL, modules=["Products"])
    sandbox.settings(latency_ms=0)
    second = run_tap(sandbox, modules=["Products"], state=first.state)

    assert first.code == -signal.SIGKILL
    assert second.code == 0
    assert len(second.ids("Products")) < 4_500
    kept = TapRun(_until_last_state(first) + second.messages)
    assert_holds(sandbox, "Products", kept.latest("Products"))
    assert "pass" not in second.state["bookmarks"]["Products"]


def test_what_happens_between_two_halves_of_a_pass_is_not_lost(sandbox: Sandbox) -> None:
    """The bookmark of the finished pass is the start of its first half."""
    _products(sandbox, 3_000, token_paging="offset", latency_ms=20)
    first = _cut_off(sandbox, 1_500, signal.SIGKILL, modules=["Products"])
    sandbox.settings(latency_ms=0)
    ids = [each["id"] for each in sandbox.dump("Products")]
    sandbox.clock(advance=60)
    sandbox.mutate({"op": "edit", "module": "Products", "ids": ids[:5], "data": {"Description": "New"}})
    sandbox.mutate({"op": "delete", "module": "Products", "ids": ids[10:15]})

    second = run_tap(sandbox, modules=["Products"], state=first.state)
    third = run_tap(sandbox, modules=["Products"], state=second.state)

    kept = TapRun(_until_last_state(first) + second.messages + third.messages)
    gone = {each["id"] for each in kept.records["deleted_records"]}
    held = {record_id: each for record_id, each in kept.latest("Products").items() if record_id not in gone}
    assert_holds(sandbox, "Products", held)


@pytest.mark.parametrize(("records", "until", "by_key"), [(4_000, 2_500, False), (7_000, 5_000, True)])
def test_after_a_day_the_page_token_is_dead_and_it_goes_on_all_the_same(
    sandbox: Sandbox, records: int, until: int, *, by_key: bool
) -> None:
    """Tokens live 24 hours; the pass knows how far it came, by number and, beyond, by its last id."""
    _products(sandbox, records, latency_ms=20)
    first = _cut_off(sandbox, until, signal.SIGKILL, modules=["Products"], extraction_method="list")
    sandbox.settings(latency_ms=0)
    sandbox.clock(advance=26 * 3600)

    second = run_tap(sandbox, modules=["Products"], state=first.state, extraction_method="list")

    assert second.code == 0
    assert bool(second.said("the chain of pages ended")) == by_key
    assert len(second.ids("Products")) <= records - until + 1_200
    kept = TapRun(_until_last_state(first) + second.messages)
    assert_holds(sandbox, "Products", kept.latest("Products"))


@pytest.mark.parametrize("token_paging", ["keyset", "offset"])
@pytest.mark.parametrize("until", [300, 1_300, 2_300])
def test_killed_where_pages_come_one_by_one(sandbox: Sandbox, token_paging: str, until: int) -> None:
    """With many streams lists are not counted; what was deleted at both ends meanwhile moved the pages."""
    _products(sandbox, 3_000, token_paging=token_paging, latency_ms=20)
    settings = {"modules": ["Products"], "extraction_method": "list", "max_concurrent_requests": 1}
    first = _cut_off(sandbox, until, signal.SIGKILL, **settings)
    sandbox.settings(latency_ms=0)
    ids = [each["id"] for each in sandbox.dump("Products")]
    sandbox.mutate({"op": "delete", "module": "Products", "ids": ids[100:150] + ids[-150:-100]})

    second = run_tap(sandbox, state=first.state, **settings)

    assert second.code == 0
    assert sandbox.calls("GET /Products/actions/count") == 0
    kept = TapRun(_until_last_state(first) + second.messages)
    gone = {each["id"] for each in kept.records["deleted_records"]}
    held = {record_id: each for record_id, each in kept.latest("Products").items() if record_id not in gone}
    assert_holds(sandbox, "Products", held)
    assert len(second.ids("Products")) <= 3_000 - until + 1_400


def test_an_incremental_pass_is_resumed_too(sandbox: Sandbox) -> None:
    """After a bulk import the incremental run may be the long one."""
    sandbox.reset(size="empty")
    before = run_tap(sandbox, modules=["Products"])
    sandbox.clock(advance=60)
    sandbox.mutate({"op": "create", "module": "Products", "count": 4_000, "data": {"Product_Name": "P{n}"}})
    sandbox.settings(latency_ms=20)

    first = _cut_off(
        sandbox, 2_500, signal.SIGKILL, modules=["Products"], state=before.state, extraction_method="list"
    )
    sandbox.settings(latency_ms=0)
    second = run_tap(sandbox, modules=["Products"], state=first.state)

    old = before.state["bookmarks"]["Products"]["replication_key_value"]
    assert first.state["bookmarks"]["Products"]["replication_key_value"] == old
    assert first.state["bookmarks"]["Products"]["pass"]["kind"] == "incremental"
    kept = TapRun(_until_last_state(first) + second.messages)
    assert_holds(sandbox, "Products", kept.latest("Products"))


def test_a_pass_of_other_fields_begins_anew(sandbox: Sandbox) -> None:
    """Half a pass without a field is worth nothing to whoever selected it meanwhile."""
    _products(sandbox, 3_000, latency_ms=20)
    catalog = select(discover(sandbox, modules=["Products"]), "Products")
    narrow = select(discover(sandbox, modules=["Products"]), "Products")
    for entry in narrow["streams"][0]["metadata"]:
        if entry["breadcrumb"][-1:] == ["Description"]:
            entry["metadata"]["selected"] = False
    first = _cut_off(sandbox, 1_500, signal.SIGKILL, modules=["Products"], catalog=narrow)
    sandbox.settings(latency_ms=0)

    second = run_tap(sandbox, modules=["Products"], catalog=catalog, state=first.state)

    assert len(second.ids("Products")) == 3_000


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_good_order(sandbox: Sandbox, how: signal.Signals) -> None:
    """The state is written, every line is whole, and the exit code does not look like success."""
    _products(sandbox, 6_000, latency_ms=20)

    first = _cut_off(sandbox, 2_100, how, modules=["Products"])

    assert first.code == 128 + how
    assert first.state["bookmarks"]["Products"]["pass"]["emitted"] >= 2_000
    sandbox.settings(latency_ms=0)
    second = run_tap(sandbox, modules=["Products"], state=first.state)
    kept = TapRun(first.messages + second.messages)
    assert_holds(sandbox, "Products", kept.latest("Products"))


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_signal_tears_no_line_that_waits_to_be_read(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, unbuffered: str
) -> None:
    """Containers often run Python unbuffered: there a write that a signal interrupts has written a part."""
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    _products(sandbox, 3_000)

    first = _cut_off(sandbox, 300, signal.SIGTERM, full_pipe=True, modules=["Products"])

    assert first.code == 128 + signal.SIGTERM
    second = run_tap(sandbox, modules=["Products"], state=first.state)
    assert_holds(sandbox, "Products", TapRun(first.messages + second.messages).latest("Products"))


def test_the_budget_ends_a_run_well_and_the_next_goes_on(sandbox: Sandbox) -> None:
    """The day's credits belong to the whole organisation."""
    sandbox.reset(size="medium", token_paging="offset")
    sandbox.settings(most_per_page=50, access_tokens_per_10_minutes=100)
    catalog = select(discover(sandbox), "Contacts", "Accounts")
    kept: list[dict[str, Any]] = []
    state: Any = None
    runs = 0
    before = sandbox.usage()["credits"]

    while runs < 20:
        run = run_tap(sandbox, catalog=catalog, state=state, credit_budget=12)
        runs += 1
        kept += run.messages
        state = run.state
        assert run.code == 0
        spent = sandbox.usage()["credits"]
        assert spent - before <= 12
        before = spent
        if not run.said("credit_budget"):
            break
        assert "The state says where the next run goes on" in run.log[-1]

    assert 1 < runs < 20
    whole = TapRun(kept)
    assert_holds(sandbox, "Contacts", whole.latest("Contacts"))
    assert_holds(sandbox, "Accounts", whole.latest("Accounts"))
    # A run that ends in the middle of a page's calls reads that page again, and these pages are short.
    assert len(whole.ids("Contacts")) < 2 * sandbox.count("Contacts")


def test_a_dead_target_is_said_in_one_line(sandbox: Sandbox) -> None:
    """A broken pipe is the target's end, not a fault to read a traceback for."""
    _products(sandbox, 3_000)
    with tempfile.TemporaryDirectory(prefix="tap-bigin-") as folder:
        command = tap_command(sandbox, Path(folder), modules=["Products"])
        process = start(*command, stdout=PIPE, stderr=PIPE, text=True)
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
        process.stderr.close()
        code = process.wait(timeout=DEADLINE)

    assert code == 1
    assert "The target stopped reading." in said
    assert "Traceback" not in said


def test_whoever_reads_nothing_leaves_no_reader_waiting(sandbox: Sandbox, tmp_path: Path) -> None:
    """Readers wait for room until the run tells them that it is over; what the run did is told, too."""
    report = tmp_path / "run.json"
    tap = TapBigin(config=sandbox.settings_for(modules=["Contacts"], run_report_path=str(report)))
    reading, writing = os.pipe()
    os.close(reading)

    with os.fdopen(writing, "w") as gone, contextlib.redirect_stdout(gone):
        with pytest.raises(BrokenPipeError):
            tap.run()
        with Path(os.devnull).open("w") as nowhere:  # for what its buffer still holds
            os.dup2(nowhere.fileno(), writing)

    assert json.loads(report.read_text())["outcome"] == "failed"
