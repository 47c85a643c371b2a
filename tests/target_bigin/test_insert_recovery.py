"""Whether a lost insert was done: which records of Bigin may be ours, and which must not be."""

from __future__ import annotations

import itertools
import json
import threading
import time
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime

import pytest
from support.rewriting import Rewritten
from support.target import record, records, run_target, schema

from bigin_api.errors import ConnectionFailed, ServerError
from target_bigin.writing import calls

TASKS = schema("Tasks", "Subject", "Priority")
CALL_BACK = {"Subject": "Call back", "Priority": "High"}
STUMBLED = {"code": "INTERNAL_ERROR", "details": {}, "message": "Internal Server Error", "status": "error"}
HOUR = 3600


@pytest.fixture(autouse=True)
def empty(sandbox):
    sandbox.reset(size="empty")


def one_by_one(**settings):
    """Inserts in calls of one: the one after the next goes out when the first is answered."""
    return {
        "default_operation": "insert",
        "batch_size": 1,
        "max_concurrent_requests": 1,
        "request_timeout": 5,
        **settings,
    }


def padding(count):
    return [{"Subject": f"Padding {number}"} for number in range(count)]


def calls_back(sandbox):
    return [each["id"] for each in sandbox.dump("Tasks") if each["Subject"] == CALL_BACK["Subject"]]


def stumble(other, *done):
    """The first inserts are answered with an error for each record, after so many of each were done."""
    left = iter(done)

    def answer(asked):
        written = next(left, None) if asked.method == "POST" else None
        if written is None:
            return None
        sent = json.loads(asked.body)["data"]
        if written:
            other.api("POST", asked.path, json={"data": sent[:written]})
        return Rewritten.of({"data": [STUMBLED] * len(sent)}, 207)

    other.answering("/Tasks", answer)


@pytest.fixture
def other_target(other, tmp_path):
    """Runs against the other Bigin."""
    return lambda messages, **settings: run_target(other, tmp_path, messages, **settings)


@pytest.mark.parametrize(("hours", "answered"), [(0.5, 0), (3, 3)])
def test_a_lost_insert_is_found_by_bigins_clock(sandbox, target, hours, answered):
    """A machine's clock may be ahead of Bigin's: by it, nothing would have been created since the call.

    Before the first answer our own clock must do, with an hour to spare.
    """
    sandbox.clock(advance=-hours * HOUR)
    sandbox.fault("POST /Tasks", lose_response=True, after=answered)

    run = target([TASKS, *records("Tasks", padding(answered)), record("Tasks", **CALL_BACK)], **one_by_one())

    assert run.outcomes("Tasks") == {"inserted": answered + 1}
    assert len(calls_back(sandbox)) == 1


def test_bigins_times_are_whole_seconds_of_clocks_that_differ(other, sandbox, other_target):
    """The machine that answers may be a second ahead of the one that dates a record."""

    def a_second_ahead(_asked, answer):
        for name in answer.headers:
            if name.lower() == "date":
                said = parsedate_to_datetime(answer.headers[name])
                answer.headers[name] = format_datetime(said + timedelta(seconds=1), usegmt=True)

    other.changing(".*", a_second_ahead)
    sandbox.fault("POST /Tasks", lose_response=True, after=3)

    run = other_target([TASKS, *records("Tasks", padding(3)), record("Tasks", **CALL_BACK)], **one_by_one())

    assert run.outcomes("Tasks") == {"inserted": 4}
    assert len(calls_back(sandbox)) == 1


@pytest.mark.parametrize("list_only", [False, True])
def test_what_was_there_before_the_call_is_not_ours(sandbox, target, list_only):
    """Our own user called back an hour ago, too: that is another record."""
    sandbox.api("POST", "/Tasks", json={"data": [CALL_BACK]})
    sandbox.clock(advance=HOUR)
    sandbox.fault("POST /Tasks", status=207, body={"data": [STUMBLED]}, after=3)
    if list_only:
        sandbox.fault("POST /coql", status=403, times=None)

    run = target([TASKS, *records("Tasks", padding(3)), record("Tasks", **CALL_BACK)], **one_by_one())

    assert run.outcomes("Tasks") == {"inserted": 4}
    assert len(calls_back(sandbox)) == 2


