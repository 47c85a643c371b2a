"""Answers of which one place is spoiled: what is lost is told, nothing is passed over, the others are whole.

The tests by name each stand for a kind. The last one draws from all places and kinds; ``make soak`` draws more.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from itertools import cycle
from typing import Any

import pytest
from support.answer_faults import COURSES, Course
from support.rewriting import Asked, OtherBigin, Rewritten
from support.sandbox import Sandbox
from support.spoiling import Spoil
from support.tap import TapRun, aged, assert_holds, discover, run_tap, select

FIRST_SEED = int(os.environ.get("FAULTS_SEED", "1"))
FAULTS = int(os.environ.get("FAULTS", "1"))  # for each kind of run

NO_TIMES = [
    ("absent", -1),
    (None, 0),
    (1_790_000_000_000, -1),
    ("yesterday", 0),
    (["2026-05-14T09:00:00Z"], 4),
]


@pytest.fixture
def other(sandbox: Sandbox) -> Iterator[OtherBigin]:
    """The sandbox with 25 contacts in pages of 10, behind a proxy that as yet changes nothing."""
    sandbox.reset(size="empty", most_per_page=10)
    sandbox.mutate({"op": "create", "module": "Contacts", "count": 25, "data": {"Last_Name": "Person {n}"}})
    proxy = OtherBigin(sandbox)
    yield proxy
    proxy.close()


def run(sandbox: Sandbox, **settings: Any) -> TapRun:
    """Contacts alone."""
    return run_tap(sandbox, **{"modules": ["Contacts"], "max_retries": 0, **settings})


def edited(sandbox: Sandbox) -> list[str]:
    """Every contact changes a minute later; gives their ids."""
    sandbox.clock(advance=120)
    ids = [each["id"] for each in sandbox.dump("Contacts")]
    for each in ids:
        sandbox.mutate({"op": "edit", "module": "Contacts", "id": each, "data": {"Phone": "112"}})
    return ids


# Times


@pytest.mark.parametrize(("time", "place"), NO_TIMES, ids=str)
def test_a_record_whose_time_is_none_comes_and_ends_nothing(
    sandbox: Sandbox, other: OtherBigin, time: Any, place: int
) -> None:
    """It was a fault of the whole module, or an incremental pass ended at it as if it were old."""
    before = run(sandbox)
    edited(sandbox)
    victims: set[str] = set()

    def spoil(asked: Asked, body: Any) -> None:
        if "ids" in asked.query:
            return
        victims.add(body["data"][place]["id"])
        body["data"][place]["Modified_Time"] = time
        if time == "absent":
            del body["data"][place]["Modified_Time"]

    other.rewrite("/Contacts", spoil)

    after = run(other, state=before.state)

    assert after.code == 0
    after.validate()
    assert victims
    assert_holds(sandbox, "Contacts", after.latest("Contacts"), but=("Modified_Time",))
    for each in victims:
        assert after.latest("Contacts")[each]["Modified_Time"] is None
        assert any("Contacts" in line and each in line and "Modified_Time" in line for line in after.log)


@pytest.mark.parametrize(
    ("time", "place"),
    [
        ("1970-01-01T00:00:00+00:00", 4),
        ("1970-01-01T00:00:00+00:00", -1),
        ("2999-12-31T23:59:59+00:00", -1),
    ],
)
def test_one_time_that_is_wrong_hides_no_record(
    sandbox: Sandbox, other: OtherBigin, time: str, place: int
) -> None:
    """Older than what was asked for, it was left out for good, and what came after it."""
    before = run(sandbox)
    edited(sandbox)
    other.rewrite("/Contacts", lambda asked, body: "ids" in asked.query or _set_time(body, place, time))

    after = run(other, state=before.state)

    assert after.code == 0
    assert_holds(sandbox, "Contacts", after.latest("Contacts"), but=("Modified_Time",))


def _set_time(body: Any, place: int, time: str) -> None:
    body["data"][place]["Modified_Time"] = time


@pytest.mark.parametrize("time", [7, "yesterday", ["x"]], ids=str)
def test_a_deletion_whose_time_is_none_is_told_all_the_same(
    sandbox: Sandbox, other: OtherBigin, time: Any
) -> None:
    """It was a fault of the module, whose own records were lost with it."""
    before = run(sandbox, deleted_records="soft")
    gone = [each["id"] for each in sandbox.dump("Contacts")][:2]
    for each in gone:
        sandbox.mutate({"op": "delete", "module": "Contacts", "id": each})
    other.rewrite("/Contacts/deleted", lambda _, body: body["data"][0].update(deleted_time=time))

    after = run(other, state=before.state, deleted_records="soft")

    assert after.code == 0
    assert {each for each, row in after.latest("Contacts").items() if row["_sdc_deleted_at"]} == set(gone)


# Rows


@pytest.mark.parametrize(
    ("record_id", "place"),
    [
        *(("", place) for place in (0, 4, -1)),
        *zip([" {} ", "spoiled", "-{}", "{},1", 1.5, True, None, [], {}], cycle((0, 4, -1)), strict=False),
    ],
    ids=str,
)
def test_a_record_whose_id_is_none_is_read_by_its_own(
    sandbox: Sandbox, other: OtherBigin, record_id: Any, place: int
) -> None:
    """A row is left out and told; the record that it was is there, and must not be passed over."""

    def spoil(asked: Asked, body: Any) -> None:
        if "ids" not in asked.query:
            row = body["data"][place]
            row["id"] = record_id.format(row["id"]) if isinstance(record_id, str) else record_id

    other.rewrite("/Contacts", spoil)

    ended = run(other)

    assert ended.code == 0
    assert_holds(sandbox, "Contacts", ended.latest("Contacts"))


@pytest.mark.parametrize("way", ["ids", "COQL"])
def test_a_record_that_cannot_be_read_at_all_keeps_the_bookmark(
    sandbox: Sandbox, other: OtherBigin, way: str
) -> None:
    """The other records come, and the next run asks for it again: no bookmark passes it."""
    victim = sandbox.dump("Contacts")[7]["id"]

    def spoil(_: Asked, body: Any) -> None:
        body["data"] = [None if each["id"] == victim else each for each in body["data"]]

    other.rewrite("/Contacts", spoil)
    if way == "COQL":
        other.refuse("/coql", 401, "OAUTH_SCOPE_MISMATCH")

    spoiled = run(other, deleted_records="none")

    assert spoiled.code == 0
    assert len(spoiled.latest("Contacts")) == 24
    assert spoiled.said("The bookmark stays")
    assert "replication_key_value" not in spoiled.state["bookmarks"]["Contacts"]
    assert_holds(sandbox, "Contacts", run(sandbox, state=spoiled.state).latest("Contacts"))


@pytest.mark.parametrize("info", ["absent", None, [], {"more_records": None}, {"more_records": 7}], ids=str)
def test_a_page_that_does_not_say_whether_more_follow_is_not_taken_for_the_last(
    sandbox: Sandbox, other: OtherBigin, info: Any
) -> None:
    """15 of 25 records were missing for good, and the run was a good one."""

    def spoil(asked: Asked, body: Any) -> None:
        if "ids" not in asked.query:
            body["info"] = info
            if info == "absent":
                del body["info"]

    other.rewrite("/Contacts", spoil)

    ended = run(other)

    assert ended.code == 0
    assert_holds(sandbox, "Contacts", ended.latest("Contacts"))


@pytest.mark.parametrize("count", ["absent", None, 11, "many"], ids=str)
def test_a_page_of_a_row_that_is_none_and_without_a_count_ends_nothing(
    sandbox: Sandbox, other: OtherBigin, count: Any
) -> None:
    """What it lacks was told with a number that nobody had said: a fault of the module."""

    def spoil(asked: Asked, body: Any) -> None:
        if "ids" not in asked.query:
            body["data"][3] = []
            body["info"]["count"] = count
            if count == "absent":
                del body["info"]["count"]

    other.rewrite("/Contacts", spoil)

    ended = run(other)

    assert ended.code == 0
    assert_holds(sandbox, "Contacts", ended.latest("Contacts"))
    assert ended.said(f"a page has 9 of {11 if count == 11 else 10} records")


@pytest.mark.parametrize("place", [0, 4, -1])
@pytest.mark.parametrize("time", ["2020-01-01T00:00:00+00:00", None], ids=str)
def test_a_record_of_which_a_page_says_two_things_is_read_by_its_id(
    sandbox: Sandbox, other: OtherBigin, place: int, time: str | None
) -> None:
    """The row that came last won, also where it was the older one, and the bookmark passed it."""
    before = run(sandbox)
    edited(sandbox)

    def spoil(asked: Asked, body: Any) -> None:
        if "ids" not in asked.query:
            row = body["data"][place]
            stale = {**row, "Phone": "999", "Modified_Time": time or row["Modified_Time"]}
            body["data"].insert(body["data"].index(row) + 1, stale)

    other.rewrite("/Contacts", spoil)

    ended = run(other, state=before.state)

    assert ended.code == 0
    assert ended.said("a page says two things of 1 records: read by their ids")
    assert_holds(sandbox, "Contacts", ended.latest("Contacts"))


def test_a_name_that_is_no_unicode_reaches_no_loader(sandbox: Sandbox, other: OtherBigin) -> None:
    """Half a character as the name of a part of a value: what has no name is left out and told."""
    victim = sandbox.dump("Contacts")[3]["id"]

    def spoil(_: Asked, answer: Rewritten) -> None:
        answer.body = answer.body.replace(b'"Owner":{', rb'"Owner":{"\ud800":1,', 1)

    other.changing("/Contacts", spoil)

    ended = run(other)

    assert ended.code == 0
    ended.validate()
    assert ended.said(r"Owner: \ud800")
    assert victim in ended.latest("Contacts")


@pytest.mark.parametrize("rows", [[None, {"id": "x"}], [{"code": "INTERNAL_ERROR", "status": "error"}]])
def test_rows_of_coql_that_are_none_prove_nothing(
    sandbox: Sandbox, other: OtherBigin, rows: list[Any]
) -> None:
    """What shall prove that nothing was missed must be whole; else the list is read by other means."""
    other.rewrite("/coql", lambda _, body: body["data"].extend(rows))

    ended = run(other)

    assert ended.code == 0
    assert_holds(sandbox, "Contacts", ended.latest("Contacts"))


# Values


@pytest.mark.parametrize("value", [[], {"a": 1}], ids=str)
def test_what_is_inside_a_link_fits_the_schema_too(sandbox: Sandbox, other: OtherBigin, value: Any) -> None:
    """A loader that has a column for the owner's id fails the whole batch for one that is a list."""
    victim = sandbox.dump("Contacts")[3]["id"]

    def spoil(_: Asked, body: Any) -> None:
        for each in body["data"]:
            if each["id"] == victim:
                each["Owner"]["email"] = value

    other.rewrite("/Contacts", spoil)

    ended = run(other)

    ended.validate()
    assert ended.said("Owner.email")


