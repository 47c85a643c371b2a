"""Programs whose standard streams are closed, or full: one line, or the work as ever."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from support.target import lines, record, schema, state

COMMANDS = {
    "tap": "from tap_bigin.tap import TapBigin; TapBigin.cli()",
    "target": "from target_bigin.target import TargetBigin; TargetBigin.cli()",
    "bigin": "from bigin_cli.main import main; main()",
}
INPUT = lines(
    [schema("Contacts", key=["Email"]), record("Contacts", Email="a@b.se", Last_Name="B"), state(1)]
)


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("tap --config c.json >&-", 1, "stdout is closed"),
        ("tap --config c.json >/dev/full", 1, "stdout cannot be written (No space left on device)"),
        ("tap --config c.json >out 2>&-", 0, ""),
        ("tap --about >/dev/full", 1, "stdout cannot be written"),
        ("target --config c.json >&-", 1, "The state cannot be written to stdout"),
        ("target --config c.json >out 2>&-", 0, ""),
        ("target --config c.json <&-", 1, "stdin is closed"),
        ("bigin plan --config c.json >&-", 1, "stdout is closed"),
    ],
)
def test_a_stream_that_is_closed_is_no_traceback(sandbox, tmp_path, command, code, said):
    """As cron and supervisors leave them. Nothing of it is told as a fault, or stops what can go on."""
    settings = (
        sandbox.settings_for(modules=["Products"]) if "target" not in command else sandbox.settings_for()
    )
    (tmp_path / "c.json").write_text(json.dumps(settings))
    program, *arguments = command.split()
    shell = f'"$0" -c "$1" {" ".join(arguments)}'

    ended = subprocess.run(
        ["bash", "-c", shell, sys.executable, COMMANDS[program]],
        input=INPUT,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )

    assert ended.returncode == code, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "fault" not in ended.stderr
    assert said in (ended.stderr.strip().splitlines() or [""])[-1]