def test_one_row_answers_for_one_of_two_equal_records(other, sandbox, other_target):
    """Both were meant, and one of them was written: the other one is sent again."""
    stumble(other, 1)

    run = other_target([TASKS, *records("Tasks", [CALL_BACK, CALL_BACK])], default_operation="insert")

    assert run.outcomes("Tasks") == {"inserted": 2}
    assert len(calls_back(sandbox)) == 2


def test_a_row_that_differs_in_its_case_alone_is_not_taken_for_ours(sandbox, target):
    """It may be another record, entered at that moment by the same user: then ours was not written."""
    (user,) = sandbox.api("GET", "/users", params={"type": "CurrentUser"}).json()["users"]
    like_ours = {**CALL_BACK, "Subject": CALL_BACK["Subject"].upper()}
    entered = {"op": "create", "module": "Tasks", "user": user["id"], "data": like_ours}
    sandbox.fault("POST /Tasks", status=207, body={"data": [STUMBLED]}, mutate=[entered])

    run = target([TASKS, record("Tasks", **CALL_BACK)], **one_by_one(), max_rejects=1)

    assert [each["code"] for each in run.rejects] == ["FATE_UNKNOWN"]
    assert sandbox.count("Tasks") == 1


def test_what_one_inquiry_has_found_the_next_does_not_find(other, sandbox, other_target):
    """Two calls of equal records are lost at the same time, and one of them was done."""
    stumble(other, 1, 0)

    run = other_target(
        [TASKS, *records("Tasks", [CALL_BACK, CALL_BACK])], **one_by_one(max_concurrent_requests=2)
    )

    assert run.outcomes("Tasks") == {"inserted": 2}
    assert len(calls_back(sandbox)) == 2


def test_nothing_is_inserted_while_bigin_is_asked(sandbox, target):
    """An equal record that is written meanwhile, and whose id is not known yet, would be found as the lost one."""
    sandbox.fault("POST /Tasks", status=207, body={"data": [STUMBLED]})
    sandbox.fault("POST /coql", delay_ms=200)

    run = target([TASKS, *records("Tasks", [CALL_BACK] * 8)], **one_by_one(max_concurrent_requests=2))

    assert run.outcomes("Tasks") == {"inserted": 8}
    assert len(calls_back(sandbox)) == 8


def test_a_call_that_is_still_under_way_is_waited_for(other, sandbox, other_target):
    """Its row is there already, and its answer is not: the row would be taken for the equal record that is lost."""
    written, asked_for_it = threading.Event(), threading.Event()
    numbers = itertools.count()

    def answer(asked):
        if asked.method != "POST":
            return None
        number = next(numbers)
        if number == 0:
            written.wait(5)
            return Rewritten.of({"data": [STUMBLED]}, 207)
        if number == 1:
            done = other.api("POST", asked.path, json=json.loads(asked.body))
            written.set()
            asked_for_it.wait(5)
            time.sleep(0.2)  # for what is told to be looked at
            return Rewritten.of(done.json(), 201)
        return None

    other.answering("/Tasks", answer)
    other.changing("/coql", lambda _asked, _answer: asked_for_it.set())

    run = other_target(
        [TASKS, *records("Tasks", [CALL_BACK, CALL_BACK])], **one_by_one(max_concurrent_requests=2)
    )

    assert run.outcomes("Tasks") == {"inserted": 2}
    assert len(calls_back(sandbox)) == 2


def test_a_field_that_is_closed_to_the_user_tells_no_record_apart(sandbox, target):
    """Bigin drops its value in silence: compared, it would make every record a missing one."""
    (user,) = sandbox.api("GET", "/users", params={"type": "CurrentUser"}).json()["users"]
    closed = [{"id": user["profile"]["id"], "permission_type": "read_only"}]
    for_others = [{"id": "6100000000000002999", "permission_type": "read_write"}]
    sandbox.change_metadata(
        {"op": "set_field", "module": "Tasks", "field": "Priority", "data": {"profiles": closed + for_others}}
    )
    sandbox.fault("POST /Tasks", lose_response=True)

    run = target([TASKS, record("Tasks", **CALL_BACK)], **one_by_one(request_timeout=1))

    assert run.outcomes("Tasks") == {"inserted": 1}
    assert [each["Priority"] for each in sandbox.dump("Tasks")] == [None]


def test_where_nobody_says_who_we_are_the_fields_must_do(other, sandbox, other_target):
    """A token may not ask for its user: what a colleague enters meanwhile is not ours all the same."""
    other.refuse("/users", 403, "NO_PERMISSION")
    sandbox.create("Tasks", Subject="Something else")
    stumble(other, 0)

    run = other_target([TASKS, record("Tasks", **CALL_BACK)], default_operation="insert")

    assert run.outcomes("Tasks") == {"inserted": 1}
    assert len(calls_back(sandbox)) == 1