def test_a_value_that_is_lost_is_told_with_its_record(sandbox: Sandbox, other: OtherBigin) -> None:
    """Module, field and id: whoever mends it in Bigin must find it."""
    field = {"api_name": "Seats", "data_type": "integer", "json_type": "integer", "field_label": "Seats"}
    sandbox.change_metadata({"op": "add_field", "module": "Contacts", "field": field})
    victims = [each["id"] for each in sandbox.dump("Contacts")][:2]

    def spoil(_: Asked, body: Any) -> None:
        for each in body["data"]:
            if each["id"] in victims:
                each["Seats"] = ["many"]

    other.rewrite("/Contacts", spoil)

    ended = run(other)

    assert ended.code == 0
    for victim in victims:
        assert ended.latest("Contacts")[victim]["Seats"] is None
        assert any("Contacts" in line and "'Seats'" in line and victim in line for line in ended.log)


# Metadata: what one stream needs costs that stream


@pytest.mark.parametrize(
    "answer",
    [
        Rewritten(200, b""),
        Rewritten(200, b"<html>", {"Content-Type": "text/html"}),
        Rewritten(403, b"<html>", {"Content-Type": "text/html"}),
        Rewritten.of({"modules": None}),
        Rewritten.of({"modules": [None, "x", [], {"api_name": ["Contacts"], "api_supported": True}]}),
        Rewritten.of({"code": "INTERNAL_ERROR", "status": "error"}, 500),
    ],
    ids=range(6),
)
def test_a_catalog_is_read_where_the_list_of_modules_is_none(
    sandbox: Sandbox, other: OtherBigin, answer: Rewritten
) -> None:
    """Related lists and deletions need it; the records of the modules do not."""
    settings: dict[str, Any] = {"related_lists": ["Contacts.Emails", "Accounts.Notes"]}
    catalog = select(
        aged(discover(sandbox, modules=["Contacts", "Accounts"], **settings)),
        "Contacts",
        "contacts_emails",
        "users",
    )
    other.answering("/settings/modules", lambda _: answer)

    ended = run(other, modules=["Contacts", "Accounts"], catalog=catalog, **settings)

    assert ended.ids("users")
    assert_holds(sandbox, "Contacts", ended.latest("Contacts"))
    assert not ended.said("Traceback")
    assert not ended.said("A fault of tap-bigin")


