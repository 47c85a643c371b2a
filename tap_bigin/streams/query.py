"""COQL queries: what the settings name → definitions, and how a query is read.

The schema comes from the metadata of the selected columns. A joined column (``Account_Name.Phone``)
becomes the property ``Account_Name__Phone``: a dot in a property's name means nesting to selection rules
and to many loaders. A query is read by key where it leaves its order open, else as it stands.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from bigin_api.endpoints.coql import all_of, as_column, moment
from bigin_api.endpoints.coql_select import QueryError, Select, read_select
from bigin_api.errors import InvalidRequest, PaginationLimit, Refused, SettingsError, did_you_mean
from bigin_api.limits import COQL_MAX_ROWS, COQL_MAX_WINDOW
from bigin_api.models import Field
from tap_bigin.bookmarks import begin, complete, from_text, scan_of, shape_of_scan
from tap_bigin.discovery.definition import StreamDefinition
from tap_bigin.singer.batch import Batch
from tap_bigin.streams.stream import BiginStream
from tap_bigin.values.schema import record_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bigin_api import Client
    from tap_bigin.bookmarks import Scan
    from tap_bigin.settings import Lookups
    from tap_bigin.singer.batch import Record, State


ID = Field("id", "text", "string")
UNDESCRIBED = "undescribed"  # a column that the metadata does not list: it gets a permissive schema


@dataclass(frozen=True, kw_only=True)
class QueryDefinition(StreamDefinition):
    """A query's rows. ``properties`` has the property for each column of an answer."""

    select: Select
    properties: Mapping[str, str]
    replication_column: str | None


def property_name(column: str) -> str:
    """The property of a column.

    >>> property_name("Account_Name.Phone")
    'Account_Name__Phone'
    """
    return column.replace(".", "__")


def define_query(
    client: Client, given: Mapping[str, Any], *, lookups: Lookups, checks: bool = True
) -> QueryDefinition:
    """The stream of a query, which Bigin checks for 1 credit before anything is read, if so asked.

    Raises SettingsError that names the query, the line and the column; BiginError if Bigin cannot tell.
    """
    name = str(given["name"])
    try:
        select = read_select(str(given["query"]))
        if checks:
            _check(client, name, select)
        return _define(client, name, select, given, lookups)
    except QueryError as error:
        raise SettingsError(f"queries: {name}: {error}.") from None


def _check(client: Client, name: str, select: Select) -> None:
    """Have Bigin read the query. Raises QueryError where Bigin says where it is wrong."""
    try:
        client.labelled(name).coql.query(select.complete, module=select.module.text)
    except InvalidRequest as refused:
        raise _located(refused, select, hint=_meant(client, refused, select)) from None


def _meant(client: Client, refused: InvalidRequest, select: Select) -> str:
    """What a column or module that Bigin refuses may mean. Costs a credit or two where a query is wrong."""
    column, module = refused.details.get("column_name"), refused.details.get("module")
    try:
        if isinstance(column, str):
            return did_you_mean(
                column, [each.api_name for each in client.metadata.fields(select.module.text)]
            )
        return did_you_mean(
            module or select.module.text, [each.api_name for each in client.metadata.modules()]
        )
    except Refused:
        return ""


def _located(refused: InvalidRequest, select: Select, *, hint: str) -> QueryError:
    """Bigin's refusal with its place: its own line and column, else where the column or module stands."""
    details = refused.details
    line, column = details.get("line"), details.get("column")
    if line and column:
        return QueryError(f"line {line}, column {column}: {refused.message}{hint}")
    names = [*select.columns, select.module]
    named = (details.get("column_name"), details.get("module"))
    found = next((each for wanted in named for each in names if each.bare == wanted), None)
    return select.error(f"{refused.message}{hint}", at=found.at if found else 0)


def _define(
    client: Client, name: str, select: Select, given: Mapping[str, Any], lookups: Lookups
) -> QueryDefinition:
    described = {each.bare: _field_of(client, select.module.text, each.bare) for each in select.columns}
    described["id"] = ID  # Bigin gives it, asked for or not
    fields = [
        dataclasses.replace(each, api_name=property_name(column))
        for column, each in described.items()
        if column != "id"
    ]
    properties = {column: property_name(column) for column in described}
    for given_name, count in Counter(properties.values()).items():
        if count > 1:
            alike = " and ".join(column for column, each in properties.items() if each == given_name)
            raise select.error(f"{alike} would both be the property {given_name}", at=0)
    schema = record_schema(select.module.text, fields, lookups=lookups)
    keys = tuple(map(property_name, given.get("primary_keys") or ("id",)))
    lacking = set(keys) - set(properties.values())
    if lacking:
        hint = did_you_mean(min(lacking), properties.values(), otherwise=".")
        raise SettingsError(
            f"queries: {name}: primary_keys {', '.join(sorted(lacking))} is not selected{hint}"
        )
    replication = _replication_column(name, given.get("replication_key"), described)
    if replication and select.is_bounded:
        raise SettingsError(
            f"queries: {name}: with a replication_key the query has no order by, limit or offset of its own."
        )
    return QueryDefinition(
        name=name,
        schema=schema,
        primary_keys=keys,
        replication_key=property_name(replication) if replication else None,
        select=select,
        properties=properties,
        replication_column=replication,
    )


