"""Bulk Read: making a job, watching it, fetching its file, and all that is refused."""

from __future__ import annotations

import csv
import io
import time
import zipfile

import pytest
from support.receiver import Receiver

BULK = "/bigin/bulk/v2"
PATIENCE = 20  # seconds until a job counts as stuck


def create(sandbox, query=None, **body):
    return sandbox.api(
        "POST", "/read", base=BULK, json={"query": query, **body} if query is not None else body
    )


def made(answer):
    assert answer.status_code == 201, answer.text
    return answer.json()["data"][0]["details"]["id"]


def status(sandbox, job):
    answer = sandbox.api("GET", f"/read/{job}", base=BULK)
    assert answer.status_code == 200, answer.text
    (entry,) = answer.json()["data"]
    return entry


def download(sandbox, job):
    return sandbox.api("GET", f"/read/{job}/result", base=BULK)


def finished(sandbox, job):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        entry = status(sandbox, job)
        if entry["state"] in {"COMPLETED", "FAILURE"}:
            return entry
        time.sleep(0.01)
    raise AssertionError(f"still {entry['state']}")


def content_of(answer):
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        (name,) = archive.namelist()
        return name, archive.read(name).decode()


def rows_of(sandbox, query):
    """Run a job to its end: its rows as dicts, and its result."""
    job = made(create(sandbox, query))
    entry = finished(sandbox, job)
    assert entry["state"] == "COMPLETED"
    _, text = content_of(download(sandbox, job))
    return list(csv.DictReader(io.StringIO(text))), entry["result"]


@pytest.fixture(autouse=True)
def _quick_jobs(sandbox):
    """Jobs that go through their states without waiting."""
    sandbox.bulk(seconds_per_state=0)


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


# what the file holds


def test_the_id_comes_first_whatever_is_asked_for(sandbox):
    """As `Id`, and once, however the caller wrote it."""
    for fields in (["Last_Name", "Email"], ["Last_Name", "id", "Email"], ["Id", "Last_Name", "Email"]):
        job = made(create(sandbox, {"module": "Contacts", "fields": fields}))
        finished(sandbox, job)
        assert content_of(download(sandbox, job))[1].splitlines()[0] == "Id,Last_Name,Email"


def test_every_data_type_as_a_cell(sandbox):
    """Types that a table of the API's facts lists, one by one."""
    company = sandbox.create("Accounts", Account_Name="Nordlys")
    values = {
        "Last_Name": 'Berg "the hill", Jr.',
        "Description": "first line\nsecond, line",
        "Account_Name": {"id": company},
        "Email_Opt_Out": True,
        "Created_Time": None,
    }
    sandbox.clock(set="2026-01-14T09:53:58Z")
    winter = sandbox.create("Contacts", **{k: v for k, v in values.items() if v is not None})
    sandbox.clock(set="2026-07-14T09:53:58Z")
    sandbox.forget_tokens()
    summer = sandbox.create("Contacts", Last_Name="Sommer 👍")
    query = {
        "module": "Contacts",
        "fields": [
            "Last_Name",
            "Description",
            "Account_Name",
            "Owner",
            "Email_Opt_Out",
            "Phone",
            "Created_Time",
            "Record_Creation_Source_ID__s",
        ],
        "criteria": {"api_name": "id", "comparator": "in", "value": [winter, summer]},
    }

    first, second = rows_of(sandbox, query)[0]

    assert (first["Id"], first["Last_Name"]) == (winter, 'Berg "the hill", Jr.')
    assert first["Description"] == "first line\nsecond, line"
    assert first["Account_Name"] == company
    assert first["Owner"].isdecimal()
    assert (first["Email_Opt_Out"], second["Email_Opt_Out"]) == ("true", "false")
    assert first["Phone"] == ""
    assert first["Created_Time"] == "2026-01-14T10:53:58+01:00"
    assert second["Created_Time"] == "2026-07-14T11:53:58+02:00"
    assert (second["Last_Name"], second["Account_Name"]) == ("Sommer 👍", "")


