"""What is the same: compared as Bigin compares, by the data type of the field, and never more coarsely."""

from __future__ import annotations

import pytest
from support.target import record, records, schema

from bigin_api.models import Field
from target_bigin.values.sameness import compared_as, is_same

STREETS = ["Straße AG", "Strasse AG", "İzmir", "izmir"]
FIELDS = {
    "text": {"data_type": "text", "json_type": "string", "length": 20},
    "integer": {"data_type": "integer", "json_type": "integer", "length": 9},
    "bigint": {"data_type": "bigint", "json_type": "string", "length": 18},
}


def add_field(sandbox, module, kind, **more):
    described = {"api_name": "Ref", **FIELDS[kind], **more}
    sandbox.change_metadata({"op": "add_field", "module": module, "field": described})


@pytest.mark.parametrize(
    ("kind", "one", "other", "are_same"),
    [
        ("text", " Acme ", "ACME", True),
        ("text", "Straße", "STRASSE", False),
        ("text", "1.0", "1", False),
        ("double", "1.0", 1, True),
        ("double", "9" * 40, "9" * 39 + "8", False),
        ("double", "1_0", "10", False),
        ("bigint", "007", 7, True),
        ("bigint", "123456789012345678", "123456789012345679", False),
        ("datetime", "2026-05-14T12:00:00+03:00", "2026-05-14T09:00:00Z", True),
        ("lookup", {"id": "6100000000000225013", "name": "Acme"}, {"id": "6100000000000225013"}, True),
        ("date", "20260514", "2026-05-14", True),
        ("date", "2026-05-14T23:30:00-08:00", "2026-05-14", True),
        ("date", "2026-05-14", "2026-05-15", False),
        ("boolean", "yes", True, True),
        ("boolean", 1.0, False, False),
        ("text", "e\u0301", "\u00e9", False),  # one looks like the other, and Bigin keeps both
        ("text", "\uff11\uff12", "12", False),
        ("text", "Acme\u200b", "Acme", False),
        ("phone", 491700000000.0, "491700000000", True),
        ("bigint", 610000000000225013, 6.1000000000022502e17, False),
    ],
)
def test_the_data_type_says_what_is_the_same(kind, one, other, are_same):
    """One function, whoever compares: keys, lookups, answers, rows, lost inserts."""
    form = compared_as(Field("F", kind, "string"))

    assert (form(one) == form(other)) is are_same


@pytest.mark.parametrize(
    ("kind", "one", "other", "are_same"),
    [
        ("text", "Acme", "ACME", False),
        ("text", " Acme ", "Acme", True),
        ("lookup", {"id": "6100000000000225013", "name": "Acme"}, {"id": "6100000000000225013"}, True),
        ("double", "1.0", 1, True),
    ],
)
def test_a_value_that_is_no_key_is_the_same_only_in_the_same_case(kind, one, other, are_same):
    """What was corrected in its case alone is to be written; a lost insert of it was another record."""
    form = compared_as(Field("F", kind, "string"), by_case=True)

    assert (form(one) == form(other)) is are_same


def test_names_that_bigin_keeps_apart_stay_apart(sandbox, target):
    """Taken for one, the first company would have got the values of the second."""
    sandbox.reset(size="empty")
    messages = [
        schema("Accounts", "Phone", key=["Account_Name"]),
        *records("Accounts", [{"Account_Name": name, "Phone": str(n)} for n, name in enumerate(STREETS)]),
    ]

    first, again = target(messages), target(messages)

    assert first.outcomes("Accounts") == {"inserted": 4}
    assert again.outcomes("Accounts") == {"updated": 4}
    assert {each["Account_Name"]: each["Phone"] for each in sandbox.dump("Accounts")} == {
        name: str(n) for n, name in enumerate(STREETS)
    }


@pytest.mark.parametrize(
    ("operation", "key"), [("upsert", {}), ("upsert", {"external_key": "Ref"}), ("insert", {})]
)
def test_what_tells_a_record_is_never_cut(sandbox, target, operation, key):
    """Cut to the same beginning, two records would become one, and be looked for under another name."""
    sandbox.reset(size="empty")
    add_field(sandbox, "Accounts", "text", **({} if key else {"unique": {"casesensitive": "0"}}))
    rows = [{"Account_Name": f"Acme {n}", "Ref": "x" * 20 + str(n), "Phone": "1" * 99} for n in range(2)]

    run = target(
        [schema("Accounts", "Account_Name", "Phone", "Ref"), *records("Accounts", rows)],
        default_operation=operation,
        streams={"Accounts": {"truncate": True, **key}},
        max_rejects=2,
    )

    assert run.error is None
    assert [(each["field"], each["code"]) for each in run.rejects] == [("Ref", "TOO_LONG")] * 2
    assert "never cut" in run.rejects[0]["message"]
    assert sandbox.count("Accounts") == 0


