"""What goes wrong with notifications on their way, as a test asks: `POST /_sandbox/deliveries`.

    {"lose": 0.1}            so large a share of the POSTs is never sent
    {"double": 0.1}          … is sent twice
    {"reorder": 0.1}         … is held until a later one has gone out, or for a second
    {"delay_ms": 800}        each is sent so much later
    {"jitter_ms": 500}       … and by up to so much more, so that later ones overtake it
    {"gather_ms": 200}       what changes within that time goes out together: several ids a POST
    {"ids_per_post": 1}      at most so many ids a POST (100 unless asked for)
    {"silent": ["Tasks"]}    nothing is told of these modules until their channel is put again
    {"silent_causes": ["bulk", "import", "cascade"]}    nothing is told of what a Bulk Write job wrote, of
                             an import (`create` with a `count`), of what a deletion took along
    {"seed": 7}              another course of chance

Each POST names all its options: what is left out is as at the start. FACTS 6 promises neither order nor
retries, tells of modules that stay silent until their subscription is updated, and does not know whether
imports, bulk writes and cascades notify.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from bigin_sandbox.wishes import read_wish

MOST_IDS = 100
CAUSES = frozenset({"edit", "bulk", "import", "cascade"})
SHARES = ("lose", "double", "reorder")


@dataclass
class Troubles:
    """How notifications fare; the default is that all goes well."""

    lose: float = 0.0
    double: float = 0.0
    reorder: float = 0.0
    delay_ms: float = 0
    jitter_ms: float = 0
    gather_ms: float = 0
    ids_per_post: int = MOST_IDS
    silent: list[str] = field(default_factory=list)
    silent_causes: list[str] = field(default_factory=list)
    seed: int = 1

    def __post_init__(self) -> None:
        self._dice = Random(self.seed)

    def happens(self, share: float) -> bool:
        """Whether one of the things that happen to a share of the POSTs happens to this one."""
        return share > 0 and self._dice.random() < share

    def delay(self) -> float:
        """How many seconds later than usual this POST is sent."""
        return (self.delay_ms + self._dice.random() * self.jitter_ms) / 1000


def troubles_of(wish: dict[str, Any]) -> Troubles:
    """The troubles that a control asks for.

    Raises ValueError for a key or a value that none has.
    """
    troubles = read_wish(wish, Troubles, what="deliveries")
    if any(not 0 <= getattr(troubles, name) <= 1 for name in SHARES):
        raise ValueError(f"{', '.join(SHARES)} are shares from 0 to 1: {wish}")
    if not CAUSES.issuperset(troubles.silent_causes):
        raise ValueError(f"silent_causes are some of {', '.join(sorted(CAUSES))}: {wish}")
    if not 1 <= troubles.ids_per_post <= MOST_IDS:
        raise ValueError(f"ids_per_post is 1 to {MOST_IDS}, not {troubles.ids_per_post}")
    return troubles
