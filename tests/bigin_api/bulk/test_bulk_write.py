"""Bulk Write over real HTTP: upload, create, wait, read what became of each row."""

import io

import pytest

from bigin_api import (
    BiginError,
    BulkJobFailed,
    BulkJobUnfinished,
    BulkWrite,
    BulkWriteJob,
    Call,
    ConnectionFailed,
    CsvArchive,
    FieldMapping,
    InvalidRequest,
    ModuleUnavailable,
    NotFound,
    Reply,
    RowResult,
    ServerError,
    read_results,
)

COLUMNS = ["Email", "Last_Name", "Phone"]
MAPPINGS = [FieldMapping("Email", 0), FieldMapping("Last_Name", 1)]


def archive(header: list[str], *rows: list[str | None]) -> io.BytesIO:
    file = io.BytesIO()
    with CsvArchive(file, "contacts.csv", header) as written:
        for row in rows:
            assert written.add(row)
    return file


def people(number: int) -> list[list[str | None]]:
    return [[f"n{n}@example.org", f"N{n}"] for n in range(number)]


def write(client, *rows: list[str | None], mappings=MAPPINGS, **how) -> BulkWriteJob:
    file = archive(COLUMNS[: len(mappings)], *rows)
    file_id = client.bulk_write.upload(file, "contacts.zip")
    return client.bulk_write.create("Contacts", file_id, mappings, **how)


def results_of(client, job: BulkWriteJob) -> dict[str, RowResult]:
    file = io.BytesIO()
    client.bulk_write.download(client.bulk_write.wait(job), file)
    return {row.values["Email"]: row for row in read_results(file)}


def test_every_row_is_told_what_became_of_it(patient, sandbox):
    """500 credits and a few questions, whatever the number of rows; the meter says what the bill says."""
    rows = people(300)
    rows[7][1] = None

    job = write(patient, *rows, operation="upsert", find_by="Email")
    ended = patient.bulk_write.wait(job, expected_rows=300)
    results = results_of(patient, ended)

    assert (ended.added, ended.updated, ended.skipped, ended.total) == (299, 0, 1, 300)
    assert (ended.module, ended.operation, ended.state) == ("Contacts", "upsert", "COMPLETED")
    assert results.keys() == {row[0] for row in rows}
    assert [mail for mail, row in results.items() if not row.succeeded] == ["n7@example.org"]
    assert results["n7@example.org"].errors[0].code == "MANDATORY_NOT_FOUND"
    by_mail = {each["Email"]: each["id"] for each in sandbox.dump("Contacts")}
    assert all(by_mail[mail] == row.id for mail, row in results.items() if row.succeeded)
    spent = patient.spent()
    assert spent.by_endpoint["bulk_write"] == 500
    assert spent.credits == sandbox.usage()["credits"] <= 515


def test_upsert_updates_what_it_finds(patient, sandbox):
    """A second job over the same rows makes no twins."""
    first = results_of(patient, write(patient, *people(3), operation="upsert", find_by="Email"))
    again = results_of(patient, write(patient, *people(4), operation="upsert", find_by="Email"))

    assert [row.status for row in first.values()] == ["ADDED"] * 3
    assert sorted(row.status for row in again.values()) == ["ADDED", "UPDATED", "UPDATED", "UPDATED"]
    assert {mail: row.id for mail, row in again.items() if row.status == "UPDATED"} == {
        mail: row.id for mail, row in first.items()
    }


def test_insert_with_find_by_skips_what_exists(patient):
    """The only way to repeat an insert without making twins."""
    write_again = {"operation": "insert", "find_by": "Email"}
    patient.bulk_write.wait(write(patient, *people(2), **write_again))

    job = patient.bulk_write.wait(write(patient, *people(3), **write_again))

    assert (job.added, job.skipped) == (1, 2)


def test_a_completed_job_may_have_written_nothing(patient):
    """COMPLETED is about the job: only its rows say what happened."""
    job = patient.bulk_write.wait(write(patient, ["a@example.org", None], operation="insert"))

    assert job.done
    assert (job.added, job.total) == (0, 1)


