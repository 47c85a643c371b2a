"""Values: what is accepted, how it is converted, when it is rejected; a table for each data type."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bigin_api.models import Field, PickListValue
from target_bigin.records.record import Reject, Unresolved
from target_bigin.values.converters import ValueOptions, make_converter
from target_bigin.values.moments import to_date, to_datetime

REFUSED = object()
ID = "6100000000000225013"

JSON_TYPES = {
    "integer": "integer",
    "bigint": "string",
    "double": "double",
    "currency": "double",
    "percent": "double",
    "boolean": "boolean",
    "multiselectpicklist": "jsonarray",
    "lookup": "jsonobject",
    "ownerlookup": "jsonobject",
    "multiselectlookup": "jsonarray",
    "subform": "jsonarray",
    "RRULE": "jsonobject",
}


def field(data_type, **more):
    return Field("F", data_type, more.pop("json_type", JSON_TYPES.get(data_type, "string")), **more)


def convert(described, value, **options):
    try:
        return make_converter(described, ValueOptions(**options))(value)
    except Reject:
        return REFUSED


STAGES = tuple(
    PickListValue(stored, shown)
    for stored, shown in (("Closed Won", "Won"), ("Demo", "Demo"), ("A", "B"), ("B", "b"))
)

CASES = {
    "text": [
        ("Ann", "Ann"),
        ("", None),
        (" \t", None),
        (" Ann ", " Ann "),
        ("Žofie 🌷", "Žofie 🌷"),
        (17, "17"),
        (Decimal("1E+3"), "1000"),
        (Decimal("12.50"), "12.50"),
        (True, "true"),
        ({"a": [1, "ü"]}, '{"a":[1,"ü"]}'),
        (["x"], '["x"]'),
        ("x" * 255, "x" * 255),
        ("x" * 256, REFUSED),
    ],
    "email": [(" ann@example.org ", "ann@example.org"), ("", None), ("a" * 256, REFUSED)],
    "phone": [
        ("+46 8 123", "+46 8 123"),
        (46812345, "46812345"),
        (491700000000.0, "491700000000"),
        (Decimal("4.917E+11"), "491700000000"),
        (-0.0, "0"),
        (float("nan"), REFUSED),
        (float("inf"), REFUSED),
        (6.1000000000022502e17, REFUSED),  # a float has lost what came after
    ],
    "picklist": [
        ("Closed Won", "Closed Won"),
        ("Won", "Closed Won"),
        ("closed won ", "Closed Won"),
        ("Never seen", "Never seen"),
        ("A", "A"),
        ("B", "B"),
        ("", None),
        (None, None),
    ],
    "multiselectpicklist": [
        (["Demo", "Won"], ["Demo", "Closed Won"]),
        ("Demo; Won;;Demo", ["Demo", "Closed Won"]),
        ('["Demo"]', ["Demo"]),
        ([], []),
        ("", None),
        ([{"a": 1}], REFUSED),
        ("Demo", ["Demo"]),
        ("[1e9999999999999999999999]", ["[1e9999999999999999999999]"]),
    ],
    "integer": [
        (42, 42),
        ("42", 42),
        (" +42 ", 42),
        ("42.0", 42),
        (Decimal("4.2E1"), 42),
        (42.0, 42),
        (-7, -7),
        ("", None),
        (999_999_999, 999_999_999),
        (1_000_000_000, REFUSED),
        ("1e999", REFUSED),
        ("42.5", REFUSED),
        (42.5, REFUSED),
        ("1,234", REFUSED),
        ("1_000", REFUSED),
        ("٤٢", REFUSED),
        ("NaN", REFUSED),
        (float("nan"), REFUSED),
        (True, REFUSED),
        ([], REFUSED),
    ],
    "bigint": [
        (123456789012345678, "123456789012345678"),
        ("0", "0"),
        ("-12", "-12"),
        (Decimal(9007199254740993), "9007199254740993"),
        ("1234567890123456789", REFUSED),
        ("12a", REFUSED),
        (Decimal("610000000000225013.0"), "610000000000225013"),
        (Decimal("6.1000000000022502E+17"), REFUSED),
        (6.1000000000022502e17, REFUSED),
        ("6.1E+17", REFUSED),  # as a spreadsheet shows it
    ],
    "currency": [
        (Decimal("9999999999999999.99"), Decimal("9999999999999999.99")),
        ("1200.50", Decimal("1200.50")),
        (".5", Decimal(".5")),
        (12, 12),
        (1.5, 1.5),
        ("", None),
        ("12345678901234567", REFUSED),
        ("1.200,50", REFUSED),
        ("$12", REFUSED),
        ("Infinity", REFUSED),
        (float("inf"), REFUSED),
        (Decimal("NaN"), REFUSED),
        (False, REFUSED),
        ({}, REFUSED),
    ],
    "percent": [("12.5 %", Decimal("12.5")), ("7", Decimal(7)), ("%", None)],
    "boolean": [
        (True, True),
        (False, False),
        ("Yes", True),
        ("y", True),
        ("ON", True),
        (1, True),
        (Decimal("1.0"), True),
        ("false", False),
        ("n", False),
        (0, False),
        ("", None),
        ("maybe", REFUSED),
        (2, REFUSED),
        ([], REFUSED),
    ],
    "date": [
        ("2026-05-14", "2026-05-14"),
        ("20260514", "2026-05-14"),
        ("2026-05-14T23:30:00+02:00", "2026-05-14"),
        ("2026-05-14 23:30:00.5", "2026-05-14"),
        (1778745600, "2026-05-14"),
        ("1778745600000", "2026-05-14"),
        ("", None),
        ("29.02.1984", REFUSED),
        ("05/14/2026", REFUSED),
        ("2026-02-30", REFUSED),
        (20260514, "2026-05-14"),
        (20260514.0, "2026-05-14"),
        (Decimal("2.0260514E+7"), "2026-05-14"),
        ("2026-05-14T24:00:00", REFUSED),  # the day after, to some
        ("2026-05-14T12:60:00Z", REFUSED),
        (20587, REFUSED),
        (True, REFUSED),
    ],
    "datetime": [
        ("2026-05-14T09:53:58Z", "2026-05-14T09:53:58+00:00"),
        ("2026-05-14T09:53:58+00:00", "2026-05-14T09:53:58+00:00"),
        ("2026-05-14T12:53:58+03:00", "2026-05-14T09:53:58+00:00"),
        ("2026-05-14 12:53:58.999999 +0300", "2026-05-14T09:53:58+00:00"),
        ("2026-05-14T15:23:58+05:30", "2026-05-14T09:53:58+00:00"),
        ("2026-05-13T23:53:58-10", "2026-05-14T09:53:58+00:00"),
        ("2026-05-14T09:53", "2026-05-14T09:53:00+00:00"),
        ("2026-05-14", "2026-05-14T00:00:00+00:00"),
        (1778752438, "2026-05-14T09:53:58+00:00"),
        (1778752438123, "2026-05-14T09:53:58+00:00"),
        (Decimal("1778752438.5"), "2026-05-14T09:53:58+00:00"),
        ("1778752438", "2026-05-14T09:53:58+00:00"),
        ("", None),
        ("2026-13-14T09:53:58Z", REFUSED),
        ("2026-13-14T09:53:58+00:00", REFUSED),
        ("2026-W20-4T09:53:58Z", REFUSED),  # later Pythons know weeks, and any separator
        ("2026-05-14x09:53:58Z", REFUSED),
        ("2026-05-14T24:00:00Z", REFUSED),
        ("2026-02-30T09:53:58Z", REFUSED),
        ("0001-01-01T00:00:00+14:00", REFUSED),
        ("yesterday", REFUSED),
        (17, REFUSED),
        (float("nan"), REFUSED),
    ],
    "lookup": [
        ({"id": ID, "name": "Acme"}, {"id": ID}),
        ({"id": int(ID)}, {"id": ID}),
        (ID, {"id": ID}),
        (int(ID), {"id": ID}),
        (f'{{"id": "{ID}"}}', {"id": ID}),
        ("", None),
        ({}, None),
        ("Acme", REFUSED),
        ({"name": "Acme"}, REFUSED),
        (17, REFUSED),
        ('{"id": 1e9999999999999999999999}', REFUSED),
    ],
    "ownerlookup": [
        ({"id": ID, "name": "Ann", "email": "ann@example.org"}, {"id": ID}),
        ("ann@example.org", Unresolved("ann@example.org")),
        (
            {"name": "Ann", "email": "ann@example.org"},
            Unresolved({"name": "Ann", "email": "ann@example.org"}),
        ),
        ("Ann", REFUSED),
    ],
    "subform": [
        ([{"Quantity": 1}], [{"Quantity": 1}]),
        ('[{"Quantity": 1}]', [{"Quantity": 1}]),
        (" ", None),
        ({}, REFUSED),
        ("[1]", REFUSED),
        ("2 chairs", REFUSED),
        ('[{"Quantity": 1e-9999999999999999999999}]', REFUSED),
    ],
    "RRULE": [("FREQ=DAILY", {"RRULE": "FREQ=DAILY"}), ({"RRULE": "x"}, {"RRULE": "x"}), ("x", REFUSED)],
}


@pytest.mark.parametrize(
    ("data_type", "value", "expected"),
    [
        pytest.param(data_type, value, expected, id=f"{data_type}-{value!r:.40}")
        for data_type, cases in CASES.items()
        for value, expected in cases
        if value is not None
    ],
)
def test_a_value_becomes_what_its_field_takes(data_type, value, expected):
    """Each row is a value that real sources hold, and what Bigin must get for it."""
    lengths = {"text": 255, "email": 100, "integer": 9, "bigint": 18, "currency": 16, "percent": 5}
    described = field(
        data_type, length=lengths.get(data_type), pick_list_values=STAGES if "picklist" in data_type else ()
    )

    converted = convert(described, value)

    assert converted == expected
    assert type(converted) is type(expected)


def test_text_is_cut_only_where_the_stream_allows_it():
    """Cutting loses something: by default the record is rejected, with `truncate` it is told."""
    told = []
    long = "x" * 300

    cut = convert(field("text", length=255), long, truncate=True, on_cut=told.append)

    assert cut == "x" * 255
    assert told == ["F"]
    assert convert(field("text", length=255), long) is REFUSED


def test_a_value_outside_the_list_is_said_once():
    """A picklist stores any text, so a typing error becomes a new value: worth a warning, not one a record."""
    told = []
    described = field("picklist", pick_list_values=STAGES)
    converter = make_converter(described, ValueOptions(on_unknown_choice=lambda _, value: told.append(value)))

    for value in ("Demo", "Domo", "Domo", "Dumo", "Domo"):
        converter(value)

    assert told == ["Domo", "Dumo"]


def test_a_lookup_by_value_takes_a_text_of_digits_for_what_it_says():
    """A customer number of 16 digits is not an id where the stream says what to look for."""
    assert convert(field("lookup"), "1234567890123456", lookups=frozenset({"F"})) == Unresolved(
        "1234567890123456"
    )
    assert convert(field("lookup"), {"id": ID}, lookups=frozenset({"F"})) == {"id": ID}


def test_ids_of_another_organisation_are_never_sent():
    """They exist there and not here, or worse, they are somebody else's here."""
    linked = {"id": ID, "name": "Acme"}

    assert convert(field("lookup"), linked, foreign_ids=True) == Unresolved(linked)


