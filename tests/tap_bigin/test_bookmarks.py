"""What state says, what it may say, and what a run makes of it."""

from __future__ import annotations

import json
import tracemalloc
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bigin_api import SettingsError
from tap_bigin.bookmarks import (
    Jobs,
    Scan,
    Top,
    begin,
    believed,
    bookmark_of,
    check_state,
    complete,
    from_text,
    is_under_way,
    read_from,
    scan_of,
    shape_of_scan,
    to_utc_text,
    unwrapped_state,
    with_fields,
    without_tokens,
)
from tap_bigin.lists.borders import BY_ID, BY_TIME, merged
from tap_bigin.lists.deletions import News, Portion, new_in, news_of, read_on, window
from tap_bigin.lists.id_set import IdSet
from tap_bigin.lists.marks import Begun, Mark, told_in_full, told_once

NINE = from_text("2026-05-14T09:00:00Z")
MINUTE = timedelta(minutes=1)
KEY = "Modified_Time"
ENTRY = {"replication_key": KEY, "replication_key_value": to_utc_text(NINE)}

MOMENTS = st.none() | st.integers(0, 10_000).map(lambda seconds: NINE + timedelta(seconds=seconds))
IDS = st.integers(1, 10**18).map(str)
SCANS = st.builds(
    Scan,
    kind=st.sampled_from(["full", "incremental", "bulk"]),
    started=MOMENTS,
    shape=st.text("abcdef0123", min_size=1, max_size=12),
    since=MOMENTS,
    emitted=st.integers(0, 10**6),
    tokens=st.lists(st.text("ab01", min_size=1, max_size=4), max_size=2).map(tuple),
    expires=MOMENTS,
    last=st.none() | st.tuples(st.just("2026-05-14T09:00:00Z"), IDS),
    top=st.none()
    | st.builds(
        Top, last=st.tuples(st.just("2026-05-14T09:00:00Z"), IDS), tokens=st.just(("a",)), expires=MOMENTS
    ),
    unproven=st.lists(st.tuples(IDS, st.none() | IDS), max_size=3).map(tuple),
    after=st.none() | IDS,
    jobs=st.none() | st.builds(Jobs, ids=st.lists(IDS, max_size=2).map(tuple), rows=st.integers(1, 9)),
)


STATE: dict[str, Any] = {"bookmarks": {"Contacts": {}}, "value": {"bookmarks": {}}}


@pytest.mark.parametrize(
    "content",
    [
        STATE,
        {"singer_state": STATE},
        {"type": "STATE", "value": STATE},
        {"singer_state": {"type": "STATE", "value": {"singer_state": STATE}}, "completed": {}},
    ],
)
def test_a_state_is_found_in_what_holds_it(content: Any) -> None:
    """A line of a tap's output, or what an orchestrator keeps."""
    assert unwrapped_state(content) == STATE


@pytest.mark.parametrize("content", [{"type": "STATE"}, {"type": "RECORD", "value": {}}, [], None])
def test_what_holds_no_state_is_left_to_be_refused(content: Any) -> None:
    """With a line that says what it is."""
    assert unwrapped_state(content) == content


