"""Stream → module, property → field; what is dropped and why. No I/O."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from unicodedata import normalize

from bigin_api.errors import did_you_mean
from bigin_api.models import Field, Module
from target_bigin.settings import Operation
from target_bigin.values.converters import UNWRITABLE_TYPES

PASSED_ALONG = frozenset(("$se_module", "$related_module", "$append_values", "se_module"))
"""Words that a record carries beside its fields; Bigin reads them, metadata does not list them."""

SILENT_PREFIX = "_sdc_"
ID_NAMES = ("id", "Id")  # JSON's, and that of Bulk Read's CSV


SETTINGS = "settings_"
MARKS: Mapping[str, frozenset[str]] = {
    "users": frozenset(("full_name", "zuid", "profile")),
    "organization": frozenset(("company_name", "zgid")),
}
"""Properties by which tap-bigin's own streams of these common names are known."""


@dataclass(frozen=True)
class Dropped:
    """A property that goes nowhere."""

    name: str
    reason: str
    is_known: bool = True  # Bigin has such a field


def find_module(name: str, modules: Iterable[Module]) -> Module | None:
    """The module that a stream means: by its api_name, else by any of its names in any case.

    >>> find_module("companies", [Module("Accounts", plural_label="Companies")]).api_name
    'Accounts'
    """
    known = list(modules)
    for module in known:
        if module.api_name == name:
            return module
    for found in (
        [each for each in known if folded(each.api_name) == folded(name)],
        [each for each in known if folded(name) in map(folded, _labels(each))],
    ):
        if len(found) == 1:
            return found[0]
    return None


def _labels(module: Module) -> tuple[str, str, str]:
    return module.module_name, module.singular_label, module.plural_label


def why_unwritable(name: str, module: Module | None, *, known: Iterable[Module] = ()) -> str | None:
    """Why a stream's records can go nowhere, None if they can."""
    if module is None:
        hint = did_you_mean(name, (each.api_name for each in known), otherwise=".")
        return (
            f"this organisation has no module {name!r}{hint} Set streams.<stream>.module to one that it has"
        )
    if module.generated_type in ("subform", "linking"):
        parent = module.parent_module or "another module"
        return f"{module.api_name} are rows of {parent}: they are written with their parent"
    if not module.api_supported:
        return f"{module.api_name} is not open to the API"
    return None


def is_description(stream: str, properties: Collection[str]) -> bool:
    """Whether a stream is one of tap-bigin's descriptions; another tap's ``users`` is none.

    >>> is_description("users", ["id", "full_name", "zuid", "profile"]), is_description("users", ["id"])
    (True, False)
    """
    if stream.startswith(SETTINGS):
        return True
    marks = MARKS.get(stream)
    return marks is not None and marks <= set(properties)


class FieldMatch:
    """Which field a property means, decided once for each name.

    By api_name, else by api_name or label in any case and spelling ("last name" is Last_Name). A field
    is taken once: the property with its exact name wins over one that is only like it.
    """

    def __init__(
        self, fields: Mapping[str, Field], *, operation: Operation, exact: Sequence[str] = ()
    ) -> None:
        self._fields = fields
        self._operation = operation
        self._alike = _by_folded_name(fields.values())
        self._taken: dict[str, str] = {name: name for name in exact if name in fields}
        self._decided: dict[str, Field | Dropped | None] = {}

    def field(self, name: str) -> Field | Dropped | None:
        """The field; or why there is none; None for what is dropped without a word (``_sdc_``)."""
        if name not in self._decided:
            self._decided[name] = self._decide(name)
        return self._decided[name]

    @property
    def matched(self) -> dict[str, str]:
        """Property → api_name, of all that was asked for so far."""
        return {name: found.api_name for name, found in self._decided.items() if isinstance(found, Field)}

    def _decide(self, name: str) -> Field | Dropped | None:
        if name.startswith(SILENT_PREFIX):
            return None
        field = self._fields.get(name) or self._alike.get(folded(name))
        if field is None:
            return Dropped(name, f"unknown{did_you_mean(name, self._fields)}", is_known=False)
        reason = why_read_only(field, self._operation)
        if reason:
            return Dropped(name, reason)
        owner = self._taken.setdefault(field.api_name, name)
        return field if owner == name else Dropped(name, f"{owner!r} is {field.api_name} already")


def why_read_only(field: Field, operation: Operation) -> str | None:
    """Why a write would be ignored by Bigin, None if the field takes values."""
    if field.data_type in UNWRITABLE_TYPES:
        return "computed or a file"
    may = {
        "insert": field.creatable,
        "update": field.updatable,
        "upsert": field.creatable or field.updatable,
        "delete": True,
    }[operation]
    return None if may else "read-only"


_SPELLING = re.compile(r"""[\s_\-.,:;!?'"`()\[\]{}/\\|\u00b7\u2010-\u201f\u200b\ufeff]+""")
"""Blanks, dashes, brackets and marks of punctuation. Signs are letters here: C# is not C++, $ is not %."""


def folded(name: str) -> str:
    """A name without case and spelling, but with its letters and signs, whatever their script.

    >>> folded("Last Name"), folded("last_name"), folded("Größe"), folded("電話 1")
    ('last_name', 'last_name', 'größe', '電話_1')
    >>> folded("Amount ($)"), folded("C#"), folded("👍")
    ('amount_$', 'c#', '👍')
    """
    return _SPELLING.sub("_", normalize("NFC", name).lower()).strip("_")


def _by_folded_name(fields: Iterable[Field]) -> dict[str, Field]:
    """Fields by what they may be called; api_names before labels, and no name that two of them share."""
    known = list(fields)
    found: dict[str, Field | None] = {}
    for name_of in (attrgetter("api_name"), attrgetter("label")):
        round_: dict[str, Field | None] = {}
        for field in known:
            name = folded(name_of(field))
            round_[name] = None if name in round_ else field
        found = {**round_, **found}
    return {name: field for name, field in found.items() if name and field is not None}
