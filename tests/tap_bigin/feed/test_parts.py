"""The parts of a run with a feed, each by itself: marks, what the log keeps, what was told, what was missed."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from bigin_api import (
    InvalidRequest,
    ModuleUnavailable,
    PermissionDenied,
    Refused,
    ScopeMissing,
    SettingsError,
)
from bigin_feed.log import Change, Row
from tap_bigin.feed import memory
from tap_bigin.feed.deletions import Deletion, Deletions
from tap_bigin.feed.mark import FeedMark, check_feed, is_sweep_due
from tap_bigin.feed.missed import Missed
from tap_bigin.feed.told import Told

NOW = datetime(2026, 5, 14, 9, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("swept", "after", "expected"),
    [
        ("2026-05-14T08:00:30Z", HOUR, True),  # an hourly run must not wait another hour
        ("2026-05-14T08:00:31Z", HOUR, False),
        ("2026-05-14T08:59:06Z", timedelta(minutes=1), True),
        ("2026-05-14T08:59:07Z", timedelta(minutes=1), False),
        ("2026-05-14T08:58:40Z", timedelta(seconds=90), False),
        ("2026-05-14T09:01:00Z", HOUR, False),
        ("2026-05-14T09:01:01Z", HOUR, True),  # this machine's clock went back
    ],
)
def test_a_sweep_is_due_after_its_time(swept, after, expected):
    """Later, what was not told is missing for longer than was asked for; sooner, it is paid for twice."""
    assert is_sweep_due(swept, NOW, after) is expected


KEPT = {"log": "a", "position": 0, "swept": {"Contacts": "2026-05-14T09:00:00Z"}}


@pytest.mark.parametrize("kept", [KEPT, {**KEPT, "due": {"Contacts": ["7"]}}, {**KEPT, "swept": {}}])
def test_a_mark_is_its_own_form_in_state(kept):
    """What is not looked for leaves no empty entry behind."""
    mark = FeedMark.from_state(kept)

    assert mark == FeedMark(kept["log"], kept["position"], kept["swept"], kept.get("due", {}))
    assert mark.to_state() == kept


@pytest.mark.parametrize(
    "kept",
    [
        [],
        {},
        {**KEPT, "position": -1},
        {**KEPT, "position": "1"},
        {**KEPT, "swept": {"Contacts": "soon"}},
        {**KEPT, "due": {"Contacts": [7]}},
    ],
)
def test_what_is_no_mark_is_refused(kept):
    """To go on from a place that nobody wrote would pass rows by."""
    with pytest.raises(SettingsError, match="state: feed: not as this tap writes it"):
        check_feed({"feed": kept})
    check_feed({})


def _row(seq=1, record_id="7", operation="delete", **more):
    given = {
        "received": "2026-05-14T08:00:00.500Z",
        "time": None,
        "person": None,
        "fields": (),
        "values": None,
    }
    return Row(
        seq=seq, channel="1", module="Contacts", id=record_id, operation=operation, **{**given, **more}
    )


@pytest.mark.parametrize(
    ("more", "entry"),
    [
        ({}, {"deleted_time": "2026-05-14T08:00:00Z", "deleted_by": None}),
        (
            {"time": "2026-05-14T07:59:58.999Z", "person": '{"id":"8","name":"Ann","email":"a@example.org"}'},
            {"deleted_time": "2026-05-14T07:59:58Z", "deleted_by": {"name": "Ann", "id": "8"}},
        ),
        ({"person": '{"id":"8"}'}, {"deleted_time": "2026-05-14T08:00:00Z", "deleted_by": {"name": None, "id": "8"}}),
        ({"person": "{}"}, {"deleted_time": "2026-05-14T08:00:00Z", "deleted_by": None}),
    ],
)  # fmt: skip
def test_a_deletion_is_told_as_bigins_list_would(more, entry):
    """The stream of deletions has one form of them, whoever told."""
    assert Deletion.of(_row(**more)).entry() == {"id": "7", **entry}


def test_what_streams_find_of_deletions_waits_for_the_stream_of_them():
    """By module: what one looks at says nothing of another."""
    found, deletion = Deletions(), Deletion("7", "2026-05-14T08:00:00Z", None)
    found.tell("Contacts", [deletion])
    found.ask_list("Tasks")
    found.look_at("Notes")
    found.tell_back("Calls", {"9", "8"})

    modules = ("Contacts", "Tasks", "Notes", "Calls")
    assert [found.told_of(each) for each in modules] == [[deletion], [], [], []]
    assert [found.is_listed(each) for each in modules] == [False, True, False, False]
    assert [found.is_looked_at(each) for each in modules] == [False, False, True, False]
    assert [found.back_of(each) for each in modules] == [[], [], [], ["8", "9"]]


WHO = {
    "accounts_url": "a",
    "api_url": "b",
    "client_id": "c",
    "data_center": "d",
    "refresh_token": "e",
    "other": "f",
}


def test_what_credentials_were_told_is_kept_for_them_alone():
    """Others may see other modules."""
    names = {key: memory.name_of({**WHO, key: "x"}) for key in WHO}

    assert len(set(names.values())) == len(WHO)
    assert names["other"] == memory.name_of(WHO)


FIELD = {"api_name": "Mood", "data_type": "text", "tooltip": "long", "id": "1"}
ANSWERS = {
    ("modules", None): [{"api_name": "Contacts", "viewable": True}],
    ("fields", "Contacts"): [FIELD],
    ("fields", "Visits"): ModuleUnavailable("closed", code="INVALID_MODULE"),
    ("custom_views", "Contacts"): PermissionDenied("no"),
    ("related_lists", "Contacts"): ScopeMissing("no scope", code="OAUTH_SCOPE_MISMATCH"),
    ("roles", None): [{"name": "a role"}],
}


def _plain(answers):
    return {
        key: (type(each), each.message, each.code) if isinstance(each, Refused) else each
        for key, each in answers.items()
    }


def test_what_was_told_at_a_sweep_is_recalled_until_the_next():
    """With the refusals: a module that is closed is no other question at each run."""
    kept = memory.keep(
        {"modules": {"asked": "old"}, "fields Old": {"asked": "2026-05-14T08:30:00Z", "rows": []}},
        ANSWERS,
        NOW,
    )

    recalled = memory.recalled(kept, NOW + timedelta(minutes=59), HOUR)

    told = {name: answer for name, answer in ANSWERS.items() if name[0] != "roles"}
    told["fields", "Contacts"] = [{"api_name": "Mood", "data_type": "text", "id": "1"}]
    assert kept.keys() == {
        "modules",
        "fields Contacts",
        "fields Visits",
        "custom_views Contacts",
        "related_lists Contacts",
        "fields Old",
    }
    assert kept["modules"] == {
        "asked": "2026-05-14T09:00:00Z",
        "rows": [{"api_name": "Contacts", "viewable": True}],
    }
    assert _plain(recalled) == _plain(told)
    assert memory.recalled(kept, NOW + HOUR, HOUR) == {}


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        (None, {}),
        ([], {}),
        ({"modules": None}, {}),
        ({"modules": {"rows": []}}, {}),
        ({"modules": {"asked": "2026-05-14T09:00:00Z"}}, {}),
        ({"modules": {"asked": "2026-05-14T09:00:00Z", "rows": [7]}}, {}),
        ({"modules": {"asked": "soon", "rows": []}}, {}),
        (
            {"bad": 1, "modules": {"asked": "2026-05-14T09:00:00Z", "rows": [{"a": 1}]}},
            {("modules", None): [{"a": 1}]},
        ),
        (
            {"modules": {"asked": "2026-05-14T09:00:00Z", "refused": {"kind": "New", "message": "m", "code": "c"}}},
            {("modules", None): (Refused, "m", "c")},
        ),
        (
            {"modules": {"asked": "2026-05-14T09:00:00Z", "refused": {"kind": "InvalidRequest", "message": "m", "code": None}}},
            {("modules", None): (InvalidRequest, "m", None)},
        ),
    ],
)  # fmt: skip
def test_what_was_kept_in_another_form_is_asked_for(kept, expected):
    """A log that was written by another version, or by hand, must not end the run."""
    assert _plain(memory.recalled(kept, NOW, HOUR)) == expected


@pytest.mark.parametrize(
    "text", [None, 7, "spoiled", "c3BvaWxlZA==", memory.packed([1], "a"), memory.packed({"b": 1}, "b")]
)
def test_what_was_packed_for_others_or_is_spoiled_is_nothing(text):
    """It is asked for then."""
    assert memory.unpacked(text, "a") == {}


def test_what_was_packed_comes_back():
    """A run that a budget cut short keeps it in the state."""
    kept = {"modules": {"rows": [{"api_name": "Contacts" * 100}]}}

    text = memory.packed(kept, "a")

    assert memory.unpacked(text, "a") == kept
    assert len(text) < 200


def test_what_was_missed_is_one_line():
    """By the stream that first brought a record."""
    missed = Missed()
    assert missed.line(set()) == "the sweep found nothing of which it had not been told."

    missed.note("Tasks", [("Tasks", "7"), ("Tasks", "8")])
    missed.note("open_tasks", [("Tasks", "8")])
    missed.note("Calls", [("Calls", "7"), ("Calls", "8")])

    assert missed.line({("Tasks", "7"), ("Calls", "7"), ("Calls", "8")}) == (
        "the sweep found 1 record of which it had not been told: Tasks 1."
    )
    assert missed.line({("Tasks", "7")}) == (
        "the sweep found 3 records of which it had not been told: Calls 2, Tasks 1."
    )


@pytest.mark.parametrize(("number", "is_more"), [(10_000, False), (10_001, True)])
def test_a_heap_that_nobody_was_told_of_fills_no_memory(number, *, is_more):
    """A bulk import: its size is said, as far as it was counted."""
    missed = Missed()

    missed.note("Tasks", (("Tasks", str(each)) for each in range(number)))

    more = "more than " if is_more else ""
    assert missed.line(set()) == (
        f"the sweep found {more}10,000 records of which it had not been told: Tasks 10,000."
    )


def _change(record_id, *, deleted=False):
    return Change("Contacts", record_id, 1, was_inserted=False, was_deleted=deleted)


def test_what_is_told_of_is_looked_at_once():
    """What is due first, then in the order told; what a sweep brought meanwhile needs no other look."""
    changes = {str(number): _change(str(number)) for number in range(600)}
    told = Told(changes, due=["700", "7"])

    told.see([{"id": "8"}, {"id": "999"}])
    first, second = told.portions()

    assert [*first, *second] == ["700", "7", *(str(number) for number in range(600) if number not in (7, 8))]
    assert (len(first), len(second)) == (500, 100)
    assert told.found == {"8"}


def test_what_is_looked_for_and_not_there_is_deleted_only_if_somebody_said_so():
    """It may be under approval, or not visible yet."""
    told = Told(
        {"1": _change("1", deleted=True), "2": _change("2"), "3": _change("3", deleted=True)}, due=["4"]
    )

    told.look(["1", "2", "3", "4"], [{"id": "3"}])

    assert (told.absent, told.found) == (["1", "2", "4"], {"3"})
    assert (told.deleted, told.unexplained) == (["1"], ["2", "4"])
    assert list(told.portions()) == [["4", "1", "2"]]