@pytest.mark.parametrize(("ignore_empty", "phone"), [(True, "123"), (False, None)])
def test_blank_cells_erase_only_if_so_asked(patient, sandbox, ignore_empty, phone):
    """Bigin's own default erases; ours does not."""
    made = sandbox.create("Contacts", Last_Name="Ek", Email="ann@example.org", Phone="123")
    mappings = [FieldMapping("Email", 0), FieldMapping("Last_Name", 1), FieldMapping("Phone", 2)]

    job = write(
        patient,
        ["ann@example.org", "Ek", None],
        mappings=mappings,
        operation="update",
        find_by="Email",
        ignore_empty=ignore_empty,
    )
    patient.bulk_write.wait(job)

    assert patient.records.get("Contacts", made)["Phone"] == phone


def test_dates_lookups_and_defaults_go_by_their_mapping(patient, sandbox):
    """Without a format a date is read as American, without find_by a lookup is not found."""
    company = sandbox.create("Accounts", Account_Name="Nordlys")
    mappings = [
        FieldMapping("Deal_Name", 0),
        FieldMapping("Account_Name", 1, find_by="id"),
        FieldMapping("Closing_Date", 2, format="yyyy-MM-dd"),
        FieldMapping("Sub_Pipeline", default_value="Inbound"),
        FieldMapping("Stage", default_value="Qualification"),
    ]
    file = archive(["Deal_Name", "Company", "Closing_Date"], ["Big one", company, "2026-05-14"])
    bulk = patient.bulk_write

    job = bulk.wait(bulk.create("Pipelines", bulk.upload(file, "d.zip"), mappings, operation="insert"))

    assert job.added == 1
    (deal,) = [each for each in sandbox.dump("Pipelines") if each["Deal_Name"] == "Big one"]
    assert (deal["Account_Name"]["id"], deal["Closing_Date"], deal["Stage"]) == (
        company,
        "2026-05-14",
        "Qualification",
    )


def test_a_mapping_says_only_what_was_given():
    """Keys with null would be read as values."""
    assert FieldMapping("Email", 0).to_json() == {"api_name": "Email", "index": 0}
    assert FieldMapping("A", 1, find_by="id", format="f").to_json() == {
        "api_name": "A", "index": 1, "find_by": "id", "format": "f",
    }  # fmt: skip
    assert FieldMapping("A", default_value=0).to_json() == {"api_name": "A", "default_value": {"value": 0}}


def test_ignore_empty_is_said_in_both_places():
    """The API's description has it in the resource, its prose on top: where it is not seen, blanks erase."""

    class Heard:
        def send(self, call: Call) -> Reply:
            self.body = call.json
            return Reply(201, {"details": {"id": "1"}})

    heard = Heard()
    BulkWrite(heard, org_id=lambda: "1").create("Contacts", "2", MAPPINGS, operation="insert")

    assert heard.body["ignore_empty"] is heard.body["resource"][0]["ignore_empty"] is True
    assert "find_by" not in heard.body["resource"][0]


@pytest.mark.parametrize("operation", ["update", "upsert"])
def test_find_by_is_demanded_before_anything_is_spent(patient, operation):
    """Bigin refuses the job without it."""
    with pytest.raises(InvalidRequest, match="needs find_by"):
        patient.bulk_write.create("Contacts", "1", MAPPINGS, operation=operation)
    with pytest.raises(InvalidRequest, match="201 columns"):
        patient.bulk_write.create("Contacts", "1", MAPPINGS[:1] * 201, operation="insert")

    assert patient.spent().calls == 0


@pytest.mark.parametrize(
    ("module", "mappings", "error"),
    [
        ("Tasks", [FieldMapping("Subject", 0)], ModuleUnavailable),
        ("Nonsense", MAPPINGS, ModuleUnavailable),
        ("Contacts", [FieldMapping("Nope", 0), FieldMapping("Last_Name", 1)], InvalidRequest),
        ("Contacts", [FieldMapping("Email", 0)], InvalidRequest),
    ],
)
def test_what_bulk_refuses_is_told_with_its_module(patient, module, mappings, error):
    """Whether to go by records, or to mend the mapping."""
    file_id = patient.bulk_write.upload(archive(COLUMNS, ["a", "b", "c"]), "c.zip")

    with pytest.raises(error) as raised:
        patient.bulk_write.create(module, file_id, mappings, operation="insert")

    assert raised.value.module == module


