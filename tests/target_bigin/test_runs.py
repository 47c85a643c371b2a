"""How a run goes and ends: states, slow pipes, signals, budgets, servers that are away."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time

import pytest
from singer_sdk.singerlib.exceptions import InvalidInputLine
from support.command import run_command
from support.target import RunningTarget, command, lines, process, record, records, schema, settings_of, state

from bigin_api import progress
from target_bigin.target import TargetBigin

CONTACTS = schema("Contacts", "Last_Name", key=["Email"])


def people(count, *, start=0):
    return [{"Last_Name": f"Berg {n}", "Email": f"berg{n}@example.org"} for n in range(start, start + count)]


def with_states(rows, *, every):
    """Records with a state after every few of them that says how many came before."""
    messages = [CONTACTS]
    for number, row in enumerate(rows, start=1):
        messages.append(record("Contacts", **row))
        if number % every == 0:
            messages.append(state({"at": number}))
    return messages


def names(sandbox, *, drained=True):
    held = sandbox.dump("Contacts", drained=drained)
    return {each["Email"] for each in held if (each["Email"] or "").startswith("berg")}


@pytest.fixture
def started(sandbox, tmp_path):
    """``started(**settings)`` is the command as a process; what still runs at the end is killed."""
    running = []

    def start(**settings):
        running.append(RunningTarget(settings_of(sandbox, tmp_path, **settings), tmp_path))
        return running[-1]

    yield start
    for each in running:
        each.close()


def test_a_state_comes_while_the_run_goes_on(started):
    """A run of hours that dies must not begin from the start: states do not wait for the end of the input."""
    run = started(batch_size=10)

    run.say(with_states(people(100), every=10))

    assert run.wait_for({"at": 100})
    assert run.end()[0] == 0


def test_a_slow_pipe_is_written_after_a_few_seconds(sandbox, started):
    """Three records and then silence: nobody waits for the other 97."""
    run = started()

    run.say(with_states(people(3), every=3))

    assert run.wait_for({"at": 3})
    assert names(sandbox) == {f"berg{n}@example.org" for n in range(3)}
    assert run.process.poll() is None
    assert run.end()[0] == 0


def test_no_state_is_ever_ahead_of_its_records(sandbox, started):
    """At any moment of a run, what a state covers is in Bigin: seen from outside, under faults."""
    sandbox.settings(latency_ms=50)
    run = started(batch_size=20, max_retries=4)
    messages = with_states(people(420), every=7)

    for portion in range(3):
        sandbox.fault("POST /Contacts/upsert", drop=True, times=1, after=portion)
        run.say(messages[portion * 160 + (portion > 0) : (portion + 1) * 160 + 1])
        while not run.wait_for({"at": (portion + 1) * 140}, seconds=0.05):
            latest = run.states[-1]["at"] if run.states else 0
            assert {f"berg{n}@example.org" for n in range(latest)} <= names(sandbox, drained=False)
            assert run.process.poll() is None

    assert run.end()[0] == 0
    assert len(names(sandbox)) == 420


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_in_good_order(sandbox, started, sent):
    """What is in flight is settled, the state written is true, and the exit code says that more was to come."""
    sandbox.settings(latency_ms=300)
    run = started(batch_size=10)
    run.say(with_states(people(1_000), every=10))
    assert run.wait_for_a_state()
    seen = run.states[-1]["at"]

    code, said = run.end(by=sent)

    assert code == 1
    assert seen < run.states[-1]["at"] < 1_000
    assert {f"berg{n}@example.org" for n in range(run.states[-1]["at"])} == names(sandbox)
    assert f"Ended by {sent.name}" in said.splitlines()[-1]


def test_after_kill_nine_the_next_run_completes_the_work(sandbox, started):
    """Upserts are simply sent again: nothing is lost, nothing doubled."""
    sandbox.settings(latency_ms=100)
    run = started(batch_size=10)
    run.say(with_states(people(300), every=10))
    assert run.wait_for_a_state()
    run.end(by=signal.SIGKILL)
    covered = run.states[-1]["at"]
    assert covered < 300

    second = started(batch_size=10)
    second.say([CONTACTS, *records("Contacts", people(300 - covered, start=covered))])

    assert second.end()[0] == 0
    found = [each["Email"] for each in sandbox.dump("Contacts") if (each["Email"] or "").startswith("berg")]
    assert sorted(found) == sorted(f"berg{n}@example.org" for n in range(300))


def test_a_budget_ends_the_run_at_the_last_settled_record(sandbox, tmp_path):
    """The credits of a day are for others too; the next run goes on where this one stopped."""
    settings = settings_of(sandbox, tmp_path, credit_budget=20, max_concurrent_requests=1, batch_size=20)

    code, states, said = process(settings, tmp_path, with_states(people(400), every=20))

    assert code == 1
    assert "credit_budget of 20 is reached" in said.splitlines()[-1]
    covered = states[-1]["at"]
    assert 0 < covered < 400
    assert names(sandbox) == {f"berg{n}@example.org" for n in range(covered)}
    assert sandbox.usage()["credits"] <= 20


def test_a_storm_of_429_passes(sandbox, target):
    """Too many calls at once: fewer are made, each is sent again, none is lost."""
    sandbox.fault("POST /Contacts/upsert", status=429, times=6)

    run = target([CONTACTS, *records("Contacts", people(500))], batch_size=50)

    assert run.error is None
    assert run.outcomes("Contacts") == {"inserted": 500}
    assert len(names(sandbox)) == 500


def test_an_expired_token_is_renewed_in_mid_run(sandbox, started):
    """Tokens live an hour, runs may live longer."""
    run = started(batch_size=10)
    run.say(with_states(people(50), every=10))
    assert run.wait_for({"at": 50})

    sandbox.expire_tokens()
    run.say(with_states(people(50, start=50), every=50))

    assert run.end()[0] == 0
    assert len(names(sandbox)) == 100


def test_a_server_that_is_away_for_a_while(sandbox, target):
    """Every call is cut for a while: upserts wait, and go on when it is back."""
    sandbox.fault("POST /Contacts*", drop=True, times=None, after=1)
    back = threading.Timer(4, sandbox.clear_faults)
    back.start()

    run = target([CONTACTS, *records("Contacts", people(300)), state("end")])
    back.join()

    assert run.error is None
    assert run.states == ["end"]
    assert len(names(sandbox)) == 300


def test_a_server_that_stays_away_ends_the_run(sandbox, tmp_path):
    """After all retries the run ends with what was seen; no state covers what was not written."""
    sandbox.fault("POST /Contacts/upsert", drop=True, times=None, after=1)
    settings = settings_of(sandbox, tmp_path, max_retries=1, batch_size=10, max_concurrent_requests=1)

    code, states, said = process(settings, tmp_path, with_states(people(100), every=10))

    assert code == 1
    assert states == [{"at": 10}]
    assert "connection broke" in said.splitlines()[-1]
    assert "not settled" in said


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"refresh_token": "wrong"}, "another data center"),
        ({"accounts_url": "http://127.0.0.1:9", "max_retries": 0}, "cannot be reached"),
        ({"batch_size": 101}, "batch_size"),
        ({"streams": {"Contacts": {"operaton": "insert"}}}, "operaton"),
        ({"client_secret": 12345}, "client_secret"),
        ({"data_center": "mars"}, "data_center"),
    ],
)
def test_a_wrong_setting_is_one_clear_line_last(sandbox, tmp_path, settings, says):
    """Seven in the morning: what is wrong, where, and what it takes; no traceback and no secret."""
    config = {**settings_of(sandbox, tmp_path), **settings}

    code, states, said = command(config, tmp_path, [CONTACTS, *records("Contacts", people(1))])

    assert code == 1
    assert states == []
    last = said.splitlines()[-1]
    assert says in last
    assert "ERROR" in last
    assert "Traceback" not in said
    assert "12345" not in said
    assert "sandbox-secret" not in said


def test_a_missing_setting_is_named(sandbox, tmp_path):
    """The first run of a newcomer."""
    config = settings_of(sandbox, tmp_path)
    del config["client_id"]

    code, _, said = process(config, tmp_path, [])

    assert code == 1
    assert "client_id" in said.splitlines()[-1]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "Not JSON"),
        ("[]", "Not a Singer message"),
        ('{"type": []}', "Not a Singer message"),
        ('{"type": "RECORD", "stream": "Contacts", "record": {"a": ' + "[" * 500, "Not JSON, line"),
        ('{"type": "STATE", "value": {"a": NaN}', "Not JSON, line"),
        ('{"type": "STATE"}', "value"),
        ('{"type": "NEWS"}', "NEWS"),
        ('{"type": "RECORD", "stream": "Others", "record": {}}', "Others"),
    ],
)
def test_a_malformed_line_ends_the_run_after_what_came_before(sandbox, tmp_path, line, says):
    """What was read before it is written and covered by a state; the line is named."""
    config = settings_of(sandbox, tmp_path, batch_size=5)
    text = lines(with_states(people(20), every=5)) + "\n" + line + "\n"

    code, states, said = command(config, tmp_path, text)

    assert code == 1
    assert says in said.splitlines()[-1]
    written = names(sandbox)
    assert {f"berg{n}@example.org" for n in range(states[-1]["at"] if states else 0)} <= written


@pytest.mark.parametrize("prefix", ["\ufeff", "\r\n \r\n"], ids=ascii)
def test_marks_of_other_systems_mean_nothing(sandbox, tmp_path, prefix):
    """Windows writes a byte order mark first and CR LF last; the mark ended the run."""
    text = prefix + lines(with_states(people(5), every=5)).replace("\n", "\r\n")

    code, states, said = command(settings_of(sandbox, tmp_path), tmp_path, text)

    assert code == 0, said
    assert states == [{"at": 5}]
    assert len(names(sandbox)) == 5


def test_input_of_two_bytes_a_letter_is_named(sandbox, tmp_path):
    """PowerShell's > writes it so."""
    path = tmp_path / "input"
    path.write_bytes(lines(with_states(people(2), every=2)).encode("utf-16"))
    target = TargetBigin(config=settings_of(sandbox, tmp_path))

    with path.open() as source, pytest.raises(InvalidInputLine, match=r"Not JSON, line 1: .* UTF-8 is due"):
        target.listen(source)


