"""COQL queries as streams: schema, paging without an end, increments, mistakes told in time."""

from __future__ import annotations

import pytest
from support.tap import discover, run_here, run_tap, select, select_fields


def query(text, **more):
    return [{"name": "answers", "query": text, **more}]


def test_schema_comes_from_the_fields_behind_the_columns(sandbox):
    """Joined columns too: a loader needs types, not guesses; a dot in a name means nesting to many."""
    text = (
        "select Last_Name, Email_Opt_Out, Account_Name, Account_Name.Account_Name, Account_Name.Created_Time, "
        "Owner.email, Modified_Time from Contacts where Last_Name is not null"
    )
    run = run_tap(sandbox, modules=["Contacts"], queries=query(text))

    run.validate()
    properties = run.schemas["answers"]["schema"]["properties"]
    assert properties["id"]["type"] == "string"
    assert properties["Email_Opt_Out"]["type"] == ["boolean", "null"]
    assert properties["Account_Name"]["type"] == ["object", "null"]
    assert properties["Account_Name__Account_Name"]["type"] == ["string", "null"]
    assert properties["Account_Name__Created_Time"]["format"] == "date-time"
    companies = {each["id"]: each["Account_Name"] for each in sandbox.dump("Accounts")}
    contacts = {each["id"]: each for each in sandbox.dump("Contacts")}
    assert run.latest("answers").keys() == contacts.keys()
    for each in run.records["answers"]:
        company = contacts[each["id"]]["Account_Name"]
        assert each["Account_Name"] == ({"id": company["id"]} if company else None)
        assert each["Account_Name__Account_Name"] == (companies[company["id"]] if company else None)


def test_flat_lookups_hold_for_queries(sandbox):
    """One setting, one shape of links everywhere."""
    text = "select Account_Name from Contacts where Account_Name is not null"

    run = run_tap(sandbox, modules=["Contacts"], queries=query(text), lookups="id")

    run.validate()
    assert {type(each["Account_Name"]) for each in run.records["answers"]} == {str}


def test_a_column_that_the_catalog_deselects_is_not_sent(sandbox):
    """The SCHEMA is without it, and so is each record: somebody did not want it in the warehouse."""
    queries = query("select Last_Name, Email from Contacts")
    catalog = select(discover(sandbox, modules=["Contacts"], queries=queries), "answers")
    select_fields(catalog, "answers", "Email")

    run = run_tap(sandbox, catalog=catalog, modules=["Contacts"], queries=queries)

    run.validate()
    assert {frozenset(each) for each in run.records["answers"]} == {frozenset(("id", "Email"))}


def test_ten_thousand_rows_are_the_end_of_an_ordered_query_alone(sandbox):
    """COQL's offset ends at 10,000: a query that leaves its order open is read by id.

    Rows of the other that cannot be reached are an error, never a table that ends early, and the other
    streams are written all the same.
    """
    sandbox.mutate({"op": "create", "module": "Calls", "count": 10_300, "data": {"Subject": "Call {n}"}})
    ordered = query("select Subject from Calls where id is not null order by Subject")
    open_ = [{"name": "every", "query": "select Subject from Calls"}]

    run = run_tap(sandbox, modules=["Notes"], queries=[*ordered, *open_], deleted_records="none")

    assert run.code == 1
    assert "answers" in run.log[-1]
    assert "10,000" in run.log[-1]
    assert "order by" in run.log[-1]
    assert len(run.latest("every")) == len(run.records["every"]) == sandbox.count("Calls")
    assert len(run.latest("Notes")) == sandbox.count("Notes")


def test_query_with_an_order_keeps_it(sandbox):
    """It is read as it stands, page by page."""
    sandbox.mutate({"op": "create", "module": "Calls", "count": 500, "data": {"Subject": "Call {n}"}})
    text = "select Subject from Calls where Subject like 'Call %' order by Subject desc"

    run = run_tap(sandbox, modules=["Calls"], queries=query(text))

    subjects = [each["Subject"] for each in run.records["answers"]]
    assert len(subjects) == 500
    assert subjects == sorted(subjects, reverse=True)


def test_query_with_a_limit_gives_so_many_rows(sandbox):
    """Who asks for the five largest deals gets five."""
    text = "select Deal_Name, Amount from Pipelines where Amount > 0 order by Amount desc limit 5"

    run = run_tap(sandbox, modules=["Pipelines"], queries=query(text))

    amounts = sorted((each["Amount"] for each in sandbox.dump("Pipelines") if each["Amount"]), reverse=True)
    assert [each["Amount"] for each in run.records["answers"]] == amounts[:5]


def test_replication_key_reads_only_what_is_new(sandbox):
    """The bookmark is what was seen: a second run asks for what is not older."""
    settings = {
        "modules": ["Contacts"],
        "queries": query("select Last_Name, Modified_Time from Contacts", replication_key="Modified_Time"),
    }
    first = run_tap(sandbox, **settings)
    latest = max(each["Modified_Time"] for each in first.records["answers"])
    assert first.state["bookmarks"]["answers"]["replication_key_value"] == latest
    some = sandbox.dump("Contacts")[0]["id"]
    sandbox.mutate({"op": "edit", "module": "Contacts", "id": some, "data": {"Last_Name": "Changed"}})

    second = run_tap(sandbox, state=first.state, **settings)

    assert some in second.latest("answers")
    assert len(second.records["answers"]) < len(first.records["answers"]) / 2


