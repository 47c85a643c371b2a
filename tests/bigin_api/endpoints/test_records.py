"""Records over real HTTP: reading pages, writing batches, and what each record's verdict says."""

from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

import pytest

from bigin_api import (
    Call,
    InvalidRequest,
    ModuleUnavailable,
    PageTokenRefused,
    PaginationLimit,
    PermissionDenied,
    Records,
    Reply,
    ServerError,
    WriteResult,
)

NAME = ["Last_Name"]


class Heard:
    """A sender that keeps the calls and answers what it was given, the last of it again and again."""

    def __init__(self, *bodies: object, status: int = 200) -> None:
        self.replies = [Reply(status, body) for body in bodies]
        self.calls: list[Call] = []

    def send(self, call: Call) -> Reply:
        self.calls.append(call)
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


def test_a_page_holds_what_was_asked_for(bigin, sandbox):
    """Only the fields asked for and the id; more_records and the token say how it goes on."""
    sandbox.mutate({"op": "create", "module": "Contacts", "count": 250, "data": {}})

    page = bigin.records.page("Contacts", ["Last_Name", "Email"])

    assert len(page.records) == 200
    assert set(page.records[0]) == {"id", "Last_Name", "Email"}
    assert page.more_records
    assert len(page.next_page_token) == 256
    assert page.page_token_expiry
    assert not page.not_modified


def test_pages_by_number_and_by_token_are_the_same(bigin, sandbox):
    """The first 2,000 records may be read side by side, the rest along the chain."""
    sandbox.mutate({"op": "create", "module": "Contacts", "count": 250, "data": {}})
    order = {"sort_by": "id", "sort_order": "asc"}
    first = bigin.records.page("Contacts", NAME, per_page=100, **order)

    by_number = bigin.records.page("Contacts", NAME, per_page=100, page=2, **order)
    by_token = bigin.records.page("Contacts", NAME, per_page=100, page_token=first.next_page_token, **order)

    assert by_number.records == by_token.records
    assert int(first.records[-1]["id"]) < int(by_number.records[0]["id"])


def test_the_last_page_has_no_token(bigin):
    """A null is no token: it must not be sent as one."""
    page = bigin.records.page("Products", ["Product_Name"])

    assert (page.more_records, page.next_page_token) == (False, None)


def test_an_empty_module_is_an_empty_page(bigin, sandbox):
    """204 has no body and is no fault."""
    sandbox.reset(size="empty")

    page = bigin.records.page("Contacts", NAME)

    assert page.records == []
    assert not page.more_records
    assert page.server_time is not None


def test_beyond_2000_by_number_is_told_apart(bigin, sandbox):
    """The tap then goes on by token: it must not take the wall for the end."""
    sandbox.mutate({"op": "create", "module": "Contacts", "count": 2100, "data": {}})

    with pytest.raises(PaginationLimit):
        bigin.records.page("Contacts", NAME, page=11)


@pytest.mark.parametrize("change", [{"per_page": 50}, {"sort_by": "id"}, {"page_token": "0" * 256}])
def test_a_token_that_is_refused_is_told_apart(bigin, sandbox, change):
    """Unknown, or bound to other parameters: the chain begins anew, the run does not fail."""
    sandbox.mutate({"op": "create", "module": "Contacts", "count": 250, "data": {}})
    token = bigin.records.page("Contacts", NAME).next_page_token

    with pytest.raises(PageTokenRefused):
        bigin.records.page("Contacts", NAME, **{"page_token": token, **change})


def test_an_old_token_is_told_apart(bigin, sandbox):
    """A run that was stopped yesterday finds its token dead."""
    sandbox.mutate({"op": "create", "module": "Contacts", "count": 250, "data": {}})
    token = bigin.records.page("Contacts", NAME).next_page_token
    sandbox.clock(advance=25 * 3600)
    sandbox.expire_tokens()

    with pytest.raises(PageTokenRefused):
        bigin.records.page("Contacts", NAME, page_token=token)


