"""The notes about bulk jobs: which of them the next run must wait for."""

from __future__ import annotations

import json
from dataclasses import replace

from bigin_api import BulkWriteJob
from target_bigin.files.job_log import JobLog

ADDED = BulkWriteJob("1", "ADDED")


def test_the_next_run_knows_the_jobs_of_a_module_that_no_run_saw_end(tmp_path):
    """They may overwrite what it writes there; those of other modules and what has ended hold nothing up."""
    journal = tmp_path / "journal.jsonl"
    log = JobLog(journal)
    for job, module in (("1", "Contacts"), ("2", "Accounts"), ("3", "Contacts"), ("4", "Contacts")):
        log.note(replace(ADDED, id=job), module)
    log.note(replace(ADDED, id="3", state="COMPLETED"), "Contacts")
    log.note(replace(ADDED, id="4", state="FAILED"), "Contacts")

    following = JobLog(journal)

    assert (following.unfinished("Contacts"), following.unfinished("Accounts")) == (["1"], ["2"])


def test_a_job_that_was_waited_for_is_forgotten(tmp_path):
    """With the last of them the file goes, too."""
    journal, notes = tmp_path / "journal.jsonl", tmp_path / "journal.jsonl.bulk"
    log = JobLog(journal)
    log.note(ADDED, "Contacts")
    log.note(replace(ADDED, id="2"), "Contacts")

    following = JobLog(journal)
    following.forget("1")
    left = [json.loads(line) for line in notes.read_text().splitlines()]
    following.forget("2")

    assert left == [{"job": "2", "module": "Contacts"}]
    assert not notes.exists()
    assert following.unfinished("Contacts") == []


def test_a_dry_run_knows_the_jobs_and_leaves_their_notes(tmp_path):
    """It makes no file either, and without a journal nobody notes anything."""
    journal, notes = tmp_path / "journal.jsonl", tmp_path / "journal.jsonl.bulk"
    JobLog(journal, read_only=True).note(ADDED, "Contacts")
    JobLog(None).note(ADDED, "Contacts")
    assert list(tmp_path.iterdir()) == []
    JobLog(journal).note(ADDED, "Contacts")

    dry = JobLog(journal, read_only=True)
    assert dry.unfinished("Contacts") == ["1"]
    dry.forget("1")

    assert notes.exists()
