"""Which of the faults are tried."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from mutants.faults import Mutant


def sample(mutants: Sequence[Mutant], size: int, seed: int) -> list[Mutant]:
    """So many, one of each file and the others by the files' size; all for 0. The same seed draws the same.

    A fault is drawn for what it is, wherever it stands: where code changes, others come for its faults alone,
    so that a draw that was held to the bar stays a net. Fewer than there are files go by size alone.
    """

    def rank(mutant: Mutant) -> bytes:
        return hashlib.sha256(f"{seed}\n{mutant.file}\n{mutant.id}".encode()).digest()

    ranked = sorted(mutants, key=rank)
    if not size:
        return ranked
    first = {mutant.file: mutant for mutant in reversed(ranked)}
    if size < len(first):
        return ranked[:size]
    of_each_file = {id(mutant) for mutant in first.values()}
    rest = [mutant for mutant in ranked if id(mutant) not in of_each_file]
    return [*first.values(), *rest[: size - len(first)]]
