"""Related lists that a person named → stream definitions: a row for each record in the list of each parent.

A deal's products and multi-select lookups are rows of the record itself, given only with a record read
singly; they are named like related lists (``Pipelines.Associated_Products``).
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Literal

from bigin_api.errors import ModuleUnavailable, PermissionDenied, Refused, SettingsError, did_you_mean
from bigin_api.json_values import api_name_of, mapping, text
from bigin_api.models import OLDER_NAMES
from tap_bigin.discovery.definition import REPLICATION_KEY, StreamDefinition
from tap_bigin.report import alone, ends_run
from tap_bigin.values.data_types import DATETIME, LINK, LIST_OF_ANYTHING, STRING, USER, nullable, objects
from tap_bigin.values.schema import RecordSchema, record_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bigin_api import Client, Field, Module, RelatedList
    from tap_bigin.report import RunReport
    from tap_bigin.settings import Lookups

PARENT_ID = "parent_id"
PARENT_FIELD = "Parent_Id"
PARENT_KEYS = (PARENT_FIELD, "$se_module")
EMAILS = "Emails"
Source = Literal["list", "emails", "rows"]
BOOLEAN = nullable("boolean")
ADDRESS = objects(user_name=STRING, email=STRING)
ADDRESSES = nullable("array", items=ADDRESS)

EMAIL_SCHEMA = RecordSchema(
    {
        PARENT_ID: {"type": "string"},
        "id": {"type": "string", "description": "The message_id."},
        "subject": STRING,
        "from": ADDRESS,
        "to": ADDRESSES,
        "cc": ADDRESSES,
        "time": DATETIME,
        "sent": BOOLEAN,
        "read": BOOLEAN,
        "has_attachment": BOOLEAN,
        "owner": USER,
        "source": STRING,
        "status": LIST_OF_ANYTHING,
    },
    {"time": "datetime"},
)
"""What the list of e-mails gives; the text of a message is not among it."""


@dataclass(frozen=True, kw_only=True)
class RelatedDefinition(StreamDefinition):
    """One related list of every record of a module."""

    primary_keys: tuple[str, ...] = (PARENT_ID, "id")
    module: str  # of the parents
    api_name: str  # of the list, or of the field that holds the rows
    source: Source
    related_module: str | None = None
    tells_parent: bool = False  # its records do: one list, and what changed of it, gives them all


def define_related(
    client: Client, entry: str, *, offered: Sequence[Module], lookups: Lookups, report: RunReport
) -> list[RelatedDefinition]:
    """The streams of an entry of ``related_lists`` such as ``Contacts.Emails`` or ``*.Notes``.

    Asks for each module's related lists, 1 credit a module; one that cannot be asked fails alone. Raises
    SettingsError for an entry that names nothing that is there.
    """
    glob, dot, list_glob = entry.partition(".")
    modules = [each.api_name for each in offered if fnmatchcase(each.api_name, glob)]
    if not dot or not (modules or glob.isidentifier()):
        raise SettingsError(
            f"related_lists: {entry!r} is no module and list such as Contacts.Emails or *.Notes."
        )
    modules = modules or [glob]
    of_modules = [_alone(client, module, list_glob, lookups=lookups, report=report) for module in modules]
    found = [each for some in of_modules for each in some or ()]
    if not found and None not in of_modules:
        names = [each.api_name for each in offered]
        hint = _meant(client, entry, modules, offered=names)
        raise SettingsError(f"related_lists: {entry!r} matches nothing{hint}")
    return found


def _alone(
    client: Client, module: str, list_glob: str, *, lookups: Lookups, report: RunReport
) -> list[RelatedDefinition] | None:
    """Those of one module; None where it cannot be asked, which is told."""
    try:
        return list(_of_module(client, module, list_glob, lookups=lookups, report=report))
    except Exception as error:
        if ends_run(error):
            raise
        report.fail(stream_name(module, list_glob), alone(error))
        return None


def _of_module(
    client: Client, module: str, list_glob: str, *, lookups: Lookups, report: RunReport
) -> Iterator[RelatedDefinition]:
    lists = {each.api_name: each for each in _lists(client, module) if fnmatchcase(each.api_name, list_glob)}
    for each in lists.values():
        definition = _of_list(client, module, each, lookups=lookups, report=report)
        if definition:
            yield definition
    for field in _row_fields(client, module):
        if fnmatchcase(field.api_name, list_glob) and field.api_name not in lists:
            yield _of_field(client, module, field, lookups=lookups)


def _of_list(
    client: Client, module: str, related: RelatedList, *, lookups: Lookups, report: RunReport
) -> RelatedDefinition | None:
    name = stream_name(module, related.api_name)
    if related.api_name == EMAILS:
        return RelatedDefinition(name, EMAIL_SCHEMA, module=module, api_name=EMAILS, source="emails")
    if related.module is None:
        report.stream(name).warn("no stream. The metadata does not say of which module its records are.")
        return None
    try:
        fields = client.metadata.fields(related.module)
    except (PermissionDenied, ModuleUnavailable) as refused:
        report.stream(name).warn(f"no stream. {refused.message}")
        return None
    names = {each.api_name for each in fields}
    tells_parent = {PARENT_FIELD, REPLICATION_KEY} <= names
    return RelatedDefinition(
        name,
        _with_parent(record_schema(related.module, _without_parent(fields), lookups=lookups)),
        replication_key=REPLICATION_KEY if tells_parent else None,
        module=module,
        api_name=related.api_name,
        source="list",
        related_module=related.module,
        tells_parent=tells_parent,
    )


def _of_field(client: Client, module: str, field: Field, *, lookups: Lookups) -> RelatedDefinition:
    """Rows inside a record: of a subform by that module's fields, of a multi-select lookup a link."""
    rows_of = client.metadata.rows_module(field)
    if rows_of:
        schema = record_schema(rows_of, _without_parent(client.metadata.fields(rows_of)), lookups=lookups)
    else:
        link = STRING if lookups == "id" else LINK
        schema = RecordSchema(
            {"id": {"type": "string"}, field.linking_lookup or field.api_name: link},
            {field.linking_lookup or field.api_name: "link"},
        )
    name = stream_name(module, field.api_name)
    return RelatedDefinition(
        name,
        _with_parent(schema),
        module=module,
        api_name=field.api_name,
        source="rows",
        related_module=rows_of,
    )


