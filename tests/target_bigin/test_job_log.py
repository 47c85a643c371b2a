"""The notes about bulk jobs: which of them the next run must wait for."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from bigin_api import SettingsError
from target_bigin.files.job_log import JobLog


def test_the_next_run_knows_the_jobs_of_a_module_that_no_run_saw_end(tmp_path):
    """They may overwrite what it writes there; those of other modules and what has ended hold nothing up."""
    journal = tmp_path / "journal.jsonl"
    log = JobLog(journal)
    for job, module in (("1", "Contacts"), ("2", "Accounts"), ("3", "Contacts"), ("4", "Contacts")):
        log.note(job, module)
    log.forget("3")
    log.forget("4")

    following = JobLog(journal)

    assert (following.unfinished("Contacts"), following.unfinished("Accounts")) == (["1"], ["2"])


def test_jobs_that_are_made_side_by_side_are_all_known(tmp_path):
    """They run in threads of their own, and each of them writes the whole file."""
    journal = tmp_path / "journal.jsonl"
    log = JobLog(journal)
    jobs = [str(number) for number in range(32)]

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda job: log.note(job, "Contacts"), jobs))
    made = JobLog(journal).unfinished("Contacts")
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(log.forget, jobs[1:]))

    assert sorted(made) == sorted(jobs)
    assert JobLog(journal).unfinished("Contacts") == ["0"]


def test_a_job_that_was_waited_for_is_forgotten(tmp_path):
    """With the last of them the file goes, too."""
    journal, notes = tmp_path / "journal.jsonl", tmp_path / "journal.jsonl.bulk"
    log = JobLog(journal)
    log.note("1", "Contacts")
    log.note("2", "Contacts")

    following = JobLog(journal)
    following.forget("1")
    left = [json.loads(line) for line in notes.read_text().splitlines()]
    following.forget("2")

    assert left == [{"job": "2", "module": "Contacts"}]
    assert not notes.exists()
    assert following.unfinished("Contacts") == []


def test_what_a_kill_left_half_written_beside_the_notes_is_in_nobodys_way(tmp_path):
    """And whoever may read it may not read the notes."""
    notes, half = tmp_path / "journal.jsonl.bulk", tmp_path / "journal.jsonl.bulk.new"
    half.write_text('{"job": "9", "mod')
    half.chmod(0o644)

    JobLog(tmp_path / "journal.jsonl").note("1", "Contacts")

    assert json.loads(notes.read_text()) == {"job": "1", "module": "Contacts"}
    assert notes.stat().st_mode & 0o777 == 0o600
    assert not half.exists()


@pytest.mark.parametrize("line", ['{"job": 5, "module": "Contacts"}', '{"module": "Contacts"}', "job"])
def test_a_line_that_is_no_note_is_named(tmp_path, line):
    """It is somebody else's file, and the first job would have replaced it."""
    notes = tmp_path / "journal.jsonl.bulk"
    notes.write_text(f"{line}\n")

    with pytest.raises(SettingsError, match=r"journal\.jsonl\.bulk, line 1 is no entry"):
        JobLog(tmp_path / "journal.jsonl")


def test_notes_that_cannot_be_taken_away_are_told_with_the_setting(tmp_path):
    """The run ends with a line that says where, and not with a traceback."""
    journal, notes = tmp_path / "journal.jsonl", tmp_path / "journal.jsonl.bulk"
    log = JobLog(journal)
    log.note("1", "Contacts")
    notes.unlink()
    notes.mkdir()

    with pytest.raises(SettingsError, match="journal_path: cannot write to"):
        log.forget("1")


def test_a_dry_run_knows_the_jobs_and_leaves_their_notes(tmp_path):
    """It makes no file either, nor a folder for one, and without a journal nobody notes anything."""
    journal, notes = tmp_path / "new" / "journal.jsonl", tmp_path / "new" / "journal.jsonl.bulk"
    JobLog(journal, read_only=True).note("1", "Contacts")
    JobLog(None).note("1", "Contacts")
    assert list(tmp_path.iterdir()) == []
    JobLog(journal).note("1", "Contacts")

    dry = JobLog(journal, read_only=True)
    assert dry.unfinished("Contacts") == ["1"]
    dry.forget("1")

    assert notes.exists()
