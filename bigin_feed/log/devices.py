"""What each device of the sync flow has not acknowledged yet."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import sqlalchemy as sa

from bigin_feed.log.database import DEVICES, DUE
from bigin_feed.log.log import FeedLog
from bigin_feed.log.reading import Change


class Due(NamedTuple):
    """A record that a device is to get: what happened to it since the device last had it."""

    module: str
    id: str
    seq: int  # of the last change: an acknowledgement of an earlier one does not count
    event: str  # created, updated, deleted


def device_position(log: FeedLog, device: str) -> int | None:
    """How far the log was read for a device, None for a new one."""
    with log.reading() as connection:
        found = connection.execute(sa.select(DEVICES.c.position).where(DEVICES.c.device == device))
        return found.scalar()


def bring_to(log: FeedLog, device: str, position: int, changes: Iterable[Change] = ()) -> list[Due]:
    """Add changes to what a device is to get, note how far it is; gives all of it, oldest first."""
    with log.writing() as connection:
        due = {(each.module, each.id): each for each in _due(connection, device)}
        new = [
            Due(each.module, each.id, each.seq, _event(each, due.get((each.module, each.id))))
            for each in changes
        ]
        _drop(connection, device, new)
        if new:
            connection.execute(sa.insert(DUE), [{"device": device, **each._asdict()} for each in new])
        connection.execute(sa.delete(DEVICES).where(DEVICES.c.device == device))
        connection.execute(sa.insert(DEVICES).values(device=device, position=position))
        return _due(connection, device)


def acknowledge(log: FeedLog, device: str, received: Iterable[Due]) -> None:
    """Drop what a device has, unless it changed since it was handed out."""
    with log.writing() as connection:
        _drop(connection, device, received)


def _due(connection: sa.Connection, device: str) -> list[Due]:
    columns = (DUE.c.module, DUE.c.id, DUE.c.seq, DUE.c.event)
    found = connection.execute(sa.select(*columns).where(DUE.c.device == device).order_by(DUE.c.seq))
    return [Due(*each) for each in found]


def _drop(connection: sa.Connection, device: str, up_to: Iterable[Due]) -> None:
    named = [{"of": device, "in_module": each.module, "record": each.id, "last": each.seq} for each in up_to]
    if named:
        connection.execute(
            sa.delete(DUE).where(
                DUE.c.device == sa.bindparam("of"),
                DUE.c.module == sa.bindparam("in_module"),
                DUE.c.id == sa.bindparam("record"),
                DUE.c.seq <= sa.bindparam("last"),
            ),
            named,
        )


def _event(change: Change, earlier: Due | None) -> str:
    if change.was_deleted or (earlier is not None and earlier.event == "deleted"):
        return "deleted"
    is_new = change.was_inserted or (earlier is not None and earlier.event == "created")
    return "created" if is_new else "updated"
