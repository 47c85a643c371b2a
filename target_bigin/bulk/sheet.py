"""Records → columns and cells of a Bulk Write file, and what of them a file cannot say. No I/O.

A cell says less than JSON: rows, tags and files have no place in it, a moment's zone is nowhere
documented, and a blank cell either erases or says nothing, for all rows of the file alike. Records that a
file cannot say go by calls. Source: bulk-write/create-job, its FAQ of Zoho CRM.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bigin_api import Field, FieldMapping
from bigin_api.limits import MAX_COLUMNS_PER_BULK_WRITE
from target_bigin.records.record import Fields, Record
from target_bigin.values.sameness import Alike, compared_as
from target_bigin.values.text import fold

DATE_FORMAT = "yyyy-MM-dd"
SEVERAL = ";"
CHOICES = "multiselectpicklist"

ToCell = Callable[[Any], "str | None"]
"""A value as a cell holds it; None if no cell can, or if there is no value."""

Shape = frozenset[str] | None
"""Which records share a file. Where blank cells say nothing all may: None. Where they erase, those that
name the same fields."""


@dataclass(frozen=True)
class Column:
    """A field that a column can hold."""

    name: str
    to_cell: ToCell
    find_by: str | None = None
    date_format: str | None = None
    alike: Alike = fold  # by which a result's row is known again


def columns_of(fields: Mapping[str, Field]) -> dict[str, Column]:
    """The fields of a module that a file can hold, by api_name."""
    found = {"id": Column("id", _text)}
    for name, described in fields.items():
        if described.json_type == "jsonobject" or described.data_type in _LINKS:
            found[name] = Column(name, _link, find_by="id")
        elif described.data_type == CHOICES or (
            described.data_type in _CELLS and described.json_type != "jsonarray"
        ):
            date_format = DATE_FORMAT if described.data_type == "date" else None
            to_cell, alike = _CELLS[described.data_type], compared_as(described)
            found[name] = Column(name, to_cell, date_format=date_format, alike=alike)
    return found


def why_not(body: Fields, columns: Mapping[str, Column]) -> str | None:
    """The field by which a record cannot be said in a file, None if it can.

    >>> why_not({"Last_Name": "Berg", "Tag": [{"name": "vip"}]}, {"Last_Name": Column("Last_Name", str)})
    'Tag'
    """
    for name, value in body.items():
        column = columns.get(name)
        if column is None or (value is not None and column.to_cell(value) is None):
            return name
    return None


def shape_of(body: Fields) -> Shape:
    """With which others a record shares a file.

    >>> shape_of({"a": 1}), shape_of({"a": None}) == frozenset("a")
    (None, True)
    """
    return frozenset(body) if None in body.values() else None


@dataclass(frozen=True)
class Sheet:
    """The columns of one file, its key first: results show the first three alone."""

    key: str
    columns: Sequence[Column]
    blanks_erase: bool

    @property
    def mappings(self) -> list[FieldMapping]:
        """How the job is told about the columns."""
        return [
            FieldMapping(each.name, index, each.find_by, each.date_format)
            for index, each in enumerate(self.columns)
        ]

    @property
    def header(self) -> list[str]:
        """The first line of the file."""
        return [column.name for column in self.columns]

    def form(self, record: Record) -> str:
        """The form of a record's key, by which its row in a result is known again."""
        return self.columns[0].alike(record.id if self.key == "id" else record.body[self.key])

    def row(self, record: Record) -> list[str | None]:
        """The cells of a record; a field that it does not name is blank."""
        body = {**record.body, "id": record.id}
        return [column.to_cell(body.get(column.name)) for column in self.columns]


def sheet_for(
    records: Sequence[Record], columns: Mapping[str, Column], *, key: str, mandatory: Iterable[str] = ()
) -> Sheet | None:
    """The columns that these records of one shape need, None if there are more than a file takes.

    ``mandatory``: what Bigin wants mapped, though no record may name it.
    """
    used: dict[str, None] = {key: None}
    for record in records:
        used.update(dict.fromkeys(record.body))
    used.update((name, None) for name in mandatory if name in columns)
    if len(used) > MAX_COLUMNS_PER_BULK_WRITE:
        return None
    return Sheet(key, [columns[name] for name in used], shape_of(records[0].body) is not None)


def _text(value: Any) -> str | None:
    """A text; one of blanks alone might pass for a blank cell."""
    return value if isinstance(value, str) and value.strip() else None


def _number(value: Any) -> str | None:
    """Digits, never an exponent.

    >>> _number(Decimal("1E+3")), _number(2.5), _number(0.00001)
    ('1000', '2.5', '0.00001')
    """
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    return format(Decimal(str(value)), "f")


def _boolean(value: Any) -> str | None:
    return str(value).lower() if isinstance(value, bool) else None


def _several(value: Any) -> str | None:
    """Values with ``;`` between them: none of them may hold one.

    >>> _several(["a", "b"]), _several(["a;b"])
    ('a;b', None)
    """
    if not isinstance(value, list) or not value:
        return None
    whole = all(isinstance(each, str) and each.strip() == each and SEVERAL not in each for each in value)
    return SEVERAL.join(value) if whole and all(value) else None


def _link(value: Any) -> str | None:
    return str(value["id"]) if isinstance(value, Mapping) and value.get("id") else None


_LINKS = ("lookup", "ownerlookup", "userlookup")
_CELLS: Mapping[str, ToCell] = {
    **dict.fromkeys(("text", "textarea", "email", "phone", "website", "picklist", "bigint", "date"), _text),
    **dict.fromkeys(("integer", "double", "currency", "percent"), _number),
    "boolean": _boolean,
    CHOICES: _several,
}
