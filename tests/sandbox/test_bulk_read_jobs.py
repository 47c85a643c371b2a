"""Bulk Read: making a job, watching it, fetching its file, and what can go wrong."""

from __future__ import annotations

import csv
import io

import pytest
from support.read_jobs import BULK, content_of, create, download, finished, made, rows_of, status
from support.receiver import Receiver

pytestmark = pytest.mark.usefixtures("quick_jobs")


# from being made to its end


def test_a_job_is_made(sandbox):
    """201 in the envelope of a list, state ADDED."""
    answer = create(sandbox, {"module": "Contacts"})

    (entry,) = answer.json()["data"]
    details = entry.pop("details")
    assert answer.status_code == 201
    assert answer.json()["info"] == {}
    assert entry == {"status": "success", "code": "ADDED_SUCCESSFULLY", "message": "Added successfully."}
    assert details.pop("id").isdecimal()
    assert set(details.pop("created_by")) == {"id", "name"}
    assert details.pop("created_time")[-6:] in {"+01:00", "+02:00"}
    assert details == {"operation": "read", "state": "ADDED"}


def test_making_a_job_costs_50_credits_and_looking_1(sandbox):
    """So that a job pays from 10,000 records on."""
    job = made(create(sandbox, {"module": "Contacts"}))
    finished(sandbox, job)
    download(sandbox, job)

    usage = sandbox.usage()["by_endpoint"]
    assert usage["POST /bulk/read"] == {"calls": 1, "credits": 50}
    assert usage["GET /bulk/read/{job}/result"] == {"calls": 1, "credits": 1}
    looked = usage["GET /bulk/read/{job}"]
    assert looked["credits"] == looked["calls"]


def test_a_job_goes_through_its_states(sandbox):
    """ADDED, IN PROGRESS with a blank, COMPLETED; there is no result before that."""
    sandbox.clock(set="2026-05-14T10:00:00Z", freeze=True)
    sandbox.bulk(seconds_per_state=60)
    job = made(create(sandbox, {"module": "Contacts"}))

    seen = []
    for _ in range(3):
        entry = status(sandbox, job)
        seen.append((entry["state"], "result" in entry, download(sandbox, job).status_code))
        sandbox.clock(advance=60)

    assert seen == [("ADDED", False, 404), ("IN PROGRESS", False, 404), ("COMPLETED", True, 200)]


def test_a_frozen_clock_stops_no_job(sandbox):
    """Real time counts as well."""
    sandbox.clock(freeze=True)
    sandbox.bulk(seconds_per_state=0.05)

    assert finished(sandbox, made(create(sandbox, {"module": "Contacts"})))["state"] == "COMPLETED"


def test_a_completed_job_tells_its_result(sandbox):
    """The query repeated, the counts, a relative address."""
    job = made(create(sandbox, {"module": "Contacts", "fields": ["Last_Name"]}))

    entry = finished(sandbox, job)

    entry.pop("created_by")
    entry.pop("created_time")
    assert entry == {
        "id": job,
        "operation": "read",
        "state": "COMPLETED",
        "query": {"module": "Contacts", "fields": ["Last_Name"], "page": 1},
        "file_type": "csv",
        "result": {
            "page": 1,
            "per_page": 200_000,
            "count": sandbox.count("Contacts"),
            "download_url": f"/bigin/bulk/v2/read/{job}/result",
            "more_records": False,
        },
    }


def test_the_result_is_a_zip_with_one_csv_named_after_the_job(sandbox):
    """As a download."""
    job = made(create(sandbox, {"module": "Contacts"}))
    finished(sandbox, job)

    answer = download(sandbox, job)

    assert answer.headers["content-type"].startswith("application/x-download")
    assert f"{job}.zip" in answer.headers["content-disposition"]
    assert content_of(answer)[0] == f"{job}.csv"


def test_records_are_those_of_the_moment_the_job_was_made(sandbox):
    """What people change afterwards belongs to the next run."""
    sandbox.bulk(seconds_per_state=0.2)
    contact, edited, gone = [sandbox.create("Contacts", Last_Name=f"Berg {n}") for n in range(3)]
    job = made(create(sandbox, {"module": "Contacts", "fields": ["Last_Name"]}))
    sandbox.mutate(
        {"op": "edit", "module": "Contacts", "id": edited, "data": {"Last_Name": "Hill"}},
        {"op": "delete", "module": "Contacts", "id": gone},
        {"op": "create", "module": "Contacts", "data": {"Last_Name": "New"}},
    )

    finished(sandbox, job)
    rows = list(csv.DictReader(io.StringIO(content_of(download(sandbox, job))[1])))

    names = {row["Id"]: row["Last_Name"] for row in rows}
    assert (names[contact], names[edited], names[gone]) == ("Berg 0", "Berg 1", "Berg 2")
    assert "New" not in names.values()


