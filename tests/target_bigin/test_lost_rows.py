"""Which rows are the records of a lost insert, and which may be: what decides it, case by case."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest

from bigin_api.errors import InvalidRequest, PermissionDenied, QueryRefused
from bigin_api.models import Field
from target_bigin.records.record import Record
from target_bigin.writing.insert_recovery import Lost, Search, compared_fields, doubtful_rows, match_rows

FIELDS = {
    each.api_name: each
    for each in (
        Field("Priority", "picklist", "string"),
        Field("Amount", "currency", "double", decimal_place=2),
        Field("Code", "text", "string", mandatory=True),
        Field("Subject", "text", "string", mandatory=True, is_display_field=True),
        Field("Serial", "text", "string", is_unique=True),
        Field("Note", "textarea", "string"),
        Field("Tag", "text", "jsonarray"),
        Field("Owner", "ownerlookup", "jsonobject"),
    )
}
NOW = datetime(2026, 5, 14, 12, tzinfo=timezone.utc)
CALL = {"Subject": "Call", "Priority": "High", "Amount": 7}
UNIQUE = ("Serial",)


def lost(*bodies, since=NOW, until=100.0, first=0):
    records = [Record(first + n, "tasks", {}, body) for n, body in enumerate(bodies)]
    return Lost(records, since, until, since)


def rows(*bodies, **more):
    return [
        {"id": str(n), "Created_Time": "2026-05-14T12:00:05Z", **more, **body}
        for n, body in enumerate(bodies, start=1)
    ]


@pytest.mark.parametrize(
    ("body", "long_texts", "compared"),
    [
        ({}, False, ["Serial", "Amount"]),
        (
            {"Priority": "x", "Code": "x", "Subject": "x"},
            False,
            ["Serial", "Code", "Subject", "Priority", "Amount"],
        ),
        ({"Note": "x", "Tag": [], "Owner": {"id": "1"}, "Odd": 1}, False, ["Serial", "Amount"]),
        ({"Note": "x"}, True, ["Serial", "Note", "Amount"]),
    ],
)
def test_what_tells_records_apart_is_compared_first_what_they_must_have_next(body, long_texts, compared):
    """What nobody sent is compared, too: a row that has it may be another record."""
    record = Record(1, "tasks", {}, body)

    found = compared_fields([record], FIELDS, unique=UNIQUE, carried=["Amount"], long_texts=long_texts)

    assert found == compared


def test_no_more_is_compared_than_a_query_shows():
    """Fifty columns, of which three say which row it is, who made it, and when."""
    fields = {f"F{n}": Field(f"F{n}", "text", "string", is_unique=n == 59) for n in range(60)}

    found = compared_fields([], fields, unique=["F59"], carried=list(fields), long_texts=False)

    assert found == ["F59", *(f"F{n}" for n in range(46))]


@pytest.mark.parametrize(
    ("sent", "there", "found"),
    [
        ([CALL], [CALL], {0: "1"}),
        ([CALL], [{**CALL, "Amount": 7.001}], {0: "1"}),
        ([CALL], [{**CALL, "Priority": "high"}], {}),
        ([CALL], [{**CALL, "Amount": 8}], {}),
        ([CALL], [{"Subject": "Call", "Priority": "High"}], {}),
        ([{**CALL, "Amount": None}], [CALL], {}),
        ([{**CALL, "Amount": None}], [{**CALL, "Amount": None}], {0: "1"}),
        ([{"Subject": "Call"}], [CALL], {0: "1"}),
        ([{"Subject": "Call"}], [{**CALL, "Serial": "S1"}], {}),
        ([{"Serial": "S1", "Subject": "Call"}], [{"Serial": "s1", "Subject": "changed"}], {0: "1"}),
        ([{"Serial": "S1", "Subject": "Call"}], [{"Serial": "S2", "Subject": "Call"}], {}),
        ([{"Serial": "S1", "Subject": "Call"}], [{"Serial": None, "Subject": "Call"}], {}),
        ([{"Serial": None, "Subject": "Call"}], [{"Serial": None, "Subject": "Call"}], {0: "1"}),
        ([{"Owner": {"id": "1"}}], [{"Subject": None}], {}),
        ([CALL, CALL], [CALL], {0: "1"}),
        ([CALL], [CALL, CALL], {0: "1"}),
        ([CALL], [CALL] * 3, {0: "1"}),
        ([CALL, CALL], [CALL, CALL], {0: "1", 1: "2"}),
        ([{"Subject": "Call"}, CALL], [CALL], {1: "1"}),
        ([CALL, {"Subject": "Call"}], [CALL, {"Subject": "Call"}], {0: "1", 1: "2"}),
    ],
)
def test_a_row_is_a_record_that_said_the_same(sent, there, found):
    """By the value that is unique if it has one; no row is two records, and who says most has the first choice."""
    compared = {name: FIELDS[name] for name in ("Serial", "Subject", "Priority", "Amount")}

    assert match_rows([lost(*sent)], rows(*there), compared, unique=[*UNIQUE, "Hidden"]) == found


@pytest.mark.parametrize(
    ("created", "is_ours"),
    [
        ("2026-05-14T11:59:58Z", True),
        ("2026-05-14T14:59:58+03:00", True),
        ("2026-05-14T11:59:57Z", False),
        ("2026-05-15T00:00:00Z", True),
        ("soon", True),
        (None, True),
    ],
)
def test_a_row_from_before_the_call_is_another_record(created, is_ours):
    """Bigin's times are whole seconds, of clocks that differ by one; a row that tells no time may be ours."""
    found = match_rows([lost(CALL)], rows(CALL, Created_Time=created), FIELDS, unique=UNIQUE)

    assert bool(found) is is_ours


