"""A row that cannot be read is asked for by its id, or told; a value that is lost is told with its record."""

from __future__ import annotations

from typing import Any

import pytest
from support.answer_faults import edited, run
from support.rewriting import Asked, OtherBigin, Rewritten
from support.sandbox import Sandbox
from support.tap import assert_holds


@pytest.mark.parametrize(
    "ids",
    [
        *({place: ""} for place in (0, 4, -1)),
        {0: " {} ", 4: "spoiled", -1: "-{}"},
        {0: "{},1", 4: 1.5, -1: True},
        {0: None, 4: [], -1: {}},
    ],
    ids=str,
)
def test_a_record_whose_id_is_none_is_read_by_its_own(
    sandbox: Sandbox, other: OtherBigin, ids: dict[int, Any]
) -> None:
    """A row is left out and told; the record that it was is there, and must not be passed over."""

    def spoil(asked: Asked, body: Any) -> None:
        if "ids" not in asked.query:
            for place, record_id in ids.items():
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


@pytest.mark.parametrize(
    ("place", "time"), [(0, None), (4, "2020-01-01T00:00:00+00:00"), (-1, None), (-1, "2020-01-01T00:00:00Z")]
)
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
