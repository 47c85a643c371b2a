"""The organisation's description, kept as the API prints it: modules, fields, layouts, users, ….

Each item is the very JSON object of the API (read.md 3). Instants in it are in the stored form
(`…Z`) and become the user's on output.
"""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec

from bigin_sandbox.clock import Clock
from bigin_sandbox.storage.database import Database, to_body

Item = dict[str, Any]

LINKING_TYPES = frozenset({"lookup", "multiselectlookup", "subform"})
USER_TYPES = frozenset({"ownerlookup", "userlookup"})


class Metadata(Database):
    """Everything about the organisation but its records; each kind read when first asked for, then held."""

    def __init__(self, db_path: str, clock: Clock) -> None:
        super().__init__(db_path, clock)
        self._items: dict[tuple[str, str], list[Item]] = {}  # by kind and owner
        self._fields: dict[str, dict[str, Item]] = {}
        self._indexed: dict[str, frozenset[str]] = {}

    def clear(self) -> None:
        """Forget the organisation and all its records."""
        super().clear()
        self.reload_metadata()

    def take_copy(self, copy: sqlite3.Connection) -> None:
        """Become the organisation of a copy."""
        super().take_copy(copy)
        self.reload_metadata()

    def reload_metadata(self) -> None:
        """Read everything from the database again, when it is asked for."""
        self._forget_derived()
        self._items.clear()

    def put_metadata(self, kind: str, items: list[Item], *, owner: str = "") -> None:
        """Replace all items of a kind: `modules`, `fields` of a module (`owner`), `users`, …."""
        self._db.execute("delete from metadata where kind = ? and owner = ?", (kind, owner))
        rows = [(kind, owner, place, to_body(item)) for place, item in enumerate(items)]
        self._db.executemany("insert into metadata values (?, ?, ?, ?)", rows)
        self._items[kind, owner] = items
        self._forget_derived()

    def modules(self) -> list[Item]:
        """Every module, in the order of the API, unsupported ones included."""
        return self._all("modules")

    def module(self, api_name: str) -> Item | None:
        """One module by its exact api_name."""
        return next((module for module in self.modules() if module["api_name"] == api_name), None)

    def fields(self, module: str) -> list[Item]:
        """The fields of a module, in order; `id` is not among them."""
        return self._all("fields", module)

    def field(self, module: str, api_name: str) -> Item | None:
        """One field by its exact api_name."""
        return self.fields_by_name(module).get(api_name)

    def fields_by_name(self, module: str) -> dict[str, Item]:
        """api_name -> field."""
        if module not in self._fields:
            self._fields[module] = {field["api_name"]: field for field in self.fields(module)}
        return self._fields[module]

    def display_field(self, module: str) -> str:
        """api_name of the field that names a record: Full_Name, Account_Name, Deal_Name, …."""
        named = (field["api_name"] for field in self.fields(module) if field["display_field"])
        return next(named, "id")

    def unique_fields(self, module: str) -> list[str]:
        """api_names of the fields whose values may occur once in the module."""
        return [field["api_name"] for field in self.fields(module) if field["unique"]]

    def indexed_fields(self, module: str) -> frozenset[str]:
        """api_names that `Store.find` answers at once: unique, display, e-mail and linking fields."""
        if module not in self._indexed:
            self._indexed[module] = frozenset(
                field["api_name"]
                for field in self.fields(module)
                if field["unique"]
                or field["display_field"]
                or field["data_type"] == "email"
                or field["data_type"] in LINKING_TYPES
                or (field["data_type"], field["json_type"]) == ("bigint", "jsonobject")
            )
        return self._indexed[module]

    def layouts(self, module: str) -> list[Item]:
        """The layouts of a module; of Pipelines these are the Team Pipelines."""
        return self._all("layouts", module)

    def custom_views(self, module: str) -> list[Item]:
        """The custom views of a module, with criteria, fields and sorting."""
        return self._all("custom_views", module)

    def related_lists(self, module: str) -> list[Item]:
        """The related lists of a module."""
        return self._all("related_lists", module)

    def tags(self, module: str) -> list[Item]:
        """The tags of a module, `{"id", "name", "color_code", …}`."""
        return self._all("tags", module)

    def tag(self, module: str, tag_id: str) -> Item | None:
        """One tag by its id."""
        return next((tag for tag in self.tags(module) if tag["id"] == tag_id), None)

    def users(self) -> list[Item]:
        """All users, inactive and deleted ones included."""
        return self._all("users")

    def user(self, user_id: str) -> Item | None:
        """One user by id."""
        return next((user for user in self.users() if user["id"] == user_id), None)

    def roles(self) -> list[Item]:
        """All roles."""
        return self._all("roles")

    def profiles(self) -> list[Item]:
        """All profiles."""
        return self._all("profiles")

    def org(self) -> Item:
        """The organisation itself."""
        return self._all("org")[0]

    def _all(self, kind: str, owner: str = "") -> list[Item]:
        held = self._items.get((kind, owner))
        if held is None:
            sql = "select body from metadata where kind = ? and owner = ? order by position"
            rows = self._db.execute(sql, (kind, owner))
            held = self._items[kind, owner] = [msgspec.json.decode(body) for (body,) in rows]
        return held

    def _forget_derived(self) -> None:
        self._fields.clear()
        self._indexed.clear()
