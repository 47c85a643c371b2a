"""Calls that write: when they go out, what they say, and what each record's entry of the answer means."""

from __future__ import annotations

import pytest
from support.calls import DONE, FAILED, LOST, UNSAID, Stream, contacts, failed

from bigin_api import InvalidRequest, RateLimited, WriteResult
from target_bigin.records.record import Record, Reject
from target_bigin.writing import calls

BODIES = [{"Last_Name": "Berg 0"}, {"Last_Name": "Berg 1"}]
WITH_IDS = [{"Last_Name": f"Berg {number}", "id": f"id{number}"} for number in range(2)]


@pytest.mark.parametrize("trigger", [(), ("workflow",)])
@pytest.mark.parametrize(
    ("operation", "bodies", "more", "ended"),
    [
        ("upsert", BODIES, {"duplicate_check_fields": ["Email", "Phone"]}, "updated"),
        ("insert", BODIES, {}, "inserted"),
        ("update", WITH_IDS, {}, "updated"),
        ("delete", ["id0", "id1"], {}, "deleted"),
    ],
)
def test_a_call_says_all_that_bigin_needs(run, *, trigger, operation, bodies, more, ended):
    """What is written, by what it is found, and whether automation is to see it."""
    stream = Stream(run, trigger=trigger)

    assert stream.send(*contacts(2, operation)) == {0: ended, 1: ended}

    fires = {"fire_workflows": bool(trigger)} if operation == "delete" else {"trigger": trigger}
    assert stream.bigin.told == [(operation, "Contacts", bodies, {**more, **fires})]
    assert stream.written


def test_calls_go_out_when_they_are_full_or_company_was_waited_for(run):
    """As many at once as there is room for, each of records of one operation."""
    stream = Stream(run)
    stream.take(*contacts(9))

    stream.writer.pump(flush=False)
    at_once = len(run.tasks)
    run.land(lambda: stream.writer.pump(flush=False))
    full = len(stream.bigin.told)
    stream.send()

    assert (at_once, full) == (2, 4)
    assert [len(bodies) for _, _, bodies, _ in stream.bigin.told] == [2, 2, 2, 2, 1]


def test_no_insert_goes_out_while_an_answer_is_lost(run):
    """What was written by the lost call has to be known first; updates may go."""
    stream = Stream(run)
    stream.take(*contacts(2, "insert"), Record(7, "people", {}, {"Last_Name": "Ek"}, "update", id="id7"))
    stream.gate._lost.append("one")

    stream.send()

    assert [name for name, *_ in stream.bigin.told] == ["update"]
    assert stream.queue.waiting == 2


def test_a_record_takes_the_id_that_bigin_tells_and_keeps_its_own_where_it_tells_none(run):
    """By which field it was found is noted only if nobody asked for that."""
    results = [
        WriteResult(True, id="7", action="insert"),
        WriteResult(True, id="8", action="update", duplicate_field="Phone"),
        WriteResult(True, action="update", duplicate_field="Mobile"),
    ]
    stream, records = Stream(run, results, size=3), contacts(3)

    assert stream.send(*records) == {0: "inserted", 1: "updated", 2: "updated"}

    assert [each.id for each in records] == ["7", "8", "id2"]
    assert stream.account.notes == {"matched on Mobile, not on Email or Phone": 1}


def test_a_deletion_of_what_is_gone_is_done(run):
    """Its entry says so, and for a single one the whole answer may; any other refusal is one."""
    gone, refused = failed("INVALID_DATA", details={"id": "id0"}), failed("NO_PERMISSION")
    in_a_list = Stream(run, [gone, DONE, refused], size=3)
    alone = Stream(run, InvalidRequest("no", code="INVALID_DATA"))
    closed = Stream(run, InvalidRequest("no", code="ODD"))
    changed = Stream(run, InvalidRequest("no", code="INVALID_DATA"))

    assert in_a_list.send(*contacts(3, "delete")) == {
        0: "deleted",
        1: "deleted",
        2: Reject("rejected", "NO_PERMISSION", "no"),
    }
    assert alone.send(*contacts(1, "delete")) == {0: "deleted"}
    assert closed.send(*contacts(1, "delete")) == {0: Reject("rejected", "ODD", "no")}
    assert changed.send(*contacts(1)) == {0: Reject("rejected", "INVALID_DATA", "no")}
    notes = [each.account.notes for each in (in_a_list, alone, closed, changed)]
    assert notes == [{"already deleted in Bigin": 1}, {"already deleted in Bigin": 1}, {}, {}]


