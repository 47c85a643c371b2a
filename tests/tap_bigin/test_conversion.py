"""Whatever Bigin sends, what leaves has the stream's properties and fits its schema."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from support.tap import FORMATS

from tap_bigin.values.conversion import Conversion, coerced
from tap_bigin.values.instants import Instants

SCHEMAS: dict[str, dict[str, Any]] = {
    "text": {"type": ["string", "null"]},
    "count": {"type": ["integer", "null"]},
    "amount": {"type": ["number", "null"]},
    "flag": {"type": ["boolean", "null"]},
    "moment": {"type": ["string", "null"], "format": "date-time"},
    "link": {"type": ["object", "null"]},
    "many": {"type": ["array", "null"], "items": {}},
    "tags": {"type": ["array", "null"], "items": {"type": ["object", "null"]}},
    "choices": {"type": ["array", "null"], "items": {"type": ["string", "null"]}},
}
PROPERTIES = {"id": {"type": "string"}, **SCHEMAS}
TREATMENTS: Any = {"moment": "datetime", "link": "link"}

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
RECORDS = st.lists(
    st.fixed_dictionaries(
        {"id": st.from_regex("[1-9][0-9]{0,17}", fullmatch=True)},
        optional={**dict.fromkeys((*SCHEMAS, "unasked"), ANYTHING)},
    ),
    max_size=4,
)


@given(RECORDS)
def test_any_values_become_records_that_fit(records: list[dict[str, Any]]) -> None:
    """Metadata misleads, fields vanish and keys come unasked: the SCHEMA that was sent holds all the same."""
    Conversion(PROPERTIES, TREATMENTS, warn=lambda _: None)(records)

    validator = Draft202012Validator({"type": "object", "properties": PROPERTIES}, format_checker=FORMATS)
    for record in records:
        assert record.keys() == PROPERTIES.keys()
        assert not list(validator.iter_errors(record))


@given(
    st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2200, 1, 1)),  # noqa: DTZ001
    st.integers(-14 * 4, 14 * 4),
)
def test_datetimes_of_any_offset_become_the_same_instant_in_utc(naive: datetime, quarters: int) -> None:
    """Loaders in wide use drop an offset silently."""
    zone = timezone(timedelta(minutes=15 * quarters))
    moment = naive.replace(microsecond=0, tzinfo=zone)
    instants = Instants()

    for _ in range(2):
        for second in (0, 1, 3_599):
            later = moment + timedelta(seconds=second)
            utc = instants[later.isoformat()]
            assert utc.endswith("Z")
            assert datetime.fromisoformat(utc.replace("Z", "+00:00")) == later


@pytest.mark.parametrize("text", ["soon", "2026-05-14T12:99:00+03:00", "2026-13-01T00:00:00Z"])
def test_what_is_no_datetime_is_null_and_told(text: str) -> None:
    """A column of datetimes holds datetimes."""
    told: list[str] = []
    convert = Conversion(
        {"id": {"type": "string"}, "moment": SCHEMAS["moment"]}, {"moment": "datetime"}, warn=told.append
    )
    records: list[dict[str, Any]] = [
        {"id": "1", "moment": "2026-05-14T12:00:00+03:00"},
        {"id": "2", "moment": text},
    ]

    convert(records)

    assert [each["moment"] for each in records] == ["2026-05-14T09:00:00Z", None]
    assert repr(text) in told[0]


def test_instants_forget_before_they_fill_the_memory() -> None:
    """A first load of millions of records has millions of seconds."""
    instants = Instants()
    begun = datetime(2026, 1, 1, tzinfo=timezone.utc)

    for second in range(100_010):
        instants[(begun + timedelta(seconds=second)).isoformat()]

    assert len(instants) < 100_010
    assert instants[None] is None


def test_each_oddity_is_told_once() -> None:
    """A warning a record would bury the others."""
    told: list[str] = []
    convert = Conversion({"id": {"type": "string"}, "count": SCHEMAS["count"]}, {}, warn=told.append)

    for _ in range(3):
        convert([{"id": str(number), "count": str(number)} for number in range(5)])

    assert len(set(told)) == 1


@pytest.mark.parametrize("none", ["", "0000-00-00", "2026-02-30", "2026-05-14T09:00:00Z", "20260514", "soon"])
def test_a_date_that_is_none_is_null_and_told(none):
    """Loaders fail a whole batch for one day that there is not."""
    told = []
    date = {"type": ["string", "null"], "format": "date"}
    convert = Conversion({"id": {"type": "string"}, "Day": date}, {"Day": "date"}, warn=told.append)
    records = [{"id": "7", "Day": none}, {"id": "8", "Day": "2026-02-28"}, {"id": "9", "Day": None}]

    convert(records)

    assert [each["Day"] for each in records] == [None, "2026-02-28", None]
    assert told == [f"field 'Day' holds {none!r}, which is no date. It is null."]


@pytest.mark.parametrize("none", ["1716000000000", "20260514", "20260514095358", "2026"])
def test_bare_digits_are_no_moment(none):
    """They may be an epoch in seconds or in milliseconds, or a day: nobody knows."""
    told = []
    moment = {"type": ["string", "null"], "format": "date-time"}
    convert = Conversion({"id": {"type": "string"}, "At": moment}, {"At": "datetime"}, warn=told.append)
    records = [{"id": "7", "At": none}]

    convert(records)

    assert records[0]["At"] is None
    assert len(told) == 1


def test_a_whole_number_that_comes_as_text_keeps_every_digit():
    """A float has sixteen."""
    assert coerced("12345678901234567890", ["integer", "null"]) == 12345678901234567890
