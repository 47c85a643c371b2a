"""COQL, related lists, tags, users and the organisation, over real HTTP."""

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigin_api import (
    Coql,
    InvalidRequest,
    Metadata,
    Organization,
    QueryRefused,
    Related,
    Reply,
    ScopeMissing,
    ServerError,
    Tags,
)
from bigin_api.endpoints.coql import all_of, moment, quote


class Answers:
    """A sender that gives the replies in turn."""

    def __init__(self, *bodies: object) -> None:
        self.bodies = list(bodies)
        self.calls = []

    def send(self, call):
        self.calls.append(call)
        return Reply(200, self.bodies.pop(0))


def test_a_query_gives_rows_and_says_whether_there_are_more(bigin, sandbox):
    """Lookups come as ids alone, joined columns by their dotted name."""
    company = sandbox.create("Accounts", Account_Name="Nordlys")
    sandbox.create("Contacts", Last_Name="Zetterberg", Account_Name={"id": company})

    page = bigin.coql.query(
        "select Last_Name, Account_Name, Account_Name.Account_Name from Contacts where Last_Name = 'Zetterberg'"
    )

    (row,) = page.records
    assert row["Account_Name"] == {"id": company}
    assert row["Account_Name.Account_Name"] == "Nordlys"
    assert not page.more_records
    assert page.server_time is not None


def test_no_row_is_an_empty_page(bigin):
    """204 has no body."""
    page = bigin.coql.query("select id from Contacts where Last_Name = 'Nobody At All'")

    assert (page.records, page.more_records) == ([], False)


def test_a_wrong_query_says_where(bigin):
    """The person who wrote it needs line and column."""
    with pytest.raises(QueryRefused, match="SYNTAX_ERROR") as raised:
        bigin.coql.query("select id from Contacts\nwhere where id > 0")

    assert raised.value.details["line"] == 2
    assert raised.value.details["column"]
    with pytest.raises(QueryRefused, match="Nonsense") as raised:
        bigin.coql.query("select Nonsense from Contacts where id > 0")
    assert "line" not in raised.value.details


def test_a_table_is_read_by_key_whatever_its_size(bigin, sandbox):
    """10,000 rows are the end of offsets, not of keys; every id comes once, in order."""
    sandbox.mutate({"op": "create", "module": "Contacts", "count": 450, "data": {}})

    pages = list(bigin.coql.pages_by_id("Contacts", ["id", "Last_Name"], where="Last_Name like 'Record%'"))

    ids = [int(row["id"]) for page in pages for row in page]
    assert [len(page) for page in pages] == [200, 200, 50]
    assert ids == sorted(set(ids))


def test_what_happens_meanwhile_shifts_nothing(bigin, sandbox):
    """People delete what was read and create behind it: nothing is skipped, what is new comes last."""
    made = sandbox.mutate({"op": "create", "module": "Contacts", "count": 400, "data": {}})[0]
    ids = [each["id"] for each in made]
    pages = bigin.coql.pages_by_id("Contacts", ["id"], after_id=str(int(ids[0]) - 1))

    seen = [row["id"] for row in next(pages)]
    sandbox.mutate({"op": "delete", "module": "Contacts", "ids": ids[:150]})
    new = sandbox.create("Contacts", Last_Name="New")
    seen += [row["id"] for page in pages for row in page]

    assert seen == [*ids, new]


def test_an_empty_answer_ends_the_reading():
    """A server that promises more and gives nothing must not be asked for ever."""
    answers = Answers({"data": [], "info": {"more_records": True}})

    assert list(Coql(answers).pages_by_id("Contacts", ["id"])) == []
    assert len(answers.calls) == 1


@pytest.mark.parametrize(
    ("pages", "calls"),
    [
        ([(5, False)], 1),
        ([(200, True), (5, False)], 2),
        ([(120, True), (5, False)], 2),  # the server may give fewer than were asked for
        ([(199, True), (0, False)], 2),
        ([(200, False), (5, False)], 2),  # a full page that says it is the last is not believed
        ([(200, False), (0, False)], 2),
    ],
)
def test_a_table_ends_with_a_short_page_that_promises_nothing(pages, calls):
    """Ended sooner, rows are missing; asked for once more, a credit is spent for nothing."""
    ids = iter(range(1, 1_000))
    bodies = [
        {"data": [{"id": str(next(ids))} for _ in range(rows)], "info": {"more_records": more}}
        for rows, more in pages
    ]
    answers = Answers(*bodies)

    read = [int(row["id"]) for page in Coql(answers).pages_by_id("Contacts", ["id"]) for row in page]

    assert read == list(range(1, 1 + sum(rows for rows, _ in pages)))
    assert len(answers.calls) == calls
    asked_after = ["0", *(str(sum(rows for rows, _ in pages[:at])) for at in range(1, calls))]
    for call, last in zip(answers.calls, asked_after, strict=True):
        assert f"where id > {last} order by id asc limit 200" in call.json["select_query"]


