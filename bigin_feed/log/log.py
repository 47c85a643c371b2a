"""The log itself: append, read, keep, prune. Every method is one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from typing_extensions import Self

from bigin_api.moments import utc_text
from bigin_feed.log import database
from bigin_feed.log.database import BODIES, COUNTER, DEVICES, DUE, KEPT, ROWS, SILENCES, LogUnusable
from bigin_feed.log.reading import Change, Row, Silence, State, coalesce
from bigin_feed.notifications import Told

PRUNED_AT_ONCE = 10_000
ROWS_AT_ONCE = 5_000
_LOCKED_HEAD = sa.select(COUNTER.c.head).with_for_update()
_SET_HEAD = sa.update(COUNTER).values(
    head=sa.bindparam("new_head"),
    heartbeat=sa.func.coalesce(sa.bindparam("new_beat", type_=sa.Text), COUNTER.c.heartbeat),
)


def now_text() -> str:
    """The present as the log writes it: UTC, milliseconds, so that texts sort as moments do."""
    return utc_text(datetime.now(timezone.utc), timespec="milliseconds")


@dataclass(frozen=True)
class Post:
    """The rows of one POST; with a digest, they are stored only if no such body came before."""

    told: Sequence[Told]
    received: str | None = None  # None: when it is stored
    digest: str | None = None


class FeedLog:
    """A log by its URL. Use it as a context manager, or call ``close``; safe for many threads."""

    def __init__(self, url: str, *, read_only: bool = False, now: Callable[[], str] = now_text) -> None:
        """Open the log; it is made where there is none, unless ``read_only``. Raises LogUnusable."""
        self.url = url
        self._engine = database.connect(url, read_only=read_only)
        try:
            if not read_only:
                database.create(self._engine, now=now())
            with self._engine.begin() as connection:
                database.check(connection, url)
        except (sa.exc.SQLAlchemyError, LogUnusable) as error:
            self._engine.dispose()
            if isinstance(error, LogUnusable):
                raise
            raise LogUnusable(
                f"feed_log: {database.shown_url(url)} cannot be used: {database.cause(error)}"
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    # reading

    def state(self) -> State:
        """Id, head, how far it was pruned, heartbeat."""
        with self.reading() as connection:
            found = connection.execute(
                sa.select(COUNTER.c.id, COUNTER.c.head, COUNTER.c.pruned, COUNTER.c.heartbeat)
            ).one()
        return State(*found)

    def changes(self, after: int, up_to: int) -> list[Change]:
        """What was told after a position, up to one, each record once."""
        columns = (ROWS.c.seq, ROWS.c.module, ROWS.c.id, ROWS.c.operation)
        with self.reading() as connection:
            told = connection.execute(_between(sa.select(*columns), ROWS.c.seq, after, up_to))
            return coalesce((each.seq, each.module, each.id, each.operation) for each in told)

    def rows(self, after: int, up_to: int) -> Iterator[Row]:
        """Each row after a position, up to one, some thousand in memory at a time."""
        while True:
            with self.reading() as connection:
                found = connection.execute(
                    _between(sa.select(ROWS), ROWS.c.seq, after, up_to).limit(ROWS_AT_ONCE)
                ).all()
            for each in found:
                yield Row(**{**each._mapping, "fields": tuple(msgspec.json.decode(each.fields))})  # noqa: SLF001
            if len(found) < ROWS_AT_ONCE:
                return
            after = found[-1].seq

    def silences(self, after: int = 0, *, last: int | None = None) -> list[Silence]:
        """The silences noted after a position; only the last so many, if asked so."""
        select = sa.select(SILENCES).where(SILENCES.c.seq > after).order_by(SILENCES.c.seq.desc()).limit(last)
        with self.reading() as connection:
            return [Silence(*each) for each in reversed(connection.execute(select).all())]

    def position_at(self, moment: str) -> int:
        """The position before everything that was received at a moment, in milliseconds, or later."""
        first = sa.select(sa.func.min(ROWS.c.seq)).where(ROWS.c.received >= moment)
        with self.reading() as connection:
            found = connection.execute(first).scalar()
            head: int = connection.execute(sa.select(COUNTER.c.head)).scalar_one()
        return head if found is None else int(found) - 1

    def kept(self) -> dict[str, Any]:
        """What programs keep in the log beside its rows, by name."""
        with self.reading() as connection:
            found = connection.execute(sa.select(KEPT.c.name, KEPT.c.value))
            return {name: msgspec.json.decode(value) for name, value in found}

    # writing

    def append(
        self,
        posts: Sequence[Post] = (),
        *,
        silence: tuple[str, str, str] | None = None,
        heartbeat: str | None = None,
    ) -> int:
        """Store POSTs, a silence ``(begun, ended, why)`` and a heartbeat together; gives the new head."""
        with self._engine.begin() as connection:
            head: int = connection.execute(_LOCKED_HEAD).scalar_one()
            if silence is not None:
                head += 1
                begun, ended, why = silence
                noted = sa.insert(SILENCES).values(seq=head, begun=begun, ended=ended, why=why)
                connection.execute(noted)
            fresh = _new(connection, posts)
            rows = [_row(seq, *each) for seq, each in enumerate(fresh, head + 1)]
            database.insert(connection, ROWS, rows)
            head += len(rows)
            connection.execute(_SET_HEAD, {"new_head": head, "new_beat": heartbeat})
            return head

    def keep(self, values: Mapping[str, Any]) -> None:
        """Keep values by name, in place of those that were kept."""
        rows = [{"name": name, "value": msgspec.json.encode(each).decode()} for name, each in values.items()]
        with self.writing() as connection:
            connection.execute(sa.delete(KEPT).where(KEPT.c.name.in_(values)))
            connection.execute(sa.insert(KEPT), rows)

    def keep_first(self, name: str, value: Any) -> Any:
        """Keep a value unless one is kept by that name; gives the one that is kept from now on."""
        with self.writing() as connection:
            found = connection.execute(sa.select(KEPT.c.value).where(KEPT.c.name == name)).scalar()
            if found is not None:
                return msgspec.json.decode(found)
            connection.execute(sa.insert(KEPT).values(name=name, value=msgspec.json.encode(value).decode()))
            return value

    def prune(self, before: str) -> None:
        """Drop what was received before a moment, in steps: nobody waits long for the writer's place."""
        while self._prune_step(before):
            pass

    def _prune_step(self, before: str) -> int:
        with self.writing() as connection:
            bodies = sa.select(BODIES.c.digest).where(BODIES.c.received < before).limit(PRUNED_AT_ONCE)
            gone = connection.execute(sa.delete(BODIES).where(BODIES.c.digest.in_(bodies))).rowcount
            oldest = (
                sa.select(ROWS.c.seq, ROWS.c.received).order_by(ROWS.c.seq).limit(PRUNED_AT_ONCE).subquery()
            )
            last = connection.execute(
                sa.select(sa.func.max(oldest.c.seq)).where(oldest.c.received < before)
            ).scalar()
            if last is None:
                return gone
            count = connection.execute(sa.delete(ROWS).where(ROWS.c.seq <= last)).rowcount
            connection.execute(sa.delete(SILENCES).where(SILENCES.c.seq <= last))
            too_late = sa.select(DEVICES.c.device).where(DEVICES.c.position < last)
            connection.execute(sa.delete(DUE).where(DUE.c.device.in_(too_late)))
            connection.execute(sa.update(COUNTER).values(pruned=last))
            return gone + count

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes. Writers go one after the other, so none waits in a circle."""
        with self._engine.begin() as connection:
            connection.execute(_LOCKED_HEAD)
            yield connection

    def reading(self) -> Connection:
        """A transaction that reads, as a context."""
        return self._engine.connect()


def _new(connection: Connection, posts: Sequence[Post]) -> list[tuple[str, Told]]:
    """When received and what told: of the POSTs whose body did not come before. Their digests are noted."""
    now = now_text()
    by_digest = {each.digest: each for each in reversed(posts) if each.digest is not None}
    for digest in database.known(connection, BODIES.c.digest, list(by_digest)):
        del by_digest[digest]
    database.insert(connection, BODIES, [(each.digest, each.received or now) for each in by_digest.values()])
    first = set(map(id, by_digest.values()))
    fresh = (each for each in posts if each.digest is None or id(each) in first)
    return [(each.received or now, told) for each in fresh for told in each.told]


def _row(seq: int, received: str, told: Told) -> tuple[Any, ...]:
    """The columns of ROWS, in their order."""
    return (
        seq, received, told.channel, told.module, told.id, told.operation, told.time, told.person,
        msgspec.json.encode(told.fields).decode(), told.values,
    )  # fmt: skip


def _between(select: sa.Select[Any], seq: sa.ColumnElement[int], after: int, up_to: int) -> sa.Select[Any]:
    return select.where(seq > after, seq <= up_to).order_by(seq)
