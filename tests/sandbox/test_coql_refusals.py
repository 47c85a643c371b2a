"""POST /coql: what is refused, and how it is said."""

from __future__ import annotations

import pytest
from support.coql import ask, error


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
