"""What all kinds of streams share: from where they read, when everything is, and how they end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from support.streams import Quiet, said, stream_of

from bigin_api import (
    AuthError,
    BiginError,
    CreditBudgetReached,
    InvalidRequest,
    ModuleUnavailable,
    PermissionDenied,
)
from tap_bigin.bookmarks import Scan, from_text
from tap_bigin.discovery.definition import StreamDefinition
from tap_bigin.singer.batch import Batch
from tap_bigin.streams.stream import BiginStream
from tap_bigin.values.schema import RecordSchema

NINE = from_text("2026-05-14T09:00:00Z")
MINUTE = timedelta(minutes=1)
KEY = {"replication_key": "Modified_Time", "replication_key_value": "2026-05-14T08:00:00Z"}
SINCE = {"since": "2026-05-01T00:00:00Z"}
START = {"start_date": "2026-05-10T00:00:00Z"}
TEXT = {"type": ["string", "null"]}
SCHEMA = RecordSchema({"id": TEXT, "Modified_Time": TEXT, "Email": TEXT, "Phone": TEXT}, {})
PLAIN = StreamDefinition("Visits", SCHEMA, ("id",), "Modified_Time")
WHOLE = StreamDefinition("views", SCHEMA, ("id", "Email"))


class Kind(BiginStream[StreamDefinition]):
    """Brings a record, and notes from where it read."""

    its_module: str | None = "Visits"

    def read(self, state: Any) -> Iterator[Batch]:
        self.read_state = state
        yield Batch([{"id": "7"}], state)

    def read_told(self, state: Any) -> Iterator[Batch]:
        yield Batch([], {"told": state})

    @property
    def module_read(self) -> str | None:
        return self.its_module

    def price_of_everything(self) -> str:
        return ", 9 credits"


class Feed(SimpleNamespace):
    def __init__(self, why: str | None = None) -> None:
        super().__init__(why=why, asked=[], swept=[])

    def why_sweep(self, stream: str, *, relies_on_it: bool) -> str | None:
        self.asked.append((stream, relies_on_it))
        return self.why

    def has_been_swept(self, stream: str) -> None:
        self.swept.append(stream)


def _stream(definition: StreamDefinition = PLAIN, *, clock: Any = NINE, **more: Any) -> Any:
    return stream_of(Kind, definition, client=Quiet(server_time=clock), **more)


@pytest.mark.parametrize(
    ("definition", "settings", "state", "since"),
    [
        (PLAIN, {}, {}, None),
        (PLAIN, START, {}, "2026-05-10T00:00:00Z"),
        (PLAIN, START, KEY, "2026-05-14T07:59:00Z"),
        (PLAIN, {**START, "overlap_seconds": 5}, KEY, "2026-05-14T07:59:55Z"),
        (
            PLAIN,
            START,
            {"sweeping": "x"},
            None,
        ),  # rows stand for everything: with a later start they were gone
        (PLAIN, START, {"sweeping": "x", **SINCE}, "2026-05-01T00:00:00Z"),
        (PLAIN, START, {"sweeping": "x", **SINCE, **KEY}, "2026-05-14T07:59:00Z"),
        (WHOLE, START, KEY, None),
    ],
)
def test_a_scan_begins_a_little_before_the_bookmark(
    definition: StreamDefinition, settings: Any, state: Any, since: str | None
) -> None:
    """Or at the start date, and where there is neither everything is read; the new bookmark is Bigin's clock."""
    expected = from_text(since) if since else None
    kind: Any = "incremental" if since else "full"

    scan = _stream(definition, **settings).new_scan(state, shape="its shape")

    assert scan == Scan(kind, NINE, "its shape", since=expected)


READ = {"fields": ["Email"], **KEY, "version": 3}


@pytest.mark.parametrize(
    ("definition", "settings", "state", "expected", "words"),
    [
        (PLAIN, {}, READ, {**READ, "fields": ["Email"]}, []),
        (
            PLAIN,
            {},
            {**READ, "pass": {}},
            {"fields": ["Email", "Phone"], "version": 3},
            ["Visits: Phone: selected since, so everything is read once, 9 credits."],
        ),
        (
            PLAIN,
            {"backfill": False},
            {**READ, "pass": {}},
            {**READ, "pass": {}},
            ["! Visits: Phone: selected since, and null until a record changes (backfill)."],
        ),
        (PLAIN, {}, {"fields": ["Email"]}, {"fields": ["Email", "Phone"]}, []),
        (WHOLE, {}, READ, {**READ, "fields": ["Email", "Phone"]}, []),
    ],
)
def test_a_field_that_is_selected_later_is_filled_once(
    definition: StreamDefinition, settings: Any, state: Any, expected: Any, words: list[str]
) -> None:
    """Its bookmark stands for fewer fields; without ``backfill`` it goes on standing for those."""
    stream = _stream(definition, **settings)
    names = ["Email"] if expected == READ and not words else ["Phone", "Email"]

    assert stream.with_fields(state, names) == expected
    assert said(stream) == words


