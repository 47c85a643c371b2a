"""Bulk Write: uploading, making a job, what it does to records, and what it tells of each row."""

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
    upload,
    uploaded,
)
from support.receiver import Receiver

from bigin_sandbox.rules.bulk_write.upload import read_table

NAMES = [{"api_name": "Last_Name", "index": 0}, {"api_name": "Email", "index": 1}]


@pytest.fixture(autouse=True)
def _quick_jobs(sandbox):
    """Jobs that go through their states without waiting."""
    sandbox.bulk(seconds_per_state=0)


def contact(sandbox, record_id):
    return next(record for record in sandbox.dump("Contacts") if record["id"] == record_id)


def told(rows, key="Last_Name"):
    return {row[key]: (row["STATUS"], row["ERRORS"]) for row in rows}


# uploading


def test_a_zip_is_kept(sandbox):
    """200, and the id that a job asks for."""
    answer = upload(sandbox, packed(people_csv="Last_Name\nBerg\n"))

    details = answer.json().pop("details")
    assert answer.status_code == 200
    assert details["file_id"].isdecimal()
    assert details["created_time"][-6:] in {"+01:00", "+02:00"}
    assert answer.json()["code"] == "FILE_UPLOAD_SUCCESS"


@pytest.mark.parametrize("headers", [{"feature": ""}, {"feature": "bulk-read"}, {"X-CRM-ORG": "1"}])
def test_wrong_headers_get_another_envelope(sandbox, headers):
    """One that no other call has."""
    answer = upload(sandbox, packed(people_csv="Last_Name\n"), **headers)

    assert answer.status_code == 400
    assert answer.json() == {
        "ERROR_CODE": 400,
        "ERROR_MESSAGE": "Bad Request",
        "x-error": "check if headers [feature, X-CRM-ORG] are present and valid",
    }


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"Last_Name\nBerg\n", "INVALID_FILE_FORMAT"), (b"x" * 100, "INVALID_FILE_FORMAT")],
)
def test_a_file_that_is_no_zip_is_refused_with_200(sandbox, content, code):
    """The status says good, the code says bad: judge by the code."""
    answer = upload(sandbox, content)

    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["code"]) == ("error", code)
    assert set(answer.json()["details"]) == {"created_time"}


def test_more_than_25_mb_are_refused_with_200(sandbox):
    """FILE_TOO_LARGE."""
    answer = upload(sandbox, packed(people_csv=b"x" * (25 * 1024 * 1024 + 1)))

    assert (answer.status_code, answer.json()["code"]) == (200, "FILE_TOO_LARGE")


def test_uploading_needs_a_scope_of_its_own(sandbox):
    """ZohoFiles.files.ALL."""
    answer = sandbox.api("POST", "/upload", refresh_token=sandbox.limited_refresh_token)

    assert (answer.status_code, answer.json()["code"]) == (401, "OAUTH_SCOPE_MISMATCH")


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


# operations


def test_insert_adds_and_finds_duplicates(sandbox):
    """Unique values hold here as everywhere."""
    sandbox.create("Contacts", Last_Name="Berg", Email="eva@example.org")

    rows, counts = run(sandbox, "Last_Name,Email\nHill,EVA@example.org \nFjell,f@example.org\n", "insert")

    assert told(rows) == {"Hill": ("SKIPPED", "DUPLICATE_DATA-Email"), "Fjell": ("ADDED", "")}
    assert (counts["added_count"], counts["skipped_count"]) == (1, 1)


def test_insert_with_find_by_skips_what_exists(sandbox):
    """And leaves it as it was."""
    known = sandbox.create("Accounts", Account_Name="Nordlys", Phone="1")

    rows, _ = run(sandbox, "Account_Name,Phone\nnordlys,2\n", "insert", "Accounts", find_by="Account_Name")

    assert told(rows, "Account_Name") == {"nordlys": ("SKIPPED", "DUPLICATE_DATA-Account_Name")}
    assert next(r for r in sandbox.dump("Accounts") if r["id"] == known)["Phone"] == "1"


