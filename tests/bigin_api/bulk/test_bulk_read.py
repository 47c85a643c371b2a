"""Bulk Read over real HTTP: create, wait, download, and all that may go wrong on the way."""

import io
import time
from datetime import datetime, timedelta, timezone

import pytest

from bigin_api import (
    BulkJobFailed,
    BulkJobUnfinished,
    BulkRead,
    BulkReadJob,
    ConnectionFailed,
    InvalidRequest,
    ModuleUnavailable,
    NotFound,
    Reply,
    ServerError,
    read_rows,
)
from bigin_api.bulk.bulk_read import all_of, condition, greater_equal, is_empty

FIELDS = ["Last_Name", "Email", "Account_Name"]


def rows_of(client, job: BulkReadJob) -> list[dict[str, str]]:
    file = io.BytesIO()
    client.bulk_read.download(job, file)
    rows = read_rows(file)
    header = next(rows)
    return [dict(zip(header, row, strict=True)) for row in rows]


def names_of(client, **query) -> set[str]:
    job = client.bulk_read.wait(client.bulk_read.create("Contacts", ["Last_Name"], **query))
    return {row["Last_Name"] for row in rows_of(client, job)}


def test_a_module_is_read_whole_for_50_credits_and_a_few_questions(patient, sandbox):
    """The file holds every record, and the meter says what the bill says."""
    job = patient.bulk_read.create("Contacts", FIELDS)
    job = patient.bulk_read.wait(job, expected_rows=sandbox.count("Contacts"))
    rows = rows_of(patient, job)

    records = {each["id"]: each for each in sandbox.dump("Contacts")}
    assert job.done
    assert (job.count, job.page, job.more_records, job.module) == (len(records), 1, False, "Contacts")
    assert {row["Id"] for row in rows} == records.keys()
    for row in rows:
        record = records[row["Id"]]
        assert row["Last_Name"] == record["Last_Name"]
        assert row["Account_Name"] == (record["Account_Name"] or {"id": ""})["id"]
    spent = patient.spent()
    assert spent.by_endpoint["bulk_read"] == 50
    assert spent.by_endpoint["bulk_read_result"] == 1
    assert spent.credits == sandbox.usage()["credits"]


def test_all_fields_come_if_none_are_named(patient):
    """The job of a module whose fields need no choice."""
    job = patient.bulk_read.wait(patient.bulk_read.create("Products", None))

    assert len(rows_of(patient, job)[0]) > 5


def test_criteria_choose_what_is_read(patient, sandbox):
    """Incremental reading by bulk: what has changed since, in the flat form that v2 takes."""
    sandbox.clock(advance=3600)
    since = datetime.fromisoformat(sandbox.clock().replace("Z", "+00:00"))
    sandbox.create("Contacts", Last_Name="Anders", Email="a@example.org")
    sandbox.create("Contacts", Last_Name="Bo")
    new = greater_equal("Modified_Time", since - timedelta(seconds=1))

    assert names_of(patient, criteria=new) == {"Anders", "Bo"}
    assert names_of(patient, criteria=all_of(new, is_empty("Email"))) == {"Bo"}
    named = condition("Last_Name", "in", ["Bo", "Nobody"])
    assert names_of(patient, criteria=all_of(new, named)) == {"Bo"}


def test_criteria_are_groups_of_flat_conditions():
    """The sister API nests them; Bigin's own pages do not."""
    since = datetime(2026, 5, 14, 12, 53, 58, 999999, tzinfo=timezone(timedelta(hours=3)))

    assert greater_equal("Modified_Time", since) == {
        "api_name": "Modified_Time",
        "comparator": "greater_equal",
        "value": "2026-05-14T09:53:58+00:00",
    }
    assert all_of(is_empty("Email")) == {"api_name": "Email", "comparator": "equal", "value": "${EMPTY}"}
    assert all_of(is_empty("A"), is_empty("B")) == {
        "group": [is_empty("A"), is_empty("B")],
        "group_operator": "and",
    }
    assert condition("Modified_Time", "between", (since, since))["value"] == ["2026-05-14T09:53:58+00:00"] * 2


def test_a_job_without_rows_is_no_fault(patient):
    """Nothing has changed: count says so, and the file needs no download."""
    criteria = condition("Last_Name", "equal", "Nobody At All")

    job = patient.bulk_read.wait(patient.bulk_read.create("Contacts", FIELDS, criteria=criteria))

    assert (job.count, job.more_records) == (0, False)
    assert rows_of(patient, job) == []


