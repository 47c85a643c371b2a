"""GET /{module}/search: what the index finds, when, and what it refuses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigin_sandbox.rules.search.grammar import Wish, Wishes, parse_criteria

LAG = 20  # seconds: surely longer than the index needs


def search(sandbox, module="Contacts", **params):
    return sandbox.api("GET", f"/{module}/search", params=params)


def names(answer, key="Last_Name"):
    if answer.status_code == 204:
        return []
    assert answer.status_code == 200, answer.text
    return [record[key] for record in answer.json()["data"]]


def refusal(answer):
    assert answer.status_code == 400, answer.text
    return answer.json()["code"], answer.json()["details"]


def test_the_index_lags(sandbox):
    """A record just written is not found; 15 seconds later it is. The data API and COQL see it at once."""
    sandbox.create("Contacts", Last_Name="Zzberg")

    assert search(sandbox, criteria="(Last_Name:equals:Zzberg)").status_code == 204
    sandbox.clock(advance=LAG)
    assert names(search(sandbox, criteria="(Last_Name:equals:Zzberg)")) == ["Zzberg"]


def test_an_edit_hides_a_record_until_the_index_has_caught_up(sandbox):
    """Incremental reading by search loses what was edited a moment ago."""
    contact = sandbox.create("Contacts", Last_Name="Zzberg")
    sandbox.clock(advance=LAG)
    sandbox.mutate({"op": "edit", "module": "Contacts", "id": contact, "data": {"Last_Name": "Zzhill"}})

    assert search(sandbox, criteria="(Last_Name:equals:Zzhill)").status_code == 204
    sandbox.clock(advance=LAG)
    assert names(search(sandbox, criteria="(Last_Name:equals:Zzhill)")) == ["Zzhill"]


def test_all_fields_come_unless_some_are_named(sandbox):
    """Search returns what the list would not: `$` keys, and fields that nobody asked for."""
    whole = search(sandbox, criteria="(Last_Name:starts_with:B)").json()
    narrow = search(sandbox, criteria="(Last_Name:starts_with:B)", fields="Email").json()

    assert {"Last_Name", "Email", "Tag", "$approval_state", "id"} <= set(whole["data"][0])
    assert {frozenset(record) for record in narrow["data"]} == {frozenset({"Email", "id"})}


@pytest.mark.parametrize("module", ["Contacts", "Pipelines"])
def test_search_shows_the_layout(sandbox, module):
    """read.md 3.3 [L]: `$layout_id` with three keys; a deal's is its Team Pipeline."""
    record = search(sandbox, module, criteria="(id:greater_than:1)").json()["data"][0]

    layouts = sandbox.api("GET", "/settings/layouts", params={"module": module}).json()["layouts"]
    told = record["$layout_id"]
    assert told.keys() == {"display_label", "name", "id"}
    assert told["id"] == (record["Pipeline"]["id"] if module == "Pipelines" else layouts[0]["id"])


def test_info_has_no_page_tokens(sandbox):
    """Sort keys, but nothing that would lead beyond 2,000 records."""
    info = search(sandbox, criteria="(Last_Name:not_equal:x)", per_page=5).json()["info"]

    assert info == {
        "per_page": 5,
        "count": 5,
        "sort_by": "id",
        "page": 1,
        "sort_order": "desc",
        "more_records": True,
    }


def test_pages_follow_each_other(sandbox):
    """Newest id first, no record twice."""
    found = []
    for page in range(1, 100):
        answer = search(sandbox, criteria="(Last_Name:not_equal:x)", per_page=7, page=page)
        found += [record["id"] for record in answer.json()["data"]]
        if not answer.json()["info"]["more_records"]:
            break

    assert found == [record["id"] for record in reversed(sandbox.dump("Contacts"))]


@pytest.mark.parametrize(("page", "status"), [(10, 204), (11, 400)])
def test_the_wall_stands_at_2000_records(sandbox, page, status):
    """LIMIT_REACHED beyond."""
    answer = search(sandbox, criteria="(Last_Name:not_equal:x)", page=page, per_page=200)

    assert answer.status_code == status
    if status == 400:
        assert answer.json()["code"] == "LIMIT_REACHED"


