"""Inserts across runs: what was noted before a call tells the next run what a kill left behind."""

from __future__ import annotations

import signal
import time
from datetime import datetime, timezone

import pytest
from support.target import RunningTarget, record, records, run_target, schema, settings_of, state

from target_bigin.concurrency.tasks import Tasks
from target_bigin.files.journal import Journal
from target_bigin.records.record import Record
from target_bigin.writing import insert_gate

TASKS = schema("Tasks", "Subject", "Priority")
CONTACTS = schema("Contacts", "Last_Name")
NONSENSE = {"type": "ACTIVATE_VERSION", "stream": "Nobody", "version": 1}
"""A message that ends a run early, as soon as what is in flight is settled."""
SINCE = datetime(2026, 5, 14, tzinfo=timezone.utc)


@pytest.fixture(autouse=True)
def empty(sandbox):
    sandbox.reset(size="empty")


@pytest.fixture
def settings(tmp_path):
    return {
        "default_operation": "insert",
        "batch_size": 10,
        "max_concurrent_requests": 3,
        "request_timeout": 3,
        "journal_path": str(tmp_path / "journal.jsonl"),
    }


def tasks(count):
    return [{"Subject": f"Call {n}", "Priority": "High"} for n in range(count)]


def subjects(sandbox):
    return sorted(each["Subject"] for each in sandbox.dump("Tasks"))


@pytest.mark.parametrize("written", [0, 2, 5])
def test_a_killed_run_is_picked_up_without_a_duplicate(sandbox, tmp_path, settings, written):
    """Killed while calls are in flight: the next run gets the same records and sends what is missing."""
    config = settings_of(sandbox, tmp_path, **settings)
    sandbox.fault("POST /Tasks", delay_ms=1500, times=None, after=written)
    run = RunningTarget(config, tmp_path)
    run.say([TASKS, *records("Tasks", tasks(100))])
    while sandbox.calls("POST /Tasks", drained=False) < written + 3:
        assert run.process.poll() is None
        time.sleep(0.02)
    run.end(by=signal.SIGKILL)
    sandbox.clear_faults()

    second = run_target(sandbox, tmp_path, [TASKS, *records("Tasks", tasks(100)), state("end")], **settings)

    assert second.error is None
    assert second.outcomes("Tasks") == {"inserted": 100}
    assert second.states == ["end"]
    assert subjects(sandbox) == sorted(row["Subject"] for row in tasks(100))


def test_what_was_written_after_the_last_state_is_picked_up(sandbox, tmp_path, settings):
    """Written and answered, but no state covers it: the tap sends it again, and it is there already."""
    sandbox.fault("POST /Tasks", delay_ms=1500, times=1)  # so that the state is due when all 40 are written
    run = RunningTarget(settings_of(sandbox, tmp_path, **settings), tmp_path)
    run.say([TASKS, *records("Tasks", tasks(10)), state("ten"), *records("Tasks", tasks(40)[10:])])
    assert run.wait_for("ten")
    run.end(by=signal.SIGKILL)

    second = run_target(sandbox, tmp_path, [TASKS, *records("Tasks", tasks(50)[10:])], **settings)

    assert second.outcomes("Tasks") == {"inserted": 40}
    assert second.said("sent by a run that ended early: 30")
    assert subjects(sandbox) == sorted(row["Subject"] for row in tasks(50))


def test_a_run_that_failed_is_picked_up_too(sandbox, tmp_path, settings):
    """Not only kills: a server that stays away leaves records behind that no state covers."""
    sandbox.fault("POST /*", drop=True, times=None, after=5)
    first = run_target(
        sandbox, tmp_path, [TASKS, *records("Tasks", tasks(100))], **{**settings, "max_retries": 0}
    )
    assert first.error is not None
    sandbox.clear_faults()

    second = run_target(sandbox, tmp_path, [TASKS, *records("Tasks", tasks(100))], **settings)

    assert second.outcomes("Tasks") == {"inserted": 100}
    assert subjects(sandbox) == sorted(row["Subject"] for row in tasks(100))


