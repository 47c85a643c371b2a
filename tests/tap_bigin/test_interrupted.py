"""Runs that are cut off: what was written counts, and the next run goes on from there."""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.feed import ToldLog
from support.processes import PIPE, start
from support.sandbox import Sandbox
from support.tap import DEADLINE, TapRun, assert_holds, discover, read_messages, run_tap, select, tap_command

from tap_bigin.singer import writer
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
        return TapRun(read_messages(written), said.read().splitlines(), code, written)


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
    _products(sandbox, 4_400, token_paging=token_paging, latency_ms=20)

    first = _cut_off(sandbox, 2_400, signal.SIGKILL, modules=["Products"])
    sandbox.settings(latency_ms=0)
    second = run_tap(sandbox, modules=["Products"], state=first.state)

    assert first.code == -signal.SIGKILL
    assert second.code == 0
    assert len(second.ids("Products")) < 3_800
    kept = TapRun(_until_last_state(first) + second.messages)
    assert_holds(sandbox, "Products", kept.latest("Products"))
    assert "pass" not in second.state["bookmarks"]["Products"]


def test_what_happens_between_two_halves_of_a_pass_is_not_lost(sandbox: Sandbox) -> None:
    """The bookmark of the finished pass is the start of its first half."""
    _products(sandbox, 2_000, token_paging="offset", latency_ms=20)
    first = _cut_off(sandbox, 1_000, signal.SIGKILL, modules=["Products"])
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


@pytest.mark.parametrize(("records", "until", "by_key"), [(2_600, 1_600, False), (6_000, 4_800, True)])
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


@pytest.mark.parametrize(
    ("until", "token_paging"), [(300, "offset"), (1_300, "keyset"), (2_100, "keyset"), (2_100, "offset")]
)
def test_killed_where_pages_come_one_by_one(sandbox: Sandbox, until: int, token_paging: str) -> None:
    """With many streams lists are not counted; what was deleted at both ends meanwhile moved the pages."""
    _products(sandbox, 2_400, token_paging=token_paging, latency_ms=20)
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
    assert len(second.ids("Products")) <= 2_400 - until + 1_400


