"""The stream of changes: a row for each field that a notification told of, from the feed's log alone.

Bigin has no history to ask for, so this is the only one; it begins with the log. State has how far the log
was written: ``{"log": "<id of the log>", "seq": 41}``. Rows are never changed, and none comes twice but after
a replay, with the same key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from tap_bigin.bookmarks import from_text, to_utc_text
from tap_bigin.discovery.definition import StreamDefinition
from tap_bigin.singer.batch import Batch
from tap_bigin.streams.stream import BiginStream
from tap_bigin.values.data_types import DATETIME, STRING, USER, nullable
from tap_bigin.values.schema import RecordSchema

if TYPE_CHECKING:
    from bigin_feed.log import Row
    from bigin_feed.log import State as LogState
    from tap_bigin.settings import Lookups
    from tap_bigin.singer.batch import Record, State

CHANGES = "changes"
WHOLE = "*"  # stands for the field of what was told without fields
ROWS_AT_ONCE = 1_000


@dataclass(frozen=True)
class ChangesDefinition(StreamDefinition):
    """The stream of changes."""


def define_changes(*, lookups: Lookups = "object") -> ChangesDefinition:
    """Its definition.

    >>> define_changes().primary_keys
    ('seq', 'field')
    """
    properties = {
        "seq": {"type": "integer", "description": "Number of the notification's record in the log."},
        "module": {"type": "string"},
        "id": {"type": "string"},
        "operation": {"type": "string", "description": "insert, update or delete."},
        "field": {"type": "string", "description": "api_name; * for what was told without fields."},
        "value": nullable("string", description="Texts as they are, all else as JSON; null if not told."),
        "time": DATETIME,
        "person": STRING if lookups == "id" else USER,
    }
    schema = RecordSchema(properties, {"time": "datetime", "person": "link"})
    return ChangesDefinition(CHANGES, schema, ("seq", "field"), "seq")


class ChangesStream(BiginStream[ChangesDefinition]):
    """What the log tells, field by field. No call to Bigin."""

    def is_sweep_due(self, state: State) -> bool:  # noqa: ARG002 -- Bigin has nothing to sweep
        """Never: there is no other source."""
        return False

    def read(self, state: State) -> Iterator[Batch]:
        """As between two sweeps."""
        yield from self.read_told(state)

    def read_told(self, state: State) -> Iterator[Batch]:
        """The rows after those that were written, up to the log's head as the run took it."""
        feed = self.run.feed
        if feed is None:
            return
        after = feed.rows_from(state)
        if state:
            self._tell_what_is_amiss(state, feed.state, after)
        modules = self.settings.modules
        rows = feed.rows(after)
        while some := list(islice(rows, ROWS_AT_ONCE)):
            chosen = (row for row in some if any(fnmatchcase(row.module, glob) for glob in modules))
            records = [record for row in chosen for record in records_of(row)]
            self.convert(records)
            yield Batch(records, {"log": feed.state.id, "seq": some[-1].seq})

    def _tell_what_is_amiss(self, state: State, log: LogState, after: int) -> None:
        if state.get("log") != log.id:
            if log.pruned < state["seq"]:
                self.report.warn(
                    f"the log is another one and begins at {log.pruned:,}, the last one was read up to "
                    f"{state['seq']:,}: rows of the same number are replaced."
                )
        elif after < log.pruned:
            self.report.warn(
                f"the log was pruned up to {log.pruned:,} and was read up to {after:,}: what was told in "
                f"between is in no row of this stream. Read more often than the log keeps its rows."
            )


def records_of(row: Row) -> Iterator[Record]:
    """A record for each field that a row of the log tells of.

    >>> from bigin_feed.log import Row
    >>> told = Row(7, "", "1", "Tasks", "5", "update", "2026-05-14T09:53:58.120Z", None, ("A",), '{"A": 1.5}')
    >>> [(each["seq"], each["field"], each["value"]) for each in records_of(told)]
    [(7, 'A', '1.5')]
    """
    values: Mapping[str, Any] = msgspec.json.decode(row.values) if row.values else {}
    shared = {
        "seq": row.seq,
        "module": row.module,
        "id": row.id,
        "operation": row.operation,
        "time": to_utc_text(from_text(row.time or row.received)),
        "person": msgspec.json.decode(row.person) if row.person else None,
    }
    for name in dict.fromkeys((*row.fields, *values)) or (WHOLE,):
        yield {**shared, "field": name, "value": _text(values.get(name))}


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()