@pytest.mark.parametrize(
    ("rows", "odd", "info", "more"),
    [
        (5, 0, {}, False),
        (199, 0, None, False),
        (200, 0, {}, True),
        (199, 1, {"more_records": None}, True),
        (5, 0, {"more_records": True}, True),
        (5, 0, {"more_records": "true"}, True),
        (200, 0, {"more_records": False}, False),
        (0, 0, {}, False),
    ],
)
def test_a_page_of_coql_that_says_nothing_of_more_is_the_last_unless_it_is_full(rows, odd, info, *, more):
    """An answer without the word costs no call more, and loses nothing."""
    data = [{"id": str(number)} for number in range(rows)] + [None] * odd

    page = Coql(Answers({"data": data, "info": info})).query("select id from Contacts where id > 0")

    assert page.more_records is more
    assert (len(page.records), page.left_out) == (rows, odd)


@pytest.mark.parametrize(
    ("counts", "lacks", "calls"),
    [
        ([2, 1], [], 2),  # the second time it is whole
        ([3, 3], ["2 rows of COQL did not come as records."], 2),
        ([1], [], 1),
        ([200, 200], ["199 rows of COQL did not come as records."], 2),
        ([201], [], 1),  # more than a page holds: it counts something else
        ([None], [], 1),
        (["many"], [], 1),
    ],
)
def test_a_page_that_has_fewer_rows_than_it_counts_is_asked_for_once_more(counts, lacks, calls):
    """What proves that nothing is missing must itself be whole."""
    bodies = [{"data": [{"id": "7"}], "info": {"count": count, "more_records": False}} for count in counts]
    answers, told = Answers(*bodies), []

    found = list(Coql(answers).pages_by_id("Contacts", ["id"], on_lack=told.append))

    assert (found, told, len(answers.calls)) == ([[{"id": "7"}]], lacks, calls)
    if lacks:
        with pytest.raises(QueryRefused) as raised:
            list(Coql(Answers(*bodies)).pages_by_id("Contacts", ["id"]))
        assert (raised.value.message, raised.value.module) == (f"Contacts: {lacks[0]}", "Contacts")


def test_a_table_that_begins_before_where_it_should_is_an_error():
    """From the first page on."""
    answers = Answers({"data": [{"id": "7"}], "info": {"more_records": False}})

    with pytest.raises(ServerError, match=r"COQL's rows after id 7 end with '7'") as raised:
        list(Coql(answers).pages_by_id("Contacts", ["id"], after_id="7"))

    assert raised.value.module == "Contacts"


def test_related_rows_without_an_id_are_told_with_their_list(caplog):
    """A person finds the relation by it."""
    Related(Answers({"data": [None]})).page("Contacts", "1", "Notes", ["Note_Title"])
    Coql(Answers({"data": [None]})).query("select id from Contacts where id > 0")

    assert caplog.messages == [
        "Contacts Notes: a page has a row without id (NoneType): left out.",
        "COQL: a page has a row without id (NoneType): left out.",
    ]


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)


@given(TEXT)
def test_quoting_keeps_a_value_inside_its_quotes(value):
    """A name with an apostrophe must neither break the query nor change it."""
    quoted = quote(value)

    inside = quoted[1:-1]
    assert quoted[0] == quoted[-1] == "'"
    assert inside.replace("''", "").count("'") == 0
    assert inside.replace("''", "'") == value


@pytest.mark.parametrize("name", ["O'Neil", "back\\slash", "a\\'b", "Åse Øy", 'say "x"'])
def test_quoted_values_are_found(bigin, sandbox, name):
    """What was quoted means the value itself."""
    made = sandbox.create("Contacts", Last_Name=name)

    page = bigin.coql.query(f"select id from Contacts where Last_Name = {quote(name)}")

    assert [row["id"] for row in page.records] == [made]


def test_conditions_are_joined_in_pairs(bigin, sandbox):
    """The grammar wants brackets round each pair."""
    made = [sandbox.create("Contacts", Last_Name=f"Pair{n}") for n in range(5)]
    names = [f"Last_Name = 'Pair{n}'" for n in range(5)]
    since = f"Modified_Time >= {moment(datetime.now(timezone.utc) - timedelta(hours=1))}"

    page = bigin.coql.query(f"select id from Contacts where {all_of([all_of(names, word='or'), since])}")

    assert [row["id"] for row in page.records] == made
    assert all_of(["a = 1"]) == "a = 1"


def test_coql_without_its_scope_is_told_as_such(sandbox, connect):
    """The remedy is another refresh token, not another right in Bigin."""
    client = connect(sandbox.url, **sandbox.settings_for(refresh_token=sandbox.limited_refresh_token))

    with pytest.raises(ScopeMissing, match=r"OAUTH_SCOPE_MISMATCH.*new refresh token"):
        client.coql.query("select id from Contacts where id > 0")