def test_numbers_and_dates_as_cells(sandbox):
    """Amounts with their point, dates without a zone, links of activities as ids."""
    contact = sandbox.create("Contacts", Last_Name="Berg")
    task = sandbox.create("Tasks", Subject="Call", Due_Date="2026-02-28", Who_Id={"id": contact})
    deal = sandbox.create("Pipelines", Deal_Name="Lamps", Amount=1200.5, Closing_Date="2026-12-31")

    tasks, _ = rows_of(
        sandbox,
        {
            "module": "Tasks",
            "fields": ["Due_Date", "Who_Id", "What_Id"],
            "criteria": {"api_name": "id", "comparator": "equal", "value": task},
        },
    )
    deals, _ = rows_of(
        sandbox,
        {
            "module": "Pipelines",
            "fields": ["Amount", "Closing_Date"],
            "criteria": {"api_name": "id", "comparator": "equal", "value": deal},
        },
    )

    assert tasks == [{"Id": task, "Due_Date": "2026-02-28", "Who_Id": contact, "What_Id": ""}]
    assert deals == [{"Id": deal, "Amount": "1200.5", "Closing_Date": "2026-12-31"}]


def test_joined_columns_come_under_their_dotted_name(sandbox):
    """Names of companies and owners, which a bare id does not tell."""
    company = sandbox.create("Accounts", Account_Name="Nordlys")
    contact = sandbox.create("Contacts", Last_Name="Berg", Account_Name={"id": company})
    query = {
        "module": "Contacts",
        "fields": ["Account_Name", "Account_Name.Account_Name", "Owner.last_name"],
        "criteria": {"api_name": "id", "comparator": "equal", "value": contact},
    }

    (row,) = rows_of(sandbox, query)[0]

    assert row.pop("Owner.last_name")
    assert row == {"Id": contact, "Account_Name": company, "Account_Name.Account_Name": "Nordlys"}


def test_without_fields_all_come_that_fit_into_a_cell(sandbox):
    """No tags, images, subforms, multi-select lookups: they must be read elsewhere."""
    contacts, _ = rows_of(sandbox, {"module": "Contacts"})
    deals, _ = rows_of(sandbox, {"module": "Pipelines", "fields": []})

    listed = [
        field["api_name"] for field in sandbox.api("GET", "/settings/fields?module=Contacts").json()["fields"]
    ]
    assert list(contacts[0]) == ["Id", *(name for name in listed if name not in {"Tag", "Record_Image"})]
    assert {"Tag", "Associated_Products", "Secondary_Contacts"}.isdisjoint(deals[0])
    assert {"Deal_Name", "Pipeline", "Sub_Pipeline", "Stage", "Description"} <= set(deals[0])


def test_rows_are_those_of_the_list(sandbox):
    """Every record once, oldest id first."""
    rows, result = rows_of(sandbox, {"module": "Accounts", "fields": ["Account_Name"]})

    expected = [(record["id"], record["Account_Name"]) for record in sandbox.dump("Accounts")]
    assert [(row["Id"], row["Account_Name"]) for row in rows] == expected
    assert result["count"] == len(expected)


def test_nothing_found_is_a_header_alone(sandbox):
    """COMPLETED with count 0."""
    criteria = {"api_name": "Last_Name", "comparator": "equal", "value": "nobody"}
    job = made(create(sandbox, {"module": "Contacts", "fields": ["Email"], "criteria": criteria}))

    assert finished(sandbox, job)["result"]["count"] == 0
    assert content_of(download(sandbox, job))[1] == "Id,Email\n"


def test_a_page_beyond_the_last_is_empty(sandbox):
    """Pages have 200,000 records."""
    rows, result = rows_of(sandbox, {"module": "Contacts", "fields": ["Email"], "page": 2})

    assert (rows, result["page"], result["count"], result["more_records"]) == ([], 2, 0, False)


def test_events_come_as_a_calendar(sandbox):
    """`ics`, for Events alone, 20,000 a page."""
    sandbox.create(
        "Events",
        Event_Title="Fair, hall; 4",
        Start_DateTime="2026-05-14T12:00:00+02:00",
        End_DateTime="2026-05-14T13:30:00+02:00",
        Description="ä" * 100,
    )
    job = made(create(sandbox, {"module": "Events"}, file_type="ics"))

    entry = finished(sandbox, job)
    name, text = content_of(download(sandbox, job))

    assert (name, entry["file_type"], entry["result"]["per_page"]) == (f"{job}.ics", "ics", 20_000)
    assert text.count("BEGIN:VEVENT") == entry["result"]["count"] == sandbox.count("Events")
    assert "SUMMARY:Fair\\, hall\\; 4\r\n" in text
    assert "DTSTART:20260514T100000Z\r\nDTEND:20260514T113000Z\r\n" in text
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    assert "DESCRIPTION:" + "ä" * 100 in text.replace("\r\n ", "")


# criteria

PEOPLE = [
    {"Last_Name": "Berg", "Email": "berg@example.org", "Email_Opt_Out": True},
    {"Last_Name": "Bergman", "Phone": "123"},
    {"Last_Name": "Hill"},
]


