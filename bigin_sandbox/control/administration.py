"""Administrators at work while a test runs: `POST /_sandbox/metadata`.

It takes a list of wishes:

    {"op": "add_field",    "module", "field": {"api_name", "data_type", …}}
    {"op": "remove_field", "module", "field": "<api_name>"}
    {"op": "set_field",    "module", "field": "<api_name>", "data": {…}}      keys of its JSON
    {"op": "set_module",   "module", "data": {…}}                             keys of its JSON
    {"op": "close_module", "module"}                                          403 from now on
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bigin_sandbox.wishes import require_list, require_module

if TYPE_CHECKING:
    from bigin_sandbox.storage.store import Store

Wish = dict[str, Any]


def change_metadata(store: Store, wishes: list[Wish]) -> list[Any]:
    """Change the description of the organisation, in order; all of it or, on an error, nothing.

    Raises ValueError for what cannot be understood, LookupError for a field that is not there.
    """
    for wish in require_list(wishes, what="metadata"):
        _require_shape(store, wish)
    with store.transaction():
        return [_METADATA_OPERATIONS[wish["op"]](store, wish) for wish in wishes]


def _require_shape(store: Store, wish: Wish) -> None:
    """Raises ValueError that says what a wish lacks."""
    op = wish.get("op")
    if op not in _METADATA_OPERATIONS:
        raise ValueError(f"metadata: an op is one of {', '.join(_METADATA_OPERATIONS)}, not {op!r}")
    require_module(store, wish.get("module"), what=op)
    field, data = wish.get("field"), wish.get("data")
    if op == "add_field" and not (isinstance(field, dict) and isinstance(field.get("api_name"), str)):
        raise ValueError(f"{op}: field is to be an object with an api_name, not {field!r}")
    if op in {"remove_field", "set_field"} and not isinstance(field, str):
        raise ValueError(f"{op}: field is to be an api_name, not {field!r}")
    if op in {"set_field", "set_module"} and not isinstance(data, dict):
        raise ValueError(f"{op}: data is to be an object, not {data!r}")


def _add_field(store: Store, wish: Wish) -> Any:
    module = wish["module"]
    model = store.fields(module)[0]
    blank = {**model, "custom_field": True, "system_mandatory": False, "display_field": False}
    blank |= {"unique": {}, "lookup": {}, "pick_list_values": [], "json_type": "string"}
    label = {"field_label": wish["field"]["api_name"], "display_label": wish["field"]["api_name"]}
    field = {**blank, **label, "id": store.new_id(), **wish["field"]}
    store.put_metadata("fields", [*store.fields(module), field], owner=module)
    return {"id": field["id"]}


def _remove_field(store: Store, wish: Wish) -> Any:
    module, name = wish["module"], wish["field"]
    kept = [field for field in store.fields(module) if field["api_name"] != name]
    if len(kept) == len(store.fields(module)):
        raise LookupError(f"{module} has no field {name}")
    store.put_metadata("fields", kept, owner=module)
    return {}


def _set_field(store: Store, wish: Wish) -> Any:
    module, name = wish["module"], wish["field"]
    if store.field(module, name) is None:
        raise LookupError(f"{module} has no field {name}")
    changed = [
        {**field, **wish["data"]} if field["api_name"] == name else field for field in store.fields(module)
    ]
    store.put_metadata("fields", changed, owner=module)
    return {}


def _set_module(store: Store, wish: Wish) -> Any:
    name = wish["module"]
    if store.module(name) is None:
        raise LookupError(f"there is no module {name}")
    changed = [
        {**module, **wish["data"]} if module["api_name"] == name else module for module in store.modules()
    ]
    store.put_metadata("modules", changed)
    return {}


def _close_module(store: Store, wish: Wish) -> Any:
    return _set_module(store, {**wish, "data": {"profiles": [], "profile_count": 0}})


_METADATA_OPERATIONS: dict[str, Callable[[Store, Wish], Any]] = {
    "add_field": _add_field,
    "remove_field": _remove_field,
    "set_field": _set_field,
    "set_module": _set_module,
    "close_module": _close_module,
}