def test_a_related_list_is_paged_like_any_other(bigin, sandbox):
    """One credit a parent and page."""
    company = sandbox.create("Accounts", Account_Name="Nordlys")
    for number in range(3):
        sandbox.create("Contacts", Last_Name=f"N{number}", Account_Name={"id": company})

    first = bigin.related.page("Accounts", company, "Contacts", ["Last_Name"], per_page=2)
    by_number = bigin.related.page("Accounts", company, "Contacts", ["Last_Name"], per_page=2, page=2)
    by_token = bigin.related.page(
        "Accounts", company, "Contacts", ["Last_Name"], per_page=2, page_token=first.next_page_token
    )

    assert (len(first.records), first.more_records) == (2, True)
    assert by_number.records == by_token.records
    assert len(by_number.records) == 1
    assert not by_number.more_records


def test_a_parent_without_relations_has_none(bigin, sandbox):
    """204 again."""
    company = sandbox.create("Accounts", Account_Name="Alone")

    assert bigin.related.page("Accounts", company, "Contacts", ["Last_Name"]).records == []


def test_a_relation_that_is_not_there_is_an_error(bigin, sandbox):
    """Wrong is not empty: the setting names a list that this module lacks."""
    company = sandbox.create("Accounts", Account_Name="Alone")

    with pytest.raises(InvalidRequest) as raised:
        bigin.related.page("Accounts", company, "Nonsense", ["Last_Name"])

    assert raised.value.details["resource_path_index"] == 2


def test_emails_have_an_envelope_and_a_paging_of_their_own(bigin, sandbox):
    """Ten at a time, by index, until there is no next one."""
    seen: dict[str, int] = {}
    for contact in sandbox.dump("Contacts"):
        index = None
        while True:
            emails, index = bigin.related.emails("Contacts", contact["id"], index=index)
            seen[contact["id"]] = seen.get(contact["id"], 0) + len(emails)
            assert len(emails) <= 10
            if index is None:
                break

    assert max(seen.values()) > 10


@pytest.mark.parametrize(
    ("info", "following"),
    [
        ({"more_records": True, "next_index": "abc"}, "abc"),
        ({"more_records": True, "next_index": 10}, "10"),
        ({"more_records": False, "next_index": "abc"}, None),
        ({}, None),
    ],
)
def test_the_next_index_is_there_only_if_there_is_more(info, following):
    """A reader that goes on without an index reads the first ten for ever."""
    emails, index = Related(Answers({"Emails": [{}], "info": info})).emails("Contacts", "1")

    assert (emails, index) == ([{}], following)


@pytest.mark.parametrize("following", [None, "", "7"])
def test_more_emails_without_a_way_to_them_are_an_error(following):
    """Neither do the rest get lost without a word, nor are the same ten read for ever."""
    answers = Answers({"Emails": [{}], "info": {"more_records": True, "next_index": following}})

    with pytest.raises(ServerError, match="more emails are promised"):
        Related(answers).emails("Contacts", "1", index="7")


@pytest.mark.parametrize("info", [None, {}, {"more_records": None}])
def test_a_full_page_of_emails_that_says_nothing_of_more_is_an_error(info):
    """There may be more, and there is no way to them: they were lost without a word."""
    with pytest.raises(ServerError, match="more emails are promised"):
        Related(Answers({"Emails": [{}] * 10, "info": info})).emails("Contacts", "1")


LISTS = {
    "users": lambda sender: Organization(sender).users(),
    "tags": lambda sender: Tags(sender).of_module("Contacts"),
    "custom_views": lambda sender: Metadata(sender).custom_views("Contacts"),
    "layouts": lambda sender: Metadata(sender).layouts("Contacts"),
    "related_lists": lambda sender: Metadata(sender).related_lists("Contacts"),
    "fields": lambda sender: Metadata(sender).fields("Contacts"),
    "modules": lambda sender: Metadata(sender).modules(),
    "roles": lambda sender: Metadata(sender).roles(),
    "profiles": lambda sender: Metadata(sender).profiles(),
}


def page_of(key: str, *ids: int, more: bool) -> dict[str, object]:
    entries = [{"id": str(n), "name": f"N{n}", "api_name": f"N{n}"} for n in ids]
    return {key: entries, "info": {"more_records": more}}


@pytest.mark.parametrize("key", LISTS)
def test_a_list_of_the_settings_is_read_to_its_last_page(key):
    """An organisation with more than 200 custom views lost those beyond without a word."""
    answers = Answers(
        page_of(key, 1, 2, more=True), page_of(key, 3, 4, more=True), page_of(key, 5, more=False)
    )

    found = list(LISTS[key](answers))

    assert [each["id"] if isinstance(each, dict) else each.id for each in found] == list("12345")
    # No page is named before it must be: not every one of these lists documents the parameter.
    assert [call.params.get("page") for call in answers.calls] == ["1" if key == "users" else None, "2", "3"]


