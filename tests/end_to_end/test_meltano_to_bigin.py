"""Files → Bigin by Meltano, from three extractors that others wrote."""

from __future__ import annotations

import csv
import json

import pytest

pytestmark = pytest.mark.timeout(900)  # a run is seven processes

PEOPLE = [
    {
        "First_Name": f"Ada {number}",
        "Last_Name": f"Lind {number}",
        "Email": f"ada{number}@lind.example",
        "Title": "Buyer",
    }
    for number in range(7)
]
STREAM = {"module": "Contacts", "duplicate_check_fields": ["Email"]}


def write_csv(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def written(sandbox):
    return sorted(
        each["Email"] for each in sandbox.dump("Contacts") if (each["Email"] or "").endswith("@lind.example")
    )


def expected():
    return sorted(each["Email"] for each in PEOPLE)


def test_a_folder_of_csv_files_with_one_bad_row(sandbox, meltano, tmp_path):
    """Companies and contacts are linked, the bad row is told apart, and the rest is written.

    Somebody who expects one bad row says so, and the pipeline goes on: the same files again update what the
    first run inserted, and make no twins.
    """
    sandbox.reset(size="empty")
    folder = tmp_path / "csv"
    folder.mkdir()
    write_csv(folder / "companies.csv", [{"Account_Name": "Lind AB"}, {"Account_Name": "Berg AS"}])
    rows = [{**each, "Account_Name": "Lind AB"} for each in PEOPLE]
    write_csv(folder / "contacts.csv", [*rows, {**rows[0], "Email": "nobody(at)lind", "Last_Name": "Bad"}])
    settings = {"TAP_CSV_FOLDER_PATH": f"{folder}/", "MELTANO_ENVIRONMENT": "demo"}
    command = ("run", "tap-csv-folder", "target-bigin")

    ended = meltano(*command, check=False, **settings)

    rejects = [json.loads(line) for line in meltano.rejects.read_text("utf-8").splitlines()]
    assert ended.returncode == 1
    assert [(each["stream"], each["field"]) for each in rejects] == [("contacts", "Email")]
    assert written(sandbox) == expected()
    assert {each["Account_Name"]["name"] for each in sandbox.dump("Contacts")} == {"Lind AB"}
    assert sorted(each["Account_Name"] for each in sandbox.dump("Accounts")) == ["Berg AS", "Lind AB"]

    meltano(*command, "--full-refresh", **settings, TARGET_BIGIN_MAX_REJECTS="1")

    assert written(sandbox) == expected()
    assert sandbox.count("Accounts") == 2


def test_a_spreadsheet_whose_header_is_lower_case(sandbox, meltano, tmp_path):
    """tap-spreadsheets lower-cases the header: last_name is Last_Name all the same."""
    sandbox.reset(size="empty")
    write_csv(tmp_path / "people.csv", PEOPLE)
    files = [
        {
            "path": str(tmp_path / "people.csv"),
            "format": "csv",
            "table_name": "Contacts",
            "primary_keys": ["Email"],
        }
    ]

    meltano(
        "run",
        "tap-spreadsheets",
        "target-bigin",
        TAP_SPREADSHEETS_FILES=json.dumps(files),
        TARGET_BIGIN_STREAMS=json.dumps({"Contacts": STREAM, "contacts": STREAM}),
    )

    assert written(sandbox) == expected()


def test_a_file_of_json_lines(sandbox, meltano, tmp_path):
    """tap-jsonl infers types and leaves out what is null."""
    sandbox.reset(size="empty")
    path = tmp_path / "people.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in PEOPLE), "utf-8")

    meltano(
        "run",
        "tap-jsonl",
        "target-bigin",
        TAP_JSONL_PATH=str(path),
        TAP_JSONL_STREAM_NAME="Contacts",
        TAP_JSONL_PRIMARY_KEYS='["Email"]',
    )

    assert written(sandbox) == expected()
