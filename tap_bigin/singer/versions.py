"""Rows that are gone: each reading of everything has a version, which is active once it is complete.

Loaders drop rows whose version is older than the active one, so all rows carry it, those of incremental runs
too. State keeps beside the bookmark

    {"version": 1779106438000, "sweeping": "…Z", "swept": "…Z", "since": "…Z"}

``version`` of the latest reading of everything, ``sweeping`` while it is under way (when it began) and
nothing was found to be missing in it, and of an incremental stream ``swept``: when the latest one began, and
``since``: the earliest start date that its rows stand for. Without one they are everything.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from tap_bigin.bookmarks import from_text, to_utc_text
from tap_bigin.singer.batch import Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime, timedelta

    from tap_bigin.singer.batch import State


def versioned(
    read: Callable[[State], Iterator[Batch]],
    state: State,
    *,
    now: datetime | None,
    is_due: Callable[[State], bool],
    start_date: datetime | None,
    is_incremental: bool,
    is_partial: Callable[[], bool],
) -> Iterator[Batch]:
    """What ``read`` gives, with its version; activated at the end of all, and never after a partial reading.

    ``now`` is Bigin's clock. ``is_due`` says whether everything is to be read: without its bookmark then, and
    of an incremental stream from ``start_date`` on, or from an earlier one that rows were read from before.
    """
    # Read whole already, but for what changed since: only then is there a bookmark while it is sweeping.
    is_nearly_done = "sweeping" in state and "replication_key_value" in state
    if not ("pass" in state or is_nearly_done) and is_due(state):
        state = _begun(state, now, start_date if is_incremental else None)
    reached = state
    for batch in read(state):
        reached = reached if batch.state is None else batch.state
        if is_partial() and "sweeping" in reached:  # noted at once: another run may go on from here
            reached = _ended(reached, is_incremental=is_incremental)
        told = None if batch.state is None else reached
        yield replace(batch, state=told, version=state.get("version"))
    if "sweeping" in reached:
        activates = not is_partial()
        done = _ended(reached, is_incremental=is_incremental)
        yield Batch([], done, version=state.get("version"), activates=activates)


def is_older(swept: str | None, now: datetime | None, *, than: timedelta) -> bool:
    """Whether the latest sweep is so old, or of no time that there can be: its clock was ahead.

    >>> from datetime import timedelta
    >>> nine, day = from_text("2026-05-14T09:00:00Z"), timedelta(days=1)
    >>> is_older("2026-05-13T10:00:00Z", nine, than=day), is_older("2026-05-13T09:00:00Z", nine, than=day)
    (False, True)
    >>> is_older("2099-05-14T09:00:00Z", nine, than=day), is_older("", nine, than=day)
    (True, True)
    """
    if not swept or now is None:
        return True
    age = now - from_text(swept)
    return age >= than or age < -than


def _begun(state: State, now: datetime | None, start_date: datetime | None) -> State:
    """The state of a stream that is to be read whole, under a version that no row has yet."""
    known = state.get("since") if "swept" in state else start_date and to_utc_text(start_date)
    since = min(from_text(known), start_date) if known and start_date else None
    version = max(int(state.get("version", 0)) + 1, int((now.timestamp() if now else time.time()) * 1000))
    kept = {
        name: each
        for name, each in state.items()
        if name != "since" and not name.startswith("replication_key")
    }
    begun = {**kept, "version": version, "sweeping": to_utc_text(now) if now else ""}
    return {**begun, "since": to_utc_text(since)} if since else begun


def _ended(state: State, *, is_incremental: bool) -> State:
    done = {name: each for name, each in state.items() if name != "sweeping"}
    return {**done, "swept": state["sweeping"]} if is_incremental else done
