"""Bulk Read: what the file of a job holds."""

from __future__ import annotations

import pytest
from support.read_jobs import content_of, create, download, finished, made, rows_of

pytestmark = pytest.mark.usefixtures("quick_jobs")


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
