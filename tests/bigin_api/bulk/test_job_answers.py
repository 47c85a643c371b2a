"""What the answers about bulk jobs come to: the job as a whole, or an error that says whose it is."""

import io

import pytest

from bigin_api import (
    BiginError,
    BulkJobFailed,
    BulkRead,
    BulkReadJob,
    BulkWrite,
    BulkWriteJob,
    FieldMapping,
    InvalidRequest,
    ModuleUnavailable,
    NotFound,
    Reply,
    ServerError,
)


class Answer:
    """A sender with one reply."""

    def __init__(self, status: int, body: object) -> None:
        self.reply = Reply(status, body)

    def send(self, _call: object) -> Reply:
        return self.reply

    def download(self, _call: object, _into: object) -> Reply:
        return self.reply


def read(status: int, body: object) -> BulkRead:
    return BulkRead(Answer(status, body))


def write(status: int, body: object) -> BulkWrite:
    return BulkWrite(Answer(status, body), org_id=lambda: "1")


def made(**details: object) -> dict[str, object]:
    return {"data": [{"status": "success", "code": "ADDED_SUCCESSFULLY", "details": details}]}


def test_a_job_that_was_made_knows_what_it_was_asked():
    """The answer tells its id; the rest is the question's."""
    job = read(201, made(id=7, state="ADDED", operation="read")).create("Contacts", ["A"], page=3)
    written = write(201, {"details": {"id": 7}}).create("Contacts", "f", [], operation="insert")

    query = {"module": "Contacts", "page": 3, "fields": ["A"]}
    assert (job, job.query) == (BulkReadJob("7", "ADDED", "Contacts", page=3, query=query), query)
    assert written == BulkWriteJob("7", "ADDED", "Contacts", operation="insert")


def test_the_status_of_a_job_is_the_whole_of_it():
    """Of the result: how many rows, whether there are more, and where they are."""
    result = {"page": 2, "count": 9, "more_records": True, "download_url": "/x"}
    entry = {"id": "7", "state": "COMPLETED", "query": {"module": "Tasks", "page": 1}, "result": result}
    written = {
        "id": "other",
        "status": "COMPLETED",
        "operation": "upsert",
        "resource": [{"module": "Contacts", "code": "X", "file": {"added_count": 1, "updated_count": 2, "skipped_count": 3, "total_count": 6}}],
        "result": {"download_url": "/y"},
    }  # fmt: skip

    job = read(200, {"data": [entry]}).status("7")

    assert job == BulkReadJob("7", "COMPLETED", "Tasks", None, 9, 2, True, "/x", entry["query"])
    assert write(200, written).status("7") == BulkWriteJob(
        "7", "COMPLETED", "Contacts", "X", "upsert", 1, 2, 3, 6, "/y"
    )


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda: read(201, made(state="ADDED")).create("Contacts", None), ServerError,
         "POST /read: a job was made, and its id is not told."),
        (lambda: read(201, {"data": [7]}).create("Contacts", None), ServerError, "POST /read: HTTP 201 without a job."),
        (lambda: read(200, {"data": []}).status("7"), ServerError, "GET /read/7: HTTP 200 without a job."),
        (lambda: read(204, None).status("7"), NotFound, "GET /read/7: HTTP 204, Bigin knows no such job."),
        (lambda: write(204, None).status("7"), NotFound, "GET /write/7: HTTP 204, Bigin knows no such job."),
        (lambda: write(201, {"details": {"id": ""}}).create("Contacts", "f", [], operation="insert"), ServerError,
         "POST /write: HTTP 201 without id."),
        (lambda: write(202, {}).upload(io.BytesIO(), "x"), ServerError, "POST /upload: HTTP 202 without file_id."),
        (lambda: write(200, {}).create("Contacts", "f", [], operation="update"), InvalidRequest,
         "Contacts: a bulk update needs find_by."),
        (lambda: write(200, {}).create("Contacts", "f", [FieldMapping("A")] * 201, operation="insert"), InvalidRequest,
         "Contacts: 201 columns, a bulk write takes 200."),
        (lambda: write(200, {}).download(BulkWriteJob("7", "FAILED"), io.BytesIO()), NotFound,
         "Bulk write job 7 has no result."),
        (lambda: write(200, {}).download(BulkWriteJob("7", "FAILED", "Tasks", download_url="https://[x"), io.BytesIO()),
         InvalidRequest, "Tasks: the result's address is none."),
    ],
)  # fmt: skip
def test_an_answer_that_is_none_is_told_with_the_question(ask, error, message):
    """By its class the caller knows whether the job may be there."""
    with pytest.raises(BiginError) as raised:
        ask()

    assert (type(raised.value), raised.value.message) == (error, message)
    module = {
        "POST /read: a": "Contacts",
        "POST /write:": "Contacts",
        "Contacts: ": "Contacts",
        "Tasks: ": "Tasks",
    }
    assert raised.value.module == next(
        (each for begin, each in module.items() if message.startswith(begin)), None
    )
    if "HTTP" in message:
        assert raised.value.status == int(message.partition("HTTP ")[2][:3])


def test_a_refusal_in_a_good_answer_is_one():
    """The entry says so, whatever the status."""
    entry = {"status": "Error", "code": "MODULE_NOT_SUPPORTED", "message": "no", "details": {"id": "7"}}

    with pytest.raises(
        ModuleUnavailable, match=r"Contacts: POST /read: HTTP 201 MODULE_NOT_SUPPORTED \(no\)"
    ):
        read(201, {"data": [entry]}).create("Contacts", None)


def test_two_hundred_columns_are_as_many_as_may_be():
    """The limit itself is within it."""
    assert (
        write(201, {"details": {"id": "7"}})
        .create("C", "f", [FieldMapping("A")] * 200, operation="insert")
        .id
    )


@pytest.mark.parametrize(
    ("module", "error", "message"),
    [
        ("Contacts", "X", "Contacts: bulk read job 7 failed (X)."),
        ("", None, "Bulk read job 7 failed (FAILED)."),
    ],
)
def test_a_job_that_failed_is_told_with_its_module(module, error, message):
    """As far as it is known; the job keeps its id whatever the answer calls it."""
    jobs = read(200, {"data": [{"id": "8", "state": "COMPLETED", "query": {"module": "Tasks"}}]})
    with pytest.raises(BulkJobFailed) as raised:
        jobs.wait(BulkReadJob("7", "FAILED", module, error))

    assert (raised.value.message, raised.value.job_id, raised.value.code) == (message, "7", error)
    assert jobs.wait("7").id == "7"