@pytest.mark.parametrize("path", ["/settings/fields", "/settings/related_lists", "/settings/custom_views"])
@pytest.mark.parametrize(
    "entries", [[None, "x", [], 7], [{"api_name": ["x"], "data_type": {}, "id": []}], "x"]
)
def test_entries_of_the_settings_that_are_none_cost_themselves(
    sandbox: Sandbox, other: OtherBigin, path: str, entries: Any
) -> None:
    """One of them was a fault of the whole run."""

    def spoil(asked: Asked, body: Any) -> None:
        if asked.query["module"] == "Accounts":
            name = path.rpartition("/")[2]
            body[name] = [*body[name], *entries] if isinstance(entries, list) else entries

    other.rewrite(path, spoil)

    ended = run(other, modules=["Contacts", "Accounts"], related_lists=["*.Notes"])

    assert ended.code == (0 if isinstance(entries, list) or path.endswith("views") else 1)
    assert_holds(sandbox, "Contacts", ended.latest("Contacts"))
    assert not ended.said("A fault of tap-bigin")


def test_keys_that_are_missing_in_the_settings_cost_their_row(sandbox: Sandbox, other: OtherBigin) -> None:
    """A row without its key is no row; the others are not dropped as if they were gone."""
    catalog = select(discover(sandbox, modules=["Contacts"]), "users", "settings_modules")
    other.rewrite("/users", lambda _, body: body["users"].append({"full_name": "Nobody"}))
    other.rewrite("/settings/modules", lambda _, body: body["modules"].extend([None, {"api_name": None}]))

    ended = run(other, catalog=catalog)

    assert ended.code == 0
    ended.validate()
    assert ended.said("a row without its key was left out")
    assert not [
        each for each in ended.messages if each["type"] == "ACTIVATE_VERSION" and each["stream"] == "users"
    ]


