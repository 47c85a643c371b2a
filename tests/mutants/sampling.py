"""Which of the faults are tried."""

from __future__ import annotations

import random
from collections.abc import Sequence

from mutants.faults import Mutant


def sample(mutants: Sequence[Mutant], size: int, seed: int) -> list[Mutant]:
    """So many, evenly over the files by their size; all for 0. The same seed draws the same."""
    chance = random.Random(seed)
    by_file: dict[str, list[Mutant]] = {}
    for mutant in mutants:
        by_file.setdefault(mutant.file, []).append(mutant)
    row = [each for some in by_file.values() for each in chance.sample(some, len(some))]
    if not 0 < size < len(row):
        return row
    step = len(row) / size
    start = chance.random() * step
    return [row[int(start + place * step)] for place in range(size)]
