"""What comes in: a value that nobody can read costs its record, and a STATE leaves as it came."""

from __future__ import annotations

import io

import pytest
from support.target import lines, read_rejects, record, records, schema, settings_of, state

from target_bigin.target import TargetBigin

CONTACTS = schema("Contacts", "Last_Name", key=["Email"])
SPOILED = {
    "NaN": b"NaN",
    "Infinity": b"-Infinity",
    "half a character": rb'"\ud800"',
    "no UTF-8": b'"\xff"',
    "5,001 digits": b"1" + b"0" * 5000,
    "an exponent of 22 digits": b"1e9999999999999999999999",
    "a negative one": b"1e-9999999999999999999999",
    "101 levels": b"[" * 101 + b"]" * 101,
    "100,000 levels": b'{"a":' * 100_000 + b"{}" + b"}" * 100_000,
}


def people(count):
    return [{"Last_Name": f"Berg {n}", "Email": f"berg{n}@example.org"} for n in range(count)]


@pytest.mark.parametrize("mapped", [False, True], ids=["plain", "with a stream map"])
@pytest.mark.parametrize("value", SPOILED.values(), ids=SPOILED)
def test_a_value_that_no_json_holds_costs_its_record(sandbox, tmp_path, value, mapped):
    """Python's json writes NaN and halves of characters; a line of it cost all others, at each run anew."""
    maps = {"stream_maps": {"Contacts": {"Title": "'Dr'"}}} if mapped else {}
    rows = records("Contacts", people(3))
    before = lines([schema("Contacts", "Last_Name", "Description", key=["Email"]), *rows[:1]]).encode()
    bad = (
        b'{"type":"RECORD","stream":"Contacts","record":{"Email":"x@example.org","Description":%s}}\n' % value
    )
    messages = tmp_path / "messages"
    messages.write_bytes(before + bad + lines([*rows[1:], state(1)]).encode())
    config = settings_of(sandbox, tmp_path, max_rejects=1, **maps)
    target = TargetBigin(config=config)

    with messages.open(encoding="utf-8") as source:
        target.listen(source)

    (reject,) = read_rejects(config)
    assert (reject["kind"], reject["code"], reject["field"]) == ("invalid", "UNREADABLE_VALUE", "Description")
    assert reject["record"] == {"Email": "x@example.org", "Description": None}
    assert target.engine.ledger.accounts["Contacts"].outcomes["inserted"] == 3


@pytest.mark.parametrize("record", [b"null", b"[]", b'"x"', b"[" * 200 + b"]" * 200], ids=range(4))
def test_a_record_that_is_none_costs_itself(sandbox, target, record):
    """It ended the run, at each run anew."""
    rows = records("Contacts", people(2))
    line = b'{"type":"RECORD","stream":"Contacts","record":%s}\n' % record
    sent = lines([CONTACTS, rows[0]]) + line.decode()

    run = target(sent + lines([rows[1], state(1)]), max_rejects=1)

    assert run.error is None
    assert run.outcomes("Contacts") == {"inserted": 2, "invalid": 1}
    assert run.states == [1]


def test_a_stream_map_that_fails_for_one_record_costs_that_record(sandbox, target):
    """A blank name where the map wants a text ended the run as a fault that nobody foresaw."""
    rows = [{"Email": f"{n}@example.org", "Last_Name": name} for n, name in enumerate(["a", None, "c"])]
    maps = {"Contacts": {"Last_Name": "Last_Name.upper()"}}
    sent = [CONTACTS, *records("Contacts", rows), state(1)]

    run = target(sent, stream_maps=maps, max_rejects=1)

    assert run.error is None
    assert [(each["code"], each["record"]) for each in run.rejects] == [("STREAM_MAP", rows[1])]
    assert {each["Last_Name"] for each in sandbox.dump("Contacts")} >= {"A", "C"}
    assert run.states == [1]


def test_a_stream_map_that_is_none_is_a_setting_to_mend(target):
    """It was told as what nobody foresaw."""
    maps = {"Contacts": {"Last_Name": "Last_Name +"}}

    run = target([CONTACTS], stream_maps=maps)

    assert str(run.error) == "stream_maps: Failed to parse expression Last_Name +."


