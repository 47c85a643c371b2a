"""Bulk jobs: when they are taken, what they cost, and that every record is settled whatever becomes of them."""

from __future__ import annotations

import json
import re
import resource
import signal
import time
from types import SimpleNamespace

import pytest
from support.target import RunningTarget, lines, record, records, schema, settings_of, state

from bigin_api import Module, RowError, RowResult, SettingsError
from bigin_api.bulk import polling
from target_bigin.bulk import writer
from target_bigin.bulk.choice import found_by
from target_bigin.bulk.writer import decided_by
from target_bigin.files.job_log import JobLog
from target_bigin.records.record import Record, Reject
from target_bigin.settings import StreamSettings
from target_bigin.streams import stream

CONTACTS = schema("Contacts", "Last_Name", "Email", "Title", key=["Email"])
MANY = 5_100  # by calls they cost 510 credits, by a job 500


@pytest.fixture(autouse=True)
def quick_jobs(sandbox, monkeypatch):
    """Jobs take no longer than their work; records wait for them however slow this machine is."""
    sandbox.bulk(seconds_per_state=0.01)
    monkeypatch.setattr(polling, "FIRST_WAIT", 0.1)
    monkeypatch.setattr(stream, "PATIENCE", 600.0)


def people(count, **more):
    return [{"Last_Name": f"Berg {n}", "Email": f"berg{n}@example.org", **more} for n in range(count)]


def ours(sandbox):
    return {
        each["Email"]: each for each in sandbox.dump("Contacts") if (each["Email"] or "").startswith("berg")
    }


def jobs(sandbox):
    return sandbox.calls("POST /bulk/write")


def test_auto_takes_a_job_where_it_is_cheaper(sandbox, target):
    """500 credits instead of 510."""
    run = target([CONTACTS, *records("Contacts", people(MANY)), state({"at": 1})], write_method="auto")

    assert run.error is None
    assert len(ours(sandbox)) == MANY
    assert run.outcomes("Contacts") == {"inserted": MANY}
    assert run.states == [{"at": 1}]
    assert jobs(sandbox) == 1
    assert sandbox.calls("POST /Contacts/upsert") == 0
    assert sandbox.usage()["credits"] < 520


@pytest.mark.parametrize(("count", "made"), [(499, 0), (500, 1)])
def test_auto_goes_by_calls_below_the_price_of_a_job(sandbox, target, monkeypatch, count, made):
    """4,999 records by calls cost no more than a job, and are written sooner: here with a job of 50 credits."""
    monkeypatch.setattr(writer, "WORTH_A_JOB", 500)

    run = target([CONTACTS, *records("Contacts", people(count))], write_method="auto")

    assert run.error is None
    assert jobs(sandbox) == made
    assert not run.said("would cost")
    assert len(ours(sandbox)) == count


@pytest.mark.parametrize(
    ("way", "count", "sizes"),
    [("auto", 23, [10, 10]), ("auto", 25, [10, 10, 5]), ("bulk", 23, [10, 10]), ("bulk", 9, [9])],
)
def test_a_full_job_goes_at_once_and_a_rest_if_it_is_worth_it(
    sandbox, target, monkeypatch, *, way, count, sizes
):
    """Of jobs that take ten records and pay from five on; what is left of what was asked for goes by calls."""
    monkeypatch.setattr(writer, "MAX_RECORDS_PER_BULK_WRITE", 10)
    monkeypatch.setattr(writer, "WORTH_A_JOB", 5)

    run = target([CONTACTS, *records("Contacts", people(count))], write_method=way)

    assert run.outcomes("Contacts") == {"inserted": count}
    assert [int(re.search(r"takes (\d+) records", each)[1]) for each in run.said("a bulk job takes")] == sizes
    assert jobs(sandbox) == len(sizes)
    assert sandbox.calls("POST /Contacts/upsert") == (sum(sizes) < count)
    assert len(run.said("bulk jobs know no trigger")) == 1


def test_of_records_that_share_no_file_most_go_by_the_job(sandbox, target):
    """Where blanks erase, a file holds records that name the same fields; one file is what was asked for."""
    rows = people(8)
    for row in rows[:3]:
        row["Title"] = None
    for row in rows[3:]:
        row["Phone"] = None

    run = target(
        [
            schema("Contacts", "Last_Name", "Email", "Title", "Phone", key=["Email"]),
            *records("Contacts", rows),
        ],
        write_method="bulk",
        null_values="write",
    )

    assert run.outcomes("Contacts") == {"inserted": 8}
    assert jobs(sandbox) == 1
    assert run.said("takes 5 records")


