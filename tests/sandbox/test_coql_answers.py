"""POST /coql, answer by answer."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest


def ask(sandbox, query, **arguments):
    return sandbox.api("POST", "/coql", json={"select_query": query}, **arguments)


def data(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def error(answer, status=400):
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert set(body) == {"code", "details", "message", "status"}
    assert body["status"] == "error"
    return body["code"], body["details"]


def ids(answer):
    return [record["id"] for record in data(answer)]


def test_a_record_is_seen_the_moment_it_is_written(sandbox):
    """COQL looks at the data, not at the search index: what was just inserted is found."""
    contact = sandbox.create("Contacts", Last_Name="Berg", Email="eva@example.org")

    answer = ask(sandbox, "select Last_Name from Contacts where Email = 'eva@example.org'")

    assert answer.json() == {
        "data": [{"Last_Name": "Berg", "id": contact}],
        "info": {"count": 1, "more_records": False},
    }


def test_nothing_found_is_204(sandbox):
    """An empty answer has no body to parse."""
    answer = ask(sandbox, "select id from Contacts where Last_Name = 'nobody of that name'")

    assert (answer.status_code, answer.content) == (204, b"")


def test_lookups_come_as_id_and_joined_columns_under_their_dotted_name(sandbox):
    """A lookup has no name in COQL; it must be asked for by a join, also over two lookups."""
    company = sandbox.create("Accounts", Account_Name="Nordlys AS", Phone="+47 1")
    contact = sandbox.create("Contacts", Last_Name="Berg", Account_Name={"id": company})
    query = (
        "select Account_Name, Account_Name.Account_Name, Account_Name.Phone, Owner, Owner.last_name "
        f"from Contacts where id = {contact}"
    )

    (record,) = data(ask(sandbox, query))

    assert record["Account_Name"] == {"id": company}
    assert record["Account_Name.Account_Name"] == "Nordlys AS"
    assert record["Account_Name.Phone"] == "+47 1"
    assert set(record["Owner"]) == {"id"}
    assert isinstance(record["Owner.last_name"], str)


def test_a_join_over_two_lookups_filters_and_shows(sandbox):
    """A deal is found by the company of its contact."""
    company = sandbox.create("Accounts", Account_Name="Nordlys AS")
    contact = sandbox.create("Contacts", Last_Name="Berg", Account_Name={"id": company})
    deal = sandbox.create(
        "Pipelines",
        Deal_Name="Lamps",
        Sub_Pipeline="Sales Pipeline Standard",
        Stage="Qualification",
        Contact_Name={"id": contact},
    )
    query = (
        "select Contact_Name.Account_Name.Account_Name from Pipelines "
        "where Contact_Name.Account_Name.Account_Name = 'Nordlys AS'"
    )

    assert data(ask(sandbox, query)) == [{"Contact_Name.Account_Name.Account_Name": "Nordlys AS", "id": deal}]


def test_a_broken_link_joins_to_null(sandbox):
    """Contacts without a company stay in the answer, their joined columns empty."""
    contact = sandbox.create("Contacts", Last_Name="Berg")

    answer = ask(sandbox, f"select Account_Name, Account_Name.Phone from Contacts where id = {contact}")

    assert data(answer) == [{"Account_Name": None, "Account_Name.Phone": None, "id": contact}]


def test_datetimes_come_in_the_offset_of_the_tokens_user(sandbox):
    """The same instant as in the list, with the user's offset, not UTC."""
    contact = sandbox.create("Contacts", Last_Name="Berg")
    listed = sandbox.api("GET", f"/Contacts/{contact}").json()["data"][0]

    (record,) = data(ask(sandbox, f"select Created_Time, Modified_Time from Contacts where id = {contact}"))

    assert record["Modified_Time"] == listed["Modified_Time"]
    assert record["Modified_Time"][-6:] in {"+01:00", "+02:00"}


