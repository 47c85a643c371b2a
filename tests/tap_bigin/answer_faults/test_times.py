"""A time that is none hides no record, and ends nothing."""

from __future__ import annotations

from typing import Any

import pytest
from support.answer_faults import edited, run
from support.rewriting import Asked, OtherBigin
from support.sandbox import Sandbox
from support.tap import assert_holds

NO_TIMES = [
    ("absent", -1),
    (None, 0),
    (1_790_000_000_000, -1),
    ("yesterday", 0),
    (["2026-05-14T09:00:00Z"], 4),
]


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