def test_killed_early_in_a_list_that_no_query_proves(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Notes are in no query and no list of deletions: by token, without an overlap, all was read a second time.

    Between two runs hours may lie, and so the overlap is longer than within one.
    """
    monkeypatch.setattr(writer, "SECONDS_PER_STATE", 0)
    sandbox.reset(size="empty")
    data = {"Note_Content": "x", "Parent_Id": {"id": _people(sandbox, 1)[0]}}
    sandbox.mutate({"op": "create", "module": "Notes", "count": 1_500, "data": data})
    _later(sandbox)
    case = Case({"modules": ["Notes"]})
    whole = case.run(sandbox, None)
    pages = sandbox.calls("GET /Notes")
    first, *_ = _killed(whole, 0)
    read = sorted(first.ids("Notes"), key=int)
    sandbox.mutate({"op": "delete", "module": "Notes", "ids": read[:20] + read[-20:]})

    again = case.run(sandbox, first.state)

    assert first.state["bookmarks"]["Notes"]["pass"]["tokens"]
    assert sandbox.calls("GET /Notes") - pages <= pages + 2
    assert _warehouse(first, again) == _warehouse(whole)
    assert not again.said("records may be missing")


def test_an_incremental_pass_is_resumed_too(sandbox: Sandbox) -> None:
    """After a bulk import the incremental run may be the long one."""
    sandbox.reset(size="empty")
    before = run_tap(sandbox, modules=["Products"])
    sandbox.clock(advance=60)
    sandbox.mutate({"op": "create", "module": "Products", "count": 2_400, "data": {"Product_Name": "P{n}"}})
    sandbox.settings(latency_ms=20)

    first = _cut_off(
        sandbox, 1_500, signal.SIGKILL, modules=["Products"], state=before.state, extraction_method="list"
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
    _products(sandbox, 1_500, latency_ms=20)
    catalog = select(discover(sandbox, modules=["Products"]), "Products")
    narrow = select(discover(sandbox, modules=["Products"]), "Products")
    for entry in narrow["streams"][0]["metadata"]:
        if entry["breadcrumb"][-1:] == ["Description"]:
            entry["metadata"]["selected"] = False
    first = _cut_off(sandbox, 700, signal.SIGKILL, modules=["Products"], catalog=narrow)
    sandbox.settings(latency_ms=0)

    second = run_tap(sandbox, modules=["Products"], catalog=catalog, state=first.state)

    assert len(second.ids("Products")) == 1_500


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_good_order(sandbox: Sandbox, how: signal.Signals) -> None:
    """The state is written, every line is whole, and the exit code does not look like success."""
    _products(sandbox, 2_400, latency_ms=20)

    first = _cut_off(sandbox, 1_100, how, modules=["Products"])

    assert first.code == 128 + how
    assert first.state["bookmarks"]["Products"]["pass"]["emitted"] >= 1_000
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
    _products(sandbox, 1_500)

    first = _cut_off(sandbox, 300, signal.SIGTERM, full_pipe=True, modules=["Products"])

    assert first.code == 128 + signal.SIGTERM
    second = run_tap(sandbox, modules=["Products"], state=first.state)
    assert_holds(sandbox, "Products", TapRun(first.messages + second.messages).latest("Products"))


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_kill_tears_no_line_that_waits_to_be_read(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, unbuffered: str
) -> None:
    """Loaders end at half a line, and with them what they had read and not stored, of whole pages."""
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    _products(sandbox, 1_500)

    first = _cut_off(sandbox, 100, signal.SIGKILL, full_pipe=True, modules=["Products"])

    assert first.code == -signal.SIGKILL
    assert first.stdout.endswith("}\n")
    second = run_tap(sandbox, modules=["Products"], state=first.state)
    assert_holds(sandbox, "Products", TapRun(_until_last_state(first) + second.messages).latest("Products"))


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
    _products(sandbox, 800)
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


@dataclass
class Case:
    """A way of reading: how it is run, from which state, and what a warehouse held by then."""

    settings: dict[str, Any]
    catalog: Any = None
    before: TapRun = field(default_factory=lambda: TapRun([]))

    def run(self, sandbox: Sandbox, state: Any) -> TapRun:
        """A run to its end."""
        run = run_tap(sandbox, catalog=self.catalog, state=state or None, **self.settings)
        assert run.code == 0, run.log
        return run


def _people(sandbox: Sandbox, count: int = 40, **data: Any) -> list[str]:
    wish = {"op": "create", "module": "Contacts", "count": count, "data": {"Last_Name": "P{n}", **data}}
    return [each["id"] for each in sandbox.mutate(wish)[0]]


def _later(sandbox: Sandbox, *, days: int = 0) -> None:
    sandbox.clock(advance=days * 24 * 3_600 + 60)
    sandbox.forget_tokens()


def _list(sandbox: Sandbox, _folder: Path) -> Case:
    _people(sandbox)
    return Case({"modules": ["Contacts"], "extraction_method": "list"})


def _job(sandbox: Sandbox, _folder: Path) -> Case:
    """With tags, which only lists give: a hundred rows at a time are completed and handed on."""
    sandbox.settings(most_per_page=100)
    _people(sandbox, 250, Tag=[{"name": "vip"}])
    return Case({"modules": ["Contacts"], "extraction_method": "bulk"})


def _related(sandbox: Sandbox, _folder: Path) -> Case:
    for _ in range(6):
        company = {"id": sandbox.create("Accounts", Account_Name="A")}
        _people(sandbox, 22, Account_Name=company)
    return Case({"modules": ["Accounts"], "related_lists": ["Accounts.Contacts"]})


def _emails(sandbox: Sandbox, _folder: Path) -> Case:
    sandbox.reset(size="60", access_tokens_per_10_minutes=100)
    return Case({"modules": ["Contacts"], "related_lists": ["Contacts.Emails"]})


def _query(sandbox: Sandbox, _folder: Path) -> Case:
    _people(sandbox, 650)
    query = {"name": "people", "query": "select Last_Name from Contacts where id is not null"}
    return Case({"modules": ["Notes"], "queries": [query]})


def _backfill(sandbox: Sandbox, _folder: Path) -> Case:
    _people(sandbox, Phone="+46 1")
    _later(sandbox)
    settings = {"modules": ["Contacts"], "extraction_method": "list"}
    wide, narrow = (select(discover(sandbox, **settings), "Contacts") for _ in range(2))
    for entry in narrow["streams"][0]["metadata"]:
        if entry["breadcrumb"][-1:] == ["Phone"]:
            entry["metadata"]["selected"] = False
    return Case(settings, wide, Case(settings, narrow).run(sandbox, None))


def _sweep(sandbox: Sandbox, _folder: Path) -> Case:
    """A note that is deleted meanwhile is in the warehouse until everything was read again."""
    parent = {"id": _people(sandbox, 1)[0]}
    notes = {
        "op": "create",
        "module": "Notes",
        "count": 40,
        "data": {"Note_Content": "x", "Parent_Id": parent},
    }
    gone = sandbox.mutate(notes)[0][7]["id"]
    case = Case({"modules": ["Notes"]})
    case.before = case.run(sandbox, None)
    _later(sandbox, days=8)
    sandbox.mutate({"op": "delete", "module": "Notes", "id": gone})
    return case


def _deletions(sandbox: Sandbox, _folder: Path, **settings: Any) -> Case:
    kept, gone = _people(sandbox, 5), _people(sandbox, 450)
    sandbox.mutate({"op": "delete", "module": "Contacts", "ids": gone})
    sandbox.mutate({"op": "delete", "module": "Contacts", "ids": kept[:1]})
    return Case({"modules": ["Contacts"], "extraction_method": "list", **settings})


def _soft_deletions(sandbox: Sandbox, folder: Path) -> Case:
    return _deletions(sandbox, folder, deleted_records="soft")


def _feed(sandbox: Sandbox, folder: Path) -> Case:
    """What was told is read anew until a run ends: only then its position moves."""
    people = _people(sandbox, 230)
    log = ToldLog(f"sqlite:///{folder / 'feed.sqlite'}")
    case = Case({"modules": ["Contacts"], "feed_log": log.url, "extraction_method": "list"})
    case.before = case.run(sandbox, None)
    _later(sandbox)
    sandbox.mutate({"op": "edit", "module": "Contacts", "ids": people, "data": {"Phone": "+47 2"}})
    sandbox.mutate({"op": "delete", "module": "Contacts", "ids": people[3:5]})
    log.tell("Contacts", *people)
    log.tell("Contacts", *people[3:5], operation="delete")
    log.log.close()
    return case


def _incremental(sandbox: Sandbox, _folder: Path) -> Case:
    case = Case({"modules": ["Contacts"], "extraction_method": "list"})
    people = _people(sandbox)
    case.before = case.run(sandbox, None)
    for some in (people[:15], people[15:30]):
        _later(sandbox)
        sandbox.mutate({"op": "edit", "module": "Contacts", "ids": some, "data": {"Phone": "+47 2"}})
    return case


KINDS: dict[str, Callable[[Sandbox, Path], Case]] = {
    each.__name__[1:]: each
    for each in (
        *(_list, _job, _related, _emails, _query, _backfill),
        *(_sweep, _deletions, _soft_deletions, _feed, _incremental),
    )
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_goes_on_from_any_state_that_it_told(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    """Wherever it is killed, once or twice: what a warehouse holds in the end is what one run would give."""
    monkeypatch.setattr(writer, "SECONDS_PER_STATE", 0)  # after each batch
    monkeypatch.setattr(writer, "STATE_BYTES_PER_SECOND", math.inf)
    sandbox.reset(size="empty", access_tokens_per_10_minutes=100, most_per_page=5)
    case = KINDS[kind](sandbox, tmp_path)
    whole = case.run(sandbox, case.before.state)
    held = _warehouse(case.before, whole)

    kills = _killed(whole, 7 / 8, 1 / 2)
    for first in kills:
        again = case.run(sandbox, first.state)
        assert _warehouse(case.before, first, again) == held
    second = next(iter(_killed(again, 1 / 2)), again)
    last = case.run(sandbox, second.state)
    assert _warehouse(case.before, first, second, last) == held

    assert held


def _killed(run: TapRun, *parts: float) -> list[TapRun]:
    """The run as if it had been killed after such parts of the states that it told, of a pass if there is one."""
    told = [at for at, each in enumerate(run.messages) if each["type"] == "STATE"]
    amid = [at for at in told if "pass" in json.dumps(run.messages[at])] or told
    places = dict.fromkeys(amid[int(len(amid) * part)] for part in parts if len(told) > 1)
    return [TapRun(run.messages[: at + 1]) for at in places]


def _warehouse(*runs: TapRun) -> dict[tuple[Any, ...], dict[str, Any]]:
    """What a loader that obeys versions holds, by stream and key."""
    held: dict[tuple[Any, ...], tuple[Any, dict[str, Any]]] = {}
    for message in (each for run in runs for each in run.messages):
        stream, version = message.get("stream"), message.get("version")
        if message["type"] == "RECORD":
            record = message["record"]
            held[stream, record.get("module"), record.get("parent_id"), record["id"]] = (version, record)
        if message["type"] == "ACTIVATE_VERSION":
            held = {key: row for key, row in held.items() if key[0] != stream or row[0] == version}
    return {key: record for key, (_, record) in held.items()}
