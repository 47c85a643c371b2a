"""Puts faults in, one at a time in each place, and tells what became of each."""

from __future__ import annotations

import re
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Literal

from mutants.faults import Mutant
from mutants.places import Ended, Job, Place, run_all
from mutants.plugins import TIMES_SLOWER, Chosen
from mutants.recording import NO_TESTS, Nets

LEAST_LIMIT = 60.0  # seconds for all tests of a fault; each test has a limit of its own as well
NOTICED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)
TOO_LONG = "from pytest-timeout"
FIRST_TESTS, FIRST_FILES = 40, 3

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
    tries: deque[_Try] = deque()
    for mutant in mutants:
        if tests := nets.tests_for(mutant):
            tries.append(_Try(mutant, len(tests), *_first(tests)))
        else:
            yield Tried(mutant, "survived", 0)
    while tries:  # more than once: the last one may need a second run
        for ended in run_all(_jobs(tries, sources, deadline), places):
            this: _Try = ended.job.about
            if ended.code == 0 and this.later:
                tries.appendleft(replace(this, tests=this.later, later={}, is_second=True))
            else:
                yield _understood(ended)


@dataclass(frozen=True)
class _Try:
    """One run for a fault: some of its tests, then perhaps a second run with the others."""

    mutant: Mutant
    count: int  # of all its tests
    tests: Mapping[str, float]  # seconds by test
    later: Mapping[str, float]
    is_second: bool = False


def _first(tests: Mapping[str, float]) -> tuple[dict[str, float], dict[str, float]]:
    """Tests of a few files, and all others: most faults need no more, and a file takes long to collect.

    >>> first, others = _first({"a::1": 0.1, "b::1": 0.2, "c::1": 0.3, "c::2": 0.4, "d::1": 0.5, "a::2": 0.6})
    >>> list(first), list(others)
    (['a::1', 'b::1', 'c::1', 'c::2', 'a::2'], ['d::1'])
    """
    quick = Counter(_file(test) for test in islice(tests, FIRST_TESTS))
    files = {file for file, _ in quick.most_common(FIRST_FILES)}
    first = {test: seconds for test, seconds in tests.items() if _file(test) in files}
    return first, {test: seconds for test, seconds in tests.items() if test not in first}


def _jobs(tries: deque[_Try], sources: Mapping[str, str], deadline: float) -> Iterator[Job]:
    """Each as its turn comes. After the deadline no fault is begun; what is begun is ended."""
    while tries:
        this = tries.popleft()
        if this.is_second or time.monotonic() < deadline:
            yield _job(this, sources[this.mutant.file])


def _job(this: _Try, source: str) -> Job:
    return Job(
        about=this,
        tests=list(dict.fromkeys(_file(test) for test in this.tests)),
        plugin=partial(_chosen, this.tests),
        limit=LEAST_LIMIT + TIMES_SLOWER * sum(this.tests.values()),
        file=this.mutant.file,
        source=this.mutant.apply(source),
    )


def _file(test: str) -> str:
    return test.partition("::")[0]


def _chosen(tests: Mapping[str, float], tree: Path) -> Chosen:
    return Chosen(tests)


def _understood(ended: Ended) -> Tried:
    mutant, tests = ended.job.about.mutant, ended.job.about.count
    if ended.code == NO_TESTS:
        raise RuntimeError(f"None of the tests for {mutant.file} was found:\n{ended.log}")
    if ended.code is None:
        return Tried(mutant, "timeout", tests)
    noticed = NOTICED.search(ended.log)
    by = noticed[1] if noticed else ""
    if ended.code == 0:
        return Tried(mutant, "survived", tests)
    return Tried(mutant, "timeout" if TOO_LONG in ended.log else "killed", tests, by)