@pytest.mark.parametrize(
    ("operation", "code"),
    [("upsert", "INTERNAL_ERROR"), ("update", "RECORD_LOCKED"), ("insert", "RECORD_LOCKED")],
)
def test_a_record_that_bigin_stumbles_over_is_tried_again_some_times(run, monkeypatch, operation, code):
    """Its neighbour is written at once; each wait is longer than the one before, and then it is refused."""
    waits = []
    monkeypatch.setattr(calls, "delay_before", lambda attempt: waits.append(attempt) or 1e-9)
    stream = Stream(run, [failed(code), DONE], *[failed(code)] * 9)

    def ended():
        stream.send()
        run.tasks.wake_sleepers()
        return stream.ended

    stream.send(*contacts(2, operation))
    soon = dict(stream.ended)
    while 0 not in ended():
        assert len(waits) < 9

    assert soon.keys() == {1}
    assert stream.ended[0] == Reject("rejected", code, "no")
    assert len(stream.bigin.told) == 4
    assert waits == [1, 2, 3]


@pytest.mark.parametrize(
    ("operation", "code"), [("upsert", "INVALID_DATA"), ("upsert", None), ("insert", "INVALID_DATA")]
)
def test_a_refused_call_is_cut_and_its_parts_go_first(run, operation, code):
    """In their order, before what else waits: a module that is closed costs a few calls, not all."""
    stream = Stream(run, InvalidRequest("no", code=code), size=4)

    stream.send(*contacts(12, operation))

    sent = [[int(each["Last_Name"][5:]) for each in bodies] for _, _, bodies, _ in stream.bigin.told]
    assert sent == [[0, 1, 2, 3], [4, 5, 6, 7], [0, 1], [2, 3], [8, 9, 10, 11]]
    assert set(stream.ended.values()) == {"inserted" if operation == "insert" else "updated"}
    assert stream.gate.asked == []  # Bigin itself said that nothing was done, or an upsert may be sent again


def test_a_module_that_is_closed_is_asked_no_more(run):
    """Two that were refused alone speak for all, of this operation: the others are refused unsent."""
    closed = InvalidRequest("no such module", code="INVALID_MODULE")
    stream = Stream(run, *[closed] * 3, size=3)

    stream.send(*contacts(3))
    sent = len(stream.bigin.told)
    stream.ended.clear()
    stream.send(*contacts(2))

    assert stream.ended == dict.fromkeys((0, 1), Reject("rejected", "INVALID_MODULE", "no such module"))
    assert (sent, len(stream.bigin.told)) == (3, 3)
    assert stream.send(*contacts(2, "update")) == {0: "updated", 1: "updated"}


def test_a_code_that_may_speak_of_all_does_not_once_something_was_taken(run):
    """The module is open, then: each is refused for itself, and those that come later are sent."""
    stream = Stream(run, DONE, *[InvalidRequest("no", code="INVALID_MODULE")] * 3, size=1)

    stream.send(*contacts(5))

    assert [each for each, ended in stream.ended.items() if ended == "updated"] == [0, 4]


@pytest.mark.parametrize(
    ("answer", "is_over", "again"),
    [(LOST, False, [[1, 2]]), (FAILED, True, [[1, 2]]), (UNSAID, True, [[1], [2]])],
)
def test_an_insert_that_may_have_been_done_is_asked_for_before_it_is_sent_again(
    run, *, answer, is_over, again
):
    """What is there is not made twice. Where Bigin itself has answered nothing can be at work any more."""
    stream = Stream(run, answer, size=3, found={0: "77"})
    records = contacts(3, "insert")

    assert stream.send(*records) == dict.fromkeys(range(3), "inserted")

    assert stream.gate.asked == [([0, 1, 2], is_over)]
    sent = [[int(each["Last_Name"][5:]) for each in bodies] for _, _, bodies, _ in stream.bigin.told]
    assert sent == [[0, 1, 2], *again]
    assert [each.id for each in records] == ["77", "7", "7"]
    assert [each.attempts for each in records[1:]] == [len(again[0]) - 1] * 2


@pytest.mark.parametrize("answer", [LOST, FAILED, UNSAID, [failed("INTERNAL_ERROR")] * 2])
def test_nothing_is_sent_again_where_all_of_it_is_there(run, answer):
    """The whole call was written, and its answer alone was lost."""
    stream = Stream(run, answer, found={0: "77", 1: "78"})

    assert stream.send(*contacts(2, "insert")) == {0: "inserted", 1: "inserted"}

    assert len(stream.bigin.told) == len(stream.gate.asked) == 1


