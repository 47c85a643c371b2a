"""What a record says of other records: what each link looks for, and where the answer goes. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from bigin_api import Field
from bigin_api.json_values import api_name_of, plain_number
from bigin_api.models import ANY_MODULE
from target_bigin.files.id_map import Target
from target_bigin.lookups.directory import Query
from target_bigin.records.record import Fields
from target_bigin.settings import LookupSettings
from target_bigin.values.errors import invalid, show
from target_bigin.values.objects import as_id

DEALS_WORD = "Deals"  # what $se_module calls Pipelines, on v2 still
MODULE_WORDS = ("$se_module", "se_module", "$related_module")  # beside What_Id or Parent_Id

Put = Callable[["Target | None"], None]


@dataclass
class PendingLink:
    """One link of a record that is not resolved yet.

    ``queries`` are tried in order; ``last_resort`` once the input has ended and the parent, which might
    have come through the same pipe, has not. ``put`` takes the record found, or None for "leave it empty".
    """

    field: str
    queries: tuple[Query, ...]
    how: LookupSettings
    put: Put
    last_resort: tuple[Query, ...] = ()
    shown: str = ""  # what the record says, for a person
    must_be_there: bool = False  # a note without a parent is none


@dataclass(frozen=True)
class Link:
    """A field that points to records of ``modules``, () where metadata do not say, and how to find them."""

    name: str  # of the field
    modules: tuple[str, ...]
    by_source: bool  # ids are those of another organisation
    how: LookupSettings = field(default_factory=LookupSettings)
    must_be_there: bool = False

    def need(self, value: Any, put: Put, *, word: Any = None) -> PendingLink:
        """What must be found for a value; ``word`` is the module named beside it.

        Raises Reject for a value that can mean no record.
        """
        said_id, text = read_link(value)
        modules = (module_named(word),) if word else self.modules
        named = self._by_field(text, modules)
        match_on_id = self.how.match_on in (None, "id")
        key = said_id or (text if match_on_id else None)
        queries, last = named, tuple[Query, ...]()
        if self.by_source and key:
            queries, last = (Query("source", key, modules),), named
        elif own := as_id(said_id):
            queries = tuple(Query("field", own, (each,), "id") for each in modules)
        if not queries:
            raise invalid(
                "NOT_AN_ID",
                f"{show(value)} is not the id of a record. To find it by something else, "
                f"say how in the stream's lookups ({self.name}).",
            )
        return PendingLink(self.name, queries, self.how, put, last, text or str(key), self.must_be_there)

    def _by_field(self, text: str | None, modules: tuple[str, ...]) -> tuple[Query, ...]:
        match_on = self.how.match_on
        if not text or match_on in (None, "id"):
            return ()
        modules = (self.how.module,) if self.how.module else modules
        return tuple(Query("field", text, (each,), str(match_on)) for each in modules)


def read_link(value: Any) -> tuple[str | None, str | None]:
    """The id and the text of a value: ``{"id", "name"}``, or a plain one, which is text alone.

    >>> read_link({"id": "6100000000000451010", "name": "ACME"})
    ('6100000000000451010', 'ACME')
    >>> read_link(" ACME "), read_link(17.0)
    ((None, 'ACME'), (None, '17'))
    """
    if isinstance(value, Mapping):
        return _text(value.get("id")), _text(value.get("name"))
    return None, _text(value)


def read_user(value: Any) -> str | None:
    """By what a value names a user: the e-mail where it has one, for ids of elsewhere mean nothing here.

    >>> read_user({"id": "1", "name": "Ann Ek", "email": "ann@x.org"})
    'ann@x.org'
    >>> read_user({"id": "1", "name": "Ann Ek"}), read_user(" ann@x.org ")
    ('Ann Ek', 'ann@x.org')
    """
    if isinstance(value, Mapping):
        value = next((value[key] for key in ("email", "name", "id") if value.get(key)), None)
    return _text(value)


def module_named(word: Any) -> str:
    """The module that ``$se_module`` means.

    >>> module_named("Deals"), module_named("Accounts"), module_named({"api_name": "Contacts"})
    ('Pipelines', 'Accounts', 'Contacts')
    """
    name = word.get("api_name") if isinstance(word, Mapping) else word
    return "Pipelines" if name == DEALS_WORD else str(name)


def word_for(module: str) -> str:
    """How ``$se_module`` names a module.

    >>> word_for("Pipelines"), word_for("Accounts")
    ('Deals', 'Accounts')
    """
    return DEALS_WORD if module == "Pipelines" else module


def word_in(record: Fields, value: Any) -> Any:
    """The module named inside a link (``{"module": {"api_name"}, "id"}``) or beside it, None if none is."""
    inside = value.get("module") if isinstance(value, Mapping) else None
    words = (inside, *(record.get(each) for each in MODULE_WORDS))
    return next((word for word in words if api_name_of(word) not in (None, ANY_MODULE)), None)


def modules_of(described: Field) -> tuple[str, ...]:
    """The modules that a lookup may point to: one, several (What_Id), or () where metadata do not say."""
    if described.lookup_module:
        return (described.lookup_module,)
    several = described.raw.get("multi_module_lookup")
    listed = several.get("modules") if isinstance(several, Mapping) else None
    named = [api_name_of(each) for each in listed] if isinstance(listed, list) else []
    return tuple(module_named(each) for each in named if each not in (None, ANY_MODULE))


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, bool | Mapping | list):
        return None
    if isinstance(value, float | Decimal):
        return plain_number(value)
    return str(value).strip()