@pytest.mark.parametrize(("operation", "made"), [("upsert", 0), ("update", 1)])
def test_a_field_that_must_have_a_value_is_not_erased_by_a_blank(sandbox, target, operation, made):
    """An upsert wants it mapped though no record names it; where blanks erase, calls write them instead."""
    there = sandbox.create("Contacts", Last_Name="Ek", Email="berg0@example.org", Title="Dr")
    key = {"id": there} if operation == "update" else {"Email": "berg0@example.org"}

    run = target(
        [schema("Contacts", "id", "Email", "Title", key=["Email"]), record("Contacts", **key, Title=None)],
        write_method="bulk",
        null_values="write",
        default_operation=operation,
    )

    assert run.outcomes("Contacts") == {"updated": 1}
    assert (ours(sandbox)["berg0@example.org"]["Title"], jobs(sandbox)) == (None, made)


@pytest.mark.parametrize(
    ("status", "record_id", "errors", "ending"),
    [
        ("ADDED", "7", [], "inserted"),
        ("UPDATED", "7", [], "updated"),
        ("UPDATED", None, [], None),  # which record it is, nobody knows
        ("UNPROCESSED", "7", [], None),
        ("SKIPPED", None, [], None),
        ("UNPROCESSED", None, [("INVALID_DATA", ["Email"])], None),
        ("SKIPPED", None, [("INVALID_DATA", ["Email"]), ("DUPLICATE_DATA", ["Phone"])], None),
        (
            "SKIPPED",
            None,
            [("INVALID_DATA", ["Email", "Phone"]), ("MANDATORY_NOT_FOUND", ["Last_Name"])],
            Reject("rejected", "INVALID_DATA", "Bigin refused Email, Phone, Last_Name (bulk job).", "Email"),
        ),
        (
            "SKIPPED",
            None,
            [("RESOURCE_NOT_FOUND", [])],
            Reject("unmatched", "RESOURCE_NOT_FOUND", "Bigin refused the row (bulk job).", None),
        ),
    ],
)
def test_what_a_row_of_a_result_decides(status, record_id, errors, ending):
    """Where it does not say for sure that the record is written, or why not, a call has to."""
    told = tuple(RowError(code, tuple(columns)) for code, columns in errors)

    assert decided_by(RowResult({}, status, record_id, told)) == ending


@pytest.mark.parametrize(
    ("operation", "way", "fields", "found"),
    [
        ("update", "id", [], "id"),
        ("upsert", "check", ["Email"], "Email"),
        ("upsert", "check", ["Phone"], None),  # it has none
        ("upsert", "check", ["Email", "Phone"], None),
        ("upsert", "map", ["Email"], None),
        ("insert", "check", ["Email"], None),
        ("delete", "check", ["Email"], None),
    ],
)
def test_a_job_finds_a_record_by_one_field_that_has_a_value(operation, way, fields, found):
    """It takes a single field, and inserts what it does not find by it."""
    record_ = Record(1, "people", {}, {"Email": "a@b.se", "Phone": None}, operation, id="7")

    assert found_by(record_, SimpleNamespace(way=way, fields=fields)) == found
    record_.id = None
    assert found_by(record_, SimpleNamespace(way=way, fields=fields)) == (None if found == "id" else found)


@pytest.mark.parametrize(
    ("has_room", "for_calls", "for_jobs", "is_full"),
    [
        (False, 100, 0, True),
        (False, 99, 24_999, False),
        (False, 0, 25_000, True),
        (True, 100, 25_000, False),
    ],
)
def test_reading_stops_where_a_full_call_or_a_full_job_waits_for_its_place(
    has_room, for_calls, for_jobs, is_full
):
    """Memory holds what is on its way; beyond that it would hold all that the source has."""
    tasks = SimpleNamespace(has_room=has_room)
    run = SimpleNamespace(tasks=tasks, settings=SimpleNamespace(batch_size=100))
    context = SimpleNamespace(
        run=run, fields={}, settings=StreamSettings("Contacts"), module=Module("Contacts")
    )
    queue = SimpleNamespace(waiting=for_calls + for_jobs, for_bulk=for_jobs)

    assert writer.BulkWriter(context, None, queue, None, JobLog(None), run_job=None).is_full is is_full


def test_a_second_job_updates(sandbox, target):
    """find_by the key: what is there is changed, and nothing twice."""
    target([CONTACTS, *records("Contacts", people(200))], write_method="bulk")

    run = target([CONTACTS, *records("Contacts", people(200, Title="Director"))], write_method="bulk")

    assert run.outcomes("Contacts") == {"updated": 200}
    assert {each["Title"] for each in ours(sandbox).values()} == {"Director"}
    assert jobs(sandbox) == 2