def test_a_key_is_sent_as_it_is_looked_for(sandbox, target):
    """Without its outer blanks: Bigin keeps what it gets, and another reader compares the text itself."""
    sandbox.reset(size="empty")
    add_field(sandbox, "Tasks", "text")
    settings = {"streams": {"Tasks": {"external_key": "Ref"}}}

    target([schema("Tasks", "Subject", key=["Ref"]), record("Tasks", Ref=" T-1 ", Subject="x")], **settings)

    assert [each["Ref"] for each in sandbox.dump("Tasks")] == ["T-1"]


@pytest.mark.parametrize("kind", ["integer", "bigint"])
def test_a_parent_is_found_by_its_number_however_it_is_written(sandbox, target, kind):
    """A data frame makes 7.0 of 7, a spreadsheet "07"; a number stays the same."""
    sandbox.reset(size="empty")
    add_field(sandbox, "Accounts", kind)
    acme = sandbox.create("Accounts", Account_Name="Acme", Ref=7 if kind == "integer" else "7")
    rows = [
        {"Last_Name": f"Berg {n}", "Email": f"b{n}@x.org", "Account_Name": said}
        for n, said in enumerate((7, 7.0, "7", "07", " 7.00 "))
    ]

    run = target(
        [schema("Contacts", "Last_Name", "Account_Name", key=["Email"]), *records("Contacts", rows)],
        streams={"Contacts": {"lookups": {"Account_Name": {"match_on": "Ref"}}}},
        max_rejects=5,
    )

    assert run.rejects == []
    assert {each["Account_Name"]["id"] for each in sandbox.dump("Contacts")} == {acme}


def test_a_parent_is_awaited_by_the_number_that_it_is(sandbox, target):
    """A child that says 7.0 waits for the parent that comes as 7 after it."""
    sandbox.reset(size="empty")
    add_field(sandbox, "Accounts", "integer")
    rows = [
        {"Last_Name": f"B{n}", "Email": f"b{n}@x.org", "Account_Name": said}
        for n, said in enumerate((7.0, "07"))
    ]

    run = target(
        [
            schema("Contacts", "Last_Name", "Account_Name", key=["Email"]),
            schema("Accounts", "Ref", key=["Account_Name"]),
            *records("Contacts", rows),
            record("Accounts", Account_Name="Acme", Ref="7"),
        ],
        streams={"Contacts": {"lookups": {"Account_Name": {"match_on": "Ref"}}}},
        max_rejects=2,
    )

    assert run.rejects == []
    assert len({each["Account_Name"]["id"] for each in sandbox.dump("Contacts")}) == 1


def test_a_source_key_is_one_number_in_the_id_map(sandbox, target, tmp_path):
    """The tap that read 7 reads 7.0 after an upgrade: the same row, no second contact."""
    sandbox.reset(size="empty")
    settings = {"ids": "source"}
    for said in (7, 7.0):
        run = target(
            [schema("Tasks", "Subject", key=["id"]), record("Tasks", id=said, Subject=f"Call {said}")],
            id_map_path=str(tmp_path / "ids.jsonl"),
            streams={"Tasks": settings},
        )
        assert run.error is None

    assert [each["Subject"] for each in sandbox.dump("Tasks")] == ["Call 7.0"]


def test_the_cache_knows_a_number_however_it_is_written(sandbox, cached):
    """1.0, 1.00 and 1 say the same: nothing is sent."""
    deal = schema("Products", "Unit_Price", key=["Product_Name"])
    for price in (12, 12.0, "12.00"):
        run = cached([deal, record("Products", Product_Name="Desk", Unit_Price=price)])

    assert run.outcomes("Products") == {"unchanged": 1}


def test_the_cache_tells_records_of_several_key_fields_apart(sandbox, cached):
    """By the first field alone, what was written of one was believed of the other, and it never changed."""
    sandbox.reset(size="empty")
    subjects = ("Call", "Mail")
    for subject in subjects:
        sandbox.create("Tasks", Subject=subject, Due_Date="2026-05-14", Priority="Low")
    key = ["Due_Date", "Subject"]
    said = [
        {"Subject": "Call", "Due_Date": "2026-05-14", "Priority": "High"},
        {"Subject": "Mail", "Due_Date": "2026-05-14", "Status": "Completed"},
        {"Subject": "Mail", "Due_Date": "2026-05-14", "Priority": "High"},
    ]
    for row in said:
        run = cached([schema("Tasks", *row, key=key), record("Tasks", **row)], default_operation="update")
        assert run.outcomes("Tasks") == {"updated": 1}

    assert {each["Priority"] for each in sandbox.dump("Tasks")} == {"High"}


def test_nothing_is_the_same_as_nothing_alone():
    """A row without a value is not the record that was sent with a blank one."""
    name = compared_as(Field("Last_Name"))

    assert is_same(name, " Berg", "BERG")
    assert is_same(name, None, None)
    assert not is_same(name, None, "")
    assert not is_same(name, "None", None)
    assert not is_same(compared_as(Field("Start", "date")), None, "")