@pytest.mark.parametrize(
    ("leaf", "expected"),
    [
        ({"api_name": "Last_Name", "comparator": "equal", "value": "berg"}, ["Berg"]),
        ({"field": {"api_name": "Last_Name"}, "comparator": "equal", "value": "Berg"}, ["Berg"]),
        ({"api_name": "Last_Name", "comparator": "not_equal", "value": "Berg"}, ["Bergman", "Hill"]),
        ({"api_name": "Last_Name", "comparator": "in", "value": ["Berg", "Hill"]}, ["Berg", "Hill"]),
        ({"api_name": "Last_Name", "comparator": "not_in", "value": ["Berg", "Hill"]}, ["Bergman"]),
        ({"api_name": "Last_Name", "comparator": "contains", "value": "erg"}, ["Berg", "Bergman"]),
        ({"api_name": "Last_Name", "comparator": "not_contains", "value": "erg"}, ["Hill"]),
        ({"api_name": "Last_Name", "comparator": "starts_with", "value": "Ber"}, ["Berg", "Bergman"]),
        ({"api_name": "Last_Name", "comparator": "ends_with", "value": "man"}, ["Bergman"]),
        ({"api_name": "Email", "comparator": "equal", "value": "${EMPTY}"}, ["Bergman", "Hill"]),
        ({"api_name": "Email", "comparator": "not_equal", "value": "${EMPTY}"}, ["Berg"]),
        ({"api_name": "Email_Opt_Out", "comparator": "equal", "value": True}, ["Berg"]),
        ({"api_name": "Email_Opt_Out", "comparator": "equal", "value": "false"}, ["Bergman", "Hill"]),
        (
            {"api_name": "Account_Name", "comparator": "equal", "value": "${EMPTY}"},
            ["Berg", "Bergman", "Hill"],
        ),
        (
            {
                "group": [
                    {"api_name": "Last_Name", "comparator": "contains", "value": "erg"},
                    {"api_name": "Phone", "comparator": "equal", "value": "123"},
                ],
                "group_operator": "and",
            },
            ["Bergman"],
        ),
        (
            {
                "group": [
                    {"api_name": "Last_Name", "comparator": "equal", "value": "Hill"},
                    {
                        "group": [
                            {"api_name": "Last_Name", "comparator": "equal", "value": "Berg"},
                            {"api_name": "Email", "comparator": "not_equal", "value": "${EMPTY}"},
                        ],
                        "group_operator": "and",
                    },
                ],
                "group_operator": "or",
            },
            ["Berg", "Hill"],
        ),
    ],
)
def test_criteria_mean_what_they_say(sandbox, leaf, expected):
    """In Bigin's flat form, and with `field` as the sister API has it."""
    first, *_ = [sandbox.create("Contacts", **person) for person in PEOPLE]
    only_ours = {"api_name": "id", "comparator": "greater_equal", "value": first}
    criteria = {"group": [leaf, only_ours], "group_operator": "and"}

    rows, _ = rows_of(sandbox, {"module": "Contacts", "fields": ["Last_Name"], "criteria": criteria})

    assert [row["Last_Name"] for row in rows] == expected


@pytest.mark.parametrize(
    ("comparator", "value", "found"),
    [
        ("greater_equal", "2026-05-14T11:53:58+02:00", True),
        ("greater_than", "2026-05-14T11:53:58+02:00", False),
        ("less_equal", "2026-05-14T09:53:58+00:00", True),
        ("between", ["2026-05-14T09:53:00+00:00", "2026-05-14T09:54:00+00:00"], True),
        ("not_between", ["2026-05-14T09:53:00+00:00", "2026-05-14T09:54:00+00:00"], False),
    ],
)
def test_datetimes_compare_as_instants(sandbox, comparator, value, found):
    """An incremental job asks for what was modified since."""
    sandbox.clock(set="2026-05-14T09:53:58Z", freeze=True)
    contact = sandbox.create("Contacts", Last_Name="Berg")
    criteria = {
        "group": [
            {"api_name": "Modified_Time", "comparator": comparator, "value": value},
            {"api_name": "id", "comparator": "equal", "value": contact},
        ],
        "group_operator": "and",
    }

    rows, _ = rows_of(sandbox, {"module": "Contacts", "fields": [], "criteria": criteria})

    assert [row["Id"] for row in rows] == [contact] * found