@pytest.mark.parametrize("levels", [101, 900, 100_000])
def test_a_schema_that_lies_too_deep_is_read_without_that(sandbox, tmp_path, levels):
    """Somewhere behind the parser each further look at it would end by a traceback."""
    line = (
        '{"type": "SCHEMA", "stream": "Contacts", "key_properties": [], "schema": {"properties": {"a": %s}}}'
    )
    sent = lines([CONTACTS, *records("Contacts", people(1))]) + line % ("[" * levels + "]" * levels) + "\n"

    code, _, said = command(settings_of(sandbox, tmp_path), tmp_path, sent)

    assert code == 0
    assert "line 3: no JSON holds what came for schema: properties: a; it is null" in said
    assert "Traceback" not in said


def test_a_text_of_json_that_lies_too_deep_is_a_reject(target):
    """A text of JSON is read where a field holds rows."""
    rows = "[" * 100_000 + "]" * 100_000

    run = target(
        [
            schema("Pipelines", "Deal_Name", "Associated_Products"),
            record("Pipelines", Associated_Products=rows),
        ],
        streams={"Pipelines": {"operation": "insert"}},
        max_rejects=1,
    )

    assert run.error is None
    assert run.outcomes("Pipelines") == {"invalid": 1}


def test_a_state_is_written_whole_where_output_is_unbuffered(sandbox, tmp_path):
    """Half a line is no state: with PYTHONUNBUFFERED a write that a signal breaks off told its rest to nobody."""
    (tmp_path / "config.json").write_text(json.dumps(settings_of(sandbox, tmp_path)))
    start = "from target_bigin.target import TargetBigin; TargetBigin.cli()"
    process = subprocess.Popen(
        [sys.executable, "-c", start, "--config", tmp_path / "config.json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    sent = "x" * 1_000_000
    process.stdin.write(lines([state(sent)]).encode())
    process.stdin.flush()
    while _waiting_in(process.stdout) < PIPE_HOLDS:
        time.sleep(0.05)

    process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    written, said = process.communicate(timeout=60)

    assert written.decode() == json.dumps(sent) + "\n"
    assert b"Ended by SIGTERM" in said


PIPE_HOLDS = 1 << 16  # bytes


def _waiting_in(pipe):
    """How many bytes have been written to a pipe and not been read."""
    return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"    "))[0]