def test_a_state_of_the_version_before_is_taken_over() -> None:
    """An upgrade in the middle of a first load must not begin it anew, nor lose what was left to prove."""
    entry = {
        "replication_key": KEY,
        "replication_key_value": "2026-05-14T09:00:00Z",
        "pass": {
            "kind": "incremental",
            "started": "2026-05-14T09:00:00Z",
            "shape": "0a1b2c",
            "since": "2026-05-14T08:00:00Z",
            "emitted": 400,
            "tokens": ["f00", "ba4"],
            "expires": "2026-05-15T09:00:00Z",
            "last": ["2026-05-14T08:30:00Z", "7"],
            "reached": 400,
            "top": {
                "last": ["2026-05-14T08:59:00Z", "99"],
                "reached": 0,
                "tokens": ["c0de"],
                "expires": None,
            },
            "unproven": [["7", "12"], ["20", None]],
            "jobs": {"ids": ["31"], "rows": 1000, "counted": 2000},
        },
    }
    check_state({"bookmarks": {"Contacts": entry}})

    assert scan_of(entry, shape="0a1b2c") == Scan(
        "incremental",
        NINE,
        "0a1b2c",
        since=NINE - timedelta(hours=1),
        emitted=400,
        tokens=("f00", "ba4"),
        expires=NINE + timedelta(days=1),
        last=("2026-05-14T08:30:00Z", "7"),
        reached=400,
        top=Top(("2026-05-14T08:59:00Z", "99"), tokens=("c0de",)),
        unproven=(("7", "12"), ("20", None)),
        jobs=Jobs(("31",), 1000, 2000),
    )


@pytest.mark.parametrize(
    "state", [[], {"bookmarks": []}, {"bookmarks": {"Calls": {}, "Contacts": {"swept": "soon"}}}]
)
def test_a_state_that_is_none_is_refused(state: Any) -> None:
    """A plan made of it would price another run."""
    with pytest.raises(SettingsError, match=r"^state: "):
        check_state(state)


def test_a_sweep_that_began_before_bigin_told_its_clock_is_no_wrong_moment() -> None:
    """It counts as old."""
    check_state({"bookmarks": {"Visits": {"swept": "", "version": 1}}})


def test_what_a_state_leaves_out_has_not_happened_yet() -> None:
    """States are kept for years, without what was nothing when they were told: that stays what it meant."""
    left_out = {"kind": "full", "shape": "x", "top": {"last": ["", "9"]}, "jobs": {}}

    assert scan_of({"pass": left_out}, shape="x") == Scan(
        "full",
        None,
        "x",
        since=None,
        emitted=0,
        tokens=(),
        expires=None,
        last=None,
        reached=0,
        top=Top(("", "9"), (), None, 0),
        unproven=(),
        ties=False,
        proving=0,
        proven="0",
        known="",
        listed=False,
        ended=(),
        after=None,
        jobs=Jobs((), 0, 0),
        ahead=(),
    )


@given(SCANS)
def test_a_scan_survives_the_state(scan: Scan) -> None:
    """The next run knows exactly what this one knew."""
    entry = json.loads(json.dumps(begin({}, scan)))

    assert scan_of(entry, shape=scan.shape) == scan


def test_a_pass_under_way_leaves_the_bookmark_alone() -> None:
    """A bookmark that moves before everything is read loses what was not."""
    scan = Scan("incremental", NINE + timedelta(hours=1), "x")

    assert bookmark_of(begin(ENTRY, scan), KEY) == NINE
    entry = {**ENTRY, "fields": ["Email"]}
    assert complete(begin(entry, scan), scan, replication_key=KEY) == {
        **entry,
        "replication_key_value": "2026-05-14T10:00:00Z",
    }
    assert complete(begin(entry, scan), scan, replication_key=None) == entry


@pytest.mark.parametrize("started", [NINE - timedelta(hours=1), None])
def test_a_bookmark_never_moves_back(started: datetime | None) -> None:
    """A clock that was set back, or an answer without a date, must not read everything again."""
    assert bookmark_of(complete(ENTRY, Scan("full", started, "x"), replication_key=KEY), KEY) == NINE


def test_an_incremental_pass_overlaps_the_one_before() -> None:
    """A write may be stamped a moment before it can be read."""
    assert read_from(ENTRY, KEY, start_date=None, overlap=MINUTE) == NINE - MINUTE


def test_the_start_date_counts_until_there_is_a_bookmark() -> None:
    """It is a floor for the first run alone: later ones know better."""
    early = NINE - timedelta(days=9)

    assert read_from({}, KEY, start_date=early, overlap=MINUTE) == early
    assert read_from(ENTRY, KEY, start_date=NINE + timedelta(days=9), overlap=MINUTE) == NINE - MINUTE
    assert read_from({}, KEY, start_date=None, overlap=MINUTE) is None


