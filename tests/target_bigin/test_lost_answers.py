"""Exactly once, as far as Bigin permits: the answer is lost, the records are neither lost nor doubled."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

import pytest
from support.rewriting import OtherBigin
from support.target import command, record, records, run_target, schema, settings_of, state

CALLS = 5
SIZE = 20
CONTACTS = schema("Contacts", "Last_Name", "Email", key=["Email"])
TASKS = schema("Tasks", "Subject", "Priority", "Due_Date", "Send_Notification_Email")


@pytest.fixture(autouse=True)
def empty(sandbox):
    sandbox.reset(size="empty")


def contacts():
    return [
        {"Last_Name": f"Berg {n}", "Email": f"berg{n}@example.org", "Description": "Long\ntext"}
        for n in range(CALLS * SIZE)
    ]


def tasks():
    return [
        {"Subject": f"Call {n % 7}", "Priority": "High", "Due_Date": f"2026-05-{n % 28 + 1:02}"}
        for n in range(CALLS * SIZE)
    ]


def inserting(**streams):
    return {
        "default_operation": "insert",
        "batch_size": SIZE,
        "max_retries": 3,
        "request_timeout": 1,
        **streams,
    }


@pytest.mark.parametrize("position", range(CALLS))
@pytest.mark.parametrize("how", ["lose_response", "drop", "truncate"])
def test_a_lost_insert_with_a_unique_field_is_found(sandbox, target, position, how):
    """Whether it was written is asked, for a repeat would be answered by a hundred duplicates."""
    sandbox.fault("POST /Contacts", **{how: True}, times=1, after=position)

    run = target([CONTACTS, *records("Contacts", contacts()), state("end")], **inserting())

    assert run.error is None
    assert run.outcomes("Contacts") == {"inserted": CALLS * SIZE}
    assert sandbox.count("Contacts") == CALLS * SIZE
    assert run.states[-1] == "end"


@pytest.mark.parametrize("position", range(CALLS))
@pytest.mark.parametrize("how", ["lose_response", "drop"])
def test_a_lost_insert_without_a_unique_field_is_found(sandbox, target, position, how):
    """Nothing identifies a task: what was created since the call is compared with what was sent."""
    sandbox.fault("POST /Tasks", **{how: True}, times=1, after=position)

    run = target([TASKS, *records("Tasks", tasks())], **inserting())

    assert run.error is None
    assert run.outcomes("Tasks") == {"inserted": CALLS * SIZE}
    assert sorted(each["Subject"] + str(each["Due_Date"]) for each in sandbox.dump("Tasks")) == sorted(
        each["Subject"] + each["Due_Date"] for each in tasks()
    )


@pytest.mark.parametrize("bad", range(0, SIZE, 6))
@pytest.mark.parametrize("module", ["Contacts", "Tasks"])
def test_a_lost_call_with_refused_records_in_it(sandbox, target, module, bad):
    """Of a call that was written in part, the good ones are found and the bad ones refused for good."""
    rows = {"Contacts": contacts, "Tasks": tasks}[module]()[:SIZE]
    del rows[bad]["Last_Name" if module == "Contacts" else "Subject"]
    rows[(bad + 3) % SIZE]["Description" if module == "Contacts" else "Due_Date"] = "x" * 40_000
    sandbox.fault(f"POST /{module}", lose_response=True, times=1)

    run = target([schema(module, *rows[0]), *records(module, rows)], **inserting(max_rejects=2))

    assert run.error is None
    assert run.outcomes(module) == {"inserted": SIZE - 2, "rejected": 1, "invalid": 1}
    assert sandbox.count(module) == SIZE - 2


def test_answers_lost_one_after_the_other(sandbox, target):
    """A bad quarter of an hour: every other answer is lost."""
    for position in (0, 1, 3):
        sandbox.fault("POST /Tasks", lose_response=True, times=1, after=position)

    run = target([TASKS, *records("Tasks", tasks())], **inserting(max_concurrent_requests=2))

    assert run.outcomes("Tasks") == {"inserted": CALLS * SIZE}
    assert sandbox.count("Tasks") == CALLS * SIZE


def test_twins_that_were_meant_are_not_taken_for_one(sandbox, target):
    """A shop sells the same thing twice in a second: two equal records sent are two records."""
    sandbox.fault("POST /Tasks", lose_response=True, times=1, after=1)
    twins = [{"Subject": "Call back", "Priority": "High"}] * (3 * SIZE)

    run = target([TASKS, *records("Tasks", twins)], **inserting())

    assert run.outcomes("Tasks") == {"inserted": 3 * SIZE}
    assert sandbox.count("Tasks") == 3 * SIZE


def test_somebody_elses_record_of_the_same_second_is_not_ours(sandbox, target):
    """The call never arrived, but a colleague entered the very same thing: both must be there."""
    sandbox.fault("POST /Tasks", drop=True, times=1)
    sandbox.create("Tasks", Subject="Call back", Priority="High")

    run = target([TASKS, record("Tasks", Subject="Call back", Priority="High")], **inserting())

    assert run.outcomes("Tasks") == {"inserted": 1}
    assert sandbox.count("Tasks") == 2


def test_a_fate_that_cannot_be_found_out_is_a_reject(sandbox, target):
    """Without the right to ask, neither sending again nor leaving it is honest: a person must look."""
    sandbox.fault("POST /Tasks", lose_response=True, times=1)
    sandbox.fault("POST /coql", status=403, times=None)
    sandbox.fault("GET /Tasks", status=403, times=None)

    run = target([TASKS, record("Tasks", Subject="Call back")], **inserting(max_rejects=1))

    assert [each["code"] for each in run.rejects] == ["FATE_UNKNOWN"]
    assert sandbox.count("Tasks") == 1


@pytest.mark.parametrize(
    "how", [{"lose_response": True}, {"drop": True}, {"truncate": True}, {"status": 500}]
)
@pytest.mark.parametrize("position", range(0, CALLS, 2))
def test_a_lost_upsert_is_repeated(sandbox, target, how, position):
    """An upsert on a unique field may be sent again: the second time it is an update of the same."""
    sandbox.fault("POST /Contacts/upsert", **how, times=1, after=position)

    run = target([CONTACTS, *records("Contacts", contacts())], batch_size=SIZE)

    assert run.error is None
    assert sum(run.outcomes("Contacts").values()) == CALLS * SIZE
    assert sandbox.count("Contacts") == CALLS * SIZE


def test_a_lost_update_and_a_lost_delete_are_repeated(sandbox, target):
    """What is done is done: a second update changes nothing, a second delete means that it is gone."""
    ids = [sandbox.create("Contacts", Last_Name=f"Ek {n}") for n in range(4)]
    sandbox.fault("PUT /Contacts", lose_response=True, times=1)
    sandbox.fault("DELETE /Contacts", lose_response=True, times=1)
    rows = [{"id": ids[0], "Last_Name": "Ekman"}, {"id": ids[1], "_sdc_deleted_at": "2026-05-01T00:00:00Z"}]

    run = target(
        [schema("Contacts", "id", "Last_Name", key=["id"]), *records("Contacts", rows)],
        deletes="delete",
        streams={"Contacts": {"allow_mass_delete": True}},
    )

    assert run.error is None
    assert run.outcomes("Contacts") == {"updated": 1, "deleted": 1}
    assert [each["Last_Name"] for each in sandbox.dump("Contacts")] == ["Ekman", "Ek 2", "Ek 3"]


def test_a_record_that_bigin_stumbled_over_is_tried_again(sandbox, target):
    """INTERNAL_ERROR on one record of a call may pass; on an insert its fate is asked first."""
    stumble = {
        "data": [
            {"code": "INTERNAL_ERROR", "details": {}, "message": "Internal Server Error", "status": "error"}
        ]
    }
    sandbox.fault("POST /Tasks", status=207, body=stumble, times=1)
    sandbox.fault("POST /Contacts/upsert", status=207, body=stumble, times=2)

    run = target(
        [
            TASKS,
            CONTACTS,
            record("Tasks", Subject="A"),
            record("Contacts", Last_Name="B", Email="b@example.org"),
        ],
        streams={"Tasks": {"operation": "insert"}},
    )

    assert run.error is None
    assert (sandbox.count("Tasks"), sandbox.count("Contacts")) == (1, 1)


def test_a_row_that_automation_changed_is_no_reason_to_insert_again(sandbox, tmp_path):
    """A workflow set another priority: the record is there, and a second one would be a double."""
    other = OtherBigin(sandbox)
    sandbox.fault("POST /Tasks", lose_response=True, times=1)

    def changed(_asked, body):
        for row in body["data"]:
            row["Priority"] = "Highest"

    other.rewrite("/coql", changed)
    rows = [{"Subject": "Call back", "Priority": "Low"}]

    run = run_target(other, tmp_path, [TASKS, *records("Tasks", rows)], **inserting(max_rejects=1))
    other.close()

    (task,) = sandbox.dump("Tasks")
    assert [each["code"] for each in run.rejects] == ["FATE_UNKNOWN"]
    assert task["id"] in run.rejects[0]["message"]


def test_a_clock_that_is_two_hours_ahead_makes_no_duplicate(sandbox, target, monkeypatch):
    """Lost inserts were looked for in Bigin's future, where there was nothing."""
    monkeypatch.setattr("bigin_api.http.meter.datetime", Ahead)
    sandbox.fault("POST /Tasks", lose_response=True, times=2)
    rows = [{"Subject": f"Task {n}"} for n in range(5 * SIZE)]

    run = target([TASKS, *records("Tasks", rows)], **inserting())

    assert run.outcomes("Tasks") == {"inserted": 5 * SIZE}
    assert sandbox.count("Tasks") == 5 * SIZE


