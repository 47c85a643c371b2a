"""What is asked to find the rows that a job left out: each question with its words, and when it is not asked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest

from bigin_api import PermissionDenied, Reply
from bigin_api.endpoints.results import Page
from tap_bigin.bookmarks import Scan
from tap_bigin.bulk.completeness import Completion, SeenIds

STARTED = datetime(2026, 5, 14, 9, tzinfo=timezone.utc)
SINCE = STARTED - timedelta(days=1)
CREATED = "Created_Time < '2026-05-14T09:00:00+00:00'"
LATELY, LONG_AGO = "2026-05-14T08:45:00Z", "2026-05-14T08:44:59Z"


class World:
    """A client and a report, both notes of what they were told."""

    def __init__(self, pages: dict[str, Any] | None = None, deleted: list[Any] | None = None) -> None:
        self.pages = pages or {}
        self.deletions = deleted or []
        self.asked: list[Any] = []
        self.said: list[str] = []
        self.coql = SimpleNamespace(pages_by_id=self._pages_by_id)
        self.records = SimpleNamespace(deleted=self._deleted)
        self.inform = self.warn = self.lacks = self.said.append

    def _pages_by_id(self, module: str, columns: list[str], *, where: str, on_lack: Any) -> Iterator[Any]:
        assert (module, columns) == ("Contacts", ["id"])
        on_lack(f"asked {where}")
        self.asked.append(where)
        found = next((each for part, each in self.pages.items() if part in where), [])
        if isinstance(found, Exception):
            raise found
        return iter([[{"id": each} for each in page] for page in found])

    def _deleted(self, module: str, *, page: int, modified_since: datetime) -> Page:
        self.asked.append((module, page, modified_since))
        rows = self.deletions[page - 1]
        info = {"more_records": page < len(self.deletions)}
        return Page.from_reply(Reply(200, {"data": rows, "info": info}))


def _seen(*files: str) -> SeenIds:
    seen = SeenIds()
    for each in files:
        seen.add(each.split(), begins_file=True)
    return seen


def _missing(
    world: World, seen: SeenIds, *lookups: str, scan: Scan | None = None, **how: Any
) -> list[list[str]]:
    counted, promised = how.pop("counted", 0), how.pop("promised", 0)
    completion = Completion(
        world,
        "Contacts",
        scan or Scan("bulk", started=STARTED),
        seen=seen,
        report=world,  # type: ignore[arg-type]
    )
    found = list(completion.missing(lookups, counted=counted, promised=promised, **how))
    world.said = [each for each in world.said if not each.startswith("asked ")]
    world.refused = completion.refused
    return found


def test_what_was_read_is_known_whatever_the_order_of_the_files():
    """Rows by their ids, and where one file ended and the next began."""
    seen = SeenIds()
    assert (seen.last, seen.rows, len(seen), seen.lacking(["7"])) == (0, 0, 0, ["7"])

    seen.add(["7", "9"], begins_file=True)
    seen.add(["12"])
    seen.add([], begins_file=True)
    seen.add(["14", "20"], begins_file=True)
    seen.add_beside(["15", "8"])
    seen.add_beside(["8"])

    assert (seen.last, seen.rows, len(seen)) == (20, 5, 7)
    assert (seen.ascending, seen.borders) == (True, [(12, 14)])
    assert seen.lacking(["6", "7", "8", "9", "10", "14", "15", "20", "21"]) == ["6", "10", "21"]


@pytest.mark.parametrize("files", [("9 7", "12"), ("7 12", "9"), ("12 14", "7 9"), ("7 7", "9 12")])
def test_rows_in_no_order_are_known_all_the_same(files):
    """Nothing promises that rows ascend; of equal ids neither is between the other and the next."""
    seen = _seen(*files)
    assert seen.lacking(["7", "8", "9", "13"]) == ["8", "13"]

    seen.add(["6"], begins_file=True)

    assert seen.lacking(["5", "6", "7", "9", "12", "20"]) == ["5", "20"]
    assert not seen.ascending


def test_where_nothing_is_short_nothing_is_asked():
    """Each look costs a credit."""
    world = World()

    assert _missing(world, _seen("7 9"), counted=2, promised=2) == []
    assert (world.asked, world.said, world.refused) == ([], [], None)


def test_what_slipped_between_two_files_is_looked_for_there():
    """A deletion between two jobs moves the rest up."""
    world = World({"id > 9 and id < 14": [["10", "11"], ["12"]]})

    assert _missing(world, _seen("7 9", "14", "15"), counted=4) == [["10", "11"], ["12"]]
    assert world.asked == [f"({CREATED} and (id > 9 and id < 14))", f"({CREATED} and (id > 14 and id < 15))"]


@pytest.mark.parametrize(
    ("files", "where"),
    [(("7 9",), f"({CREATED} and id > 9)"), (("9 7",), CREATED), ((), f"({CREATED} and id > 0)")],
)
def test_the_rest_is_read_by_key(files, where):
    """Beyond the last row, if rows ascend; else it may be anywhere."""
    world = World({CREATED: [["7", "10"], ["9"], ["11"]]})
    seen = _seen(*files)

    found = _missing(world, seen, rest=True)

    assert found == ([["10"], ["11"]] if files else [["7", "10"], ["9"], ["11"]])
    assert world.asked == [where]


def test_rows_with_an_empty_lookup_are_looked_for_to_their_end_if_one_of_them_is_missing():
    """One page tells; a lookup whose first page is whole costs that page alone."""
    world = World({"Account_Name is null": [["7", "8"], ["9"], ["10"]], "Owner is null": [["7"], ["99"]]})

    found = _missing(world, _seen("7 9"), "Account_Name", "Owner", "Order", counted=2)

    assert found == [["8"], [], ["10"]]
    assert world.asked == [f"({CREATED} and {each} is null)" for each in ("Account_Name", "Owner", "'Order'")]
    assert world.said == [
        "the job left out records without Account_Name: looking for them, 1 credit for 200."
    ]


@pytest.mark.parametrize(
    ("scan", "where"),
    [
        (Scan("bulk", started=STARTED), CREATED),
        (
            Scan("bulk", started=STARTED, since=SINCE),
            "(Modified_Time >= '2026-05-13T09:00:00+00:00' and Modified_Time < '2026-05-14T09:00:00+00:00')",
        ),
        (Scan("bulk", since=SINCE), "Modified_Time >= '2026-05-13T09:00:00+00:00'"),
        (Scan("bulk"), "id is not null"),
    ],
)
def test_only_what_the_pass_is_about_is_looked_for(scan, where):
    """What changed later belongs to the next one."""
    world = World({where: [["8"]]}, deleted=[[]])

    assert _missing(world, _seen("7 9"), scan=scan, counted=401, promised=3) == [["8"]]
    assert world.asked == [where]
    assert world.said == [
        "the job gave 2 of 401 records. Looking at every id for those that are missing: 3 credits."
    ]


def _deletion(record_id: Any, time: Any) -> dict[str, Any]:
    return {"id": record_id, "deleted_time": time}


@pytest.mark.parametrize(
    ("deleted", "is_looked_for", "pages"),
    [
        ([[]], True, 1),
        ([[_deletion("3", LATELY), _deletion("4", LATELY)]], False, 1),
        ([[_deletion("3", LATELY), _deletion("7", LATELY)]], True, 1),  # in the file: it explains nothing
        ([[_deletion("3", LATELY)], [_deletion("4", LATELY)]], False, 2),
        ([[_deletion("3", LATELY), _deletion("4", LONG_AGO)], [_deletion("5", LATELY)]], True, 1),
        ([[_deletion("3", LATELY), _deletion("4", None)], [_deletion("5", LATELY)]], False, 2),
        ([[_deletion("3", LATELY), _deletion("3", LATELY)]], True, 1),
        ([[_deletion("3", LATELY)], [_deletion("3", LATELY)]], True, 2),  # moved on by another one
    ],
)
def test_deletions_of_the_last_minutes_explain_what_the_count_has_and_no_file(deleted, is_looked_for, pages):
    """The count lags by minutes; what it has beyond them is missing."""
    world = World({CREATED: [["8"]]}, deleted)

    found = _missing(world, _seen("7 9"), counted=4, promised=2)

    since = STARTED - timedelta(minutes=15)
    looked = [CREATED] if is_looked_for else []
    assert world.asked == [*(("Contacts", page, since) for page in range(1, pages + 1)), *looked]
    assert found == ([["8"]] if is_looked_for else [])
    if not is_looked_for:
        assert world.said == [
            "Bigin counts 2 more records than there are: 2 were deleted lately, and its count lags by minutes."
        ]


def test_a_list_of_deletions_that_goes_round_explains_nothing():
    """Its pages would never end."""
    world = World({}, [[_deletion("3", LATELY)]] * 20)

    assert _missing(world, _seen("7 9"), counted=4) == []
    assert len(world.asked) == 4
    assert world.refused == "The list goes round: the same page came again."


@pytest.mark.parametrize(
    ("counted", "promised", "is_looked_for"), [(3, 2, False), (4, 2, True), (3, 3, True)]
)
def test_what_was_read_otherwise_is_not_missing(counted, promised, is_looked_for):
    """But a file with fewer rows than its job tells lacks some, whatever was found beside it."""
    world, seen = World(deleted=[[]]), _seen("7 9")
    seen.add_beside(["8"])

    _missing(world, seen, counted=counted, promised=promised)

    assert (CREATED in world.asked) is is_looked_for


def test_between_files_in_no_order_every_id_is_looked_at():
    """What lies between them is no interval."""
    world = World({CREATED: [["8"]]})

    assert _missing(world, _seen("9 7", "12"), counted=3, promised=3) == [["8"]]
    assert world.asked == [CREATED]


def test_without_a_clock_no_deletion_explains_anything():
    """Since when is not known."""
    world = World({"id is not null": [["8"]]}, [[_deletion("3", LATELY)]])

    assert _missing(world, _seen("7 9"), scan=Scan("bulk"), counted=3) == [["8"]]
    assert world.asked == ["id is not null"]


def test_where_coql_is_refused_what_was_found_counts_and_the_reason_is_told():
    """The pass then ends otherwise: nothing is proven."""
    world = World({"id > 9 and id < 12": [["10"]], "Account_Name is null": PermissionDenied("no right")})

    assert _missing(world, _seen("7 9", "12"), "Account_Name", counted=9) == [["10"]]
    assert world.refused == "no right"
