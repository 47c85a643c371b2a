"""A merge in Bigin's screen: the losers are deleted for good, and nothing names the winner. Source: FACTS 6b.

What had led to a loser leads to the winner afterwards. Whether that moves the Modified_Time of the records
that lead there is not known; by itself it does not here, which is the harsher reading.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bigin_sandbox.storage.database import CONTACTS_PRODUCTS

if TYPE_CHECKING:
    from bigin_sandbox.storage.metadata import Item
    from bigin_sandbox.storage.store import Record, Store

ANY_MODULE = frozenset({"What_Id", "Parent_Id"})
LINKS = frozenset({"lookup", "multiselectlookup", "subform"})


def merge(
    store: Store, module: str, winner: str, losers: list[str], *, user_id: str, touch: bool, changes: Record
) -> Record:
    """Let the winner take the losers' place, with `changes` to itself; gives the winner.

    `touch` moves the Modified_Time of the records whose links change. Raises LookupError for an id that
    the module does not have.
    """
    for record_id in (winner, *losers):
        if store.get(module, record_id) is None:
            raise LookupError(f"{module} has no record {record_id}")
    for loser in losers:
        _relink(store, module, loser, winner, user_id=user_id, touch=touch)
        store.delete(module, [loser], user_id=user_id)
        store.purge(module, loser)
    merged = store.update(module, winner, changes, user_id=user_id)
    assert merged is not None
    return merged


def _relink(store: Store, module: str, loser: str, winner: str, *, user_id: str, touch: bool) -> None:
    for other in store.modules():
        name = other["api_name"]
        for field in store.fields(name):
            if field["data_type"] not in LINKS or not _may_lead_to(field, module):
                continue
            for record_id in store.find(name, field["api_name"], loser):
                record = store.get(name, record_id) or {}
                value = _replaced(record.get(field["api_name"]), loser, winner)
                store.update(name, record_id, {field["api_name"]: value}, user_id=user_id, touch=touch)
    for product in store.linked(CONTACTS_PRODUCTS, one=loser):
        store.unlink(CONTACTS_PRODUCTS, loser, product)
        store.link(CONTACTS_PRODUCTS, winner, product)


def _may_lead_to(field: Item, module: str) -> bool:
    if field["api_name"] in ANY_MODULE or field["data_type"] == "subform":
        return True
    kind = "lookup" if field["data_type"] == "lookup" else "multiselectlookup"
    target = field[kind].get("module" if kind == "lookup" else "connected_module") or {}
    return bool(target.get("api_name") == module)


def _replaced(value: Any, loser: str, winner: str) -> Any:
    """A link, or rows with links, with the winner in the loser's place."""
    if isinstance(value, list):
        return [{key: _replaced(part, loser, winner) for key, part in row.items()} for row in value]
    if isinstance(value, dict) and value.get("id") == loser:
        return {"id": winner}
    return value
