"""Rows of a subform or a multi-select lookup: what is there and what is wanted → what to send. No I/O.

Bigin appends a row without an id each time it is sent, changes a row with one, and removes it with
``_delete``. So rows are compared with those that are there, by the record that they link to (a deal's
products by product): what is there is changed, what is not is added, and a repeat sends nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

Row = dict[str, Any]


def rows_to_send(
    present: Sequence[Mapping[str, Any]], wanted: Sequence[Row], *, by: str, remove_others: bool = False
) -> list[Row]:
    """The rows of the write that makes ``wanted`` true; [] if nothing is to be done.

    ``by`` is the column by which rows are the same. A wanted row with an ``id`` is that row.

    >>> there = [{"id": "1", "Product": {"id": "7", "name": "Desk"}, "Quantity": 2.0}]
    >>> rows_to_send(there, [{"Product": {"id": "7"}, "Quantity": 2}], by="Product")
    []
    >>> rows_to_send(there, [{"Product": {"id": "7"}, "Quantity": 3}], by="Product")
    [{'id': '1', 'Quantity': 3}]
    >>> rows_to_send(there, [{"Product": {"id": "8"}, "Quantity": 1}], by="Product", remove_others=True)
    [{'Product': {'id': '8'}, 'Quantity': 1}, {'id': '1', '_delete': None}]
    """
    left = list(present)
    sent: list[Row] = []
    for row in wanted:
        known = _same_row(row, left, by)
        if known is None:
            sent.append({name: value for name, value in row.items() if name != "id"})
            continue
        left.remove(known)
        changed = _changes(row, known)
        if changed:
            sent.append({"id": str(known["id"]), **changed})
    if remove_others:
        sent.extend({"id": str(row["id"]), "_delete": None} for row in left)
    return sent


def _same_row(row: Row, left: Sequence[Mapping[str, Any]], by: str) -> Mapping[str, Any] | None:
    own = row.get("id")
    if own is not None:
        found = next((each for each in left if str(each.get("id")) == str(own)), None)
        if found is not None:
            return found
    linked = _linked_id(row.get(by))
    alike = [each for each in left if linked is not None and _linked_id(each.get(by)) == linked]
    # The same product may stand in a deal twice: the row that needs no change is the one that is meant.
    return min(alike, key=lambda each: len(_changes(row, each)), default=None)


def _changes(row: Row, known: Mapping[str, Any]) -> Row:
    return {
        name: value
        for name, value in row.items()
        if name != "id" and (name == "_delete" or not _equal(value, known.get(name)))
    }


def _equal(said: Any, known: Any) -> bool:
    if isinstance(said, Mapping) or isinstance(known, Mapping):
        return _linked_id(said) == _linked_id(known)
    if _is_number(said) and _is_number(known):
        return Decimal(str(said)) == Decimal(str(known))
    return bool(said == known)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _linked_id(value: Any) -> str | None:
    if isinstance(value, Mapping):
        value = value.get("id")
    return None if value is None else str(value)
