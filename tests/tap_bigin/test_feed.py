"""With a feed: a run reads what was told, by id, and reads streams by their bookmarks only at sweeps."""

from __future__ import annotations

import copy
from datetime import datetime, timedelta, timezone

import pytest
from support.feed import ToldLog
from support.tap import aged, assert_holds, discover, run_tap, select, select_fields

MODULES = ["Contacts", "Notes", "Products", "Tasks"]


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


def swept_ago(state, **ago):
    """The same state, its sweeps so much earlier."""
    aged = copy.deepcopy(state)
    moment = datetime.now(timezone.utc) - timedelta(**ago)
    aged["feed"]["swept"] = dict.fromkeys(aged["feed"]["swept"], moment.strftime("%Y-%m-%dT%H:%M:%SZ"))
    return aged


def emitted(run):
    return {stream: [each["id"] for each in records] for stream, records in run.records.items() if records}


def edit(module, record_id, **data):
    return {"op": "edit", "module": module, "id": record_id, "data": data}


# What it costs


def test_an_idle_run_makes_no_call(run, first, spent):
    """Run each minute, the feed costs nothing while nothing happens; not even a token."""
    idle, credits_, calls = spent(lambda: run(first.state))

    assert (credits_, calls) == (0, {})
    assert not emitted(idle)
    assert not idle.said("Contacts: 0 records")
    assert idle.schemas.keys() == first.schemas.keys()
    assert idle.state == first.state


def test_discovery_between_two_sweeps_makes_no_call(sandbox, run, log, first, spent):
    """Meltano discovers before each run: 13 credits a time."""
    catalog, credits_, _ = spent(lambda: discover(sandbox, modules=MODULES, feed_log=log.url))

    assert credits_ == 0
    schemas = {each["tap_stream_id"]: each["schema"] for each in catalog["streams"]}
    assert {name: schemas[name] for name in first.schemas} == {
        name: each["schema"] for name, each in first.schemas.items()
    }
    select(catalog, "Contacts", "deleted_records")
    _, credits_, calls = spent(lambda: run(first.state, catalog))
    assert (credits_, calls) == (0, {})


def test_declared_streams_make_no_call_between_two_sweeps(sandbox, run, spent):
    """Queries, views and related lists are described by metadata too, and read at sweeps."""
    view = sandbox.api("GET", "/settings/custom_views", params={"module": "Contacts"}).json()
    declared = {
        "modules": ["Contacts"],
        "queries": [{"name": "owners", "query": "select Last_Name from Contacts where id is not null"}],
        "custom_views": [{"name": "mine", "module": "Contacts", "cvid": view["custom_views"][0]["id"]}],
        "related_lists": ["Contacts.Notes"],
    }
    first = run(**declared)

    idle, credits_, calls = spent(lambda: run(first.state, **declared))
    swept = run(swept_ago(first.state, hours=1), **declared)

    assert (credits_, calls) == (0, {})
    assert idle.schemas == first.schemas
    assert len(swept.records["owners"]) == len(first.records["owners"]) > 0


def test_files_of_records_come_with_the_position_last(sandbox, run, log, first, tmp_path):
    """With batch_config streams are read one after the other, what was deleted last."""
    files = {"encoding": {"format": "jsonl", "compression": "gzip"}, "storage": {"root": tmp_path.as_uri()}}
    contact, task = sandbox.dump("Contacts")[0]["id"], sandbox.dump("Tasks")[0]["id"]
    log.tell_of(
        sandbox, edit("Contacts", contact, Last_Name="A"), {"op": "delete", "module": "Tasks", "id": task}
    )

    told = run(first.state, batch_config=files)

    streams = [each["stream"] for each in told.messages if each["type"] == "BATCH"]
    assert streams == ["Contacts", "deleted_records"]
    assert told.state["feed"]["position"] == 2