def test_update_changes_what_it_finds_and_creates_nothing(sandbox):
    """By a unique field; what is not found, or has no key, is skipped."""
    known = sandbox.create("Contacts", Last_Name="Berg", Email="eva@example.org")
    before = sandbox.count("Contacts")
    text = "Email,Title\neva@example.org,CEO\nnobody@example.org,CFO\n,COO\n"

    rows, counts = run(sandbox, text, "update", find_by="Email")

    assert told(rows, "Title") == {
        "CEO": ("UPDATED", ""),
        "CFO": ("SKIPPED", "RESOURCE_NOT_FOUND-Email"),
        "COO": ("SKIPPED", "MANDATORY_NOT_FOUND-Email"),
    }
    assert (contact(sandbox, known)["Title"], counts["updated_count"]) == ("CEO", 1)
    assert sandbox.count("Contacts") == before


def test_update_by_id(sandbox):
    """`find_by: id`."""
    known = sandbox.create("Contacts", Last_Name="Berg")

    rows, _ = run(sandbox, f"id,Title\n{known},CEO\n610,CFO\n", "update", find_by="id")

    assert told(rows, "Title") == {"CEO": ("UPDATED", ""), "CFO": ("SKIPPED", "RESOURCE_NOT_FOUND-id")}
    assert contact(sandbox, known)["Title"] == "CEO"


def test_upsert_updates_or_adds(sandbox):
    """The record ids tell which."""
    known = sandbox.create("Contacts", Last_Name="Berg", Email="eva@example.org")
    text = "Last_Name,Email\nHill,eva@example.org\nFjell,f@example.org\nBlank,\n"

    rows, counts = run(sandbox, text, find_by="Email")

    became = {row["Last_Name"]: (row["STATUS"], row["RECORD_ID"]) for row in rows}
    assert became["Hill"] == ("UPDATED", known)
    assert {became["Fjell"][0], became["Blank"][0]} == {"ADDED"}
    assert (counts["added_count"], counts["updated_count"]) == (2, 1)
    assert contact(sandbox, known)["Last_Name"] == "Hill"


def test_several_records_of_one_key_are_skipped(sandbox):
    """A deal's name is a key in bulk and yet not unique: no guess."""
    for _ in range(2):
        sandbox.create("Pipelines", Deal_Name="Lamps")

    rows, _ = run(sandbox, "Deal_Name,Amount\nLamps,5\n", "update", "Pipelines", find_by="Deal_Name")

    assert told(rows, "Deal_Name") == {"Lamps": ("SKIPPED", "DUPLICATE_DATA-Deal_Name")}


# cells


def test_blank_cells_erase_unless_told_otherwise(sandbox):
    """The default is the dangerous one."""
    values = {"Phone": "1", "Title": "CEO"}
    first = sandbox.create("Contacts", Last_Name="Berg", Email="a@example.org", **values)
    second = sandbox.create("Contacts", Last_Name="Berg", Email="b@example.org", **values)

    run(sandbox, "Email,Phone\na@example.org,\n", "update", find_by="Email")
    run(sandbox, "Email,Phone\nb@example.org,\n", "update", find_by="Email", job={"ignore_empty": True})

    assert [contact(sandbox, i)["Phone"] for i in (first, second)] == [None, "1"]
    assert contact(sandbox, first)["Title"] == "CEO"


def test_ignore_empty_is_taken_within_the_resource_too(sandbox):
    """It stands in two places in the sister API's pages."""
    known = sandbox.create("Contacts", Last_Name="Berg", Email="a@example.org", Phone="1")

    run(sandbox, "Email,Phone\na@example.org,\n", "update", find_by="Email", ignore_empty=True)

    assert contact(sandbox, known)["Phone"] == "1"


@pytest.mark.parametrize(
    ("cell", "form", "stored"),
    [
        ("12/31/2026", None, "2026-12-31"),
        ("05/04/2026", None, "2026-05-04"),
        ("2026-12-31", "yyyy-MM-dd", "2026-12-31"),
        ("31.12.2026", "dd.MM.yyyy", "2026-12-31"),
        ("31 Dec 26", "d MMM yy", "2026-12-31"),
        ("2026-12-31", None, None),
        ("31/12/2026", None, None),
    ],
)
def test_dates_are_american_unless_a_format_says_otherwise(sandbox, cell, form, stored):
    """ISO dates without a format are refused; 5 April is read as 4 May without a word."""
    deal = sandbox.create("Pipelines", Deal_Name="Lamps 7")
    mappings = [{"api_name": "Deal_Name", "index": 0}, {"api_name": "Closing_Date", "index": 1}]
    if form:
        mappings[1]["format"] = form

    rows, _ = run(
        sandbox,
        f"a,b\nLamps 7,{cell}\n",
        "update",
        "Pipelines",
        find_by="Deal_Name",
        field_mappings=mappings,
    )

    record = next(record for record in sandbox.dump("Pipelines") if record["id"] == deal)
    assert record["Closing_Date"] == stored
    expected = ("UPDATED", "") if stored else ("SKIPPED", "INVALID_DATA-Closing_Date")
    assert told(rows, "Deal_Name") == {"Lamps 7": expected}


