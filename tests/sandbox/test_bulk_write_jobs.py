"""Bulk Write: making a job, watching it, what it tells of each row, and jobs that fail."""

from __future__ import annotations

import csv
import io

import pytest
from support.bulk_write import (
    BULK,
    body,
    create,
    finished,
    made,
    packed,
    result_text,
    run,
    status,
    uploaded,
)
from support.receiver import Receiver

from bigin_sandbox.rules.bulk_write.upload import read_table

NAMES = [{"api_name": "Last_Name", "index": 0}, {"api_name": "Email", "index": 1}]


pytestmark = pytest.mark.usefixtures("quick_jobs")


def contact(sandbox, record_id):
    return next(record for record in sandbox.dump("Contacts") if record["id"] == record_id)


def told(rows, key="Last_Name"):
    return {row[key]: (row["STATUS"], row["ERRORS"]) for row in rows}


# from being made to its end


def test_a_job_is_made_for_500_credits(sandbox):
    """201, flat."""
    answer = create(
        sandbox, body(uploaded(sandbox, "Last_Name,Email\nBerg,eva@example.org\n"), find_by="Email")
    )

    made(answer)
    assert set(answer.json()) == {"status", "code", "message", "details"}
    assert (answer.json()["status"], answer.json()["code"]) == ("success", "SUCCESS")
    assert set(answer.json()["details"]["created_by"]) == {"id", "name"}
    assert sandbox.usage()["by_endpoint"]["POST /bulk/write"] == {"calls": 1, "credits": 500}


def test_a_job_goes_through_its_states(sandbox):
    """ADDED tells no counts, INPROGRESS is one word, nothing is written before it."""
    sandbox.clock(set="2026-05-14T10:00:00Z", freeze=True)
    sandbox.bulk(seconds_per_state=60)
    before = sandbox.count("Contacts")
    job = made(create(sandbox, body(uploaded(sandbox, "Last_Name\nBerg\n"), "insert")))

    added = status(sandbox, job)
    assert (added["status"], added["resource"][0]["file"], sandbox.count("Contacts")) == (
        "ADDED",
        {"status": "ADDED"},
        before,
    )
    sandbox.clock(advance=60)
    assert status(sandbox, job)["status"] == "INPROGRESS"
    sandbox.clock(advance=60)
    assert finished(sandbox, job)["status"] == "COMPLETED"
    assert sandbox.count("Contacts") == before + 1


def test_a_finished_job_tells_its_counts(sandbox):
    """Flat, with the mappings repeated and a relative address."""
    text = "Last_Name,Email\nBerg,eva@example.org\nHill,no mail\n"
    whole = {**body(uploaded(sandbox, text), "insert", field_mappings=NAMES), "character_encoding": "UTF-8"}
    job = made(create(sandbox, whole))

    seen = finished(sandbox, job)

    assert seen["created_time"][-6:] in {"+01:00", "+02:00"}
    assert (seen["id"], seen["operation"], seen["character_encoding"]) == (job, "insert", "UTF-8")
    assert seen["result"]["download_url"].startswith("/")
    (resource,) = seen["resource"]
    assert (resource["status"], resource["code"], resource["type"]) == ("COMPLETED", "SUCCESS", "data")
    assert resource["module"]["api_name"] == "Contacts"
    empty = {"format": None, "find_by": None, "default_value": None}
    assert resource["field_mappings"] == [{**mapping, **empty} for mapping in NAMES]
    assert resource["file"] == {
        "status": "COMPLETED",
        "name": "people.csv",
        "added_count": 1,
        "updated_count": 0,
        "skipped_count": 1,
        "total_count": 2,
    }


def test_the_result_tells_of_each_row(sandbox):
    """The first three mapped columns, then what became of it."""
    text = "Email,Last_Name,Title,Phone\neva@example.org,Berg,CEO,1\n"
    whole = body(uploaded(sandbox, text), "insert")
    seen = finished(sandbox, made(create(sandbox, whole)))

    name, content = result_text(sandbox, seen)

    (row,) = csv.DictReader(io.StringIO(content))
    assert name == "Contacts-people.csv"
    assert list(row) == ["Email", "Last_Name", "Title", "STATUS", "RECORD_ID", "ERRORS"]
    assert contact(sandbox, row["RECORD_ID"])["Phone"] == "1"


def test_rows_of_the_result_are_not_in_the_order_of_the_upload(sandbox):
    """Whoever pairs them by place pairs them wrongly: a key must be among the first three columns."""
    names = [f"Berg {number:03d}" for number in range(200)]

    rows, _ = run(sandbox, "Last_Name\n" + "\n".join(names) + "\n", "insert")

    found = [row["Last_Name"] for row in rows]
    assert found != names
    assert sorted(found) == names


def test_completed_may_mean_that_nothing_was_written(sandbox):
    """Every row skipped, and the job is a success."""
    before = sandbox.dump("Contacts")

    _, counts = run(sandbox, "Last_Name,Email\n,a@example.org\nHill,no mail\n", "insert")

    assert (counts["added_count"], counts["skipped_count"], counts["total_count"]) == (0, 2, 2)
    assert sandbox.dump("Contacts") == before


def test_an_unknown_job_is_not_found(sandbox):
    """404."""
    answer = sandbox.api("GET", "/write/610", base=BULK)

    assert (answer.status_code, answer.json()["code"]) == (404, "RESOURCE_NOT_FOUND")