def test_what_a_budget_kept_back_is_not_asked_for(sandbox, tmp_path, settings):
    """The call had been noted and was never made: the next run looked for it, a credit a second for a minute.

    A budget smaller than that was spent on it by each run, and none came any further.
    """
    settings |= {"max_concurrent_requests": 1, "credit_budget": 6}
    messages = [TASKS, *records("Tasks", tasks(60)), state("end")]
    runs = [run_target(sandbox, tmp_path, messages, **settings) for _ in range(2)]

    assert [each.states for each in runs] == [[], ["end"]]
    assert sandbox.calls("POST /coql") == 0
    assert subjects(sandbox) == sorted(row["Subject"] for row in tasks(60))


def test_what_a_killed_run_left_open_is_asked_for_less_and_less(sandbox, tmp_path, settings, monkeypatch):
    """A minute of looking cost sixty credits: each run with a budget below that spent it on nothing else."""
    monkeypatch.setattr(insert_gate, "PAUSE", 0.05)
    sleep, slept = Tasks.sleep, []
    monkeypatch.setattr(Tasks, "sleep", lambda tasks, seconds: slept.append(seconds) or sleep(tasks, seconds))
    noted = Journal(tmp_path / "journal.jsonl")
    noted.sending([Record(1, "Tasks", {}, body=row) for row in tasks(3)], SINCE)
    noted.close(in_good_order=False)

    run = run_target(sandbox, tmp_path, [TASKS, *records("Tasks", tasks(3))], **settings)

    assert run.outcomes("Tasks") == {"inserted": 3}
    assert sandbox.calls("POST /coql") <= 9
    assert slept[:3] == [0.05, 0.1, 0.2]


def recurring(*days):
    """Tasks of one subject that each recur four times."""
    rule = "FREQ=DAILY;INTERVAL=1;COUNT=4;DTSTART="
    names = ("Subject", "Due_Date", "Recurring_Activity")
    rows = [dict(zip(names, ("Often", day, {"RRULE": rule + day}), strict=True)) for day in days]
    return [schema("Tasks", *names), *records("Tasks", rows)]


def test_a_recurring_task_that_was_written_is_not_made_again(sandbox, target, settings):
    """It answers with an id for each occurrence: none of them was noted, as if it had been refused."""
    target([*recurring("2026-12-01"), NONSENSE], **{**settings, "batch_size": 1})
    assert sandbox.count("Tasks") == 4

    second = target(recurring("2026-12-01"), **settings)

    assert second.outcomes("Tasks") == {"inserted": 1}
    assert subjects(sandbox) == ["Often"] * 4


@pytest.mark.parametrize("is_cut_off", [False, True])
def test_occurrences_are_no_doubt_about_another_task(sandbox, target, settings, is_cut_off):
    """Whose they are was not known, so a lost insert of the same subject could not be told from them."""
    days = ("2026-12-01", "2027-02-01")
    if is_cut_off:  # a former run knows them
        target([*recurring(days[0]), NONSENSE], **{**settings, "batch_size": 1})
    sandbox.fault("POST /Tasks", drop=True, times=1, after=0 if is_cut_off else 1)

    run = target(recurring(*days), **{**settings, "max_concurrent_requests": 1, "request_timeout": 1})

    assert run.error is None
    assert run.outcomes("Tasks") == {"inserted": 2}
    assert subjects(sandbox) == ["Often"] * 8


def test_what_an_inquiry_has_found_is_noted(sandbox, target, settings):
    """The answer was lost and its records were found: the next run need not ask, and must not insert."""
    sandbox.fault("POST /Tasks", lose_response=True)
    first = target([TASKS, *records("Tasks", tasks(20)), NONSENSE], **settings)

    second = target([TASKS, *records("Tasks", tasks(20))], **settings)

    assert first.said("asking Bigin")
    assert not second.said("asking Bigin")
    assert second.outcomes("Tasks") == {"inserted": 20}
    assert subjects(sandbox) == sorted(row["Subject"] for row in tasks(20))


