"""Runs in a copy of the tree: what one of them changes, no other may meet."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

CODE = """
def f(a):
    return a + 1


def g(a):
    return a + 1
"""
TESTS = """
import time

time.sleep(0.5)  # the first fault would be put in by now

from some_code import f


def test_f():
    assert f(1) == 2
"""
TRIED = """
import json, sys
from pathlib import Path
from mutants.faults import find
from mutants.places import Place, run_all
from mutants.trying import _job, _understood

root, folder = map(Path, sys.argv[1:])
source = (root / "some_code.py").read_text()
place = Place(root, folder)
place.collect(["test_code.py"], files=["some_code.py"])
tests = {"test_code.py::test_f": 2.0}
jobs = (_job(each, source, tests, is_imported=False) for each in find(source, "some_code.py"))
tried = [_understood(ended) for ended in run_all(jobs, [place])]
place.close()
print(json.dumps([(each.mutant.function, each.fate) for each in tried]))
"""


def test_a_fault_is_not_imported_by_what_collects_the_tests(tmp_path):
    """It stayed in for each later run, and whatever the later fault was, it counted as noticed."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "some_code.py").write_text(CODE)
    (root / "test_code.py").write_text(TESTS)

    ended = subprocess.run(
        [sys.executable, "-c", TRIED, root, tmp_path / "place"],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )

    assert {tuple(each) for each in json.loads(ended.stdout)} == {("f", "killed"), ("g", "survived")}
