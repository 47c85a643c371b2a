"""A query's clauses are found without parsing it; what is wrong is told with line and column."""

from __future__ import annotations

import pytest

from bigin_api.endpoints.coql import as_column, by_id_query
from bigin_api.endpoints.coql_select import EVERY_RECORD, Name, QueryError, Select, read_select


@pytest.mark.parametrize(
    ("query", "where", "order_by", "limit", "offset"),
    [
        ("select id from Contacts", None, None, None, None),
        ("SELECT id FROM Contacts WHERE a = 1", "a = 1", None, None, None),
        ("select id from Contacts where a = 'x order by y limit 3'", "a = 'x order by y limit 3'", None, None, None),
        ("select id from Contacts where a = 'O''Neil\\' limit 3", "a = 'O''Neil\\'", None, 3, None),
        ("select id from Contacts where (a = 1 and b = 2) order by a desc, b", "(a = 1 and b = 2)", "a desc, b", None, None),
        ("select id from Contacts where ((a = 1) and (b = (2))) limit 3", "((a = 1) and (b = (2)))", None, 3, None),
        ("select id from Contacts where a in (1, 2)\n limit 5\n offset 10 ;", "a in (1, 2)", None, 5, 10),
        ("select id from Contacts offset 7", None, None, None, 7),
        ("select id from Contacts where Limit = 5", "Limit = 5", None, None, None),
        ("select id from Contacts where a in ('a''b', 'c;d', 'limit 5') ; ", "a in ('a''b', 'c;d', 'limit 5')", None, None, None),
        ("select 'Order', \"Limit\" from Contacts where \"Order\" = 'x\ny' order by 'Order' limit 3", "\"Order\" = 'x\ny'", "'Order'", 3, None),
    ],
)  # fmt: skip
def test_clauses_are_found_outside_quotes_and_brackets(query, where, order_by, limit, offset):
    """A word inside a text is no clause."""
    select = read_select(query)

    assert (select.where, select.order_by, select.limit, select.offset) == (where, order_by, limit, offset)
    assert select.is_bounded == any(part is not None for part in (order_by, limit, offset))


@pytest.mark.parametrize(
    ("query", "place", "message"),
    [
        ("update Contacts", "line 1, column 1", "select is expected"),
        ("select (id) from Contacts", "line 1, column 8", "a column is expected"),
        ("select from Contacts", "line 1, column 8", "a column is expected"),
        ("select id\nfrom", "line 2, column 5", "a module is expected"),
        ("select id frm Contacts", "line 1, column 11", "a comma or from"),
        ("select id from Contacts where", "line 1, column 30", "something after where"),
        ("select id from Contacts\nwhere (a = 1", "line 2, column 7", "never closed"),
        ("select id from Contacts where a = 1)", "line 1, column 36", "never opened"),
        (
            "select id from ((Contacts) where) a = 1",
            "line 1, column 16",
            "a module is expected here, not '((Contacts) where)'",
        ),
        ("select id from Contacts where a = 'x", "line 1, column 35", "quote"),
        ("select id from Contacts limit many", "line 1, column 31", "a whole number"),
        ("select id from Contacts limit", "line 1, column 30", "a whole number is expected here, but the query ends"),
        ("select id from Contacts limit 5 x", "line 1, column 33", "the query's end is expected here, not 'x'"),
        ("select id from Contacts limit 5 limit 6", "line 1, column 33", "the query's end is expected here, not 'limit'"),
        ("select id from Contacts order id", "line 1, column 25", "the query's end is expected here, not 'order'"),
        ("select id from Contacts order by", "line 1, column 33", "something after order by is expected here, but the query ends"),
        ("select id from Contacts where order by id", "line 1, column 31", "something after where is expected here, not 'order'"),
        ("select id from Contacts where limit 5", "line 1, column 31", "something after where is expected here, not 'limit'"),
        ("select id from Contacts where offset 5", "line 1, column 31", "something after where is expected here, not 'offset'"),
        ("select id, from Contacts", "line 1, column 12", "a column is expected here, not 'from'"),
        ("select id", "line 1, column 10", "from is expected here, but the query ends"),
        ("select", "line 1, column 7", "a column is expected here, but the query ends"),
        ("", "line 1, column 1", "select is expected here, but the query ends"),
        ("select id from 'Contacts'", "line 1, column 16", "a module is expected here, not \"'Contacts'\""),
        ("select 7 from Contacts", "line 1, column 8", "a column is expected here, not '7'"),
        ("select id\n\n frm" + "x" * 40, "line 3, column 2", f"a comma or from is expected here, not 'frm{'x' * 27}'"),
        ("select id from Contacts where (a = 1 and (b = 2", "line 1, column 42", "a bracket is opened and never closed"),
    ],
)  # fmt: skip
def test_mistake_is_told_with_its_place(query, place, message):
    """A person should see where, not only that, a query is wrong."""
    with pytest.raises(QueryError) as raised:
        read_select(query)

    assert str(raised.value).startswith(f"{place}: ")
    assert message in str(raised.value)


def test_a_query_is_known_by_all_of_its_clauses():
    """With where its columns and its module stand, so that what is wrong with them can be shown."""
    text = "select id, Account_Name.Phone\nfrom Contacts where a = 1 or b = 2 order by a desc offset 7"

    select = read_select(f"{text};")

    assert select == Select(
        text,
        (Name("id", 7), Name("Account_Name.Phone", 11)),
        Name("Contacts", 35),
        "a = 1 or b = 2",
        "a desc",
        None,
        7,
    )
    assert select.condition == "(a = 1 or b = 2)"
    assert select.complete == text
    assert select.page(limit=200, offset=400) == (
        "select id, Account_Name.Phone from Contacts where a = 1 or b = 2 order by a desc limit 200 offset 400"
    )
    assert str(select.error("no such module", at=select.module.at)) == "line 2, column 6: no such module"


def test_query_without_where_gets_one_that_holds_always():
    """The platform refuses a query without a where clause."""
    select = read_select("select id from Contacts limit 7")

    assert select.complete == f"select id from Contacts where {EVERY_RECORD} limit 7"
    assert select.condition == EVERY_RECORD
    assert select.page(limit=7, offset=0) == f"select id from Contacts where {EVERY_RECORD} limit 7 offset 0"


def test_a_column_whose_name_is_a_word_of_coql_is_put_in_quotes():
    """Custom fields are called Order and Limit, and a query with such a name is no query."""
    select = read_select("select id, 'Order', \"Limit\", Größe from Contacts")

    assert [each.bare for each in select.columns] == ["id", "Order", "Limit", "Größe"]
    assert [as_column(word) for word in ("Order", "AND", "id")] == ["'Order'", "'AND'", "id"]
    assert by_id_query("Contacts", ["Order", "id"], limit=7) == (
        "select 'Order', id from Contacts where id > 0 order by id asc limit 7"
    )
