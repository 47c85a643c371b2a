"""`--test` of both plugins, and what `meltano config test` sends: all end with the doctor's verdict."""

from __future__ import annotations

import json

import pytest
from support.command import run_command
from support.tap import run_tap
from support.target import command as run_target
from support.target import record, schema, settings_of, state

from target_bigin.target import TargetBigin

TEST = "meltano_test_stream"
MELTANO = [
    {
        "type": "SCHEMA",
        "stream": TEST,
        "schema": {
            "type": "object",
            "properties": {
                "id": {"type": "integer"},
                "name": {"type": "string"},
                "created_at": {"type": "string", "format": "date-time"},
            },
        },
        "key_properties": ["id"],
    },
    record(TEST, id=1, name="Meltano Test Record", created_at="2025-09-29T00:00:00Z"),
    state({"bookmarks": {TEST: {"last_record": 1}}}),
    {"type": "ACTIVATE_VERSION", "stream": TEST, "version": 1},
]


def test_of_the_tap_ends_with_the_verdict(sandbox):
    """A record of each stream is no proof that the scopes are there."""
    run = run_tap(sandbox, "--test")

    assert run.code == 0
    assert "The configured run can begin, with 1 warning." in run.log[-1]
    assert run.said("Payroll cannot be read")


def test_of_the_tap_fails_where_the_run_would(sandbox):
    """Exit code 1, as `bigin doctor`."""
    run = run_tap(sandbox, "--test", modules=["Contacts", "Payroll"])

    assert run.code == 1
    assert "The configured run would fail" in run.log[-1]


@pytest.mark.parametrize("is_first", [True, False])
def test_of_the_target_ends_with_the_verdict(sandbox, tmp_path, is_first):
    """The SDK has no test for targets."""
    config = tmp_path / "config.json"
    config.write_text(json.dumps(settings_of(sandbox, tmp_path)))
    arguments = ["--test", "--config", str(config)] if is_first else ["--config", str(config), "--test"]

    ended = run_command(lambda: TargetBigin.cli.main(arguments))

    assert ended.code == 0
    assert "All is well: the configured run can begin." in ended.said.splitlines()[-1]


def test_of_the_target_fails_in_one_line(sandbox, tmp_path):
    """What to do first stands in it."""
    config = tmp_path / "config.json"
    config.write_text(json.dumps(settings_of(sandbox, tmp_path, streams={"x": {"module": "Contcts"}})))

    ended = run_command(lambda: TargetBigin.cli.main(["--config", str(config), "--test"]))

    assert ended.code == 1
    assert "would fail" in ended.said.splitlines()[-1]
    assert "did you mean Contacts?" in ended.said.splitlines()[-1]


def test_what_meltano_sends_to_every_loader_writes_nothing(sandbox, tmp_path):
    """It takes any line with the word error, or exception, for a failure."""
    code, states, said = run_target(settings_of(sandbox, tmp_path), tmp_path, MELTANO)

    assert code == 0
    assert states
    assert "error" not in said.lower()
    assert "exception" not in said.lower()
    assert "All is well" in said
    assert not (tmp_path / "rejects.jsonl").exists()


def test_meltanos_test_fails_where_the_run_would(sandbox, tmp_path):
    """With wrong credentials a test that passes is worse than none."""
    code, _, said = run_target(settings_of(sandbox, tmp_path, refresh_token="wrong"), tmp_path, MELTANO)

    assert code == 1
    assert "would fail" in said


def test_that_stream_alone_is_recognised(sandbox, tmp_path):
    """Any other that Bigin does not have is rejected as ever."""
    messages = [schema("meltano_test", key=["id"]), record("meltano_test", id=1)]

    code, _, said = run_target(settings_of(sandbox, tmp_path), tmp_path, messages)

    assert code == 1
    assert "NO_MODULE" in said