def test_a_module_whose_description_is_lost_on_the_way_fails_alone(
    sandbox: Sandbox, other: OtherBigin
) -> None:
    """A connection that is reset there ended the whole run."""
    sandbox.create("Accounts", Account_Name="Alder")

    def cut(asked: Asked, answer: Rewritten) -> None:
        if asked.query["module"] == "Contacts":
            answer.cut_at = len(answer.body) // 2

    other.changing("/settings/fields", cut)

    ended = run(other, modules=["Contacts", "Accounts"])

    assert ended.code == 1
    assert "Contacts: failed, the other streams are written" in ended.log[-1]
    assert_holds(sandbox, "Accounts", ended.latest("Accounts"))


def test_a_connection_that_breaks_at_the_only_module_costs_that_module(
    sandbox: Sandbox, other: OtherBigin
) -> None:
    """It was told as if nobody were there at all: the line named no stream, and no other one was read."""
    catalog = select(discover(sandbox, modules=["Contacts"]), "Contacts", "users")

    def cut(_: Asked, answer: Rewritten) -> None:
        answer.cut_at = len(answer.body) // 2

    other.changing("/settings/fields", cut)

    ended = run(other, catalog=aged(catalog))

    assert ended.code == 1
    assert "Contacts: failed, the other streams are written" in ended.log[-1]
    assert ended.ids("users")


# Calls of others