def test_a_job_maps_what_bigin_wants_mapped_though_no_record_names_it(sandbox, target):
    """Of people who are there already a source may know the e-mail alone: a column is left blank for the name."""
    target([CONTACTS, *records("Contacts", people(2))])
    titles = [{"Email": f"berg{n}@example.org", "Title": "Dr"} for n in range(2)]

    run = target([CONTACTS, *records("Contacts", titles)], write_method="bulk")

    assert run.outcomes("Contacts") == {"updated": 2}
    assert {(each["Title"], each["Last_Name"][:4]) for each in ours(sandbox).values()} == {("Dr", "Berg")}
    assert jobs(sandbox) == 1
    assert sandbox.calls("POST /Contacts/upsert") == 1  # of the first run


def test_bulk_takes_a_job_whatever_the_number(sandbox, target):
    """write_method: bulk is a person's decision."""
    run = target([CONTACTS, *records("Contacts", people(3))], write_method="bulk")

    assert run.outcomes("Contacts") == {"inserted": 3}
    assert jobs(sandbox) == 1
    assert run.said("bulk jobs know no trigger")


def test_a_row_of_a_result_is_known_by_its_key_as_that_is_compared(sandbox, target):
    """A name of digits is a text, whatever the file's other columns are: 007 is not 7."""
    rows = [{"Product_Name": name, "Unit_Price": 7} for name in ("007", "7", "7.0")]
    told = schema("Products", "Product_Name", "Unit_Price", key=["Product_Name"])

    run = target([told, *records("Products", rows)], write_method="bulk")

    assert run.outcomes("Products") == {"inserted": 3}
    assert (jobs(sandbox), sandbox.calls("POST /Products/upsert")) == (1, 0)


def test_values_arrive_as_by_calls(sandbox, target):
    """The same records by both ways are the same records."""
    deals = schema("Pipelines", "Deal_Name", key=["Deal_Name"])
    company = sandbox.create("Accounts", Account_Name="Copy AG")
    owner = sandbox.dump("Contacts")[0]["Owner"]["id"]
    rows = [
        {
            "Sub_Pipeline": "Resellers",
            "Stage": "Live",
            "Amount": amount,
            "Closing_Date": "2026-02-03",
            "Account_Name": company,
            "Owner": owner,
            "Description": 'Two\nlines; "quotes", commas',
        }
        for amount in (0, 12.5, 1200)
    ]

    for way in ("bulk", "records"):
        named = [{"Deal_Name": f"{way} {n}", **row} for n, row in enumerate(rows)]
        assert target([deals, *records("Pipelines", named)], write_method=way).error is None

    written = {each["Deal_Name"]: each for each in sandbox.dump("Pipelines")}
    own = ("id", "Deal_Name", "Created_Time", "Modified_Time", "Last_Activity_Time")
    for n in range(3):
        by_bulk, by_calls = (
            {name: value for name, value in written[f"{way} {n}"].items() if name not in own}
            for way in ("bulk", "records")
        )
        assert by_bulk == by_calls
    assert (jobs(sandbox), sandbox.calls("POST /Pipelines/upsert")) == (1, 1)


def test_blanks_leave_a_field_as_it_is_or_clear_it_as_nulls_do(sandbox, target):
    """null_values decides in a file just as in a call."""
    target([CONTACTS, *records("Contacts", people(4, Title="Engineer"))])
    nulls = [*people(2, Title=None), *people(4)[2:]]

    target([CONTACTS, *records("Contacts", nulls)], write_method="bulk")
    kept = [each["Title"] for each in ours(sandbox).values()]
    target([CONTACTS, *records("Contacts", nulls)], write_method="bulk", null_values="write")

    assert kept == ["Engineer"] * 4
    assert {email: each["Title"] for email, each in ours(sandbox).items()} == {
        "berg0@example.org": None,
        "berg1@example.org": None,
        "berg2@example.org": "Engineer",
        "berg3@example.org": "Engineer",
    }


def test_one_record_clears_a_field_by_a_job(sandbox, target):
    """It is the only one of its file: the nulls of a group are those of each."""
    target([CONTACTS, *records("Contacts", people(1, Title="Engineer"))])

    run = target(
        [CONTACTS, *records("Contacts", people(1, Title=None))], write_method="bulk", null_values="write"
    )

    assert run.outcomes("Contacts") == {"updated": 1}
    assert jobs(sandbox) == 1
    assert ours(sandbox)["berg0@example.org"]["Title"] is None


