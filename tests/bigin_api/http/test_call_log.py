"""The call log: a line a call, and nothing in it that is nobody's business."""

import json
import os
import stat
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from bigin_api import Call, SettingsError
from bigin_api.http.call_log import CallLog

CALL = Call(
    "POST",
    "/Contacts/upsert",
    params={"criteria": "(Email:equals:ann@example.org)"},
    json={"data": [{"Last_Name": "Berg"}]},
    headers={"X-CRM-ORG": "6100"},
    endpoint="upsert",
    module="Contacts",
    label="people",
    credits=10,
    records=100,
)


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_line_tells_all_that_the_settings_promise(tmp_path):
    """Time, method, path, module, status, code, milliseconds, credits, records, attempt."""
    path = tmp_path / "logs" / "api.jsonl"
    log = CallLog(path)

    log.write(CALL, status=207, code=None, milliseconds=42, attempt=2)
    log.write(Call("GET", "/org"), status=None, code="ConnectionFailed", milliseconds=0, attempt=1)
    log.close()

    line, other = lines(path)
    for each in (line, other):
        written = datetime.strptime(each.pop("time"), "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
        assert abs(datetime.now(timezone.utc) - written) < timedelta(minutes=1)
    assert other == {
        "method": "GET",
        "path": "/org",
        "module": None,
        "stream": None,
        "status": None,
        "code": "ConnectionFailed",
        "ms": 0,
        "credits": 1,
        "records": 0,
        "attempt": 1,
    }
    assert line == {
        "method": "POST",
        "path": "/Contacts/upsert",
        "module": "Contacts",
        "stream": "people",
        "status": 207,
        "code": None,
        "ms": 42,
        "credits": 10,
        "records": 100,
        "attempt": 2,
    }


def test_a_log_is_made_for_its_owner_alone(tmp_path):
    """Ids and names of modules are nobody else's; a log that was shared on purpose stays so."""
    made, shared = tmp_path / "made.jsonl", tmp_path / "shared.jsonl"
    shared.touch(mode=0o644)
    shared.chmod(0o644)

    for path in (made, shared):
        log = CallLog(path)
        log.write(CALL, status=200, code=None, milliseconds=1, attempt=1)
        log.close()

    assert [stat.S_IMODE(path.stat().st_mode) for path in (made, shared)] == [0o600, 0o644]


def test_no_value_of_a_record_is_logged(tmp_path):
    """Query strings and bodies hold people's data."""
    path = tmp_path / "api.jsonl"
    log = CallLog(path)

    log.write(CALL, status=200, code=None, milliseconds=1, attempt=1)
    log.close()

    written = path.read_text(encoding="utf-8")
    assert "ann@example.org" not in written
    assert "Berg" not in written
    assert "6100" not in written


def test_runs_append_to_the_same_file(tmp_path):
    """Yesterday's lines are what today's are compared with."""
    path = tmp_path / "api.jsonl"

    for attempt in (1, 2):
        log = CallLog(path)
        log.write(CALL, status=200, code=None, milliseconds=1, attempt=attempt)
        log.close()

    assert [line["attempt"] for line in lines(path)] == [1, 2]


def test_a_log_that_cannot_be_opened_is_said_at_the_start(tmp_path):
    """Not after an hour of calls that nobody logged."""
    with pytest.raises(SettingsError, match="api_log_path"):
        CallLog(tmp_path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_ends_the_log_and_not_the_run(caplog):
    """The answer to an insert is worth more than the line about it."""
    log = CallLog(Path("/dev/full"))

    log.write(CALL, status=201, code=None, milliseconds=1, attempt=1)
    log.write(CALL, status=201, code=None, milliseconds=1, attempt=1)
    log.close()

    assert caplog.messages == ["api_log_path: cannot write (No space left on device); the log ends here."]


def test_without_a_path_nothing_is_written():
    """As most runs are."""
    log = CallLog(None)

    log.write(CALL, status=200, code=None, milliseconds=1, attempt=1)
    log.close()


def test_a_pipe_that_nobody_reads_is_refused_and_not_waited_for(tmp_path):
    """The run would stand still before its first call."""
    path = tmp_path / "pipe"
    os.mkfifo(path)

    with pytest.raises(SettingsError, match=r"api_log_path: cannot write to .*pipe \("):
        CallLog(path)


def test_lines_are_there_at_once(tmp_path):
    """Somebody looks on while a run goes on, and one that is killed has told its calls."""
    path = tmp_path / "api.jsonl"
    log = CallLog(path)

    log.write(CALL, status=200, code=None, milliseconds=1, attempt=1)

    assert len(lines(path)) == 1
    log.close()


def test_a_line_after_the_end_is_dropped(tmp_path):
    """A call that outlives the client must not fail for the log's sake."""
    path = tmp_path / "api.jsonl"
    log = CallLog(path)
    log.close()

    log.write(CALL, status=200, code=None, milliseconds=1, attempt=1)

    assert lines(path) == []
