"""Which way to read is the cheapest, and what a Bulk Read job leaves to the list."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bigin_api import Field, PickListValue
from tap_bigin.bulk.columns import job_columns
from tap_bigin.planning import (
    Column,
    JobColumns,
    bulk_credits,
    field_chunks,
    jobs_and_rest,
    key_credits,
    list_credits,
    may_pay,
    plan_extraction,
)

PLAIN = JobColumns((Column("Email", "text"),))
TAGGED = JobColumns((Column("Email", "text"),), left_to_list=("Tag",))


@pytest.mark.parametrize(
    ("records", "fields", "columns", "method"),
    [
        (0, 30, PLAIN, "list"),
        (9_999, 30, PLAIN, "list"),
        (11_000, 30, PLAIN, "bulk"),
        (200_000, 30, PLAIN, "bulk"),
        (60_000, 30, TAGGED, "list"),  # completing costs more than the list itself
        (60_000, 120, TAGGED, "bulk"),  # two calls for 200 records instead of three
        (5_000, 120, PLAIN, "bulk"),  # three calls a page: a job pays much earlier
    ],
)
def test_cheaper_way_is_taken(records, fields, columns, method):
    """A job costs 50 credits for 200,000 records, a page 1 credit for 200 records and 50 fields."""
    assert plan_extraction(columns, records=records, fields=fields).method == method


@given(
    records=st.integers(0, 2_000_000),
    fields=st.integers(1, 150),
    left=st.integers(0, 60),
)
def test_plan_never_costs_more_than_the_list(records, fields, left):
    """A plan is made to save credits: whatever the module looks like, it does not spend more."""
    columns = JobColumns((Column("Email", "text"),), tuple(f"F{number}" for number in range(left)))

    plan = plan_extraction(columns, records=records, fields=fields)

    assert plan.credits == min(list_credits(records, fields), bulk_credits(columns, records))


@given(fields=st.integers(1, 150), left=st.integers(0, 60))
@example(fields=60, left=49)
@example(fields=60, left=48)
def test_size_is_asked_for_wherever_it_can_matter_and_nowhere_else(fields, left):
    """The count costs a credit: it is spared exactly where no size that pages reach makes a job cheaper."""
    columns = JobColumns((Column("Email", "text"),), tuple(f"F{number}" for number in range(left)))
    sizes = (10_000, 30_000, 100_000)

    pays = any(plan_extraction(columns, records=size, fields=fields).method == "bulk" for size in sizes)

    assert may_pay(columns, fields=fields) == pays


COMPANY = Column("Account_Name", "link", "Account_Name.Account_Name")


@pytest.mark.parametrize(
    ("columns", "left", "price"),
    [
        ((), (), 54),  # 50 for the job, 4 to ask whether it is done and to fetch it
        ((Column("Owner", "owner"), Column("Created_By", "user")), (), 55),  # the users, once
        ((Column("Layout", "layout"),), (), 55),  # the layouts
        ((Column("Owner", "owner"), Column("Layout", "layout")), (), 56),
        ((COMPANY,), (), 55),  # the records without it, which a job may leave out
        ((COMPANY, Column("Contact_Name", "id")), (), 56),
        ((), ("Tag",), 54 + 2_000),  # by ids, 100 a call
        ((), tuple(f"F{number}" for number in range(50)), 54 + 4_000),  # with Modified_Time: 51
    ],
)
def test_job_costs_itself_and_all_that_completes_it(columns, left, price):
    """A term left out, or taken off, and a plan is dearer than it says."""
    assert bulk_credits(JobColumns((Column("Email", "text"), *columns), left), 200_000) == price


@pytest.mark.parametrize(
    ("records", "price"),
    [
        (0, 1),
        (200, 1),
        (201, 3),  # two pages, and one question about the border between them
        (5_000, 26),  # 25 pages have 24 borders, and one question proves so many
        (5_200, 28),
        (5_201, 29),
        (100_000, 521),
        (100_001, 523),  # the chain of pages ends: an id found by COQL, its record by the id
    ],
)
def test_list_costs_its_pages_and_their_proof(records, price):
    """The price of the list is what a job is compared with."""
    assert list_credits(records, fields=30) == price


@pytest.mark.parametrize(
    ("rest", "jobs", "by_key"),
    [(0, 1, 0), (1, 1, 1), (3_200, 1, 3_200), (3_500, 1, 3_500), (3_601, 2, 0), (100_000, 2, 0)],
)
def test_rest_beyond_a_full_job_is_read_by_key_while_that_costs_less_than_a_job(rest, jobs, by_key):
    """Another job costs 54 credits however little it gives."""
    plain = JobColumns(tuple(Column(f"F{number}", "text") for number in range(30)))

    assert (key_credits(3_500, fields=30), key_credits(3_601, fields=30)) == (53, 56)
    assert jobs_and_rest(200_000 + rest, fields=30) == (jobs, by_key)
    assert bulk_credits(plain, 200_000 + rest) == jobs * 54 + key_credits(by_key, fields=30)


def test_at_the_same_price_the_list_is_taken():
    """It needs no waiting for a job."""
    columns = JobColumns((Column("Email", "text"), Column("Owner", "owner")))

    plan = plan_extraction(columns, records=10_400, fields=30)

    assert bulk_credits(columns, 10_400) == list_credits(10_400, fields=30) == plan.credits
    assert plan.method == "list"


def test_setting_decides_against_the_price():
    """Who says list or bulk gets it, and is told the price."""
    assert plan_extraction(PLAIN, records=200_000, fields=30, wish="list").method == "list"
    forced = plan_extraction(TAGGED, records=100, fields=30, wish="bulk")

    assert forced.method == "bulk"
    assert "Tag" in forced.why
    assert str(forced.credits) in forced.why


def test_chunks_beyond_fifty_fields_repeat_modified_time():
    """Each chunk must show whether the record changed in between."""
    assert [field_chunks(fields) for fields in (1, 50, 51, 99, 100, 148)] == [1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        (Field("Title", "text", "string"), "text"),
        (Field("Description", "textarea", "string"), "text"),
        (Field("Number", "autonumber", "string"), "text"),
        (Field("Reading", "bigint", "string"), "text"),
        (Field("Closing_Date", "date", "string"), "text"),
        (Field("Modified_Time", "datetime", "string"), "datetime"),
        (Field("Seats", "integer", "integer"), "integer"),
        (Field("Amount", "currency", "double"), "number"),
        (Field("Opt_Out", "boolean", "boolean"), "boolean"),
        (
            Field(
                "Channels",
                "multiselectpicklist",
                "jsonarray",
                pick_list_values=(PickListValue("E-mail", "E-mail"),),
            ),
            "choices",
        ),
        (Field("Channels", "multiselectpicklist", "jsonarray"), None),  # where a choice ends nobody knows
        (Field("Owner", "ownerlookup", "jsonobject"), "owner"),
        (Field("Manager", "userlookup", "jsonobject"), "user"),
        (Field("Pipeline", "bigint", "jsonobject"), "layout"),
        (Field("Total", "formula", "double", formula_return_type="double"), "number"),
        (Field("Is_Late", "formula", "boolean", formula_return_type="boolean"), "truth"),
        (Field("Tag", "text", "jsonarray"), None),
        (Field("Participants", "text", "jsonarray"), None),
        (Field("Record_Image", "profileimage", "string"), None),
        (Field("Files", "fileupload", "jsonarray"), None),
        (Field("Remind_At", "ALARM", "jsonobject"), None),
        (Field("Mood", "hologram", "string"), None),
        (Field("Total", "formula", "string", formula_return_type="hologram"), None),
        (Field("What_Id", "lookup", "jsonobject"), None),  # of several modules: no name to join
    ],
)
def test_field_is_read_from_a_column_or_left_to_the_list(field, kind):
    """A type that a CSV does not give, or that is not known, is left to the list and never dropped."""
    columns = job_columns([field], display_fields={})

    assert [column.kind for column in columns.columns] == ([kind] if kind else [])
    assert columns.left_to_list == (() if kind else (field.api_name,))


def test_choice_with_the_separator_in_it_is_left_to_the_list():
    """A CSV joins choices by semicolons: one that holds a semicolon would be torn in two."""
    torn = Field(
        "Channels",
        "multiselectpicklist",
        "jsonarray",
        pick_list_values=(PickListValue("Mail; letter", "Mail; letter"),),
    )

    assert job_columns([torn], display_fields={}).left_to_list == ("Channels",)


def test_two_lookups_are_named_by_joins_and_the_third_is_left_to_the_list():
    """A job takes two joins; an id without its name is not what the list gives."""
    lookups = [Field(name, "lookup", "jsonobject", lookup_module="Accounts") for name in ("A", "B", "C")]

    columns = job_columns(lookups, display_fields={"Accounts": "Account_Name"})

    assert columns.asked_for == ["A", "B", "A.Account_Name", "B.Account_Name"]
    assert columns.left_to_list == ("C",)


def test_flat_lookups_need_no_names():
    """With lookups as plain ids a job gives all of them, whatever they point to."""
    lookups = [Field(name, "lookup", "jsonobject") for name in ("A", "B", "What_Id")]
    owner = Field("Owner", "ownerlookup", "jsonobject")

    columns = job_columns([*lookups, owner], display_fields={}, flat_lookups=True)

    assert columns.asked_for == ["A", "B", "What_Id", "Owner"]
    assert {column.kind for column in columns.columns} == {"id"}


def test_module_without_tags_gives_empty_tags_for_free():
    """If a module has no tag at all, none of its records has one."""
    columns = job_columns([Field("Tag", "text", "jsonarray")], display_fields={}, untagged=True)

    assert columns.has("untagged")
    assert columns.asked_for == []


def test_what_a_job_leaves_to_the_list_counts_as_asked_for():
    """It is read beside the file, by ids."""
    left = tuple(f"F{number}" for number in range(49))

    assert TAGGED.field_count == 2
    assert may_pay(JobColumns(PLAIN.columns, left), fields=120)  # 50 with the time that comes along: one call
    assert not may_pay(JobColumns(PLAIN.columns, (*left, "F49")), fields=120)
    assert not may_pay(JobColumns(), fields=120)  # a file without a column is none
    why = plan_extraction(JobColumns(PLAIN.columns, ("Tag", "Record_Image")), records=100, fields=3).why
    assert why.endswith("1 for Tag, Record_Image: only the list gives them)")
