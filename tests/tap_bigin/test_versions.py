"""When everything is read anew, from where, under which version, and what the state says of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tap_bigin.singer.batch import Batch
from tap_bigin.singer.versions import is_older, versioned

NOW = datetime(2026, 5, 14, 9, 0, 0, 500_000, timezone.utc)
START = datetime(2026, 5, 1, tzinfo=timezone.utc)
TEXT, MILLISECONDS = "2026-05-14T09:00:00Z", 1778749200500
EARLIER, LATER = "2026-04-01T00:00:00Z", "2026-05-02T00:00:00Z"
KEY = {"replication_key": "Modified_Time", "replication_key_value": "2026-05-10T00:00:00Z"}
SWEPT = {"version": 5, "swept": "2026-05-07T09:00:00Z"}
BEGUN = {"version": MILLISECONDS, "sweeping": TEXT}


def _read(
    state: dict[str, Any],
    *batches: Batch,
    now: datetime | None = NOW,
    is_due: bool = True,
    start_date: datetime | None = None,
    is_incremental: bool = True,
    partial: Iterator[bool] | None = None,
) -> tuple[dict[str, Any], list[Batch]]:
    """The state that is read from, and the batches that come of it."""
    given: list[Mapping[str, Any]] = []

    def read(from_here: Mapping[str, Any]) -> Iterator[Batch]:
        given.append(from_here)
        return iter(batches)

    told = versioned(
        read,
        state,
        now=now,
        is_due=lambda _: is_due,
        start_date=start_date,
        is_incremental=is_incremental,
        is_partial=lambda: next(partial or iter([False])),
    )
    came = list(told)
    return dict(given[0]), came


@pytest.mark.parametrize(
    ("state", "start_date", "expected"),
    [
        ({}, None, BEGUN),
        ({}, START, {**BEGUN, "since": "2026-05-01T00:00:00Z"}),
        ({**SWEPT, **KEY}, None, {**SWEPT, **BEGUN}),
        ({**SWEPT, **KEY}, START, {**SWEPT, **BEGUN}),  # its rows stand for everything
        ({**SWEPT, "since": EARLIER}, START, {**SWEPT, **BEGUN, "since": EARLIER}),
        ({**SWEPT, "since": LATER}, START, {**SWEPT, **BEGUN, "since": "2026-05-01T00:00:00Z"}),
        ({**SWEPT, "since": EARLIER}, None, {**SWEPT, **BEGUN}),
        ({"since": EARLIER}, START, {**BEGUN, "since": "2026-05-01T00:00:00Z"}),  # no sweep has ended
        ({"version": MILLISECONDS}, None, {**BEGUN, "version": MILLISECONDS + 1}),
        ({"version": MILLISECONDS + 9}, None, {**BEGUN, "version": MILLISECONDS + 10}),
        ({**BEGUN, "version": 5}, None, BEGUN),  # it was begun and no page was read
        ({"other": 1}, None, {**BEGUN, "other": 1}),
        ({**BEGUN, "version": 5, **KEY}, None, {**BEGUN, "version": 5, **KEY}),  # all but what changed since
        ({"version": 5, "pass": {}}, None, {"version": 5, "pass": {}}),
    ],
)
def test_a_reading_of_everything_begins_without_its_bookmark_under_a_new_version(state, start_date, expected):
    """With the old bookmark rows are not read and dropped; with the old version those that are gone stay."""
    assert _read(state, start_date=start_date)[0] == expected


def test_what_is_not_due_is_read_on():
    """By its bookmark, under the version that is active."""
    state = {**SWEPT, **KEY}
    after = {**SWEPT, **KEY, "replication_key_value": TEXT}

    given, batches = _read(state, Batch([{"id": "7"}], after), is_due=False)

    assert given == state
    assert [(each.state, each.version, each.activates) for each in batches] == [(after, 5, False)]


def test_a_stream_that_is_no_incremental_one_has_no_start():
    """It is read whole each time, and keeps nothing of when."""
    given, batches = _read({}, Batch([{"id": "7"}]), start_date=START, is_incremental=False)

    assert given == BEGUN
    assert [(each.state, each.version, each.activates) for each in batches] == [
        (None, MILLISECONDS, False),
        ({"version": MILLISECONDS}, MILLISECONDS, True),
    ]


def test_without_a_clock_of_bigins_versions_rise_by_ours():
    """The next sweep is due at once, since of this one no time is known."""
    before = int(time.time() * 1000)

    given, batches = _read({"version": 5}, now=None)

    assert given.pop("version") >= before
    assert given == {"sweeping": ""}
    assert {name: each for name, each in batches[-1].state.items() if name != "version"} == {"swept": ""}


def test_the_version_is_active_once_all_is_read():
    """The state of each page goes on with the sweep; that after the last one has ended it."""
    reading, read = {**BEGUN, "pass": {}}, {**BEGUN, **KEY}

    _, batches = _read({}, Batch([{"id": "7"}], reading), Batch([{"id": "8"}]), Batch([], read))

    assert [(each.state, each.version, each.activates) for each in batches] == [
        (reading, MILLISECONDS, False),
        (None, MILLISECONDS, False),
        (read, MILLISECONDS, False),
        ({"version": MILLISECONDS, **KEY, "swept": TEXT}, MILLISECONDS, True),
    ]


@pytest.mark.parametrize(
    ("partial", "swept_at"), [([True, True, True], 0), ([False, True, True], 1), ([False, False, True], None)]
)
def test_a_partial_reading_activates_nothing_and_says_so_at_once(partial, swept_at):
    """The run that goes on after a kill has seen nothing of what was missing before."""
    pages = [{**BEGUN, "pass": {"page": number}} for number in range(2)]
    ended = [{"version": MILLISECONDS, "pass": page["pass"], "swept": TEXT} for page in pages]

    _, batches = _read({}, *(Batch([], page) for page in pages), partial=iter(partial))

    told = [each.state for each in batches]
    if swept_at is None:
        assert told == [*pages, ended[1]]
    else:
        assert told == [*pages[:swept_at], *ended[swept_at:]]
    assert not any(each.activates for each in batches)


def test_a_reading_of_what_changed_that_lacks_something_ends_no_sweep():
    """There is none to end: the state of the latest one stays, and the stream does not fail by it."""
    state = {**SWEPT, **KEY}

    _, batches = _read(state, Batch([]), Batch([], state), is_due=False, partial=iter([True, True]))

    assert [(each.state, each.activates) for each in batches] == [(None, False), (state, False)]


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("swept", "now", "expected"),
    [
        ("2026-05-13T09:00:01Z", NOW, False),
        ("2026-05-13T09:00:00Z", NOW, True),
        ("2026-05-13T09:00:00Z", NOW.replace(microsecond=0), True),  # to the second
        ("2026-05-15T09:00:00Z", NOW.replace(microsecond=0), False),  # two servers' clocks differ
        ("2026-05-15T09:00:01Z", NOW.replace(microsecond=0), True),  # that clock was ahead
        ("", NOW, True),
        (None, NOW, True),
        ("2026-05-14T09:00:00Z", None, True),
    ],
)
def test_a_sweep_is_old_after_its_time_and_where_its_time_makes_no_sense(swept, now, expected):
    """A clock that was ahead once would put off all sweeps to come."""
    assert is_older(swept, now, than=DAY) is expected