@pytest.mark.parametrize(
    ("ahead", "expected"),
    [
        (-MINUTE, {**ENTRY, "turn": "x"}),
        (timedelta(0), {**ENTRY, "turn": "x"}),
        (MINUTE, {**ENTRY, "replication_key_value": "2026-05-14T08:59:00Z", "turn": "x"}),
        (MINUTE + timedelta(seconds=1), {"turn": "x"}),
    ],
)
def test_a_bookmark_that_is_later_than_bigins_clock_is_not_believed(
    ahead: timedelta, expected: dict[str, Any]
) -> None:
    """What is later nobody has read; by less than the overlap a clock may be ahead."""
    assert believed({**ENTRY, "turn": "x"}, KEY, NINE - ahead, MINUTE) == expected
    assert believed({"turn": "x"}, KEY, NINE - ahead, MINUTE) == {"turn": "x"}


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({}, False),
        (ENTRY, False),
        ({"pass": {}}, True),
        ({"deleted": None, "modules": None}, False),
        ({"deleted": {"begun": {}}}, True),
        ({"modules": {"Calls": {}, "Tasks": {"gone": ""}}}, False),
        ({"deleted": {"gone": ""}, "modules": {"Calls": {"gone": ""}, "Tasks": {"begun": {}}}}, True),
    ],
)
def test_what_a_run_ended_in_is_gone_on_with_first(entry: dict[str, Any], *, expected: bool) -> None:
    """A scan, or a list of what was deleted: half of it is paid for."""
    assert is_under_way(entry) is expected


@pytest.mark.parametrize(
    ("entry", "asks", "expected"),
    [
        ({}, "", ({"fields": ["Email", "Phone"]}, [])),  # of before fields were noted
        (
            {"fields": ["Email", "Fax"], "turn": "x"},
            "",
            ({"fields": ["Email", "Phone"], "turn": "x"}, ["Phone"]),
        ),
        ({"fields": []}, "1a", ({"fields": ["Email", "Phone"], "asks": "1a"}, ["Email", "Phone"])),
        (
            {"fields": [], "asks": "1a"},
            "1a",
            ({"fields": ["Email", "Phone"], "asks": "1a"}, ["Email", "Phone"]),
        ),
        (
            {"fields": [], "asks": "1a"},
            "2b",
            ({"fields": ["Email", "Phone"], "asks": "2b"}, ["Email", "Phone", "its condition"]),
        ),
        ({"asks": "1a"}, "", ({"fields": ["Email", "Phone"], "asks": "1a"}, [])),
    ],
)
def test_a_bookmark_stands_for_the_fields_that_were_read_up_to_it(
    entry: dict[str, Any], asks: str, expected: Any
) -> None:
    """What was selected since was never read of records that have not changed."""
    assert with_fields(entry, ["Phone", "Email"], asks=asks) == expected


def test_a_pass_under_way_keeps_its_shape_when_the_tap_is_upgraded() -> None:
    """With another name for the same question each pass would begin anew."""
    assert shape_of_scan("Contacts", ["Email"], True) == "a1c8cd257db6"


def test_a_bookmark_of_another_key_does_not_count() -> None:
    """It says nothing of when records were modified."""
    assert bookmark_of({**ENTRY, "replication_key": "Created_Time"}, KEY) is None


def test_a_pass_of_another_shape_is_not_resumed() -> None:
    """Its records lack what is selected now, and its tokens are bound to what was asked for then."""
    entry = begin({}, Scan("full", NINE, shape_of_scan(["Email"])))

    assert scan_of(entry, shape=shape_of_scan(["Email"])) is not None
    assert scan_of(entry, shape=shape_of_scan(["Email", "Phone"])) is None