def test_if_modified_since_is_sent_in_whole_seconds_with_an_offset(bigin, sandbox):
    """Bigin takes neither fractions nor a naive time; 304 is said as such."""
    newest = max(
        datetime.fromisoformat(each["Modified_Time"].replace("Z", "+00:00"))
        for each in sandbox.dump("Contacts")
    )
    half = timedelta(microseconds=500_000)

    nothing = bigin.records.page("Contacts", NAME, modified_since=newest + half)
    something = bigin.records.page("Contacts", NAME, modified_since=newest - timedelta(seconds=1) + half)

    assert nothing.not_modified
    assert something.records


def test_the_servers_clock_comes_with_every_page(bigin, sandbox):
    """Bookmarks are set by Bigin's clock, wherever ours stands."""
    sandbox.clock(set="2031-05-14T09:53:58Z", freeze=True)

    page = bigin.records.page("Contacts", NAME)

    moment = datetime(2031, 5, 14, 9, 53, 58, tzinfo=timezone.utc)
    assert page.server_time == bigin.server_time == bigin.labelled("x").server_time == moment


def test_by_ids_gives_those_that_exist(bigin, sandbox):
    """A deleted record is just not there."""
    kept, gone = sandbox.create("Contacts", Last_Name="A"), sandbox.create("Contacts", Last_Name="B")
    sandbox.mutate({"op": "delete", "module": "Contacts", "id": gone})

    assert bigin.records.by_ids("Contacts", [kept, gone], NAME) == [{"id": kept, "Last_Name": "A"}]
    assert bigin.records.by_ids("Contacts", [], NAME) == []


@pytest.mark.parametrize("info", [{}, {"count": 2}])
def test_a_record_asked_for_by_id_that_came_as_none_is_asked_for_alone(info):
    """It is there: a row without id, or one that Bigin counts and does not give, is not a deleted record."""
    rows = [{"id": "7"}] if info else [{"id": "7"}, {"id": None}]
    heard, told = Heard({"data": rows, "info": info}, {"data": [{"id": "8"}]}), []

    found = Records(heard).by_ids("Contacts", ["7", "8"], NAME, on_lack=told.append)

    assert found == [{"id": "7"}, {"id": "8"}]
    assert [call.params["ids"] for call in heard.calls] == ["7,8", "8"]
    assert told == []


@pytest.mark.parametrize(
    ("rows", "info", "found", "lacks"),
    [
        ([{"id": "7"}, {"id": None}], {}, [{"id": "7"}], []),  # what lacks is none that was asked for
        ([{"id": "7"}], {"count": 2}, [{"id": "7"}], []),
        ([], {"count": 1}, [], ["record 7 is there, and does not come."]),
        ([{"id": None}], {}, [], ["record 7 is there, and does not come."]),
        ([], {"count": 0}, [], []),
        ([], {}, [], []),
    ],
)
def test_a_record_asked_for_alone_comes_or_is_told(rows, info, found, lacks):
    """What came is given whatever else the page lacks; what is there and does not come is no deleted record."""
    heard, told = Heard({"data": rows, "info": info}), []

    assert Records(heard).by_ids("Contacts", ["7"], NAME, on_lack=told.append) == found
    assert told == lacks
    assert len(heard.calls) == 1


def test_ids_that_are_too_many_are_asked_for_by_halves():
    """No limit of them is documented; what is there and does not come of a half is asked for alone, and told."""
    calls, told = [], []

    class Few:
        def send(self, call: Call) -> Reply:
            calls.append(call.params)
            ids = call.params["ids"].split(",")
            if len(ids) > 2:
                raise InvalidRequest("too many", code="LIMIT_EXCEEDED")
            return Reply(
                200, {"data": [{"id": each} for each in ids if each != "6"], "info": {"count": len(ids)}}
            )

    found = Records(Few()).by_ids("Contacts", list("1234567"), NAME, approved="both", on_lack=told.append)

    assert [each["id"] for each in found] == list("123457")
    assert told == ["record 6 is there, and does not come."]
    assert [each["ids"] for each in calls] == [
        "1,2,3,4,5,6,7",
        "1,2,3",
        "1",
        "2,3",
        "4,5,6,7",
        "4,5",
        "6,7",
        "6",
    ]
    assert {each["approved"] for each in calls} == {"both"}


