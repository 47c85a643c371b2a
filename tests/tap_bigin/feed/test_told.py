"""With a feed, a run between two sweeps reads what was told, by id, and nothing else."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

import pytest
from support.feed import MODULES, ToldLog, edit, emitted, swept_ago
from support.tap import aged, discover, run_tap, select


def hour_passes(log, state, **passed):
    """The same state so much later, and what the log remembers of the metadata, too."""
    moment = datetime.now(timezone.utc) - timedelta(**passed)
    asked = {"asked": moment.strftime("%Y-%m-%dT%H:%M:%SZ")}
    for name, kept in log.log.kept().items():
        if name.startswith("metadata"):
            log.log.keep({name: {what: {**each, **asked} for what, each in kept.items()}})
    return swept_ago(state, **passed)


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


def test_an_idle_hour_costs_the_sweep_alone(sandbox, run, log, first, spent):
    """Discovery and run each time, as Meltano does it: nothing for most of an hour, then one sweep."""

    def at_minute(minutes):
        state = hour_passes(log, first.state, minutes=minutes)
        return spent(lambda: (discover(sandbox, modules=MODULES, feed_log=log.url), run(state)))

    for minute in (1, 30, 59):
        _, credits_, calls = at_minute(minute)
        assert (credits_, calls) == (0, {}), f"at minute {minute}"
    _, credits_, calls = at_minute(60)
    _, plain, calls_of_plain = spent(lambda: run(first.state, feed_log=None))

    # Discovery and run are two programs: each sees whose organisation it is, the run Bigin's clock, too.
    assert (credits_, calls) == (plain + 1, {**calls_of_plain, "GET /org": 2})


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
    """What was not read for want of credits is told again: since it is read whole, the least is named."""
    log.tell("Contacts", sandbox.dump("Contacts")[0]["id"])
    log.tell("Tasks", sandbox.dump("Tasks")[0]["id"])

    ended = run(first.state, credit_budget=1, code=1)
    least = int(re.findall(r"at least (\d+) are needed", ended.log[-1])[0])
    enough = run(ended.state, credit_budget=least)

    assert len(emitted(ended)) == 1
    assert ended.state["feed"]["position"] == 0
    assert len(emitted(enough)) == 2
    assert enough.state["feed"]["position"] == 2


def test_the_first_sweep_may_take_as_many_runs_as_a_budget_asks_for(sandbox, run, log):
    """No run ended it: the feed had no position, so that each swept everything again, to no end."""
    ended = None
    for runs in range(1, 8):
        ended = run(ended and ended.state, credit_budget=8)
        if not ended.said("credit_budget"):
            break
        log.tell("Contacts", sandbox.dump("Contacts")[runs]["id"])
    contact = sandbox.dump("Contacts")[0]["id"]
    log.tell("Contacts", contact)

    told = run(ended.state, credit_budget=8)

    assert 2 < runs < 7
    assert emitted(told) == {"Contacts": [contact]}
    assert told.state["feed"]["position"] == log.log.state().head


def test_a_sweep_after_a_silence_may_take_as_many_runs_as_a_budget_asks_for(sandbox, run, log, first):
    """The position stayed before the silence, so that each run swept everything again, to no end."""
    silent = (datetime.now(timezone.utc) - timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    log.log.append(silence=(silent, silent, "nobody listened"))
    state, contact, runs = swept_ago(first.state, minutes=10), sandbox.dump("Contacts")[0]["id"], []
    sandbox.clock(advance=2)
    sandbox.mutate(edit("Contacts", contact, Last_Name="Untold"))

    while state["feed"]["position"] < log.log.state().head and len(runs) < 9:
        runs.append(run(state, credit_budget=4))
        state = runs[-1].state

    assert 1 < len(runs) < 6
    assert [each for each in runs if contact in each.latest("Contacts")]


def test_a_stream_that_a_budget_leaves_out_keeps_the_position(sandbox, run, log):
    """It was not even described, and yet it is selected."""
    catalog = select(discover(sandbox, modules=MODULES, feed_log=log.url), "Contacts", "Tasks")
    aged(catalog, seconds=200_000)
    first = run(catalog=catalog)
    log.tell("Contacts", sandbox.dump("Contacts")[0]["id"])

    ended = run(first.state, catalog, sweep_minutes=0, credit_budget=3)

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

    got, had = ({name: sorted(ids) for name, ids in emitted(each).items()} for each in (again, first))
    assert got == had
    assert again.state["feed"]["position"] == 1


# The stream of changes


def test_changes_has_a_row_for_each_field_told(run, log):
    """Bigin has no history API: this is the only one."""
    log.tell("Contacts", "7", fields=("Phone", "City"), values='{"Phone":"1","City":{"id":"2"}}')
    first = run(changes=True, modules=["Contacts", "Tasks"])
    person = '{"name":"Ann","id":"7","email":"ann@example.org"}'
    log.tell("Tasks", "8", operation="delete", time="2026-05-14T09:53:58.120Z", person=person)
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
        "person": {"id": "7", "name": "Ann", "email": "ann@example.org"},
    }
    second.validate()
    assert not run(second.state, changes=True, modules=["Contacts", "Tasks"]).records["changes"]
    assert second.schemas["changes"]["key_properties"] == ["seq", "field"]


@pytest.mark.parametrize(
    ("made", "is_told"), [("2026-11-01T00:00:00Z", False), ("1970-01-01T00:00:00Z", True)]
)
def test_changes_of_a_log_made_anew_are_other_rows(run, log, tmp_path, made, is_told):
    """The key is seq and field: another log's rows must not replace those of the first one unsaid."""
    log.tell("Tasks", "7", "8")
    before = run(changes=True, modules=["Tasks"])
    anew = ToldLog(f"sqlite:///{tmp_path / 'anew.sqlite'}", made=made)
    anew.tell("Tasks", "9")

    after = run(before.state, changes=True, modules=["Tasks"], feed_log=anew.url)

    (row,) = after.records["changes"]
    assert row["id"] == "9"
    assert (row["seq"] > 2) is not is_told
    assert bool(after.said("rows of the same number are replaced")) is is_told
    assert after.said("everything is swept")
    assert after.state["feed"]["position"] == row["seq"]
    anew.log.close()