@pytest.mark.parametrize(
    ("name", "data_type", "json_type", "value", "expected"),
    [
        ("Tag", "text", "jsonarray", [{"name": "vip", "id": "1", "color_code": "#fff"}], [{"name": "vip"}]),
        ("Tag", "text", "jsonarray", "vip; new,old", [{"name": "vip"}, {"name": "new"}, {"name": "old"}]),
        ("Tag", "text", "jsonarray", ["vip", "vip"], [{"name": "vip"}]),
        ("Tag", "text", "jsonarray", [], []),
        ("Tag", "text", "jsonarray", [7], REFUSED),
        ("Pipeline", "bigint", "jsonobject", {"id": ID, "name": "Sales"}, {"id": ID, "name": "Sales"}),
        ("Pipeline", "bigint", "jsonobject", "Sales", {"name": "Sales"}),
        (
            "Participants",
            "text",
            "jsonarray",
            [{"type": "email", "participant": "a@b.c", "name": "A", "id": "1", "invited": False}],
            [{"type": "email", "participant": "a@b.c"}],
        ),
        ("Place", "geolocation", "jsonobject", {"lat": 1}, {"lat": 1}),
        ("Place", "geolocation", "jsonobject", '{"lat": 1}', {"lat": 1}),
        ("Place", "geolocation", "jsonobject", "here", REFUSED),
        ("New", "brand_new", "string", "x", "x"),
        ("New", "brand_new", "integer", "5", 5),
        ("New", "brand_new", "boolean", "yes", True),
        ("New", "brand_new", "double", "5.5", Decimal("5.5")),
        ("New", "brand_new", "jsonarray", [1], [1]),
        ("New", "text", "jsonarray", [1], [1]),
    ],
)
def test_the_json_type_is_believed_where_metadata_contradicts_itself(
    name, data_type, json_type, value, expected
):
    """Tag says text and is an array, Pipeline says bigint and is an object; new types appear without notice."""
    assert convert(Field(name, data_type, json_type), value) == expected


