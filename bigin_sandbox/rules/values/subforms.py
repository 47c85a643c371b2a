"""Rows inside a record: subforms, multi-select lookups, file fields. Source: FACTS 5 (deals), write.md 7.

A row without an id is **appended**, each time it is sent; a row with one changes that row,
`{"id", "_delete": null}` removes it, and an empty array removes all. Rows not named stay.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bigin_sandbox.rules.values.ids import id_given
from bigin_sandbox.rules.writing.refused import expected_type, refused_value, too_many

if TYPE_CHECKING:
    from bigin_sandbox.storage.store import Record, Store

MOST_ROWS = 100  # write.md 7

AcceptRow = Callable[["Record", "Record", str], "Record"]
"""(row as sent, row as it was or {}, its json_path) -> the columns to store; may raise RecordRefused."""


def merged_rows(
    present: list[Record], sent: Any, accept: AcceptRow, *, api_name: str, path: str, at: str
) -> list[Record]:
    """The rows after a write; `at` is where they stand, `$.data[0].Associated_Products`."""
    if sent is None or sent == []:
        return []
    if not isinstance(sent, list):
        raise expected_type("jsonarray", api_name, at)
    rows = {row["id"]: row for row in present}
    appended = []
    for place, row in enumerate(sent):
        where = f"{at}[{place}]"
        if not isinstance(row, dict):
            raise expected_type("jsonobject", api_name, where)
        row_id = id_given(row.get("id")) or ""
        if row.get("id") is None:
            appended.append(accept(row, {}, where))
        elif row_id not in rows:
            raise refused_value("id", f"{where}.id", "the id given seems to be invalid")
        elif "_delete" in row:
            del rows[row_id]
        else:
            rows[row_id] |= accept(row, rows[row_id], where)
    if len(rows) + len(appended) > MOST_ROWS:
        raise too_many(MOST_ROWS, api_name, path, "count of rows in the subform exceeds the limit")
    return [*rows.values(), *appended]


def as_link_rows(present: list[Record], sent: Any, lookup: str) -> Any:
    """A multi-select lookup's entries as rows: a plain `{"id"}` of no row is the linked record's id.

    >>> as_link_rows([], [{"id": "7"}], "Secondary_Contacts")
    [{'Secondary_Contacts': {'id': '7'}}]
    >>> as_link_rows([{"id": "7"}], [{"id": "7", "_delete": None}], "Secondary_Contacts")
    [{'id': '7', '_delete': None}]
    """
    if not isinstance(sent, list):
        return sent
    known = {row["id"] for row in present}
    return [
        {lookup: {"id": row["id"]}}
        if isinstance(row, dict) and row.keys() <= {"id", "name"} and id_given(row.get("id")) not in known
        else row
        for row in sent
    ]


def file_row(store: Store, sent: Record, api_name: str, at: str) -> Record:
    """A file given by `{"File_Id__s": <id from POST /files>}`."""
    file_id = sent.get("File_Id__s")
    kept = store.get_file(file_id) if isinstance(file_id, str) else None
    if kept is None:
        raise refused_value(api_name, f"{at}.File_Id__s")
    name, content = kept
    return {"File_Id__s": file_id, "File_Name__s": name, "Size__s": str(len(content))}
