"""An insert, step by step: what is noted before it and after, and what is asked about one of which nothing is known."""

from __future__ import annotations

import json
import time
from datetime import datetime, timezone

import pytest
from support.calls import DONE, FAILED, LOST, UNSAID, Stream, contacts, failed

from bigin_api import (
    AuthError,
    BiginError,
    ClientClosed,
    ConnectionFailed,
    CreditBudgetReached,
    InvalidRequest,
    PermissionDenied,
    RateLimited,
    WriteResult,
)
from target_bigin.files.journal import Journal
from target_bigin.records.record import Reject
from target_bigin.writing.inserts import Insert

NOW = datetime(2026, 5, 14, tzinfo=timezone.utc)


@pytest.fixture
def journal(tmp_path):
    """A journal that a run keeps, and that ends as a kill ends it."""
    kept = Journal(tmp_path / "journal.jsonl")
    yield kept
    kept.close(in_good_order=False)


@pytest.fixture
def noted(tmp_path):
    """What stands in the journal now: how many records each call sent, and the ids that were answered."""

    def read():
        lines = map(json.loads, (tmp_path / "journal.jsonl").read_text().splitlines())
        return [each["ids"] if "ids" in each else len(each["prints"]) for each in lines]

    return read


@pytest.mark.parametrize(
    ("count", "answer", "ids", "made"),
    [
        (2, DONE, ["7", "7"], ["7", "7"]),
        (2, [DONE, failed("INVALID_DATA", id="9")], ["7", None], ["7", None]),
        (1, [DONE, WriteResult(True, id="8")], ["7", "8"], ["7", "8"]),  # a recurring task
        (2, [DONE, DONE, DONE], [None, None], [None, None]),  # whose is which cannot be told
    ],
)
def test_an_insert_is_noted_before_it_is_sent_and_with_its_answer(
    run, journal, noted, *, count, answer, ids, made
):
    """A run that is killed at any moment leaves what the next one has to know; a row of these ids is not a lost one."""
    before = []
    stream = Stream(run, lambda _: before.extend(noted()) or answer, DONE, journal=journal)

    stream.send(*contacts(count, "insert"))

    assert before == [count]
    assert (noted()[:2], stream.gate.made[0]) == ([count, ids], made)
    assert stream.bigin.told[0][:3] == ("insert", "Contacts", [each.body for each in contacts(count)])


@pytest.mark.parametrize(
    ("error", "is_sure"),
    [
        (LOST, False),
        (FAILED, False),
        (UNSAID, False),
        (BiginError("?"), False),
        (ConnectionFailed("refused", may_have_happened=False), True),
        (RateLimited("429"), True),
        (InvalidRequest("no", code="INVALID_DATA"), True),
        (CreditBudgetReached("no"), True),
        (AuthError("no"), True),
        (ClientClosed("no"), True),
    ],
)
def test_what_surely_was_not_done_is_noted_as_that(run, journal, noted, error, is_sure):
    """The next run need not ask for it; all else it has to."""
    stream = Stream(run, error, journal=journal)
    insert = Insert(stream.context, stream.gate)
    raised = run.results(try_to_insert(insert, contacts(2, "insert")))

    assert raised == [error]
    assert noted() == ([2, [None, None]] if is_sure else [2])
    assert stream.gate.made == [()]


async def try_to_insert(insert, records):
    await insert.begin(records)
    return await insert.send()


def test_an_insert_waits_while_it_is_not_known_what_became_of_another(run):
    """The moment since when it may be there is taken afterwards; it goes on as soon as that is known."""
    stream = Stream(run, LOST, found={0: "77"})
    first, second = (Insert(stream.context, stream.gate) for _ in range(2))
    stream.gate._lost.append("another")
    begun = []

    async def begin():
        begun.append(await second.begin(contacts(1, "insert")))

    async def find_out():
        first.records, first._since, first._ids = contacts(1), None, [None]
        return await first.find_out(first.records, answered=True)

    run.tasks.create_task(begin())
    before = list(begun)
    stream.gate._lost.clear()
    run.tasks.create_task(find_out())

    assert (before, [len(each) for each in begun]) == ([], [1])


def test_what_is_found_out_is_noted(run, journal, noted):
    """In the place of each record, beside what was answered."""
    stream = Stream(run, [failed("INTERNAL_ERROR"), DONE], journal=journal, found={0: "77"})

    assert stream.send(*contacts(2, "insert")) == {0: "inserted", 1: "inserted"}

    assert noted() == [2, [None, "7"], ["77", "7"]]