def test_values_come_in_their_json_types(sandbox):
    """Numbers as numbers, booleans as booleans, several choices as an array, formulas computed."""
    subscription = sandbox.create(
        "Subscriptions",
        Name="Plan",
        Seats=3,
        Price=9.5,
        Meter_Reading="123456789012345678",
        Channels=["Phone", "Post"],
        Renews=True,
        Starts_On="2026-02-28",
    )
    query = (
        "select Seats, Price, Meter_Reading, Channels, Renews, Starts_On, Total, Number, Hotline "
        f"from Subscriptions where id = '{subscription}'"
    )

    (record,) = data(ask(sandbox, query))

    assert record.pop("Number").startswith("SUB-")
    assert record == {
        "Seats": 3,
        "Price": 9.5,
        "Meter_Reading": "123456789012345678",
        "Channels": ["Phone", "Post"],
        "Renews": True,
        "Starts_On": "2026-02-28",
        "Total": 28.5,
        "Hotline": None,
        "id": subscription,
    }


def test_without_order_the_oldest_id_comes_first(sandbox):
    """The list's default is the reverse: a reader that pages by key relies on this one."""
    found = ids(ask(sandbox, "select id from Contacts where id is not null"))

    assert found == sorted(found, key=int)


def test_paging_by_key_meets_every_record_once(sandbox):
    """`where id > last order by id` is how a reader gets past 10,000 records."""
    last, found = "0", []
    while True:
        answer = ask(sandbox, f"select id from Contacts where id > {last} order by id limit 7")
        if answer.status_code == 204:
            break
        assert answer.json()["info"]["more_records"] is (len(found) + 7 < sandbox.count("Contacts"))
        found += ids(answer)
        last = found[-1]

    assert found == [record["id"] for record in sandbox.dump("Contacts")]


def test_limit_and_offset_cut_a_stretch_and_tell_whether_more_follows(sandbox):
    """The default is 200 records; `more_records` looks beyond the stretch."""
    everything = ids(ask(sandbox, "select id from Contacts where id is not null"))

    answer = ask(sandbox, "select id from Contacts where id is not null limit 5 offset 10")

    assert ids(answer) == everything[10:15]
    assert answer.json()["info"] == {"count": 5, "more_records": True}


def test_order_by_goes_column_by_column(sandbox):
    """Descending first, then the id decides where it is asked to."""
    answer = ask(sandbox, "select Owner, Amount from Pipelines where Amount > 0 order by Amount desc, id asc")

    amounts = [(-record["Amount"], int(record["id"])) for record in data(answer)]
    assert amounts == sorted(amounts)


SUBSCRIPTIONS = [
    {"Name": "One", "Seats": 1, "Renews": True, "Starts_On": "2026-01-01", "Channels": ["Post"]},
    {"Name": "Two", "Seats": 2, "Renews": False, "Starts_On": "2026-02-01", "Channels": ["Post", "Phone"]},
    {"Name": "Twenty", "Seats": 20, "Starts_On": "2026-03-01", "Frequency": "Yearly"},
    {"Name": "None"},
]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("Seats = 2", ["Two"]),
        ("Seats = '2'", ["Two"]),
        ("Seats != 2", ["One", "Twenty"]),
        ("Seats > 1", ["Two", "Twenty"]),
        ("Seats >= 2", ["Two", "Twenty"]),
        ("Seats < 2", ["One"]),
        ("Seats <= 2", ["One", "Two"]),
        ("Seats between 2 and 20", ["Two", "Twenty"]),
        ("Seats not between 2 and 20", ["One"]),
        ("Seats in (1, 20)", ["One", "Twenty"]),
        ("Seats not in (1, 20)", ["Two"]),
        ("Seats is null", ["None"]),
        ("Seats is not null", ["One", "Two", "Twenty"]),
        ("Starts_On >= '2026-02-01'", ["Two", "Twenty"]),
        ("Starts_On between '2026-01-01' and '2026-02-01'", ["One", "Two"]),
        ("Renews = 'true'", ["One"]),
        ("Renews = 'false'", ["Two", "Twenty", "None"]),
        ("Name = 'two'", ["Two"]),
        ("Name like 'Tw%'", ["Two", "Twenty"]),
        ("Name like '%O'", ["Two"]),
        ("Name like '%n%'", ["One", "Twenty", "None"]),
        ("Name like 'Two'", ["Two"]),
        ("Name not like '%w%'", ["One", "None"]),
        ("Frequency != 'Monthly'", ["Twenty"]),
        ("Channels = 'Post'", ["One"]),
        ("Channels = 'Post;Phone'", ["Two"]),
        ("Channels like '%Post%'", ["One", "Two"]),
        ("(Seats > 1 and Starts_On > '2026-02-01')", ["Twenty"]),
        ("((Seats = 1 or Seats = 2) and Renews = 'false')", ["Two"]),
        ("(Seats = 1 or (Seats = 2 and Renews = 'false'))", ["One", "Two"]),
    ],
)
def test_conditions_mean_what_they_say(sandbox, where, expected):
    """Every comparator, by data type; an empty value satisfies none but `is null`."""
    first = sandbox.create("Subscriptions", **SUBSCRIPTIONS[0])
    for subscription in SUBSCRIPTIONS[1:]:
        sandbox.create("Subscriptions", **subscription)

    answer = ask(sandbox, f"select Name from Subscriptions where ({where}) and id >= {first}")

    assert [record["Name"] for record in data(answer)] == expected