def test_a_deletion_by_key_goes_by_a_call(sandbox, target):
    """A job knows no deletion: it would write the record anew."""
    target([CONTACTS, *records("Contacts", people(2))])

    run = target(
        [CONTACTS, *records("Contacts", people(1, _sdc_deleted_at="2026-05-14T00:00:00Z"))],
        write_method="bulk",
        deletes="delete",
    )

    assert run.outcomes("Contacts") == {"deleted": 1}
    assert ours(sandbox).keys() == {"berg1@example.org"}
    assert jobs(sandbox) == 0


def test_what_a_file_cannot_hold_goes_by_calls(sandbox, target):
    """Tags have no column: those records lose nothing, and are counted."""
    rows = people(10)
    for row in rows[::2]:
        row["Tag"] = ["vip"]

    run = target([CONTACTS, *records("Contacts", rows)], write_method="bulk")

    assert run.error is None
    assert [bool(each["Tag"]) for each in ours(sandbox).values()].count(True) == 5
    assert run.accounts["Contacts"].notes["by calls, for a bulk file cannot hold Tag"] == 5


def test_a_stream_may_add_tags_to_what_a_job_wrote(sandbox, target):
    """The job's result tells the ids."""
    settings = {"Contacts": {"write_method": "bulk", "tags": ["vip"]}}

    target([CONTACTS, *records("Contacts", people(10))], streams=settings)

    assert all(each["Tag"] for each in ours(sandbox).values())


@pytest.mark.parametrize("module", ["Tasks", "Notes"])
def test_modules_that_bulk_refuses_go_by_calls(sandbox, target, module):
    """Asked for or not: they are written."""
    before = sandbox.count(module)
    parent = sandbox.dump("Contacts")[0]["id"]
    row = {"Subject": "T", "Note_Content": "N", "Parent_Id": parent, "$se_module": "Contacts"}

    run = target(
        [schema(module, "Subject", "Note_Content", "Parent_Id"), record(module, **row)],
        write_method="bulk",
        default_operation="insert",
    )

    assert run.error is None
    assert sandbox.count(module) == before + 1


def test_automation_that_was_asked_for_goes_by_calls(sandbox, target):
    """No job can be told to fire a workflow."""
    target([CONTACTS, *records("Contacts", people(5))], write_method="bulk", trigger=["workflow"])

    assert jobs(sandbox) == 0
    assert sandbox.automation()["fired"] == 5


def test_bad_rows_are_rejected_each_with_its_reason(sandbox, target):
    """One record's failure never touches another's, in a file no less than in a call."""
    rows = people(200)
    rows[7]["Email"] = "no address"
    del rows[8]["Last_Name"]

    run = target([CONTACTS, *records("Contacts", rows)], write_method="bulk")

    assert run.outcomes("Contacts") == {"inserted": 198, "rejected": 2}
    assert {(reject["number"], reject["code"], reject["field"]) for reject in run.rejects} == {
        (8, "INVALID_DATA", "Email"),
        (9, "MANDATORY_NOT_FOUND", "Last_Name"),
    }


@pytest.mark.parametrize("outcome", ["FAILED", "partial", "expired_result"])
def test_whatever_becomes_of_a_job_every_record_is_settled(sandbox, target, outcome):
    """Failed, half done, its result gone: an upsert may be repeated, so calls settle what the job did not."""
    sandbox.bulk(outcome=outcome, times=1)

    run = target([CONTACTS, *records("Contacts", people(250)), state({"at": 1})], write_method="bulk")

    assert run.error is None
    assert jobs(sandbox) == 1
    assert len(ours(sandbox)) == 250
    assert sum(run.outcomes("Contacts").values()) == 250
    left_open = run.accounts["Contacts"].notes["left open by a bulk job and written by calls"]
    assert left_open == (125 if outcome == "partial" else 0)
    assert run.states == [{"at": 1}]


def test_a_job_that_wrote_nothing_is_no_success(sandbox, target):
    """COMPLETED says only that every row was looked at."""
    sandbox.create("Contacts", Last_Name="Twin", Email="berg0@example.org")
    rows = [{"Last_Name": "x" * 81, "Email": f"berg{n}@example.org"} for n in range(3)]

    run = target([CONTACTS, *records("Contacts", rows)], write_method="bulk", max_rejects=3)

    assert len(run.rejects) == 3
    assert run.outcomes("Contacts").get("updated", 0) == 0


def test_refused_jobs_turn_to_calls(sandbox, target):
    """A token without the scope for bulk: said once, and everything is written."""
    sandbox.fault(
        "POST /bulk/write",
        status=401,
        body={"code": "OAUTH_SCOPE_MISMATCH", "status": "error", "message": "x"},
    )

    run = target([CONTACTS, *records("Contacts", people(50))], write_method="bulk")

    assert run.error is None
    assert len(ours(sandbox)) == 50
    assert run.said("bulk jobs are refused")