def test_a_call_that_is_still_at_work_is_waited_for(sandbox, target):
    """The connection broke, and Bigin writes the record after we have looked for the first time."""
    (user,) = sandbox.api("GET", "/users", params={"type": "CurrentUser"}).json()["users"]
    late = {"op": "create", "module": "Tasks", "user": user["id"], "data": CALL_BACK}
    sandbox.fault("POST /Tasks", status=502)
    sandbox.fault("POST /coql", mutate=[late], after=1)

    run = target([TASKS, record("Tasks", **CALL_BACK)], **one_by_one())

    assert run.outcomes("Tasks") == {"inserted": 1}
    assert sandbox.calls("POST /Tasks") == 1
    assert len(calls_back(sandbox)) == 1


def test_an_insert_that_bigin_stumbled_over_and_did_is_not_sent_again(other, sandbox, other_target):
    """INTERNAL_ERROR says of a record that something went wrong, not that nothing was written."""
    stumble(other, 1)

    run = other_target([TASKS, record("Tasks", **CALL_BACK)], default_operation="insert")

    assert run.outcomes("Tasks") == {"inserted": 1}
    assert len(calls_back(sandbox)) == 1


def test_an_insert_that_found_its_record_locked_is_sent_again_without_a_question(sandbox, target):
    """Bigin says that it was not done."""
    locked = {**STUMBLED, "code": "RECORD_LOCKED"}
    sandbox.fault("POST /Tasks", status=207, body={"data": [locked]})

    run = target([TASKS, record("Tasks", **CALL_BACK)], default_operation="insert")

    assert run.outcomes("Tasks") == {"inserted": 1}
    assert (sandbox.calls("POST /Tasks"), sandbox.calls("POST /coql")) == (2, 0)


def test_a_record_that_bigin_always_stumbles_over_is_rejected_in_the_end(sandbox, target, monkeypatch):
    """Otherwise the run would never end. From try to try it is given more time."""
    before = []
    monkeypatch.setattr(calls, "delay_before", lambda attempt: before.append(attempt) or 0.001)
    sandbox.fault("POST /Tasks", status=207, body={"data": [STUMBLED]}, times=20)

    run = target([TASKS, record("Tasks", **CALL_BACK)], default_operation="insert", max_rejects=1)

    assert [reject["code"] for reject in run.rejects] == ["INTERNAL_ERROR"]
    assert sandbox.calls("POST /Tasks") == 4
    assert before == [1, 2, 3]


@pytest.mark.parametrize(("max_retries", "made"), [(0, 1), (1, 2), (5, 2)])
def test_an_insert_that_is_lost_each_time_ends_the_run(sandbox, target, max_retries, made):
    """Sent once more if it may be, and not for ever."""
    sandbox.fault("POST /Tasks", status=502, times=None)
    settings = one_by_one(max_retries=max_retries, request_timeout=1)

    run = target([TASKS, record("Tasks", **CALL_BACK)], **settings)

    assert isinstance(run.error, ServerError)
    assert sandbox.calls("POST /Tasks") == made
    assert sandbox.calls("POST /coql") < 4 * made  # each is looked for at once, and when its time is over


def test_inserts_that_wait_for_a_lost_one_are_not_all_sent_when_it_is_judged(sandbox, target):
    """Bigin may be down: each of them would be lost in its turn, and a minute of waiting."""
    sandbox.fault("POST /Tasks", status=502, times=None)

    run = target([TASKS, *records("Tasks", padding(12))], **one_by_one(max_retries=0, request_timeout=1))

    assert isinstance(run.error, ServerError)
    assert sandbox.calls("POST /Tasks") < 6


def test_an_insert_that_never_left_is_not_asked_for(other, other_target):
    """Nothing can have happened, so a question would be a credit for nothing."""

    def gone_after_the_first(asked, answer):
        answer.headers["Connection"] = "close"
        if (asked.method, asked.path) == ("POST", "/Tasks"):
            other.stop()

    other.changing(".*", gone_after_the_first)

    run = other_target([TASKS, *records("Tasks", padding(3))], **one_by_one(max_retries=1))

    assert isinstance(run.error, ConnectionFailed)
    assert run.outcomes("Tasks") == {"inserted": 1}
    assert not run.said("asking Bigin")