def test_a_lookup_is_compared_by_id(sandbox):
    """Bare or quoted; `in` takes several."""
    company = sandbox.create("Accounts", Account_Name="Nordlys AS")
    contact = sandbox.create("Contacts", Last_Name="Berg", Account_Name={"id": company})

    bare = ask(sandbox, f"select id from Contacts where Account_Name = {company}")
    quoted = ask(sandbox, f"select id from Contacts where Account_Name in ('{company}', '1')")

    assert ids(bare) == ids(quoted) == [contact]


def test_datetimes_compare_as_instants_whatever_their_offset(sandbox):
    """The same moment in another zone includes the same records."""
    sandbox.clock(set="2026-05-14T09:53:58Z")
    contact = sandbox.create("Contacts", Last_Name="Berg")
    query = "select id from Contacts where (Modified_Time {} '{}' and id = " + contact + ")"

    assert ids(ask(sandbox, query.format(">=", "2026-05-14T15:23:58+05:30"))) == [contact]
    assert ids(ask(sandbox, query.format("<=", "2026-05-14T05:53:58-04:00"))) == [contact]
    assert ask(sandbox, query.format(">", "2026-05-14T15:23:58+05:30")).status_code == 204


def test_an_edit_is_found_by_its_modified_time(sandbox):
    """Incremental reading by COQL: what was edited since is found, the rest is not."""
    contact = sandbox.dump("Contacts")[0]["id"]
    now = datetime.fromisoformat(sandbox.clock().replace("Z", "+00:00"))
    sandbox.clock(advance=60)
    sandbox.mutate({"op": "edit", "module": "Contacts", "id": contact, "data": {"Title": "CEO"}})
    since = (now + timedelta(seconds=30)).isoformat()

    assert ids(ask(sandbox, f"select id from Contacts where Modified_Time >= '{since}'")) == [contact]


def test_a_quote_in_a_value_is_doubled(sandbox):
    """O'Brien is found."""
    contact = sandbox.create("Contacts", Last_Name="O'Zbrien")

    assert ids(ask(sandbox, "select id from Contacts where Last_Name = 'O''Zbrien'")) == [contact]


def test_a_syntax_error_tells_line_column_and_word(sandbox):
    """In the body as Bigin has it."""
    answer = ask(sandbox, "select id frm Contacts where id is not null")

    assert answer.json() == {
        "code": "SYNTAX_ERROR",
        "details": {"line": 1, "column": 11, "near": "frm"},
        "message": "invalid query formed",
        "status": "error",
    }
    assert answer.status_code == 400


def test_where_is_required(sandbox):
    """Bigin's grammar calls it optional, the platform refuses its absence."""
    answer = ask(sandbox, "select id from Contacts")

    assert error(answer) == ("SYNTAX_ERROR", {"clause": "where"})


