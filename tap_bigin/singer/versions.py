"""Rows that are gone: each reading of everything has a version, which is active once it is complete.

Loaders drop rows whose version is older than the active one, so all rows carry it, those of incremental runs
too. State keeps beside the bookmark

    {"version": 1779106438000, "sweeping": "…Z", "swept": "…Z"}

``version`` of the latest reading of everything, ``sweeping`` while it is under way (when it began), and of an
incremental stream ``swept``: when the latest one that was completed began.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tap_bigin.bookmarks import to_utc_text
from tap_bigin.singer.batch import Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from tap_bigin.singer.batch import State


def versioned(
    read: Callable[[State], Iterator[Batch]],
    state: State,
    *,
    now: datetime | None,
    is_due: Callable[[State], bool],
    is_incremental: bool,
    is_partial: Callable[[], bool],
) -> Iterator[Batch]:
    """What ``read`` gives, with its version; activated at the end of all, and never after a partial reading.

    ``now`` is Bigin's clock. ``is_due`` says whether everything is to be read: without its bookmark then.
    """
    if "pass" not in state and is_due(state):
        version = max(int(state.get("version", 0)) + 1, int(now.timestamp() * 1000) if now else 0)
        kept = {name: each for name, each in state.items() if not name.startswith("replication_key")}
        state = {**kept, "version": version, "sweeping": to_utc_text(now) if now else ""}
    reached = state
    for batch in read(state):
        reached = reached if batch.state is None else batch.state
        yield replace(batch, version=state.get("version"))
    if "sweeping" in reached and not is_partial():
        done = {name: each for name, each in reached.items() if name != "sweeping"}
        if is_incremental:
            done["swept"] = reached["sweeping"]
        # What is read in one go at each run needs no state.
        ended = None if reached is state else done
        yield Batch([], ended, version=state.get("version"), activates=True)
