"""Moments: every form that Bigin, warehouses and people write is one instant, on every Python."""

from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigin_api.moments import offset_text, parse_day, parse_moment, utc_text

MOMENT = datetime(2026, 5, 14, 9, 53, 58, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-14T09:53:58Z",
        "2026-05-14T09:53:58z",
        " 2026-05-14t09:53:58+00:00 ",
        "2026-05-14T12:53:58+03:00",
        "2026-05-14 15:23:58+0530",
        "2026-05-14 11:53:58+02",
        "2026-05-13T23:53:58-10",
        "2026-05-14 09:53:58",
        "2026-05-14 09:53:58 UTC",
        "2026-05-14 09:53:58.000 +00",
        "2026-05-14T09:53:58,0Z",
        "20260514T095358Z",
    ],
)
def test_one_instant_in_every_form(text):
    """Bigin writes the offset of its user, DuckDB and Postgres print what they like."""
    moment = parse_moment(text)

    assert moment == MOMENT
    assert moment.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-05-14", MOMENT.replace(hour=0, minute=0, second=0)),
        ("2026-05-14T09:53", MOMENT.replace(second=0)),
        ("2026-05-14T09:53:58.25Z", MOMENT.replace(microsecond=250_000)),
        ("2026-05-14T09:53:58.1234567Z", MOMENT.replace(microsecond=123_456)),
    ],
)
def test_what_is_left_out_is_zero(text, moment):
    """A day begins at midnight in UTC; parts of a second are kept as far as a datetime holds them."""
    assert parse_moment(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "1778752438",
        "2026-13-01T00:00:00Z",
        "2026-02-30T09:53:58Z",
        "2026-05-14T24:00:00Z",
        "2026-05-14T09:53:60Z",
        "2026-05-14T09:53:58+25:00",
        "2026-W20-4T09:53:58+00:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-01:00",
        "2026-05-14T09:53:58Z and more",
        "٢٠٢٦-05-14T09:53:58Z",
    ],
)
def test_what_is_no_moment_is_refused(text):
    """One error for all of it, the same on every Python: later ones read weeks, and hours of 24."""
    with pytest.raises(ValueError, match=r"."):
        parse_moment(text)


_ALL_YEARS = st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29))  # noqa: DTZ001


@given(_ALL_YEARS, st.integers(-14 * 4, 14 * 4))
def test_a_moment_survives_both_of_its_texts(naive, quarters):
    """State and criteria are read by other runs, in other places, in any year."""
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=15 * quarters)))
    whole = moment.replace(microsecond=0)

    assert parse_moment(utc_text(moment)) == parse_moment(offset_text(moment)) == whole
    assert parse_moment(utc_text(moment, timespec="auto")) == parse_moment(moment.isoformat()) == moment


@pytest.mark.parametrize(
    "text", ["2026-05-14", "20260514", "2026-05-14T00:30:00+14:00", "2026-05-14 23:30-08"]
)
def test_a_day_is_the_one_that_is_said(text):
    """A birthday does not move with the offset of whoever wrote it."""
    assert parse_day(text) == date(2026, 5, 14)


@pytest.mark.parametrize("text", ["2026-02-30", "14.05.2026", "", "2026-05-14T24:00:00", "2026-05-14 10:61"])
def test_what_is_no_day_is_refused(text):
    """A guess would be worse than an error."""
    with pytest.raises(ValueError, match=r"."):
        parse_day(text)
