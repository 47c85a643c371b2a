"""A stream of the tap whose client and feed a test scripts: the SDK and the run behind it are real.

stream = stream_of(Kind, definition, client=…, entry={…}, feed=…, extraction_method="list")
stream.run, stream.tap_state, said(stream)
"""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

from bigin_api import InFlight
from support.listed import Now
from support.scripted import settings_for
from tap_bigin.run import Run
from tap_bigin.singer.writer import PageWriter, ShortStateWriter

URL = "http://127.0.0.1:1"  # where nobody is


class Calls(Now):
    """The same for work of which more follows."""

    map_in_order = InFlight.map_in_order  # type: ignore[assignment]
    as_they_come = InFlight.as_they_come
    workers = 1
    _fill = InFlight._fill


class Lines(logging.Logger):
    """Keeps what is logged: level and text."""

    def __init__(self) -> None:
        super().__init__("tap-bigin")
        self.lines: list[tuple[int, Any]] = []

    def log(self, level: int, _form: object, *what: object, **_: Any) -> None:
        self.lines.append((level, *what))


class Quiet(SimpleNamespace):
    """A client that is one for every label, and knows a clock."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**{"server_time": None, "credit_budget": None, "calls_ahead": None, **more})

    def labelled(self, _name: str) -> Quiet:
        return self

    def urgent(self) -> Quiet:
        return self


def stream_of(kind: Any, definition: Any, *, client: Any = None, **more: Any) -> Any:
    """A stream with this entry of the state; what is neither ``entry`` nor of the run is a setting."""
    entry = more.pop("entry", None)
    shared = {name: more.pop(name) for name in ("unreadable", "turns", "entries") if name in more}
    feed, beside = more.pop("feed", None), more.pop("beside", ())
    config = {**settings_for(URL), **more}
    streams: list[Any] = [*beside]
    run = Run(config, logger=Lines(), carried={}, told_before={}, streams=lambda: streams, **shared)
    run.__dict__.update(client=client or Quiet(), calls=Calls(), feed=feed)
    messages = PageWriter()
    tap = SimpleNamespace(
        name="tap-bigin",
        logger=logging.getLogger("tap-bigin"),
        metrics_logger=logging.getLogger("tap-bigin"),
        config=config,
        state={"bookmarks": {} if entry is None else {definition.name: entry}},
        initialized_at=0,
        message_writer=messages,
        state_writer=ShortStateWriter(messages, {}),
    )
    stream = kind(tap, run, definition)
    streams.append(stream)
    return stream


def said(stream: Any) -> list[str]:
    """What was logged, warnings with a mark in front."""
    lines = stream.run.report._logger.lines
    return [("! " if level == logging.WARNING else "") + text for level, text in lines]
