"""Whatever Bigin sends, what leaves has the stream's properties and fits its schema."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from singer_sdk.contrib.msgspec import encoder
from support.tap import FORMATS

from tap_bigin.values.coercion import coerced
from tap_bigin.values.conversion import Conversion
from tap_bigin.values.data_types import TAGS, USER
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


@pytest.mark.parametrize("moment", ["2026-05-14T00:00:00+02:00", "2026-05-14T23:30:00Z", "2026-05-14T09:53"])
def test_a_date_that_comes_as_a_moment_is_its_day(moment):
    """The day that Bigin shows; as null the value was lost."""
    told = []
    date = {"type": ["string", "null"], "format": "date"}
    convert = Conversion({"id": {"type": "string"}, "Day": date}, {"Day": "date"}, warn=told.append)
    records = [{"id": "7", "Day": moment}]

    convert(records)

    assert records == [{"id": "7", "Day": "2026-05-14"}]
    assert told == [
        "field 'Day' came as str, though the metadata says date: converted where it can be, else null."
    ]


def test_truths_may_be_ones_and_noughts():
    """As null they would say that nobody knows."""
    told = []
    convert = Conversion(
        {"id": {"type": "string"}, "Renews": {"type": ["boolean", "null"]}}, {}, warn=told.append
    )
    records = [{"id": "7", "Renews": each} for each in (1, 0, "1", "0", 2)]

    convert(records)

    assert [each["Renews"] for each in records] == [True, False, True, False, None]


@pytest.mark.parametrize("none", ["", "0000-00-00", "2026-02-30", "2026-02-30T09:00:00Z", "20260514", "soon"])
def test_a_date_that_is_none_is_null_and_told(none):
    """Loaders fail a whole batch for one day that there is not."""
    told = []
    date = {"type": ["string", "null"], "format": "date"}
    convert = Conversion({"id": {"type": "string"}, "Day": date}, {"Day": "date"}, warn=told.append)
    records = [{"id": "7", "Day": none}, {"id": "8", "Day": "2026-02-28"}, {"id": "9", "Day": None}]

    convert(records)

    assert [each["Day"] for each in records] == [None, "2026-02-28", None]
    assert told == [f"field 'Day' of record 7 holds {none!r}, which is no date. It is null."]


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


@pytest.mark.parametrize(
    ("written", "kind", "value"),
    [
        ("12345678901234567890", "integer", "12345678901234567890"),
        ("12345678901234567.0", "integer", "12345678901234567"),
        ("12345678901234567890", "number", "12345678901234567890"),
        ("10000000000000001.5", "number", "10000000000000001.5"),
        ("0.1234567890123456789", "number", "0.1234567890123456789"),
        ("1e5", "integer", "100000"),
        ("-0.50", "number", "-0.5"),
        (7.0, "string", '"7"'),
        (491700000000.0, "string", '"491700000000"'),
        (6100000000000225013, "object", '{"id":"6100000000000225013"}'),
        ("Acme", "object", '{"name":"Acme"}'),
        ({"id": Decimal("7.25"), "name": "大阪"}, "string", '"{\\"id\\":7.25,\\"name\\":\\"大阪\\"}"'),
    ],
)
def test_what_comes_as_another_type_keeps_every_digit(written, kind, value):
    """A float has sixteen, and a person's phone number no decimals."""
    assert encoder.encode(coerced(written, [kind, "null"])).decode() == value


@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        *[
            (each, "number")
            for each in (
                "1,234.50",
                "12 %",
                "-",
                "#ERROR",
                "nan",
                "1_000",
                "\uff11\uff12",
                "9" * 5000,
                True,
                {},
                [1],
            )
        ],
        *[(each, "integer") for each in ("7.5", "0x10", "1,234", False)],
        *[(each, "boolean") for each in ("yes", 7, "2")],
        *[(each, "object") for each in (True, ["7"])],
    ],
)
def test_what_cannot_be_told_is_null_and_told_with_field_and_record(bad, kind):
    """One wrong value costs itself, and a person finds it."""
    told = []
    convert = Conversion({"id": {"type": "string"}, "F": {"type": [kind, "null"]}}, {}, warn=told.append)
    records = [{"id": "7", "F": bad}, {"id": "8", "F": ""}]

    convert(records)

    assert [each["F"] for each in records] == [None, None]
    assert len(told) == 1
    assert "'F' of record 7 holds" in told[0]


def test_of_very_many_wrong_values_the_first_are_told():
    """A column that is wrong throughout must not fill the memory with what is said of it."""
    told = []
    convert = Conversion({"id": {"type": "string"}, "F": SCHEMAS["count"]}, {}, warn=told.append)

    convert([{"id": str(number), "F": "x" * 1_000} for number in range(100)])

    assert len(set(told)) < 30
    assert max(map(len, told)) < 200


def test_the_parts_of_a_link_are_what_the_schema_says():
    """A loader that validates refuses a name that is a number, inside an object too."""
    schema = {"id": {"type": "string"}, "Owner": dict(USER), "Tag": dict(TAGS)}
    records = [
        {"id": "7", "Owner": {"id": 7, "name": 5, "email": ["x"]}, "Tag": [{"id": 9, "name": "vip"}, "new"]},
        {"id": "8", "Owner": None, "Tag": None},
    ]

    Conversion(schema, {"Owner": "link"}, warn=lambda _: None)(records)

    assert not list(Draft202012Validator({"type": "object", "properties": schema}).iter_errors(records[0]))
    assert records[0]["Owner"] == {"id": "7", "name": "5", "email": '["x"]'}
    assert records[0]["Tag"] == [{"id": "9", "name": "vip"}, {"name": "new"}]