PLANS = [
    {"Name": "Alpha", "Seats": 1, "Renews": True, "Starts_On": "2026-01-01", "Frequency": "Yearly"},
    {"Name": "Alphabet", "Seats": 2, "Starts_On": "2026-02-01", "Channels": ["Post", "Phone"]},
    {"Name": "Beta, (Inc)", "Seats": 20, "Starts_On": "2026-03-01", "Billing_Email": "beta@example.org"},
]


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        ("(Name:equals:alpha)", ["Alphabet", "Alpha"]),
        ("Name:equals:alpha", ["Alphabet", "Alpha"]),
        ("(Name:starts_with:alphab)", ["Alphabet"]),
        ("(Name:not_equal:Alpha)", ["Beta, (Inc)", "Alphabet"]),
        ("(Name:in:Alpha,Alphabet)", ["Alphabet", "Alpha"]),
        (r"(Name:equals:Beta\, \(Inc\))", ["Beta, (Inc)"]),
        (r"(Name:in:Alpha,Beta\, \(Inc\))", ["Beta, (Inc)", "Alpha"]),
        ("(Seats:equals:2)", ["Alphabet"]),
        ("(Seats:greater_than:1)", ["Beta, (Inc)", "Alphabet"]),
        ("(Seats:greater_equal:2)", ["Beta, (Inc)", "Alphabet"]),
        ("(Seats:less_than:2)", ["Alpha"]),
        ("(Seats:less_equal:2)", ["Alphabet", "Alpha"]),
        ("(Seats:between:2,20)", ["Beta, (Inc)", "Alphabet"]),
        ("(Seats:in:1,20)", ["Beta, (Inc)", "Alpha"]),
        ("(Starts_On:greater_than:2026-01-31)", ["Beta, (Inc)", "Alphabet"]),
        ("(Renews:equals:true)", ["Alpha"]),
        ("(Frequency:equals:Yearly)", ["Alpha"]),
        ("(Channels:equals:Phone)", ["Alphabet"]),
        ("((Name:starts_with:Alpha)and(Seats:greater_than:1))", ["Alphabet"]),
        ("((Seats:equals:1)or(Seats:equals:20))", ["Beta, (Inc)", "Alpha"]),
        ("(Seats:equals:1)or(Seats:equals:20)", ["Beta, (Inc)", "Alpha"]),
        ("(((Seats:equals:1)or(Seats:equals:2))and(Name:starts_with:Alphab))", ["Alphabet"]),
    ],
)
def test_criteria_mean_what_they_say(sandbox, criteria, expected):
    """Every operator, by data type; `equals` on a text finds what contains it."""
    first, *_ = [sandbox.create("Subscriptions", **plan) for plan in PLANS]
    sandbox.clock(advance=LAG)

    answer = search(sandbox, "Subscriptions", criteria=f"(({criteria})and(id:greater_equal:{first}))")
    if not criteria.startswith("("):
        answer = search(sandbox, "Subscriptions", criteria=criteria)

    assert names(answer, "Name") == expected


def test_a_lookup_is_searched_by_id(sandbox):
    """`Account_Name` and what clients write, `Account_Name.id`."""
    company = sandbox.create("Accounts", Account_Name="Nordlys AS")
    sandbox.create("Contacts", Last_Name="Zzberg", Account_Name={"id": company})
    sandbox.clock(advance=LAG)

    assert names(search(sandbox, criteria=f"(Account_Name:equals:{company})")) == ["Zzberg"]
    assert names(search(sandbox, criteria=f"(Account_Name.id:equals:{company})")) == ["Zzberg"]


@pytest.mark.parametrize(
    "params", [{"email": "eva@zz.example.org"}, {"phone": "4712345"}, {"word": "Zzberg"}, {"word": "zzb"}]
)
def test_email_phone_and_word_look_in_all_fields_of_their_sort(sandbox, params):
    """Without knowing a field's name."""
    sandbox.create("Contacts", Last_Name="Zzberg", Email="eva@zz.example.org", Phone="+47 4712345")
    sandbox.clock(advance=LAG)

    assert names(search(sandbox, **params)) == ["Zzberg"]


def test_of_several_ways_criteria_win(sandbox):
    """criteria, email, phone, word: in this order."""
    answer = search(sandbox, word="nothing like that", criteria="(Last_Name:not_equal:x)")

    assert answer.status_code == 200


def test_a_deleted_record_is_not_found(sandbox):
    """Search does not look into the recycle bin."""
    contact = sandbox.create("Contacts", Last_Name="Zzberg")
    sandbox.clock(advance=LAG)
    sandbox.mutate({"op": "delete", "module": "Contacts", "id": contact})

    assert search(sandbox, criteria="(Last_Name:equals:Zzberg)").status_code == 204


