"""What state remembers of a module's deleted list: its form, and what is refused of it."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from bigin_api import SettingsError
from tap_bigin.lists.id_set import IdSet
from tap_bigin.lists.marks import Begun, Mark, check_mark, check_marks, newest, told_in_full, told_once

NINE = datetime(2026, 5, 14, 9, tzinfo=timezone.utc)
TEN = NINE.replace(hour=10)
MARK = {"since": "2026-05-14T09:00:00Z", "gone": "7 1", "listed": 2, "checked": "2026-05-14T10:00:00Z"}


@pytest.mark.parametrize(
    ("begun", "kept"),
    [
        (None, {}),
        (Begun(), {"begun": {}}),
        (Begun(asked=NINE, read=1), {"begun": {"asked": "2026-05-14T09:00:00Z", "read": 1}}),
        (
            Begun(NINE, TEN, 2, ("8", "7"), ("7", "9"), 1),
            {
                "begun": {
                    "asked": "2026-05-14T09:00:00Z",
                    "since": "2026-05-14T10:00:00Z",
                    "read": 2,
                    "last": ("8", "7"),
                    "gone": "7 2",
                    "listed": 1,
                }
            },
        ),
    ],
)
def test_a_mark_in_state(begun: Begun | None, kept: dict[str, Any]) -> None:
    """Only what is set of a reading that is under way, and ids as one text."""
    mark = Mark(NINE, ("7", "8"), 2, TEN, begun)

    assert mark.to_state() == {**MARK, **kept}
    assert Mark.from_state(mark.to_state()) == mark
    assert Mark.from_state({}) == Mark.from_state(None) == Mark(None, (), 0, None, None)


def test_what_was_seen_to_be_deleted_is_remembered() -> None:
    """It may come back."""
    assert Mark(NINE, ("8",), 1, TEN, Begun()).with_gone(["9", "8", "7"]) == Mark(
        NINE, ("7", "8", "9"), 1, TEN, Begun()
    )


def test_of_very_many_ids_the_highest_are_remembered() -> None:
    """As numbers: what was deleted last came last, most likely."""
    assert newest({str(each) for each in range(1, 2_102)}) == tuple(sorted(map(str, range(102, 2_102))))


@pytest.mark.parametrize(
    "kept", [None, {}, MARK, {"gone": ["7"]}, {"gone": "deleted_records"}, {"begun": {"gone": "7 1"}}]
)
def test_a_mark_as_this_tap_writes_it(kept: Any) -> None:
    """Or an older one, or one that names the ids of another."""
    check_mark("here", kept)
    check_marks("here", {"Contacts": kept, "Tasks": {}})
    check_marks("here", None)


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        ("soon", "expected an object, got str."),
        ([], "expected an object, got list."),
        ({"since": "soon"}, "not as this tap writes it (Invalid RFC3339 encoded datetime - at `$.since`)."),
        ({"gone": "7 x"}, "not as this tap writes it (invalid literal for int() with base 10: 'x')."),
        ({"gone": "deleted_records", "listed": "2"}, "not as this tap writes it (Expected `int`, got `str`"),
        ({"begun": 7}, "not as this tap writes it (Expected `object | null`, got `int` - at `$.begun`)."),
        ({"begun": {"gone": "x"}}, "not as this tap writes it (invalid literal"),
    ],
)
def test_what_is_no_mark_is_refused_with_its_place(kept: Any, said: str) -> None:
    """A traceback would not say which part of the state to mend."""
    for check, where, what in ((check_mark, "here", kept), (check_marks, "here: Tasks", {"Tasks": kept})):
        with pytest.raises(SettingsError) as refused:
            check("here", what)
        assert str(refused.value).startswith(f"{where}: {said}")

    with pytest.raises(SettingsError, match=r"^here: expected an object, got str\.$"):
        check_marks("here", "soon")


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ({}, {}),
        ({"Contacts": {"deleted": MARK}}, {}),
        ({"Contacts": {}, "Tasks": {"deleted": None}, "deleted_records": {"modules": {}}}, {}),
        ({"Contacts": {"deleted": MARK}, "deleted_records": {"modules": {"Tasks": MARK}}}, {}),
        ({"Contacts": {"deleted": MARK}, "deleted_records": {"modules": {"Contacts": None}}}, {}),
        ({"Contacts": {"deleted": MARK}, "deleted_records": {"modules": {"Contacts": {"gone": "7"}}}}, {}),
        ({"Contacts": {"deleted": {"gone": ""}}, "deleted_records": {"modules": {"Contacts": {"gone": ""}}}}, {}),
        (
            {"Contacts": {"deleted": MARK, "x": 1}, "deleted_records": {"modules": {"Contacts": {"gone": "7 1"}}}},
            {"Contacts": {"deleted": {**MARK, "gone": "deleted_records"}, "x": 1}},
        ),
    ],
)  # fmt: skip
def test_ids_that_another_mark_has_stand_once(entries: dict[str, Any], told: dict[str, Any]) -> None:
    """And come back from there; all else is as it was."""
    state = {"bookmarks": entries, "other": 1}

    once = told_once(state)

    assert once == {"bookmarks": {**entries, **told}, "other": 1}
    assert told_in_full(once) == state
    assert told_once({"other": 1}) == told_in_full({"other": 1}) == {"other": 1}


def test_ids_are_known_in_whatever_order_they_come() -> None:
    """Those that are packed and those that are not, each once."""
    ids = IdSet()
    ids.update(range(0, 60_000, 2))
    ids.update([7, 6, 7])
    ids.update(range(1, 60_001, 2))
    ids.update([5, 60_003])

    assert [each for each in range(60_005) if each not in ids] == [60_000, 60_001, 60_002, 60_004]
    assert len(ids) == 60_001