def test_the_condition_of_a_query_counts_as_a_field() -> None:
    """Of another one nothing has been read."""
    stream = _stream()

    assert stream.with_fields({**READ, "asks": "1a"}, ["Email"], asks="2b") == {
        "fields": ["Email"],
        "asks": "2b",
        "version": 3,
    }


@pytest.mark.parametrize(
    ("misses", "expected"),
    [
        (False, {"turn": "x", **KEY, "replication_key_value": "2026-05-14T09:00:00Z"}),
        (True, {"turn": "x", **KEY}),
    ],
)
def test_a_bookmark_passes_no_record_that_is_there_and_did_not_come(*, misses: bool, expected: Any) -> None:
    """The next run asks for it again."""
    stream = _stream()
    if misses:
        stream.report.misses("one.")

    assert stream.completed({"turn": "x", **KEY, "pass": {}}, Scan("full", NINE)) == expected
    assert _stream(WHOLE).completed({"pass": {}}, Scan("full", NINE)) == {}


def test_a_row_without_a_key_is_told_and_left_out() -> None:
    """No loader can store it, and what lacks a row is no reading of everything."""
    stream = _stream(WHOLE)
    rows = [{"id": "7", "Email": "a"}, {"id": "8", "Email": None}, {"id": "", "Email": "b"}]

    assert stream.with_keys([rows[0]]) == rows[:1]
    assert not stream.report.partial
    assert stream.with_keys(rows) == rows[:1]
    assert said(stream) == ["! views: 2 rows without id or Email: left out."]
    assert stream.report.partial


def test_what_is_not_asked_for_is_not_emitted() -> None:
    """A record has the properties of its SCHEMA, all of them and no others."""
    stream = _stream()
    stream.metadata["properties", "Phone"].selected = False
    records = [{"id": "7", "Email": "a", "Phone": "1", "Other": "x"}]

    stream.convert(records)

    assert records == [{"id": "7", "Modified_Time": None, "Email": "a"}]


# With a feed


@pytest.mark.parametrize(
    ("definition", "why", "entry", "is_due"),
    [
        (PLAIN, None, KEY, False),
        (PLAIN, "it is due", KEY, True),
        (PLAIN, None, {**KEY, "pass": {}}, True),
        (PLAIN, None, {}, True),
        (PLAIN, None, {"refused": True}, False),  # tried again when it is due
        (PLAIN, "it is due", {"refused": True}, True),
        (WHOLE, None, {}, False),
    ],
)
def test_with_a_feed_a_stream_is_read_by_its_bookmark_when_it_is_due(
    definition: StreamDefinition, why: str | None, entry: Any, *, is_due: bool
) -> None:
    """In between what was told of it is enough; what was refused or interrupted is read on."""
    stream = _stream(definition, feed=Feed(why), deletion_sweep="off")
    batches = list(stream.read_by_plan(entry))

    assert stream.is_sweep_due(entry) is is_due
    assert stream.report.by_feed is not is_due
    assert set(stream.run.feed.asked) <= {(definition.name, False)}
    if is_due:
        assert stream.read_state == {name: each for name, each in entry.items() if name != "refused"}
    else:
        assert [each.state for each in batches] == [{"told": entry}]
    assert list(BiginStream.read_told(stream, entry)) == []  # of most kinds nothing is told


@pytest.mark.parametrize(
    ("is_due", "error", "swept", "entry"),
    [
        (True, None, ["Visits"], {"turn": "x"}),
        (False, None, [], {"turn": "x"}),
        (True, PermissionDenied("no"), ["Visits"], {"turn": "x", "refused": True}),
        (True, BiginError("broken"), [], {"turn": "x"}),
        (True, CreditBudgetReached("enough"), [], {"turn": "x"}),
    ],
)
def test_a_stream_that_was_swept_to_its_end_is_not_due_at_the_next_run(
    error: Any, swept: list[str], entry: Any, *, is_due: bool
) -> None:
    """Nor is one that Bigin refuses: it would cost a credit at each."""
    stream = _stream(feed=Feed("it is due" if is_due else None), entry={"turn": "x"}, deletion_sweep="off")
    list(stream.read_by_plan(KEY))

    stream.end(error)

    assert stream.run.feed.swept == swept
    assert stream.tap_state["bookmarks"]["Visits"] == entry