@pytest.mark.parametrize(
    "answer", [Rewritten(500, b""), Rewritten(200, b"<"), Rewritten(200, b"[]")], ids=range(3)
)
def test_a_list_of_deletions_that_fails_costs_no_record(
    sandbox: Sandbox, other: OtherBigin, answer: Rewritten
) -> None:
    """The module's own records are read, and those of the other modules' deletions; it is asked again."""
    sandbox.mutate({"op": "delete", "module": "Contacts", "id": sandbox.dump("Contacts")[0]["id"]})
    account = sandbox.create("Accounts", Account_Name="Alder")
    sandbox.mutate({"op": "delete", "module": "Accounts", "id": account})
    other.answering("/Contacts/deleted", lambda _: answer)

    spoiled = run(other, modules=["Contacts", "Accounts"])
    after = run(sandbox, modules=["Contacts", "Accounts"], state=spoiled.state)

    assert spoiled.code == 1
    assert "deleted_records: failed, the other streams are written" in spoiled.log[-1]
    assert_holds(sandbox, "Contacts", spoiled.latest("Contacts"))
    assert [each["module"] for each in spoiled.records["deleted_records"]] == ["Accounts"]
    assert "Contacts" in {each["module"] for each in after.records["deleted_records"]}


def test_a_401_that_is_not_bigins_costs_the_stream_that_met_it(sandbox: Sandbox, other: OtherBigin) -> None:
    """A gate between refuses one address; the credentials are as good as before."""
    other.answering("/Contacts", lambda _: Rewritten(401, b"<html>", {"Content-Type": "text/html"}))
    sandbox.create("Accounts", Account_Name="Alder")

    ended = run(other, modules=["Contacts", "Accounts"])

    assert ended.code == 1
    assert "Contacts: failed, the other streams are written" in ended.log[-1]
    assert_holds(sandbox, "Accounts", ended.latest("Accounts"))


@pytest.mark.parametrize("details", [{}, {"id": ["x"]}, {"id": "spoiled"}, []], ids=str)
def test_a_job_whose_id_is_not_told_is_no_job(sandbox: Sandbox, other: OtherBigin, details: Any) -> None:
    """It was noted in the state, and no later run came past it."""
    catalog = select(discover(sandbox, modules=["Contacts"]), "Contacts")

    def spoil(_: Asked, answer: Rewritten) -> None:
        body = json.loads(answer.body)
        body["data"][0]["details"] = details
        answer.body = json.dumps(body).encode()

    other.changing("/bigin/bulk/v2/read", spoil)

    spoiled = run(other, catalog=catalog, extraction_method="bulk")
    after = run(sandbox, catalog=catalog, extraction_method="bulk", state=spoiled.state)

    assert spoiled.code == 1
    assert "its id is not told" in spoiled.log[-1]
    assert after.code == 0
    assert_holds(sandbox, "Contacts", after.latest("Contacts"))


@pytest.mark.parametrize(
    "body", [b"", b"<", b'{"users": [null, {"full_name": "x"}, {"id": []}]}'], ids=range(3)
)
def test_a_job_is_read_where_the_users_are_not_told(sandbox: Sandbox, other: OtherBigin, body: bytes) -> None:
    """Their names are learnt from a record that has them."""
    catalog = select(discover(sandbox, modules=["Contacts"]), "Contacts")
    other.answering("/users", lambda _: Rewritten(200, body, {"Content-Type": "application/json"}))

    ended = run(other, catalog=catalog, extraction_method="bulk")

    assert ended.code == 0
    assert_holds(sandbox, "Contacts", ended.latest("Contacts"))


# Whatever else


@pytest.mark.timeout(120)
@pytest.mark.parametrize("kind", COURSES if FAULTS > 1 else COURSES[:1])
def test_one_spoiled_place_costs_no_more_than_itself(sandbox: Sandbox, kind: str) -> None:
    """What no test by name foresees: drawn by a seed, which the message tells. The longer kinds of run are the soak's."""
    course = Course(sandbox, kind)
    for seed in range(FIRST_SEED, FIRST_SEED + FAULTS):
        spoil = Spoil.drawn(random.Random(seed), course.calls)

        broken = course.broken(spoil)

        assert broken == [], f"{kind}, FAULTS_SEED={seed}: {spoil}"