def test_a_further_page_is_asked_for(patient):
    """Beyond 200,000 records another job has the rest."""
    job = patient.bulk_read.wait(patient.bulk_read.create("Contacts", FIELDS, page=2))

    assert (job.page, job.count) == (2, 0)


NOPE = {"api_name": "Nope", "comparator": "equal", "value": "x"}


@pytest.mark.parametrize(
    ("query", "error", "code"),
    [
        ({"module": "Contacts", "fields": ["Nonsense"]}, InvalidRequest, "FIELD_NOT_AVAILABLE"),
        ({"module": "Contacts", "fields": ["Tag"]}, InvalidRequest, "FIELD_NOT_SUPPORTED"),
        ({"module": "Contacts", "fields": FIELDS, "page": 501}, InvalidRequest, "PAGE_RANGE_EXCEEDED"),
        (
            {"module": "Contacts", "fields": FIELDS, "criteria": NOPE},
            InvalidRequest,
            "FIELD_IN_CRITERIA_NOT_AVAILABLE",
        ),
        ({"module": "Notes", "fields": ["Note_Title"]}, ModuleUnavailable, "MODULE_NOT_SUPPORTED"),
        ({"module": "Nonsense", "fields": ["x"]}, ModuleUnavailable, "MODULE_NOT_AVAILABLE"),
    ],
)
def test_what_bulk_refuses_is_told_before_anything_is_waited_for(patient, query, error, code):
    """The tap then reads by list: it must know whether the module or the fields are at fault."""
    with pytest.raises(error) as raised:
        patient.bulk_read.create(**query)

    assert raised.value.code == code
    assert raised.value.module == query["module"]


def test_a_job_that_fails_says_why(patient, sandbox):
    """Its credits are spent; the stream is read by other means."""
    sandbox.bulk(outcome="FAILURE")

    with pytest.raises(BulkJobFailed, match=r"Contacts: bulk read job \d+ failed \(INTERNAL_SERVER_ERROR\)"):
        patient.bulk_read.wait(patient.bulk_read.create("Contacts", FIELDS))


def test_a_job_that_does_not_end_is_left_with_its_id(patient, sandbox, clock):
    """An hour's patience costs some sixty credits at most; the next run asks for the same job."""
    sandbox.bulk(outcome="stuck")
    job = patient.bulk_read.create("Contacts", FIELDS)

    with pytest.raises(BulkJobUnfinished) as raised:
        patient.bulk_read.wait(job, patience=3600)

    assert raised.value.job_id == job.id
    assert sum(clock.waits) == pytest.approx(3600, abs=2)
    assert patient.spent().by_endpoint["bulk_read_status"] < 70


def test_a_job_of_an_earlier_run_is_picked_up_by_its_id(patient, sandbox, connect, clock):
    """A run that was killed has paid for it: the next one asks at once, and pays for no second job."""
    job = patient.bulk_read.create("Contacts", FIELDS)
    patient.bulk_read.wait(job)
    clock.waits.clear()
    next_run = connect(sandbox.url, sleep=clock.sleep, **sandbox.settings_for())

    found = next_run.bulk_read.wait(job.id)

    assert clock.waits == []
    assert found.count == len(rows_of(next_run, found)) == sandbox.count("Contacts")
    assert found.module == "Contacts"
    assert sandbox.calls("POST /bulk/read") == 1


def test_a_forgotten_job_is_not_found(patient):
    """Kept for a day: then it has to be made anew."""
    with pytest.raises(NotFound, match="RESOURCE_NOT_FOUND"):
        patient.bulk_read.wait("6100000000000999999")


@pytest.mark.parametrize("when", ["too early", "too late"])
def test_a_result_that_is_not_there_is_not_found(patient, sandbox, when):
    """Before the job is done and a day after it, and nothing is written into the file."""
    job = patient.bulk_read.create("Contacts", FIELDS)
    if when == "too late":
        job = patient.bulk_read.wait(job)
        sandbox.clock(advance=25 * 3600)
    file = io.BytesIO()

    with pytest.raises(NotFound):
        patient.bulk_read.download(job, file)

    assert file.getvalue() == b""


@pytest.mark.parametrize("fault", [{"drop": True}, {"truncate": True}, {"status": 500}, {"status": 429}])
def test_a_download_that_breaks_off_is_fetched_again(patient, sandbox, fault):
    """A large file takes minutes: what came before the break must not stand before what comes after."""
    job = patient.bulk_read.wait(patient.bulk_read.create("Contacts", FIELDS))
    sandbox.fault("GET /bulk/read/*/result", times=2, **fault)

    rows = rows_of(patient, job)

    assert len(rows) == job.count
    assert sandbox.calls("GET /bulk/read/{job}/result") == 3


