"""With a feed: what was told and cannot be read, deleted or not yet there."""

from __future__ import annotations

import copy

from support.feed import MODULES, emitted, swept_ago
from support.tap import discover, select


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
    """The deletion's own notification was lost: Bigin's list has it, and each other one that was told, once."""
    task, other, *_ = sorted(each["id"] for each in sandbox.dump("Tasks"))
    log.tell("Tasks", task)
    log.tell("Tasks", other, operation="delete")
    sandbox.mutate({"op": "delete", "module": "Tasks", "ids": [task, other]})

    told, _, calls = spent(lambda: run(first.state))

    assert calls == {"GET /Tasks": 1, "GET /Tasks/deleted": 1}
    assert sorted(told.ids("deleted_records")) == [task, other]
    assert {each["type"] for each in told.records["deleted_records"]} == {"recycle"}
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