class Ahead(datetime):
    """This machine's clock."""

    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) + timedelta(hours=2)


def test_an_insert_that_bigin_carries_out_late_is_not_doubled(sandbox, tmp_path):
    """Its connection broke, and seconds later the record was there: it is waited for as long as a call may last."""
    other = OtherBigin(sandbox)
    late = []

    def cut(asked):
        if asked.method != "POST" or late:
            return
        late.append(threading.Timer(3, other.forward, [asked]))
        late[0].start()
        raise ConnectionResetError

    other.answering("/Tasks", cut)
    settings = settings_of(other, tmp_path, default_operation="insert", request_timeout=6)

    code, _, said = command(settings, tmp_path, [TASKS, record("Tasks", Subject="Carried out late")])

    late[0].join()
    other.close()
    assert code == 0, said
    assert [each["Subject"] for each in sandbox.dump("Tasks")].count("Carried out late") == 1


@pytest.mark.parametrize(
    "differs",
    [
        None,
        "yesterday, \xfcber den Daumen",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Thu, 01 Jan 1970 00:00:07 GMT",
        "",
    ],
    ids=["missing", "garbage", "in a thousand years", "of no set clock", "without a zone"],
)
def test_whatever_the_answers_tell_of_the_time_no_insert_is_doubled(other, sandbox, tmp_path, differs):
    """Lost inserts are looked for from what any of Bigin's servers may call now."""

    def another_time(_asked, answer):
        name = next(each for each in answer.headers if each.lower() == "date")
        if differs is None:
            del answer.headers[name]
        else:
            answer.headers[name] = differs or answer.headers[name].removesuffix(" GMT") + " -0000"

    other.changing(".*", another_time)
    for position in range(3):
        sandbox.fault("POST /Tasks", lose_response=True, times=1, after=2 * position)

    rows = [{"Subject": f"Task {n}"} for n in range(CALLS * SIZE)]
    run = run_target(other, tmp_path, [TASKS, *records("Tasks", rows)], **inserting())

    assert run.outcomes("Tasks") == {"inserted": CALLS * SIZE}
    assert sandbox.count("Tasks") == CALLS * SIZE


