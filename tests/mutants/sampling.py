"""Which of the faults are tried."""

from __future__ import annotations

import random
from collections.abc import Sequence

from mutants.faults import Mutant


def sample(mutants: Sequence[Mutant], size: int, seed: int) -> list[Mutant]:
    """So many, one of each file and the others by the files' size; all for 0. The same seed draws the same.

    Fewer than there are files go by the size of the files alone.
    """
    chance = random.Random(seed)
    by_file: dict[str, list[Mutant]] = {}
    for mutant in mutants:
        by_file.setdefault(mutant.file, []).append(mutant)
    shuffled = [chance.sample(some, len(some)) for some in by_file.values()]
    if not 0 < size < len(mutants):
        return [each for some in shuffled for each in some]
    if size < len(shuffled):
        return _evenly([each for some in shuffled for each in some], size, chance)
    rest = [each for some in shuffled for each in some[1:]]
    return [*(some[0] for some in shuffled), *_evenly(rest, size - len(shuffled), chance)]


def _evenly(row: Sequence[Mutant], size: int, chance: random.Random) -> list[Mutant]:
    if not size:
        return []
    step = len(row) / size
    start = chance.random() * step
    return [row[int(start + place * step)] for place in range(size)]