@pytest.mark.parametrize(
    ("data_type", "cell", "form", "stored"),
    [
        ("datetime", "07/14/2026 11:53:58", None, "2026-07-14T09:53:58+00:00"),
        ("datetime", "2026-07-14T11:53:58+05:30", "yyyy-MM-dd'T'HH:mm:ssXXX", "2026-07-14T06:23:58+00:00"),
        ("datetime", "2026-07-14T11:53:58Z", None, None),
        ("integer", "5", None, 5),
        ("integer", "5.5", None, None),
        ("currency", "1200.5", None, 1200.5),
        ("currency", "1,200.5", None, None),
        ("boolean", "TRUE", None, True),
        ("boolean", "yes", None, None),
        ("multiselectpicklist", "A;B", None, ["A", "B"]),
        ("bigint", "123456789012345678", None, "123456789012345678"),
        ("picklist", "Anything", None, "Anything"),
    ],
)
def test_every_data_type_from_a_cell(sandbox, data_type, cell, form, stored):
    """A cell that does not fit is INVALID_DATA, never a guess."""
    sandbox.change_metadata(
        {"op": "add_field", "module": "Contacts", "field": {"api_name": "Extra", "data_type": data_type}}
    )
    mappings = [{"api_name": "Last_Name", "index": 0}, {"api_name": "Extra", "index": 1, "format": form}]
    mappings[1] = {key: value for key, value in mappings[1].items() if value is not None}

    rows, _ = run(sandbox, f'a,b\nBerg,"{cell}"\n', "insert", field_mappings=mappings)

    if stored is None:
        assert told(rows) == {"Berg": ("SKIPPED", "INVALID_DATA-Extra")}
        return
    assert contact(sandbox, rows[0]["RECORD_ID"])["Extra"] == stored


def test_a_cell_too_long_is_refused_not_cut(sandbox):
    """By the rules that hold for every write."""
    rows, _ = run(sandbox, f"Last_Name\n{'x' * 81}\n", "insert")

    assert told(rows) == {"x" * 81: ("SKIPPED", "INVALID_DATA-Last_Name")}


def test_errors_of_a_row_stand_together(sandbox):
    """Columns of one code by comma, codes by colon."""
    mappings = [
        *NAMES,
        {"api_name": "Email_Opt_Out", "index": 2},
        {"api_name": "Account_Name", "index": 3, "find_by": "Account_Name"},
    ]

    rows, _ = run(sandbox, "a,b,c,d\nBerg,a@b.org,perhaps,Nobody Ltd\n", "insert", field_mappings=mappings)

    assert told(rows) == {"Berg": ("SKIPPED", "INVALID_DATA-Email_Opt_Out,Account_Name")}


def test_a_lookup_by_id_or_by_name(sandbox):
    """By name the one record of that name; an unknown one is an error, not a new company."""
    company = sandbox.create("Accounts", Account_Name="Nordlys")
    text = f"Last_Name,Account_Name.id\nBerg,{company}\nHill,610\n"
    by_name = "Last_Name,Account_Name.Account_Name\nFjell,nordlys\nDal,Nobody Ltd\n"

    rows = [*run(sandbox, text, "insert")[0], *run(sandbox, by_name, "insert")[0]]

    assert told(rows) == {
        "Berg": ("ADDED", ""),
        "Hill": ("SKIPPED", "INVALID_DATA-Account_Name"),
        "Fjell": ("ADDED", ""),
        "Dal": ("SKIPPED", "INVALID_DATA-Account_Name"),
    }
    linked = [
        record["Last_Name"]
        for record in sandbox.dump("Contacts")
        if (record["Account_Name"] or {}).get("id") == company
    ]
    assert linked == ["Berg", "Fjell"]
    assert "Nobody Ltd" not in {record["Account_Name"] for record in sandbox.dump("Accounts")}