def test_a_file_that_is_refused_is_no_end_of_jobs(sandbox, target):
    """A proxy that dislikes one upload: its rows go by calls, and of the next file nothing is said."""
    sandbox.fault("POST /upload", status=413, body={"error": "too large"}, times=1)

    run = target([CONTACTS, *records("Contacts", people(50))], write_method="bulk")

    assert run.outcomes("Contacts") == {"inserted": 50}
    assert not run.said("bulk jobs are refused")
    assert run.said("no result of a bulk job is known")


def test_later_versions_of_a_key_make_no_job_of_their_own(sandbox, target):
    """Five of one key among many: one job, and calls for the four that waited for it."""
    names = ("Phone", "Mobile", "Title", "Description")
    versions = [{**people(8)[7], "Last_Name": name, name: "1"} for name in names]

    run = target(
        [schema("Contacts", "Last_Name", *names, key=["Email"]), *records("Contacts", people(60) + versions)],
        write_method="bulk",
    )

    assert run.error is None
    assert jobs(sandbox) == 1
    assert ours(sandbox)["berg7@example.org"]["Last_Name"] == "Description"
    assert run.said("takes 60 records for 500 credits")
    assert run.said("would cost 6.")


@pytest.mark.parametrize("lost", ["POST /upload", "POST /bulk/write"])
def test_a_lost_answer_while_a_job_is_made(sandbox, target, lost):
    """The file or the job is there, nobody knows its id: the records are written once all the same."""
    sandbox.fault(lost, lose_response=True, times=1)

    run = target([CONTACTS, *records("Contacts", people(50))], write_method="bulk")

    assert run.error is None
    assert len(ours(sandbox)) == 50


def test_order_is_kept_around_a_job(sandbox, target):
    """A record of the same key that comes while the job runs waits for it."""
    first, second = people(100, Title="Engineer"), people(100, Title="Director")

    run = target(
        [
            CONTACTS,
            *records("Contacts", first),
            *records("Contacts", [{**row, "Tag": ["x"]} for row in second]),
        ],
        write_method="bulk",
    )

    assert run.error is None
    assert {each["Title"] for each in ours(sandbox).values()} == {"Director"}


def test_a_run_after_a_kill_waits_for_the_job_that_still_goes_on(sandbox, target, tmp_path):
    """Otherwise the old job would overwrite the new values when it gets to them."""
    settings = {"write_method": "bulk", "journal_path": str(tmp_path / "journal.jsonl")}
    sandbox.bulk(seconds_per_state=3)
    running = RunningTarget(settings_of(sandbox, tmp_path, **settings), tmp_path)
    running.say(lines([CONTACTS, *records("Contacts", people(50, Title="Engineer"))]))
    running.process.stdin.close()
    notes = tmp_path / "journal.jsonl.bulk"
    wait_until(notes.exists)
    running.end(by=signal.SIGKILL)
    assert json.loads(notes.read_text())["module"] == "Contacts"

    run = target(
        [CONTACTS, *records("Contacts", people(50, Title="Director"))],
        **{**settings, "write_method": "records"},
    )

    assert run.error is None
    assert run.said("waits for 1 bulk jobs")
    time.sleep(0.5)
    assert {each["Title"] for each in ours(sandbox).values()} == {"Director"}
    assert not notes.exists()


def test_a_former_job_that_bigin_does_not_know_holds_nothing_up(sandbox, target, tmp_path):
    """It may have ended long ago: each run would wait for it in vain."""
    notes = tmp_path / "journal.jsonl.bulk"
    notes.write_text('{"job": "6100000000000999999", "module": "Contacts"}\n')

    run = target([CONTACTS, *records("Contacts", people(2))], journal_path=str(tmp_path / "journal.jsonl"))

    assert run.outcomes("Contacts") == {"inserted": 2}
    assert run.said("waits for 1 bulk jobs")
    assert not notes.exists()


def wait_until(holds):
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_full_folder_of_temporary_files_is_one_clear_line(sandbox, target):
    """The file of a job is made there; nobody knows from "No space left on device" where."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, resource.RLIM_INFINITY))
    try:
        run = target([CONTACTS, *records("Contacts", people(3_000)), state("all")], write_method="bulk")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    assert isinstance(run.error, SettingsError)
    assert str(run.error).startswith("TMPDIR: cannot write to ")
    assert run.states == []
    assert jobs(sandbox) == 0