@pytest.mark.parametrize(
    ("sent", "there", "is_doubtful"),
    [
        (CALL, {"Subject": "call", "Priority": "Low", "Amount": 8}, True),
        (CALL, {"Subject": "[auto] Call", "Priority": "High", "Amount": 7}, True),
        (CALL, {"Subject": "Tea", "Priority": "High", "Amount": 8}, False),
        ({"Priority": "High", "Amount": 7}, {"Priority": "High", "Amount": 8}, False),
        ({"Priority": "High", "Amount": None}, {"Priority": "High"}, True),
        ({"Serial": "S1", **CALL}, {"Serial": "S1"}, True),
        ({"Subject": "Call"}, {"Subject": "Tea"}, False),
        ({"Owner": {"id": "1"}}, {"Subject": "Tea"}, True),
    ],
)
def test_a_row_may_be_a_record_that_automation_changed(sent, there, is_doubtful):
    """It has its name, or a value that is unique, or most of what was sent; where nothing can be compared, any may."""
    compared = {name: FIELDS[name] for name in ("Serial", "Subject", "Priority", "Amount")}
    records = lost(sent, sent).records

    doubtful = doubtful_rows(
        records, rows({"Subject": "Other"}, there, there)[1:], compared, names={"Subject", "Serial"}
    )

    assert doubtful == ({0: "2", 1: "2"} if is_doubtful else {})


def page(records, *, more_records=False, next_page_token=None):
    return SimpleNamespace(records=records, more_records=more_records, next_page_token=next_page_token)


class Bigin:
    """Answers from a list of rows, and notes what it was asked."""

    def __init__(self, *there, refusals=(), pages=()):
        self.asked = []
        self.asked_who = 0
        self._there = there
        self._refusals = list(refusals)
        self._pages = list(pages)
        self.users = [{"id": "9", "profile": {"id": "5"}}, {"id": "8"}]
        self.coql = self.records = self.organization = self

    def users_page(self, *, kind):
        assert kind == "CurrentUser"
        self.asked_who += 1
        if isinstance(self.users, Exception):
            raise self.users
        return page(self.users)

    def pages_by_id(self, _module, columns, *, where):
        self.asked.append(columns[3:])
        assert columns[:3] == ["id", "Created_By", "Created_Time"]
        assert where == "Created_Time >= '2026-05-14T11:59:58+00:00'"
        if self._refusals:
            raise self._refusals.pop(0)
        yield from ([each] for each in self._there)

    def page(self, _module, fields, **how):
        assert (fields[:2], how.pop("sort_by"), how.pop("sort_order")) == (
            ["Created_Time", "Created_By"],
            "Created_Time",
            "desc",
        )
        self.asked.append((fields[2:], how))
        return self._pages.pop(0)


def searched(bigin, *all_lost, module="Tasks", fields=FIELDS, **more):
    search = Search(bigin, module, fields, carried=["Amount"], **more)
    return search, [each["id"] for each in search.look(all_lost)]


