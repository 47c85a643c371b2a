"""COQL as text: what parses, what it means, and where the error is said to be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigin_sandbox.rules.coql.grammar import Condition, CoqlSyntaxError, Pair, Query, Value, parse_coql

A = Condition("a", "=", (Value("1", quoted=False),))
B = Condition("b", "is null")
C = Condition("c", "is not null")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = 1", A),
        ("(a = 1)", A),
        ("((a = 1))", A),
        ("a = 1 and b is null", Pair("and", A, B)),
        ("a = 1 OR b IS NULL", Pair("or", A, B)),
        ("((a = 1 and b is null) and c is not null)", Pair("and", Pair("and", A, B), C)),
        ("(a = 1 and b is null) or c is not null", Pair("or", Pair("and", A, B), C)),
        ("a = 1 and (b is null or c is not null)", Pair("and", A, Pair("or", B, C))),
        ("a != 'x'", Condition("a", "!=", (Value("x", quoted=True),))),
        ('a like "x%"', Condition("a", "like", (Value("x%", quoted=True),))),
        ("a not like '%x%'", Condition("a", "not like", (Value("%x%", quoted=True),))),
        ("a in (1, '2')", Condition("a", "in", (Value("1", quoted=False), Value("2", quoted=True)))),
        ("a not in (-1.5)", Condition("a", "not in", (Value("-1.5", quoted=False),))),
        (
            "a between 1 and 2",
            Condition("a", "between", (Value("1", quoted=False), Value("2", quoted=False))),
        ),
        (
            "a not between 1 and 2 and b is null",
            Pair(
                "and", Condition("a", "not between", (Value("1", quoted=False), Value("2", quoted=False))), B
            ),
        ),
        (r"a = 'O''Neil \'", Condition("a", "=", (Value("O'Neil \\", quoted=True),))),
        ("Account_Name.Phone >= 'x'", Condition("Account_Name.Phone", ">=", (Value("x", quoted=True),))),
        ("'between' = 1", Condition("between", "=", (Value("1", quoted=False),))),
    ],
)
def test_where_becomes_the_tree_it_says(text, expected):
    """Brackets, words and signs mean what the grammar page says, keywords in any case."""
    assert parse_coql(f"select id from M where {text}").where == expected


def test_a_whole_query_with_every_clause():
    """Columns, order, limit and offset all arrive."""
    text = "SELECT id, Account_Name.Phone\nFROM Contacts WHERE b is null ORDER BY x DESC, y asc, z LIMIT 7 OFFSET 14"

    query = parse_coql(text)

    order = (("x", True), ("y", False), ("z", False))
    assert query == Query(("id", "Account_Name.Phone"), "Contacts", B, order, 7, 14)


def test_limit_and_offset_have_defaults():
    """Without a limit Bigin gives 200 records from the first."""
    query = parse_coql("select id from M where b is null")

    assert (query.limit, query.offset, query.order_by) == (200, 0, ())


@pytest.mark.parametrize(
    ("text", "clause"),
    [
        ("select id", "from"),
        ("select id where b is null", "from"),
        ("select id from M", "where"),
        ("select id from M limit 5", "where"),
        ("select id from M order by id", "where"),
    ],
)
def test_a_missing_clause_is_named(text, clause):
    """The platform refuses a query without where, though the grammar page calls it optional."""
    with pytest.raises(CoqlSyntaxError) as refused:
        parse_coql(text)

    assert refused.value.details == {"clause": clause}


@pytest.mark.parametrize(
    ("text", "line", "column", "near"),
    [
        ("", 1, 1, ""),
        ("update Contacts set a = 1", 1, 1, "update"),
        ("select from M where b is null", 1, 8, "from"),
        ("select a, from M where b is null", 1, 11, "from"),
        ("select a b from M where b is null", 1, 10, "b"),
        ("select a frm M where b is null", 1, 10, "frm"),
        ("select a from M where a = 1 and b is null and c is not null", 1, 43, "and"),
        ("select a from M where (a = 1 and b is null or c is not null)", 1, 44, "or"),
        ("select a from M where a = 1 and", 1, 32, ""),
        ("select a from M where (a = 1", 1, 29, ""),
        ("select a from M where a = 1)", 1, 28, ")"),
        ("select a from M where a <> 1", 1, 26, ">"),
        ("select a from M where a = true", 1, 27, "true"),
        ("select a from M where a = 2026-01-01", 1, 31, "-01"),
        ("select a from M where a = 'open", 1, 27, "'open"),
        ("select a from M where a = 'O'Neil'", 1, 34, "'"),
        ("select a from M where a in ()", 1, 29, ")"),
        ("select a from M where a is 1", 1, 28, "1"),
        ("select a\nfrom M\n where a ! 1", 3, 10, "!"),
        ("select a from M where a = 1 limit x", 1, 35, "x"),
        ("select a from M where a = 1 limit -1", 1, 35, "-1"),
        ("select a from M where a = 1 limit 1.5", 1, 35, "1.5"),
        ("select a from M where a = 1 limit 1, 2", 1, 36, ","),
        ("select a from M where a = 1 offset 1 limit 2", 1, 38, "limit"),
        ("select a from M where a = 1 order id", 1, 35, "id"),
        ("select count(id) from M where a = 1", 1, 13, "("),
        ("select a as b from M where a = 1", 1, 10, "as"),
        ("select a from M#123 where a = 1", 1, 16, "#123"),
        ("select a from M where a = 1;", 1, 28, ";"),
    ],
)
def test_a_syntax_error_says_where(text, line, column, near):
    """Whoever wrote the query finds the place by line, column and the word there."""
    with pytest.raises(CoqlSyntaxError) as refused:
        parse_coql(text)

    assert refused.value.details == {"line": line, "column": column, "near": near}


def test_brackets_without_end_are_too_complex():
    """A query of ten thousand brackets is refused, not a crash of the parser."""
    with pytest.raises(CoqlSyntaxError):
        parse_coql("select a from M where " + "(" * 10_000 + "a = 1" + ")" * 10_000)


PIECES = [*"abin ()<>=!,.'\"\\%-12\n", " and ", " or ", " in ", " null", " is not null", " between "]


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_any_text_parses_or_is_refused_with_a_place(text):
    """No text makes the parser fail in another way than by SYNTAX_ERROR."""
    try:
        parse_coql(f"select a from M where {text}")
    except CoqlSyntaxError as refused:
        place = set(refused.details)
    else:
        return
    assert place in ({"line", "column", "near"}, {"clause"})


@given(st.text())
def test_any_value_can_be_quoted(value):
    """With its quotes doubled any text is a value, backslashes included: FACTS 7.22."""
    quoted = value.replace("'", "''")

    where = parse_coql(f"select a from M where a = '{quoted}'").where

    assert where == Condition("a", "=", (Value(value, quoted=True),))
