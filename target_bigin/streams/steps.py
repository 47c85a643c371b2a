"""The seam: what may stand on a record's way before it is written, and after.

A record passes, in this order::

    match fields → convert values          preparing.py (pure)
    → before: lookups → find ids → brake on deletes → unchanged       Steps
    → batching → writing (records or bulk)
    → after: tags, notes, id map, cache of what was written           Steps
    → settled in the ledger

The lane notes a record's locks when it enters the first step and frees them when it is settled, so
a step may hold a record back as long as it likes: a later record of the same key waits behind it,
all others overtake.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from target_bigin.records.record import Action, Prepared, Reject


def _nowhere(*_what: Any) -> None:
    raise RuntimeError("A step passed a record on before it was bound to its lane.")


class Step:
    """One step on a record's way. A lane owns its steps.

    Every method runs on the main thread and none waits for the network: what must be asked goes
    through ``Flights.start``, whose ``done`` runs on the main thread again.
    """

    go_on: Callable[[Prepared], None] = staticmethod(_nowhere)
    """Pass a record that was held back on to what follows this step. Set by the lane, as are the next two."""

    refuse: Callable[[Prepared, Reject], None] = staticmethod(_nowhere)
    """End a record that is not to be written, held back or in ``take`` (which then returns False)."""

    settle: Callable[[Prepared, Action], None] = staticmethod(_nowhere)
    """End a record that needs no writing: ``unchanged``."""

    fail: Callable[[BaseException], None] = staticmethod(_nowhere)
    """The run cannot go on (AuthError, CreditBudgetReached, a TransientError after all tries)."""

    def take(self, record: Prepared) -> bool:
        """Whether the record goes on now.

        False: the step keeps it and calls ``go_on(record)`` later, or has ended it by ``refuse`` or
        ``settle``.
        """
        raise NotImplementedError

    def freed(self, record: Prepared) -> None:
        """Every earlier record of the same key has ended; this one is not ready to be written yet.

        For steps that must not decide before that: ``record.queue.is_first(record)`` tells in ``take``.
        """

    def tick(self, *, flush: bool) -> None:
        """Called about once a second, and often while nothing is read.

        With ``flush`` what waits for company (a lookup for 49 others) is asked for now.
        """

    def finish(self) -> None:
        """The input has ended and nothing is in flight: what waits for a record that never came is let go.

        Called again while that moves anything: what one record's end sets free may free others.
        """

    def activate_version(self, version: int) -> None:
        """All records of this version have been read; what older versions left may be deleted."""

    def close(self, *, in_good_order: bool) -> None:
        """The run ends: close files. ``in_good_order``: everything read has been settled."""
