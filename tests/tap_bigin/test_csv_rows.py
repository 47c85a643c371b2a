"""A row of a job's CSV becomes the record that the list gives, type by type."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_bigin.bulk.rows import CsvRows, Links, UnreadableFile
from tap_bigin.planning import Column


def value_of(kind, text):
    links = {"owner": Links({"7": {"name": "Ann Ek", "id": "7", "email": "ann@example.org"}})}
    rows = CsvRows(["Id", "F"], [Column("F", kind)], links=links)
    return rows.records([["1", text]])[0]["F"]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("text", 'Berg, "the" 2nd\nline', 'Berg, "the" 2nd\nline'),
        ("text", "", None),
        ("text", " kept ", " kept "),
        ("text", "1234567890123456789", "1234567890123456789"),
        ("datetime", "2026-05-14T12:53:58+03:00", "2026-05-14T12:53:58+03:00"),
        ("datetime", "", None),
        ("integer", "42", 42),
        ("integer", "-7", -7),
        ("integer", "", None),
        ("number", "19.99", 19.99),
        ("number", "20", 20),
        ("number", "9007199254740993", 9007199254740993),
        ("number", "1e3", 1000.0),
        ("number", "12345678901234567.89", Decimal("12345678901234567.89")),
        ("boolean", "TRUE", True),
        ("number", "", None),
        ("boolean", "true", True),
        ("boolean", "false", False),
        ("boolean", "", False),  # an untouched one reads false in the list, too
        ("truth", "", None),
        ("truth", "true", True),
        ("id", "6100000000000451001", "6100000000000451001"),
        ("id", "", None),
        ("owner", "7", {"name": "Ann Ek", "id": "7", "email": "ann@example.org"}),
        ("owner", "", None),
    ],
)
def test_text_is_read_by_its_kind(kind, text, value):
    """Type by type, or a warehouse would see another value depending on how it was fetched."""
    read = value_of(kind, text)

    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("choices", "text", "value", "is_unclear"),
    [
        ({"E-mail", "Phone"}, "E-mail;Phone", ["E-mail", "Phone"], False),
        ({"E-mail", "Phone"}, "", None, False),
        ({"E-mail", "Phone"}, "E-mail;Fax", ["E-mail", "Fax"], True),  # no choice any more, or never one
        ({"E-mail"}, "E-mail;a;b", ["E-mail", "a", "b"], True),
    ],
)
def test_a_cell_of_choices_is_split_into_known_ones_alone(choices, text, value, is_unclear):
    """What cannot be told from the file is read from the list."""
    rows = CsvRows(["Id", "F"], [Column("F", "choices", choices=frozenset(choices))], links={})

    assert [each["F"] for each in rows.records([["1", text], ["2", "E-mail"]])] == [value, ["E-mail"]]
    assert rows.unclear == ({"1"} if is_unclear else set())


def test_lookup_takes_its_name_from_the_joined_column():
    """The CSV has bare ids; the list has id and name."""
    company = Column("Account_Name", "link", "Account_Name.Account_Name")
    rows = CsvRows(["Id", "Account_Name", "Account_Name.Account_Name"], [company], links={})

    records = rows.records([["1", "9", "Nordlys AS"], ["2", "", ""], ["3", "8", ""]])

    assert [record["Account_Name"] for record in records] == [
        {"name": "Nordlys AS", "id": "9"},
        None,
        {"name": None, "id": "8"},
    ]


def test_untagged_records_have_each_their_own_empty_list():
    """A list that records share would change in all of them at once."""
    records = CsvRows(["Id"], [Column("Tag", "untagged")], links={}).records([["1"], ["2"]])

    assert [record["Tag"] for record in records] == [[], []]
    assert records[0]["Tag"] is not records[1]["Tag"]


@pytest.mark.parametrize(
    "header",
    [["Id", "Email"], ["id", "Email"], ["ID", "EMAIL"], ["Email", "Id"], ["EMAIL", "Id", "Email", "email"]],
)
def test_header_is_found_in_any_case_and_order(header):
    """The id column has been seen as Id and is documented as id."""
    email = "Email" if "Email" in header else "EMAIL"
    row = ["7" if name.casefold() == "id" else f"{name == email}" for name in header]

    records = CsvRows(header, [Column("Email", "text")], links={}).records([row])

    assert records == [{"id": "7", "Email": "True"}]


def test_missing_column_is_an_error():
    """A column that did not come must not turn into nulls."""
    with pytest.raises(UnreadableFile, match="Email"):
        CsvRows(["Id", "Phone"], [Column("Email", "text")], links={})


NO_VALUES = [
    *[("integer", each) for each in ("many", "#ERROR", "12.0", "1,234", "1_000", "\uff11\uff12")],
    *[
        ("number", each)
        for each in ("x", "1,234.50", "-", "12 %", "nan", "1e400", "1_0.5", "1e-9999999999999999999999")
    ],
    *[("boolean", each) for each in ("yes", "1")],
]


@pytest.mark.parametrize(("kind", "text"), NO_VALUES)
def test_a_cell_that_is_no_value_is_left_to_the_list(kind, text):
    """It costs its own row, not the file: the list tells what Bigin has there."""
    rows = CsvRows(["Id", "F"], [Column("F", kind)], links={})

    good = "true" if kind == "boolean" else "7"
    records = rows.records([["1", good], ["2", text], ["3", good]])

    value = value_of(kind, good)
    assert records == [{"id": "1", "F": value}, {"id": "2", "F": None}, {"id": "3", "F": value}]
    assert rows.unclear == {"2"}


def test_a_file_in_which_no_cell_of_a_column_is_a_value_is_an_error():
    """The list costs half of what so many single rows do."""
    rows = CsvRows(["Id", "F"], [Column("F", "integer")], links={})

    rows.records([[str(number), "many"] for number in range(1, 101)])
    rows.records([*([str(number), "many"] for number in range(1, 202)), ["202", "7"]])
    with pytest.raises(UnreadableFile, match="No cell"):
        rows.records([[str(number), "many"] for number in range(1, 102)])


def test_unknown_user_is_named_later_in_the_records_that_have_it():
    """A user who is gone is learnt from one record, after rows with it were read."""
    owners = Links()
    records = CsvRows(["Id", "Owner"], [Column("Owner", "owner")], links={"owner": owners}).records(
        [["1", "9"]]
    )

    assert owners.unnamed == {"9"}
    owners.name({"id": "9", "name": "Ola Gone", "email": None})

    assert records[0]["Owner"] == {"id": "9", "name": "Ola Gone", "email": None}


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30),
            st.integers(),
        ),
        max_size=20,
    )
)
def test_any_text_survives_the_csv(rows):
    """Quotes, line breaks, separators, emoji: what stands in a cell is what comes out."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerows([place, text, number] for place, (text, number) in enumerate(rows))
    file.seek(0)

    columns = [Column("Text", "text"), Column("Number", "integer")]
    read = CsvRows(["Id", "Text", "Number"], columns, links={}).records(list(csv.reader(file)))

    assert [(record["Text"], record["Number"]) for record in read] == [
        (text or None, number) for text, number in rows
    ]