PEOPLE = schema("Contacts", "Last_Name", "Email", key=["id"])
ELIF = {"id": "1", "Last_Name": "Kaya", "Email": "elif@example.com"}
NAMELESS = {"id": "2", "Last_Name": "Kaya"}
"""Without an address a contact is inserted; those that have one are matched by it."""


@pytest.fixture
def copied(tmp_path):
    """Settings of a copy, whose files outlive a run."""
    return {
        "streams": {"*": {"ids": "source"}},
        "batch_size": 1,
        "max_concurrent_requests": 2,
        "request_timeout": 1,
        "journal_path": str(tmp_path / "journal.jsonl"),
        "id_map_path": str(tmp_path / "ids.jsonl"),
    }


def people(sandbox):
    return sorted((each["Last_Name"], each["Email"] or "") for each in sandbox.dump("Contacts"))


BOTH = [("Kaya", ""), ("Kaya", "elif@example.com")]


@pytest.mark.parametrize("rows", [[ELIF, NAMELESS], [NAMELESS, ELIF]])
def test_what_an_upsert_makes_is_no_lost_insert(sandbox, target, copied, rows):
    """Its row says all that the lost record says, and an address besides; it is the other record's."""
    sandbox.fault("POST /Contacts", drop=True, times=1)
    sandbox.fault("POST /Contacts/upsert", delay_ms=300)

    run = target([PEOPLE, *records("Contacts", rows)], **copied)

    assert run.rejects == []
    assert people(sandbox) == BOTH


def test_what_an_upsert_of_a_former_run_made_is_no_lost_insert(sandbox, target, copied):
    """The insert never got there before the run was ended, the other's row did; the id map tells whose it is."""
    for call in ("POST /Contacts", "POST /coql"):
        sandbox.fault(call, drop=True, times=None)
    first = target([PEOPLE, *records("Contacts", [ELIF, NAMELESS])], **copied, max_retries=0)
    assert first.error is not None
    assert people(sandbox) == BOTH[1:]
    sandbox.clear_faults()

    second = target([PEOPLE, *records("Contacts", [NAMELESS])], **copied)

    assert second.said("sent by a run that ended early: 1")
    assert second.rejects == []
    assert people(sandbox) == BOTH


def lose_both(other, done):
    """Two inserts in flight get no answer; the one that says ``done`` was carried out, and is told first."""
    both, calls = threading.Barrier(2, timeout=10), itertools.count()

    def lose(asked):
        if asked.method == "POST" and next(calls) < 2:
            both.wait()
            if done in asked.body.decode():
                other.api("POST", asked.path, json=json.loads(asked.body))
            else:
                time.sleep(0.2)
            raise ConnectionResetError

    other.answering("/Tasks", lose)


def test_what_is_lost_at_once_is_looked_for_at_once(other, sandbox, other_target):
    """Two calls are lost, one of them was done: its row, which is like both, is not taken for the other."""
    lose_both(other, "High")
    settings = one_by_one(max_concurrent_requests=2, request_timeout=1)

    run = other_target([TASKS, *records("Tasks", [{"Subject": "Call back"}, CALL_BACK])], **settings)

    assert run.rejects == []
    assert sorted(each["Priority"] or "" for each in sandbox.dump("Tasks")) == ["", "High"]


@pytest.mark.parametrize("missing", [{"Subject": "Call back"}, {**CALL_BACK, "Priority": "Low"}])
def test_a_row_of_a_record_that_has_yet_to_come_is_no_doubt(other, sandbox, tmp_path, missing):
    """A former run left two calls behind, of which the second was done: the first may be that one as well.

    The second does not come before it is settled whether the first may be sent.
    """
    messages = [TASKS, *records("Tasks", [missing, CALL_BACK])]
    settings = one_by_one(
        max_concurrent_requests=2, request_timeout=1, max_retries=0, journal_path=str(tmp_path / "journal")
    )
    lose_both(other, "High")
    sandbox.fault("POST /coql", drop=True, times=None)
    first = run_target(other, tmp_path, messages, **settings)
    assert first.error is not None
    sandbox.clear_faults()

    second = run_target(sandbox, tmp_path, messages, **settings)

    assert second.said("sent by a run that ended early: 2")
    assert second.rejects == []
    told = sorted((each["Priority"] or "" for each in sandbox.dump("Tasks")), key=str)
    assert told == sorted([missing.get("Priority", ""), "High"])