def test_a_record_of_an_insert_that_may_have_been_made_is_asked_for(run, monkeypatch):
    """Bigin stumbled over it by a code that does not say how far it got; what is not there is tried again later."""
    waits = []
    monkeypatch.setattr(calls, "delay_before", lambda attempt: waits.append(attempt) or 1e-9)
    stream = Stream(run, [failed("INTERNAL_ERROR"), DONE, failed("INTERNAL_ERROR")], size=3, found={0: "77"})

    stream.send(*contacts(3, "insert"))
    soon = dict(stream.ended)
    run.tasks.wake_sleepers()

    assert (soon, stream.gate.asked, waits) == ({0: "inserted", 1: "inserted"}, [([0, 2], True)], [1])
    assert stream.send() == dict.fromkeys(range(3), "inserted")


def poisoned(bodies):
    """It fails at the third person, again and again."""
    return FAILED if any("Berg 2" in str(each) for each in bodies) else DONE


@pytest.mark.parametrize(
    ("operation", "max_retries", "attempts", "tries"),
    [("upsert", 1, 0, 1), ("update", 1, 0, 1), ("insert", 1, 0, 2), ("insert", 1, 1, 1), ("insert", 0, 0, 1)],
)
def test_a_record_at_which_bigin_fails_is_found_in_parts(
    run, monkeypatch, caplog, *, operation, max_retries, attempts, tries
):
    """An insert goes once more before, if it may be repeated: the client has tried all others. It alone is refused."""
    waits = []
    monkeypatch.setattr(calls, "delay_before", lambda attempt: waits.append(attempt) or 1e-9)
    stream = Stream(run, *[poisoned] * 30, size=4, max_retries=max_retries)
    stream.take(*contacts(3, operation), Record(3, "people", {}, {}, operation, id="id3", attempts=attempts))

    stream.pump_until_nobody_sleeps()

    assert run.errors == []
    why = stream.ended.pop(2)
    assert (why.kind, why.code) == ("rejected", "INTERNAL_ERROR")
    assert set(stream.ended.values()) == {"inserted" if operation == "insert" else "updated"}
    whole = [bodies for _, _, bodies, _ in stream.bigin.told if len(bodies) == 4]
    assert len(whole) == tries
    alone = [bodies for _, _, bodies, _ in stream.bigin.told if len(bodies) == 1 and "Berg 2" in str(bodies)]
    assert (len(alone), waits) == ((3, [1]) if operation == "insert" else (2, []))
    assert "failed Tried in parts for 4 records of stream people." in caplog.text


def test_a_record_that_goes_through_when_it_is_tried_patiently_is_not_to_blame(run):
    """Bigin failed at it in the whole call, and once alone."""
    stream = Stream(run, FAILED, DONE, DONE, FAILED, DONE, size=3, max_retries=0)

    assert stream.send(*contacts(3, "insert")) == dict.fromkeys(range(3), "inserted")

    assert [len(bodies) for _, _, bodies, _ in stream.bigin.told] == [3, 1, 1, 1, 1]
    assert not run.tasks.sleeping


@pytest.mark.parametrize("operation", ["upsert", "insert"])
def test_the_only_record_of_a_call_may_be_to_blame(run, monkeypatch, operation):
    """If others are written meanwhile; and a Bigin that is down ends the run and rejects nobody."""
    monkeypatch.setattr(calls, "delay_before", lambda _: 1e-9)
    beside, alone = (Stream(run, *[FAILED] * 9, max_retries=0) for _ in range(2))
    beside.written = True
    (record,) = beside.take(*contacts(1, operation))

    beside.pump_until_nobody_sleeps()

    assert beside.ended[record.number].code == "INTERNAL_ERROR"
    alone.take(*contacts(1, operation))
    run.land(lambda: alone.writer.pump(flush=True))
    assert (alone.ended, run.errors) == ({}, [FAILED])


def test_a_call_that_surely_did_nothing_ends_the_run(run):
    """The day's credits are used up: nobody is rejected for that."""
    stream = Stream(run, RateLimited("too many"))
    stream.take(*contacts(2))

    run.land(lambda: stream.writer.pump(flush=True))

    assert [str(each) for each in run.errors] == ["too many"]
    assert stream.ended == {}
