"""Files that a BATCH message names: what is in them is written as if it had come by itself."""

from __future__ import annotations

import gzip
import json
from datetime import date, datetime, timezone
from decimal import Decimal

import pyarrow.parquet
import pytest
from singer_sdk.singerlib.exceptions import InvalidInputLine
from support.target import schema, state

from target_bigin.engine import Engine
from target_bigin.input import batch_files
from target_bigin.input.batch_files import records_of

CONTACTS = schema("Contacts", "Last_Name", key=["Email"])


@pytest.fixture(autouse=True)
def _empty(sandbox):
    """Only what the files bring is there."""
    sandbox.reset(size="empty")


def people(count):
    return [{"Last_Name": f"Berg {n}", "Email": f"berg{n}@example.org"} for n in range(count)]


def batch_of(*files, kind="jsonl", compression="none"):
    """A BATCH message of contacts."""
    return {
        "type": "BATCH",
        "stream": "Contacts",
        "encoding": {"format": kind, "compression": compression},
        "manifest": [str(each) for each in files],
    }


@pytest.mark.parametrize("mapped", [False, True], ids=["plain", "with a stream map"])
def test_records_in_the_files_of_a_batch_message_are_written(sandbox, target, tmp_path, mapped):
    """Some extractors hand over files: what is in them must not be lost in silence, nor pass a stream map."""
    path = tmp_path / "contacts.jsonl.gz"
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in people(250)).encode()))
    maps = {"stream_maps": {"Contacts": {"Last_Name": "'X'"}}} if mapped else {}

    run = target([CONTACTS, batch_of(f"file://{path}", compression="gzip"), state("end")], **maps)

    assert run.outcomes("Contacts") == {"inserted": 250}
    assert run.states == ["end"]
    assert {each["Last_Name"] == "X" for each in sandbox.dump("Contacts")} == {mapped}


def test_a_packed_file_is_known_by_its_first_bytes(target, tmp_path):
    """Taps on the SDK pack their lines also where they say that they do not."""
    path = tmp_path / "contacts.jsonl"
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in people(3)).encode()))

    run = target([CONTACTS, batch_of(path, compression="none")])

    assert run.outcomes("Contacts") == {"inserted": 3}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    "line",
    [b'{"Email": "x@example.org", "Last_Name": NaN}', b'{"a": ' + b"[" * 200 + b"]" * 200 + b"}", b"[]"],
)
def test_a_bad_record_in_a_file_of_a_batch_message_costs_itself(target, tmp_path, line, packed):
    """As one that comes by itself; a mark of Windows and an empty line cost nothing."""
    rows = [json.dumps(row).encode() for row in people(3)]
    body = b"\xef\xbb\xbf" + b"\r\n".join([*rows[:2], b"", line, rows[2]])
    path = tmp_path / "contacts"
    path.write_bytes(gzip.compress(body) if packed else body)

    run = target(
        [CONTACTS, batch_of(path, compression="gzip" if packed else "none"), state("end")], max_rejects=1
    )

    assert run.error is None
    assert run.outcomes("Contacts") == {"inserted": 3, "invalid": 1}
    assert run.states == ["end"]


def test_a_parquet_file_of_a_batch_message_is_read_as_json_would_be(sandbox, target, tmp_path):
    """A moment was no text, so that it was rejected as none; a number that is none reached Bigin's door."""
    for name, kind, json_type in (("Seats", "double", "double"), ("Date_of_Birth", "date", "string")):
        field = {"api_name": name, "data_type": kind, "json_type": json_type, "field_label": name}
        sandbox.change_metadata({"op": "add_field", "module": "Contacts", "field": field})
    path = tmp_path / "contacts.parquet"
    rows = [
        {**row, "Date_of_Birth": date(1990, 5, n + 1), "Seats": float("nan") if n == 1 else 1.5}
        for n, row in enumerate(people(3))
    ]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    sent = schema("Contacts", "Last_Name", "Date_of_Birth", "Seats", key=["Email"])

    run = target([sent, batch_of(path, kind="parquet"), state("end")], max_rejects=1)

    assert [each["field"] for each in run.rejects] == ["Seats"]
    assert sorted(each["Date_of_Birth"] for each in sandbox.dump("Contacts")) == ["1990-05-01", "1990-05-03"]