def test_an_unknown_job_is_not_found(sandbox):
    """404, for its state and for its result."""
    for path in ("/read/610", "/read/610/result"):
        answer = sandbox.api("GET", path, base=BULK)
        assert (answer.status_code, answer.json()["code"]) == (404, "RESOURCE_NOT_FOUND")


def test_a_result_is_gone_after_a_day(sandbox):
    """The job is still known, its file is not."""
    job = made(create(sandbox, {"module": "Contacts"}))
    finished(sandbox, job)
    sandbox.clock(advance=23 * 3600)
    sandbox.forget_tokens()
    assert download(sandbox, job).status_code == 200

    sandbox.clock(advance=3600 + 1)
    sandbox.forget_tokens()

    answer = download(sandbox, job)
    assert (answer.status_code, answer.json()["code"]) == (404, "RESOURCE_NOT_FOUND")
    assert status(sandbox, job)["state"] == "COMPLETED"


def test_ten_downloads_a_minute(sandbox):
    """The 11th gets a 429 that looks like any other; in the next minute the door is open."""
    sandbox.clock(freeze=True)
    job = made(create(sandbox, {"module": "Contacts"}))
    finished(sandbox, job)

    statuses = [download(sandbox, job).status_code for _ in range(12)]

    assert statuses == [200] * 10 + [429] * 2
    sandbox.clock(advance=61)
    assert download(sandbox, job).status_code == 200


# the callback


@pytest.mark.parametrize(("outcome", "state"), [(None, "COMPLETED"), ("FAILURE", "FAILURE")])
def test_the_callback_is_told_the_end(sandbox, outcome, state):
    """With the body that a look at the job would give."""
    receiver = Receiver()
    if outcome:
        sandbox.bulk(outcome=outcome)
    callback = {"url": receiver.url, "method": "post"}

    job = made(create(sandbox, {"module": "Contacts"}, callback=callback))

    assert receiver.next() == {"data": [status(sandbox, job)]}
    assert status(sandbox, job)["state"] == state
    receiver.close()


# what can go wrong


def test_a_job_may_fail(sandbox):
    """FAILURE, with an error_message in place of a result, and nothing to fetch."""
    sandbox.bulk(outcome="FAILURE")
    job = made(create(sandbox, {"module": "Contacts"}))

    entry = finished(sandbox, job)

    assert entry["state"] == "FAILURE"
    assert entry["result"]["error_message"]["code"] == "INTERNAL_SERVER_ERROR"
    assert download(sandbox, job).status_code == 404
    assert finished(sandbox, made(create(sandbox, {"module": "Contacts"})))["state"] == "COMPLETED"


def test_rows_without_a_parent_may_be_left_out(sandbox):
    """Seen on the sister product; the job's own count does not betray it."""
    sandbox.create("Contacts", Last_Name="Orphan")
    sandbox.bulk(outcome="omit_null_parents")

    rows, result = rows_of(sandbox, {"module": "Contacts", "fields": ["Last_Name", "Account_Name"]})

    with_parent = [record["id"] for record in sandbox.dump("Contacts") if record["Account_Name"]]
    assert [row["Id"] for row in rows] == with_parent
    assert result["count"] == len(with_parent) < sandbox.count("Contacts")


def test_a_file_may_be_shorter_than_its_count(sandbox):
    """What `count` is for."""
    sandbox.bulk(outcome="short_file")

    rows, result = rows_of(sandbox, {"module": "Contacts", "fields": ["Last_Name"]})

    assert len(rows) < result["count"] == sandbox.count("Contacts")


def test_a_job_may_be_stuck(sandbox):
    """IN PROGRESS, however long one waits."""
    sandbox.bulk(outcome="stuck")
    job = made(create(sandbox, {"module": "Contacts"}))

    sandbox.clock(advance=24 * 3600)
    sandbox.forget_tokens()

    assert status(sandbox, job)["state"] == "IN PROGRESS"