def test_a_file_that_is_no_zip_is_refused_though_the_status_is_200(patient):
    """Uploads fail with HTTP 200: the code decides."""
    with pytest.raises(InvalidRequest, match="INVALID_FILE_FORMAT"):
        patient.bulk_write.upload(io.BytesIO(b"Email,Last_Name\n"), "contacts.csv")


def test_an_unknown_file_is_refused(patient):
    """A file_id of another organisation, or one that has faded."""
    with pytest.raises(InvalidRequest, match="INVALID_FILE_ID"):
        patient.bulk_write.create("Contacts", "6100000000000999999", MAPPINGS, operation="insert")


def test_an_upload_without_its_headers_speaks_another_language(patient):
    """The content host has an envelope of its own: it must not pass for a success."""
    call = Call("POST", "/upload", upload=("c.zip", archive(COLUMNS), "application/zip"), api="upload")

    with pytest.raises(BiginError, match=r"X-CRM-ORG"):
        patient.send(call)


@pytest.mark.parametrize("body", [{}, {"details": None}, {"details": {"created_time": "x"}}])
def test_an_upload_without_a_file_id_is_an_error(body):
    """None must not be sent as the id of a file."""

    class Answer:
        def send(self, _call: Call) -> Reply:
            return Reply(200, body)

    with pytest.raises(ServerError, match="without file_id"):
        BulkWrite(Answer(), org_id=lambda: "1").upload(archive(COLUMNS), "c.zip")


def test_the_organisation_is_asked_for_once_for_all_streams(patient, sandbox):
    """Its number stands in the headers of each upload."""
    for label in ("a", "b"):
        patient.labelled(label).bulk_write.upload(archive(COLUMNS), "c.zip")

    assert sandbox.calls("GET /org") == 1


def test_an_upload_that_breaks_off_is_sent_again(patient, sandbox):
    """It makes another file, and nothing else."""
    sandbox.fault("POST /upload", times=1, drop=True)
    sandbox.fault("POST /upload", times=1, status=502)

    job = write(patient, *people(3), operation="insert")

    assert patient.bulk_write.wait(job).added == 3


@pytest.mark.parametrize(
    "fault", [{"drop": True}, {"lose_response": True}, {"truncate": True}, {"status": 500}]
)
def test_a_job_whose_answer_is_lost_is_not_made_twice(patient, sandbox, fault):
    """500 credits, and an insert that may already run."""
    sandbox.fault("POST /bulk/write", **fault)

    with pytest.raises((ServerError, ConnectionFailed)):
        write(patient, *people(3), operation="insert")

    assert sandbox.calls("POST /bulk/write") == 1


def test_a_job_that_was_turned_away_is_made(patient, sandbox):
    """429 comes before any work."""
    sandbox.fault("POST /bulk/write", status=429, times=2)

    assert patient.bulk_write.wait(write(patient, *people(3), operation="insert")).added == 3


def test_a_job_that_fails_says_so(patient, sandbox):
    """Nothing was written: all of its rows are to be settled otherwise."""
    sandbox.bulk(outcome="FAILED")

    with pytest.raises(BulkJobFailed, match=r"Contacts: bulk write job \d+ failed"):
        patient.bulk_write.wait(write(patient, *people(3), operation="insert"))


def test_half_a_job_is_told_row_by_row(patient, sandbox):
    """What was not processed is said for each row, and may be sent again."""
    sandbox.bulk(outcome="partial")

    results = results_of(patient, write(patient, *people(4), operation="insert"))

    assert sorted(row.status for row in results.values()) == ["ADDED", "ADDED", "UNPROCESSED", "UNPROCESSED"]


def test_a_result_whose_link_has_expired_is_not_found(patient, sandbox):
    """The rows' fate must then be found out by other means."""
    sandbox.bulk(outcome="expired_result")
    job = patient.bulk_write.wait(write(patient, *people(3), operation="insert"))
    file = io.BytesIO()

    with pytest.raises(NotFound, match="Link not valid"):
        patient.bulk_write.download(job, file)

    assert file.getvalue() == b""