def test_without_a_feed_a_stream_is_always_read_by_its_bookmark() -> None:
    """Nobody else tells of it."""
    stream = _stream(deletion_sweep="off")

    assert [each.records for each in stream.read_by_plan(KEY)] == [[{"id": "7"}]]
    assert stream.read_state == KEY
    assert not stream.report.by_feed
    stream.end(None)


def test_a_full_table_has_no_bookmark() -> None:
    """Though there is a key: a catalog may force it."""
    stream = _stream(entry=KEY, clock=NINE - timedelta(hours=2))
    stream.forced_replication_method = "FULL_TABLE"

    assert stream.saved_state() == KEY
    assert stream.new_scan(KEY, shape="x").kind == "full"
    assert stream.completed({"pass": {}}, Scan("full", NINE)) == {}
    assert stream.is_swept


def test_an_entry_that_cannot_be_read_fails_its_stream() -> None:
    """Read as none it would be read whole."""
    stream = _stream(unreadable={"Visits": "no moment"})

    with pytest.raises(BiginError, match="no moment"):
        list(stream.read_by_plan({}))


# Rows that are gone


@pytest.mark.parametrize(
    ("definition", "settings", "module", "is_swept"),
    [
        (PLAIN, {}, "Visits", True),
        (PLAIN, {}, None, True),
        (PLAIN, {}, "Contacts", False),  # Bigin lists its deletions
        (PLAIN, {"deletion_sweep": "off"}, "Visits", False),
        (PLAIN, {"batch_config": {"x": 1}}, "Visits", False),
        (WHOLE, {"batch_config": {"x": 1}, "deletion_sweep": "off"}, "Contacts", True),
    ],
)
def test_rows_that_are_gone_are_found_by_reading_everything(
    definition: StreamDefinition, settings: Any, module: str | None, *, is_swept: bool
) -> None:
    """Where Bigin lists no deletions: rows carry a version then, and what has an older one is gone."""
    stream = _stream(definition, **settings)
    stream.its_module = module

    batches = list(stream.read_by_plan({}))

    assert stream.is_swept is is_swept
    assert [each.version for each in batches] == ([1778749200000] * 2 if is_swept else [None])
    assert [each.activates for each in batches] == ([False, True] if is_swept else [False])


def test_a_reading_that_lacks_something_activates_nothing() -> None:
    """The rows that did not come are there."""
    stream = _stream()
    stream.report.partial = True

    assert not any(each.activates for each in stream.read_by_plan({}))


@pytest.mark.parametrize(
    ("definition", "settings", "state", "is_due"),
    [
        (PLAIN, {}, {}, True),
        (PLAIN, {}, {"swept": "2026-05-07T09:00:00Z"}, True),
        (PLAIN, {}, {"swept": "2026-05-07T09:00:01Z"}, False),
        (PLAIN, {"deletion_sweep": "daily"}, {"swept": "2026-05-13T09:00:00Z"}, True),
        (WHOLE, {}, {"swept": "2026-05-14T08:59:00Z"}, True),
        (PLAIN, {"deletion_sweep": "off"}, {"swept": "2026-05-14T08:59:00Z"}, True),
    ],
)
def test_a_sweep_is_due_at_the_first_run_and_once_the_latest_is_old(
    definition: StreamDefinition, settings: Any, state: Any, *, is_due: bool
) -> None:
    """What it costs is said before."""
    stream = _stream(definition, **settings)

    assert stream.sweep_is_due(state) is is_due
    told = ["Visits: reads everything to find what was deleted (deletion_sweep), 9 credits."]
    is_news = is_due and state and definition is PLAIN and settings != {"deletion_sweep": "off"}
    assert said(stream) == (told if is_news else [])


# How it begins and ends


