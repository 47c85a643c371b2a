"""With a feed, streams are read by their bookmarks at sweeps only, which find what was not told."""

from __future__ import annotations

import copy

import pytest
from support.feed import edit, emitted, swept_ago
from support.tap import assert_holds, discover, select, select_fields


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
    assert not first.said("the sweep found")  # nobody could have told it of what was there
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


def test_a_stream_that_was_left_out_is_swept_when_it_is_back(sandbox, run, log, first):
    """The position went on without it, past what was told of it; a run that passes nothing costs no sweep."""
    task, contact = sandbox.dump("Tasks")[0]["id"], sandbox.dump("Contacts")[0]["id"]
    idle = run(first.state, modules=["Contacts"])
    assert idle.state["feed"]["swept"] == first.state["feed"]["swept"]
    log.tell_of(sandbox, edit("Tasks", task, Subject="Told"), edit("Contacts", contact, Last_Name="Told"))

    without = run(idle.state, modules=["Contacts"])
    back = run(without.state)

    assert emitted(without) == {"Contacts": [contact]}
    assert emitted(back)["Tasks"] == [task]
    assert "Contacts" not in emitted(back)


def test_a_stream_without_a_bookmark_is_read_anew(run, first):
    """A state that somebody mended: the others go on."""
    state = copy.deepcopy(first.state)
    del state["bookmarks"]["Tasks"]

    again = run(state)

    assert emitted(again) == {"Tasks": emitted(first)["Tasks"]}


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
    assert "refused" not in idle.state["bookmarks"]["Contacts"]
    assert swept.said("Payroll: skipped.")


def test_a_refusal_of_metadata_is_remembered_like_an_answer(sandbox, run, spent):
    """A module that this token may not see is asked for at sweeps, not each minute."""
    sandbox.fault("GET /settings/fields", query="*module=Tasks*", status=403, times=1)
    first = run()

    _, _, calls = spent(lambda: run(first.state))

    assert "Tasks" not in first.schemas
    assert calls == {}


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