def test_a_custom_view_narrows_a_job(sandbox):
    """`cvid` adds its conditions to the criteria."""
    views = sandbox.api("GET", "/settings/custom_views?module=Contacts").json()["custom_views"]
    opted_out = next(view["id"] for view in views if view["name"] == "Opted Out")

    rows, _ = rows_of(sandbox, {"module": "Contacts", "fields": [], "cvid": opted_out})

    expected = [record["id"] for record in sandbox.dump("Contacts") if record["Email_Opt_Out"]]
    assert [row["Id"] for row in rows] == expected


def test_criteria_are_told_again_in_bigins_own_form(sandbox):
    """Whatever the caller sent, the job's status says `module` as a string and `api_name` in each leaf."""
    nested = {
        "module": {"api_name": "Contacts"},
        "criteria": {"group": [{"field": {"api_name": "Email"}, "comparator": "equal", "value": "a@b.c"}]},
    }

    entry = status(sandbox, made(create(sandbox, nested)))

    leaf = {"api_name": "Email", "comparator": "equal", "value": "a@b.c"}
    assert entry["query"] == {"module": "Contacts", "page": 1, "criteria": {"group": [leaf]}}


# refusals


def leaf(api_name, comparator, value):
    return {
        "module": "Contacts",
        "criteria": {"api_name": api_name, "comparator": comparator, "value": value},
    }


def many_leaves(number):
    part = {"api_name": "Email", "comparator": "equal", "value": "a@b.c"}
    return {"module": "Contacts", "criteria": {"group": [part] * number, "group_operator": "or"}}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"fields": ["Email"]}, "MODULE_NOT_AVAILABLE"),
        ({"module": "Nope"}, "MODULE_NOT_AVAILABLE"),
        ({"module": "Deals"}, "MODULE_NOT_AVAILABLE"),
        ({"module": "Notes"}, "MODULE_NOT_SUPPORTED"),
        ({"module": "Attachments"}, "MODULE_NOT_SUPPORTED"),
        ({"module": "Subscriptions"}, "MODULE_NOT_SUPPORTED"),
        ({"module": "Contacts", "fields": ["Nope"]}, "FIELD_NOT_AVAILABLE"),
        ({"module": "Contacts", "fields": ["email"]}, "FIELD_NOT_AVAILABLE"),
        ({"module": "Contacts", "fields": ["Account_Name.Nope"]}, "FIELD_NOT_AVAILABLE"),
        ({"module": "Contacts", "fields": ["Tag"]}, "FIELD_NOT_SUPPORTED"),
        ({"module": "Contacts", "fields": ["Record_Image"]}, "FIELD_NOT_SUPPORTED"),
        ({"module": "Pipelines", "fields": ["Associated_Products"]}, "FIELD_NOT_SUPPORTED"),
        ({"module": "Pipelines", "fields": ["Secondary_Contacts"]}, "FIELD_NOT_SUPPORTED"),
        (
            {"module": "Pipelines", "fields": ["Contact_Name.Phone", "Account_Name.Phone", "Owner.email"]},
            "JOIN_LIMIT_EXCEEDED",
        ),
        ({"module": "Contacts", "page": 0}, "PAGE_NOT_SUPPORTED"),
        ({"module": "Contacts", "page": "1"}, "PAGE_NOT_SUPPORTED"),
        ({"module": "Contacts", "page": 501}, "PAGE_RANGE_EXCEEDED"),
        ({"module": "Contacts", "cvid": "1"}, "CVID_NOT_SUPPORTED"),
        (leaf("Nope", "equal", "x"), "FIELD_IN_CRITERIA_NOT_AVAILABLE"),
        (leaf("Tag", "equal", "x"), "FIELD_IN_CRITERIA_NOT_SUPPORTED"),
        (leaf("Description", "contains", "x"), "FIELD_IN_CRITERIA_NOT_SUPPORTED"),
        (leaf("Email", "like", "x"), "INVALID_CRITERIA"),
        (leaf(None, "equal", "x"), "INVALID_CRITERIA"),
        ({"module": "Contacts", "criteria": "Email = x"}, "INVALID_CRITERIA"),
        ({"module": "Contacts", "criteria": {"group": []}}, "INVALID_CRITERIA"),
        (leaf("Email", "greater_than", "x"), "FIELD_AND_COMPARATOR_IN_CRITERIA_NOT_COMPATIBLE"),
        (leaf("Email_Opt_Out", "not_equal", True), "FIELD_AND_COMPARATOR_IN_CRITERIA_NOT_COMPATIBLE"),
        (leaf("Email", "in", "x"), "COMPARATOR_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE"),
        (leaf("Email", "equal", ["x"]), "COMPARATOR_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE"),
        (leaf("Email", "contains", "${EMPTY}"), "COMPARATOR_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE"),
        (
            leaf("Modified_Time", "between", ["2026-01-01T00:00:00+00:00"]),
            "COMPARATOR_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE",
        ),
        (
            leaf("Modified_Time", "equal", "2026-01-01T00:00:00Z"),
            "FIELD_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE",
        ),
        (
            leaf("Modified_Time", "equal", "2026-01-01T00:00:00.5+00:00"),
            "FIELD_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE",
        ),
        (leaf("Account_Name", "equal", "Nordlys"), "FIELD_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE"),
        (leaf("Email", "equal", "x" * 256), "VALUE_LIMIT_EXCEEDED_IN_CRITERIA"),
        (many_leaves(26), "CRITERIA_LIMIT_EXCEEDED"),
        (
            {
                "module": "Contacts",
                "criteria": {"group": [{"api_name": "Email"}], "group_operator": "xor"},
            },
            "GROUP_OPERATOR_NOT_SUPPORTED",
        ),
        (
            {
                "module": "Contacts",
                "criteria": {"group": [{"api_name": "Email"}], "api_name": "Email", "comparator": "equal"},
            },
            "AMBIGUOUS_CRITERIA",
        ),
    ],
)
def test_a_query_that_cannot_be_is_refused(sandbox, query, code):
    """400, flat, when the job is to be made; the 50 credits are gone all the same."""
    answer = create(sandbox, query)

    assert (answer.status_code, answer.json()["code"], answer.json()["status"]) == (400, code, "error")