IN_TIME, TOO_LATE = NINE + timedelta(minutes=5, seconds=1), NINE + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("expires", "of_top", "now", "alive"),
    [
        (IN_TIME, None, NINE, True),
        (TOO_LATE, None, NINE, False),
        (TOO_LATE, None, None, True),  # Bigin says so
        (None, None, NINE, True),
        (IN_TIME, Top(("", "9"), ("b",), IN_TIME, 200), NINE, True),
        (IN_TIME, Top(("", "9"), ("b",), TOO_LATE, 200), NINE, False),
        (IN_TIME, Top(("", "9"), (), None, 200), NINE, False),
    ],
)
def test_tokens_that_are_about_to_end_are_not_used(
    expires: datetime | None, of_top: Top | None, now: datetime | None, *, alive: bool
) -> None:
    """A refused call costs a credit and a chain."""
    scan = Scan("full", NINE, "x", tokens=("a",), expires=expires, top=of_top, emitted=7)

    assert scan.has_live_tokens(now) is alive
    top = of_top and Top(of_top.last, reached=200)
    assert without_tokens(scan) == Scan("full", NINE, "x", top=top, emitted=7)
    assert not without_tokens(scan).has_live_tokens(now)


@given(st.integers(0, 10**10), st.integers(-14, 14))
def test_moments_survive_their_text(seconds: int, hours: int) -> None:
    """State is read by other runs, in other places."""
    moment = datetime.fromtimestamp(seconds, timezone(timedelta(hours=hours)))

    assert from_text(to_utc_text(moment)) == moment


# Gaps


def _at(*seconds: int) -> list[dict[str, Any]]:
    return [{KEY: to_utc_text(NINE + timedelta(seconds=each)), "id": "1"} for each in seconds]


@pytest.mark.parametrize(
    ("last", "first", "interval"),
    [
        ("7", "9", ("7", "9")),
        ("7", "7", None),
        ("9", "7", None),
        ("9", "10", ("9", "10")),
        ("7", None, ("7", None)),
    ],
)
def test_what_lies_between_two_pages_by_id(last: str, first: str | None, interval: Any) -> None:
    """Ids are numbers, though they come as texts; pages that overlap have nothing between them."""
    assert BY_ID.interval({"id": last}, {"id": first} if first else None) == interval


def test_what_lies_between_two_pages_by_time() -> None:
    """Ties straddle a border, and no page promises their order: the second itself is asked for."""
    newer, older = _at(5, 3)

    assert BY_TIME.interval(newer, newer) == (newer[KEY], newer[KEY])
    assert BY_TIME.interval(newer, older) == (older[KEY], newer[KEY])
    assert BY_TIME.interval(older, newer) is None
    assert BY_TIME.interval(newer, None, floor=older[KEY]) == (older[KEY], newer[KEY])
    assert BY_TIME.interval(older, None, floor=newer[KEY]) is None


def test_a_second_that_goes_on_is_asked_for_once() -> None:
    """5,000 ties are 25 borders of one second, and one question."""
    tie = _at(3)[0][KEY]

    assert merged([(tie, tie)] * 25) == [(tie, tie)]


def test_an_interval_that_holds_another_is_asked_for_whole() -> None:
    """The borders within a second lie in the border before it, which reaches up to another second."""
    three, five, seven = (each[KEY] for each in _at(3, 5, 7))

    assert merged([(three, seven), (three, three)]) == [(three, seven)]
    assert merged([(three, seven), (five, five)]) == [(three, seven)]
    assert merged([(five, five), (three, seven), (five, seven)]) == [(three, seven)]


# Deleted lists


def _entry(record_id: str, seconds: int, kind: str = "recycle") -> dict[str, Any]:
    return {"id": record_id, "type": kind, "deleted_time": to_utc_text(NINE + timedelta(seconds=seconds))}