@pytest.mark.parametrize(("code", "ids"), [("LIMIT_EXCEEDED", ["7"]), ("INVALID_DATA", ["7", "8"])])
def test_ids_that_are_refused_for_another_reason_are_not_halved(code, ids):
    """One alone is not too many."""
    calls = []

    class Refusing:
        def send(self, call: Call) -> Reply:
            calls.append(call)
            raise InvalidRequest("no", code=code)

    with pytest.raises(InvalidRequest):
        Records(Refusing()).by_ids("Contacts", ids, NAME)

    assert len(calls) == 1


def test_a_single_record_is_whole_or_none(bigin, sandbox):
    """Subforms come only here; an id that does not exist is a 204, never a 404."""
    made = sandbox.create("Contacts", Last_Name="A")

    assert bigin.records.get("Contacts", made)["Last_Name"] == "A"
    assert set(bigin.records.get("Contacts", made, NAME)) == {"id", "Last_Name"}
    assert bigin.records.get("Contacts", "6100000000000999999") is None


def test_what_comes_for_a_single_record_and_is_none_is_an_error():
    """It is there, so it must not be taken for one that was deleted."""
    assert Records(Heard({"data": [None, {"id": "7"}]})).get("Contacts", "7") == {"id": "7"}
    with pytest.raises(ServerError, match="what came for record 7 is none") as raised:
        Records(Heard({"data": [None]})).get("Contacts", "7")
    assert raised.value.module == "Contacts"


def test_a_custom_view_costs_three_credits(bigin, sandbox):
    """The meter must say what the bill says."""
    view = bigin.metadata.custom_views("Contacts")[0]
    before = sandbox.usage()["credits"]

    bigin.records.page("Contacts", NAME, cvid=view.id)

    assert sandbox.usage()["credits"] - before == 3
    assert bigin.spent().credits == sandbox.usage()["credits"]


def test_count_is_a_number(bigin, sandbox):
    """It plans the reading."""
    sandbox.clock(advance=600)

    assert bigin.records.count("Contacts") == sandbox.count("Contacts")
    assert bigin.records.count("Contacts", criteria="(Last_Name:equals:Nobody At All)") == 0


@pytest.mark.parametrize(
    "body", [{"count": None}, {"count": "many"}, {}, {"total": 3}, {"count": -1}, {"count": 10**9 + 1}]
)
def test_a_count_that_is_no_number_is_an_error(body):
    """A missing value never becomes 0: the plan would read nothing."""
    with pytest.raises(ServerError, match="no number"):
        Records(Heard(body)).count("Contacts")


@pytest.mark.parametrize(("body", "count"), [({"count": 7}, 7), ({"count": f"{10**9}"}, 10**9), (None, 0)])
def test_a_count_may_come_as_text(body, count):
    """Digits are digits; an empty module may answer nothing."""
    assert Records(Heard(body)).count("Contacts") == count


def test_deleted_records_are_told_page_by_page(bigin, sandbox):
    """Deletions never show in the list: this is the only trace they leave."""
    ids = [sandbox.create("Contacts", Last_Name=f"{n}") for n in range(3)]
    sandbox.mutate({"op": "delete", "module": "Contacts", "ids": ids})
    sandbox.mutate({"op": "purge", "module": "Contacts", "id": ids[0]})

    first = bigin.records.deleted("Contacts", per_page=2)
    second = bigin.records.deleted("Contacts", per_page=2, page=2)

    told = [*first.records, *second.records]
    assert {each["id"] for each in told} >= set(ids)
    assert (first.more_records, len(first.records)) == (True, 2)
    assert {each["id"]: each["type"] for each in told}[ids[0]] == "permanent"
    later = datetime.now(timezone.utc) + timedelta(days=1)
    assert bigin.records.deleted("Contacts", modified_since=later).not_modified
    with pytest.raises(ModuleUnavailable):
        bigin.records.deleted("Notes")