@pytest.mark.parametrize("error", [InvalidRequest("no such field"), PermissionDenied("no such field")])
def test_a_record_is_refused_where_bigin_cannot_be_asked_for_it(run, error):
    """Neither sending it again nor leaving it would be honest."""
    stream = Stream(run, LOST, found=error)

    message = "the answer to the insert was lost, and Bigin cannot be asked for it: no such field"
    why = Reject("rejected", "FATE_UNKNOWN", message)
    assert stream.send(*contacts(2, "insert")) == {0: why, 1: why}
    assert len(stream.bigin.told) == 1


def test_a_record_is_refused_where_a_row_may_be_it(run):
    """A person is told which row; the others go again. What was lost just now has no end of input to wait for."""
    stream = Stream(run, LOST)
    stream.gate.doubtful = {0: "99"}

    ended = stream.send(*contacts(2, "insert"))

    assert ended[1] == "inserted"
    assert (ended[0].kind, ended[0].code) == ("rejected", "FATE_UNKNOWN")
    assert "99 was created then" in ended[0].message
    assert stream.gate.may_wait == [False]


def test_a_call_may_be_at_work_as_long_as_one_may_last(run):
    """Whoever asks sooner takes for missing what is about to be made."""
    stream = Stream(run, LOST)
    run.client.limits.request_timeout = 1_000

    stream.send(*contacts(1, "insert"))

    assert time.monotonic() + 900 < stream.gate.until < time.monotonic() + 1_001


def of_a_former_run(tmp_path, *ids):
    """The journal after a run that was killed: it had sent three contacts, and heard of them what is said."""
    killed = Journal(tmp_path / "journal.jsonl")
    stream = contacts(3)
    note = killed.sending(stream, NOW)
    if ids:
        killed.answered(note, ids)
    killed.close(in_good_order=False)
    return Journal(tmp_path / "journal.jsonl")


def test_what_a_former_run_wrote_is_not_sent_again(run, tmp_path):
    """It is told so, with its id; what that run was refused, or never sent, goes as ever."""
    journal = of_a_former_run(tmp_path, "71", "72", None)
    stream, records = Stream(run, size=4, journal=journal), contacts(4, "insert")

    assert stream.send(*records) == dict.fromkeys(range(4), "inserted")
    journal.close(in_good_order=False)

    assert [each.id for each in records] == ["71", "72", "7", "7"]
    assert [each["Last_Name"] for each in stream.bigin.told[0][2]] == ["Berg 2", "Berg 3"]
    assert (len(stream.bigin.told), stream.gate.asked) == (1, [])
    assert stream.account.notes == {"sent by a run that ended early": 2}


def test_a_call_of_which_all_was_written_before_is_not_made(run, tmp_path):
    """There is nothing left to send, nor to note."""
    journal = of_a_former_run(tmp_path, "71", "72", "73")
    stream = Stream(run, size=3, journal=journal)

    assert stream.send(*contacts(3, "insert")) == dict.fromkeys(range(3), "inserted")
    journal.close(in_good_order=False)

    assert stream.bigin.told == []
    assert (tmp_path / "journal.jsonl").read_text().count("sending") == 1


def test_what_a_former_run_sent_without_an_answer_is_asked_for(run, tmp_path):
    """What is there is told so, what is not is sent; what another row may be yet is asked for at the end once more."""
    journal = of_a_former_run(tmp_path)
    stream = Stream(run, size=3, journal=journal, found={0: "71"})
    stream.gate.doubtful = {1: "99"}
    records = contacts(3, "insert")

    before = dict(stream.send(*records))
    stream.gate.finish()
    run.land()
    stream.send()
    journal.close(in_good_order=False)

    assert before == {0: "inserted", 2: "inserted"}
    assert stream.ended == dict.fromkeys(range(3), "inserted")
    assert stream.gate.asked == [([0, 1, 2], False), ([1], False)]
    assert (stream.gate.may_wait, stream.gate.until) == ([True, False], stream.gate.begun + 1)
    assert [each.id for each in records] == ["71", "7", "7"]
    sent = [[each["Last_Name"] for each in bodies] for _, _, bodies, _ in stream.bigin.told]
    assert sent == [["Berg 2"], ["Berg 1"]]
    assert stream.account.notes == {"sent by a run that ended early": 3}


def test_where_nothing_is_in_doubt_the_end_of_the_input_is_not_waited_for(run, tmp_path):
    """Each of two equal moments of a former run is asked for by itself."""
    journal = of_a_former_run(tmp_path)
    stream = Stream(run, size=3, journal=journal, found={0: "71", 1: "72", 2: "73"})

    assert stream.send(*contacts(3, "insert")) == dict.fromkeys(range(3), "inserted")
    journal.close(in_good_order=False)

    assert not stream.gate.finish()
    assert stream.gate.asked == [([0, 1, 2], False)]