def stream_name(module: str, list_name: str) -> str:
    """The stream of a related list.

    >>> stream_name("Contacts", "Emails")
    'contacts_emails'
    """
    return f"{module}_{list_name}".lower()


def parent_of(record: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Module and id of what a note or an attachment belongs to; None for what it does not tell.

    >>> parent_of({"Parent_Id": {"module": {"api_name": "Contacts", "id": "1"}, "id": "7"}})
    ('Contacts', '7')
    >>> parent_of({"Parent_Id": {"id": "7"}, "$se_module": "Deals"})
    ('Pipelines', '7')
    """
    parent = mapping(record.get(PARENT_FIELD))
    named = api_name_of(parent.get("module")) or text(record.get("$se_module"))
    return OLDER_NAMES.get(named, named) if named else None, text(parent.get("id"))


def _with_parent(schema: RecordSchema) -> RecordSchema:
    properties = {PARENT_ID: {"type": "string"}, **schema.properties}
    return RecordSchema(properties, schema.treatments, schema.unsupported)


def _without_parent(fields: Sequence[Field]) -> list[Field]:
    """Without ``Parent_Id``: beside the key parent_id it would differ by case alone, which loaders fold."""
    return [each for each in fields if each.api_name != PARENT_FIELD]


def _lists(client: Client, module: str) -> Sequence[RelatedList]:
    try:
        return [each for each in client.metadata.related_lists(module) if each.status == "visible"]
    except Refused:
        return ()  # not every module has related lists: get-related-list-meta names seven


def _row_fields(client: Client, module: str) -> Iterator[Field]:
    try:
        fields = client.metadata.fields(module)
    except (PermissionDenied, ModuleUnavailable):
        return
    yield from (each for each in fields if each.data_type in ("subform", "multiselectlookup"))


def _meant(client: Client, entry: str, modules: Sequence[str], *, offered: Sequence[str]) -> str:
    """What an entry that matches nothing may mean, else what there is."""
    if modules[0] not in offered and (hint := did_you_mean(modules[0], offered)):
        return hint
    named = [
        f"{module}.{name}"
        for module in modules
        for name in (
            *(each.api_name for each in _lists(client, module)),
            *(each.api_name for each in _row_fields(client, module)),
        )
    ]
    there_is = f"There are {', '.join(named)}." if named else f"{', '.join(modules)} has no related lists."
    return did_you_mean(entry, named, otherwise=f". {there_is}")
