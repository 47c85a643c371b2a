"""Singer's state in parts and together again: nothing is lost, and the oldest of what is shared counts."""

from __future__ import annotations

from typing import Any

import pytest

from bigin_airbyte.states import States
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


@pytest.mark.parametrize("given", [{"bookmarks": {}}, [{"stream": {}}], ["x"], [{"data": {}}], 5])
def test_what_is_no_state_is_refused(given: Any) -> None:
    """Taken for none, everything would be read again."""
    with pytest.raises(SettingsError, match="state: "):
        States(given, ("a",))