def test_what_this_user_has_created_since_the_first_call_is_looked_at_once():
    """A list may show a row twice; what says nothing of who made it may be ours."""
    by = [{"Created_By": who} for who in ({"id": "9"}, {"id": "8"}, None, {"id": 9})]
    there = rows(*by)
    bigin = Bigin(*there, there[0])

    _, found = searched(bigin, lost({"Subject": "A"}), lost({"Code": "B"}, since=NOW + timedelta(hours=1)))

    assert found == ["1", "3", "4"]
    assert bigin.asked == [["Serial", "Subject", "Code", "Amount"]]


@pytest.mark.parametrize("users", [[], [{"id": None}], PermissionDenied("no"), InvalidRequest("no")])
def test_where_nobody_says_who_we_are_whoever_made_a_row(users):
    """The fields must do."""
    bigin = Bigin(*rows({"Created_By": {"id": "8"}}))
    bigin.users = users

    assert searched(bigin, lost(CALL))[1] == (["1"] if users != [{"id": None}] else [])


@pytest.mark.parametrize(
    ("profiles", "is_compared"),
    [
        ([{"id": "5", "permission_type": "read_write"}], True),
        ([{"id": "5", "permission_type": "read_only"}], False),
        ([{"id": "6", "permission_type": "hidden"}], True),
        ([], True),
    ],
)
def test_a_field_that_this_profile_may_not_write_is_not_compared(profiles, is_compared):
    """Bigin drops its value in silence."""
    fields = {**FIELDS, "Priority": Field("Priority", "picklist", "string", raw={"profiles": profiles})}
    bigin = Bigin()

    searched(bigin, lost(CALL), fields=fields)

    assert ("Priority" in bigin.asked[0]) is is_compared


def test_where_no_profile_is_told_all_that_was_sent_is_compared():
    """Bigin may not say which one is the user's."""
    closed = {"profiles": [{"id": "5", "permission_type": "read_only"}]}
    bigin = Bigin()
    bigin.users = [{"id": "9"}]

    searched(bigin, lost(CALL), fields={**FIELDS, "Priority": Field("Priority", "picklist", raw=closed)})

    assert bigin.asked == [["Serial", "Subject", "Priority", "Amount"]]


def test_a_value_in_one_unique_field_is_enough_to_know_a_row():
    """It says more than was sent, and is no other record's: two of them cannot have that value."""
    fields = {**FIELDS, "Number": Field("Number", "text", "string", is_unique=True)}
    own = lost({"Subject": "Call", "Serial": "S"})
    search, _ = searched(Bigin(), own, fields=fields)

    search.judge([own], rows({**CALL, "Serial": "S"}), now=0.0)

    assert (own.found, own.more) == ({0: "1"}, set())


def test_a_column_that_bigin_will_not_show_is_left_out_from_then_on():
    """Each look would be refused once more, and what is not shown can neither match nor tell apart."""
    refusals = [QueryRefused("no", details={"column_name": each}) for each in ("Priority", "Odd")]
    bigin = Bigin(*rows({"Subject": "Call", "Amount": 7}), refusals=refusals[:1])
    search, found = searched(bigin, lost(CALL))
    everything = lost(CALL)
    search.look([everything])
    search.judge([everything], rows({"Subject": "Call", "Amount": 7}), now=0.0)

    assert bigin.asked == [
        ["Serial", "Subject", "Priority", "Amount"],
        *[["Serial", "Subject", "Amount"]] * 2,
    ]
    assert (found, everything.found, bigin.asked_who) == (["1"], {0: "1"}, 1)
    with pytest.raises(QueryRefused):
        searched(Bigin(refusals=refusals[1:]), lost(CALL))


