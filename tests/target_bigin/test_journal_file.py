"""The journal's file: what a run notes of its inserts, and what the next one makes of it."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from itertools import pairwise

import pytest

from bigin_api.errors import SettingsError
from target_bigin.files.journal import Journal
from target_bigin.records.record import Record

SINCE = datetime(2026, 5, 14, tzinfo=timezone.utc)
PRINTS = ("ccc61cff27e6b0681159940463a234f3", "dd4cb33808352f1bef238fa9d72a17c8")  # of the tasks A and B


def prepared(number, subject):
    return Record(number, "Tasks", {}, {"Subject": subject})


@pytest.fixture
def journal(tmp_path):
    """``journal()`` opens the file as the next run does, the one before having been killed."""
    opened = []

    def open_next():
        for each in opened:
            each.close(in_good_order=False)  # leaves the file as a kill does
        opened.append(Journal(tmp_path / "journal.jsonl"))
        return opened[-1]

    yield open_next
    opened[-1].close(in_good_order=False)


def test_no_print_is_made_where_nothing_is_remembered(journal):
    """It takes longer than all else that is done for a record."""
    unprintable = Record(1, "Tasks", {}, {"Subject": object()})

    assert journal().recall(unprintable) is None
    assert [Journal(None).sending([unprintable], SINCE), journal().is_kept, Journal(None).is_kept] == [
        1,
        True,
        False,
    ]


def test_a_call_is_covered_by_its_last_record(journal):
    """The tap sends the others again, and with them those before."""
    run = journal()
    run.answered(run.sending([prepared(1, "A"), prepared(3, "B")], SINCE), ["7", "8"])
    run.covered(2)
    run.answered(run.sending([prepared(4, "C")], SINCE), ["9"])

    later = journal()

    assert [later.recall(prepared(n, name))[0] for n, name in enumerate("ABC")] == ["7", "8", "9"]


def test_a_run_that_ends_well_leaves_nothing_of_its_own(journal):
    """The next one's equal records are new ones."""
    run = journal()
    run.sending([prepared(1, "A")], SINCE)
    run.close(in_good_order=True)

    assert not journal().remembers


def test_no_value_of_a_record_is_in_the_journal(journal, tmp_path):
    """It holds hashes: a file left lying about tells nobody's name."""
    journal().sending([prepared(1, "Secret plan")], SINCE)

    assert "Secret" not in (tmp_path / "journal.jsonl").read_text()


def test_what_a_state_covers_is_forgotten(journal):
    """The tap will not send it again, so an equal record that comes later is a new one."""
    run = journal()
    run.answered(run.sending([prepared(1, "A"), prepared(2, "B")], SINCE), ["7", None])
    run.sending([prepared(3, "C")], SINCE)
    run.covered(2)
    run.sending([prepared(4, "D")], SINCE)
    run.covered(4)
    run.sending([prepared(5, "E")], SINCE)

    later = journal()

    assert [later.recall(prepared(n, name)) is not None for n, name in enumerate("ABCDE")] == [False] * 4 + [
        True
    ]


def test_what_was_recalled_and_covered_is_not_recalled_again(journal, tmp_path):
    """Picked up by the second run and covered by its state: the third must not take a new record for it."""
    first = journal()
    first.answered(first.sending([prepared(1, "A"), prepared(2, "B")], SINCE), ["7", "8"])
    second = journal()
    assert second.recall(prepared(1, "A"))[0] == "7"
    second.covered(1)
    written = (tmp_path / "journal.jsonl").stat().st_ino
    second.covered(2)
    assert (tmp_path / "journal.jsonl").stat().st_ino == written  # not written anew at each state

    third = journal()

    assert third.recall(prepared(1, "A")) is None
    assert third.recall(prepared(2, "B"))[0] == "8"
    assert not third.remembers


@pytest.mark.parametrize(("covered", "left"), [([1], "8"), ([1, 2], None)])
def test_what_was_recalled_is_recalled_again_until_it_is_covered(journal, covered, left):
    """Killed once more before a state covers it: the tap sends it a third time."""
    first = journal()
    first.answered(first.sending([prepared(1, "A"), prepared(2, "B")], SINCE), ["7", "8"])
    second = journal()
    for number, name in enumerate("AB", start=1):
        second.recall(prepared(number, name))
    for up_to in covered:
        second.covered(up_to)

    third = journal()

    assert third.recall(prepared(1, "A")) is None
    assert third.recall(prepared(2, "B")) == (left and (left, SINCE))