def test_changes_of_a_log_that_was_put_back_are_read(run, log):
    """From a backup: what is told after it has the numbers of what was read before, and was never read."""
    kept = {"changes": True, "modules": ["Tasks"]}
    log.tell("Tasks", "7", "8")
    before = run(**kept)
    with log.log.writing() as connection:
        connection.exec_driver_sql("DELETE FROM feed_rows WHERE seq = 2")
        connection.exec_driver_sql("UPDATE feed_log SET head = 1")

    between = run(before.state, **kept)
    log.tell("Tasks", "9")
    after = run(between.state, **kept)

    assert between.said("is ahead of the log")
    assert not between.records["changes"]
    assert [(each["seq"], each["id"]) for each in after.records["changes"]] == [(2, "9")]


def test_changes_are_not_told_again_where_the_position_does_not_count(sandbox, run, log, monkeypatch):
    """Another stream failed, and more was told than is looked at one by one: the rows themselves are written."""
    kept = {"changes": True, "modules": ["Tasks"]}
    monkeypatch.setattr("tap_bigin.feed.reading.MOST_TOLD", 1)
    first = run(**kept)
    log.tell("Tasks", "7", "8")
    sandbox.fault("GET /Tasks", status=500, times=20)

    failed = run(first.state, max_retries=0, code=1, **kept)
    sandbox.clear_faults()
    again = run(failed.state, **kept)
    without_a_position = run({"bookmarks": failed.state["bookmarks"]}, **kept)

    assert "Tasks" not in failed.state["feed"]["swept"]  # due: its sweep brings what was told until now
    assert len(failed.records["changes"]) == 2
    assert not again.records["changes"]
    assert not without_a_position.records["changes"]


def test_changes_that_were_pruned_unread_are_told(run, log):
    """The other streams read what changed from Bigin; of this one there is no other source."""
    kept = {"changes": True, "modules": ["Tasks"]}
    log.tell("Tasks", "7")
    first = run(**kept)
    read_to_the_end = run(first.state, **kept)
    log.tell("Tasks", "8", "9")
    log.log.prune("9999")
    log.tell("Tasks", "10")

    late = run(read_to_the_end.state, **kept)
    next_one = run(late.state, **kept)

    assert [each["id"] for each in late.records["changes"]] == ["10"]
    assert late.said("changes: the log was pruned up to 3 and was read up to 1: what was told in between")
    assert not any(each.said("in no row of this stream") for each in (first, read_to_the_end, next_one))


def test_a_log_that_cannot_be_read_any_more_ends_the_run_in_one_line(run, log, first):
    """A file that was half restored: what was told is not known, and a guess would skip it."""
    log.tell("Contacts", "7")
    with log.log.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE feed_rows RENAME TO feed_rows_of_before")

    ended = run(first.state, code=1)

    assert "feed_log: the log cannot be read: no such table" in ended.log[-1]
    assert not ended.said("Traceback")


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
    """Its ids mean nothing here, nor to a state that went on with another log before."""
    log.log.keep({"organisation": "999"})

    refused = [run(state, code=1) for state in ({"feed": {"log": "another", "position": 0}}, None)]

    for each in refused:
        assert "feed_log belongs to organisation 999, the credentials to " in each.log[-1]
        assert not emitted(each)


@pytest.mark.parametrize(
    "feed",
    [7, {}, {"log": "a"}, {"log": "a", "position": -1}, {"log": "a", "position": 1, "swept": {"A": "x"}}],
)
def test_a_malformed_part_of_the_state_is_one_line(run, feed):
    """Guessing a position could lose what came before it."""
    refused = run({"feed": feed}, code=1)

    assert "state: feed: not as this tap writes it" in refused.log[-1]