# What the tap reads, the target can write

moments = st.datetimes(
    min_value=datetime(1901, 1, 2),  # noqa: DTZ001 -- the strategy wants it naive
    max_value=datetime(2199, 12, 30),  # noqa: DTZ001
    timezones=st.just(timezone.utc),
).map(lambda moment: moment.replace(microsecond=0))
offsets = st.integers(min_value=-14 * 60, max_value=14 * 60).map(
    lambda minutes: timezone(timedelta(minutes=minutes))
)


@given(moments, offsets)
def test_a_moment_survives_in_any_offset(moment, offset):
    """The offset is only that of somebody's clock: the instant is what counts."""
    written = convert(field("datetime"), moment.astimezone(offset).isoformat())

    assert datetime.fromisoformat(written) == moment
    assert convert(field("datetime"), written) == written
    assert convert(field("datetime"), written.replace("+00:00", "Z")) == written


@given(st.dates())
def test_a_date_survives(day):
    """Dates stay dates."""
    assert convert(field("date"), day.isoformat()) == day.isoformat()


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, min_value=-(10**16) + 1, max_value=10**16 - 1, places=2
    )
)
def test_a_number_survives_exactly(number):
    """Money does not lose a cent on its way, not even in the last of 18 digits."""
    sent = msgspec.json.Encoder(decimal_format="number").encode(
        convert(field("currency", length=16), str(number))
    )

    assert json.loads(sent, parse_float=Decimal, parse_int=Decimal) == number


