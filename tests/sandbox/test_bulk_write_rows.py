"""Bulk Write: what a job does to records, row by row and cell by cell."""

from __future__ import annotations

import pytest
from support.bulk_write import (
    run,
)

NAMES = [{"api_name": "Last_Name", "index": 0}, {"api_name": "Email", "index": 1}]


pytestmark = pytest.mark.usefixtures("quick_jobs")


def contact(sandbox, record_id):
    return next(record for record in sandbox.dump("Contacts") if record["id"] == record_id)


def told(rows, key="Last_Name"):
    return {row[key]: (row["STATUS"], row["ERRORS"]) for row in rows}


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