def test_a_module_that_may_not_be_read_is_skipped_by_its_error(bigin, sandbox):
    """Refused is not the same as unknown: the remedies differ."""
    sandbox.change_metadata({"op": "close_module", "module": "Products"})

    with pytest.raises(PermissionDenied, match=r"Products: GET /Products: HTTP 403 NO_PERMISSION.*Profiles"):
        bigin.records.page("Products", ["Product_Name"])
    with pytest.raises(ModuleUnavailable, match="INVALID_MODULE"):
        bigin.records.page("Nonsense", ["Name"])


@pytest.mark.parametrize(("fields", "code"), [([], "REQUIRED_PARAM_MISSING"), (["A"] * 51, "LIMIT_EXCEEDED")])
def test_wrong_fields_show_bigins_own_words(bigin, fields, code):
    """None, or more than 50: the mistake is ours and shows itself."""
    names = [f"{name}{number}" for number, name in enumerate(fields)]

    with pytest.raises(InvalidRequest) as raised:
        bigin.records.page("Contacts", names)

    assert raised.value.code == code


def test_every_record_of_a_write_has_its_verdict(bigin, sandbox):
    """Partial success: 98 good ones are written whatever is wrong with the other two."""
    records = [{"Last_Name": f"N{n}", "Email": f"n{n}@example.org"} for n in range(100)]
    records[17] = {"First_Name": "nameless"}
    records[50]["Email"] = "n3@example.org"
    before = sandbox.count("Contacts")

    results = bigin.records.insert("Contacts", records)

    assert [n for n, each in enumerate(results) if not each.succeeded] == [17, 50]
    assert results[17].code == "MANDATORY_NOT_FOUND"
    assert results[17].field == "Last_Name"
    assert results[50].code == "DUPLICATE_DATA"
    assert sandbox.count("Contacts") - before == 98
    by_id = {each["id"]: each["Last_Name"] for each in sandbox.dump("Contacts")}
    assert by_id[results[99].id] == "N99"
    assert bigin.spent().credits == sandbox.usage()["credits"] == 10


def test_a_write_where_all_is_wrong_is_still_a_verdict_each(bigin):
    """HTTP 400 with a hundred verdicts is no failed call."""
    results = bigin.records.insert("Contacts", [{"First_Name": "x"}] * 3)

    assert [each.code for each in results] == ["MANDATORY_NOT_FOUND"] * 3


def test_upsert_says_what_it_did_and_by_which_field(bigin, sandbox):
    """A match on another field than the stream's key is to be noticed."""
    bigin.records.insert("Contacts", [{"Last_Name": "Ek", "Email": "ann@example.org"}])

    old, new = bigin.records.upsert(
        "Contacts",
        [{"Last_Name": "Ek", "Email": "ANN@example.org"}, {"Last_Name": "Bo", "Email": "bo@example.org"}],
        duplicate_check_fields=["Email"],
    )

    assert (old.action, old.duplicate_field) == ("update", "Email")
    assert (new.action, new.duplicate_field) == ("insert", None)


def test_update_and_delete_go_by_id(bigin, sandbox):
    """What is gone already is an error that means done."""
    made = sandbox.create("Contacts", Last_Name="Old")

    (updated,) = bigin.records.update("Contacts", [{"id": made, "Last_Name": "New"}])
    (deleted,) = bigin.records.delete("Contacts", [made])
    again = bigin.records.delete("Contacts", [made, sandbox.create("Contacts", Last_Name="Other")])

    assert updated.succeeded
    assert deleted.succeeded
    assert [each.succeeded for each in again] == [False, True]
    assert again[0].code == "INVALID_DATA"