@pytest.mark.parametrize("key", LISTS)
def test_a_list_that_does_not_go_on_is_an_error(key):
    """A server that knows no pages gives the first one for ever."""
    same = page_of(key, 1, 2, more=True)

    with pytest.raises(ServerError, match="page 2 is page 1 once more"):
        list(LISTS[key](Answers(same, same)))


@pytest.mark.parametrize("last", [{}, {"id": None}, {"id": "x"}])
def test_a_row_without_id_is_asked_for_once_more(last):
    """What proves that nothing is missing must itself be whole: else the proof is refused, not taken."""
    whole = {"data": [{"id": "7"}], "info": {"more_records": False}}
    broken = {"data": [last, {"id": "7"}], "info": {"more_records": False}}

    assert list(Coql(Answers(broken, whole)).pages_by_id("Contacts", ["id"])) == [[{"id": "7"}]]
    with pytest.raises(QueryRefused, match="did not come as records"):
        list(Coql(Answers(broken, broken)).pages_by_id("Contacts", ["id"]))
    told: list[str] = []
    found = Coql(Answers(broken, broken)).pages_by_id("Contacts", ["id"], on_lack=told.append)
    assert (list(found), told) == ([[{"id": "7"}]], ["1 rows of COQL did not come as records."])


@pytest.mark.parametrize("last", [{"id": "7"}, {"id": 6}])
def test_a_table_that_does_not_go_on_is_an_error(last):
    """Rows without ids, or no further than before: a page that would be asked for again and again."""
    rows = {"data": [{"id": "7"}], "info": {"more_records": True}}
    answers = Answers(rows, {"data": [last], "info": {"more_records": True}})

    with pytest.raises(ServerError, match="after id 7"):
        list(Coql(answers).pages_by_id("Contacts", ["id"]))


def test_linking_may_be_repeated(bigin, sandbox):
    """The second time says the same."""
    contact, product = sandbox.create("Contacts", Last_Name="A"), sandbox.create("Products", Product_Name="P")

    results = [bigin.related.link("Contacts", contact, "Products", product) for _ in range(2)]

    assert [each.succeeded for each in results] == [True, True]
    linked = bigin.related.page("Contacts", contact, "Products", ["Product_Name"]).records
    assert [each["id"] for each in linked] == [product]


def test_a_link_without_a_verdict_is_an_error():
    """An answer that says nothing must not pass for a link."""
    with pytest.raises(ServerError, match="judged 0 of 1"):
        Related(Answers({"data": []})).link("Contacts", "1", "Products", "2")


def test_tags_are_added_and_taken_away(bigin, sandbox):
    """50 records a credit; unknown names are created, other tags stay."""
    ids = [
        each["id"]
        for each in sandbox.mutate({"op": "create", "module": "Contacts", "count": 60, "data": {}})[0]
    ]
    before = sandbox.usage()["credits"]

    added = bigin.tags.add("Contacts", ids, ["vip", "nordic"])
    removed = bigin.tags.remove("Contacts", ids[:1], ["vip"])

    assert all(each.succeeded for each in [*added, *removed])
    assert sandbox.usage()["credits"] - before == bigin.spent().credits == 3
    names = {each["id"]: {tag["name"] for tag in each["Tag"]} for each in sandbox.dump("Contacts")}
    assert (names[ids[0]], names[ids[1]]) == ({"nordic"}, {"vip", "nordic"})
    assert {"vip", "nordic"} <= {tag["name"] for tag in bigin.tags.of_module("Contacts")}
    assert bigin.spent().by_label == {"Contacts": 4}


def test_tags_of_a_record_that_is_not_there_are_refused_for_it_alone(bigin, sandbox):
    """One id that was deleted meanwhile does not keep the others from their tag."""
    made = sandbox.create("Contacts", Last_Name="A")

    good, bad = bigin.tags.add("Contacts", [made, "6100000000000999999"], ["vip"])

    assert (good.succeeded, bad.succeeded) == (True, False)


def test_users_and_the_organisation_are_read(bigin, sandbox):
    """Owners are found by e-mail; uploads need the organisation's number."""
    users = list(bigin.organization.users())

    assert len({user["id"] for user in users}) == len(users) > 1
    assert all("@" in user["email"] for user in users)
    assert bigin.organization.get()["company_name"]
    before = sandbox.calls("GET /org")
    assert bigin.organization.zgid() == bigin.organization.zgid() == str(bigin.organization.get()["zgid"])
    assert sandbox.calls("GET /org") - before == 2