def test_refusals_tell_what_would_do(sandbox):
    """Module and field, the comparators that fit, the highest page."""
    unknown = create(sandbox, {"module": "Contacts", "fields": ["Nope"]}).json()
    wrong = create(sandbox, leaf("Email_Opt_Out", "in", ["x"])).json()
    far = create(sandbox, {"module": "Contacts", "page": 501}).json()

    assert unknown["details"] == {"api_name": "Nope", "module": "Contacts"}
    assert wrong["details"] == {"api_name": "Email_Opt_Out", "comparator": "in", "supported": ["equal"]}
    assert far["details"] == {"max_limit": 500}


def test_25_conditions_are_allowed(sandbox):
    """The limit itself."""
    assert create(sandbox, many_leaves(25)).status_code == 201


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"file_type": "xls"}, "JOB_NOT_SUPPORTED"),
        ({"file_type": "ics"}, "JOB_NOT_SUPPORTED"),
        ({"callback": {"url": "hooks", "method": "post"}}, "INVALID_CALLBACK_URL"),
        ({"callback": {"method": "post"}}, "INVALID_CALLBACK_URL"),
        ({"callback": {"url": "https://hooks.example.org/x", "method": "get"}}, "INVALID_CALLBACK_METHOD"),
    ],
)
def test_what_stands_beside_the_query_is_checked(sandbox, body, code):
    """File type and callback."""
    answer = create(sandbox, {"module": "Contacts"}, **body)

    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_a_calendar_takes_no_fields(sandbox):
    """QUERY_NOT_SUPPORTED."""
    answer = create(sandbox, {"module": "Events", "fields": ["Event_Title"]}, file_type="ics")

    assert (answer.status_code, answer.json()["code"]) == (400, "QUERY_NOT_SUPPORTED")


@pytest.mark.parametrize(
    ("content", "headers", "status_code", "code"),
    [
        (b'{"query": {"module": "Contacts"}}', {}, 415, "MEDIA_TYPE_NOT_SUPPORTED"),
        (b"", {"Content-Type": "application/json"}, 400, "REQUEST_BODY_IS_EMPTY"),
        (b"{", {"Content-Type": "application/json"}, 400, "REQUEST_BODY_NOT_READABLE"),
        (b"[]", {"Content-Type": "application/json"}, 400, "REQUEST_BODY_NOT_READABLE"),
        (b"{}", {"Content-Type": "application/json"}, 400, "REQUEST_BODY_NOT_READABLE"),
    ],
)
def test_a_body_that_is_none_is_refused(sandbox, content, headers, status_code, code):
    """Bulk addresses, other than all others, ask for a Content-Type."""
    answer = sandbox.api("POST", "/read", base=BULK, data=content, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (status_code, code)


def test_bulk_needs_a_scope_of_its_own(sandbox):
    """A token that may read every module may not read it in bulk."""
    answer = sandbox.api(
        "POST",
        "/read",
        base=BULK,
        json={"query": {"module": "Contacts"}},
        refresh_token=sandbox.limited_refresh_token,
    )

    assert (answer.status_code, answer.json()["code"]) == (401, "OAUTH_SCOPE_MISMATCH")


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
