"""People at work while a test runs: `POST /_sandbox/mutate`.

It takes a list of wishes, and gives for each what became of it, `{"id", "Modified_Time"}` or a list of them:

    {"op": "create",  "module", "data": {…}}
    {"op": "create",  "module", "count": 5000, "data": {…}}      an import: one and the same second for all
    {"op": "edit",    "module", "id": "…", "data": {…}}
    {"op": "edit",    "module", "ids": ["…", …] or absent for every record, "data": {…}}
    {"op": "delete",  "module", "id" or "ids"}                   into the recycle bin, with its cascade
    {"op": "restore", "module", "id"}                            Modified_Time stays
    {"op": "purge",   "module", "id"}                            out of the bin: a permanent entry
    {"op": "merge",   "module", "id", "losers": […], "data": {…}}  the losers are gone for good;
                                                      `"touch": true` moves the times of relinked records
    {"op": "submit",  "module", "id"}                            under approval: lists miss it
    {"op": "approve", "module", "id"}                            approved: there again, Modified_Time stays
    {"op": "activity", "id"}                                     moves Last_Activity_Time alone

`data` is what the API would print: datetimes with any offset, `{"id"}` for lookups and owners (or `null`),
`Tag: [{"name"}]`. Nothing is checked, as the platform's own doings are not. In `data` of a `count`, `{n}`
in a text becomes the record's number. Edits are by the organisation's second user, or `"user": <id>`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bigin_sandbox.clock import parse_instant, to_text
from bigin_sandbox.control.merging import merge
from bigin_sandbox.render import INSTANT_TYPES
from bigin_sandbox.storage.metadata import USER_TYPES
from bigin_sandbox.storage.selection import Selection
from bigin_sandbox.wishes import require_module

if TYPE_CHECKING:
    from bigin_sandbox.storage.store import Record, Store

Wish = dict[str, Any]
_NEEDED: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("restore", "purge", "submit", "approve", "activity"), ("id",)),
    "merge": ("id", "losers"),
}
_SHAPES: dict[str, tuple[type | tuple[type, ...], str]] = {
    "id": (str, "an id as text"),
    "ids": (list, "a list of ids as texts"),
    "losers": (list, "a list of ids as texts"),
    "count": (int, "a whole number"),
    "user": ((str, int), "the id of a user"),
}


def mutate(store: Store, wishes: list[Wish]) -> list[Any]:
    """Do what is asked, in order; all of it or, on an error, nothing.

    Raises ValueError or KeyError for what cannot be understood, LookupError for an id that is not there.
    """
    if not isinstance(wishes, list):
        raise ValueError(f"mutate takes a list of objects, not {wishes!r}")  # noqa: TRY004 -- a wish is no type
    for wish in wishes:
        _require_shape(store, wish)
    with store.transaction():
        return [_OPERATIONS[wish["op"]](store, wish) for wish in wishes]


def _require_shape(store: Store, wish: Any) -> None:
    """Raises ValueError that says what a wish lacks."""
    if not isinstance(wish, dict) or wish.get("op") not in _OPERATIONS:
        raise ValueError(f"a wish is an object with an op of {', '.join(_OPERATIONS)}, not {wish!r}")
    op, module, data = wish["op"], wish.get("module"), wish.get("data", {})
    if op != "activity":
        require_module(store, module, what=op)
    if not isinstance(data, dict) or (op == "edit" and "data" not in wish):
        raise ValueError(f"{op}: data is to be an object of fields: {wish!r}")
    for name in _NEEDED.get(op, ()):
        if name not in wish:
            raise ValueError(f"{op}: {name!r} is missing: {wish!r}")
    for name, (kinds, words) in _SHAPES.items():
        if name in wish and not (isinstance(wish[name], kinds) and _are_texts(wish[name])):
            raise ValueError(f"{op}: {name!r} is to be {words}, not {wish[name]!r}")
    if "user" in wish and str(wish["user"]) not in {user["id"] for user in store.users()}:
        raise ValueError(f"{op}: the organisation has no user {wish['user']!r}")


def _are_texts(value: Any) -> bool:
    return not isinstance(value, list) or all(isinstance(each, str) for each in value)


def stored(store: Store, module: str, data: Record, user_id: str) -> Record:
    """What the API would print -> the stored form."""
    fields = store.fields_by_name(module)
    return {
        name: _stored_value(store, module, fields.get(name), value, user_id) for name, value in data.items()
    }


def _stored_value(store: Store, module: str, field: Wish | None, value: Any, user_id: str) -> Any:
    if field is None or value is None:
        return value
    if field["data_type"] in INSTANT_TYPES:
        instant = parse_instant(value) if isinstance(value, str) else None
        if instant is None:
            raise ValueError(f"{field['api_name']}: not an instant with an offset: {value!r}")
        return to_text(instant)
    if field["api_name"] == "Tag":
        if not isinstance(value, list) or not all(isinstance(tag, dict) and "name" in tag for tag in value):
            raise ValueError(f'Tag: a list such as [{{"name": "vip"}}], not {value!r}')
        ids = store.tag_ids(module, [tag["name"] for tag in value], user_id=user_id)
        return [{"id": tag_id} for tag_id in ids]
    if isinstance(value, dict) and "id" in value:
        return {"id": value["id"]}
    if field["data_type"] in ("lookup", *USER_TYPES):
        raise ValueError(f'{field["api_name"]}: a link such as {{"id": "…"}}, not {value!r}')
    return value


def _create(store: Store, wish: Wish) -> Any:
    module, user_id = wish["module"], _user(store, wish)
    data = wish.get("data", {})
    if "count" not in wish:
        return _done(store.insert(module, stored(store, module, data, user_id), user_id=user_id))
    now = store.clock.now()
    display = store.display_field(module)
    name = "Last_Name" if module == "Contacts" else display
    many = []
    for number in range(1, int(wish["count"]) + 1):
        numbered = {k: v.replace("{n}", str(number)) if isinstance(v, str) else v for k, v in data.items()}
        many.append(stored(store, module, {name: f"Record {number}", **numbered}, user_id))
    with store.caused_by("import"):
        made = store.insert_many(module, many, user_id=user_id, created_time=now)
    return [_done(record) for record in made]


def _edit(store: Store, wish: Wish) -> Any:
    module, user_id = wish["module"], _user(store, wish)
    changes = stored(store, module, wish["data"], user_id)
    done = []
    for record_id in _ids(store, wish):
        record = store.update(module, record_id, changes, user_id=user_id)
        if record is None:
            raise LookupError(f"{module} has no record {record_id}")
        done.append(_done(record))
    return done[0] if "id" in wish else done


def _delete(store: Store, wish: Wish) -> Any:
    gone = store.delete(wish["module"], _ids(store, wish), user_id=_user(store, wish))
    if "id" in wish and not gone:
        raise LookupError(f"{wish['module']} has no record {wish['id']}")
    return {"id": gone[0]} if "id" in wish else [{"id": record_id} for record_id in gone]


def _restore(store: Store, wish: Wish) -> Any:
    if not store.restore(wish["module"], wish["id"]):
        raise LookupError(f"the recycle bin has no {wish['module']} {wish['id']}")
    return {"id": wish["id"]}


def _purge(store: Store, wish: Wish) -> Any:
    if not store.purge(wish["module"], wish["id"]):
        raise LookupError(f"the recycle bin has no {wish['module']} {wish['id']}")
    return {"id": wish["id"]}


def _merge(store: Store, wish: Wish) -> Any:
    module, user_id = wish["module"], _user(store, wish)
    changes = stored(store, module, wish.get("data", {}), user_id)
    touch = bool(wish.get("touch", False))
    return _done(
        merge(store, module, wish["id"], wish["losers"], user_id=user_id, touch=touch, changes=changes)
    )


def _submit(store: Store, wish: Wish) -> Any:
    if store.get(wish["module"], wish["id"]) is None:
        raise LookupError(f"{wish['module']} has no record {wish['id']}")
    store.submit(wish["module"], wish["id"])
    return {"id": wish["id"]}


def _approve(store: Store, wish: Wish) -> Any:
    if not store.approve(wish["id"]):
        raise LookupError(f"{wish['module']} {wish['id']} is not under approval")
    return {"id": wish["id"]}


def _activity(store: Store, wish: Wish) -> Any:
    store.note_activity(wish["id"])
    return {"id": wish["id"]}


def _ids(store: Store, wish: Wish) -> list[str]:
    if "id" in wish:
        return [wish["id"]]
    if "ids" in wish:
        return list(wish["ids"])
    return [record["id"] for record in store.iterate(wish["module"], Selection(descending=False))]


def _user(store: Store, wish: Wish) -> str:
    return str(wish.get("user") or store.users()[1]["id"])


def _done(record: Record) -> Wish:
    return {"id": record["id"], "Modified_Time": record["Modified_Time"]}


_OPERATIONS: dict[str, Callable[[Store, Wish], Any]] = {
    "create": _create,
    "edit": _edit,
    "delete": _delete,
    "restore": _restore,
    "purge": _purge,
    "merge": _merge,
    "submit": _submit,
    "approve": _approve,
    "activity": _activity,
}
