"""Values that point at another record, or at a user. Source: FACTS 5 ("Values"), write.md 7."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bigin_sandbox.rules.values.ids import id_given
from bigin_sandbox.rules.values.values import is_empty, stored_value
from bigin_sandbox.rules.writing.refused import expected_type, refused_value, wrong_type

if TYPE_CHECKING:
    from bigin_sandbox.storage.store import Record, Store

SHORTEST_ID = 15  # digits; a shorter number is the name of something
NO_SUBORDINATE = "Non Subordinate User Found"  # write.md 2


def linked_record(store: Store, module: str, field: Record, value: Any, path: str) -> Record:
    """`{"id"}` of a record that exists, or `{"name"}` of the company that a contact names.

    A plain id is taken for Account_Name; names are taken for Contacts.Account_Name alone (FACTS 5).
    """
    given = _company_or_id(field, value, path)
    if "id" in given:
        return existing(store, field["lookup"]["module"]["api_name"], given["id"], field["api_name"], path)
    name = given.get("name")
    if module == "Contacts" and field["api_name"] == "Account_Name" and not is_empty(name):
        naming = store.fields_by_name("Accounts")["Account_Name"]
        return {"name": stored_value(naming, name, path)}
    raise refused_value(field["api_name"], path)


def _company_or_id(field: Record, value: Any, path: str) -> Record:
    if isinstance(value, dict):
        return value
    plain = id_given(value)
    if plain is not None and field["api_name"] == "Account_Name":
        return {"id": plain} if looks_like_id(plain) else {"name": value}
    raise wrong_type(field, path)


def looks_like_id(text: str) -> bool:
    """Whether a plain text can be an id.

    >>> looks_like_id("6100000000000451010"), looks_like_id("1848 Brewery"), looks_like_id("3")
    (True, False, False)
    """
    return text.isdecimal() and len(text) >= SHORTEST_ID


def existing(store: Store, module: str, record_id: Any, api_name: str, path: str) -> Record:
    """`{"id"}` of a record of that module. An unknown id is refused (FACTS 5)."""
    given = id_given(record_id)
    if given is None:
        raise expected_type("bigint", api_name, f"{path}.id")
    if store.module_of(given) != module:
        raise refused_value(api_name, path)
    return {"id": given}


def user(store: Store, field: Record, value: Any, path: str) -> Record:
    """`{"id"}` of an active user; for Owner a plain id, too. An e-mail alone is refused (FACTS 5)."""
    if id_given(value) is not None and field["api_name"] == "Owner":
        value = {"id": value}
    if not isinstance(value, dict):
        raise wrong_type(field, path)
    found = store.user(id_given(value.get("id")) or "")
    if found is None or found["status"] != "active":
        raise refused_value(field["api_name"], path, NO_SUBORDINATE)
    return {"id": found["id"]}


def company_named(store: Store, name: str, *, user_id: str) -> Record:
    """The company of that name, created if there is none, without a word (FACTS 5)."""
    known = store.find("Accounts", "Account_Name", name)
    company = known[0] if known else store.insert("Accounts", {"Account_Name": name}, user_id=user_id)["id"]
    return {"id": company}
