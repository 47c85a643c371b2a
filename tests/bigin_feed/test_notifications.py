"""What a POST says, and what is refused before it shares a transaction with others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bigin_feed.notifications import Malformed, Notification, Told, read_hook, read_notification

BODY: dict[str, Any] = {
    "server_time": 1772442904123,
    "query_params": {},
    "module": "Contacts",
    "resource_uri": "https://www.zohoapis.eu/bigin/v1/Contacts",
    "ids": ["7", "8"],
    "operation": "update",
    "affected_fields": [{"7": ["Phone"]}, {"8": ["Email"]}, {"7": ["Email"]}],
    "affected_values": [
        {"record_id": "7", "values": {"Modified_By": {"name": "Ann", "id": "1"}}},
        {"record_id": 7, "values": {"Phone": "1", "Fax": None, "Amount": 1e300}},
    ],
    "channel_id": "10000",
    "token": "t",
}
TIME = "2026-03-02T09:15:04.123Z"
ANN = '{"name":"Ann","id":"1"}'


def _read(**changes: Any) -> Notification:
    body = {**BODY, **changes}
    return read_notification(
        json.dumps({key: each for key, each in body.items() if each is not ...}).encode()
    )


def test_each_record_is_told_with_what_is_said_of_it():
    """Its fields and values may come in parts, and those of one are not those of another."""
    values = f'{{"Modified_By":{ANN},"Phone":"1","Fax":null,"Amount":1e300}}'

    assert _read() == Notification(
        "10000",
        "t",
        (
            Told("10000", "Contacts", "7", "update", TIME, ANN, ("Phone", "Email"), values),
            Told("10000", "Contacts", "8", "update", TIME, None, ("Email",), None),
        ),
    )


def test_what_little_is_needed_is_enough():
    """Shapes that Bigin was never seen to send say nothing; the ids still count, each once."""
    odd = {"affected_fields": [7, {"7": "Phone"}, {"9": ["X"]}], "affected_values": {"record_id": "7"}}

    read = _read(ids=[7, "8", "7"], server_time=..., token=None, channel_id=10000, operation="delete", **odd)

    assert read == Notification(
        "10000", None, (Told("10000", "Contacts", "7", "delete"), Told("10000", "Contacts", "8", "delete"))
    )
    assert _read(token=...).token is None
    assert "secret" not in repr(_read(token="secret"))
    assert _read(affected_values=[{"record_id": "7", "values": None}]).told[0].values == "{}"


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (None, None),
        ("1772442904123", None),
        (True, None),
        (1.5, None),
        (0, "1970-01-01T00:00:00.000Z"),
        (253402300799000, "9999-12-31T23:59:59.000Z"),
    ],
)
def test_a_time_is_milliseconds_or_unknown(time, expected):
    """It dates a deletion; what cannot be one must not cost the notification."""
    assert {each.time for each in _read(server_time=time).told} == {expected}


def _nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return [{"record_id": "7", "values": {"A": value}}]


def _number(value: int) -> Any:
    return [{"record_id": "7", "values": {"A": value}}]


@pytest.mark.parametrize(
    "changes",
    [
        {"ids": [str(number) for number in range(10_000)]},
        {"ids": ["9" * 30]},
        {"module": "A" * 100},
        {"module": "a_1"},
        {"affected_values": _nested(63)},
        {"affected_values": _number(2**63 - 1)},
        {"affected_values": _number(-(2**63))},
        {"affected_fields": [{"7": []}]},
        {"operation": "insert"},
    ],
)
def test_what_can_be_stored_is_taken(changes):
    """Up to what a database and a reader of JSON hold."""
    assert len(_read(**changes).told) == len(changes.get("ids", BODY["ids"]))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"channel_id": ...}, "channel_id"),
        ({"channel_id": "a"}, "channel_id"),
        ({"channel_id": ["1"]}, "channel_id"),
        ({"token": 7}, "token"),
        ({"operation": "merge"}, "operation"),
        ({"operation": None}, "operation"),
        ({"module": "1a"}, "module"),
        ({"module": "a-b"}, "module"),
        ({"module": "A" * 101}, "module"),
        ({"module": 7}, "module"),
        ({"ids": []}, "no list of ids"),
        ({"ids": "7"}, "no list of ids"),
        ({"ids": [str(number) for number in range(10_001)]}, "no list of ids"),
        ({"ids": ["7", "x"]}, "an id is no number"),
        ({"ids": ["7", None]}, "an id is no number"),
        ({"ids": [True]}, "an id is no number"),
        ({"ids": ["9" * 31]}, "an id is no number"),
        ({"server_time": -1}, "in no year"),
        ({"server_time": 253402300800000}, "in no year"),
        ({"affected_fields": [{"7": ["Phone", 7]}]}, "field's name"),
        ({"affected_fields": [{"7": ["\0"]}]}, "no database takes"),
        ({"affected_values": [{"record_id": "7", "values": {"A": "\0"}}]}, "no database takes"),
        ({"affected_values": [{"record_id": "7", "values": {"\0": "a"}}]}, "no database takes"),
        ({"affected_values": _nested(64)}, "nested too deep"),
        ({"affected_values": _number(2**63)}, "64 bits"),
        ({"affected_values": _number(-(2**63) - 1)}, "64 bits"),
    ],
)
def test_what_cannot_be_stored_is_refused(changes, why):
    """One bad row would fail the commit of all that came with it."""
    with pytest.raises(Malformed, match=why):
        _read(**changes)


@pytest.mark.parametrize("body", [b"", b"[1]", b"{", b"7", b'{"a": "\xff"}', b"[" * 100_000])
def test_what_is_no_object_is_refused(body):
    """Whatever somebody posts there."""
    with pytest.raises(Malformed, match="no JSON"):
        read_notification(body)


FORM = "application/x-www-form-urlencoded"
PARTS_OF_PARTS = (
    b'--x\r\nContent-Disposition: form-data; name="files"\r\n'
    b"Content-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\nof no name\r\n--y--\r\n"
    b'--x\r\nContent-Disposition: form-data; name="note"\r\n\r\n\xff\r\n'
)
PARTS = (
    b'--x\r\nContent-Disposition: form-data; name="id"\r\n\r\n 7 \r\n'
    b'--x\r\nContent-Disposition: form-data; name="operation"\r\n\r\ndelete\r\n--x--\r\n'
)


@pytest.mark.parametrize(
    ("query", "kind", "body", "told"),
    [
        ("id=7", "", b"", [("7", "update")]),
        ("id=7&operation=delete", "", b"", [("7", "delete")]),
        ("id=7&operation=merge", "", b"", [("7", "update")]),
        ("", FORM, b"id=7&operation=insert", [("7", "insert")]),
        ("id=8", FORM, b"id=7", [("7", "update")]),
        ("", "multipart/form-data; boundary=x", PARTS, [("7", "delete")]),
        ("", "multipart/form-data; boundary=x", PARTS_OF_PARTS + PARTS, [("7", "delete")]),
        ("", "Multipart/form-data; boundary=x", PARTS, [("7", "delete")]),
        ("", "application/json", b'{"id": "7"}', [("7", "update")]),
        ("", "", b' {"ids": [7, "8", "7"], "operation": "insert"}', [("7", "insert"), ("8", "insert")]),
        ("", "", b'{"data": [{"id": "7"}, {"Name": "x"}, 7, {"id": "8"}]}', [("7", "update"), ("8", "update")]),
        ("", "", b'{"data": {"id": "7"}}', [("7", "update")]),
        ("", "", b'{"events": [{"data": {"id": "7"}}, {"data": {"id": "8"}}]}', [("7", "update"), ("8", "update")]),
        ("id=6", "application/json", b"id=7", [("6", "update")]),
    ],
)  # fmt: skip
def test_a_workflow_tells_in_its_own_form(query, kind, body, told):
    """Its administrator picks the parameters: a module and an id will do."""
    expected = tuple(Told("hook", "Tasks", record_id, operation) for record_id, operation in told)

    assert read_hook("Tasks", query, kind, body) == expected


@pytest.mark.parametrize(
    ("module", "query", "body"),
    [
        ("Tasks", "", b""),
        ("Tasks", "id=x", b""),
        ("Tasks", "id=", b""),
        ("1a", "id=7", b""),
        ("Tasks", "id=7", b"{"),
        ("Tasks", "&".join(f"a{number}=1" for number in range(1_001)), b""),
        ("Tasks", "id=7", b"&".join(b"a%d=1" % number for number in range(1_001))),
    ],
)
def test_a_hook_that_names_no_record_is_refused(module, query, body):
    """The door is open to whoever knows the path."""
    with pytest.raises(Malformed):
        read_hook(module, query, "", body)


def test_a_form_of_a_thousand_fields_is_read():
    """A workflow may send a record's every field."""
    query = "&".join([*(f"a{number}=1" for number in range(999)), "id=7"])

    assert [each.id for each in read_hook("Tasks", query, "", b"")] == ["7"]
