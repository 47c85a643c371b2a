"""What no test by name foresees: places and kinds are drawn; ``make soak`` draws more."""

from __future__ import annotations

import os
import random

import pytest
from support.answer_faults import COURSES, Course
from support.sandbox import Sandbox
from support.spoiling import Spoil

FIRST_SEED = int(os.environ.get("FAULTS_SEED", "1"))
FAULTS = int(os.environ.get("FAULTS", "1"))  # for each kind of run


@pytest.mark.timeout(120)
@pytest.mark.parametrize("kind", COURSES if FAULTS > 1 else COURSES[:1])
def test_one_spoiled_place_costs_no_more_than_itself(sandbox: Sandbox, kind: str) -> None:
    """What no test by name foresees: drawn by a seed, which the message tells. The longer kinds of run are the soak's."""
    course = Course(sandbox, kind)
    for seed in range(FIRST_SEED, FIRST_SEED + FAULTS):
        spoil = Spoil.drawn(random.Random(seed), course.calls)

        broken = course.broken(spoil)

        assert broken == [], f"{kind}, FAULTS_SEED={seed}: {spoil}"
