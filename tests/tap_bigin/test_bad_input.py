"""What is wrong comes as one clear last line that names it, and exit code 1."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from support.command import run_command
from support.sandbox import Sandbox
from support.tap import run_tap

from tap_bigin.tap import TapBigin


def _config(sandbox: Sandbox, **changes: Any) -> dict[str, Any]:
    settings = {**sandbox.settings_for(), **changes}
    return {name: value for name, value in settings.items() if value is not ...}


def _run(tmp_path: Path, config: Any, *arguments: str) -> tuple[int, str, str]:
    """Exit code, last line and everything said."""
    path = tmp_path / "config.json"
    path.write_text(config if isinstance(config, str) else json.dumps(config))
    ended = run_command(lambda: TapBigin.cli.main(["--config", str(path), *arguments]))
    return ended.code, ended.said.strip().splitlines()[-1], ended.said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"client_id": ...}, "'client_id' is a required property"),
        ({"refresh_token": ...}, "'refresh_token' is a required property"),
        ({"refresh_token": "revoked"}, "refresh_token"),
        ({"client_id": "nobody"}, "client_id"),
        ({"client_secret": "wrong"}, "client_secret"),
        ({"data_center": "mars"}, "data_center: 'mars' is not one of"),
        ({"modules": "Contacts"}, "modules: 'Contacts' is not of type 'array'"),
        ({"start_date": "yesterday"}, "start_date: 'yesterday'"),
        ({"max_concurrent_requests": 50}, "max_concurrent_requests: 50"),
        ({"deleted_records": "hard"}, "deleted_records: 'hard' is not one of"),
        ({"lookups": "name"}, "lookups: 'name' is not one of"),
        ({"extraction_method": "magic"}, "extraction_method: 'magic' is not one of"),
        ({"api_url": "ftp://bigin"}, "api_url: 'ftp://bigin'"),
        ({"related_lists": ["Contacts"]}, "related_lists: 'Contacts'"),
        ({"queries": [{"name": "q"}]}, "queries"),
        (
            {"queries": [{"name": "Contacts", "query": "select Email from Contacts where id > 0"}]},
            "Contacts: two streams of this name",
        ),
    ],
)
def test_a_wrong_setting_is_named(
    sandbox: Sandbox, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    """A person mends what the last line names."""
    for arguments in ((), ("--discover",)):
        code, last, everything = _run(tmp_path, _config(sandbox, **changes), *arguments)

        assert code == 1
        assert said in last
        assert "Traceback" not in everything


@pytest.mark.parametrize("secret", ["client_secret", "refresh_token"])
def test_a_secret_of_the_wrong_type_is_not_shown(sandbox: Sandbox, tmp_path: Path, secret: str) -> None:
    """Logs are read by more people than settings are."""
    code, last, everything = _run(tmp_path, _config(sandbox, **{secret: 13579246}))

    assert code == 1
    assert f"{secret}: a int, but it takes a text" in last
    assert "13579246" not in everything


def test_an_unknown_setting_is_an_error(sandbox: Sandbox) -> None:
    """A misspelt setting does nothing, and a run without it does what nobody wanted."""
    run = run_tap(sandbox, modulles=["Contacts"])

    assert run.code == 1
    assert "there is no setting 'modulles', did you mean 'modules'?" in run.log[-1]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"queries": [{"name": "q", "query": "select id", "primary_key": ["id"]}]}, "mean 'primary_keys'?"),
        ({"custom_views": [{"name": "v", "module": "Contacts", "cvid": "1", "id": 2}]}, "no setting 'id'"),
        ({"batch_config": {"encoding": {"compresion": "gzip"}, "storage": {"root": "x"}}}, "compresion"),
    ],
)
def test_an_unknown_setting_inside_another_is_an_error(
    sandbox: Sandbox, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    """A query was read by another key than the one that was meant."""
    code, last, _ = _run(tmp_path, _config(sandbox, **changes))

    assert code == 1
    assert said in last
    assert "fault of tap-bigin" not in last


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("TAP_BIGIN_START_DATES=2026-01-01", "did you mean TAP_BIGIN_START_DATE?"),
        ("TAP_BIGIN_BACKFILL=flase", "TAP_BIGIN_BACKFILL: takes true or false."),
        ("TAP_BIGIN_REQUEST_TIMEOUT=60s", "takes a whole number."),
        ("TAP_BIGIN_QUERIES=[{", "TAP_BIGIN_QUERIES: not JSON"),
    ],
)
def test_the_environment_is_read_as_strictly_as_a_file(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, said: str
) -> None:
    """The SDK passes over a name that is none, and takes whatever is no `true` for false."""
    monkeypatch.setenv(*given.split("="))
    monkeypatch.setenv("TAP_BIGIN__LOAD_SCHEMA", "of Meltano's")
    monkeypatch.setenv("TAP_BIGIN_IMAGE", "of somebody else's")

    code, last, _ = _run(tmp_path, _config(sandbox), "--config", "ENV")

    assert (code, said in last) == (1, True)


@pytest.mark.parametrize("setting", ["api_log_path", "token_cache_path", "run_report_path"])
@pytest.mark.parametrize("path", ["a\0b", "x" * 300, "a pipe that nobody reads"])
def test_a_path_that_is_none_is_named(sandbox: Sandbox, tmp_path: Path, setting: str, path: str) -> None:
    """Told as a fault of ours, or waited for without an end."""
    if path.startswith("a pipe"):
        path = str(tmp_path / "pipe")
        os.mkfifo(path)

    code, last, _ = _run(tmp_path, _config(sandbox, **{setting: path}))

    assert (code, "fault" in last) == (1, False)
    assert f"{setting}: " in last


@pytest.mark.parametrize("option", ["--config", "--state", "--catalog"])
def test_a_mark_of_the_encoding_before_json_is_no_fault(
    sandbox: Sandbox, tmp_path: Path, option: str
) -> None:
    """Editors on Windows write one."""
    content = {"--config": _config(sandbox), "--state": {}, "--catalog": {"streams": []}}[option]
    path = tmp_path / "marked.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(content).encode())

    code, last, _ = _run(tmp_path, _config(sandbox, modules=["Products"]), option, str(path))

    assert (code, "Nothing is selected" in last) == ((1, True) if option == "--catalog" else (0, False)), last


@pytest.mark.parametrize("option", ["--config", "--state", "--catalog"])
@pytest.mark.parametrize(("path", "said"), [("/dev/zero", "longer than 64 MB"), ("gzipped", "not UTF-8")])
def test_what_is_no_document_is_one_line(
    sandbox: Sandbox, tmp_path: Path, option: str, path: str, said: str
) -> None:
    """A device without an end was read until the memory had one."""
    (tmp_path / "gzipped").write_bytes(b"\x1f\x8b\x08\x00")

    code, last, _ = _run(tmp_path, _config(sandbox), option, str(tmp_path / path))

    assert (code, said in last) == (1, True)
    assert option.removeprefix("--") in last


def test_a_setting_of_the_target_in_the_same_file_is_let_be(sandbox: Sandbox) -> None:
    """One file with the credentials may serve both."""
    run = run_tap(sandbox, modules=["Contacts"], rejects_path="rejects.jsonl")

    assert run.code == 0


def test_a_glob_that_matches_nothing_is_warned_about(sandbox: Sandbox) -> None:
    """A misspelt module would be missed only when somebody looks for its table."""
    run = run_tap(sandbox, modules=["Contacts", "Dealz*"])

    assert run.code == 0
    assert run.said("modules: 'Dealz*' matches no module")
    assert not run.said("'Contacts' matches")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"modules": ["contcts", "Dealz*"]}, "'contcts' matches no module, did you mean 'Contacts'?"),
        (
            {"extraction_method": "lists"},
            "'lists' is not one of ['auto', 'list', 'bulk'], did you mean 'list'?",
        ),
        ({"related_lists": ["Contatcs.Notes"]}, "'Contatcs.Notes' matches nothing, did you mean 'Contacts'?"),
        ({"related_lists": ["Contacts.Email"]}, "matches nothing, did you mean 'Contacts.Emails'?"),
    ],
)
def test_a_misspelt_name_is_told_with_the_one_that_was_meant(
    sandbox: Sandbox, settings: dict[str, Any], said: str
) -> None:
    """Nobody knows all api_names by heart; a run that reads nothing is no good one."""
    run = run_tap(sandbox, **settings)

    assert run.code == 1
    assert said in run.log[-1]


def test_a_misspelt_column_of_a_query_is_told_with_the_one_that_was_meant(sandbox: Sandbox) -> None:
    """A query that cannot be defined fails alone."""
    query = "select Last_Name, Emial from Contacts where id is not null"

    run = run_tap(sandbox, modules=["Tasks"], queries=[{"name": "people", "query": query}])

    assert run.code == 1
    assert "did you mean 'Email'?" in run.log[-1]


@pytest.mark.parametrize(
    ("variable", "text", "said"),
    [
        ("CREDIT_BUDGET", "many", "TAP_BIGIN_CREDIT_BUDGET: takes a whole number."),
        ("BACKFILL", "maybe", "TAP_BIGIN_BACKFILL: takes true or false."),
        ("QUERIES", "[{", "TAP_BIGIN_QUERIES: not JSON"),
        ("QUERIES", "{}", "TAP_BIGIN_QUERIES: holds no array but a dict."),
    ],
)
def test_a_variable_that_cannot_be_read_is_named(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, variable: str, text: str, said: str
) -> None:
    """It was a traceback that named none."""
    monkeypatch.setenv(f"TAP_BIGIN_{variable}", text)

    run = run_tap(sandbox, "--config", "ENV", modules=["Contacts"])

    assert run.code == 1
    assert said in run.log[-1]


def test_settings_come_from_variables(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists are JSON or words with commas; an empty variable is none."""
    for name, text in {"MODULES": "Contacts, Tasks", "CREDIT_BUDGET": "", "DELETED_RECORDS": "none"}.items():
        monkeypatch.setenv(f"TAP_BIGIN_{name}", text)

    run = run_tap(sandbox, "--discover", "--config", "ENV")

    names = {each["tap_stream_id"] for each in json.loads(run.stdout)["streams"]}
    assert {"Contacts", "Tasks"} <= names
    assert not names & {"Accounts", "deleted_records"}