def test_lines_may_come_in_any_pieces(sandbox, started):
    """A pipe cuts where it likes, also within a character of several bytes."""
    run = started()
    name = "Žofie 🌷" * 5
    line = json.dumps(record("Contacts", Last_Name=name, Email="z@example.org"), ensure_ascii=False).encode()
    run.say([CONTACTS])
    for start in range(0, len(line), 7):
        run.say(line[start : start + 7])

    assert run.end()[0] == 0
    (found,) = [each for each in sandbox.dump("Contacts") if each["Email"] == "z@example.org"]
    assert found["Last_Name"] == name


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file or directory"),
        ("{", "not JSON"),
        ("[]", "holds no JSON object"),
        ("[" * 100_000, "nested too deep"),
    ],
)
def test_a_file_of_settings_that_cannot_be_read_is_one_line(tmp_path, content, said):
    """At seven in the morning nobody reads a traceback."""
    path = tmp_path / "settings.json"
    if content is not None:
        path.write_text(content)

    ended = run_command(lambda: TargetBigin.cli.main(["--config", str(path)]), given="")

    assert ended.code == 1
    assert f"--config {path}: " in ended.said.splitlines()[-1]
    assert said in ended.said
    assert "Traceback" not in ended.said


@pytest.mark.parametrize(
    "value", ['{"a":10000000000000001.5,"b":1E400,"c":1.10,"d":12345678901234567890}', '"end"', "[ 1,  2 ]"]
)
def test_a_state_leaves_as_it_came(sandbox, tmp_path, value):
    """It is the tap's own: a number of it may have more digits than a float holds."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps(settings_of(sandbox, tmp_path)))
    line = f'{{"type": "STATE", "value": {value}}}\n'

    ended = run_command(lambda: TargetBigin.cli.main(["--config", str(path)]), given=line)

    assert ended.code == 0
    assert ended.out == f"{value}\n"


def test_a_long_run_says_how_far_it_is(sandbox, tmp_path, monkeypatch):
    """Who looks into the log of a run that lasts sees that it does not stand still."""
    monkeypatch.setattr(progress, "SECONDS_PER_LINE", 0.1)
    sandbox.settings(latency_ms=300)

    _, _, said = command(
        settings_of(sandbox, tmp_path), tmp_path, [CONTACTS, *records("Contacts", people(2))]
    )

    assert re.search(r"After \d+ s: Contacts 0 of 2; \d+ credits\.", said)


def test_a_good_run_brings_no_metrics_and_at_warning_level_nothing(sandbox, tmp_path, monkeypatch, caplog):
    """Who is told something each night reads nothing; METRIC lines are for the people of the SDK."""
    config = settings_of(sandbox, tmp_path)
    caplog.set_level(logging.NOTSET, logger="target-bigin")  # as in a process of its own
    sent = [
        CONTACTS,
        *records("Contacts", [{**each, "Created_Time": "2020-01-01T00:00:00Z"} for each in people(2)]),
        state({"at": 1}),
    ]

    at_info = command(config, tmp_path, sent)
    monkeypatch.setenv("LOGLEVEL", "WARNING")
    at_warning = command(config, tmp_path, sent)

    assert at_info[:2] == at_warning[:2] == (0, [{"at": 1}])
    assert "METRIC" not in at_info[2]
    assert "dropped" in at_info[2]
    assert at_warning[2] == ""
