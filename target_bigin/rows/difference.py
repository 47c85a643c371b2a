"""Rows of a subform or a multi-select lookup: what is there and what is wanted → what to send. No I/O.

Bigin appends a row without an id each time it is sent, changes a row with one, and removes it with
``_delete``. So rows are compared with those that are there, by the record that they link to (a deal's
products by product): what is there is changed, what is not is added, and a repeat sends nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from target_bigin.values.sameness import Alike, is_same

Row = dict[str, Any]


def rows_to_send(
    present: Sequence[Mapping[str, Any]],
    wanted: Sequence[Row],
    *,
    by: str,
    alike: Mapping[str, Alike],
    remove_others: bool,
) -> list[Row]:
    """The rows of the write that makes ``wanted`` true; [] if nothing is to be done.

    ``by`` is the column by which rows are the same. A wanted row with an ``id`` is that row. ``alike``: how
    values are compared, of every column that a wanted row names.

    >>> from bigin_api import Field
    >>> from target_bigin.values.sameness import compared_as
    >>> types = {"Product": "lookup", "Quantity": "double"}
    >>> alike = {name: compared_as(Field(name, data_type)) for name, data_type in types.items()}
    >>> there = [{"id": "1", "Product": {"id": "7", "name": "Desk"}, "Quantity": 2.0}]
    >>> how = {"by": "Product", "alike": alike}
    >>> rows_to_send(there, [{"Product": {"id": "7"}, "Quantity": 2}], **how, remove_others=False)
    []
    >>> rows_to_send(there, [{"Product": {"id": "7"}, "Quantity": 3}], **how, remove_others=False)
    [{'id': '1', 'Quantity': 3}]
    >>> other = {"Product": {"id": "8"}, "Quantity": 1}
    >>> rows_to_send(there, [other], **how, remove_others=True)
    [{'Product': {'id': '8'}, 'Quantity': 1}, {'id': '1', '_delete': None}]
    """
    left = list(present)
    sent: list[Row] = []
    for row in wanted:
        known = _same_row(row, left, by, alike)
        if known is None:
            if "_delete" not in row:  # what is to go is not there: sent without an id, it would be added
                sent.append({name: value for name, value in row.items() if name != "id"})
            continue
        left.remove(known)
        changed = _changes(row, known, alike)
        if changed:
            sent.append({"id": str(known["id"]), **changed})
    if remove_others:
        sent.extend({"id": str(row["id"]), "_delete": None} for row in left)
    return sent


def _same_row(
    row: Row, left: Sequence[Mapping[str, Any]], by: str, alike: Mapping[str, Alike]
) -> Mapping[str, Any] | None:
    own = row.get("id")
    if own is not None:
        found = next((each for each in left if str(each.get("id")) == str(own)), None)
        if found is not None:
            return found
    linked = _linked_id(row.get(by))
    others = [each for each in left if linked is not None and _linked_id(each.get(by)) == linked]
    # The same product may stand in a deal twice: the row that needs no change is the one that is meant.
    return min(others, key=lambda each: len(_changes(row, each, alike)), default=None)


def _changes(row: Row, known: Mapping[str, Any], alike: Mapping[str, Alike]) -> Row:
    return {
        name: value
        for name, value in row.items()
        if name != "id" and (name == "_delete" or not is_same(alike[name], value, known.get(name)))
    }


def _linked_id(value: Any) -> str | None:
    if isinstance(value, Mapping):
        value = value.get("id")
    return None if value is None else str(value)