def test_what_lies_too_deep_beside_a_record_costs_nothing(sandbox, target):
    """Some taps say more in a message than the specification has."""
    deep = "[" * 500 + "]" * 500
    line = (
        '{"type":"RECORD","more":%s,"stream":"Contacts","record":{"Email":"x@example.org","Last_Name":"X"}}\n'
    )

    run = target(lines([CONTACTS]) + line % deep)

    assert run.error is None
    assert run.outcomes("Contacts") == {"inserted": 1}


def test_a_schema_with_a_value_that_no_json_holds_is_told(sandbox, target):
    """A default of NaN, as a data frame has it, ended the run before the first record."""
    line = (
        '{"type":"SCHEMA","stream":"Contacts","key_properties":["Email"],"schema":{"properties":'
        '{"Email":{"type":"string"},"Last_Name":{"type":"string","default":NaN}}}}\n'
    )

    run = target(line + lines(records("Contacts", people(1))))

    assert run.error is None
    assert run.outcomes("Contacts") == {"inserted": 1}
    assert run.said("line 1: no JSON holds what came for schema: properties: Last_Name: default; it is null.")


@pytest.mark.parametrize(
    "value",
    [
        '{"a": NaN, "b": [-Infinity, 1E400, 10000000000000001.50], "a": {"value": "}, {"}}',
        "NaN",
        r'"half \ud800 of a character"',
        '{"deep": ' + "[" * 5_000 + "]" * 5_000 + "}",
        "[" * 101 + "]" * 101,
        "1" + "0" * 5_000,
    ],
    ids=range(6),
)
@pytest.mark.parametrize("before", ['"value": 1, ', '"more": {"value": 2}, ', ""], ids=range(3))
def test_a_state_leaves_exactly_as_it_came(sandbox, tmp_path, capsys, value, before):
    """Whatever is in it is the tap's own affair; it ended the run, and every run after it."""
    line = '{"type": "STATE", ' + before + '"value" : ' + value + ' , "last": {"value": 3}}\n'

    TargetBigin(config=settings_of(sandbox, tmp_path)).listen(io.StringIO(line))

    assert capsys.readouterr().out == value + "\n"


def test_text_that_another_encoding_wrote_in_two_halves_is_whole(sandbox, target, tmp_path):
    """CESU-8, as Java and Oracle write it: nothing of it is lost."""
    line = b'{"type":"RECORD","stream":"Contacts","record":{"Last_Name":"\xed\xa0\xbd\xed\xb8\x80","Email":"x@example.org"}}\n'
    messages = tmp_path / "messages"
    messages.write_bytes(lines([CONTACTS]).encode() + line)

    with messages.open(encoding="utf-8", errors="surrogateescape") as source:
        TargetBigin(config=settings_of(sandbox, tmp_path)).listen(source)

    assert [each["Last_Name"] for each in sandbox.dump("Contacts") if each["Email"] == "x@example.org"] == [
        "😀"
    ]


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ({"type": "ACTIVATE_VERSION", "stream": "Nobody", "version": 1}, "Nobody"),
        (
            {"type": "BATCH", "stream": "Contacts", "encoding": 7, "manifest": []},
            "Contacts: a BATCH message whose encoding is 7",
        ),
        (
            {"type": "BATCH", "stream": "Contacts", "encoding": {"format": "jsonl"}, "manifest": ["/x", 7]},
            "Contacts: the manifest of a BATCH message is ['/x', 7]",
        ),
        (
            {"type": "BATCH", "stream": "Contacts", "encoding": {"format": "jsonl"}, "manifest": "/x"},
            "Contacts: the manifest of a BATCH message is /x",
        ),
        (
            {"type": "SCHEMA", "stream": "Tasks", "schema": {"properties": {}}, "key_properties": [None]},
            "Tasks: the key_properties",
        ),
        (
            {"type": "SCHEMA", "stream": "Tasks", "schema": [], "key_properties": []},
            "Tasks: the schema",
        ),
        ({"type": "RECORD", "stream": ["Contacts"], "record": {}}, "its stream is"),
    ],
)
def test_a_message_that_cannot_be_obeyed_ends_the_run_by_a_line(target, message, says):
    """A person gets a sentence and no traceback, and no state that covers what was not done."""
    run = target([CONTACTS, record("Contacts", Last_Name="A", Email="a@b.se"), message, state("end")])

    assert says in str(run.error)
    assert run.states == []
