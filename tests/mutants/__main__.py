"""``make mutants``: puts single faults into the code that keeps records from being lost or doubled.

Each is put into a copy of the tree, one at a time, and the tests that run its line are run. What no test
notices is printed; the exit code is 1 if more than 5 % survive.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import hypothesis  # noqa: F401  imported once, for all runs: half of what a short one costs
import rich.console  # noqa: F401
import singer_sdk.testing  # noqa: F401
import sqlalchemy  # noqa: F401
import uvicorn  # noqa: F401
import xdist.scheduler  # noqa: F401

from mutants.faults import Mutant, find
from mutants.known_equal import EQUAL
from mutants.nets import watched
from mutants.places import Place
from mutants.recording import RedNetError, record
from mutants.sampling import sample
from mutants.trying import Tried, try_all

ROOT = Path(__file__).resolve().parent.parent.parent
MOST_SURVIVORS = 0.05


def main() -> int:
    """The command. 0: few enough survive; 1: more do; 2: the tests fail without a fault."""
    asked = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # and leave nothing behind
    every = watched(ROOT)
    nets = watched(ROOT, asked.only)
    sources = {file: (ROOT / file).read_text("utf-8") for file in every}
    mutants = [mutant for file in nets for mutant in find(sources[file], file)]
    drawn = (
        [each for each in mutants if each.id in asked.id]
        if asked.id
        else sample(mutants, asked.mutants, asked.seed)
    )
    print(f"{len(mutants):,} single faults fit into {len(nets)} files; {len(drawn)} are drawn.", flush=True)
    nets = {file: nets[file] for file in dict.fromkeys(each.file for each in drawn)}
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        places = [Place(ROOT, Path(folder) / str(number)) for number in range(asked.workers)]
        try:
            known = record(ROOT, nets, every, places)
            counted = [each for each in drawn if each.key not in EQUAL]
            tried = [_said(each) for each in try_all(counted, sources, known, places, seconds=asked.seconds)]
        except RedNetError as error:
            print(f"The tests fail without a fault:\n{error}")
            return 2
        finally:
            for place in places:
                place.close()
    _tell_equal(drawn, (find(source, file) for file, source in sources.items()))
    return _tell(tried, sources, not_begun=len(counted) - len(tried))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--mutants", type=int, default=200, help="how many to draw, 0 for all (default 200)")
    parser.add_argument("--seed", type=int, default=1, help="what the draw depends on (default 1)")
    parser.add_argument(
        "--seconds", type=float, default=1800, help="when to begin no further one (default 1800)"
    )
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="PATH", help="files or folders of the watched code"
    )
    parser.add_argument("--id", nargs="+", default=[], help="only these, named as in a report")
    parser.add_argument("--workers", type=int, default=2, help="runs side by side (default 2)")
    return parser.parse_args()


def _said(tried: Tried) -> Tried:
    mutant = tried.mutant
    by = f"  by {tried.by}" if tried.by else ""
    print(f"{tried.fate:9}{mutant.id}  {mutant.file} {mutant.function}: {mutant.operator}{by}", flush=True)
    return tried


def _tell_equal(drawn: Iterable[Mutant], every: Iterable[Iterable[Mutant]]) -> None:
    """Those drawn that are known to be equal; and what is known of code that is there no more."""
    for mutant in drawn:
        if mutant.key in EQUAL:
            print(f"equal    {mutant.id}  {mutant.file} {mutant.function}: {EQUAL[mutant.key]}")
    there = {mutant.key for some in every for mutant in some}
    for key in EQUAL:
        if key not in there:
            print(f"known_equal.py names what is no more: {key}")


def _tell(tried: Sequence[Tried], sources: dict[str, str], *, not_begun: int) -> int:
    """The survivors, line by line, and the closing line."""
    for each in sorted(tried, key=lambda each: (each.mutant.file, each.mutant.start)):
        if each.fate == "survived":
            _show(each, sources[each.mutant.file])
    fates = Counter(each.fate for each in tried)
    share = fates["survived"] / len(tried) if tried else 0.0
    print(
        f"\n{len(tried)} tried: {fates['killed']} noticed, {fates['timeout']} noticed by their time, "
        f"{fates['survived']} survived ({share:.1%}; at most {MOST_SURVIVORS:.0%})"
        + (f"; no time for {not_begun}" if not_begun else "")
    )
    return int(share > MOST_SURVIVORS)


def _show(survivor: Tried, source: str) -> None:
    mutant = survivor.mutant
    line, before, after = mutant.shown(source)
    tests = f"not noticed by {survivor.tests} tests" if survivor.tests else "no test runs it"
    print(f"\n{mutant.file}:{line}  {mutant.function}  {mutant.operator}, {tests}  ({mutant.id})")
    for mark, text in (*(("-", each) for each in before), *(("+", each) for each in after)):
        print(f"  {mark} {text}")


if __name__ == "__main__":
    sys.exit(main())