@pytest.mark.parametrize(
    ("definition", "clock", "expected", "words"),
    [
        (PLAIN, NINE, KEY, 0),
        (PLAIN, None, KEY, 0),
        (
            PLAIN,
            from_text("2026-05-14T07:59:30Z"),
            {**KEY, "replication_key_value": "2026-05-14T07:59:30Z"},
            0,
        ),
        (PLAIN, from_text("2026-05-14T07:00:00Z"), {}, 1),
        (WHOLE, from_text("2026-05-14T07:00:00Z"), KEY, 0),
    ],
)
def test_a_stream_begins_with_its_own_copy_of_its_entry(
    definition: StreamDefinition, clock: Any, expected: Any, words: int
) -> None:
    """It is read in a thread; a bookmark that is later than Bigin's clock is said and not believed."""
    entry = {**KEY, "more": {"a": [1]}}
    stream = _stream(definition, clock=clock, entry=entry)

    saved = stream.saved_state()

    assert saved == {**expected, "more": {"a": [1]}}
    saved["more"]["a"].append(2)
    assert stream.tap_state["bookmarks"][definition.name] == {**KEY, "more": {"a": [1]}}
    said_so = "the bookmark 2026-05-14T08:00:00Z is later than Bigin's clock (2026-05-14T07:00:00Z)"
    assert said(stream) == [f"! Visits: {said_so}: it is not believed, everything is read."] * words
    assert _stream(definition, clock=clock).saved_state() == {}


def test_a_turn_that_ended_is_noted_in_what_is_told_last() -> None:
    """In the state, or in that of a file of records that is still open: a batch's state replaces the entry."""
    stream = _stream(entry={"turn": "old", **KEY})
    stream._state_writer.is_told = True

    stream.end_turn()

    assert stream.tap_state["bookmarks"] == {"Visits": {**KEY, "turn": "2026-05-14T09:00:00Z"}}
    assert not stream._state_writer.is_told
    in_file = _stream(entry=KEY)
    in_file._in_file = {"pass": {}}
    in_file.end_turn()
    assert in_file.tap_state["bookmarks"] == {"Visits": KEY}
    in_file.take_over(in_file._in_file)
    assert in_file.tap_state["bookmarks"] == {"Visits": {"pass": {}, "turn": "2026-05-14T09:00:00Z"}}
    unheard = _stream(clock=None)
    unheard.end_turn()
    assert unheard.tap_state["bookmarks"] == {}


NOT_THERE = InvalidRequest("no such address", code="INVALID_URL_PATTERN")
FAULT = ValueError("nobody foresaw it")


@pytest.mark.parametrize(
    ("error", "skipped", "failure"),
    [
        (None, None, None),
        (PermissionDenied("no"), "no", None),
        (ModuleUnavailable("not there"), "not there", None),
        (NOT_THERE, "no such address", None),
        (InvalidRequest("wrong", code="INVALID_DATA"), None, "wrong"),
        (BiginError("broken"), None, "broken"),
        (FAULT, None, "A fault of tap-bigin: ValueError('nobody foresaw it'). LOGLEVEL=DEBUG shows more."),
    ],
)
def test_an_error_ends_its_stream_and_not_the_run(
    error: Any, skipped: str | None, failure: str | None
) -> None:
    """What Bigin refuses is no failure."""
    stream = _stream()

    stream.end(error)

    report = stream.report
    assert report.has_ended
    assert report.skipped is (error if skipped else None)
    assert report.warnings == ([f"skipped. {skipped}"] if skipped else [])
    assert (None if report.failure is None else report.failure.message) == failure
    assert not report.unfinished
    assert stream.run.budget_reached is None


@pytest.mark.parametrize("error", [AuthError("the token", code="INVALID_TOKEN"), KeyboardInterrupt()])
def test_what_no_stream_can_go_on_after_ends_the_run(error: BaseException) -> None:
    """The credentials, or somebody who wants it to end."""
    with pytest.raises(type(error)):
        _stream().end(error)


def test_a_budget_that_is_reached_leaves_the_stream_unfinished() -> None:
    """The next run goes on."""
    stream, reached = _stream(), CreditBudgetReached("enough")

    stream.end(reached)

    assert stream.report.unfinished
    assert stream.run.budget_reached is reached
    assert stream.report.failure is None


def test_a_stream_whose_map_fails_for_a_record_fails_in_the_end() -> None:
    """Everything else is written; the bookmark stays."""
    stream = _stream(entry=KEY)
    stream._unmapped.append("record 7: a stream map fails (x)")

    stream.take_over({"turn": "x"})
    stream.end(None)

    assert stream.report.failure.message.startswith("record 7: a stream map fails (x). The bookmark stays")
    assert stream.tap_state["bookmarks"] == {"Visits": KEY}
