"""`bigin log`: what a run paid for, by hour and by endpoint, and which calls failed."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import pytest

from bigin_cli.log import command as log

ENTRIES = [
    {"time": "2026-05-14T09:59:58.120Z", "method": "GET", "path": "/Contacts", "module": "Contacts", "stream": "Contacts", "status": 200, "code": None, "ms": 120, "credits": 1, "records": 200, "attempt": 1},
    {"time": "2026-05-14T10:00:01.000Z", "method": "GET", "path": "/Contacts/111111111111111111/Notes", "module": "Contacts", "stream": "contacts_notes", "status": 429, "code": "TOO_MANY_REQUESTS", "ms": 30, "credits": 1, "records": 0, "attempt": 1},
    {"time": "2026-05-14T10:00:02.000Z", "method": "GET", "path": "/Contacts/222222222222222222/Notes", "module": "Contacts", "stream": "contacts_notes", "status": 200, "code": None, "ms": 90, "credits": 1, "records": 0, "attempt": 2},
    {"time": "2026-05-15T00:00:00.000Z", "method": "POST", "path": "/Accounts/upsert", "module": "Accounts", "stream": "companies", "status": None, "code": "ConnectionFailed", "ms": 60_000, "credits": 10, "records": 100, "attempt": 1},
]  # fmt: skip

NO_DAY = json.dumps({**ENTRIES[0], "time": "2026-02-31T00:00:00.000Z"}).encode() + b"\n"


@pytest.fixture
def api_log(tmp_path: Path) -> Path:
    path = tmp_path / "api.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in ENTRIES))
    return path


def chosen(run, api_log, *options: str) -> list[int]:
    """Which entries a choice leaves, by number; [] where the command says that none fits."""
    result = run(log, api_log, "--format", "json", *options)
    if result.exit_code:
        assert result.exit_code == 1
        assert result.stderr.count("\n") == 1
        return []
    return [ENTRIES.index(each) for each in json.loads(result.stdout)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], [0, 1, 2, 3]),
        (["--since", "2026-05-14T10:00:01Z"], [1, 2, 3]),
        (["--until", "2026-05-14T10:00:01Z"], [0]),
        (["--until", "2026-05-14"], [0, 1, 2]),
        (["--since", "2026-05-15"], [3]),
        (["--since", "2026-05-14T12:00:01+02:00"], [1, 2, 3]),
        (["--since", "1h"], []),
        (["--since", "5000w"], [0, 1, 2, 3]),
        (["--method", "post"], [3]),
        (["--method", "GET", "--method", "POST"], [0, 1, 2, 3]),
        (["--path", "/Contacts"], [0]),
        (["--path", "/Contacts/*"], [1, 2]),
        (["--module", "Accounts"], [3]),
        (["--stream", "companies", "--stream", "Contacts"], [0, 3]),
        (["--status", "200"], [0, 2]),
        (["--status", "4xx"], [1]),
        (["--status", "400-499"], [1]),
        (["--status", "error"], [1, 3]),
        (["--status", "none"], [3]),
        (["--status", "error", "--module", "Contacts"], [1]),
    ],
)
def test_calls_are_chosen_by_when_what_and_how_they_ended(run, api_log, options, expected):
    """Values of one option widen the choice, another option narrows it."""
    assert chosen(run, api_log, *options) == expected


def test_the_table_sums_up_by_hour_and_by_endpoint(run, api_log):
    """Ids are left out of endpoints: a thousand parents are one line, the dearest endpoint the first."""
    result = run(log, api_log)

    lines = [line.split() for line in result.stdout.splitlines()]
    assert result.exit_code == 0
    assert lines[0] == ["hour", "calls", "credits", "records", "failed", "mean_ms", "slowest_ms"]
    assert lines[1] == ["2026-05-14T09:00Z", "1", "1", "200", "0", "120", "120"]
    assert lines[2] == ["2026-05-14T10:00Z", "2", "2", "0", "1", "60", "90"]
    assert lines[4] == ["total", "4", "13", "300", "2", "15,060", "60,000"]
    endpoints = lines[7:]
    assert endpoints[0][:4] == ["POST", "/Accounts/upsert", "1", "10"]
    assert endpoints[1][:4] == ["GET", "/Contacts/{id}/Notes", "2", "2"]
    assert endpoints[-1][0] == "total"


def test_csv_and_json_hold_every_column_of_the_log(run, api_log):
    """What a spreadsheet or a script gets is what the log says."""
    exported = run(log, api_log, "--format", "csv").stdout
    summed = run(log, api_log, "--format", "json", "--by", "endpoint").stdout

    rows = list(csv.DictReader(io.StringIO(exported)))
    assert list(rows[0]) == list(ENTRIES[0])
    assert [row["path"] for row in rows] == [each["path"] for each in ENTRIES]
    assert json.loads(summed)[0]["endpoint"] == "POST /Accounts/upsert"


def test_no_colour_and_nothing_cut_on_a_pipe(run, tmp_path):
    """A pipe's reader is a program: it gets long paths whole and no escape codes."""
    path = tmp_path / "api.jsonl"
    long = "/Contacts/actions/" + "x" * 300
    path.write_text(json.dumps({**ENTRIES[0], "path": long}) + "\n")

    result = run(log, path, "--by", "call")

    assert long in result.stdout
    assert "\x1b" not in result.stdout


def test_a_log_that_was_cut_off_or_packed_is_read_all_the_same(run, api_log, tmp_path):
    """A killed run leaves half a line; logs that are kept are packed."""
    packed = tmp_path / "old.jsonl.gz"
    packed.write_bytes(gzip.compress(api_log.read_bytes() + NO_DAY + b'{"time": "2026-05-1'))

    result = run(log, packed, "--format", "json")
    piped = run(log, "-", "--format", "json", given=api_log.read_text())

    assert len(json.loads(result.stdout)) == len(ENTRIES)
    assert "2 lines are none of an API log" in result.stderr
    assert json.loads(piped.stdout) == ENTRIES


def test_what_a_client_logs_can_be_read_again(run, sandbox, tmp_path):
    """Writer and reader agree on the columns, whatever is added to one of them."""
    from bigin_api import Client

    path = tmp_path / "api.jsonl"
    with Client.from_settings(sandbox.settings_for(api_log_path=str(path))) as client:
        client.records.count("Contacts")

    rows = json.loads(run(log, path, "--format", "json").stdout)

    assert list(rows[0]) == list(json.loads(path.read_text().splitlines()[0]))
    assert rows[0]["path"] == "/Contacts/actions/count"