def test_servers_of_different_clocks_make_no_duplicate(other, sandbox, tmp_path):
    """The one that answered before is an hour ahead of the one that carries out the lost insert."""
    answers = iter(range(2 * CALLS))

    def ahead(asked, answer):
        if asked.method == "POST" and next(answers) % 2:
            name = next(each for each in answer.headers if each.lower() == "date")
            told = parsedate_to_datetime(answer.headers[name]) + timedelta(hours=1)
            answer.headers[name] = format_datetime(told, usegmt=True)

    other.changing("/Tasks", ahead)
    sandbox.fault("POST /Tasks", lose_response=True, times=1, after=3)
    rows = [{"Subject": f"Task {n}"} for n in range(5)]
    settings = inserting(batch_size=1, max_concurrent_requests=1)

    run = run_target(other, tmp_path, [TASKS, *records("Tasks", rows)], **settings)

    assert run.outcomes("Tasks") == {"inserted": 5}
    assert sandbox.count("Tasks") == 5


@pytest.mark.parametrize(
    "changed",
    [
        ("Contacts", {"Last_Name": "Berg", "Email": "Berg@example.org"}, {"Email": "b@example.org"}),
        (
            "Contacts",
            {"Last_Name": "Berg", "Email": "b@example.org", "Title": "Dr", "Mobile": "1"},
            {"Email": None, "Title": "Doctor", "Mobile": "+1"},
        ),
        (
            "Tasks",
            {"Subject": "Call", "Priority": "Low", "Due_Date": "2026-05-01"},
            {"Subject": "[auto] Call"},
        ),
        (
            "Pipelines",
            {"Deal_Name": "D", "Sub_Pipeline": "Inbound", "Stage": "Qualification", "Amount": 7},
            {"Amount": 8, "Stage": "Needs Analysis"},
        ),
    ],
)
def test_whatever_automation_changed_a_second_one_is_not_inserted(other, sandbox, tmp_path, changed):
    """A unique field, several fields, the name: the row may be ours, so a person must look."""
    module, sent, automation = changed
    sandbox.fault(f"POST /{module}", lose_response=True, times=1)
    other.rewrite("/coql", lambda _asked, body: [row.update(automation) for row in body["data"]])

    run = run_target(
        other, tmp_path, [schema(module, *sent), record(module, **sent)], **inserting(max_rejects=1)
    )

    assert [each["code"] for each in run.rejects] == ["FATE_UNKNOWN"]
    assert sandbox.count(module) == 1


