"""`/users`, `/org`, `/settings/roles`, `/settings/profiles`. Source: read.md 3.7."""

from __future__ import annotations

from collections.abc import Callable

from bigin_sandbox.http.answers import Answer, json_answer, no_content, pattern_not_matched
from bigin_sandbox.http.calls import ApiCall, Route
from bigin_sandbox.render import shown_to
from bigin_sandbox.rules.access.permissions import is_administrator
from bigin_sandbox.rules.reading.paging import Item, settings_page

TYPES: dict[str, Callable[[Item], bool]] = {
    "AllUsers": lambda _user: True,
    "ActiveUsers": lambda user: user["status"] == "active",
    "DeactiveUsers": lambda user: user["status"] == "disabled",
    "ConfirmedUsers": lambda user: user["confirm"],
    "NotConfirmedUsers": lambda user: not user["confirm"],
    "DeletedUsers": lambda user: user["status"] == "deleted",
    "ActiveConfirmedUsers": lambda user: user["status"] == "active" and user["confirm"],
    "AdminUsers": is_administrator,
    "ActiveConfirmedAdmins": lambda user: user["status"] == "active" and is_administrator(user),
}


def list_users(call: ApiCall) -> Answer:
    """The organisation's users of a type, a page at a time."""
    wanted = call.params.get("type", "AllUsers")
    if wanted == "CurrentUser":
        users = [call.user]
    elif wanted in TYPES:
        users = [user for user in call.store.users() if TYPES[wanted](user)]
    else:
        raise pattern_not_matched("type")
    return _page(call, "users", users)


def get_user(call: ApiCall) -> Answer:
    """One user; 204 if there is none of that id."""
    user = call.store.user(call.path_params["id"])
    return json_answer({"users": [shown_to(call, user)]}) if user else no_content()


def get_org(call: ApiCall) -> Answer:
    """The organisation itself."""
    return json_answer({"org": [call.store.org()]})


def list_roles(call: ApiCall) -> Answer:
    """All roles."""
    return _page(call, "roles", call.store.roles())


def list_profiles(call: ApiCall) -> Answer:
    """All profiles."""
    return _page(call, "profiles", call.store.profiles())


def _page(call: ApiCall, key: str, items: list[Item]) -> Answer:
    shown, info = settings_page(call, items)
    return json_answer({key: shown_to(call, shown), "info": info}) if shown else no_content()


ROUTES = [
    Route("GET", "/users", list_users, scopes=("ZohoBigin.users.READ",)),
    Route("GET", "/users/{id}", get_user, scopes=("ZohoBigin.users.READ",)),
    Route("GET", "/org", get_org, scopes=("ZohoBigin.org.READ",)),
    Route("GET", "/settings/roles", list_roles, scopes=("ZohoBigin.settings.roles.READ",)),
    Route("GET", "/settings/profiles", list_profiles, scopes=("ZohoBigin.settings.profiles.READ",)),
]
