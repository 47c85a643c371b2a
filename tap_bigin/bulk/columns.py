"""What a Bulk Read job's CSV gives of a stream's fields, and what it leaves to list calls. Pure.

A CSV holds bare ids where the list gives ``{"id", "name"}``. Names come free of charge where they can:
users' from /users, Team Pipelines' from the layouts, two lookups' from joined columns. A type that is
not known here is left to the list: never guessed, never dropped.
Source: bulk-read/create-job, bulk-read/limitations (Bigin v2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bigin_api.limits import MAX_JOINS_PER_BULK_READ
from tap_bigin.planning import Column, JobColumns, Kind
from tap_bigin.values.data_types import column_kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bigin_api.models import Field

LINKS: frozenset[Kind] = frozenset(("link", "layout", "user", "owner"))


def job_columns(
    fields: Sequence[Field],
    *,
    display_fields: Mapping[str, str],
    flat_lookups: bool = False,
    untagged: bool = False,
) -> JobColumns:
    """Where each field comes from when a job reads the stream.

    ``display_fields`` has the field that names a record, by module; a lookup to a module that is not
    in it has no name to join. ``untagged``: the module's list of tags is known to be empty.

    >>> from bigin_api.models import Field
    >>> company = Field("Account_Name", "lookup", "jsonobject", lookup_module="Accounts")
    >>> job_columns([company], display_fields={"Accounts": "Account_Name"}).asked_for
    ['Account_Name', 'Account_Name.Account_Name']
    >>> job_columns([Field("Tag", "text", "jsonarray")], display_fields={}).left_to_list
    ('Tag',)
    """
    columns: list[Column] = []
    left: list[str] = []
    joins = 0
    for field in fields:
        column = _column(field, display_fields, flat_lookups=flat_lookups, untagged=untagged)
        if column and column.name_column:
            joins += 1
        if column is None or (column.name_column and joins > MAX_JOINS_PER_BULK_READ):
            left.append(field.api_name)
        else:
            columns.append(column)
    return JobColumns(tuple(columns), tuple(left))


def _column(
    field: Field, display_fields: Mapping[str, str], *, flat_lookups: bool, untagged: bool
) -> Column | None:
    name, kind = field.api_name, column_kind(field)
    if name == "Tag":
        return Column(name, "untagged") if untagged else None
    if kind is None:
        return None
    if kind in LINKS and flat_lookups:
        return Column(name, "id")
    if kind == "link":
        named_by = display_fields.get(field.lookup_module or "")
        return Column(name, kind, f"{name}.{named_by}") if named_by else None
    choices = field.pick_list_values if kind == "choices" else ()
    return Column(name, kind, choices=frozenset(each.actual_value for each in choices))
