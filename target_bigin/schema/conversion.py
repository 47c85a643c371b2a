"""A record as read → what Bigin shall get: fields matched, values converted, key and order known. No I/O.

Everything that can be decided once a stream is decided once: per record and property there remain a
look into a table and the call of a converter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from bigin_api.models import Field
from target_bigin.records.record import Fields, Lock, Record, Reject, Spoiled
from target_bigin.schema import warnings
from target_bigin.schema.context import StreamContext
from target_bigin.schema.deletion import is_deletion
from target_bigin.schema.fields import ID_NAMES, PASSED_ALONG, Dropped, FieldMatch
from target_bigin.schema.keys import KeyPlan
from target_bigin.values.converters import (
    APPENDING_TYPES,
    Convert,
    ValueOptions,
    make_converter,
    plain_length,
)
from target_bigin.values.errors import show
from target_bigin.values.objects import as_id
from target_bigin.values.sameness import compared_as

Entry = tuple[str, Convert, int]
"""A field's api_name, its converter, and up to which length a text that is not blank passes as it is."""
Check = Callable[[Fields], None]

_NEVER_NULL = frozenset(("Owner",))  # a record always has one
_UNKNOWN: Any = object()


class Conversion:
    """Of one stream's records. ``checks`` look at the body as a whole and may raise Reject."""

    def __init__(
        self, context: StreamContext, key: KeyPlan, match: FieldMatch, *, checks: Sequence[Check]
    ) -> None:
        settings, fields = context.settings, context.fields
        self._operation = settings.operation
        self._uses_ids = settings.ids == "bigin"
        self._key = key
        self._match = match
        self._account = context.account
        self._client = context.run.client
        self._write_nulls = context.run.settings.null_values == "write"
        self._uncleared = _uncleared(context)
        self._checks = checks
        self._source_key = context.source_key if settings.ids == "source" else None
        self._options = ValueOptions(
            truncate=settings.truncate,
            foreign_ids=settings.ids == "source",
            lookups=frozenset(settings.lookups),
            keys=frozenset((*key.fields, *key.unique)),
            on_cut=partial(warnings.cut, context.account),
            on_unknown_choice=partial(warnings.unknown_choice, context.account),
        )
        self._lock_fields = [
            (name, name in key.fields, compared_as(fields[name]))
            for name in dict.fromkeys((*key.fields, *key.unique))
        ]
        self._known_by = len(key.fields) if key.all_of else 1  # so many key fields must have a value
        rows = (name for name, field in fields.items() if field.data_type in APPENDING_TYPES)
        self._appending = ["$append_values", *rows]
        self._recurring = [name for name, field in fields.items() if field.data_type == "RRULE"]
        self._table: dict[str, Entry | None] = {}
        self._dropped: list[Dropped] | None = []

    def meet(self, names: Mapping[str, Any]) -> None:
        """Decide where these properties go, as the stream's schema lists them."""
        for name in names:
            self._meet(name)

    def fill(self, record: Record) -> None:
        """Fill in body, operation, id and locks. Raises Reject."""
        raw = record.raw
        if isinstance(raw, Spoiled):
            raise raw.why
        record.operation = self._operation
        if is_deletion(raw, self._client):
            record.operation = "delete"
        if self._uses_ids:
            self._take_id(record)
        if record.operation == "delete":
            self._convert({name: raw[name] for name in raw if self._is_key(name)}, record.body)
        else:
            self._convert(raw, record.body)
            self._finish(record)
        record.locks = self._locks(record)

    def _convert(self, raw: Fields, body: Fields) -> None:
        table = self._table
        try:
            for name, value in raw.items():
                entry = table.get(name, _UNKNOWN)
                if entry is _UNKNOWN:
                    entry = self._meet(name)
                if entry is None:
                    continue
                api_name, convert, plain = entry
                if type(value) is str and 0 < len(value) <= plain and not value.isspace():
                    body[api_name] = value  # most values of most records
                    continue
                converted = None if value is None else convert(value)
                if converted is not None:
                    body[api_name] = converted
                elif self._write_nulls and api_name not in self._uncleared:
                    body[api_name] = [] if api_name == "Tag" else None
        except Reject as bad:
            raise replace(bad, field=api_name) from None
        if self._dropped is not None:
            self._say_dropped()

    def _finish(self, record: Record) -> None:
        body = record.body
        if not body:
            raise Reject("invalid", "NOTHING_TO_WRITE", "no property is a field that takes a value.")
        for check in self._checks:
            check(body)
        for name in self._appending:
            if name in body:
                record.mergeable = False
        for name in self._recurring:
            if name in body:
                record.alone = True

    def _take_id(self, record: Record) -> None:
        for name in ID_NAMES:
            own = record.raw.get(name)
            if own in (None, ""):
                continue
            record.id = as_id(own)
            if record.id is None:
                message = (
                    f"{show(own)} is not the id of a record in Bigin (18 to 19 digits). "
                    "If ids are those of another system, set ids: source for the stream."
                )
                raise Reject("invalid", "NOT_AN_ID", message, "id")
            if record.operation != "delete":
                record.operation = "update"
            return

    def _locks(self, record: Record) -> tuple[Lock, ...]:
        body = record.body
        locks = []
        known = 0  # key fields that have a value
        for name, is_key, alike in self._lock_fields:
            value = body.get(name)
            if value is not None:
                locks.append((name, alike(value)))
                known += is_key
        if record.id is not None:
            return (("id", record.id), *locks)
        source = self._source_key(record.raw) if self._source_key else None
        if source is not None:
            locks.append(("source", source))
        if known < self._known_by and self._key.way != "none":
            if source is None or not self._key.has_map:
                raise self._keyless()
            if record.operation == "upsert":
                record.operation = "insert"  # unless the id map knows it
        return tuple(locks)

    def _keyless(self) -> Reject:
        fields = self._key.fields
        if not fields:
            return Reject(
                "invalid", "KEY_MISSING", "the record has no id, and its module no other key.", "id"
            )
        word = " and " if self._key.all_of else " or "
        message = f"no value in {word.join(fields)}, by which the record is known in Bigin."
        return Reject("invalid", "KEY_MISSING", message, fields[0])

    def _is_key(self, name: str) -> bool:
        if name not in self._table:
            self._meet(name)
        entry = self._table[name]
        return entry is not None and entry[0] in self._key.fields

    def _meet(self, name: str) -> Entry | None:
        entry: Entry | None = None
        if name in PASSED_ALONG:
            entry = (name, _as_it_is, 0)
        elif name not in ID_NAMES:
            found = self._match.field(name)
            if isinstance(found, Field):
                options = self._options
                entry = (found.api_name, make_converter(found, options), plain_length(found, options))
            elif found is not None and self._dropped is not None:
                self._dropped.append(found)
            elif found is not None:
                warnings.dropped_later(self._account, found)
        self._table[name] = entry
        return entry

    def _say_dropped(self) -> None:
        """With the first record, when the schema's properties and its own are known."""
        dropped, self._dropped = self._dropped, None
        warnings.dropped(self._account, dropped or [])


def _uncleared(context: StreamContext) -> frozenset[str]:
    """What a null never clears: the system's mandatory fields, and those that a layout requires."""
    system = {field.api_name for field in context.fields.values() if field.mandatory}
    required = [{field.api_name for field in layout.fields if field.required} for layout in context.layouts]
    return _NEVER_NULL.union(system, *required)


def _as_it_is(value: Any) -> Any:
    return value