def damaged(body):
    return body[: len(body) // 2]


@pytest.mark.parametrize(
    ("spoil", "encoding", "why"),
    [
        (None, ("jsonl", "none"), "No such file"),
        (damaged, ("jsonl", "gzip"), "ended before the end-of-stream marker"),
        (lambda body: body[:-6] + b"spoilt", ("jsonl", "gzip"), "CRC check failed"),
        (lambda _: b"", ("jsonl", "gzip"), "is empty"),
        (lambda body: body[2:], ("jsonl", "none"), "Not JSON, Contacts: line 1 of the BATCH file"),
        (damaged, ("parquet", None), "arquet"),
        (lambda body: body, ("jsonl", "zstd"), "a BATCH message whose encoding is"),
        (lambda body: body, ("jsonl", ["zstd"]), "a BATCH message whose encoding is"),
        (lambda body: body, (["jsonl"], None), "a BATCH message whose encoding is"),
    ],
)
def test_a_file_of_a_batch_message_that_cannot_be_read_is_named(target, tmp_path, spoil, encoding, why):
    """Which file, and what to do; no state covers it, and no folder is made where it was looked for."""
    path = tmp_path / "batches" / "contacts.gz"
    if spoil:
        path.parent.mkdir()
        path.write_bytes(spoil(gzip.compress("".join(json.dumps(row) + "\n" for row in people(9)).encode())))

    kind, compression = encoding
    url = f"file://{path}" if spoil else f"file://{path}?key=s3cret"

    run = target([CONTACTS, state(1), batch_of(url, kind=kind, compression=compression), state(2)])

    said = str(run.error)
    assert why in said
    assert said.startswith("Contacts: ") or "Contacts: line 1" in said
    assert "s3cret" not in said
    assert "encoding" in why or str(path) in said
    assert run.states == [1]
    assert path.parent.exists() is bool(spoil)


MEND = "No state covers its records: mend what hinders, then run the tap and the target again."


@pytest.mark.parametrize(
    ("error", "why", "do"),
    [
        (OSError(5, "Input/output error"), "Input/output error", MEND),
        (OSError("odd"), "odd", MEND),
        (ValueError("odd"), "odd", MEND),
        (EOFError(), "EOFError", MEND),
        (
            ImportError("No module named 'pyarrow'"),
            "No module named 'pyarrow'",
            "Install what it needs (for Parquet the extra `parquet`) and run again.",
        ),
    ],
)
def test_why_a_file_cannot_be_read_is_told_with_what_to_do(monkeypatch, error, why, do):
    """Whatever storage or format have to say."""

    def fail(_file):
        raise error

    monkeypatch.setattr(batch_files, "UPath", fail)

    with pytest.raises(InvalidInputLine) as refused:
        list(records_of(batch_of("s3://key:secret@bucket/a")))

    assert (
        str(refused.value)
        == f"Contacts: the BATCH file s3://bucket/a cannot be read to its end ({why}). {do}"
    )
    assert refused.value.__cause__ is error


def test_rows_of_a_table_are_as_json_would_have_them(tmp_path):
    """Every digit of a number, and moments as text."""
    path = tmp_path / "t.parquet"
    moment = datetime(2026, 5, 14, 9, 53, 58, tzinfo=timezone.utc)
    rows = [{"amount": Decimal("10000000000000001.50"), "at": moment, "n": n} for n in range(2_500)]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)

    found = list(records_of(batch_of(path, kind="parquet")))

    assert found == [
        {"amount": each["amount"], "at": "2026-05-14T09:53:58Z", "n": each["n"]} for each in rows
    ]


def test_a_fault_of_our_own_is_not_told_as_a_file_that_cannot_be_read(target, tmp_path, monkeypatch):
    """It sent people after a file that was whole."""
    path = tmp_path / "contacts.jsonl"
    path.write_text(json.dumps(people(1)[0]))
    monkeypatch.setattr(Engine, "take", lambda *_: {}["ours"])

    with pytest.raises(KeyError, match="ours"):
        target([CONTACTS, batch_of(path)])