def test_a_change_costs_one_call(sandbox, run, log, first, spent):
    """However often it was told, in whatever order: one record, as it is now, and the bookmark stays."""
    contact, other = (each["id"] for each in sandbox.dump("Contacts")[:2])
    sandbox.mutate(edit("Contacts", contact, Last_Name="First"), edit("Contacts", contact, Last_Name="Last"))
    for _ in range(3):
        log.tell("Contacts", contact)
    log.tell("Contacts", other, contact)

    told, credits_, calls = spent(lambda: run(first.state))

    assert (credits_, calls) == (1, {"GET /Contacts": 1})
    assert sorted(emitted(told)["Contacts"]) == sorted([contact, other])
    assert told.latest("Contacts")[contact]["Last_Name"] == "Last"
    assert told.state["bookmarks"] == first.state["bookmarks"]
    assert told.state["feed"] == {**first.state["feed"], "position": 5}
    assert told.said("Feed: 2 records told of from 0 to 5, 2 of them looked at.")


def test_a_hundred_changes_cost_one_call(sandbox, run, log, first, spent):
    """A credit a hundred changes, at most one more a module."""
    ids = [each["id"] for each in sandbox.dump("Contacts")]
    more = [
        each["id"]
        for each in sandbox.mutate(
            *({"op": "create", "module": "Contacts", "data": {"Last_Name": f"N {n}"}} for n in range(150))
        )
    ]
    log.tell("Contacts", *ids, *more)

    told, credits_, _ = spent(lambda: run(first.state))

    assert sorted(emitted(told)["Contacts"]) == sorted(ids + more)
    assert credits_ == -(-len(ids + more) // 100)


# Acknowledgement


def test_the_position_moves_only_when_everything_is_written(sandbox, run, log, first):
    """A loader that keeps a STATE has every record up to its position: else a crash loses some."""
    task, contact = sandbox.dump("Tasks")[0]["id"], sandbox.dump("Contacts")[0]["id"]
    log.tell("Contacts", contact)
    log.tell("Tasks", task)

    told = run(first.state)

    positions = [(each["value"]["feed"]["position"]) for each in told.messages if each["type"] == "STATE"]
    place = [each["type"] for each in told.messages].index
    assert positions[-1] == 2
    assert set(positions[:-1]) == {0}
    last_record = max(n for n, each in enumerate(told.messages) if each["type"] == "RECORD")
    moved = next(
        n
        for n, each in enumerate(told.messages)
        if each["type"] == "STATE" and each["value"]["feed"]["position"] == 2
    )
    assert place("RECORD") <= last_record < moved


def test_a_stream_that_fails_keeps_the_position(sandbox, run, log, first):
    """What one stream could not write is told again, to all of them."""
    task, contact = sandbox.dump("Tasks")[0]["id"], sandbox.dump("Contacts")[0]["id"]
    log.tell("Contacts", contact)
    log.tell("Tasks", task)
    sandbox.fault("GET /Tasks", status=500, times=20)

    failed = run(first.state, max_retries=0, code=1)
    sandbox.clear_faults()
    again = run(failed.state)

    assert failed.state["feed"]["position"] == 0
    assert emitted(failed) == {"Contacts": [contact]}
    assert emitted(again) == {"Contacts": [contact], "Tasks": [task]}
    assert again.state["feed"]["position"] == 2


def test_a_budget_that_ends_a_run_keeps_the_position(sandbox, run, log, first):
    """What was not read for want of credits is told again."""
    log.tell("Contacts", sandbox.dump("Contacts")[0]["id"])
    log.tell("Tasks", sandbox.dump("Tasks")[0]["id"])

    ended = run(first.state, credit_budget=1)

    assert len(emitted(ended)) == 1
    assert ended.state["feed"]["position"] == 0
    assert len(emitted(run(ended.state))) == 2


def test_a_stream_that_a_budget_leaves_out_keeps_the_position(sandbox, run, log):
    """It was not even described, and yet it is selected."""
    catalog = select(discover(sandbox, modules=MODULES, feed_log=log.url), "Contacts", "Tasks")
    aged(catalog, seconds=200_000)
    first = run(catalog=catalog)
    log.tell("Contacts", sandbox.dump("Contacts")[0]["id"])

    ended = run(first.state, catalog, sweep_minutes=0, credit_budget=5)

    assert not ended.said("is reached")
    assert len(ended.schemas) == 1
    assert ended.state["feed"]["position"] == 0


def test_what_is_told_while_a_first_run_reads_belongs_to_the_next(sandbox, run, log, monkeypatch):
    """The head is taken before anything is read: a change behind the reader's back would be lost."""
    from tap_bigin.streams.module import ModuleStream

    contact = sandbox.dump("Contacts")[0]["id"]
    read = ModuleStream.read

    def read_and_be_told(self, state):
        log.tell("Contacts", contact)
        yield from read(self, state)

    monkeypatch.setattr(ModuleStream, "read", read_and_be_told)
    first = run(modules=["Contacts"])
    monkeypatch.undo()

    assert first.state["feed"]["position"] == 0
    assert emitted(run(first.state, modules=["Contacts"]))["Contacts"] == [contact]


def test_an_older_state_brings_again_what_came_since(sandbox, run, log, first):
    """A loader that died before it kept a state gets everything once more."""
    contact = sandbox.dump("Contacts")[0]["id"]
    log.tell("Contacts", contact)

    assert emitted(run(first.state)) == emitted(run(first.state)) == {"Contacts": [contact]}


def test_without_a_state_everything_is_read(sandbox, run, log, first):
    """A lost state is a replay, never a loss."""
    log.tell("Contacts", sandbox.dump("Contacts")[0]["id"])

    again = run({})

    assert emitted(again) == emitted(first)
    assert again.state["feed"]["position"] == 1


# Sweeps


@pytest.mark.parametrize(
    "make_due",
    [
        pytest.param(lambda state, log: swept_ago(state, hours=1), id="an hour has passed"),
        pytest.param(lambda state, log: log.silence() or state, id="a silence"),
        pytest.param(
            lambda state, log: {**state, "feed": {**state["feed"], "log": "other"}}, id="another log"
        ),
        pytest.param(
            lambda state, log: {**state, "feed": {**state["feed"], "position": 99}}, id="ahead of the log"
        ),
        pytest.param(lambda state, log: {"bookmarks": state["bookmarks"]}, id="no position"),
    ],
)
def test_what_was_not_told_a_sweep_brings(sandbox, run, log, first, make_due):
    """Bigin does not tell everything: the bookmark finds it, and moves."""
    contact, task = sandbox.dump("Contacts")[0]["id"], sandbox.dump("Tasks")[0]["id"]
    state = make_due(first.state, log)
    sandbox.clock(advance=2)
    sandbox.mutate(
        edit("Contacts", contact, Last_Name="Untold"), {"op": "delete", "module": "Tasks", "id": task}
    )

    swept = run(state)

    assert swept.latest("Contacts")[contact]["Last_Name"] == "Untold"
    assert task in emitted(swept)["deleted_records"]
    assert swept.state["bookmarks"]["Contacts"] != first.state["bookmarks"]["Contacts"]
    assert swept.state["feed"]["log"] == log.log.state().id
    assert swept.state["feed"]["position"] == log.log.state().head
    assert not emitted(run(swept.state))


def test_a_pruned_log_makes_a_sweep_due(sandbox, run, log, first):
    """What was told and pruned before it was read is found by the bookmark."""
    contact = sandbox.dump("Contacts")[0]["id"]
    log.tell_of(sandbox, edit("Contacts", contact, Last_Name="Pruned"))
    log.log.prune("9999")

    swept = run(first.state)

    assert swept.latest("Contacts")[contact]["Last_Name"] == "Pruned"
    assert swept.said("the log was pruned up to 1, the position is 0: everything is swept.")
    assert swept.state["feed"]["position"] == 1


def test_the_end_says_what_the_feed_had_missed(sandbox, run, log, first):
    """How much of what changes is told is a figure that somebody should know."""
    told, untold = (each["id"] for each in sandbox.dump("Contacts")[:2])
    sandbox.clock(advance=5)
    log.tell_of(sandbox, edit("Contacts", told, Last_Name="Told"))
    sandbox.mutate(edit("Contacts", untold, Last_Name="Untold"))

    swept = run(swept_ago(first.state, hours=2))

    assert swept.said("the sweep found 1 record of which it had not been told: Contacts 1.")
    assert {told, untold} <= set(emitted(swept)["Contacts"])
    assert emitted(swept)["Contacts"].count(told) == 1  # the sweep brought it: no second look


def test_modules_without_notifications_are_swept_only(sandbox, run, first):
    """Nobody tells of a note; a stream without a bookmark is read at once."""
    note = sandbox.dump("Notes")[0]["id"]
    sandbox.mutate(edit("Notes", note, Note_Content="Untold"))
    state = copy.deepcopy(first.state)

    assert not emitted(run(state))
    del state["bookmarks"]["Notes"]
    assert set(emitted(run(state))) == {"Notes"}
    assert note in emitted(run(swept_ago(first.state, hours=1)))["Notes"]


def test_a_field_that_is_selected_later_is_filled_at_once(sandbox, run, log):
    """No notification would ever tell of the records that do not change."""
    catalog = select(discover(sandbox, modules=["Contacts"], feed_log=log.url), "Contacts")
    select_fields(catalog, "Contacts", "Last_Name")
    first = run(catalog=catalog)
    select_fields(catalog, "Contacts", "Last_Name", "Email")

    second = run(first.state, catalog)

    assert len(emitted(second)["Contacts"]) == sandbox.count("Contacts")
    assert any(each["Email"] for each in second.records["Contacts"])


def test_a_sweep_at_each_run_if_so_asked(sandbox, run):
    """sweep_minutes 0."""
    first = run(sweep_minutes=0)
    contact = sandbox.dump("Contacts")[0]["id"]
    sandbox.mutate(edit("Contacts", contact, Last_Name="Untold"))

    assert contact in emitted(run(first.state, sweep_minutes=0))["Contacts"]


def test_what_was_told_and_lies_before_the_bookmark_comes_with_a_sweep(sandbox, run, log, first):
    """A record that shows up with an old Modified_Time is in no incremental pass, but it was told of."""
    contact = sandbox.dump("Contacts")[0]["id"]
    log.tell("Contacts", contact)

    swept = run(swept_ago(first.state, hours=1))

    assert emitted(swept)["Contacts"] == [contact]


def test_a_refused_module_is_tried_at_sweeps_only(run, spent):
    """A refusal costs a credit too: 1,440 a day."""
    first = run(modules=["Contacts", "Payroll"])

    idle, _, calls = spent(lambda: run(first.state, modules=["Contacts", "Payroll"]))
    swept = run(swept_ago(first.state, hours=1), modules=["Contacts", "Payroll"])

    assert (calls, idle.state["bookmarks"]["Payroll"]) == ({}, {"refused": True})
    assert swept.said("Payroll: skipped.")


# What is not there


def test_a_deletion_that_was_told_is_told(sandbox, run, log, first, spent):
    """At once, with its time and who did it, from the notification alone."""
    task = sandbox.dump("Tasks")[0]["id"]
    sandbox.mutate({"op": "delete", "module": "Tasks", "id": task})
    person = '{"name":"Ann","id":"7","email":"ann@example.org"}'
    log.tell("Tasks", task, operation="delete", time="2026-05-14T09:53:58.120Z", person=person)

    told, _, calls = spent(lambda: run(first.state))
    swept = run(swept_ago(told.state, hours=1))

    assert calls == {"GET /Tasks": 1}
    (row,) = told.records["deleted_records"]
    assert row == {
        "module": "Tasks",
        "id": task,
        "display_name": None,
        "type": None,
        "deleted_time": "2026-05-14T09:53:58Z",
        "deleted_by": {"name": "Ann", "id": "7"},
    }
    assert swept.latest("deleted_records")[task]["type"] == "recycle"


def test_a_deletion_that_was_told_softly(sandbox, run, log):
    """In the module's own stream."""
    first = run(deleted_records="soft")
    task = sandbox.dump("Tasks")[0]["id"]
    sandbox.mutate({"op": "delete", "module": "Tasks", "id": task})
    log.tell("Tasks", task, operation="delete", time="2026-05-14T09:53:58.120Z")

    told = run(first.state, deleted_records="soft")

    assert told.records["Tasks"] == [{"id": task, "_sdc_deleted_at": "2026-05-14T09:53:58Z"}]


def test_a_deletion_told_as_an_edit_is_looked_up(sandbox, run, log, first, spent):
    """The deletion's own notification was lost: Bigin's list has it, with time and person."""
    task = sandbox.dump("Tasks")[0]["id"]
    log.tell("Tasks", task)
    sandbox.mutate({"op": "delete", "module": "Tasks", "id": task})

    told, _, calls = spent(lambda: run(first.state))

    assert calls == {"GET /Tasks": 1, "GET /Tasks/deleted": 1}
    assert told.latest("deleted_records")[task]["type"] == "recycle"
    assert "due" not in told.state["feed"]


def test_absence_alone_is_no_deletion(sandbox, run, log, first):
    """Not visible yet, or hidden: no tombstone, and it is looked for again at the next sweep."""
    log.tell("Contacts", "6100000000009999999", operation="insert")

    told = run(first.state)
    later = run(told.state)
    swept = run(swept_ago(later.state, hours=1))

    assert not emitted(told)
    assert told.state["feed"]["due"] == later.state["feed"]["due"] == {"Contacts": ["6100000000009999999"]}
    assert "due" not in swept.state["feed"]
    assert "deleted_records" not in emitted(swept)


def test_what_was_absent_comes_with_the_next_sweep(sandbox, run, log, first, monkeypatch):
    """A record may be told of before it can be read, and be stamped before the bookmark."""
    contact = sandbox.dump("Contacts")[0]["id"]
    state = copy.deepcopy(first.state)
    state["feed"]["due"] = {"Contacts": [contact]}

    assert not emitted(run(state))
    swept = run(swept_ago(state, hours=1))
    assert emitted(swept)["Contacts"] == [contact]
    assert "due" not in swept.state["feed"]


def test_what_was_told_deleted_and_came_back_is_found(sandbox, run, log, first):
    """Restored, perhaps with its old Modified_Time and without a notification: the sweep brings it."""
    task = sandbox.dump("Tasks")[0]["id"]
    log.tell_of(sandbox, {"op": "delete", "module": "Tasks", "id": task})
    told = run(first.state)
    sandbox.mutate({"op": "restore", "module": "Tasks", "id": task})

    swept = run(swept_ago(told.state, hours=1))

    assert emitted(told) == {"deleted_records": [task]}
    assert task in emitted(swept)["Tasks"]
    assert swept.latest("deleted_records")[task]["type"] == "restored"


def test_what_came_back_and_was_told_of_is_no_deletion_any_more(sandbox, run, log, first):
    """Whoever leaves out what is in deleted_records must have it back as soon as the record is."""
    task = sandbox.dump("Tasks")[0]["id"]
    log.tell_of(sandbox, {"op": "delete", "module": "Tasks", "id": task})
    gone = run(first.state)
    sandbox.mutate({"op": "restore", "module": "Tasks", "id": task})
    log.tell("Tasks", task)

    back = run(gone.state)

    assert emitted(back) == {"Tasks": [task], "deleted_records": [task]}
    assert back.latest("deleted_records")[task]["type"] == "restored"


def test_a_deletion_of_a_module_that_is_not_selected_is_told_too(sandbox, run, log, first):
    """The stream of what was deleted stands for all modules, with a feed as without."""
    catalog = discover(sandbox, modules=MODULES, feed_log=log.url)
    gone, there = (each["id"] for each in sandbox.dump("Tasks")[:2])
    log.tell_of(sandbox, {"op": "delete", "module": "Tasks", "id": gone})
    log.tell("Tasks", there, operation="delete")

    told = run(first.state, select(catalog, "Contacts", "deleted_records"))

    assert emitted(told) == {"deleted_records": [gone]}


# The stream of changes


def test_changes_has_a_row_for_each_field_told(run, log):
    """Bigin has no history API: this is the only one."""
    log.tell("Contacts", "7", fields=("Phone", "City"), values='{"Phone":"1","City":{"id":"2"}}')
    first = run(changes=True, modules=["Contacts", "Tasks"])
    log.tell("Tasks", "8", operation="delete", time="2026-05-14T09:53:58.120Z")
    log.tell("Accounts", "9")

    second = run(first.state, changes=True, modules=["Contacts", "Tasks"])

    rows = [(each["seq"], each["field"], each["value"]) for each in first.records["changes"]]
    assert rows == [(1, "Phone", "1"), (1, "City", '{"id":"2"}')]
    (row,) = second.records["changes"]
    assert row == {
        "seq": 2,
        "module": "Tasks",
        "id": "8",
        "operation": "delete",
        "field": "*",
        "value": None,
        "time": "2026-05-14T09:53:58Z",
        "person": None,
    }
    second.validate()
    assert not run(second.state, changes=True, modules=["Contacts", "Tasks"]).records["changes"]
    assert second.schemas["changes"]["key_properties"] == ["seq", "field"]


def test_changes_wants_a_log(sandbox):
    """It would be empty for ever."""
    refused = run_tap(sandbox, changes=True)

    assert refused.code == 1
    assert refused.log[-1].endswith("changes: what was told stands in a log; set feed_log, too.")


# Bad input


def test_a_feed_log_that_is_none_is_one_line(sandbox, tmp_path):
    """Not made by mistake, since then nothing would ever be told."""
    refused = run_tap(sandbox, feed_log=f"sqlite:///{tmp_path / 'none.sqlite'}")

    assert refused.code == 1
    assert "feed_log: there is no file" in refused.log[-1]
    assert not (tmp_path / "none.sqlite").exists()


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE feed_log SET format = 99", "has format 99, this program knows 1: update it."),
        ("DROP TABLE feed_log", "holds no log; bigin feed serve makes one."),
    ],
)
def test_a_log_that_cannot_be_read_is_one_line(run, log, statement, words):
    """Some other database, or the log of a newer program."""
    with log.log.writing() as connection:
        connection.exec_driver_sql(statement)

    assert run(code=1).log[-1].endswith(words)


