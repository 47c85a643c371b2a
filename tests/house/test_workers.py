"""The workers of ``make unit`` leave out no test, run none twice, and lose no failure."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
SUITE = """
import os
import sys
from pathlib import Path

import pytest

@pytest.fixture(scope="module")
def told():
    yield Path("told")
    with open("ended", "a") as ended:
        ended.write("x")

@pytest.mark.parametrize("number", range(40))
def test_each(number, told):
    print(f"shown {number}")
    print(f"said {number}", file=sys.stderr)
    with told.open("a") as file:
        file.write(f"{number}\\n")
    assert number != 17

def test_skipped():
    pytest.skip("not here")
"""
FATAL = """
import os

def test_before(): pass

def test_that_ends_its_process():
    os._exit(0)
"""


def ran(folder: Path, *options: str, **files: str) -> subprocess.CompletedProcess[str]:
    for name, content in files.items():
        (folder / f"test_{name}.py").write_text(content)
    command = [sys.executable, "-m", "pytest", "-p", "support.workers", "--workers", "2", *options]
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_every_test_is_run_once_and_its_failure_is_shown(tmp_path):
    """What is not run proves nothing, and nobody would notice."""
    done = ran(tmp_path, "--durations", "3", suite=SUITE)

    told = sorted(map(int, (tmp_path / "told").read_text().split()))
    assert told == list(range(40))
    assert done.returncode == 1
    assert re.search(r"1 failed, 39 passed, 1 skipped in", done.stdout)
    assert "assert 17 != 17" in done.stdout
    assert "shown 17" in done.stdout
    assert "said 17" in done.stdout
    assert "shown 16" not in done.stdout
    assert "slowest 3 durations" in done.stdout
    assert len((tmp_path / "ended").read_text()) >= 1


def test_a_test_that_ends_its_process_has_failed(tmp_path):
    """And so have those that nobody else ran in its place."""
    done = ran(tmp_path, suite=SUITE, fatal=FATAL)

    assert done.returncode == 1
    assert "test_fatal.py::test_that_ends_its_process - No report came" in done.stdout
    assert sum(int(number) for number in re.findall(r"(\d+) (?:failed|passed|skipped)", done.stdout)) == 43


def test_the_first_failure_may_be_the_end(tmp_path):
    """``-x`` stops a worker at once, what it has set up is taken down, and the others begin nothing new."""
    done = ran(tmp_path, "-x", "--workers", "1", suite=SUITE)

    assert done.returncode == 1
    assert "stopping after 1 failures" in done.stdout
    assert (tmp_path / "told").read_text().split()[-1] == "17"
    assert (tmp_path / "ended").read_text() == "x"
