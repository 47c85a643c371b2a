"""The reject log read again: all of its lines for a retry, and those that no later row has replaced."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from bigin_api import SettingsError
from target_bigin.files.reject_lines import read_reject_lines, replaced_path, waiting_lines

LINES = (
    '{"stream":"a","time":"t1","number":1,"record":{"n":1.10}}',
    "   ",
    '{"stream":"b","record":{"n":2}}',
    '{"stream":"a","time":"t1","number":2,"record":{"n":3}}',
)


def test_lines_are_read_in_their_order_and_numbers_exactly(tmp_path):
    """Blank ones are passed by; what a line does not say is nothing."""
    path = tmp_path / "rejects.jsonl"
    path.write_text("\n".join(LINES))

    found = read_reject_lines(path)

    assert [(each.stream, each.number, each.time, each.record) for each in found] == [
        ("a", 1, "t1", {"n": Decimal("1.10")}),
        ("b", 0, "", {"n": 2}),
        ("a", 2, "t1", {"n": 3}),
    ]


@pytest.mark.parametrize(
    "bad",
    [
        b"no JSON",
        b'{"stream":"a"}',
        b'{"stream":"\xff","record":{}}',
        b'{"stream":"a","record":{"n":1e' + b"9" * 20 + b"}}",
    ],
)
@pytest.mark.parametrize("name", ["", "mine"])
def test_a_line_that_is_none_is_named(tmp_path, bad, name):
    """Whoever mends the file looks for it; a retry of the others would lose it."""
    path = tmp_path / "rejects.jsonl"
    path.write_bytes(b"\n".join((LINES[0].encode(), b"", bad)))

    with pytest.raises(SettingsError, match=f"{name or path}, line 3: no line of a reject log"):
        read_reject_lines(path, name=name)


def test_what_a_later_row_has_replaced_waits_no_more(tmp_path):
    """Neither a log nor a note that cannot be read keeps a run from beginning."""
    path, notes = tmp_path / "rejects.jsonl", replaced_path(tmp_path / "rejects.jsonl")
    assert list(waiting_lines(path)) == []
    path.write_bytes(
        "\n".join(LINES).encode()
        + b'\nno JSON\n{"record":1e99999999999999999999}\n{"stream":"\xff","record":{}}\n{"stream":"c","rec'
    )
    assert [each.record["n"] for each in waiting_lines(path)] == [Decimal("1.10"), 2, 3]

    notes.write_text('no note\n{"stream":"a","time":"t1","number":1}\n' + json.dumps({"stream": "b"}))

    assert [each.record["n"] for each in waiting_lines(path)] == [2, 3]
