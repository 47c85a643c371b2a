"""What comes back is taken for what it is: rows that are none, lists that go round, verdicts on records."""

from datetime import datetime, timezone

import pytest

from bigin_api import Call, PageTokenRefused, Reply, ServerError, WriteResult
from bigin_api.endpoints.results import Page, Progress, by_number, verdicts, whole_entries, whole_records

A, B, NONE = [{"id": "7"}], [{"id": "8"}], []
WRITE = Call("POST", "/Contacts", module="Contacts", records=2)


def test_rows_that_are_no_records_are_told_and_left_out(caplog):
    """One odd row must not cost the page, and nobody may take it for a record that was deleted."""
    good = [{"id": 7, "A": 1}, {"id": " 8 "}, {"id": "9"}, {"id": "9" * 30}]
    odd = [
        None,
        "x",
        {"id": None},
        {"A": 1},
        {"id": True},
        {"id": "x"},
        {"id": "9" * 31},
        {"code": "NO_PERMISSION"},
    ]

    records = whole_records([*good, *odd], "Contacts")

    assert records == [{"id": "7", "A": 1}, {"id": "8"}, {"id": "9"}, {"id": "9" * 30}]
    kinds = ["NoneType", "str", "dict", "dict", "dict", "dict", "dict", "NO_PERMISSION"]
    assert caplog.messages == [f"Contacts: a page has a row without id ({kind}): left out." for kind in kinds]


def test_entries_that_are_no_objects_are_told_and_left_out(caplog):
    """Of the settings' lists too."""
    assert whole_entries([{"name": "a"}, None, {}, "x"]) == [{"name": "a"}, {}]
    assert whole_entries([{"name": "a"}]) == [{"name": "a"}]
    assert caplog.messages == ["A list has 2 entries that are no objects: left out."]


@pytest.mark.parametrize(
    ("rows", "info", "more"),
    [
        ([{"id": "7"}], {"more_records": True}, True),
        ([{"id": "7"}], {"more_records": "true"}, True),
        ([{"id": "7"}], {"more_records": False}, False),
        ([{"id": "7"}], {"more_records": "False"}, False),
        ([{"id": "7"}], {"more_records": None}, True),  # unsaid: the page after the last is empty
        ([{"id": "7"}], {"more_records": "maybe"}, True),
        ([{"id": "7"}], {}, True),
        ([None], {}, True),
        ([None], {"more_records": True}, True),
        ([], {}, False),
        ([], {"more_records": True}, False),
    ],
)
def test_a_page_of_records_that_does_not_say_it_is_the_last_is_not(rows, info, more):
    """Taken for the last, it would lose what follows; an empty one is the last whatever it promises."""
    page = Page.of_records(Reply(200, {"data": rows, "info": info}), "Contacts")

    assert page.more_records is more
    assert (len(page.records), page.left_out) == ((1, 0) if rows and rows[0] else (0, len(rows)))


NOW = datetime(2026, 5, 14, tzinfo=timezone.utc)
TOLD = {"more_records": "true", "next_page_token": "t", "page_token_expiry": "2026-05-15T00:00:00Z"}


@pytest.mark.parametrize(
    ("reply", "page"),
    [
        (Reply(200, {"users": A, "info": TOLD}, NOW), Page(A, True, "t", TOLD["page_token_expiry"], NOW, False, TOLD, 0)),
        (Reply(200, {"users": [], "info": TOLD}), Page([], False, "t", TOLD["page_token_expiry"], None, False, TOLD, 0)),
        (Reply(200, {"users": A}), Page(A, False, None, None, None, False, {}, 0)),
        (Reply(304), Page([], False, None, None, None, True, {}, 0)),
    ],
)  # fmt: skip
def test_a_page_has_what_the_answer_says_of_it(reply, page):
    """Lists of the settings end where nothing is said; a null is no token."""
    assert Page.from_reply(reply, "users") == page


@pytest.mark.parametrize(
    ("pages", "goes_round"),
    [
        ([(A, "t1"), (B, "t2"), (A, None)], False),
        ([(A, "t1"), (B, "t1")], True),
        ([(A, None), (B, None), (A, ""), (B, "")], False),
        ([(A, None)] * 3, False),  # people move records: twice may be by chance
        ([(A, None)] * 4, True),
        ([(A, None)] * 3 + [(B, None)] + [(A, None)] * 3, False),
        ([(NONE, None)] * 9, False),
        ([([{"name": "a"}, None], None)] * 4, True),
        ([([{"id": "7", "A": number}], None) for number in range(4)], True),  # edited meanwhile
        ([([{"name": str(number)}], None) for number in range(9)], False),
        ([([{"id": "7"}, {"id": str(number)}], None) for number in range(9)], False),
    ],
)
def test_a_list_that_goes_round_is_seen(pages, goes_round):
    """A server that gives the same page for ever would keep a run for ever, a credit a page."""
    progress = Progress()
    for rows, token in pages[:-1]:
        progress.see(rows, token)

    if not goes_round:
        progress.see(*pages[-1])
        return
    with pytest.raises(PageTokenRefused) as raised:
        progress.see(*pages[-1])
    assert raised.value.code == "GOES_ROUND"


def test_a_list_by_number_ends_with_its_last_page():
    """Entries are given as they come, and a page that is the one before again is an error of its module."""
    call = Call("GET", "/settings/tags", {"module": "Contacts"}, module="Contacts")
    rows = [[{"id": "1"}, {"name": "x"}], [{"id": "1"}], [{"id": "1"}]]
    bodies = iter([{"tags": page, "info": {"more_records": True}} for page in rows])
    asked = []

    class Sender:
        def send(self, call: Call) -> Reply:
            asked.append(call.params)
            return Reply(200, next(bodies))

    found = by_number(Sender(), call, "tags")

    assert [next(found) for _ in range(3)] == [{"id": "1"}, {"name": "x"}, {"id": "1"}]
    with pytest.raises(ServerError, match="page 3 is page 2 once more") as raised:
        next(found)
    assert raised.value.module == "Contacts"
    assert asked == [{"module": "Contacts", **page} for page in ({}, {"page": "2"}, {"page": "3"})]


def test_a_verdict_has_all_that_bigin_said_of_the_record():
    """Whoever settles the record looks at nothing else."""
    good = {"status": "success", "code": "SUCCESS", "message": "record added", "details": {"id": 7}}
    upserted = {**good, "action": "Insert", "duplicate_field": "Email"}
    odd = {"status": "success", "details": {"id": "7x"}, "action": None, "duplicate_field": ""}

    assert verdicts(Reply(200, {"data": [good, upserted, odd, None]}), WRITE) == [
        WriteResult(succeeded=True, message="record added", details={"id": 7}, id="7"),
        WriteResult(
            succeeded=True,
            message="record added",
            details={"id": 7},
            id="7",
            action="insert",
            duplicate_field="Email",
        ),
        WriteResult(succeeded=True, code="", details={"id": "7x"}),
    ]


def test_too_few_verdicts_are_told_apart():
    """The writer then looks for the records: the call was answered, and not for each."""
    with pytest.raises(ServerError) as raised:
        verdicts(Reply(207, {"data": [{"status": "success"}, "x"]}), WRITE)

    error = raised.value
    assert (error.code, error.status, error.module) == ("TOO_FEW_RESULTS", 207, "Contacts")
    assert error.message == "Contacts: POST /Contacts judged 1 of 2 records."
