"""Which modules and fields a user may touch, and which scopes a token needs.

Source: FACTS 1 (scopes, NO_PERMISSION), 3 (field profiles), 7.10 (a listed module may be refused).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bigin_sandbox.http.answers import invalid_module, no_permission
from bigin_sandbox.http.calls import ApiCall

SCOPE_WORDS = {"pipelines": ("pipelines", "deals")}  # the scope list still says deals: FACTS 4
BY_NAME_ALONE = frozenset({"change_owner", "emails"})  # the modules' ALL does not hold them: FACTS 6a
OPERATION_WORDS = {
    "create": ("create", "write"),  # write.md 3
    "write": ("write", "update"),
    "update": ("write", "update"),
}


def grants(scopes: frozenset[str], needed: str) -> bool:
    """Whether a token with these scopes (lower case) may do what needs `ZohoBigin.a.b.OPERATION`.

    >>> grants(frozenset({"zohobigin.modules.all"}), "ZohoBigin.modules.Contacts.READ")
    True
    >>> grants(frozenset({"zohobigin.modules.contacts.read"}), "ZohoBigin.modules.Contacts.WRITE")
    False
    >>> grants(frozenset({"zohobigin.modules.read"}), "ZohoBigin.modules.Contacts.READ")
    False
    """
    return any(scope in scopes for scope in _sufficient(*needed.lower().split(".")))


def _sufficient(service: str, family: str, *rest: str) -> Iterable[str]:
    """The scopes of which any will do."""
    *members, operation = rest
    operations = ("all", *OPERATION_WORDS.get(operation, (operation,)))
    member = members[0] if members else ""
    if member not in BY_NAME_ALONE:
        # There is no ZohoBigin.modules.READ: of all modules at once there is ALL alone (FACTS 1).
        for word in ("all",) if family == "modules" else operations:
            yield f"{service}.{family}.{word}"
    for name in SCOPE_WORDS.get(member, (member,)):
        yield from (f"{service}.{family}.{name}.{word}" for word in operations)


def require_module(call: ApiCall, action: str = "View") -> dict[str, Any]:
    """The module of the address, if the API serves it and the user may `View`, `Create`, `Edit`, `Delete`.

    Raises Refusal INVALID_MODULE or NO_PERMISSION.
    """
    return allowed_module(call, call.path_params["module"], action, resource_path_index=0)


def allowed_module(call: ApiCall, api_name: str, action: str = "View", **where: Any) -> dict[str, Any]:
    """The same for a module named elsewhere; `where` goes into the details of INVALID_MODULE."""
    module = call.store.module(api_name)
    if module is None or not module["api_supported"] or module["generated_type"] == "subform":
        raise invalid_module(**where)
    if not is_open_to(module, call.user):
        raise no_permission(f"Crm_Implied_{action}_{api_name}")
    return module


def is_open_to(module: dict[str, Any], user: dict[str, Any]) -> bool:
    """Whether the user's profile is among the module's."""
    return any(profile["id"] == user["profile"]["id"] for profile in module["profiles"])


def field_permission(field: dict[str, Any], user: dict[str, Any]) -> str:
    """`read_write`, `read_only` or `hidden` for the user's profile."""
    for profile in field["profiles"]:
        if profile["id"] == user["profile"]["id"]:
            return str(profile["permission_type"])
    return "hidden"


def is_administrator(user: dict[str, Any]) -> bool:
    """Whether the user's profile is the administrators'."""
    return bool(user["profile"]["name"] == "Administrator")
