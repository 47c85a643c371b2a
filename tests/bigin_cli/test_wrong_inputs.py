"""Each wrong input to a subcommand: one clear line on stderr that names what is wrong, and an exit code."""

from __future__ import annotations

import json

import pytest
from support.processes import run as start_process

from bigin_cli.auth import command as auth
from bigin_cli.doctor import command as doctor
from bigin_cli.log import command as log
from bigin_cli.plan import command as plan
from bigin_cli.reconcile import command as reconcile
from bigin_cli.report import command as report
from bigin_cli.retry import command as retry
from bigin_cli.sandbox import command as local_bigin

NOBODY = "http://127.0.0.1:9"  # the port of discard, where nothing listens
SECRET = "hush-hush"
LOG_LINE = json.dumps(
    {"time": "2026-05-14T09:59:58Z", "method": "GET", "path": "/Contacts", "module": "Contacts"}
)
FILES = {
    "api.jsonl": LOG_LINE,
    "empty.jsonl": "",
    "foreign.jsonl": '{"a": 1}\nno JSON\n',
    "torn.jsonl.gz": "no gzip at all",
    "rejects.jsonl": '{"stream": "Contacts", "record": {}, "code": "INVALID_DATA"}',
    "config.json": json.dumps({"client_id": "c", "client_secret": SECRET, "refresh_token": SECRET}),
    "no.json": "{client_id: 1}",
    "list.json": "[]",
    "misspelt.json": json.dumps(
        {"client_id": "c", "client_secret": SECRET, "refresh_token": SECRET, "dryrun": True}
    ),
    "module.json": json.dumps(
        {"client_id": "c", "client_secret": SECRET, "refresh_token": SECRET, "module": []}
    ),
    "bare.json": "{}",
    "odd_run.json": '{"program": "tap-bigin", "began": "yesterday"}',
    "wrong_secret.json": json.dumps({"client_id": "c", "client_secret": 12_345_678, "refresh_token": SECRET}),
}

CLIENT = ["--client-id", "1000.C", "--client-secret", SECRET]

