"""`bigin retry`: what was refused and is mended gets into Bigin, and nothing newer is overwritten."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.target import lines as written_lines
from support.target import record, run_target, schema

from bigin_cli.retry import command as retry


@pytest.fixture(autouse=True)
def own_signals() -> Iterator[None]:
    """The target takes the signals of the process for itself."""
    kept = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    yield
    for each, handler in kept.items():
        signal.signal(each, handler)


@pytest.fixture
def config(sandbox, tmp_path) -> Path:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(sandbox.settings_for()))
    return path


def reject(
    stream: str, *, code: str = "INVALID_DATA", number: int = 1, key: str = "Email", **values: Any
) -> dict:
    return {
        "time": "2026-05-14T09:53:58Z",
        "stream": stream,
        "module": stream,
        "key_properties": [key],
        "number": number,
        "kind": "rejected",
        "code": code,
        "field": None,
        "message": "as it was",
        "record": values,
    }


def write(path: Path, *rejects: dict) -> Path:
    path.write_text(written_lines(rejects))
    return path


def read(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_what_is_written_leaves_the_log_and_the_rest_stays_with_its_new_reason(
    run, sandbox, config, tmp_path
):
    """A reject is done when it is in Bigin; until then its record must stand somewhere."""
    log = write(
        tmp_path / "rejects.jsonl",
        reject("Contacts", number=1, Last_Name="Ek", Email="ek@example.com"),
        reject("Accounts", number=2, key="Account_Name", Account_Name="Ek and Sons"),
        reject("Contacts", number=3, Last_Name="Oe", Email="no address"),
    )

    result = run(retry, log, "--config", config)

    assert result.exit_code == 1
    assert "Contacts: 1 written, 1 refused again" in result.stdout
    assert "Accounts: 1 written" in result.stdout
    assert [each["Email"] for each in sandbox.dump("Contacts") if each["Last_Name"] == "Ek"] == [
        "ek@example.com"
    ]
    assert [each for each in sandbox.dump("Accounts") if each["Account_Name"] == "Ek and Sons"]
    [left] = read(log)
    assert left["record"] == {"Last_Name": "Oe", "Email": "no address"}
    assert left["field"] == "Email"
    assert left["message"] != "as it was"


def test_what_stays_is_for_the_same_eyes_as_before(run, sandbox, config, tmp_path):
    """A reject log holds people's data: a retry must not open it to others."""
    log = write(
        tmp_path / "rejects.jsonl",
        reject("Contacts", number=1, Last_Name="Ek", Email="ek@example.com"),
        reject("Contacts", number=2, Last_Name="Oe", Email="no address"),
    )
    log.chmod(0o600)

    run(retry, log, "--config", config)

    assert len(read(log)) == 1
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_log_of_which_all_is_written_is_gone(run, sandbox, config, tmp_path):
    """An empty folder says that nothing is left to do; so does exit code 0."""
    log = write(tmp_path / "rejects.jsonl", reject("Contacts", Last_Name="Ek", Email="ek@example.com"))

    result = run(retry, log, "--config", config)

    assert result.exit_code == 0, result.output
    assert "nothing is left" in result.stdout
    assert {path.name for path in tmp_path.iterdir()} <= {"config.json", "rejects.jsonl.lock"}


def test_a_line_that_is_none_is_named_by_its_number_and_nothing_is_sent(run, sandbox, config, tmp_path):
    """Somebody mended the log by hand: they are led to where the comma is missing, and no line is lost."""
    log = write(tmp_path / "rejects.jsonl", reject("Contacts", Last_Name="Ek", Email="ek@example.com"))
    with log.open("a") as file:
        file.write('\n{"stream": "Contacts"\n')
    before = log.read_text()

    result = run(retry, log, "--config", config)

    assert result.exit_code == 1
    assert f"{log}, line 3: no line of a reject log" in result.stderr
    assert log.read_text() == before
    assert not [each for each in sandbox.dump("Contacts") if each["Last_Name"] == "Ek"]


def test_only_a_code_that_is_named_is_sent(run, sandbox, config, tmp_path):
    """One cause is mended, the other is not: credits are spent on the one."""
    log = write(
        tmp_path / "rejects.jsonl",
        reject("Contacts", code="NO_PERMISSION", Last_Name="Ek", Email="ek@example.com"),
        reject("Contacts", code="INVALID_DATA", Last_Name="Oe", Email="oe@example.com"),
    )

    result = run(retry, log, "--config", config, "--only", "NO_PERMISSION")

    assert result.exit_code == 0
    assert "1 not sent: 1 INVALID_DATA" in result.stdout
    assert [line["record"]["Last_Name"] for line in read(log)] == ["Oe"]
    assert not [each for each in sandbox.dump("Contacts") if each["Last_Name"] == "Oe"]


