"""POST /coql, answer by answer."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from support.coql import ask, data, ids


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


def test_a_query_costs_one_credit(sandbox):
    """200 records a credit, as a list page."""
    ask(sandbox, "select id from Contacts where id is not null")

    assert sandbox.usage()["by_endpoint"]["POST /coql"] == {"calls": 1, "credits": 1}