@pytest.mark.parametrize("tokens", [True, False])
@pytest.mark.parametrize("module", ["Tasks", "Notes"])
def test_the_list_shows_the_same_newest_first(module, tokens):
    """COQL knows no notes, and may be closed to the token: the list is read until it shows what was there before."""
    new, old = (rows(CALL, Created_Time=f"2026-05-14T11:59:{second}Z") for second in (58, 57))
    pages = [
        page(new, more_records=True, next_page_token="a" if tokens else None),
        page([{**new[0], "id": "2"}, *old, *new], more_records=True, next_page_token="b"),
    ]
    bigin = Bigin(refusals=[PermissionDenied("no")], pages=pages)

    _, found = searched(bigin, lost({**CALL, "Note": "x"}), module=module)

    columns = ["Serial", "Subject", "Priority", "Amount"]
    if module == "Notes":
        columns = ["Serial", "Subject", "Priority", "Amount", "Note"]
    second = {"page": None, "page_token": "a"} if tokens else {"page": 2, "page_token": None}
    assert found == ["1", "2"]
    assert bigin.asked[module != "Notes" :] == [
        (columns, {"page": 1, "page_token": None}),
        (columns, second),
    ]


def test_a_list_that_ends_is_read_to_its_end():
    """All that is in the module may be new."""
    bigin = Bigin(refusals=[PermissionDenied("no")], pages=[page(rows(CALL))])

    assert searched(bigin, lost(CALL))[1] == ["1"]


@pytest.mark.parametrize(
    ("sent", "there", "now", "is_over", "found", "doubtful", "more"),
    [
        ([CALL], [CALL], 0.0, True, {0: "1"}, {}, set()),
        ([CALL], [], 99.9, False, {}, {}, set()),
        ([CALL], [], 100.0, True, {}, {}, set()),
        ([CALL, {"Subject": "Tea"}], [CALL], 0.0, False, {}, {}, set()),
        ([CALL, {"Subject": "Tea"}], [CALL], 100.0, True, {0: "1"}, {}, set()),
        ([CALL, {"Subject": "Tea"}], [CALL, {"Subject": "tea"}], 100.0, True, {0: "1"}, {1: "2"}, set()),
        ([CALL, {**CALL, "Amount": 8}], [CALL], 100.0, True, {0: "1"}, {}, set()),  # the row is another's
        ([{"Subject": "Call"}], [{**CALL, "Amount": None}], 0.0, True, {0: "1"}, {}, set()),
        ([{"Subject": "Call"}], [{"Subject": "Call", "Amount": 7}], 0.0, True, {0: "1"}, {}, {0}),
        ([{"Subject": "Call"}], [{"Subject": "Call", "Amount": False}], 0.0, True, {0: "1"}, {}, set()),
        ([{"Subject": "Call", "Serial": "S"}], [{**CALL, "Serial": "S"}], 0.0, True, {0: "1"}, {}, set()),
        ([{"Subject": "Call", "Serial": None}], [CALL], 0.0, True, {0: "1"}, {}, {0}),
    ],
)
def test_a_call_is_judged_once_all_of_it_is_found_or_its_time_is_over(
    *, sent, there, now, is_over, found, doubtful, more
):
    """A row that says more than a record did may be that of another which has yet to come, unless it has its key."""
    search, _ = searched(Bigin(), lost(*sent))
    own, other = lost(*sent), lost({"Subject": "Never"}, first=50)

    search.judge([own, other], rows(*there), now=now)

    assert (own.is_over, own.found, own.doubtful, own.more) == (is_over, found, doubtful, more)
    assert (other.is_over, other.found) == (now >= 100.0, {})


@pytest.mark.parametrize(
    ("module", "field", "is_a_name"),
    [
        ("Tasks", Field("X", "text", "string", is_unique=True), True),
        ("Tasks", Field("X", "text", "string", is_display_field=True), True),
        ("Tasks", Field("X", "text", "string", mandatory=True), True),
        ("Tasks", Field("X", "picklist", "string", mandatory=True), False),
        ("Tasks", Field("X", "text", "string"), False),
        ("Pipelines", Field("Deal_Name", "text", "string"), True),
    ],
)
def test_a_name_in_common_is_enough_for_a_doubt(module, field, is_a_name):
    """What tells a record from others: automation may have changed all the rest."""
    fields = {field.api_name: field, "A": FIELDS["Amount"], "B": FIELDS["Priority"]}
    sent = {field.api_name: "x", "A": 1, "B": "y"}
    search = Search(Bigin(), module, fields)
    own = lost(sent)
    search.look([own])

    search.judge(
        [own],
        rows(
            {**sent, "A": 2, "B": "z"}
            if not field.is_unique
            else {field.api_name: "x", "Created_Time": "2026-05-14T11:00:00Z"}
        ),
        now=100.0,
    )

    assert own.doubtful == ({0: "1"} if is_a_name else {})