def test_a_changed_row_that_may_be_any_of_several_records_is_held_against_all(other, sandbox, tmp_path):
    """Three tasks of one name, one of them written and changed: whichever it was is not made again."""
    rows = [{"Subject": "Call", "Priority": each} for each in ("Low", "High", "Normal")]

    def half_done(asked):
        if asked.method != "POST":
            return
        sandbox.api("POST", "/Tasks", json={"data": rows[1:2]})
        raise ConnectionResetError

    other.answering("/Tasks", half_done)
    other.rewrite("/coql", lambda _asked, body: [row.update(Priority="Highest") for row in body["data"]])

    run = run_target(other, tmp_path, [TASKS, *records("Tasks", rows)], **inserting(max_rejects=3))

    assert [each["code"] for each in run.rejects] == ["FATE_UNKNOWN"] * 3
    assert sandbox.count("Tasks") == 1


def test_what_this_run_wrote_long_ago_is_not_the_lost_one(other, sandbox, tmp_path, monkeypatch):
    """Where no answer tells the time, equal records of this run stay known as long as they could be found."""
    monkeypatch.setattr("target_bigin.writing.insert_gate.REMEMBERED", 0.0)
    other.changing(".*", lambda _asked, answer: [answer.headers.pop(each, None) for each in ("Date", "date")])
    sandbox.fault("POST /Tasks", drop=True, times=1, after=3)
    rows = [
        {"Subject": "Call back"},
        *({"Subject": f"Padding {n}"} for n in range(2)),
        {"Subject": "Call back"},
    ]
    settings = inserting(batch_size=1, max_concurrent_requests=1)

    run = run_target(other, tmp_path, [TASKS, *records("Tasks", rows)], **settings)

    assert run.outcomes("Tasks") == {"inserted": 4}
    assert sandbox.count("Tasks") == 4


def test_without_a_clock_yesterdays_record_is_not_taken_for_todays(other, sandbox, tmp_path):
    """No answer tells the time, and the same user made an equal record a day ago: a person must look."""
    sandbox.api("POST", "/Tasks", json={"data": [{"Subject": "Daily"}]})
    told = "2026-01-01T00:00:00Z"
    other.rewrite("/coql", lambda _asked, body: [row.update(Created_Time=told) for row in body["data"]])
    other.changing(".*", lambda _asked, answer: [answer.headers.pop(each, None) for each in ("Date", "date")])
    sandbox.fault("POST /Tasks", drop=True, times=1)

    run = run_target(other, tmp_path, [TASKS, record("Tasks", Subject="Daily")], **inserting(max_rejects=1))

    assert [each["code"] for each in run.rejects] == ["FATE_UNKNOWN"]