def test_an_insert_of_unknown_fate_is_not_sent_unless_it_is_named(run, sandbox, config, tmp_path):
    """It may be in Bigin already; only a person who has looked can tell."""
    log = write(
        tmp_path / "rejects.jsonl", reject("Contacts", code="FATE_UNKNOWN", Last_Name="Ek", Email="e@ek.io")
    )

    unnamed = run(retry, log, "--config", config)
    named = run(retry, log, "--config", config, "--only", "FATE_UNKNOWN")

    assert "look, then name it with --only" in unnamed.stdout
    assert "Contacts: 1 written" in named.stdout


@pytest.mark.parametrize("code", ["UNREADABLE_VALUE", "STREAM_MAP"])
def test_a_record_that_is_not_as_it_should_be_written_is_not_sent_unless_it_is_named(
    run, sandbox, config, tmp_path, code
):
    """Null stands for what was lost, or no map was applied: it would be written like that without a word."""
    line = reject("Contacts", code=code, Last_Name="Ek", Phone=None, Email="e@ek.io")
    log = write(tmp_path / "rejects.jsonl", line)

    unnamed = run(retry, log, "--config", config)
    kept = read(log)
    mend(log, Phone="1")
    named = run(retry, log, "--config", config, "--only", code)

    assert f"1 not sent: 1 {code}." in unnamed.stdout
    assert f"then name it with --only {code}." in unnamed.stdout
    assert kept == [line]
    assert "Contacts: 1 written" in named.stdout
    assert [each["Phone"] for each in sandbox.dump("Contacts") if each["Email"] == "e@ek.io"] == ["1"]


def test_a_value_that_no_json_holds_is_not_written_as_nothing(run, sandbox, config, tmp_path):
    """The line that the target leaves of it is one of those."""
    begin = schema("Contacts", "Last_Name", "Phone", key=["Email"])
    spoiled = record("Contacts", Email="e@ek.io", Last_Name="Ek", Phone=float("nan"))
    run_target(sandbox, tmp_path, [begin, spoiled])

    result = run(retry, tmp_path / "rejects.jsonl", "--config", config)

    assert "1 not sent: 1 UNREADABLE_VALUE." in result.stdout
    assert "e@ek.io" not in {each["Email"] for each in sandbox.dump("Contacts")}


@pytest.mark.parametrize("same_run", [True, False])
def test_what_a_later_good_row_replaced_is_not_sent(run, sandbox, config, tmp_path, same_run):
    """The old row would overwrite the newer one as soon as Bigin takes it."""
    bad = record("Contacts", Email="ek@example.com", Last_Name="Ek", Phone="1", Email_Opt_Out="perhaps")
    good = record("Contacts", Email="ek@example.com", Last_Name="Ek", Phone="2")
    begin = schema("Contacts", "Last_Name", "Phone", "Email_Opt_Out", key=["Email"])
    if same_run:
        run_target(sandbox, tmp_path, [begin, bad, good])
    else:
        run_target(sandbox, tmp_path, [begin, bad])
        run_target(sandbox, tmp_path, [begin, good])
    log = tmp_path / "rejects.jsonl"
    mend(log, Email_Opt_Out=True)

    result = run(retry, log, "--config", config)

    assert result.exit_code == 0, result.output
    assert "1 left out" in result.stdout
    assert [each["Phone"] for each in sandbox.dump("Contacts") if each["Email"] == "ek@example.com"] == ["2"]


def test_an_earlier_good_row_replaces_nothing(run, sandbox, config, tmp_path):
    """The refused row is the newer one: mended, it is to be written."""
    begin = schema("Contacts", "Last_Name", "Phone", "Email_Opt_Out", key=["Email"])
    good = record("Contacts", Email="ek@example.com", Last_Name="Ek", Phone="1")
    bad = record("Contacts", Email="ek@example.com", Last_Name="Ek", Phone="2", Email_Opt_Out="perhaps")
    run_target(sandbox, tmp_path, [begin, good, bad])
    log = tmp_path / "rejects.jsonl"
    mend(log, Email_Opt_Out=True)

    result = run(retry, log, "--config", config)

    assert result.exit_code == 0, result.output
    assert [each["Phone"] for each in sandbox.dump("Contacts") if each["Email"] == "ek@example.com"] == ["2"]