@pytest.mark.parametrize(
    ("query", "details"),
    [
        (
            "select Foo from Contacts where id is not null",
            {"column_name": "Foo", "module": "Contacts", "reason": "column given seems to be invalid"},
        ),
        (
            "select last_name from Contacts where id is not null",
            {"column_name": "last_name", "module": "Contacts", "reason": "column given seems to be invalid"},
        ),
        (
            "select id from Contacts where Foo = 1",
            {"column_name": "Foo", "module": "Contacts", "reason": "column given seems to be invalid"},
        ),
        (
            "select id from Contacts where id is not null order by Foo",
            {"column_name": "Foo", "module": "Contacts", "reason": "column given seems to be invalid"},
        ),
        (
            "select Owner.full_name from Contacts where id is not null",
            {
                "column_name": "Owner.full_name",
                "module": "Contacts",
                "reason": "column given seems to be invalid",
            },
        ),
        (
            "select Last_Name.Phone from Contacts where id is not null",
            {
                "column_name": "Last_Name.Phone",
                "module": "Contacts",
                "reason": "column given seems to be invalid",
            },
        ),
        (
            "select Margin from Subscriptions where id is not null",
            {
                "column_name": "Margin",
                "module": "Subscriptions",
                "reason": "column given seems to be invalid",
            },
        ),
        (
            "select id from Nope where id is not null",
            {"module": "Nope", "reason": "module given seems to be invalid"},
        ),
        (
            "select id from Notes where id is not null",
            {"module": "Notes", "reason": "module given seems to be invalid"},
        ),
        (
            "select id from Contacts where Last_Name >= 'B'",
            {
                "column_name": "Last_Name",
                "operator": ">=",
                "data_type": "text",
                "reason": "operator given seems to be invalid for the column",
            },
        ),
        (
            "select id from Contacts where Email_Opt_Out != 'true'",
            {
                "column_name": "Email_Opt_Out",
                "operator": "!=",
                "data_type": "boolean",
                "reason": "operator given seems to be invalid for the column",
            },
        ),
        (
            "select id from Contacts where Account_Name like '6%'",
            {
                "column_name": "Account_Name",
                "operator": "like",
                "data_type": "lookup",
                "reason": "operator given seems to be invalid for the column",
            },
        ),
    ],
)
def test_an_invalid_query_names_the_column(sandbox, query, details):
    """Names are case-sensitive, hidden fields are as if they were not there."""
    assert error(ask(sandbox, query)) == ("INVALID_QUERY", details)


@pytest.mark.parametrize("name", ["Tag", "Description", "Record_Image"])
@pytest.mark.parametrize(
    "query", ["select {} from Contacts where id is not null", "select id from Contacts where {} is null"]
)
def test_what_coql_cannot_give_is_refused_in_select_and_where(sandbox, query, name):
    """Multi-line text, tags and images: the reader must get them elsewhere."""
    code, details = error(ask(sandbox, query.format(name)))

    assert code == "INVALID_QUERY"
    assert (details["column_name"], details["reason"]) == (name, "data type not supported")


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("Subscriptions", "Products"),
        ("Subscriptions", "Contract_Files"),
        ("Subscriptions", "Photos"),
        ("Subscriptions", "Terms"),
        ("Subscriptions", "Site_Position"),
        ("Pipelines", "Secondary_Contacts"),
        ("Events", "Participants"),
        ("Tasks", "Remind_At"),
    ],
)
def test_types_that_coql_does_not_know_are_refused(sandbox, module, name):
    """Multi-select lookups, files, participants, and types nobody has documented."""
    code, details = error(ask(sandbox, f"select {name} from {module} where id is not null"))

    assert (code, details["column_name"]) == ("INVALID_QUERY", name)


@pytest.mark.parametrize(
    "where",
    [
        "Modified_Time >= '2026-01-01T00:00:00Z'",
        "Modified_Time >= '2026-01-01T00:00:00.000+00:00'",
        "Modified_Time >= '2026-01-01'",
        "Modified_Time >= '2026-01-01T00:00:00'",
        "Modified_Time >= '2026-13-01T00:00:00+00:00'",
        "Modified_Time >= 20260101",
        "Account_Name = 'Nordlys'",
        "id = 'abc'",
        "Last_Name = 5",
        "Email_Opt_Out = 'yes'",
        "Last_Name like 'a%b'",
        "Last_Name like '%'",
        "Last_Name not like 'a%'",
        "Last_Name not like '%a'",
    ],
)
def test_a_value_that_does_not_fit_its_column_is_refused(sandbox, where):
    """`Z`, fractions, dates without a time, unquoted texts: what works in a list's record may not work here."""
    code, details = error(ask(sandbox, f"select id from Contacts where {where}"))

    assert code == "INVALID_QUERY"
    assert details["column_name"] == where.split(maxsplit=1)[0]
    assert details["reason"] == "value given seems to be invalid for the column"


