"""Puts faults in, one at a time in each place, and tells what became of each."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from mutants.faults import Mutant
from mutants.places import Ended, Job, Place, run_all
from mutants.plugins import Chosen, longest
from mutants.recording import NO_TESTS, Nets
from mutants.swapping import can_swap

NOTICED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)
TOO_LONG = "from pytest-timeout"

Fate = Literal["killed", "timeout", "survived"]


@dataclass(frozen=True)
class Tried:
    """What became of a fault: ``by`` which test it was noticed, of how many that run its line."""

    mutant: Mutant
    fate: Fate
    tests: int
    by: str = ""


def try_all(
    mutants: Sequence[Mutant],
    sources: Mapping[str, str],
    nets: Nets,
    places: Sequence[Place],
    *,
    seconds: float,
) -> Iterator[Tried]:
    """Each as it is known; when the seconds are over, no further one is begun."""
    deadline = time.monotonic() + seconds
    tests = {mutant: nets.tests_for(mutant) for mutant in mutants}
    files = list(dict.fromkeys(_file(test) for some in tests.values() for test in some))
    for place in places:
        place.collect(files, files=sources)
    jobs = (
        _job(mutant, sources[mutant.file], found, is_imported=nets.is_imported(mutant))
        for mutant, found in tests.items()
        if found and time.monotonic() < deadline
    )
    yield from (_understood(ended) for ended in run_all(jobs, places))
    yield from (Tried(mutant, "survived", 0) for mutant, found in tests.items() if not found)


def _job(mutant: Mutant, source: str, tests: Mapping[str, float], *, is_imported: bool) -> Job:
    """A function that is there already takes its new code; what importing runs needs a run of its own."""
    after = mutant.apply(source)
    order = {"tests": tests, "file": mutant.file, "before": source, "after": after}
    return Job(
        about=(mutant, len(tests)),
        tests=list(dict.fromkeys(_file(test) for test in tests)),
        plugin=partial(_chosen, tests),
        limit=longest(sum(tests.values())),
        file=mutant.file,
        source=after,
        order=None if is_imported or not can_swap(source, after) else order,
    )


def _file(test: str) -> str:
    return test.partition("::")[0]


def _chosen(tests: Mapping[str, float], tree: Path) -> Chosen:
    return Chosen(tests)


def _understood(ended: Ended) -> Tried:
    mutant, tests = ended.job.about
    if ended.code == NO_TESTS:
        raise RuntimeError(f"None of the tests for {mutant.file} was found:\n{ended.log}")
    if ended.code is None:
        return Tried(mutant, "timeout", tests)
    noticed = NOTICED.search(ended.log)
    by = noticed[1] if noticed else ""
    if ended.code == 0:
        return Tried(mutant, "survived", tests)
    return Tried(mutant, "timeout" if TOO_LONG in ended.log else "killed", tests, by)
