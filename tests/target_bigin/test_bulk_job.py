"""A bulk job from its file to its result: what Bigin is told, what is noted meanwhile, and how it may end."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from bigin_api import (
    ArchiveRefused,
    AuthError,
    BulkJobFailed,
    BulkJobUnfinished,
    CsvArchive,
    Field,
    InvalidRequest,
    Module,
    ModuleUnavailable,
    NotFound,
    PermissionDenied,
    RowResult,
    ServerError,
    read_rows,
)
from bigin_api.bulk import csv_archive
from target_bigin.bulk.job import Sent, run_job
from target_bigin.bulk.sheet import columns_of, sheet_for
from target_bigin.files.job_log import JobLog
from target_bigin.records.record import Record

FIELDS = {
    "Email": Field("Email", "email", "string"),
    "Seats": Field("Seats", "integer", "integer"),
}
RECORDS = [
    Record(number, "people", {}, {"Email": f"{name}@b.se", "Seats": number}, id=name)
    for number, name in enumerate("abc")
]


class Bigin:
    """Takes a file, works on it and gives a result; whatever is named so fails."""

    def __init__(self, log, **failing):
        self.bulk_write = self
        self._log = log
        self._failing = failing
        self.told = []  # each call, and which jobs were noted by then

    def _called(self, name, *about):
        self.told.append((name, *about, self._log.unfinished("Contacts")))
        if name in self._failing:
            raise self._failing[name]

    def upload(self, file, name):
        self._called("upload", name, list(read_rows(file)))
        return "f1"

    def create(self, module, file_id, mappings, **more):
        self._called("create", module, file_id, [each.to_json() for each in mappings], more)
        return SimpleNamespace(id="j1")

    def wait(self, job, *, expected_rows):
        self._called("wait", job.id, expected_rows)
        return SimpleNamespace(id=job.id, is_done=True)

    def download(self, job, into):
        assert job.is_done
        self._called("download", job.id)
        with CsvArchive(into, "result.csv", ["Email", "Seats", "STATUS", "RECORD_ID", "ERRORS"]) as result:
            result.add(["A@B.se ", "0", "ADDED", "7", ""])
            result.add(["b@b.se", "1", "SKIPPED", "", "INVALID_DATA-Seats"])


def job(tmp_path, *, key="Email", **failing):
    """What became of the three records, and what was said and noted on the way."""
    log = JobLog(tmp_path / "journal.jsonl")
    bigin = Bigin(log, **failing)
    context = SimpleNamespace(client=bigin, module=Module("Contacts"))
    sheet = sheet_for(RECORDS, columns_of(FIELDS), key=key)
    return run_job(context, sheet, RECORDS, log), bigin.told, JobLog(tmp_path / "journal.jsonl")


@pytest.mark.parametrize(
    ("key", "operation", "header", "row"),
    [
        ("Email", "upsert", ["Email", "Seats"], ["a@b.se", "0"]),
        ("id", "update", ["id", "Email", "Seats"], ["a", "a@b.se", "0"]),
    ],
)
def test_bigin_is_told_all_that_a_job_depends_on(tmp_path, key, operation, header, row):
    """The file, its columns, by which the rows are found; the job is noted while it may be at work, and no longer."""
    sent, told, log = job(tmp_path, key=key)

    upload, create, wait, download = told
    assert upload[:2] == ("upload", "Contacts.zip")
    assert upload[2][:2] == [header, row]
    assert len(upload[2]) == 4
    mappings = [{"api_name": name, "index": place} for place, name in enumerate(header)]
    more = {"operation": operation, "find_by": key, "ignore_empty": True, "records": 3}
    assert create == ("create", "Contacts", "f1", mappings, more, [])
    assert [wait, download] == [("wait", "j1", 3, ["j1"]), ("download", "j1", [])]
    assert (sent.records, sent.left, log.unfinished("Contacts")) == (RECORDS, [], [])


def test_each_row_of_a_result_is_told_by_its_key(tmp_path):
    """As Bigin compares it: it may give the key in another writing."""
    sent, _, _ = job(tmp_path)

    assert {key: (row.status, row.id) for key, row in sent.results.items()} == {
        "a@b.se": ("ADDED", "7"),
        "b@b.se": ("SKIPPED", None),
    }
    assert all(isinstance(row, RowResult) for row in sent.results.values())
    assert (sent.trouble, sent.refusal) == (None, None)


def test_what_does_not_fit_into_the_file_is_left(tmp_path, monkeypatch):
    """The job is told how many it takes; none of the records is in two files, none in none."""
    monkeypatch.setattr(csv_archive, "MAX_RECORDS_PER_BULK_WRITE", 2)

    sent, told, _ = job(tmp_path)

    assert [row[0] for row in told[0][2]] == ["Email", "a@b.se", "b@b.se"]
    assert (sent.records, sent.left) == (RECORDS[:2], RECORDS[2:])
    assert (told[1][4]["records"], told[2][2]) == (2, 2)


@pytest.mark.parametrize("step", ["upload", "create"])
@pytest.mark.parametrize(
    ("error", "is_the_files_own"),
    [
        (PermissionDenied("no"), False),
        (ModuleUnavailable("no"), False),
        (InvalidRequest("no"), True),
        (ServerError("no"), True),
    ],
)
def test_a_job_that_is_not_made_says_whether_another_may_be(tmp_path, step, error, is_the_files_own):
    """A token that may not, a module that takes none: no further file is tried. One file may be at fault alone."""
    sent, told, log = job(tmp_path, **{step: error})

    why = {"trouble": "no"} if is_the_files_own else {"refusal": "no"}
    assert sent == Sent(RECORDS, [], **why)
    assert told[-1][0] == step
    assert log.unfinished("Contacts") == []


@pytest.mark.parametrize("step", ["wait", "download"])
@pytest.mark.parametrize(
    ("error", "may_go_on"),
    [
        (BulkJobFailed("no", job_id="j1"), False),
        (BulkJobUnfinished("no", job_id="j1"), True),
        (NotFound("no"), True),
        (PermissionDenied("no"), True),
        (ModuleUnavailable("no"), True),
        (ArchiveRefused("no"), True),
        (ServerError("no"), True),
    ],
)
def test_a_job_without_a_result_says_nothing_of_its_rows(tmp_path, step, error, may_go_on):
    """The next run waits for it, if it may still be at work."""
    sent, _, log = job(tmp_path, **{step: error})

    assert sent == Sent(RECORDS, [], trouble="no")
    assert log.unfinished("Contacts") == (["j1"] if may_go_on and step == "wait" else [])


@pytest.mark.parametrize("step", ["upload", "create", "wait", "download"])
def test_what_ends_the_run_is_no_trouble_of_the_job(tmp_path, step):
    """A token that is no more would be no better for calls."""
    with pytest.raises(AuthError):
        job(tmp_path, **{step: AuthError("no")})