def test_one_of_the_four_ways_must_be_given(sandbox):
    """EXPECTED_PARAM_MISSING."""
    assert refusal(search(sandbox))[0] == "EXPECTED_PARAM_MISSING"


@pytest.mark.parametrize("params", [{"word": "x"}, {"word": "a*b"}, {"phone": "call me"}, {"email": "e"}])
def test_short_texts_and_special_characters_are_refused(sandbox, params):
    """INVALID_DATA with the parameter."""
    code, details = refusal(search(sandbox, **params))

    assert (code, details) == ("INVALID_DATA", {"param_name": next(iter(params))})


@pytest.mark.parametrize(
    ("criteria", "api_name", "operator"),
    [
        ("(Nope:equals:x)", "Nope", "equals"),
        ("(Tag:equals:x)", "Tag", "equals"),
        ("(Last_Name:greater_than:x)", "Last_Name", "greater_than"),
        ("(Last_Name:like:x)", "Last_Name", "like"),
        ("(Unsubscribed_Mode:starts_with:x)", "Unsubscribed_Mode", "starts_with"),
        ("(Created_Time:greater_than:2026-01-01T00:00:00Z)", "Created_Time", "greater_than"),
        ("(Created_Time:greater_than:2026-01-01T00:00:00.000+01:00)", "Created_Time", "greater_than"),
        ("(Created_Time:greater_than:2026-01-01T00:00:00 01:00)", "Created_Time", "greater_than"),
        ("(Created_Time:between:2026-01-01T00:00:00+01:00)", "Created_Time", "between"),
        ("(Account_Name:equals:Nordlys)", "Account_Name", "equals"),
        ("(Email_Opt_Out:equals:yes)", "Email_Opt_Out", "equals"),
        (f"(Last_Name:in:{','.join(map(str, range(101)))})", "Last_Name", "in"),
    ],
)
def test_criteria_that_do_not_fit_are_refused(sandbox, criteria, api_name, operator):
    """INVALID_QUERY with field and operator: no `Z`, no fraction, no blank where a plus was meant."""
    code, details = refusal(search(sandbox, criteria=criteria))

    assert (code, details["api_name"], details["operator"]) == ("INVALID_QUERY", api_name, operator)


def test_sub_pipelines_are_not_searched(sandbox):
    """Refused live, whatever the metadata say."""
    code, details = refusal(search(sandbox, "Pipelines", criteria="(Sub_Pipeline:equals:x)"))

    assert (code, details["reason"]) == ("INVALID_QUERY", "the field is not available for search")


@pytest.mark.parametrize(
    "criteria",
    [
        "Last_Name",
        "(Last_Name:equals:x",
        "(Last_Name:equals:x))",
        "((Last_Name:equals:x)(Email:equals:y))",
        "((Last_Name:equals:x)xor(Email:equals:y))",
        "(Last_Name:equals:x) and",
        "(Last_Name:equals)",
        "()",
        "(" * 2000,
    ],
)
def test_criteria_that_cannot_be_read_are_refused(sandbox, criteria):
    """INVALID_QUERY."""
    assert refusal(search(sandbox, criteria=criteria))[0] == "INVALID_QUERY"


def test_more_than_ten_conditions_are_refused(sandbox):
    """Ten are allowed."""
    ten = "and".join(["(Last_Name:equals:x)"] * 10)

    assert search(sandbox, criteria=f"({ten})").status_code == 204
    assert refusal(search(sandbox, criteria=f"({ten}and(Last_Name:equals:x))"))[0] == "INVALID_QUERY"


def test_attachments_are_not_searched(sandbox):
    """NOT_SUPPORTED."""
    assert refusal(search(sandbox, "Attachments", word="report"))[0] == "NOT_SUPPORTED"


def test_search_needs_a_scope_of_its_own(sandbox):
    """The modules' scope is not enough."""
    answer = sandbox.api(
        "GET", "/Contacts/search", params={"word": "Berg"}, refresh_token=sandbox.limited_refresh_token
    )

    assert (answer.status_code, answer.json()["code"]) == (401, "OAUTH_SCOPE_MISMATCH")


@given(st.text(min_size=1))
def test_any_value_can_be_escaped(value):
    """Brackets, commas and backslashes in a value survive."""
    escaped = "".join(f"\\{sign}" if sign in "(),\\" else sign for sign in value)

    assert parse_criteria(f"((a:equals:{escaped})and(b:in:1,2))") == Wishes(
        "and", (Wish("a", "equals", value, (value,)), Wish("b", "in", "1,2", ("1", "2")))
    )
