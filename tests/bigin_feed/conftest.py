"""What the feed's tests share: a log in each database, and notifications as Bigin sends them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bigin_feed.log import FeedLog

_numbers = itertools.count()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a fresh log may stand, in each database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'feed.sqlite'}"
    server = sa.make_url(request.getfixturevalue("postgresql")).set(drivername="postgresql+psycopg")
    name = f"feed_{next(_numbers)}"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return server.set(drivername="postgresql", database=name).render_as_string(hide_password=False)


@pytest.fixture
def open_log() -> Iterator[Callable[..., FeedLog]]:
    """``open_log(url, read_only=…)``: logs that are closed at the end. Made in 1970, their numbers begin at 1."""
    logs: list[FeedLog] = []

    def make(url: str, **how: Any) -> FeedLog:
        logs.append(FeedLog(url, **{"now": lambda: "1970-01-01T00:00:00Z", **how}))
        return logs[-1]

    yield make
    for log in logs:
        log.close()


@pytest.fixture
def log(url: str, open_log: Callable[..., FeedLog]) -> FeedLog:
    """A fresh log, in each database."""
    return open_log(url)
