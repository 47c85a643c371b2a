"""Puts faults in, one at a time in each place, and tells what became of each."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Literal

from mutants.faults import Mutant
from mutants.places import Ended, Job, Place, run_all
from mutants.plugins import TIMES_SLOWER, Chosen
from mutants.recording import NO_TESTS, Nets

LEAST_LIMIT = 60.0  # seconds for all tests of a fault; each test has a limit of its own as well
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
    reached = []
    for mutant in mutants:
        if nets.tests_for(mutant):
            reached.append(mutant)
        else:
            yield Tried(mutant, "survived", 0)
    in_time = takewhile(lambda _: time.monotonic() < deadline, reached)
    jobs = (_job(mutant, sources[mutant.file], nets.tests_for(mutant)) for mutant in in_time)
    for ended in run_all(jobs, places):
        yield _understood(ended)


def _job(mutant: Mutant, source: str, tests: Mapping[str, float]) -> Job:
    return Job(
        about=(mutant, len(tests)),
        tests=list(dict.fromkeys(test.split("::")[0] for test in tests)),
        plugin=partial(_chosen, tests),
        limit=LEAST_LIMIT + TIMES_SLOWER * sum(tests.values()),
        file=mutant.file,
        source=mutant.apply(source),
    )


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