def test_a_result_is_gone_after_a_day(sandbox):
    """With words of its own, for a bad link is no error of the API."""
    seen = finished(sandbox, made(create(sandbox, body(uploaded(sandbox, "Last_Name\nBerg\n"), "insert"))))
    sandbox.clock(advance=24 * 3600 + 1)
    sandbox.forget_tokens()

    answer = sandbox.api("GET", seen["result"]["download_url"], base="")

    assert answer.status_code == 403
    assert answer.json() == {"info": "Forbidden", "x-info": "Link not valid", "http_status": "403"}


def test_other_calls_are_answered_while_a_job_works(sandbox):
    """A long job holds nobody up."""
    names = "\n".join(f"Berg {number}" for number in range(3000))
    job = made(create(sandbox, body(uploaded(sandbox, f"Last_Name\n{names}\n"), "insert")))

    seen = {status(sandbox, job)["status"] for _ in range(5)}

    assert "INPROGRESS" in seen
    assert finished(sandbox, job)["resource"][0]["file"]["added_count"] == 3000


def test_the_callback_is_told_the_end(sandbox):
    """With the body that a look at the job would give."""
    receiver = Receiver()
    whole = body(uploaded(sandbox, "Last_Name\nBerg\n"), "insert")

    job = made(create(sandbox, {**whole, "callback": {"url": receiver.url, "method": "post"}}))

    assert receiver.next() == finished(sandbox, job)
    receiver.close()


# jobs that fail, and worse


@pytest.mark.parametrize(
    ("text", "more", "code"),
    [
        ("Last_Name\n" + "Berg\n" * 25_001, {}, "LIMIT_EXCEEDED"),
        (
            ",".join(f"c{n}" for n in range(201)) + "\n",
            {"field_mappings": [NAMES[0]]},
            "HEADER_LIMIT_EXCEEDED",
        ),
        (
            "Last_Name\nBerg\n",
            {"field_mappings": [{"api_name": "Last_Name", "index": 1}]},
            "COLUMN_INDEX_NOT_FOUND",
        ),
        ("Surname\nBerg\n", {}, "INVALID_FIELD_NAME"),
        ("Last_Name,Account_Name\nBerg,1\n", {}, "MANDATORY_NOT_FOUND"),
        ("Email\na@example.org\n", {}, "MANDATORY_FIELDS_NOT_MAPPED"),
        ("Last_Name\nÅse\n".encode("iso-8859-1"), {}, "INVALID_FORMAT"),
    ],
)
def test_a_file_that_cannot_be_fails_the_job(sandbox, text, more, code):
    """FAILED with the code, nothing written, no result; 500 credits are gone."""
    before = sandbox.count("Contacts")

    seen = finished(sandbox, made(create(sandbox, body(uploaded(sandbox, text), "insert", **more))))

    assert (seen["status"], seen["resource"][0]["status"], seen["resource"][0]["code"]) == (
        "FAILED",
        "FAILED",
        code,
    )
    assert "result" not in seen
    assert sandbox.count("Contacts") == before


def test_the_limits_themselves_are_allowed():
    """25,000 rows of 200 columns' worth of header."""
    header = ",".join(f"c{number}" for number in range(200))

    table = read_table(packed(people_csv=header + "\n" + "x\n" * 25_000), "UTF-8")

    assert (len(table.header), len(table.rows)) == (200, 25_000)


def test_a_job_may_fail(sandbox):
    """As asked for; nothing is written."""
    sandbox.bulk(outcome="FAILED")
    before = sandbox.count("Contacts")

    seen = finished(sandbox, made(create(sandbox, body(uploaded(sandbox, "Last_Name\nBerg\n"), "insert"))))

    assert (seen["status"], sandbox.count("Contacts")) == ("FAILED", before)


def test_rows_may_be_left_unprocessed(sandbox):
    """Neither added nor skipped: they are in no count but the total."""
    sandbox.bulk(outcome="partial")

    rows, counts = run(sandbox, "Last_Name\n" + "\n".join("abcd") + "\n", "insert")

    assert told(rows) == {
        "a": ("ADDED", ""),
        "b": ("ADDED", ""),
        "c": ("UNPROCESSED", ""),
        "d": ("UNPROCESSED", ""),
    }
    assert (counts["added_count"], counts["skipped_count"], counts["total_count"]) == (2, 0, 4)


def test_a_result_may_be_gone_at_once(sandbox):
    """The rows are written all the same."""
    sandbox.bulk(outcome="expired_result")
    before = sandbox.count("Contacts")
    seen = finished(sandbox, made(create(sandbox, body(uploaded(sandbox, "Last_Name\nBerg\n"), "insert"))))

    answer = sandbox.api("GET", seen["result"]["download_url"], base="")

    assert (answer.status_code, answer.json()["x-info"]) == (403, "Link not valid")
    assert sandbox.count("Contacts") == before + 1


def test_a_job_may_be_stuck(sandbox):
    """INPROGRESS for ever, whatever it has written."""
    sandbox.bulk(outcome="stuck", operation="write")
    job = made(create(sandbox, body(uploaded(sandbox, "Last_Name\nBerg\n"), "insert")))

    sandbox.clock(advance=24 * 3600)
    sandbox.forget_tokens()

    assert status(sandbox, job)["status"] == "INPROGRESS"


def test_a_reset_ends_a_job_that_works(sandbox):
    """Its rows belong to nobody any more: the next test starts with what was seeded."""
    names = "\n".join(f"Berg {number}" for number in range(5000))
    create(sandbox, body(uploaded(sandbox, f"Last_Name\n{names}\n"), "insert"))

    sandbox.reset()

    seeded = sandbox.count("Contacts")
    assert all(sandbox.count("Contacts") == seeded for _ in range(5))
    assert not any(record["Last_Name"].startswith("Berg ") for record in sandbox.dump("Contacts"))