def test_a_default_stands_in_for_blank_cells(sandbox):
    """Also for a column that the file does not have."""
    mappings = [
        {"api_name": "Last_Name", "index": 0},
        {"api_name": "Title", "index": 1, "default_value": {"value": "Staff"}},
        {"api_name": "Phone", "default_value": {"value": "0"}},
    ]

    rows, _ = run(sandbox, "a,b\nBerg,CEO\nHill,\n", "insert", field_mappings=mappings)

    people = {row["Last_Name"]: contact(sandbox, row["RECORD_ID"]) for row in rows}
    assert [(people[n]["Title"], people[n]["Phone"]) for n in ("Berg", "Hill")] == [
        ("CEO", "0"),
        ("Staff", "0"),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", ":", "|"])
def test_the_delimiter_is_guessed_from_the_header(sandbox, delimiter):
    """Four are known."""
    text = delimiter.join(["Last_Name", "Email"]) + "\n" + delimiter.join(["Berg", "eva@example.org"]) + "\n"

    rows, _ = run(sandbox, text, "insert")

    assert told(rows, "Email") == {"eva@example.org": ("ADDED", "")}


def test_other_encodings_and_quoted_line_breaks(sandbox):
    """`character_encoding`; a cell may hold what would end it."""
    text = 'Last_Name,Description\n"Åse ""Å"", Jr.","first\nsecond"\n'.encode("iso-8859-1")

    rows, _ = run(sandbox, text, "insert", job={"character_encoding": "ISO-8859-1"})

    made_contact = contact(sandbox, rows[0]["RECORD_ID"])
    assert (made_contact["Last_Name"], made_contact["Description"]) == ('Åse "Å", Jr.', "first\nsecond")


def test_stages_are_checked_as_everywhere(sandbox):
    """Bulk is no way around the rules of deals."""
    text = "Deal_Name,Sub_Pipeline,Stage\nLamps,Nowhere,Qualification\n"

    rows, _ = run(sandbox, text, "insert", "Pipelines")

    assert [(row["STATUS"], row["ERRORS"].partition("-")[0]) for row in rows] == [("SKIPPED", "INVALID_DATA")]


# refusals


@pytest.mark.parametrize(
    ("job", "code"),
    [
        ({"operation": None}, "MISSING_REQUIRED_KEY"),
        ({"operation": "delete"}, "INVALID_DATA"),
        ({"resource": None}, "MISSING_REQUIRED_KEY"),
        ({"resource": []}, "MISSING_REQUIRED_KEY"),
        ({"resource": {}}, "INVALID_DATA"),
        ({"resource": [{}, {}]}, "LIMIT_EXCEEDED"),
        ({"callback": {"url": "hooks", "method": "post"}}, "INVALID_CALLBACK_URL"),
        ({"callback": {"url": "https://hooks.example.org", "method": "get"}}, "INVALID_CALLBACK_METHOD"),
        ({"character_encoding": "klingon"}, "INVALID_FORMAT"),
    ],
)
def test_a_body_that_cannot_be_is_refused(sandbox, job, code):
    """400, flat."""
    whole = {**body(uploaded(sandbox, "Last_Name\nBerg\n"), "insert"), **job}

    answer = create(sandbox, {key: value for key, value in whole.items() if value is not None})

    assert (answer.status_code, answer.json()["code"], answer.json()["status"]) == (400, code, "error")


@pytest.mark.parametrize(
    ("resource", "code"),
    [
        ({"type": None}, "MISSING_REQUIRED_KEY"),
        ({"module": None}, "MISSING_REQUIRED_KEY"),
        ({"file_id": None}, "MISSING_REQUIRED_KEY"),
        ({"file_id": "610"}, "INVALID_FILE_ID"),
        ({"module": "Nope"}, "MODULE_NOT_AVAILABLE"),
        ({"module": "Tasks"}, "MODULE_NOT_AVAILABLE"),
        ({"module": "Events"}, "MODULE_NOT_AVAILABLE"),
        ({"module": "Calls"}, "MODULE_NOT_AVAILABLE"),
        ({"module": "Notes"}, "MODULE_NOT_AVAILABLE"),
        ({"module": "Subscriptions"}, "MODULE_NOT_AVAILABLE"),
        ({"find_by": None}, "MANDATORY_NOT_FOUND"),
        ({"find_by": "Phone"}, "INVALID_FIELD"),
        ({"field_mappings": [{"index": 0}]}, "MISSING_REQUIRED_KEY"),
        ({"field_mappings": [{"api_name": "Last_Name"}]}, "MISSING_REQUIRED_KEY"),
        ({"field_mappings": [{"api_name": "ast_Name", "index": 0}]}, "INVALID_FIELD_NAME"),
        ({"field_mappings": [{"api_name": "Tag", "index": 0}]}, "INVALID_FIELD"),
        ({"field_mappings": [{"api_name": "Record_Image", "index": 0}]}, "INVALID_FIELD"),
        ({"field_mappings": [{"api_name": "Account_Name", "index": 0}]}, "MANDATORY_NOT_FOUND"),
        ({"field_mappings": [{"api_name": "Account_Name", "index": 0, "find_by": "Phone"}]}, "INVALID_FIELD"),
        ({"field_mappings": [{"api_name": "Owner", "index": 0, "find_by": "email"}]}, "INVALID_FIELD"),
        ({"field_mappings": [{"api_name": "Email", "index": 0, "format": "dd"}]}, "INVALID_FORMAT"),
        ({"field_mappings": [{"api_name": "Last_Name", "index": "0"}]}, "INVALID_DATA"),
        ({"field_mappings": [*NAMES, NAMES[0]]}, "COEXISTENCE_NOT_ALLOWED"),
        ({"field_mappings": [NAMES[1]]}, "MANDATORY_FIELDS_NOT_MAPPED"),
        ({"field_mappings": [NAMES[0]]}, "MANDATORY_FIELDS_NOT_MAPPED"),
    ],
)
def test_a_resource_that_cannot_be_is_refused(sandbox, resource, code):
    """Keys and field names are looked at when the job is made."""
    good = {"find_by": "Email", **resource}
    module, file_id = (
        good.pop("module", "Contacts"),
        good.pop("file_id", uploaded(sandbox, "Last_Name\nBerg\n")),
    )
    whole = body(file_id, "upsert", module, **good)

    answer = create(sandbox, whole)

    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.text


def test_refusals_say_what_is_missing(sandbox):
    """In words of the platform."""
    file_id = uploaded(sandbox, "Last_Name\nBerg\n")

    no_index = create(sandbox, body(file_id, "insert", field_mappings=[{"api_name": "Last_Name"}])).json()
    no_module = create(sandbox, body(file_id, "insert", "asdf")).json()
    wrong = create(
        sandbox, body(file_id, "insert", field_mappings=[{"api_name": "ast_Name", "index": 0}])
    ).json()
    no_key = create(sandbox, body(file_id, "update")).json()

    assert no_index["message"] == "required key index for field Last_Name is not found in request body."
    assert no_module["message"] == "Requested module 'asdf' is not available."
    assert wrong["message"] == "invalid mapping. invalid api_name ast_Name."
    assert no_key["message"] == "Required key find_by is not available"


@pytest.mark.parametrize(
    "members", [{"a_csv": "Last_Name\n", "b_csv": "Last_Name\n"}, {"people_txt": "Last_Name\n"}, {}]
)
def test_a_zip_holds_one_csv(sandbox, members):
    """FILE_NOT_SUPPORTED, when the job is to be made."""
    file_id = upload(sandbox, packed(**members)).json()["details"]["file_id"]

    answer = create(sandbox, body(file_id, "insert"))

    assert (answer.status_code, answer.json()["code"]) == (400, "FILE_NOT_SUPPORTED")


def test_bulk_write_needs_a_scope_of_its_own(sandbox):
    """bulk.CREATE."""
    answer = sandbox.api("POST", "/write", base=BULK, json={}, refresh_token=sandbox.limited_refresh_token)

    assert (answer.status_code, answer.json()["code"]) == (401, "OAUTH_SCOPE_MISMATCH")


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