def test_a_good_end_forgets_what_was_noted_of_the_streams_that_were_read(journal):
    """Another run may have been killed in a stream that this one did not read."""
    first = journal()
    calls = Record(2, "Calls", {}, {"Subject": "A"})
    for record in (prepared(1, "A"), calls):
        first.sending([record], SINCE)
    journal().close(in_good_order=True, streams=["Tasks"])

    third = journal()

    assert third.recall(prepared(1, "A")) is None
    assert third.recall(calls) == (None, SINCE)


def test_records_that_were_refused_are_not_recalled(journal):
    """They were not written: sent again they are refused again, or taken now that the cause is mended."""
    run = journal()
    run.answered(run.sending([prepared(1, "A"), prepared(2, "B")], SINCE), ["7", None])

    later = journal()

    assert later.recall(prepared(1, "B")) is None
    assert later.recall(prepared(2, "A"))[0] == "7"


def test_equal_records_are_recalled_one_by_one(journal):
    """Two of three twins were written."""
    run = journal()
    run.answered(run.sending([prepared(1, "A"), prepared(2, "A")], SINCE), ["7", "8"])

    later = journal()

    assert [later.recall(prepared(n, "A")) is not None for n in range(3)] == [True, True, False]


def test_a_note_cut_off_by_the_kill_is_no_note(journal, tmp_path):
    """The call was not sent before its note was whole."""
    journal().sending([prepared(1, "A")], SINCE)
    path = tmp_path / "journal.jsonl"
    path.write_bytes(path.read_bytes()[:-5])

    following = journal()
    assert following.recall(prepared(1, "A")) is None
    following.sending([prepared(1, "B")], SINCE)
    assert journal().recall(prepared(1, "B")) == (None, SINCE)


def test_what_a_killed_run_wrote_is_read_by_the_next_version(journal, tmp_path):
    """An update between the two must not double what was sent: the file's form stays."""
    path = tmp_path / "journal.jsonl"
    first = journal()
    first.answered(first.sending([prepared(1, "A"), prepared(2, "B")], SINCE), ["7", None])
    first.sending([prepared(3, "A")], SINCE)
    sent = {"stream": "Tasks", "since": "2026-05-14T00:00:00+00:00"}
    written = [
        {"sending": 1, **sent, "prints": [*PRINTS]},
        {"answered": 1, "ids": ["7", None]},
        {"sending": 2, **sent, "prints": [PRINTS[0]]},
    ]
    assert [json.loads(line) for line in path.read_text().splitlines()] == written

    second = journal()

    assert [json.loads(line) for line in path.read_text().splitlines()] == written
    assert [list(each.ids()) for each in (first, second)] == [["7"], ["7"]]
    assert [second.recall(prepared(n, name)) for n, name in enumerate("ABAA")] == [
        ("7", SINCE),
        None,
        (None, SINCE),
        None,
    ]
    assert second.sending([prepared(9, "C")], SINCE) == 3  # no number stands for two calls


def test_the_file_does_not_grow_with_the_run(journal, tmp_path):
    """A call is always under way: what has served is left out now and then, and not at each state."""
    path, run = tmp_path / "journal.jsonl", journal()
    sizes = []
    for number in range(1, 61):
        run.sending([Record(number, "x" * 50_000, {}, {})], SINCE)
        run.covered(number - 1)
        sizes.append(path.stat().st_size)

    assert max(sizes) < 1_200_000
    assert sum(after < before for before, after in pairwise(sizes)) == 2  # of 3 MB


def test_a_dry_run_recalls_and_writes_nothing(journal, tmp_path):
    """What a killed run left is for the run itself; where there is no file none is made."""
    path = tmp_path / "journal.jsonl"
    first = journal()
    first.answered(first.sending([prepared(1, "A")], SINCE), ["7"])
    before = path.read_text()

    known = [("7", SINCE), None, None]
    paths = (path, tmp_path / "new" / "journal.jsonl", None)
    for dry, recalled in zip([Journal(each, read_only=True) for each in paths], known, strict=True):
        assert dry.remembers is (recalled is not None)
        assert dry.recall(prepared(1, "A")) == recalled
        assert not dry.remembers
        dry.answered(dry.sending([prepared(2, "B")], SINCE), ["8"])
        dry.covered(2)
        dry.close(in_good_order=True, streams=["Tasks"])

    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("text", ["no json\n", '{"other": 1}\n', '{"answered": 9, "ids": []}\n'])
def test_a_file_that_is_no_journal_is_named(tmp_path, text):
    """A wrong path must not be overwritten."""
    path = tmp_path / "precious.csv"
    path.write_text(text)

    with pytest.raises(SettingsError, match="journal_path"):
        Journal(path)
    assert path.read_text() == text