def test_a_row_written_by_a_retry_replaces_older_ones_that_were_not_sent(run, sandbox, config, tmp_path):
    """The newer of two refused rows goes first because its cause is mended first: the older must not follow."""
    log = write(
        tmp_path / "rejects.jsonl",
        reject("Contacts", code="OLD", number=1, Last_Name="Ek", Phone="1", Email="ek@example.com"),
        reject("Contacts", code="NEW", number=2, Last_Name="Ek", Phone="2", Email="ek@example.com"),
    )

    run(retry, log, "--config", config, "--only", "NEW")
    result = run(retry, log, "--config", config)

    assert "1 left out" in result.stdout
    assert [each["Phone"] for each in sandbox.dump("Contacts") if each["Email"] == "ek@example.com"] == ["2"]


def test_a_run_that_ends_early_leaves_every_line_that_is_not_written(run, sandbox, tmp_path):
    """Wrong credentials must not cost the rejects."""
    config = tmp_path / "config.json"
    config.write_text(json.dumps(sandbox.settings_for(refresh_token="revoked")))
    log = write(tmp_path / "rejects.jsonl", reject("Contacts", Last_Name="Ek", Email="ek@example.com"))
    before = read(log)

    result = run(retry, log, "--config", config)

    assert result.exit_code == 1
    assert "refresh_token" in result.stderr
    assert 'revoked"' not in result.output
    assert read(log) == before


def test_what_a_killed_retry_set_aside_is_found_again(run, sandbox, config, tmp_path):
    """Between the two moves of the file a kill leaves it under the other name."""
    log = tmp_path / "rejects.jsonl"
    write(tmp_path / "rejects.jsonl.retrying", reject("Contacts", Last_Name="Ek", Email="ek@example.com"))
    write(log, reject("Contacts", Last_Name="Oe", Email="oe@example.com"))
    write(tmp_path / "rejects.jsonl.rejected-again", reject("Contacts", Last_Name="Of then"))

    result = run(retry, log, "--config", config)

    assert "Contacts: 2 written" in result.stdout
    assert {path.name for path in tmp_path.iterdir()} <= {"config.json", "rejects.jsonl.lock"}


def test_a_dry_run_leaves_the_log_as_it_is(run, sandbox, tmp_path):
    """dry_run in the settings means: nothing is written, so nothing is done."""
    config = tmp_path / "config.json"
    config.write_text(json.dumps(sandbox.settings_for(dry_run=True)))
    log = write(tmp_path / "rejects.jsonl", reject("Contacts", Last_Name="Ek", Email="ek@example.com"))
    before = read(log)

    result = run(retry, log, "--config", config)

    assert "0 written" in result.stdout
    assert read(log) == before


def test_a_dry_run_of_a_retry_tells_the_new_reason_and_leaves_nothing_behind(run, sandbox, tmp_path):
    """Its own rejects are in a file that is read, and gone."""
    config = tmp_path / "config.json"
    config.write_text(json.dumps(sandbox.settings_for(dry_run=True)))
    log = write(
        tmp_path / "rejects.jsonl", reject("Contacts", code="OLD", Last_Name="Ek", Email="no address")
    )
    before = sorted(tmp_path.iterdir())

    result = run(retry, log, "--config", config)

    assert "1 refused again" in result.stdout
    assert read(log)[0]["code"] == "INVALID_DATA"
    assert [each for each in sorted(tmp_path.iterdir()) if each.suffix != ".lock"] == before


def test_what_a_dry_run_told_is_not_sent_beside_what_the_run_refused(run, sandbox, tmp_path, config):
    """Its lines stood in the same log: mended and fed back, each record was inserted twice."""
    call = {"Subject": "Ring", "Call_Type": "Outbound", "Call_Start_Time": "2026-05-14T09:53:58Z"}
    messages = [
        schema("Calls", *call, "Call_Duration", key=["Subject"]),
        record("Calls", **call, Call_Duration="00:00"),
    ]
    log, before = tmp_path / "rejects.jsonl", sandbox.count("Calls")
    settings = {"default_operation": "insert", "rejects_path": str(log)}
    for dry_run in (True, False):
        told = run_target(sandbox, tmp_path, messages, dry_run=dry_run, **settings)
        assert [each["code"] for each in told.rejects] == ["DEPENDENT_MISMATCH"]
    config.write_text(json.dumps(sandbox.settings_for(**settings)))

    mend(log, Call_Duration="05:00")
    result = run(retry, log, "--config", config)

    assert sandbox.count("Calls") == before + 1
    assert "1 of dry runs dropped" in result.stdout
    assert not log.exists()


def mend(log: Path, **values: Any) -> None:
    """What a person does in an editor."""
    mended = read(log)
    for line in mended:
        line["record"].update(values)
    write(log, *mended)
