"""What one line of the input says, and which record a value in it costs that nobody can read."""

from __future__ import annotations

from decimal import Decimal

import pytest
from singer_sdk.singerlib.exceptions import InvalidInputLine

from target_bigin.input.lines import read_message, read_record, without_nan
from target_bigin.records.record import Reject, Spoiled

OPEN = "[{" * 100  # in a text


def nested(levels):
    return "[" * levels + "]" * levels


def unreadable(*fields):
    told = f"{', '.join(fields)}: no JSON holds what came (NaN, half a character), or it lies too deep."
    return Reject("invalid", "UNREADABLE_VALUE", told, fields[0])


@pytest.mark.parametrize(
    ("said", "record", "lost"),
    [
        ('{"a":1.10,"b":"x"}', {"a": Decimal("1.10"), "b": "x"}, ()),
        ('{"a":1e9999999999999999999999,"b":1}', {"a": None, "b": 1}, ("a",)),
        ('{"a":NaN,"b":[1,Infinity],"c":1}', {"a": None, "b": [1, None], "c": 1}, ("a", "b")),
        (r'{"a":"\ud800","b":1}', {"a": None, "b": 1}, ("a",)),
        (f'{{"a":{nested(99)},"b":{nested(99)},"c":[1]}}', {"a": None, "b": None, "c": [1]}, ("a", "b")),
        (f'{{"a":"{OPEN}"}}', {"a": OPEN}, ()),
        (rf'{{"a":"\"{OPEN}\\","b":NaN}}', {"a": f'"{OPEN}\\', "b": None}, ("b",)),
    ],
)
def test_a_value_that_nobody_can_read_costs_its_record(said, record, lost):
    """It is null there, and the record says why it ends; what lies in a text lies in nothing."""
    for found in (
        read_message(f'{{"type":"RECORD","stream":"s","record":{said}}}', "line 7")["record"],
        read_record(said.replace(nested(99), nested(100)).encode(), "line 7"),  # which lies less deep
    ):
        assert found == record
        assert isinstance(found, Spoiled) is bool(lost)
        assert not lost or found.why == unreadable(*lost)


@pytest.mark.parametrize("levels", [97, 98])
def test_a_hundred_levels_are_read(levels):
    """Deeper ones would be the end of whoever reads them."""
    line = f'{{"type":"RECORD","stream":"s","record":{{"a":{nested(levels)},"b":[],"c":[]}}}}'
    record = read_message(line, "line 7")["record"]

    assert type(record) is dict
    assert str(record["a"]) == nested(levels)


@pytest.mark.parametrize(
    ("said", "properties", "lost"),
    [
        (f'{{"a":{nested(98)},"b":{{"c":1}}}}', {"a": None, "b": {"c": 1}}, "schema: properties: a"),
        ('{"a":{"x":NaN},"b":{}}', {"a": {"x": None}, "b": {}}, "schema: properties: a: x"),
    ],
)
def test_a_property_of_a_schema_that_nobody_can_read_is_told(said, properties, lost, caplog):
    """The others are as they were: the stream is read all the same."""
    line = f'{{"type":"SCHEMA","stream":"s","schema":{{"properties":{said}}}}}'

    assert read_message(line, "line 7")["schema"]["properties"] == properties
    assert caplog.messages == [f"line 7: no JSON holds what came for {lost}; it is null."]


def test_a_record_that_is_none_is_let_be():
    """It costs itself where records are taken."""
    assert read_message('{"type":"RECORD","record":[NaN]}', "line 7")["record"] == [None]


