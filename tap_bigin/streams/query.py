"""The stream of a COQL query: by key where the query leaves its order open, else as it stands."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bigin_api.endpoints.coql import all_of, moment
from bigin_api.errors import PaginationLimit
from bigin_api.limits import COQL_MAX_ROWS, COQL_MAX_WINDOW
from tap_bigin.bookmarks import Pass, begin, complete, from_text, pass_of, read_from, shape_of_pass
from tap_bigin.queries import QueryDefinition
from tap_bigin.singer.batch import Chunk
from tap_bigin.streams.stream import BiginStream
from tap_bigin.values.conversion import Conversion

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_bigin.singer.batch import Record, State


class QueryStream(BiginStream[QueryDefinition]):
    """Rows of one query.

    By key it has no end at 10,000 rows, and nothing that people do meanwhile shifts it. Its bookmark is
    the latest value seen, or Bigin's clock before the pass where that is earlier: a replication key may
    be a field that people fill in, and what is written during a pass belongs to the next one.
    """

    def read(self, state: State) -> Iterator[Chunk]:
        """A page of rows a chunk; the bookmark moves when all are read."""
        definition = self.definition
        pass_ = self._pass(state)
        pages = self._as_it_stands() if definition.select.is_bounded else self._by_key(pass_)
        convert = Conversion(
            definition.schema.properties, definition.schema.treatments, warn=self.report.warn
        )
        joined = {column: name for column, name in definition.properties.items() if column != name}
        for rows in pages:
            for row in rows:
                for column, name in joined.items():
                    row[name] = row.pop(column, None)
            after = str(rows[-1]["id"])
            convert(rows)
            pass_ = replace(
                pass_, after=after, emitted=pass_.emitted + len(rows), last=(self._latest(pass_, rows), after)
            )
            yield Chunk(rows, None if definition.select.is_bounded else begin(state, pass_))
        yield Chunk([], self._complete(state, pass_))

    def _pass(self, state: State) -> Pass:
        key = self.replication_key if self.is_incremental else None
        select = self.definition.select
        shape = shape_of_pass(select.text, key)
        since = read_from(state, key, start_date=self.settings.start_date) if key else None
        return pass_of(state, shape=shape) or Pass(
            "full" if since is None else "incremental", self.tap.client.server_time, shape, since=since
        )

    def _by_key(self, pass_: Pass) -> Iterator[list[Record]]:
        select, replication = self.definition.select, self.definition.replication_column
        conditions = [select.condition]
        if replication and pass_.since:
            conditions.append(f"{replication} >= {moment(pass_.since)}")
        return self.client.coql.pages_by_id(
            select.module.text,
            [each.text for each in select.columns],
            where=all_of(conditions),
            after_id=pass_.after or "0",
        )

    def _as_it_stands(self) -> Iterator[list[Record]]:
        """By offset, which ends at 10,000 rows. Raises PaginationLimit if there are more."""
        select = self.definition.select
        offset, limit = select.offset or 0, select.limit or COQL_MAX_ROWS
        while True:
            if offset + limit > COQL_MAX_WINDOW:
                raise PaginationLimit(
                    f"the query has more than {COQL_MAX_WINDOW:,} rows, where COQL's offset ends. Leave out "
                    "its order by, limit and offset: then it is read by id, without an end."
                )
            page = self.client.coql.query(select.page(limit=limit, offset=offset), module=select.module.text)
            if page.records:
                yield page.records
            if select.limit is not None or not page.more_records:
                return
            offset += limit

    def _latest(self, pass_: Pass, rows: Sequence[Record]) -> str:
        """The latest value of the replication key until now, "" where there is none."""
        seen = [pass_.last[0]] if pass_.last else []
        if self.replication_key:
            seen += [row[self.replication_key] for row in rows if row[self.replication_key]]
        return max(seen, default="")  # all in UTC and of one form, so text sorts as time does

    def _complete(self, state: State, pass_: Pass) -> State:
        latest = pass_.last[0] if pass_.last else ""
        started = pass_.started
        # Where nothing was seen the bookmark stays as it is.
        pass_ = replace(pass_, started=min(started, from_text(latest)) if started and latest else None)
        return complete(state, pass_, replication_key=self.replication_key if self.is_incremental else None)
