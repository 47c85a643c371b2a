"""Rows that a record carries (a deal's products, its other contacts): how they are read and linked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from bigin_api import Field, Metadata
from target_bigin.links.fields import Relation, link_of, put_id
from target_bigin.links.references import Link, PendingLink
from target_bigin.records.record import Record, Unresolved
from target_bigin.rows.difference import Row
from target_bigin.settings import LookupSettings, StreamSettings
from target_bigin.values.converters import APPENDING_TYPES, Convert, ValueOptions, make_converter
from target_bigin.values.errors import invalid, show, wrong
from target_bigin.values.objects import as_id
from target_bigin.values.sameness import Alike, compared_as


@dataclass(frozen=True)
class RowField:
    """A field that holds rows. ``by`` is the column that links to the record by which rows are the same."""

    name: str
    by: str
    columns: Mapping[str, Convert]
    links: Mapping[str, Link]  # by column
    alike: Mapping[str, Alike]  # how values are compared, by column

    def read(self, record: Record, value: Any) -> Iterator[PendingLink]:
        """Put clean rows in the place of what was given; what their links need. Raises Reject."""
        rows: list[Row] = []
        for given in value:
            row = self.clean(given)
            rows.append(row)
            for column, link in self.links.items():
                if isinstance(row.get(column), Unresolved):
                    yield link.need(row[column].value, partial(put_id, row, column))
        record.body[self.name] = rows

    def clean(self, given: Any) -> Row:
        """A row with converted values of columns that take them. A bare text is what the row links to."""
        if isinstance(given, str):
            given = {self.by: given}
        if not isinstance(given, Mapping):
            raise wrong(given, "a row")
        if self.by not in given and given.get("id") and len(self.columns) == 1:
            given = {self.by: {"id": given["id"], "name": given.get("name")}}  # {"id"} of what it links to
        row = {
            name: None if given[name] is None else convert(given[name])
            for name, convert in self.columns.items()
            if name in given
        }
        own = as_id(given.get("id"))
        if own is not None and not self.links[self.by].by_source:
            row["id"] = own
        if "_delete" in given:
            row["_delete"] = None
        return row


def row_fields(
    fields: Mapping[str, Field], settings: StreamSettings, metadata: Metadata
) -> dict[str, RowField]:
    """The fields of a module that hold rows, by api_name. Costs 1 credit a subform, for its columns."""
    found = {}
    for name, described in fields.items():
        if described.data_type in APPENDING_TYPES:
            shape = _row_field(described, settings, metadata)
            if shape is not None:
                found[name] = shape
    return found


def _row_field(described: Field, settings: StreamSettings, metadata: Metadata) -> RowField | None:
    rows_of = metadata.rows_module(described)
    if rows_of:
        columns = [each for each in metadata.fields(rows_of) if each.creatable or each.updatable]
    else:  # a multi-select lookup: one column, the link
        column = described.linking_lookup or described.api_name
        columns = [Field(column, "lookup", "jsonobject", lookup_module=described.lookup_module)]
    how = settings.lookups.get(described.api_name, LookupSettings())
    options = ValueOptions(
        truncate=settings.truncate,
        foreign_ids=settings.ids == "source",
        lookups=frozenset(each.api_name for each in columns) if how.match_on else frozenset(),
    )
    linking = [each for each in columns if each.data_type == "lookup"]
    if not linking:
        return None
    by = max(linking, key=lambda each: each.mandatory).api_name
    links = {
        each.api_name: replace(
            link_of(each, settings),
            name=described.api_name,
            how=how,
            must_be_there=each.api_name == by,
        )
        for each in linking
    }
    converters = {each.api_name: make_converter(each, options) for each in columns}
    alike = {each.api_name: compared_as(each, by_case=True) for each in columns}
    return RowField(described.api_name, by, converters, links, alike)


def undeclared_rows(fields: Mapping[str, Field]) -> dict[str, Relation]:
    """Refuses rows in a property that the stream's schema does not list: they would append unseen."""

    def refuse(_record: Record, value: Any) -> Iterator[PendingLink]:
        raise invalid(
            "UNDECLARED_ROWS", f"{show(value)} are rows, but the stream's schema lists no such property."
        )

    return {name: refuse for name, described in fields.items() if described.data_type in APPENDING_TYPES}