def test_a_job_that_does_not_end_is_left_with_its_id(patient, sandbox):
    """The next run asks for it again."""
    sandbox.bulk(outcome="stuck")
    job = write(patient, *people(3), operation="insert")

    with pytest.raises(BulkJobUnfinished) as raised:
        patient.bulk_write.wait(job, patience=600)

    assert raised.value.job_id == job.id


def test_a_job_of_an_earlier_run_is_picked_up_by_its_id(patient, clock):
    """A crash between upload and result: the job was made, and its rows can still be settled."""
    job = write(patient, *people(3), operation="insert")
    patient.bulk_write.wait(job)
    clock.waits.clear()

    ended = patient.bulk_write.wait(job.id)

    assert clock.waits == []
    assert len(results_of(patient, ended)) == 3


def test_a_forgotten_job_is_not_found(patient):
    """RESOURCE_NOT_FOUND, and not an empty job."""
    with pytest.raises(NotFound):
        patient.bulk_write.wait("6100000000000999999")


def test_a_result_at_an_address_of_its_own_gets_the_token_only_if_it_is_zohos(patient, sandbox):
    """Older samples give an absolute address: the sandbox's own is called, a stranger's is not."""
    job = patient.bulk_write.wait(write(patient, *people(1), operation="insert"))
    absolute = BulkWriteJob(job.id, job.state, download_url=f"{sandbox.url}{job.download_url}?sign=a%2Bb")
    strange = BulkWriteJob(job.id, job.state, download_url="https://zoho.example.org/x.zip?sign=secret")
    file = io.BytesIO()

    patient.bulk_write.download(absolute, file)
    with pytest.raises(InvalidRequest, match=r"zoho\.example\.org is not Zoho's") as raised:
        patient.bulk_write.download(strange, file)

    assert len(list(read_results(file))) == 1
    assert "secret" not in raised.value.message
    assert job.download_url.startswith("/")


def test_a_job_without_a_result_has_none_to_fetch(patient):
    """It is not complete, or it failed."""
    with pytest.raises(NotFound, match="has no result"):
        patient.bulk_write.download(BulkWriteJob("17", "FAILED", "Contacts"), io.BytesIO())


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"id": "1"}, BulkWriteJob("1", "ADDED")),
        ({"id": 1, "status": "ADDED", "resource": [{"code": "ADDED", "file": {"status": "ADDED"}}]}, BulkWriteJob("1", "ADDED")),
        ({"id": "1", "status": "INPROGRESS", "resource": [{"code": "INPROGRESS"}]}, BulkWriteJob("1", "IN PROGRESS")),
        ({"id": "1", "status": "In Progress", "resource": None}, BulkWriteJob("1", "IN PROGRESS")),
        ({"id": "1", "status": "FAILURE", "resource": [{"code": "FILE_NOT_SUPPORTED"}]},
         BulkWriteJob("1", "FAILED", error="FILE_NOT_SUPPORTED")),
        ({"id": "1", "status": "SKIPPED", "resource": ["x", {"module": "Contacts", "code": "SKIPPED"}]},
         BulkWriteJob("1", "SKIPPED", "Contacts")),
        ({"id": "1", "status": "COMPLETED", "operation": "insert",
          "resource": [{"code": "SUCCESS", "module": {"api_name": "Contacts"},
                        "file": {"added_count": 90, "updated_count": 0, "skipped_count": 10, "total_count": 100}}],
          "result": {"download_url": "/x.zip"}},
         BulkWriteJob("1", "COMPLETED", "Contacts", None, "insert", 90, 0, 10, 100, "/x.zip")),
    ],
)  # fmt: skip
def test_a_job_is_read_in_each_spelling(raw, expected):
    """Two spellings of one state, a module by name or as an object, no counts while it waits."""
    assert BulkWriteJob.from_json(raw) == expected


@pytest.mark.parametrize(
    ("state", "done", "failed"),
    [("ADDED", False, False), ("IN PROGRESS", False, False), ("COMPLETED", True, False), ("FAILED", False, True), ("SKIPPED", False, True)],
)  # fmt: skip
def test_how_a_job_stands(state, done, failed):
    """A file that was passed over is not done."""
    job = BulkWriteJob("1", state)

    assert (job.done, job.failed) == (done, failed)