@given(st.text(max_size=255))
def test_a_text_survives(text):
    """Every character of every alphabet; blank is null, as Bigin has it."""
    assert convert(field("text", length=255), text) == (text if text.strip() else None)


@given(st.lists(st.text(min_size=1, alphabet=st.characters(exclude_characters=';["'))))
def test_choices_survive_as_a_list_and_as_text(choices):
    """The list API reads an array, a bulk job `a;b`."""
    chosen = list(dict.fromkeys(each.strip() for each in choices if each.strip()))
    described = field("multiselectpicklist")

    assert convert(described, chosen) == chosen
    assume(chosen)
    assert convert(described, ";".join(chosen)) == chosen


@given(st.integers(min_value=-(10**18) + 1, max_value=10**18 - 1))
def test_a_long_integer_survives_as_a_string_of_digits(number):
    """Beyond 2^53 a JSON number is no longer exact."""
    assert convert(field("bigint", length=18), str(number)) == str(number)
    assert convert(field("bigint", length=18), number) == str(number)


numbers = (
    st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(allow_nan=False, allow_infinity=False)
)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.sampled_from(
        [*JSON_TYPES, "text", "email", "picklist", "date", "datetime", "event_reminder", "unheard_of"]
    ),
    json_values | st.floats(),  # no number that is none lies inside of what is read: `without_nan`
)
def test_any_value_is_converted_or_refused_and_nothing_else(data_type, value):
    """No value of any source ends the run: it fits, or its record is rejected with the reason."""
    assume(value is not None)
    converted = convert(field(data_type, length=100), value)
    if converted is not REFUSED and not isinstance(converted, Unresolved):
        msgspec.json.Encoder(decimal_format="number").encode(converted)


@pytest.mark.parametrize("kind", [str, int])
@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("20260514123045", "2026-05-14T12:30:45+00:00"),  # as an epoch the year 2612
        ("202605141230", "2026-05-14T12:30:00+00:00"),  # 1976
        ("1778745600", "2026-05-14T08:00:00+00:00"),
        ("1778745600000", "2026-05-14T08:00:00+00:00"),
    ],
)
def test_compact_moments_are_read_as_they_are_written(kind, written, meant):
    """A warehouse that writes them so means no epoch."""
    assert to_datetime(kind(written)) == meant
    assert to_date(kind(written)) == meant[:10]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (20260514123045.0, "2026-05-14T12:30:45+00:00"),
        ("20260514123045.0", "2026-05-14T12:30:45+00:00"),
        (Decimal("20260514123045.5"), "2026-05-14T12:30:45+00:00"),
        (20260514123045123, "2026-05-14T12:30:45+00:00"),
        ("20260514T123045Z", "2026-05-14T12:30:45+00:00"),
        (20260514, "2026-05-14T00:00:00+00:00"),
    ],
)
def test_compact_moments_are_read_with_what_software_makes_of_them(written, meant):
    """A data frame makes a float of a column with one empty cell."""
    assert to_datetime(written) == meant


@pytest.mark.parametrize(
    "written", ["20260230120000", "99999999999999", "9999999999", "2026051412", 2026051412]
)
def test_moments_that_nobody_means_are_refused(written):
    """30 February, epochs of centuries to come, and what may be an hour of today or an epoch of 2034."""
    with pytest.raises(Reject):
        to_datetime(written)
