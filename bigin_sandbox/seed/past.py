"""When seeded records were made and changed, and ids that grow with it.

Times lie in a past that is the same for every seed; deletions lie in the weeks before the clock's present,
for entries of the recycle bin fade (FACTS 4).
"""

from __future__ import annotations

from datetime import datetime
from random import Random
from typing import NamedTuple

from bigin_sandbox.clock import UTC

HOUR = 3600
DAY = 24 * HOUR
FIRST = int(datetime(2024, 2, 1, tzinfo=UTC).timestamp())
LAST = int(datetime(2025, 6, 30, tzinfo=UTC).timestamp())
IMPORT = int(datetime(2024, 11, 5, 14, 30, 7, tzinfo=UTC).timestamp())
IMPORTED = 0.25  # of a module's records: made in one second, never touched since (FACTS 7.6)
EDITED = 0.5  # of the others


class Moment(NamedTuple):
    """When one record was made and last changed, in seconds since 1970."""

    created: int
    modified: int


def moments(rng: Random, number: int) -> list[Moment]:
    """So many, in the order of creation; a quarter of them in one and the same second."""
    imported = [Moment(IMPORT, IMPORT)] * int(number * IMPORTED)
    others = [_moment(rng) for _ in range(number - len(imported))]
    return sorted([*imported, *others], key=lambda moment: moment.created)


def _moment(rng: Random) -> Moment:
    created = FIRST + int(rng.random() * (LAST - FIRST))
    if rng.random() < EDITED:
        return Moment(created, created + int(rng.random() * (LAST - created)))
    return Moment(created, created)


def text(epoch: int) -> str:
    """The stored form of an instant."""
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def day(epoch: int) -> str:
    """The date of an instant."""
    return text(epoch)[:10]