def many_conditions(number):
    where = "id = 1"
    for place in range(2, number + 1):
        where = f"({where} or id = {place})"
    return where


MEASURES = [f"Measure_{number:02d}" for number in range(1, 52)]


@pytest.mark.parametrize(
    ("query", "limit", "clause"),
    [
        ("select id from Contacts where id is not null limit 201", 200, "limit"),
        ("select id from Contacts where id is not null limit 200 offset 9801", 10_000, "offset"),
        ("select id from Contacts where id is not null limit 1 offset 10000", 10_000, "offset"),
        (f"select {', '.join(MEASURES)} from Site_Surveys where id is not null", 50, "select"),
        (f"select id from Contacts where {many_conditions(26)}", 25, "where"),
        (f"select id from Contacts where id in ({', '.join(map(str, range(51)))})", 50, "in"),
        (f"select id from Contacts where id not in ({', '.join(map(str, range(51)))})", 50, "in"),
        (
            "select Contact_Name.Phone, Account_Name.Phone, Owner.email from Pipelines where id is not null",
            2,
            "join",
        ),
        ("select Contact_Name.Account_Name.Phone from Pipelines where Account_Name.Phone is null", 2, "join"),
    ],
)
def test_limits_are_told(sandbox, query, limit, clause):
    """200 records, 10,000 in all, 50 columns, 25 conditions, 50 values, 2 joins."""
    assert error(ask(sandbox, query)) == ("LIMIT_EXCEEDED", {"limit": limit, "clause": clause})


@pytest.mark.parametrize(
    "query",
    [
        "select id from Contacts where id is not null limit 200 offset 9800",
        f"select {', '.join(MEASURES[:50])} from Site_Surveys where id is not null",
        f"select id from Contacts where {many_conditions(25)}",
        f"select id from Contacts where id in ({', '.join(map(str, range(50)))})",
        "select Account_Name.Phone, Account_Name.Website, Owner.email from Contacts where id is not null",
    ],
)
def test_what_is_just_within_a_limit_is_answered(sandbox, query):
    """The limits themselves are allowed."""
    assert ask(sandbox, query).status_code in {200, 204}


def test_a_column_asked_for_twice_is_refused(sandbox):
    """DUPLICATE_DATA, with the column."""
    answer = ask(sandbox, "select Email, Phone, Email from Contacts where id is not null")

    assert error(answer) == ("DUPLICATE_DATA", {"column_name": "Email"})


def test_a_module_the_user_may_not_read_is_forbidden(sandbox):
    """A listed module may be refused: 403, not an empty answer."""
    answer = ask(sandbox, "select id from Payroll where id is not null")

    assert error(answer, 403) == ("NO_PERMISSION", {"permissions": ["Crm_Implied_View_Payroll"]})


@pytest.mark.parametrize("body", [{}, {"query": "select"}, {"select_query": 5}])
def test_a_body_without_a_query_is_refused(sandbox, body):
    """400, whatever else is in it."""
    assert sandbox.api("POST", "/coql", json=body).status_code == 400


def test_coql_needs_a_scope_of_its_own(sandbox):
    """A token that may read every module may not query for that reason."""
    answer = ask(
        sandbox,
        "select id from Contacts where id is not null",
        refresh_token=sandbox.limited_refresh_token,
    )

    assert error(answer, 401) == ("OAUTH_SCOPE_MISMATCH", {})


def test_a_query_costs_one_credit(sandbox):
    """200 records a credit, as a list page."""
    ask(sandbox, "select id from Contacts where id is not null")

    assert sandbox.usage()["by_endpoint"]["POST /coql"] == {"calls": 1, "credits": 1}
