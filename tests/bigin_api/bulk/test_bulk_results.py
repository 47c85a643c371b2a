"""What became of each row of a bulk write."""

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigin_api import ArchiveRefused, CsvArchive, RowError, RowResult, read_results
from bigin_api.bulk.bulk_results import read_errors

CODES = st.from_regex(r"[A-Z][A-Z0-9]{0,9}(_[A-Z0-9]{1,9}){0,3}", fullmatch=True)
COLUMNS = st.lists(st.from_regex(r"[A-Za-z][A-Za-z0-9_.]{0,9}", fullmatch=True), max_size=4)


def result_of(header: list[str], *rows: list[str]) -> io.BytesIO:
    file = io.BytesIO()
    with CsvArchive(file, "Contacts-c.csv", header) as archive:
        for row in rows:
            archive.add(row)
    return file


@pytest.mark.parametrize(
    ("cell", "errors"),
    [
        ("", ()),
        ("  ", ()),
        ("CANNOT_PROCESS", (RowError("CANNOT_PROCESS"),)),
        ("DUPLICATE_DATA-Email", (RowError("DUPLICATE_DATA", ("Email",)),)),
        ("MANDATORY_NOT_FOUND-Company,Last_Name:DUPLICATE_DATA-Email",
         (RowError("MANDATORY_NOT_FOUND", ("Company", "Last_Name")), RowError("DUPLICATE_DATA", ("Email",)))),
        ("NOT_APPROVED:BLOCKED_RECORD", (RowError("NOT_APPROVED"), RowError("BLOCKED_RECORD"))),
        ("INVALID_DATA-Zip-Code", (RowError("INVALID_DATA", ("Zip-Code",)),)),
        ("INVALID_DATA-at 10:30,Email", (RowError("INVALID_DATA", ("at 10:30", "Email")),)),
        ("INVALID_DATA-", (RowError("INVALID_DATA"),)),
    ],
)  # fmt: skip
def test_errors_name_their_code_and_columns(cell, errors):
    """One cell holds several codes, each with several columns; a person needs them apart."""
    assert read_errors(cell) == errors


@given(st.lists(st.tuples(CODES, COLUMNS), max_size=5))
def test_errors_come_back_as_they_were_written(written):
    """Whatever codes and columns: none is lost, none is made up."""
    cell = ":".join("-".join((code, ",".join(columns))) if columns else code for code, columns in written)

    assert read_errors(cell) == tuple(RowError(code, tuple(columns)) for code, columns in written)


@given(st.text(max_size=60))
def test_any_cell_can_be_read(cell):
    """What Bigin writes there one day must not stop the settling of 25,000 rows."""
    for error in read_errors(cell):
        assert error.code


def test_rows_are_told_by_their_first_columns():
    """Rows come in any order: the key among the first three columns finds the record again."""
    file = result_of(
        ["Email", "Last_Name", "Phone", "STATUS", "RECORD_ID", "ERRORS"],
        ["eva@example.org", "Berg", "1", "ADDED", "6100000000000000002", ""],
        ["ann@example.org", "Ek", "2", "updated", "6100000000000000001", ""],
        ["bo@example.org", "Ask", "3", "SKIPPED", "", "DUPLICATE_DATA-Email"],
        ["", "", "", "UNPROCESSED", "", "MANDATORY_NOT_FOUND-Last_Name"],
    )

    added, updated, skipped, unprocessed = read_results(file)

    assert added == RowResult(
        {"Email": "eva@example.org", "Last_Name": "Berg", "Phone": "1"}, "ADDED", "6100000000000000002"
    )
    assert (updated.status, updated.succeeded) == ("UPDATED", True)
    assert (skipped.succeeded, skipped.id) == (False, None)
    assert skipped.errors == (RowError("DUPLICATE_DATA", ("Email",)),)
    assert not unprocessed.succeeded


def test_fewer_columns_than_three_are_fine():
    """A job with one column has a result with one."""
    (row,) = read_results(result_of(["Email", "Status", "Record_Id", "Errors"], ["a@b.c", "ADDED", "1", ""]))

    assert row.values == {"Email": "a@b.c"}
    assert row.succeeded


def test_a_mapped_column_called_status_is_no_verdict():
    """A field of that name may stand among the first three."""
    file = result_of(
        ["STATUS", "Email", "Phone", "STATUS", "RECORD_ID", "ERRORS"], ["open", "a@b.c", "", "ADDED", "1", ""]
    )

    (row,) = read_results(file)

    assert row.status == "ADDED"
    assert row.values == {"STATUS": "open", "Email": "a@b.c", "Phone": ""}


def test_a_result_without_verdicts_is_refused():
    """A file that says nothing of its rows must not settle them."""
    with pytest.raises(ArchiveRefused, match="no column RECORD_ID"):
        list(read_results(result_of(["Email", "STATUS", "ERRORS"])))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("empty.csv", "")
    with pytest.raises(ArchiveRefused, match="no column STATUS"):
        list(read_results(file))