CASES = [
    # command, arguments, exit code, words of the line
    (log, [], 2, "Missing argument 'FILE'"),
    (log, ["nowhere.jsonl"], 1, "nowhere.jsonl: No such file"),
    (log, ["."], 1, "Is a directory"),
    (log, ["empty.jsonl"], 1, "no line of an API log"),
    (log, ["foreign.jsonl"], 1, "no line of an API log"),
    (log, ["torn.jsonl.gz"], 1, "cannot be unpacked"),
    (log, ["api.jsonl", "--since", "yesterday"], 2, "'yesterday' is no moment"),
    (log, ["api.jsonl", "--since", "99999999999d"], 2, "longer ago"),
    (log, ["api.jsonl", "--until", "2026-13-01"], 2, "'2026-13-01'"),
    (log, ["api.jsonl", "--since", "2026-05-15", "--until", "2026-05-14"], 2, "not before"),
    (log, ["api.jsonl", "--status", "oops"], 2, "'oops' is no status"),
    (log, ["api.jsonl", "--format", "xml"], 2, "'xml' is not one of"),
    (log, ["api.jsonl", "--modul", "Contacts"], 2, "--module"),
    (log, ["api.jsonl", "--module", "Contcts"], 1, "did you mean 'Contacts'"),
    (log, ["api.jsonl", "--method", "PATCH"], 1, "no call has the method 'PATCH'"),
    (retry, [], 2, "Missing argument 'REJECTS'"),
    (retry, ["rejects.jsonl"], 2, "--config FILE is missing"),
    (retry, ["nowhere.jsonl", "--config", "config.json"], 1, "nowhere.jsonl: there is no such file"),
    (retry, [".", "--config", "config.json"], 1, ". is no file"),
    (
        retry,
        ["foreign.jsonl", "--config", "config.json"],
        1,
        "foreign.jsonl, line 1: no line of a reject log",
    ),
    (retry, ["rejects.jsonl", "--config", "nowhere.json"], 1, "nowhere.json: No such file"),
    (retry, ["rejects.jsonl", "--config", "."], 1, "Is a directory"),
    (retry, ["rejects.jsonl", "--config", "no.json"], 1, "no.json: not JSON"),
    (retry, ["rejects.jsonl", "--config", "list.json"], 1, "no JSON object but a list"),
    (retry, ["rejects.jsonl", "--config", "misspelt.json"], 1, "did you mean 'dry_run'"),
    (retry, ["rejects.jsonl", "--config", "bare.json"], 1, "'client_id' is a required property"),
    (retry, ["rejects.jsonl", "--config", "wrong_secret.json"], 1, "the value is not shown"),
    (
        retry,
        ["rejects.jsonl", "--config", "config.json", "--only", "INVALID"],
        1,
        "did you mean INVALID_DATA",
    ),
    (auth, ["--config", "new.json"], 2, "Client ID is missing: give --client-id or BIGIN_CLIENT_ID"),
    (auth, ["--client-id", "1000.C", "--config", "new.json"], 2, "Client secret is missing"),
    (auth, [*CLIENT, "--for", "reading"], 2, "'reading' is not one of 'read', 'write', 'feed'"),
    (auth, [*CLIENT, "--data-center", "uk"], 2, "'uk' is not one of"),
    (auth, [*CLIENT, "--modules", "Contcts"], 1, "did you mean 'Contacts'"),
    (
        auth,
        [*CLIENT, "--accounts-url", "accounts.zoho.eu"],
        1,
        "accounts_url: 'accounts.zoho.eu' is not an http(s)",
    ),
    (auth, [*CLIENT, "--api-url", "https://www.zohoapis.eu/bigin/v2"], 1, "without the path"),
    (auth, ["--client-id", "10 00", "--client-secret", SECRET], 1, "client_id holds a blank"),
    (auth, [*CLIENT, "--config", "list.json"], 1, "no JSON object but a list"),
    (auth, [*CLIENT, "--config", "config.json/x.json"], 1, "config.json"),
    (auth, [*CLIENT, "--code", "1000.x", "--accounts-url", NOBODY], 1, "cannot be reached"),
    (auth, [*CLIENT, "--accounts-url", NOBODY], 1, "cannot be reached"),
    (doctor, [], 2, "--config FILE is missing"),
    (doctor, ["--config", "nowhere.json"], 1, "nowhere.json: No such file"),
    (doctor, ["--config", "no.json"], 1, "not JSON"),
    (doctor, ["--config", "config.json", "--for", "taps"], 2, "'taps' is not one of"),
    (doctor, ["--config", "config.json", "--jsn"], 2, "--json"),
    (doctor, ["x.json", "--config", "config.json"], 2, "unexpected extra argument (x.json)"),
    (reconcile, [], 2, "--held"),
    (reconcile, ["--held", "nowhere.csv", "--config", "config.json"], 2, "nowhere.csv"),
    (reconcile, ["--held", "empty.jsonl", "--config", "no.json"], 2, "no.json: not JSON"),
    (reconcile, ["--hold", "held.csv"], 2, "--held"),
    (local_bigin, [], 2, "COMMAND"),
    (local_bigin, ["serve", "--size", "huge"], 2, "'huge' is none of"),
    (local_bigin, ["serve", "--port", "eighty"], 2, "'eighty' is no port"),
    (local_bigin, ["serve", "--latency-ms", "x"], 2, "'x' is no whole number"),
    (local_bigin, ["serve", "--set", "sise=5"], 2, "did you mean 'size'? See"),
    (local_bigin, ["serve", "--set", "search_lag_seconds=x"], 2, "takes a whole number, not 'x'"),
    (local_bigin, ["serve", "--set", "job_seconds=nan"], 2, "takes a number, not 'nan'"),
    (local_bigin, ["serve", "--set", "visibility_delay_seconds=inf"], 2, "takes a number, not 'inf'"),
    (report, [], 2, "Missing option '-o'"),
    (report, ["-o", "r.html"], 2, "Nothing to report on"),
    (report, ["--log", "nowhere.jsonl", "-o", "r.html"], 1, "nowhere.jsonl: No such file"),
    (report, ["--log", "foreign.jsonl", "-o", "r.html"], 1, "no line of an API log"),
    (report, ["--log", "torn.jsonl.gz", "-o", "r.html"], 1, "cannot be unpacked"),
    (report, ["--runs", "runs/*.json", "-o", "r.html"], 1, "no file is runs/*.json"),
    (report, ["--runs", "api.jsonl", "-o", "r.html"], 1, "api.jsonl is no report of a run"),
    (report, ["--runs", "odd_run.json", "-o", "r.html"], 1, "odd_run.json is no report of a run"),
    (
        report,
        ["--rejects", "foreign.jsonl", "-o", "r.html"],
        1,
        "foreign.jsonl, line 1: no line of a reject log",
    ),
    (report, ["--rejects", "rejects.jsonl", "-o", "."], 1, ". is a folder"),
    (report, ["--rejects", "rejects.jsonl", "-o", "nowhere/r.html"], 1, "there is no folder nowhere"),
    (plan, [], 2, "--config FILE is missing"),
    (plan, ["--config", "misspelt.json"], 1, "there is no setting 'dryrun'"),
    (
        plan,
        ["--config", "config.json", "--catalog", "nowhere.json"],
        1,
        "--catalog nowhere.json: No such file",
    ),
    (plan, ["--config", "config.json", "--catalog", "no.json"], 1, "--catalog no.json: not JSON"),
    (plan, ["--config", "config.json", "--catalog", "list.json"], 1, "catalog"),
    (plan, ["--config", "config.json", "--state", "list.json"], 1, "state"),
    (plan, ["--config", "bare.json"], 1, "'client_id' is a required property"),
]