@pytest.mark.parametrize(
    "line",
    [
        '{"type":"RECORD","record":{},"time":NaN}',
        '{"type":"STATE","value":1,"x":NaN}',
        '\ufeff{"type":"SCHEMA","schema":{}}',
    ],
)
def test_what_is_lost_beside_a_record_or_a_state_is_not_told(line, caplog):
    """Nobody reads it."""
    assert type(read_message(line, "line 7").get("record", {})) is dict
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ('{"type":"STATE","value": {"a":1.100000000000000000001} }', '{"a":1.100000000000000000001}'),
        ('{"type":"STATE","value":{"a":NaN},"x":1}', '{"a":NaN}'),
        ('{"type":"STATE","x":{"value":3,"y":[4]},"value": [NaN,{"value":2}] }', '[NaN,{"value":2}]'),
        (f'{{"type":"STATE","value":{nested(200)},"x":"value"}}', nested(200)),
        (f'{{"type":"STATE","value":{nested(5_000)}}}', nested(5_000)),
        ('{"type":"STATE","value":NaN,"value":2}', "2"),
        (r'{"type":"STATE","x":"\\\",","value":"\ud800","y":":"}', r'"\ud800"'),
        ('\ufeff{"type":"STATE","value":1}', "1"),
    ],
)
def test_the_value_of_a_state_is_as_it_stands_in_the_line(line, value):
    """Every digit of it, whatever stands beside it or in it."""
    assert bytes(read_message(line, "line 7")["value"]).decode() == value


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"[1]", "Not a Singer message, line 7: '[1]'"),
        (b"null", "Not a Singer message, line 7: 'null'"),
        (b"[NaN]", "Not a Singer message, line 7: '[NaN]'"),
        (b"nope" * 30, f"Not JSON, line 7: '{'nope' * 20}'."),
        (
            b"\xff\xfe{",
            "Not JSON, line 7: '\ufffd\ufffd{'. It is UTF-16, as PowerShell's > writes it: UTF-8 is due.",
        ),
        (f'{{"type":"RECORD","record":{{"a":{nested(120)}'.encode(), "Not JSON, line 7: "),
        (b'{"a":' + b"[" * 100_000, "Not JSON, line 7: "),
        (b'{"a":' * 100_000, "Not JSON, line 7: "),
        (b'{"type":"STATE","\\u0076alue":NaN}', "A STATE message without a value that could go on: "),
        ("{}" + nested(120) + "[", "Not JSON, line 7: "),
    ],
)
def test_a_line_that_is_none_is_told_with_its_place(line, told):
    """Its beginning is shown, not a megabyte of it."""
    with pytest.raises(InvalidInputLine) as refused:
        read_message(line, "line 7")

    assert str(refused.value).startswith(told)
    assert len(str(refused.value)) < 170
    assert ("UTF-16" in str(refused.value)) is (line[:2] == b"\xff\xfe")


def test_what_is_no_text_costs_its_value():
    """Bytes of another encoding, and halves of characters that Python keeps as such."""
    for line in (b'{"a":"\xff","b":1}', '{"a":"\ud800","b":1}'.encode(errors="surrogatepass")):
        found = read_record(line, "line 7")
        assert (found, found.why) == ({"a": None, "b": 1}, unreadable("a"))
    found = read_message('{"type":"RECORD","record":{"a":"\ud800"}}', "line 7")["record"]
    assert (found, found.why) == ({"a": None}, unreadable("a"))
    assert bytes(read_message(b'{"type":"STATE","value":"\xff"}', "line 7")["value"]) == b'"\xff"'


def test_only_a_state_with_a_value_has_one_as_it_stands():
    """What is missing is told where it is needed; a mark of Windows spoils nothing."""
    assert read_message('{"type":"STATE"}', "line 7") == {"type": "STATE"}
    assert read_message('{"type":"NEWS","value":{"a":1}}', "line 7")["value"] == {"a": 1}
    assert type(read_record(b'\xef\xbb\xbf{"a":1}', "line 7")) is dict


@pytest.mark.parametrize(
    ("line", "value"), [(b"null", None), (b"[1]", [1]), (b"[NaN]", [None]), (b'"x"', "x")]
)
def test_a_line_of_a_file_may_be_no_record(line, value):
    """Then it costs itself, where records are taken."""
    assert read_record(line, "line 7") == value


def test_numbers_that_are_none_spoil_a_row_of_a_table():
    """A table has them where a text has not."""
    row = {"a": 1, "b": [2.5]}
    assert without_nan(row) is row

    spoiled = without_nan({"a": float("nan"), "b": [float("inf"), 1]})

    assert (spoiled, spoiled.why) == ({"a": None, "b": [None, 1]}, unreadable("a", "b"))