@pytest.mark.parametrize(("trigger", "fired"), [((), 0), (None, 1), (["workflow"], 1)])
def test_no_automation_fires_unless_it_is_asked_for(bigin, sandbox, trigger, fired):
    """A first load must not send a mail to every customer."""
    bigin.records.insert("Contacts", [{"Last_Name": "Ek"}], trigger=trigger)

    assert (sandbox.automation()["fired"] > 0) == bool(fired)


def test_more_than_100_records_are_refused_as_a_call(bigin, sandbox):
    """Nothing is written then, and no verdict stands for a record."""
    before = sandbox.count("Contacts")

    with pytest.raises(InvalidRequest, match="LIMIT_EXCEEDED"):
        bigin.records.insert("Contacts", [{"Last_Name": "x"}] * 101)

    assert sandbox.count("Contacts") == before


@pytest.mark.parametrize("data", [[], [{"status": "success"}], ["x", "y"]])
def test_fewer_verdicts_than_records_settle_nothing(data):
    """Which record they speak of cannot be told: to guess would mark a lost record as written."""
    with pytest.raises(ServerError, match="of 2 records"):
        Records(Heard({"data": data}, status=201)).insert("Contacts", [{}, {}])


def test_a_recurring_task_has_a_verdict_for_each_occurrence():
    """One record sent, seven written: all seven are told."""
    heard = Heard({"data": [{"status": "success", "details": {"id": n}} for n in range(1, 8)]})

    results = Records(heard).insert("Tasks", [{"Subject": "Call"}])

    assert [each.id for each in results] == [str(n) for n in range(1, 8)]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"status": "success", "code": "SUCCESS", "details": {"id": "1"}}, WriteResult(succeeded=True, details={"id": "1"}, id="1")),
        ({"status": "error", "code": "DUPLICATE_DATA", "details": {"id": "1"}},
         WriteResult(succeeded=False, code="DUPLICATE_DATA", details={"id": "1"}, id="1")),
        ({"status": "error", "code": "X", "details": None}, WriteResult(succeeded=False, code="X")),
        ({"status": "Success", "code": "SUCCESS", "action": "INSERT"}, WriteResult(succeeded=True, action="insert")),
        ({"status": "ERROR", "code": "X", "details": [{"id": "1"}]}, WriteResult(succeeded=False, code="X")),
        ({"code": "SUCCESS", "details": {"id": "1"}}, WriteResult(succeeded=False, details={"id": "1"}, id="1")),
        ({}, WriteResult(succeeded=False, code="")),
    ],
)  # fmt: skip
def test_status_alone_decides(entry, expected):
    """An error entry may carry the id of another record, and its code may be a new one."""
    assert WriteResult.from_json(entry) == expected


def test_a_refusal_is_one_line_a_person_can_act_on():
    """Module, field, code and Bigin's message."""
    result = WriteResult(False, "INVALID_DATA", "invalid data", {"api_name": "Email"})

    assert result.refusal("Contacts") == "Contacts: field 'Email' refused (INVALID_DATA: invalid data)"
    assert WriteResult(False, "X", "y").refusal("Contacts") == "Contacts refused (X: y)"
    assert WriteResult(False, "X", "y", {"api_name": 3}).field is None


def test_the_date_header_is_what_the_page_says(sandbox, bigin):
    """Not the time of the machine that the tap runs on."""
    sandbox.clock(set="2020-01-01T00:00:00Z", freeze=True)
    sandbox.expire_tokens()
    header = sandbox.api("GET", "/Contacts", params={"fields": "id"}).headers["date"]

    assert bigin.records.page("Contacts", NAME).server_time == parsedate_to_datetime(header)