@pytest.mark.parametrize(
    ("command", "arguments", "code", "words"), CASES, ids=[f"{c.name} {' '.join(a)}" for c, a, _, _ in CASES]
)
def test_a_wrong_input_is_one_clear_line(*, run, tmp_path, monkeypatch, command, arguments, code, words):
    """Whoever mistypes something learns in one line what, and a script learns it from the exit code."""
    for name, content in FILES.items():
        (tmp_path / name).write_text(content)
    monkeypatch.chdir(tmp_path)

    result = run(command, *arguments)

    assert result.exit_code == code, result.output
    said = result.stderr.splitlines()
    assert len(said) == 1, said
    assert said[0].startswith(f"bigin {command.name}")
    assert words.casefold() in said[0].casefold()
    assert SECRET not in said[0]
    assert "12345678" not in said[0]


OF_THE_OTHERS = [
    # command line, exit code, words of the last line
    ("tap-bigin --config nowhere.json", 1, "nowhere.json: No such file"),
    ("tap-bigin --config no.json", 1, "no.json: not JSON"),
    ("tap-bigin --config bare.json", 1, "'client_id' is a required property"),
    ("tap-bigin --confg config.json", 2, "--config"),
    ("tap-bigin --config config.json --catalog nowhere.json", 2, "'nowhere.json': No such file"),
    ("tap-bigin --config config.json --state list.json", 1, "state: expected an object"),
    ("tap-bigin extra --config config.json", 2, "unexpected extra argument (extra)"),
    ("tap-bigin --config config.json --state .", 2, "'--state': '.': Is a directory"),
    ("tap-bigin --config module.json", 1, "did you mean 'modules'?"),
    ("bigin-sandbox serve --port 99999", 2, "99999"),
    ("target-bigin --config nowhere.json", 1, "nowhere.json: No such file"),
    ("target-bigin --config no.json", 1, "no.json: not JSON"),
    ("target-bigin --config misspelt.json", 1, "did you mean 'dry_run'"),
    ("target-bigin --confg config.json", 2, "--config"),
    ("target-bigin --config config.json --input nowhere.singer", 2, "'nowhere.singer': No such file"),
    ("bigin-reconcile", 2, "--held"),
    ("bigin-sandbox serve --port x", 2, "'x' is no port"),
    ("bigin feed serve --config nowhere.json", 1, "nowhere.json: No such file"),
    ("bigin feed serve --config config.json", 1, "public_url is missing"),
    ("bigin feed --verson", 2, "bigin feed: No such option '--verson'"),
    ("bigin feed serve --port 99999", 2, "99999"),
    ("bigin feed run", 2, "Missing argument '-- COMMAND"),
    ("bigin feed run --at-most-every nan -- true", 2, "'--at-most-every': nan is no number of seconds"),
    ("bigin feed run --at-least-every inf -- true", 2, "'--at-least-every': inf is no number of seconds"),
    ("bigin feed run --log nonsense -- true", 1, "feed_log: expected a URL"),
    ("bigin feed status --log sqlite:///nowhere.sqlite", 1, "there is no file nowhere.sqlite"),
    ("bigin feed position --log sqlite:///nowhere.sqlite --at yesterday", 2, "'yesterday' is no moment"),
    ("bigin feed stop-channels", 1, "client_id is missing"),
    ("bigin feed statu", 2, "did you mean 'status'?"),
    ("bigin docter", 2, "did you mean 'doctor'?"),
]


@pytest.mark.parametrize(("line", "code", "words"), OF_THE_OTHERS)
def test_a_wrong_input_to_any_command_is_clear(tmp_path, line, code, words):
    """The last line says what is wrong; nothing is printed that a target would read, and no traceback."""
    for name, content in FILES.items():
        (tmp_path / name).write_text(content)

    ended = start_process(*line.split(), cwd=tmp_path)

    assert ended.returncode == code, ended.stderr
    assert words in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr
    assert "?." not in ended.stderr
    if code == 2 and line.startswith(("tap-bigin", "target-bigin")):
        assert len(ended.stderr.splitlines()) == 1
    assert ended.stdout == ""
    assert SECRET not in ended.stderr