def test_what_is_recalled_goes_on_as_the_record_that_it_is(sandbox, target, settings):
    """What follows a write, such as tags, needs the id that the former run was answered."""
    people = records("Contacts", [{"Last_Name": f"Berg {n}"} for n in range(10)])
    target([CONTACTS, *people, NONSENSE], **settings)

    second = target([CONTACTS, *people], **settings, streams={"Contacts": {"tags": ["vip"]}})

    assert second.outcomes("Contacts") == {"inserted": 10}
    assert [[tag["name"] for tag in each["Tag"]] for each in sandbox.dump("Contacts")] == [["vip"]] * 10


def test_rows_of_what_is_recalled_are_read_before_they_are_written(sandbox, target, settings):
    """The former run may have written them as well."""
    desk = sandbox.create("Products", Product_Name="Desk")
    deal = {
        "Deal_Name": "Roof",
        "Sub_Pipeline": "Inbound",
        "Stage": "Qualification",
        "Associated_Products": [{"Product": {"id": desk}, "Quantity": 1, "List_Price": 9}],
    }
    settings |= {"batch_size": 1}
    for end in ([NONSENSE], []):
        run = target([schema("Pipelines", *deal), record("Pipelines", **deal), *end], **settings)

    assert run.said("sent by a run that ended early: 1")
    assert [len(each["Associated_Products"]) for each in sandbox.dump("Pipelines")] == [1]


def test_what_a_state_of_a_failed_run_covers_comes_as_new(sandbox, target, settings):
    """The tap goes on behind its state: an equal record that it sends is another one."""
    first = target([TASKS, *records("Tasks", tasks(10)), state("ten"), NONSENSE], **settings)

    target([TASKS, *records("Tasks", tasks(10))], **settings)

    assert first.states == ["ten"]
    assert [each["Subject"] for each in sandbox.dump("Tasks")] == [each["Subject"] for each in tasks(10)] * 2


def test_a_good_run_of_other_streams_leaves_the_notes(sandbox, target, settings):
    """Two pipelines may share a journal, or a run may select one stream alone."""
    target([TASKS, *records("Tasks", tasks(10)), NONSENSE], **settings)
    target([CONTACTS, record("Contacts", Last_Name="Berg")], **settings)

    target([TASKS, *records("Tasks", tasks(10))], **settings)

    assert sandbox.count("Tasks") == 10


def test_a_run_that_ends_early_twice_doubles_nothing(sandbox, target, settings):
    """The second run picks up what the first has sent and sends more; the third gets all of it again."""
    target([TASKS, *records("Tasks", tasks(10)), NONSENSE], **settings)
    target([TASKS, *records("Tasks", tasks(20)), NONSENSE], **settings)

    target([TASKS, *records("Tasks", tasks(20))], **settings)

    assert subjects(sandbox) == sorted(row["Subject"] for row in tasks(20))


def test_after_a_good_end_the_same_records_are_new_ones(sandbox, target, settings):
    """A second run of an insert stream is meant: the journal must not swallow it."""
    for _ in range(2):
        run = target([TASKS, *records("Tasks", tasks(20))], **settings)
        assert run.outcomes("Tasks") == {"inserted": 20}

    assert sandbox.count("Tasks") == 40


def test_an_insert_stream_without_a_journal_is_warned_about_once(target):
    """A person should know what a kill may cost before it happens."""
    run = target(
        [TASKS, record("Tasks", Subject="A"), schema("Tasks", "Subject"), record("Tasks", Subject="B")],
        default_operation="insert",
    )

    (warning,) = run.said("journal_path")
    assert "killed" in warning


def test_a_dry_run_notes_nothing(sandbox, target, settings, tmp_path):
    """Nothing was sent, so there is nothing to remember."""
    target([TASKS, *records("Tasks", tasks(15))], **settings, dry_run=True)

    assert not (tmp_path / "journal.jsonl").exists()
    assert sandbox.count("Tasks") == 0
