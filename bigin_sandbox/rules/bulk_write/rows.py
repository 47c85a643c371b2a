"""Rows of a Bulk Write job, written one by one by the rules that hold for every record.

Each row ends as ADDED, UPDATED, SKIPPED or UNPROCESSED; why it was skipped stands in `ERRORS`, columns of
one code by comma, codes by colon: `MANDATORY_NOT_FOUND-Company,Last_Name:DUPLICATE_DATA-Email`.
Source: FACTS 5, write.md 10.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bigin_sandbox.rules.bulk_write.cells import cell_value
from bigin_sandbox.rules.values.values import is_empty
from bigin_sandbox.rules.writing.refused import RecordRefused
from bigin_sandbox.rules.writing.write_options import WriteOptions
from bigin_sandbox.writer import Writer

if TYPE_CHECKING:
    from bigin_sandbox.http.calls import Context
    from bigin_sandbox.rules.bulk_write.mapping import Mapping, WriteQuery
    from bigin_sandbox.rules.bulk_write.upload import Table
    from bigin_sandbox.storage.metadata import Item
    from bigin_sandbox.storage.store import Record

ADDED, UPDATED, SKIPPED, UNPROCESSED = "ADDED", "UPDATED", "SKIPPED", "UNPROCESSED"
CODES = frozenset({"MANDATORY_NOT_FOUND", "INVALID_DATA", "DUPLICATE_DATA", "LIMIT_EXCEEDED"})
OTHER_CODES = {"MAPPING_MISMATCH": "INVALID_DATA"}  # what the file has no word for; else CANNOT_PROCESS

Fault = tuple[str, str]  # code, column


@dataclass(frozen=True)
class RowResult:
    """What became of a row."""

    status: str
    record_id: str = ""
    errors: str = ""


class RowSkipped(Exception):  # noqa: N818 - an answer about a row, not a failure of the sandbox
    """A row is not written, for these reasons."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(faults)
        self.faults = faults


class RowWriter:
    """Writes the rows of one job. No workflow fires: there is no `trigger` (FACTS 5)."""

    def __init__(
        self, context: Context, user: Record, query: WriteQuery, table: Table, mappings: Sequence[Mapping]
    ) -> None:
        self._store = context.store
        self._writer = Writer(context, user, query.module, WriteOptions())
        self._zone = user["time_zone"]
        self._query = query
        self._table = table
        self._mappings = mappings

    def write(self, row: list[str]) -> RowResult:
        """Write one row, or skip it."""
        try:
            return self._write(self._sent(row))
        except RowSkipped as skipped:
            return RowResult(SKIPPED, errors=errors_text(skipped.faults))
        except RecordRefused as refused:
            return RowResult(SKIPPED, errors=errors_text(_faults_of(refused.entry)))

    def _write(self, sent: Record) -> RowResult:
        key, operation = self._query.find_by, self._query.operation
        record_id = self._found(sent, key) if key else None
        if operation == "insert" and record_id is not None:
            raise RowSkipped(("DUPLICATE_DATA", str(key)))
        values = {name: value for name, value in sent.items() if name != "id"}
        if record_id is not None:
            self._writer.update(record_id, values, "$")
            return RowResult(UPDATED, record_id)
        if operation == "update":
            code = "MANDATORY_NOT_FOUND" if is_empty(sent.get(str(key))) else "RESOURCE_NOT_FOUND"
            raise RowSkipped((code, str(key)))
        self._check_mandatory(sent)
        return RowResult(ADDED, self._writer.insert(values, "$").records[0]["id"])

    def _found(self, sent: Record, key: str) -> str | None:
        """The one record that the row's key names."""
        value = sent.get(key)
        if is_empty(value):
            return None
        if key == "id":
            if self._store.get(self._query.module, str(value)) is None:
                raise RowSkipped(("RESOURCE_NOT_FOUND", "id"))  # not an insert: FACTS 5
            return str(value)
        found = self._store.find(self._query.module, key, value)
        if len(found) > 1:
            raise RowSkipped(("DUPLICATE_DATA", key))
        return found[0] if found else None

    def _check_mandatory(self, sent: Record) -> None:
        fields = self._store.fields(self._query.module)
        mandatory = [field["api_name"] for field in fields if field["system_mandatory"]]
        missing = [("MANDATORY_NOT_FOUND", name) for name in mandatory if is_empty(sent.get(name))]
        if missing:
            raise RowSkipped(*missing)

    def _sent(self, row: list[str]) -> Record:
        """The row as a write call would send it. Blank cells erase, unless `ignore_empty`."""
        sent: Record = {}
        faults: list[Fault] = []
        for mapping in self._mappings:
            text = self._table.cell(row, mapping.index) if mapping.index is not None else ""
            value = mapping.default if text == "" else None
            if text:
                try:
                    value = self._value(mapping, text)
                except ValueError:
                    faults.append(("INVALID_DATA", mapping.api_name))
            if value is not None or not self._query.ignore_empty:
                sent[mapping.api_name] = value
        if faults:
            raise RowSkipped(*faults)
        return sent

    def _value(self, mapping: Mapping, text: str) -> Any:
        field = self._store.field(self._query.module, mapping.api_name)
        if field is None:  # id, Layout
            return {"id": text} if mapping.api_name == "Layout" else text
        if mapping.find_by is not None and mapping.find_by != "id":
            return {"id": self._linked(field, mapping.find_by, text)}
        if field["json_type"] == "jsonobject":
            return {"id": text}
        return cell_value(field, text, pattern=mapping.pattern, zone=self._zone)

    def _linked(self, field: Item, key: str, text: str) -> str:
        """The linked record that a person's word names: exactly one."""
        found = self._store.find(field["lookup"]["module"]["api_name"], key, text)
        if len(found) != 1:
            raise ValueError(text)
        return found[0]


def errors_text(faults: Iterable[Fault]) -> str:
    """The cell `ERRORS`.

    >>> errors_text([("MANDATORY_NOT_FOUND", "Last_Name"), ("INVALID_DATA", "A"), ("INVALID_DATA", "B")])
    'MANDATORY_NOT_FOUND-Last_Name:INVALID_DATA-A,B'
    """
    columns: dict[str, list[str]] = {}
    for code, column in faults:
        columns.setdefault(code, []).append(column)
    return ":".join(f"{code}-{','.join(names)}" for code, names in columns.items())


def _faults_of(entry: dict[str, Any]) -> list[Fault]:
    """An error entry of a write call in the words of the result file."""
    if entry["code"] == "MULTIPLE_OR_MULTI_ERRORS":
        return [fault for error in entry["details"]["errors"] for fault in _faults_of(error)]
    code = entry["code"] if entry["code"] in CODES else OTHER_CODES.get(entry["code"], "CANNOT_PROCESS")
    return [(code, str(entry["details"].get("api_name", "")))]