def test_a_log_of_another_organisation_is_one_line(run, log):
    """Its ids mean nothing here."""
    log.log.keep({"organisation": "999"})

    refused = run(code=1)

    assert "feed_log belongs to organisation 999, the credentials to " in refused.log[-1]
    assert not emitted(refused)


@pytest.mark.parametrize(
    "feed",
    [7, {}, {"log": "a"}, {"log": "a", "position": -1}, {"log": "a", "position": 1, "swept": {"A": "x"}}],
)
def test_a_malformed_part_of_the_state_is_one_line(run, feed):
    """Guessing a position could lose what came before it."""
    refused = run({"feed": feed}, code=1)

    assert "state: feed: not as this tap writes it" in refused.log[-1]


def test_in_the_end_the_warehouse_is_what_bigin_is(sandbox, run, log, first):
    """Told, untold, doubled and gone: after a sweep nothing is missing, stale or a ghost."""
    held = {module: first.latest(module) for module in ("Contacts", "Tasks")}
    contacts, tasks = ([each["id"] for each in sandbox.dump(module)] for module in ("Contacts", "Tasks"))
    log.tell_of(
        sandbox, edit("Contacts", contacts[0], Last_Name="A"), edit("Contacts", contacts[1], Title="B")
    )
    log.tell_of(sandbox, {"op": "create", "module": "Tasks", "data": {"Subject": "C"}})
    runs = [run(first.state)]
    log.tell_of(sandbox, {"op": "delete", "module": "Tasks", "id": tasks[0]})
    sandbox.mutate(
        edit("Contacts", contacts[2], Last_Name="D"),
        {"op": "delete", "module": "Contacts", "id": contacts[3]},
    )
    runs.append(run(runs[-1].state))
    runs.append(run(swept_ago(runs[-1].state, hours=1)))

    for each in runs:
        for module, rows in held.items():
            rows.update(each.latest(module))
        for row in each.records["deleted_records"]:
            held.get(row["module"], {}).pop(row["id"], None)

    for module, rows in held.items():
        assert_holds(sandbox, module, rows)
