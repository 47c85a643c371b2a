"""Which scopes a purpose needs, and what a missing one costs. Pure.

Source: scopes page (Bigin v2). It lists scopes for nine modules alone, so whoever wants another one (a custom
module) needs those of all modules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from bigin_api.errors import SettingsError

Purpose = Literal["read", "write", "feed"]
PURPOSES: tuple[Purpose, ...] = ("read", "write", "feed")
SCOPED_MODULES = (
    "Contacts",
    "Accounts",
    "Pipelines",
    "Products",
    "Tasks",
    "Events",
    "Calls",
    "Notes",
    "Attachments",
)
MODULES = "ZohoBigin.modules"
EVERY_MODULE = f"{MODULES}.ALL"  # there is none that only reads them all


@dataclass(frozen=True)
class Scope:
    """A scope beside those of the modules, and what is lost without it."""

    name: str
    loses: str


SETTINGS = Scope("ZohoBigin.settings.READ", "modules, fields and layouts: no stream can be described")
USERS = Scope("ZohoBigin.users.READ", "the stream users, names of owners, and owners by e-mail")
ORG = Scope("ZohoBigin.org.READ", "the stream organization, and uploads of Bulk Write")
BULK_READ = Scope(
    "ZohoBigin.bulk.READ", "Bulk Read jobs: modules of more than 10,000 records cost more credits"
)
BULK = Scope("ZohoBigin.bulk.ALL", "Bulk Read and Bulk Write jobs")
COQL = Scope(
    "ZohoBigin.coql.READ",
    "queries: borders of pages are not proven, lost inserts and keys are found by slower ways",
)
FILES = Scope("ZohoFiles.files.ALL", "uploads of Bulk Write: write_method bulk and auto")
NOTIFICATIONS = Scope("ZohoBigin.notifications.ALL", "the feed: no channel can be opened")

NEEDED: Mapping[Purpose, tuple[Scope, ...]] = {
    "read": (SETTINGS, USERS, ORG, BULK_READ, COQL),
    "write": (SETTINGS, USERS, ORG, BULK, COQL, FILES),
    "feed": (SETTINGS, ORG, NOTIFICATIONS),
}
"""Beside those of the modules. ``write`` can read too."""


def scopes_for(purpose: Purpose, modules: Sequence[str] = ()) -> tuple[str, ...]:
    """The fewest scopes for a purpose. Without modules: all of them, custom ones included.

    Raises SettingsError for a module that looks like a slip of the pen.

    >>> scopes_for("feed", ["contacts"])[:2]
    ('ZohoBigin.modules.contacts.READ', 'ZohoBigin.settings.READ')
    >>> scopes_for("read")[0], scopes_for("write", ["Contacts"])[0]
    ('ZohoBigin.modules.ALL', 'ZohoBigin.modules.contacts.ALL')
    """
    operation = "ALL" if purpose == "write" else "READ"
    return (*module_scopes(modules, operation), *(scope.name for scope in NEEDED[purpose]))


def module_scopes(modules: Iterable[str], operation: str) -> tuple[str, ...]:
    """The scopes for these modules; EVERY_MODULE for none, or if one of them has no scope of its own."""
    known = [known_module(module) for module in modules]
    names = [name.lower() for name in known if name is not None]
    if not names or len(names) < len(known):
        return (EVERY_MODULE,)
    return tuple(f"{MODULES}.{name}.{operation}" for name in dict.fromkeys(names))


def known_module(name: str) -> str | None:
    """The module with scopes of its own, None for any other. Raises SettingsError for a slip of the pen."""
    folded = {each.casefold(): each for each in SCOPED_MODULES} | {
        "deals": "Pipelines",
        "companies": "Accounts",
    }
    found = folded.get(name.strip().casefold())
    if found is None and (alike := get_close_matches(name.strip().casefold(), folded, n=1, cutoff=0.8)):
        raise SettingsError(f"There is no module {name!r}, did you mean {folded[alike[0]]!r}?")
    return found
