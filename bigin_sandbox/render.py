"""Stored records -> the JSON of the API, for one user: zone, names, empty values, `$` keys.

    renderer = Renderer(store, zone="Europe/Stockholm")
    renderer.many("Contacts", records, ["id", "Email"])     as a list answers
    renderer.single("Contacts", record)                     as GET /{module}/{id} answers

Source: FACTS 3 (data types and their JSON), 4 (lists leave out subforms and multi-select lookups and
cut rich text).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from bigin_sandbox.clock import in_zone
from bigin_sandbox.rules.values.formulas import formula_value
from bigin_sandbox.rules.values.rich_text import CUTS, Cut
from bigin_sandbox.storage.metadata import USER_TYPES

if TYPE_CHECKING:
    from bigin_sandbox.http.calls import ApiCall
    from bigin_sandbox.storage.store import Record, Store

INSTANT_TYPES = frozenset({"datetime", "event_reminder"})
LINK_TYPES = frozenset({"lookup", "bigint"})  # Pipeline says bigint and is a link: FACTS 3
LINKED_ANYWHERE = frozenset({"What_Id", "Parent_Id"})  # `$se_module` tells the module
UNDER_APPROVAL = "approval_process_pending"
LAYOUT_KEY = "$layout_id"  # search alone shows it unasked: read.md 3.3 and 4
OWN_EXTRAS = {"Attachments": ["$file_id", "$type", "$link_url"]}
_STORED_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_INSTANT_OR_USER = re.compile(rb'"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"|\{"id":[^,}]*\}')  # in JSON
_TO_LOOK_INTO = frozenset({str, list, dict})  # what may hold an instant or a user: most values are neither
SINGLE_ONLY = frozenset({"multiselectlookup", "subform"})  # FACTS 3

# `$` keys of a record read whole; in lists only those asked for. read.md 4.
EXTRAS: dict[str, Any] = {
    "$currency_symbol": "$",
    "$field_states": None,
    "$sharing_permission": "full_access",
    "$state": "save",
    "$process_flow": False,
    "$locked_for_me": False,
    "$approval": {"delegate": False, "approve": False, "reject": False, "resubmit": False},
    "$approval_state": "approved",
    "$editable": True,
    "$followed": False,
    "$in_merge": False,
    "$is_duplicate": False,
    "$review": None,
    "$review_process": None,
    "$orchestration": None,
    "$pathfinder": None,
    "$wizard_connection_path": None,
    "$zia_owner_assignment": None,
    "$zia_visions": None,
}

Render = Callable[["Record"], Any]


class Renderer:
    """Renders records for a user of one time zone and profile; make one for each call."""

    def __init__(
        self, store: Store, *, zone: str, profile_id: str | None = None, cut: Cut | None = None
    ) -> None:
        self._store = store
        self._cut = cut or CUTS["characters"]
        self._zone = zone
        self._profile_id = profile_id
        self._users: dict[tuple[str, bool], dict[str, Any] | None] = {}
        self._names: dict[str, str | None] = {
            layout["id"]: layout["name"] for layout in store.layouts("Pipelines")
        }

    def many(self, module: str, records: Iterable[Record], fields: Sequence[str]) -> list[dict[str, Any]]:
        """As in a list: the asked-for fields that the module has, and `id`."""
        return self._render(module, list(records), fields, single=False)

    def single(self, module: str, record: Record, fields: Sequence[str] | None = None) -> dict[str, Any]:
        """As read alone: subforms and multi-select lookups too; without `fields` all and the `$` keys."""
        names = fields if fields is not None else self.all_names(module)
        return self._render(module, [record], names, single=True)[0]

    def whole(self, module: str, records: Iterable[Record]) -> list[dict[str, Any]]:
        """Each as read alone."""
        return self._render(module, list(records), self.all_names(module), single=True)

    def _render(
        self, module: str, records: Sequence[Record], fields: Sequence[str], *, single: bool
    ) -> list[dict[str, Any]]:
        plan = self.plan(module, fields, single=single)
        self._learn_names(module, records, fields)
        return [{name: render(record) for name, render in plan} for record in records]

    def all_names(self, module: str) -> list[str]:
        """What a record read without `fields` shows."""
        parent = ["$se_module"] if LINKED_ANYWHERE & self._store.fields_by_name(module).keys() else []
        own = OWN_EXTRAS.get(module, [])
        return [*(field["api_name"] for field in self._store.fields(module)), *EXTRAS, *parent, *own]

    def plan(self, module: str, fields: Sequence[str], *, single: bool) -> list[tuple[str, Render]]:
        """How each asked-for key is made; names the module lacks are left out (FACTS 4)."""
        known = {
            name: field for name, field in self._store.fields_by_name(module).items() if self._shows(field)
        }
        plan: dict[str, Render] = {"id": lambda record: record["id"]}
        for name in fields:
            if name in known and (single or known[name]["data_type"] not in SINGLE_ONLY):
                plan[name] = self._renderer_of(module, known[name], single=single)
            elif name == LAYOUT_KEY:
                plan[name] = partial(self._layout, module)
            elif name == "$approval_state":
                plan[name] = self._approval_state
            elif name in EXTRAS:
                plan[name] = _constant(EXTRAS[name])
            elif name.startswith("$"):
                plan[name] = _value_of(name)
        return list(plan.items())

    def _renderer_of(self, module: str, field: dict[str, Any], *, single: bool) -> Render:
        """How a field's value is made: by its name where metadata mislead, else by its data type."""
        name, kind = field["api_name"], field["data_type"]
        if name == "Tag":
            return lambda record: self._tags(module, record.get(name))
        if name == "Parent_Id":
            return self._parent
        if kind == "formula":
            return lambda record: formula_value(field, record)
        if kind in SINGLE_ONLY:
            columns_of = (field["subform"] or {}).get("module", "")
            return lambda record: [self._row(row, columns_of) for row in record.get(name) or []]
        convert = self._converter(field, single=single)
        return (lambda record: convert(record.get(name))) if convert else _value_of(name)

    def _converter(self, field: dict[str, Any], *, single: bool) -> Callable[[Any], Any] | None:
        """What turns a stored value into a shown one; None if they are the same."""
        kind = field["data_type"]
        if kind in USER_TYPES:
            return partial(self.user, with_email=kind == "ownerlookup")
        if kind in INSTANT_TYPES:
            return self.instant
        if kind == "boolean":
            return bool
        if kind in LINK_TYPES and field["json_type"] == "jsonobject":
            return self.link
        is_cut = not single and (field.get("textarea") or {}).get("type") == "rich_text"
        return self._cut if is_cut else None

    def _shows(self, field: dict[str, Any]) -> bool:
        """Whether the profile may see a field: a hidden one is as if the module lacked it."""
        return all(
            profile["permission_type"] != "hidden"
            for profile in field["profiles"]
            if profile["id"] == self._profile_id
        )

    def _learn_names(self, module: str, records: Sequence[Record], fields: Sequence[str]) -> None:
        """Look up at once what the linked records of a page are called."""
        known = self._store.fields_by_name(module)
        wanted = [name for name in fields if name in known and known[name]["data_type"] in LINK_TYPES]
        links = (record.get(name) for record in records for name in wanted)
        ids = {link["id"] for link in links if isinstance(link, dict) and "id" in link} - self._names.keys()
        self._names |= dict.fromkeys(ids) | self._store.names(ids)

    def instant(self, text: str | None) -> str | None:
        """A stored instant in the user's zone."""
        return None if text is None else in_zone(text, self._zone)

    def user(self, value: dict[str, Any] | None, *, with_email: bool = True) -> dict[str, Any] | None:
        """A user as a record shows one: `{"name", "id", "email"}`."""
        if value is None:
            return None
        key = (value["id"], with_email)
        if key not in self._users:
            self._users[key] = self._shown_user(*key)
        return self._users[key]

    def _shown_user(self, user_id: str, with_email: bool) -> dict[str, Any] | None:  # noqa: FBT001
        user = self._store.user(user_id)
        if user is None:
            return None
        shown = {"name": user["full_name"], "id": user_id}
        return shown | {"email": user["email"]} if with_email else shown

    def link(self, value: dict[str, Any] | None) -> dict[str, Any] | None:
        """A linked record as it is called now: `{"name", "id"}`; none if it was deleted since."""
        if value is None:
            return None
        linked_id = value["id"]
        if linked_id not in self._names:
            self._names[linked_id] = self._store.name(linked_id)
        name = self._names[linked_id]
        return None if name is None else {"name": name, "id": linked_id}

    def _parent(self, record: Record) -> dict[str, Any] | None:
        """Of a note or an attachment: `{"module": {"api_name", "id"}, "name", "id"}`."""
        link = self.link(record.get("Parent_Id"))
        module = self._store.module(record.get("$se_module", ""))
        if link is None or module is None:
            return link
        return {"module": {"api_name": module["api_name"], "id": module["id"]}, **link}

    def _approval_state(self, record: Record) -> str:
        is_waiting = self._store.is_under_approval(record["id"])
        return UNDER_APPROVAL if is_waiting else str(EXTRAS["$approval_state"])

    def _layout(self, module: str, record: Record) -> dict[str, Any] | None:
        """The layout of a record; of a deal it is its Team Pipeline."""
        layouts = self._store.layouts(module)
        own = record.get("Pipeline", {}).get("id")
        layout = next((each for each in layouts if each["id"] == own), layouts[0] if layouts else None)
        return layout and {key: layout[key] for key in ("display_label", "name", "id")}

    def _tags(self, module: str, value: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
        tags = (self._store.tag(module, entry["id"]) for entry in value or [])
        return [
            {"name": tag["name"], "id": tag["id"], "color_code": tag["color_code"]} for tag in tags if tag
        ]

    def _row(self, row: dict[str, Any], columns_of: str) -> dict[str, Any]:
        """A row of a subform by that module's fields; of a multi-select lookup: its link."""
        if columns_of and self._store.fields(columns_of):
            names = [field["api_name"] for field in self._store.fields(columns_of)]
            return {name: render(row) for name, render in self.plan(columns_of, names, single=True)}
        return {key: self.link(value) if isinstance(value, dict) else value for key, value in row.items()}


def renderer_for(call: ApiCall) -> Renderer:
    """The renderer for a call's user."""
    cut = CUTS[call.context.settings.rich_text_cut]
    return Renderer(call.store, zone=call.zone, profile_id=call.user["profile"]["id"], cut=cut)


def shown_to(call: ApiCall, item: Any) -> Any:
    """Metadata as a call's user is shown it: instants in the user's zone, users with their names."""
    renderer = renderer_for(call)

    def shown(part: Any) -> Any:
        if isinstance(part, str):
            return in_zone(part, call.zone) if _STORED_INSTANT.fullmatch(part) else part
        if isinstance(part, list):
            return [shown(each) if type(each) in _TO_LOOK_INTO else each for each in part]
        if not isinstance(part, dict):
            return part
        if len(part) == 1 and "id" in part:
            return renderer.user(part, with_email=False) or part
        return {key: shown(each) if type(each) in _TO_LOOK_INTO else each for key, each in part.items()}

    # Most fields hold neither: to look through their JSON takes a fraction of looking through them.
    if isinstance(item, list):
        return [shown(each) if _INSTANT_OR_USER.search(msgspec.json.encode(each)) else each for each in item]
    return shown(item)


def _constant(value: Any) -> Render:
    return lambda _record: value


def _value_of(name: str) -> Render:
    return lambda record: record.get(name)