def test_replication_key_that_people_fill_in_loses_nothing(sandbox):
    """A date may be set into the past: the bookmark stays at what was seen, not at the clock."""
    settings = {
        "modules": ["Calls"],
        "queries": query(
            "select Call_Start_Time from Calls where Call_Start_Time is not null",
            replication_key="Call_Start_Time",
        ),
    }
    sandbox.create("Calls", Subject="Last month", Call_Start_Time="2026-01-05T08:00:00Z")
    first = run_here(sandbox, **settings)
    new = sandbox.create("Calls", Subject="Entered late", Call_Start_Time="2026-01-20T08:00:00Z")

    second = run_here(sandbox, state=first.state, **settings)

    assert new in second.latest("answers")


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("select Last_Name\nfrm Contacts", "line 2, column 1", "from"),
        ("select Last_Name from Contacts where Last_Name == 'x'", "line 1, column", "SYNTAX_ERROR"),
        ("select Last_Name, Lost_Name from Contacts", "line 1, column 19", "Lost_Name"),
        ("select Last_Name from Contatcs", "line 1, column 23", "Contatcs"),
        ("select Tag from Contacts", "line 1, column 8", "Tag"),
        ("select Last_Name from Contacts limit 500", "line 1", "limit"),
    ],
)
def test_mistake_in_a_query_fails_its_stream_alone(sandbox, text, place, words):
    """A query is a setting: what is wrong in it is said with line and column, and the rest is read."""
    run = run_tap(sandbox, modules=["Contacts"], queries=query(text))

    assert run.code == 1
    assert not run.ids("answers")
    assert len(run.ids("Contacts")) == sandbox.count("Contacts")
    assert "queries: answers" in run.log[-1]
    assert place in run.log[-1]
    assert words in run.log[-1]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"primary_keys": ["Email"]}, "primary_keys Email is not selected"),
        ({"replication_key": "Last_Name"}, "no selected datetime"),
    ],
)
def test_key_that_cannot_be_one_is_refused(sandbox, more, words):
    """A key that is not in the rows would fail at the loader, hours later."""
    run = run_tap(sandbox, modules=["Contacts"], queries=query("select Last_Name from Contacts", **more))

    assert run.code == 1
    assert words in run.log[-1]


def test_query_of_a_module_that_is_closed_becomes_no_stream(sandbox):
    """One closed module must not stop all others."""
    queries = [
        *query("select Name from Payroll"),
        {"name": "people", "query": "select Last_Name from Contacts"},
    ]

    run = run_tap(sandbox, modules=["Contacts"], queries=queries)

    assert run.code == 0
    assert run.said("answers: no stream")
    assert len(run.records["people"]) == sandbox.count("Contacts")


def test_columns_that_are_words_of_coql_are_read(sandbox):
    """A custom field called Order: in the person's quotes, and in those that reading by id needs."""
    order = {"api_name": "Order", "data_type": "text", "json_type": "string", "length": 50}
    sandbox.change_metadata({"op": "add_field", "module": "Contacts", "field": order})
    new = sandbox.create("Contacts", Last_Name="Berg", Order="it's; 'so'")
    texts = {
        "by_id": "select 'Order' from Contacts where 'Order' = 'it''s; ''so'''",
        "as_it_stands": 'select "Order" from Contacts where "Order" is not null order by "Order" limit 3',
    }

    run = run_tap(
        sandbox, modules=["Tasks"], queries=[{"name": name, "query": text} for name, text in texts.items()]
    )

    assert run.code == 0
    assert run.latest("by_id")[new]["Order"] == run.latest("as_it_stands")[new]["Order"] == "it's; 'so'"


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ("select Last_Name", "select Last_Name, Title", "Title: selected since"),
        ("where Email is not null", "where Last_Name is not null", "its condition: selected since"),
    ],
)
def test_what_a_query_asks_for_since_is_read_of_all_records(sandbox, before, after, why):
    """Its bookmark stands for the columns and the condition that it had."""
    later = "select Last_Name, Title, Modified_Time from Contacts where Last_Name is not null"
    given = {"replication_key": "Modified_Time"}
    first = run_tap(sandbox, modules=["Tasks"], queries=query(later.replace(after, before), **given))
    sandbox.clock(advance=600)

    second = run_tap(sandbox, modules=["Tasks"], queries=query(later, **given), state=first.state)
    sandbox.clock(advance=600)
    third = run_tap(sandbox, modules=["Tasks"], queries=query(later, **given), state=second.state)

    assert second.latest("answers").keys() == {each["id"] for each in sandbox.dump("Contacts")}
    assert second.said(why)
    assert len(third.ids("answers")) < len(second.ids("answers"))