@pytest.mark.parametrize("text", ["{", "[1, 2]", ""])
def test_a_malformed_file_of_settings_is_named(tmp_path: Path, text: str) -> None:
    """Not a traceback out of a JSON parser."""
    code, last, everything = _run(tmp_path, text)

    assert code == 1
    assert "config.json" in last
    assert "Traceback" not in everything


def test_a_missing_file_of_settings_is_named() -> None:
    """Not a traceback out of the file system."""
    ended = run_command(lambda: TapBigin.cli.main(["--config", "nowhere.json"]))

    assert ended.code == 1
    assert "nowhere.json: No such file or directory." in ended.said.splitlines()[-1]


def test_an_unreachable_server_ends_the_run_at_once(sandbox: Sandbox, tmp_path: Path) -> None:
    """Nothing can be read: no half of a run, no state."""
    config = _config(sandbox, api_url="http://127.0.0.1:9", accounts_url="http://127.0.0.1:9", max_retries=0)

    code, last, everything = _run(tmp_path, config)

    assert code == 1
    assert "127.0.0.1" in last
    assert "Traceback" not in everything


def test_credentials_revoked_in_the_middle_end_the_run(sandbox: Sandbox) -> None:
    """Every further call would fail as well: one line says why."""
    sandbox.fault("GET /Contacts", status=401, times=None)

    run = run_tap(sandbox, modules=["Contacts", "Tasks"])

    assert run.code == 1
    assert "INVALID_TOKEN" in run.log[-1]
    assert not run.said("Traceback")


def test_test_mode_reads_a_record_of_each_stream(sandbox: Sandbox) -> None:
    """`meltano config test` asks for it: settings that work must pass, and cost little."""
    run = run_tap(sandbox, "--test")

    assert run.code == 0
    assert len(run.ids("Contacts")) == 1
    assert not run.said("ERROR")


def test_test_mode_fails_with_a_stream(sandbox: Sandbox) -> None:
    """A test that cannot fail is worse than none."""
    sandbox.fault("GET /Contacts", status=500, times=None)

    run = run_tap(sandbox, "--test", max_retries=0)

    assert run.code == 1
    assert len(run.ids("Tasks")) == 1
    assert "Contacts: failed" in run.log[-1]


def test_test_mode_fails_with_wrong_credentials(sandbox: Sandbox, tmp_path: Path) -> None:
    """A test that cannot fail is worse than none."""
    code, last, _ = _run(tmp_path, _config(sandbox, client_secret="wrong"), "--test")

    assert code == 1
    assert "client_secret" in last
