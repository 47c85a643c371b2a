"""Modules and fields → stream definitions. Pure: the metadata comes in, definitions go out.

No module and no field is hard-coded. A kind of stream is a subclass of ``StreamDefinition``;
``tap_bigin.offer`` has the table of which stream class reads which definition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from bigin_api.limits import DELETED_MODULES
from bigin_api.models import Field, Module
from tap_bigin.values.data_types import DATETIME
from tap_bigin.values.schema import RecordSchema, record_schema

if TYPE_CHECKING:
    from tap_bigin.settings import Lookups

REPLICATION_KEY = "Modified_Time"
DELETED_AT = "_sdc_deleted_at"  # Singer's own name for a soft deletion
UNREADABLE_KINDS = frozenset(("subform", "linking"))  # rows of other records, not records: generated_type


@dataclass(frozen=True)
class StreamDefinition:
    """What a stream is, whatever its kind. Names as Singer knows them."""

    name: str
    schema: RecordSchema
    primary_keys: tuple[str, ...] = ("id",)
    replication_key: str | None = None  # None: a full table each run

    @property
    def selected_by_default(self) -> bool:
        """Whether a catalog selects it that does not say otherwise."""
        return True


@dataclass(frozen=True, kw_only=True)
class ModuleDefinition(StreamDefinition):
    """A module's records, read in full once and then by ``Modified_Time``."""

    module: Module
    fields: tuple[Field, ...]


def readable_modules(modules: Sequence[Module], *, wanted: Sequence[str] = ("*",)) -> tuple[Module, ...]:
    """Those that are open to the API and meet one of the globs.

    ``visible`` is no test: Notes and Attachments are invisible and readable.

    >>> contacts = Module("Contacts", api_supported=True)
    >>> rows = Module("Associated_Products", api_supported=True, generated_type="subform")
    >>> [each.api_name for each in readable_modules([contacts, rows, Module("Social")])]
    ['Contacts']
    """
    return tuple(
        each
        for each in modules
        if each.api_supported
        and each.api_name
        and each.generated_type not in UNREADABLE_KINDS
        and any(fnmatchcase(each.api_name, glob) for glob in wanted)
    )


def define_module(
    module: Module, fields: Sequence[Field], *, lookups: Lookups = "object", soft_deletes: bool = False
) -> ModuleDefinition:
    """The stream of a module: incremental where it has ``Modified_Time``.

    >>> define_module(Module("Tasks"), [], soft_deletes=True).schema.automatic
    frozenset({'_sdc_deleted_at'})
    """
    names = {each.api_name for each in fields}
    schema = record_schema(module.api_name, fields, lookups=lookups)
    if soft_deletes and module.api_name in DELETED_MODULES:
        properties = {**schema.properties, DELETED_AT: dict(DATETIME)}
        schema = replace(schema, properties=properties, automatic=frozenset((DELETED_AT,)))
    return ModuleDefinition(
        name=module.api_name,
        schema=schema,
        replication_key=REPLICATION_KEY if REPLICATION_KEY in names else None,
        module=module,
        fields=tuple(fields),
    )
