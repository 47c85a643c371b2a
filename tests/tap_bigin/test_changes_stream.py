"""The stream of changes: a row for each field that was told of, from where the log was written to."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from support.streams import said, stream_of

from bigin_feed.log import Row
from tap_bigin.streams import changes
from tap_bigin.streams.changes import ChangesStream, define_changes

TIME = "2026-05-14T09:53:58.120Z"


def _row(seq: int, module: str = "Tasks", **more: Any) -> Row:
    told = {
        "time": None,
        "person": None,
        "fields": ("A",),
        "values": '{"A": "x"}',
        "operation": "update",
        **more,
    }
    return Row(seq, TIME, "1", module, "5", **told)


class Feed(SimpleNamespace):
    def __init__(self, *rows: Row, pruned: int = 0) -> None:
        super().__init__(told=rows, state=SimpleNamespace(id="L", pruned=pruned))

    def rows_from(self, reached: Any) -> int:
        return reached["seq"] if reached.get("log") == "L" else self.state.pruned

    def rows(self, after: int) -> Any:
        return (each for each in self.told if each.seq > after)


def _read(feed: Feed | None, state: Any = None, **more: Any) -> tuple[list[tuple[list[Any], Any]], list[str]]:
    definition = define_changes(lookups=more.pop("lookups", "object"))
    stream = stream_of(ChangesStream, definition, feed=feed, **more)
    assert not stream.is_sweep_due(state or {})
    batches = [(batch.records, batch.state) for batch in stream.read_by_plan(state or {})]
    assert [(each.records, each.state) for each in stream.read(state or {})] == batches
    return batches, list(dict.fromkeys(said(stream)))


@pytest.mark.parametrize(
    ("more", "fields"),
    [
        ({}, [("A", "x")]),
        (
            {"fields": ("B", "A"), "values": '{"A": 1.5, "C": {"id": "7"}}'},
            [("B", None), ("A", "1.5"), ("C", '{"id":"7"}')],
        ),
        ({"fields": (), "values": None}, [("*", None)]),
    ],
)
def test_each_field_that_was_told_of_is_a_row(more: Any, fields: list[Any]) -> None:
    """With the value where one was told: texts as they are, all else as JSON."""
    ((records, state),), words = _read(Feed(_row(7, **more)))

    shared = {
        "seq": 7,
        "module": "Tasks",
        "id": "5",
        "operation": "update",
        "time": "2026-05-14T09:53:58Z",
        "person": None,
    }
    assert records == [{**shared, "field": name, "value": value} for name, value in fields]
    assert state == {"log": "L", "seq": 7}
    assert words == []


@pytest.mark.parametrize(
    ("lookups", "person"), [("object", {"id": "1", "name": "Ann", "email": None}), ("id", "1")]
)
def test_the_time_and_the_person_are_those_that_were_told(lookups: str, person: Any) -> None:
    """Without a time it is when the row was received; a person is an id where lookups are."""
    row = _row(7, time="2026-05-14T12:00:00+03:00", person='{"id": "1", "name": "Ann", "email": null}')

    (((record,), _),), _ = _read(Feed(row), lookups=lookups)

    assert record["time"] == "2026-05-14T09:00:00Z"
    assert record["person"] == person


def test_rows_come_in_portions_after_those_that_were_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the modules that are wanted; the state passes the others, too."""
    monkeypatch.setattr(changes, "ROWS_AT_ONCE", 2)
    feed = Feed(_row(1), _row(2), _row(3, "Calls"), _row(4), _row(5, "Calls"))

    batches, words = _read(feed, {"log": "L", "seq": 1}, modules=["T*", "Deals"])

    assert [([each["seq"] for each in records], state["seq"]) for records, state in batches] == [
        ([2], 3),
        ([4], 5),
    ]
    assert words == []
    assert _read(feed, {"log": "L", "seq": 5}) == ([], [])
    assert _read(None) == ([], [])


@pytest.mark.parametrize(
    ("state", "pruned", "words"),
    [
        ({"log": "L", "seq": 4}, 4, None),
        (
            {"log": "L", "seq": 3},
            4,
            "the log was pruned up to 4 and was read up to 3: what was told in between",
        ),
        ({"log": "M", "seq": 4}, 4, None),
        (
            {"log": "M", "seq": 5},
            4,
            "the log is another one and begins at 4, the last one was read up to 5: rows",
        ),
        ({"log": "M", "seq": 3}, 4, None),
        ({}, 4, None),
    ],
)
def test_rows_that_are_missing_or_come_under_old_numbers_are_told(
    state: Any, pruned: int, words: str | None
) -> None:
    """A person should know what the table lacks."""
    _, told = _read(Feed(pruned=pruned), state)

    assert [each[: len(words or "") + 11] for each in told] == ([f"! changes: {words}"] if words else [])
