"""Which tests run which lines of the watched code, found out by one run without a fault, and kept."""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mutants.faults import Mutant
from mutants.places import Ended, Job, Place, run_all
from mutants.plugins import Recorder

NO_TESTS = 5  # pytest's exit code
LONGEST = 1800.0  # seconds for one file of tests
CACHE = ".mutants_cache"
MOST_TESTS = 600
OVERHEAD = 0.1  # seconds: the quickest tests are no better for being quicker

Notes = dict[str, Any]


class RedNetError(Exception):
    """Tests fail without any fault, so they can tell nothing."""


class Nets:
    """The tests of each watched file."""

    def __init__(self, nets: Mapping[str, Sequence[str]], notes: Mapping[str, Mapping[str, Notes]]) -> None:
        self._nets = nets
        self._notes = notes  # by file of tests, by test; "" is the importing

    def tests_for(self, mutant: Mutant) -> dict[str, float]:
        """Tests that run the line of the fault, then those that start processes: seconds by test.

        First are those of whose watched lines most are in the file of the fault: they are about it, and most
        faults end there. Some that the first 150 do not notice are noticed further away, so that a survivor
        costs the time of ``MOST_TESTS``.
        """
        lines = set(mutant.lines)
        anywhere = self.is_imported(mutant)
        about, runs, spawns = {}, {}, {}
        for test, note in (item for each in self._of(mutant) for item in each.items() if item[0]):
            ran = note["lines"].get(mutant.file, ())
            if ran if anywhere else lines.intersection(ran):
                runs[test] = note["seconds"]
                about[test] = len(ran) / sum(len(each) for each in note["lines"].values())
            elif note["spawns"]:
                spawns[test] = note["seconds"]
        nearest = sorted(runs, key=lambda test: about[test] / (runs[test] + OVERHEAD), reverse=True)
        return {**{test: runs[test] for test in nearest[:MOST_TESTS]}, **dict(_by_seconds(spawns))}

    def is_imported(self, mutant: Mutant) -> bool:
        """Whether its line is run by importing its file, as by each test that runs any line of that."""
        importing = (each[""]["lines"].get(mutant.file, ()) for each in self._of(mutant) if "" in each)
        return not mutant.function or any(not set(mutant.lines).isdisjoint(each) for each in importing)

    def _of(self, mutant: Mutant) -> list[Mapping[str, Notes]]:
        return [self._notes[file] for file in self._nets[mutant.file]]


def record(
    root: Path, nets: Mapping[str, Sequence[str]], watched: Collection[str], places: Sequence[Place]
) -> Nets:
    """Run each file of tests that is not known yet. Raises RedNetError if a test fails twice."""
    files = dict.fromkeys(test for tests in nets.values() for test in tests)
    common = _common_key(root, watched)
    keys = {file: hashlib.sha256(common + (root / file).read_bytes()).hexdigest() for file in files}
    notes = {file: found for file, key in keys.items() if (found := _kept(root, file, key)) is not None}
    missing = [file for file in files if file not in notes]
    for _ in range(2):  # a second try: a busy machine is no fault
        print(f"Running {len(missing)} files of tests without a fault; {len(notes)} are known.", flush=True)
        red = {}
        for file, ended, noted in _recorded(missing, watched, places):
            print(".", end="", flush=True)
            if ended.code in (0, NO_TESTS):
                notes[file] = noted
                _keep(root, file, keys[file], noted)
            else:
                red[file] = ended.log
        print()
        missing = list(red)
        if not red:
            return Nets(nets, notes)
    raise RedNetError("\n".join(log[-2000:] for log in red.values()))


def _recorded(
    files: Sequence[str], watched: Collection[str], places: Sequence[Place]
) -> Iterator[tuple[str, Ended, dict[str, Notes]]]:
    with tempfile.TemporaryDirectory() as folder:
        outputs = {file: Path(folder) / _name(file) for file in files}
        jobs = (
            Job(
                about=file,
                tests=[file],
                plugin=partial(Recorder, files=watched, output=output),
                limit=LONGEST,
            )
            for file, output in outputs.items()
        )
        for ended in run_all(jobs, places):
            output = outputs[ended.job.about]
            yield ended.job.about, ended, json.loads(output.read_text()) if output.exists() else {}


def _by_seconds(tests: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(tests.items(), key=lambda each: each[1])


def _common_key(root: Path, watched: Collection[str]) -> bytes:
    """Changes with all that any test depends on, beside its own file."""
    digest = hashlib.sha256(repr((sys.version, sorted(watched))).encode())
    shared = [*root.glob("*_*/**/*.py"), *root.glob("tests/support/*.py"), *root.glob("tests/**/conftest.py")]
    for path in sorted({*shared, root / "pyproject.toml", Path(__file__).with_name("plugins.py")}):
        digest.update(path.read_bytes())
    return digest.digest()


def _kept(root: Path, file: str, key: str) -> dict[str, Notes] | None:
    path = _path(root, file)
    if not path.exists():
        return None
    kept: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return kept["notes"] if kept["key"] == key else None


def _keep(root: Path, file: str, key: str, notes: Mapping[str, Notes]) -> None:
    path = _path(root, file)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"key": key, "notes": notes}), "utf-8")


def _path(root: Path, file: str) -> Path:
    return root / CACHE / _name(file)


def _name(file: str) -> str:
    return f"{file.replace('/', '.')}.json"