def test_a_mark_survives_the_state() -> None:
    """What was in the bin is what the next run compares with."""
    mark = Mark(NINE, ("7", "8"), 2, NINE)

    assert Mark.from_state(mark.to_state()) == mark
    assert Mark.from_state({**mark.to_state(), "gone": ["7", "8"]}) == mark  # of an older state
    assert Mark.from_state(None) == Mark()
    assert Mark.from_state({"begun": {}}) == Mark(None, (), 0, None, Begun(None, None, 0, (), (), 0))


def test_ids_of_both_streams_stand_once_in_the_state_and_come_back() -> None:
    """What one of them has read further than the other is its own."""
    ahead, behind = Mark(NINE, ("7", "8"), 2, NINE).to_state(), Mark(NINE, ("7",), 1, NINE).to_state()
    marks = {"modules": {"Contacts": ahead, "Tasks": ahead}}
    state = {
        "bookmarks": {"deleted_records": marks, "Contacts": {"deleted": ahead}, "Tasks": {"deleted": behind}}
    }

    told = told_once(state)

    assert told["bookmarks"]["Contacts"]["deleted"]["gone"] == "deleted_records"
    assert told["bookmarks"]["Tasks"]["deleted"] == behind
    assert told_in_full(told) == state
    del told["bookmarks"]["deleted_records"]
    assert told_in_full(told)["bookmarks"]["Contacts"]["deleted"] == {}


@pytest.mark.parametrize(
    ("entry", "is_news"),
    [
        (_entry("7", 60), True),  # deleted since
        (_entry("7", -60), False),  # known
        (_entry("9", -60), True),  # an earlier reading skipped it
        (_entry("9", -60, "permanent"), False),  # went out of the bin, told when it went in
    ],
)
def test_news_of_a_deleted_list(entry: dict[str, Any], is_news: bool) -> None:  # noqa: FBT001
    """Each deletion is told once, and none is lost to a page that skipped it."""
    mark = Mark(NINE, ("7",), 1, NINE)

    assert bool(list(new_in([entry], mark))) is is_news


def test_only_a_whole_list_tells_what_left_it() -> None:
    """From a list of what is new nothing can be missing."""
    mark = Mark(NINE, ("7", "8"), 2, NINE)

    assert _news(mark, _entry("8", -60)).left == ("7",)
    assert _news(mark, since=NINE).left == ()
    assert _news(mark, since=NINE).mark.gone == ("7", "8")


def _news(mark: Mark, *entries: dict[str, Any], since: datetime | None = None) -> News:
    return news_of(read_on(mark, Portion([*entries], Begun(NINE, since))))


def test_a_long_list_is_read_whole_once_a_day() -> None:
    """200 entries cost as much as asking for what is new; 2,000 do not."""
    short, long = Mark(NINE, (), 200, NINE), Mark(NINE, (), 201, NINE)

    assert short.asks_since(NINE + timedelta(hours=1)) is None
    assert long.asks_since(NINE + timedelta(hours=1)) == NINE - timedelta(seconds=2)
    assert long.asks_since(NINE + timedelta(hours=25)) is None


@given(st.integers(-5, 1_000_000))
@example(35_620)
def test_the_next_page_of_a_list_begins_where_it_is_asked_to_or_before_and_goes_on(at: int) -> None:
    """Only page numbers and sizes say where: at 35,640 deletions the next page was the one before again."""
    number, size = window(at)

    assert (number - 1) * size <= max(at, 0)
    assert number * size - max(at, 0) >= 100
    assert 100 <= size <= 200


def test_ids_of_a_long_pass_take_little_memory() -> None:
    """A set of them takes 90 bytes each: of a million records most of what a run may have."""
    first = 6_100_000_000_000_000_000
    ids = IdSet()
    tracemalloc.start()
    try:
        for at in range(0, 100_000, 200):
            ids.update(range(first + at, first + at + 200))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert held < 3_000_000
    assert first + 99_999 in ids
    assert first + 100_000 not in ids
