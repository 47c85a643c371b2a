"""What a bulk file can say, cell by cell, and what it cannot."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bigin_api import Field
from target_bigin.bulk.sheet import columns_of, shape_of, sheet_for, why_not
from target_bigin.records.record import Record

FIELDS = {
    each.api_name: each
    for each in (
        Field("Last_Name", "text", "string"),
        Field("Note", "textarea", "string"),
        Field("Seats", "integer", "integer"),
        Field("Amount", "currency", "double"),
        Field("Meter", "bigint", "string"),
        Field("Active", "boolean", "boolean"),
        Field("Starts_On", "date", "string"),
        Field("Signed_At", "datetime", "string"),
        Field("Channels", "multiselectpicklist", "jsonarray"),
        Field("Account_Name", "lookup", "jsonobject"),
        Field("Owner", "ownerlookup", "jsonobject"),
        Field("Pipeline", "bigint", "jsonobject"),
        Field("Tag", "text", "jsonarray"),
        Field("Products", "subform", "jsonarray"),
    )
}


@pytest.mark.parametrize(
    ("field", "value", "cell"),
    [
        ("Last_Name", 'O\'Neil, "Ann";\nx', 'O\'Neil, "Ann";\nx'),
        ("Last_Name", "  ", None),
        ("Last_Name", 7, None),
        ("Last_Name", ["Berg"], None),
        ("Seats", 0, "0"),
        ("Amount", Decimal("1E+3"), "1000"),
        ("Amount", Decimal("0.00"), "0.00"),
        ("Amount", 1e-7, "0.0000001"),
        ("Meter", "900719925474099312", "900719925474099312"),
        ("Seats", True, None),
        ("Seats", "7", None),
        ("Active", False, "false"),
        ("Active", True, "true"),
        ("Active", 1, None),
        ("Starts_On", "2026-05-14", "2026-05-14"),
        ("Channels", ["Phone", "Post"], "Phone;Post"),
        ("Channels", ["Phone", "Post;Mail"], None),
        ("Channels", ["Phone", " Post"], None),
        ("Channels", ["Phone", ""], None),
        ("Channels", ["Phone", 7], None),
        ("Channels", [], None),
        ("Channels", "Phone", None),  # of metadata that call the choices a text
        ("Account_Name", {"id": "6100000000000451010"}, "6100000000000451010"),
        ("Account_Name", "6100000000000451010", None),
        ("Account_Name", {"name": "ACME"}, None),
        ("Account_Name", {"id": ""}, None),
        ("Owner", {"id": "6100000000000225013"}, "6100000000000225013"),
        ("Pipeline", {"id": "6100000000000720216"}, "6100000000000720216"),
    ],
)
def test_a_value_becomes_a_cell_that_says_the_same_or_none(field, value, cell):
    """A cell that said something else would be a wrong record without an error."""
    assert columns_of(FIELDS)[field].to_cell(value) == cell
    assert why_not({field: value}, columns_of(FIELDS)) == (field if cell is None else None)


@pytest.mark.parametrize("field", ["Signed_At", "Tag", "Products", "Unknown"])
def test_what_no_column_can_hold_goes_by_calls(field):
    """Tags, rows and moments: nothing of them is lost, they only cost more."""
    assert why_not({"Last_Name": "Berg", field: "x"}, columns_of(FIELDS)) == field


def test_dates_say_how_they_are_written():
    """Without a format Bigin reads 2026-05-14 as an American date."""
    sheet = sheet_for(
        [prepared(Last_Name="Berg", Starts_On="2026-05-14")], columns_of(FIELDS), key="Last_Name"
    )

    assert [each.to_json() for each in sheet.mappings] == [
        {"api_name": "Last_Name", "index": 0},
        {"api_name": "Starts_On", "index": 1, "format": "yyyy-MM-dd"},
    ]


def test_the_key_comes_first_and_links_are_by_id():
    """Results show the first three columns alone, in any order of rows."""
    record = prepared(Seats=1, Amount=2, Active=True, Account_Name={"id": "7"}, Last_Name="Berg")

    sheet = sheet_for([record], columns_of(FIELDS), key="Last_Name")

    assert sheet.header[0] == "Last_Name"
    assert {"api_name": "Account_Name", "index": 4, "find_by": "id"} in [
        each.to_json() for each in sheet.mappings
    ]
    assert sheet.row(record) == ["Berg", "1", "2", "true", "7"]
    assert sheet.row(prepared(Amount=None)) == [None] * 5


def test_a_row_of_a_result_is_known_by_the_form_of_its_key():
    """That of the key's own field: a name of digits is a text, whatever stands in the other columns."""
    record = prepared(Last_Name=" 007", Seats=7)
    record.id = "6100000000000451010"

    by_name, by_id = (sheet_for([record], columns_of(FIELDS), key=key) for key in ("Last_Name", "id"))

    assert (by_name.form(record), by_id.form(record)) == ("007", record.id)
    assert by_id.row(record) == [record.id, " 007", "7"]


def test_what_must_be_mapped_has_a_column_if_a_file_can_hold_it():
    """A moment has no place in a file: what wants one is refused row by row, and goes by calls."""
    sheet = sheet_for(
        [prepared(Seats=1)], columns_of(FIELDS), key="Seats", mandatory=("Signed_At", "Last_Name")
    )

    assert sheet.header == ["Seats", "Last_Name"]


def test_blank_cells_erase_only_where_every_record_names_every_field():
    """A null that shall clear and a field that shall stay cannot stand in one file."""
    clearing, silent = prepared(Last_Name="Berg", Note=None), prepared(Last_Name="Ek")

    assert shape_of(silent.body) is None
    assert shape_of(clearing.body) == {"Last_Name", "Note"}
    assert sheet_for([clearing], columns_of(FIELDS), key="Last_Name").blanks_erase
    assert not sheet_for([silent], columns_of(FIELDS), key="Last_Name").blanks_erase


def test_more_columns_than_a_file_takes_make_no_file():
    """200 columns: such records go by calls."""
    fields = {f"F{n}": Field(f"F{n}", "text", "string") for n in range(201)}
    record = prepared(**dict.fromkeys(fields, "x"))

    assert sheet_for([record], columns_of(fields), key="F0") is None
    del record.body["F7"]
    assert len(sheet_for([record], columns_of(fields), key="F0").columns) == 200


def prepared(**body):
    return Record(1, "people", {}, body=body)