def _field_of(client: Client, module: str, column: str) -> Field:
    """The field behind a column, followed through lookups."""
    *lookups, last = column.split(".")
    for lookup in lookups:
        through = client.metadata.field(module, lookup)
        if through is None or through.lookup_module is None:
            return Field(last, UNDESCRIBED)
        module = through.lookup_module
    return ID if last == "id" else client.metadata.field(module, last) or Field(last, UNDESCRIBED)


def _replication_column(name: str, wanted: str | None, described: Mapping[str, Field]) -> str | None:
    if not wanted:
        return None
    column = next((each for each in described if wanted in (each, property_name(each))), None)
    if column is None or described[column].data_type != "datetime":
        times = [each for each, field in described.items() if field.data_type == "datetime"]
        hint = did_you_mean(wanted, times, otherwise=".")
        raise SettingsError(f"queries: {name}: replication_key {wanted} is no selected datetime column{hint}")
    return column


class QueryStream(BiginStream[QueryDefinition]):
    """Rows of one query.

    By key it has no end at 10,000 rows, and nothing that people do meanwhile shifts it. Its bookmark is
    the latest value seen, or Bigin's clock before the pass where that is earlier: a replication key may
    be a field that people fill in, and what is written during a pass belongs to the next one.
    """

    @property
    def module_read(self) -> str:
        """The one after ``from``."""
        return self.definition.select.module.text

    @property
    def least_credits(self) -> int:
        """A page of what is read by key; all pages that there can be of what is read as it stands."""
        select = self.definition.select
        if not select.is_bounded or select.limit is not None:
            return super().least_credits
        return super().least_credits + COQL_MAX_WINDOW // COQL_MAX_ROWS

    def read(self, state: State) -> Iterator[Batch]:
        """A page of rows a batch; the bookmark moves when all are read."""
        definition = self.definition
        columns = [each.bare for each in definition.select.columns]
        asks = shape_of_scan(definition.select.module.text, definition.select.condition)
        state = self.with_fields(state, columns, asks=asks)
        shape = shape_of_scan(definition.select.text, self.bookmark_key)
        scan = scan_of(state, shape=shape) or self.new_scan(state, shape=shape)
        pages = self._as_it_stands() if definition.select.is_bounded else self._by_key(scan)
        joined = {column: name for column, name in definition.properties.items() if column != name}
        for rows in pages:
            for row in rows:
                for column, name in joined.items():
                    row[name] = row.pop(column, None)
            after = str(rows[-1]["id"])
            self.convert(rows)
            scan = replace(
                scan, after=after, emitted=scan.emitted + len(rows), last=(self._latest(scan, rows), after)
            )
            yield Batch(self.with_keys(rows), None if definition.select.is_bounded else begin(state, scan))
        yield Batch([], self._complete(state, scan))

    def _by_key(self, scan: Scan) -> Iterator[list[Record]]:
        select, replication = self.definition.select, self.definition.replication_column
        conditions = [select.condition]
        if replication and scan.since:
            conditions.append(f"{as_column(replication)} >= {moment(scan.since)}")
        return self.client.coql.pages_by_id(
            select.module.text,
            [each.bare for each in select.columns],
            where=all_of(conditions),
            after_id=scan.after or "0",
            on_lack=self.report.lacks,
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
            if page.left_out:
                self.report.lacks(f"{page.left_out} rows without id: left out.")
            if page.records:
                yield page.records
            if select.limit is not None or not page.more_records:
                return
            offset += limit

    def _latest(self, scan: Scan, rows: Sequence[Record]) -> str:
        """The latest value of the replication key until now, "" where there is none."""
        seen = [scan.last[0]] if scan.last else []
        if self.replication_key:
            seen += [row[self.replication_key] for row in rows if row[self.replication_key]]
        return max(seen, default="")  # all in UTC and of one form, so text sorts as time does

    def _complete(self, state: State, scan: Scan) -> State:
        latest = scan.last[0] if scan.last else ""
        started = scan.started
        # Where nothing was seen the bookmark stays as it is.
        scan = replace(scan, started=min(started, from_text(latest)) if started and latest else None)
        return complete(state, scan, replication_key=self.bookmark_key)
