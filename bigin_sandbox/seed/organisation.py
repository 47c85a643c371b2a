"""The organisation's description, put together: ids given, references between modules resolved."""

from __future__ import annotations

from copy import deepcopy
from itertools import count
from typing import TYPE_CHECKING, Any

from bigin_sandbox.seed import custom, people, standard, views
from bigin_sandbox.seed.shape import Item

if TYPE_CHECKING:
    from bigin_sandbox.settings import Settings
    from bigin_sandbox.storage.store import Store

FIRST_METADATA_ID = 6_100_000_000_000_002_001  # below every record's: see store.FIRST_ID


class Ids:
    """Ids in the order of asking, the same every time."""

    def __init__(self) -> None:
        self._numbers = count(FIRST_METADATA_ID, 2)

    def next(self) -> str:
        """The next id."""
        return str(next(self._numbers))


def describe(store: Store, settings: Settings) -> None:
    """Put everything but records and tags into an empty store."""
    ids = Ids()
    profiles, roles = people.profiles(ids), people.roles(ids)
    users = people.users(ids, profiles, roles)
    modules = _modules([*standard.MODULES, *custom.modules(settings.custom_modules)], ids, profiles)
    tables = {**standard.FIELDS, **custom.fields(settings.custom_modules)}
    by_name = {module["api_name"]: module for module in modules}
    fields = {
        name: [_field(item, ids, by_name, profiles) for item in table] for name, table in tables.items()
    }

    with store.transaction():
        store.put_metadata("profiles", profiles)
        store.put_metadata("roles", roles)
        store.put_metadata("users", users)
        store.put_metadata("org", [people.org(ids, settings.edition, users, seed=settings.seed)])
        store.put_metadata("modules", modules)
        for name, items in fields.items():
            store.put_metadata("fields", items, owner=name)
            store.put_metadata("layouts", views.layouts(name, items, ids, profiles), owner=name)
            store.put_metadata("custom_views", views.custom_views(by_name[name], items, ids), owner=name)
            store.put_metadata("related_lists", views.related_lists(name, by_name, ids), owner=name)


def _modules(tables: list[Item], ids: Ids, profiles: list[Item]) -> list[Item]:
    made = []
    for table in deepcopy(tables):
        open_to = [people.CLOSED_PROFILE] if table["api_name"] == custom.CLOSED_MODULE else None
        allowed = [
            {"name": profile["name"], "id": profile["id"]}
            for profile in profiles
            if open_to is None or profile["name"] in open_to
        ]
        made.append({"id": ids.next(), **table, "profiles": allowed, "profile_count": len(allowed)})
    by_name = {module["api_name"]: module for module in made}
    for module in made:
        parent = by_name.get(module["parent_module"].get("api_name", ""))
        if parent:
            module["parent_module"] = {"api_name": parent["api_name"], "id": parent["id"]}
    return made


def _field(table: Item, ids: Ids, modules: dict[str, Item], profiles: list[Item]) -> Item:
    """A field with ids, its profiles' permissions, and the modules it refers to."""
    item: Item = deepcopy(table)
    hidden_from, read_only_for = item.pop("hidden_from", []), item.pop("read_only_for", [])
    item["id"] = ids.next()
    for place, value in enumerate(item["pick_list_values"], start=1):
        value.update(id=ids.next(), sequence_number=place)
    item["profiles"] = [
        {
            "id": profile["id"],
            "name": profile["name"],
            "permission_type": _permission(profile["name"], hidden_from, read_only_for),
        }
        for profile in profiles
    ]
    for kind in ("lookup", "multiselectlookup"):
        if "to" in item[kind]:
            item[kind] = _reference(item, kind, modules[item[kind]["to"]], modules, ids)
    for other in item["multi_module_lookup"].get("modules", []):
        other["id"] = modules[other["api_name"]]["id"]
    return item


def _permission(profile: str, hidden_from: list[str], read_only_for: list[str]) -> str:
    if profile in hidden_from:
        return "hidden"
    return "read_only" if profile in read_only_for else "read_write"


def _reference(item: Item, kind: str, target: Item, modules: dict[str, Item], ids: Ids) -> dict[str, Any]:
    """What a lookup says of the module it points to."""
    name, label = item["api_name"], item["display_label"]
    module = {"api_name": target["api_name"], "id": target["id"]}
    if kind == "lookup":
        crypted = {**module, "crypt": False}
        return {"api_name": name, "display_label": label, "id": ids.next(), "module": crypted}
    linking = modules.get(f"Subscriptions_X_{name}", modules["Associated_Products"])
    return {
        "api_name": name,
        "display_label": label,
        "id": ids.next(),
        "linking_module": {"api_name": linking["api_name"], "id": linking["id"]},
        "connected_module": module,
        "lookup_apiname": "Parent",
        "connectedfield_apiname": name,
        "connectedlookup_apiname": name,
    }
