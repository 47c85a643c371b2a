"""Singer's state in parts and together again: nothing is lost, and the oldest of what is shared counts."""

from __future__ import annotations

from typing import Any

import pytest

from bigin_airbyte.states import SHARED, States
from bigin_api.errors import SettingsError


def told(states: States, singer: dict[str, Any], *streams: str) -> dict[str, Any]:
    """The messages that a platform would keep of a state."""
    return {
        name: {"type": "STREAM", "stream": {"stream_descriptor": {"name": name}, "stream_state": part}}
        for name, part, _ in states.split(singer, streams)
    }


def test_a_state_comes_back_whole() -> None:
    """What stands beside the bookmarks, and whatever an entry holds, are the tap's to understand."""
    singer = {
        "bookmarks": {"a": {"version": 7, "pass": {"kind": "full"}}, "b": {"swept": "x"}},
        "feed": {"position": 9},
    }

    kept = told(States([], ("a", "b")), singer, "a", "b")

    assert States(list(kept.values()), ("a", "b")).singer == singer


def _part(name: str, state: Any) -> Any:
    return {"type": "STREAM", "stream": {"stream_descriptor": {"name": name}, "stream_state": state}}


def test_a_part_is_the_streams_entry_and_what_is_shared() -> None:
    """Numbered on from the latest that any part has; metadata that a budget's run kept is in none."""
    old = {SHARED: {"number": "3", "state": {"feed": {"position": 1}}}}
    newer = {"x": 0, SHARED: {"number": 7, "state": {"feed": {"position": 2}}}}
    states = States([_part("a", old), _part("b", newer), _part("c", None)], ("a", "b", "c"))
    assert states.singer == {"feed": {"position": 1}, "bookmarks": {"b": {"x": 0}}}

    first = list(
        states.split({"bookmarks": {"a": {"x": 1}}, "feed": {"position": 3}, "metadata": "m"}, ("a", "d"))
    )
    again = list(states.split({"bookmarks": {"a": {"x": 1}}, "feed": {"position": 3}}, ("a", "b")))
    last = list(states.split({"bookmarks": {"a": {"x": 1}}, "feed": {"position": 4}}, ("a",)))

    shared = {"number": 8, "state": {"feed": {"position": 3}}}
    assert first == [("a", {"x": 1, SHARED: shared}, True), ("d", {SHARED: shared}, True)]
    assert again == [("a", {"x": 1, SHARED: shared}, False), ("b", {SHARED: shared}, True)]
    assert last == [("a", {"x": 1, SHARED: {"number": 9, "state": {"feed": {"position": 4}}}}, True)]


def test_what_nothing_is_shared_beside_has_its_entry_alone() -> None:
    """And a stream of which nothing is known has nothing new to say."""
    states = States(None, ("a", "b"))

    assert list(states.split({"bookmarks": {"a": {"x": 1}}, "metadata": "m"}, ("a", "b"))) == [
        ("a", {"x": 1}, True),
        ("b", {}, False),
    ]
    assert States({}, ("a",)).singer == {"bookmarks": {}}


def test_the_oldest_of_what_is_shared_counts() -> None:
    """A destination kept a later part of one stream and an earlier one of another: none may be missed."""
    states = States([], ("a", "b"))
    early = told(states, {"bookmarks": {}, "feed": {"position": 1}}, "a", "b")
    late = told(states, {"bookmarks": {}, "feed": {"position": 2}}, "a", "b")

    mixed = States([late["a"], early["b"]], ("a", "b"))
    after = told(mixed, {"bookmarks": {}, "feed": {"position": 3}}, "a")

    assert mixed.singer["feed"] == {"position": 1}
    assert States([after["a"], early["b"]], ("a", "b")).singer["feed"] == {"position": 1}
    assert States([after["a"], late["b"]], ("a", "b")).singer["feed"] == {"position": 2}


def test_a_stream_that_is_not_read_any_more_holds_nobody_back() -> None:
    """Platforms keep the states of deselected streams for ever."""
    states = States([], ("a", "b"))
    early = told(states, {"feed": {"position": 1}}, "b")
    late = told(states, {"feed": {"position": 2}}, "a")

    assert States([late["a"], early["b"]], ("a",)).singer["feed"] == {"position": 2}


def test_what_the_tap_writes_into_its_state_afterwards_is_told() -> None:
    """The tap goes on with its own object: a part that shared it would never look new."""
    states = States([], ("a",))
    singer: dict[str, Any] = {"bookmarks": {"a": {"x": 1}}, "feed": {"position": 1}}
    told(states, singer, "a")

    singer["feed"]["position"] = 2

    assert [is_new for _, _, is_new in states.split(singer, ("a",))] == [True]
    assert [is_new for _, _, is_new in states.split(singer, ("a",))] == [False]


@pytest.mark.parametrize(
    "given",
    [
        {"bookmarks": {}},
        [{"stream": {}}],
        ["x"],
        [{"data": {}}],
        5,
        [_part("a", 7)],
        [_part("a", {SHARED: {"number": "x", "state": {}}})],
        [_part("a", {SHARED: {"number": 1, "state": []}})],
        [_part("a", {SHARED: {}})],
        [_part("a", {SHARED: 7})],
    ],
)
def test_what_is_no_state_is_refused(given: Any) -> None:
    """Taken for none, everything would be read again."""
    with pytest.raises(SettingsError, match="state: "):
        States(given, ("a",))
