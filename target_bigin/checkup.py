"""What the target would meet in this organisation, stream by stream of its settings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING, Any

from bigin_api import BiginError, Client, Refused, SettingsError
from bigin_api.access.checkup import (
    Checkup,
    check_account,
    check_queries,
    reason_of,
    right_of,
    why_it_ended,
)
from bigin_api.access.scopes import BULK, COQL, SETTINGS
from bigin_api.models import Field, Module
from target_bigin.schema.fields import find_module, why_read_only, why_unwritable
from target_bigin.schema.keys import KeyPlan, plan_key
from target_bigin.settings import StreamSettings, TargetSettings
from target_bigin.settings_schema import EVERY_STREAM
from target_bigin.values.sameness import compared_as

if TYPE_CHECKING:
    from collections.abc import Iterable

PAGES_LOOKED_AT = 50  # of 200 records and 1 credit: so far duplicates are counted
OPTIONAL = ("id", "email")


@dataclass
class StreamCheck:
    """A stream: where it goes, by what its records are known, and what would be lost."""

    stream: str
    module: str | None = None
    key: list[str] = field(default_factory=list)
    unique: bool = False
    duplicates: int | None = None  # records that share their key with another one; None if not counted
    nowhere: list[str] = field(default_factory=list)  # names in the settings that are no writable field

    def to_json(self) -> dict[str, Any]:
        """As the keys of ``bigin doctor --json``."""
        return asdict(self)


def examine(client: Client, settings: TargetSettings) -> Checkup:
    """All that can be found out about a target with these settings; what ends it early is a problem too."""
    checkup = Checkup()
    try:
        check_account(client, checkup, purposes=["write"])
        check_target(client, settings, checkup)
    except BiginError as error:
        checkup.problems.insert(0, why_it_ended(error))
    return checkup


def check_target(client: Client, settings: TargetSettings, checkup: Checkup) -> list[StreamCheck]:
    """Each stream that the settings name. Costs 2 credits a stream, up to 50 more to count duplicates.

    Raises AuthError and TransientError.
    """
    if checkup.lacks(SETTINGS):
        return []
    modules = client.metadata.modules()
    first = next((each.api_name for each in modules if each.api_supported), "Contacts")
    check_queries(client, checkup, first)
    streams = [name for name in settings.streams if name != EVERY_STREAM]
    checked = [_check(client, settings, name, modules, checkup) for name in streams]
    if checkup.lacks(BULK) and settings.write_method == "bulk":
        checkup.fail("write_method is bulk, and Bulk Write is not allowed.", "set it to records")
    return checked


def _check(
    client: Client, settings: TargetSettings, name: str, modules: Iterable[Module], checkup: Checkup
) -> StreamCheck:
    stream = settings.stream(name)
    found = StreamCheck(name)
    module = find_module(stream.module, modules)
    reason = why_unwritable(stream.module, module)
    if module is None or reason is not None:
        alike = get_close_matches(stream.module, [each.api_name for each in modules], n=1)
        hint = (
            f"did you mean {alike[0]}? Set streams.{name}.module" if alike else f"set streams.{name}.module"
        )
        checkup.fail(f"{name}: its records would all be rejected: {reason}.", hint)
        return found
    found.module = module.api_name
    try:
        fields = {each.api_name: each for each in client.metadata.fields(module.api_name)}
        # No write can be tried; but who may not even view a module may not write to it either.
        client.labelled(name).records.page(module.api_name, ["id"], per_page=1)
    except Refused as refused:
        right = right_of(refused) or "to use it"
        checkup.fail(
            f"{name}: {module.api_name} is refused. {reason_of(refused)}",
            f"give the token's user the right {right} (Settings > Profiles)",
        )
        return found
    _judge_rights(module, stream, name, checkup)
    _judge_names(found, stream, fields, client, checkup)
    try:
        key = plan_key(
            module.api_name,
            fields,
            stream,
            key_fields=(),
            has_id=True,
            has_map=settings.id_map_path is not None,
        )
    except SettingsError as error:
        checkup.fail(f"{name}: {error.message}", f"mend streams.{name}")
        return found
    _judge_key(found, key, fields, client, checkup)
    return found


def _judge_rights(module: Module, stream: StreamSettings, name: str, checkup: Checkup) -> None:
    has = {"creatable": module.creatable, "editable": module.editable, "deletable": module.deletable}
    needed = {"insert": ("creatable",), "upsert": ("creatable", "editable"), "update": ("editable",)}
    for right in needed.get(stream.operation, ("deletable",)):
        if not has[right]:
            checkup.fail(
                f"{name}: {module.api_name} is not {right} for the token's user.",
                "give the user this right (Settings > Profiles)",
            )


def _judge_names(
    found: StreamCheck,
    stream: StreamSettings,
    fields: Mapping[str, Field],
    client: Client,
    checkup: Checkup,
) -> None:
    """Lookups name fields of this module, and what they match on fields of another one."""
    for lookup, how in stream.lookups.items():
        field_ = fields.get(lookup)
        reason = why_read_only(field_, stream.operation) if field_ else "unknown"
        if reason:
            found.nowhere.append(lookup)
            alike = get_close_matches(lookup, fields, n=1)
            hint = f"did you mean {alike[0]}?" if alike else f"mend streams.{found.stream}.lookups"
            checkup.warn(f"{found.stream}: lookups: {found.module} takes no {lookup} ({reason}).", hint)
            continue
        other = how.module or (field_.lookup_module if field_ else None)
        if other and how.match_on and how.match_on not in OPTIONAL:
            place = f"{found.stream}: lookups.{lookup}"
            _judge_match(place, module=other, match_on=how.match_on, client=client, checkup=checkup)


def _judge_match(place: str, *, module: str, match_on: str, client: Client, checkup: Checkup) -> None:
    try:
        names = [each.api_name for each in client.metadata.fields(module)]
    except Refused as refused:
        checkup.warn(f"{place} finds nothing. {refused.message}", "give the user this right")
        return
    if match_on not in names:
        alike = get_close_matches(match_on, names, n=1)
        hint = f"did you mean {alike[0]}?" if alike else "mend its match_on"
        checkup.fail(f"{place}: {module} has no field {match_on!r} to match on.", hint)


def _judge_key(
    found: StreamCheck, key: KeyPlan, fields: Mapping[str, Field], client: Client, checkup: Checkup
) -> None:
    found.key = list(key.fields) or (["id"] if key.way == "id" else [])
    found.unique = bool(found.key) and all(name in key.unique or name == "id" for name in found.key)
    if key.way == "id":
        checkup.warn(
            f"{found.stream}: {found.module} has no field that Bigin keeps unique, so only records with "
            "Bigin's own id are recognised.",
            f"set streams.{found.stream}.external_key to what identifies them, or operation to insert",
        )
    if not found.unique and len(key.fields) == 1 and not checkup.lacks(COQL):
        found.duplicates = _duplicates(client, str(found.module), fields[key.fields[0]])
        if found.duplicates:
            checkup.warn(
                f"{found.stream}: {found.duplicates:,} records of {found.module} share their {key.fields[0]} "
                "with another one.",
                "merge them in Bigin: a record that finds several is rejected as unmatched",
            )


def _duplicates(client: Client, module: str, field_: Field) -> int | None:
    """How many records share their value with another one, among the first 10,000; None if it is refused."""
    values: Counter[str] = Counter()
    name, alike = field_.api_name, compared_as(field_)
    try:
        pages = client.coql.pages_by_id(module, ["id", name])
        for page in islice(pages, PAGES_LOOKED_AT):
            values.update(alike(row[name]) for row in page if row.get(name) not in (None, ""))
    except Refused:
        return None
    return sum(count for count in values.values() if count > 1)
