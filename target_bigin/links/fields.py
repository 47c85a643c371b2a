"""Which fields of a module speak of other records, and how each of them is read and written. No I/O.

A table by kind of field: a lookup, a user, what an activity is about, the parent of a note, the
participants of an event. Rows of subforms and multi-select lookups stand in ``rows``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from bigin_api import Field
from target_bigin.files.id_map import Target
from target_bigin.links.references import (
    MODULE_WORDS,
    Link,
    PendingLink,
    module_named,
    modules_of,
    read_user,
    word_for,
    word_in,
)
from target_bigin.lookups.directory import Query
from target_bigin.records.record import Fields, Record, Unresolved
from target_bigin.settings import LookupSettings, StreamSettings

Relation = Callable[[Record, Any], Iterator[PendingLink]]
"""What the value of one field links to; what is known already it puts in its place. May raise Reject."""

# Where metadata name no module (`se_module`: any): what an activity may be about, what a note may hang on.
# Source: related-list Notes, insert-records (Bigin v2).
RELATED_MODULES = ("Accounts", "Pipelines", "Products")
PARENT_MODULES = ("Contacts", *RELATED_MODULES)


def relations_of(fields: Mapping[str, Field], settings: StreamSettings) -> dict[str, Relation]:
    """By api_name, for the fields that speak of other records and are no rows."""
    found: dict[str, Relation] = {}
    for name, described in fields.items():
        relation = _BY_NAME.get(name) or _BY_DATA_TYPE.get(described.data_type)
        if relation is not None:
            found[name] = relation(described, settings)
    return found


def link_of(described: Field, settings: StreamSettings) -> Link:
    """The link that a lookup field is, as the stream is set to find it."""
    how = settings.lookups.get(described.api_name, LookupSettings())
    return Link(
        described.api_name,
        (how.module,) if how.module else modules_of(described),
        by_source=settings.ids == "source",
        how=how,
    )


def _lookup(described: Field, settings: StreamSettings) -> Relation:
    link = link_of(described, settings)

    def needs(record: Record, value: Any) -> Iterator[PendingLink]:
        if isinstance(value, Unresolved):
            yield link.need(value.value, partial(put_id, record.body, link.name))

    return needs


def _user(described: Field, settings: StreamSettings) -> Relation:
    name = described.api_name
    how = settings.lookups.get(name, LookupSettings())

    def needs(record: Record, value: Any) -> Iterator[PendingLink]:
        if isinstance(value, Unresolved):
            text = read_user(value.value) or ""
            put = partial(_put_owner if name == "Owner" else put_id, record.body, name)
            yield PendingLink(name, (Query("user", text),), how, put, shown=text)

    return needs


def _related(described: Field, settings: StreamSettings) -> Relation:
    """``What_Id`` of an activity, with the word for its module beside it."""
    return _with_word(_of_any(link_of(described, settings), RELATED_MODULES), _put_related)


def _parent(described: Field, settings: StreamSettings) -> Relation:
    """``Parent_Id`` of a note, with its module inside."""
    link = replace(_of_any(link_of(described, settings), PARENT_MODULES), must_be_there=True)
    return _with_word(link, _put_parent)


def _of_any(link: Link, modules: tuple[str, ...]) -> Link:
    """A link whose metadata name no module; ids of another organisation tell theirs by themselves."""
    return link if link.modules or link.by_source else replace(link, modules=modules)


def _with_word(link: Link, put: Callable[[Fields, str, Target | None], None]) -> Relation:
    def needs(record: Record, value: Any) -> Iterator[PendingLink]:
        said = value.value if isinstance(value, Unresolved) else value
        word = word_in(record.raw, said)
        for each in MODULE_WORDS:
            record.body.pop(each, None)
        if isinstance(value, Unresolved) or not word:
            yield link.need(said, partial(put, record.body, link.name), word=word)
        else:
            put(record.body, link.name, Target(module_named(word), value["id"]))

    return needs


def _participants(described: Field, settings: StreamSettings) -> Relation:
    """Contacts and users among those who take part; an e-mail is its own answer."""
    name = described.api_name
    how = settings.lookups.get(name, LookupSettings())

    def needs(record: Record, value: Any) -> Iterator[PendingLink]:
        if settings.ids != "source":
            return
        for entry in value:
            query = _participant(entry, record.raw.get(name))
            if query is not None:
                put = partial(_put_participant, record.body, name, entry)
                yield PendingLink(name, (query,), how, put, shown=query.value)

    return needs


def _participant(entry: Fields, raw: Any) -> Query | None:
    who = entry["participant"]
    if entry["type"] == "contact":
        return Query("source", who, ("Contacts",))
    if entry["type"] != "user":
        return None
    listed = [each for each in raw if isinstance(each, Mapping)] if isinstance(raw, list) else []
    said = next((each for each in listed if str(each.get("participant")) == who), {})
    return Query("user", str(said.get("Email") or said.get("email") or who))


def put_id(body: Fields, name: str, target: Target | None) -> None:
    """Write a link, or that there is none."""
    body[name] = {"id": target.id} if target else None


def _put_owner(body: Fields, name: str, target: Target | None) -> None:
    if target:
        body[name] = {"id": target.id}
    else:
        body.pop(name, None)  # a record always has one: whoever has it keeps it


def _put_related(body: Fields, name: str, target: Target | None) -> None:
    put_id(body, name, target)
    if target:
        body["$se_module"] = word_for(target.module)


def _put_parent(body: Fields, name: str, target: Target | None) -> None:
    if target:
        body[name] = {"module": {"api_name": target.module}, "id": target.id}


def _put_participant(body: Fields, name: str, entry: Fields, target: Target | None) -> None:
    others = [each for each in body[name] if each is not entry]
    if target:
        others.append({**entry, "participant": target.id})
    body[name] = others


_BY_NAME: Mapping[str, Callable[[Field, StreamSettings], Relation]] = {
    "What_Id": _related,
    "Parent_Id": _parent,
    "Participants": _participants,
}
_BY_DATA_TYPE: Mapping[str, Callable[[Field, StreamSettings], Relation]] = {
    "lookup": _lookup,
    "ownerlookup": _user,
    "userlookup": _user,
}