def test_ten_downloads_a_minute_are_kept_to(patient, sandbox, clock):
    """The eleventh would be refused, and with it every other until the minute ends."""
    job = patient.bulk_read.wait(patient.bulk_read.create("Contacts", FIELDS))
    clock.waits.clear()
    began = time.monotonic()

    for _ in range(12):
        rows_of(patient, job)

    taken = time.monotonic() - began  # by the work itself, for which nobody has to wait once more
    assert len(clock.waits) == 2
    assert all(61 - taken <= seconds <= 61 for seconds in clock.waits)
    assert "429" not in sandbox.usage()["statuses"]


@pytest.mark.parametrize(
    "fault", [{"drop": True}, {"lose_response": True}, {"truncate": True}, {"status": 500}]
)
def test_a_job_whose_answer_is_lost_is_not_made_twice(patient, sandbox, fault):
    """50 credits each: whether to try again is for the caller to say."""
    sandbox.fault("POST /bulk/read", **fault)

    with pytest.raises((ServerError, ConnectionFailed)):
        patient.bulk_read.create("Contacts", FIELDS)

    assert sandbox.calls("POST /bulk/read") == 1


def test_a_job_that_was_turned_away_is_made(patient, sandbox):
    """429 comes before any work."""
    sandbox.fault("POST /bulk/read", status=429, times=2)

    assert patient.bulk_read.wait(patient.bulk_read.create("Contacts", FIELDS)).done


def test_rows_left_out_show_in_the_count(patient, sandbox):
    """Seen on the sister product: the file held fewer rows than the job said."""
    sandbox.bulk(outcome="short_file")

    job = patient.bulk_read.wait(patient.bulk_read.create("Contacts", FIELDS))

    assert len(rows_of(patient, job)) < job.count == sandbox.count("Contacts")


@pytest.mark.parametrize(
    ("state", "done", "failed"),
    [
        ("ADDED", False, False),
        ("QUEUED", False, False),
        ("IN PROGRESS", False, False),
        ("INPROGRESS", False, False),
        ("IN_PROGRESS", False, False),
        ("COMPLETED", True, False),
        ("Completed", True, False),
        ("FAILURE", False, True),
        ("FAILED", False, True),
        ("SOMETHING NEW", False, False),
        (None, False, False),
    ],
)
def test_every_spelling_of_a_state_is_understood(state, done, failed):
    """Zoho prints several; an unknown one is no end of the waiting."""
    job = BulkReadJob.from_json({"id": 17, "state": state})

    assert (job.id, job.done, job.failed) == ("17", done, failed)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({}, BulkReadJob("", "")),
        ({"id": "1", "state": "FAILED", "result": {"error_message": {"message": "too bad"}}},
         BulkReadJob("1", "FAILED", error="too bad")),
        ({"id": "1", "state": "ADDED", "query": {"module": {"api_name": "Contacts"}, "page": 3}},
         BulkReadJob("1", "ADDED", "Contacts", page=3, query={"module": {"api_name": "Contacts"}, "page": 3})),
        ({"id": "1", "state": "COMPLETED", "result": {"count": "7", "more_records": "true"}},
         BulkReadJob("1", "COMPLETED", count=7, more_records=True)),
        ({"id": "1", "state": "COMPLETED", "result": {"count": "many", "more_records": "perhaps"}},
         BulkReadJob("1", "COMPLETED")),
        ({"id": "1", "state": "COMPLETED", "result": None}, BulkReadJob("1", "COMPLETED")),
    ],
)  # fmt: skip
def test_a_job_is_read_without_trusting_its_shape(raw, expected):
    """What is not as expected counts as unknown: a count that is no number is no count."""
    assert BulkReadJob.from_json(raw) == expected


class Answer:
    """A sender with one reply."""

    def __init__(self, status: int, body: object) -> None:
        self.reply = Reply(status, body)

    def send(self, _call: object) -> Reply:
        return self.reply


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (201, {"data": [], "info": {}}, ServerError),
        (
            201,
            {"data": [{"status": "error", "code": "MODULE_NOT_SUPPORTED", "message": "no"}]},
            ModuleUnavailable,
        ),
        (204, None, NotFound),
    ],
)
def test_an_answer_without_a_job_is_an_error(status, body, error):
    """A job without an id can be neither waited for nor fetched."""
    with pytest.raises(error):
        BulkRead(Answer(status, body)).create("Contacts", FIELDS)
