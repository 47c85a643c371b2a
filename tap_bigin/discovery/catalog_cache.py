"""What a catalog carries of the metadata, so that a run right after a discovery need not ask again. Pure.

In the root metadata of each module's stream:

    "tap-bigin.description": {"module": "Contacts", "discovered": "2026-05-14T09:53:58Z", "fields": [{…}]}

``discovered`` is Bigin's clock before it was asked for the fields; an entry of ``fields`` is Bigin's own,
without what ``Field`` does not read. A description that is not well formed counts as absent, and so does
every one that a run has used: the state tells. What it takes for one to be believed, ``describing`` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from bigin_api.models import Field
from tap_bigin.bookmarks import Scan, from_text, to_utc_text

Json = dict[str, Any]

DESCRIPTION = "tap-bigin.description"
MOST_AGE = timedelta(minutes=10)
MOST_AGE_WITHIN_BUDGET = timedelta(hours=24)  # a credit a module at each run may be more than it has
CLOCKS_DIFFER_BY = timedelta(minutes=1)  # between Bigin's own servers, at most

_WHOLE: Mapping[str, Any] = {}
_BY_API_NAME: Mapping[str, Any] = {"api_name": _WHOLE}
_READ: Mapping[str, Any] = {
    **dict.fromkeys(
        (
            *("api_name", "id", "field_label", "data_type", "json_type", "length", "decimal_place", "unique"),
            *("system_mandatory", "custom_field", "display_field", "field_read_only"),
        ),
        _WHOLE,
    ),
    "view_type": {"create": _WHOLE, "edit": _WHOLE},
    "operation_type": {"api_create": _WHOLE, "api_update": _WHOLE},
    "profiles": {"permission_type": _WHOLE},
    "lookup": {"module": _BY_API_NAME},
    "multiselectlookup": {"connected_module": _BY_API_NAME, "connectedlookup_apiname": _WHOLE},
    "subform": {"module": _BY_API_NAME},
    "associated_module": {"module": _BY_API_NAME},
    "textarea": {"type": _WHOLE},
    "formula": {"return_type": _WHOLE},
}
"""What ``Field`` and the tap read of an entry of /settings/fields; pick lists are a matter of their own."""

_UNSET: tuple[Any, ...] = (None, "", [], {})


@dataclass(frozen=True)
class Carried:
    """The fields of one module, as a discovery was told."""

    discovered: datetime
    fields: tuple[Field, ...]

    def is_fresh(self, now: datetime, *, most_age: timedelta = MOST_AGE) -> bool:
        """Whether it is not too old. ``now`` is Bigin's clock, as ``discovered`` is.

        >>> carried = Carried(from_text("2026-05-14T09:00:00Z"), ())
        >>> [carried.is_fresh(from_text(f"2026-05-14T09:10:0{second}Z")) for second in (0, 1)]
        [True, False]
        """
        return -CLOCKS_DIFFER_BY <= now - self.discovered <= most_age

    def agrees_with(self, fields: Sequence[Field]) -> bool:
        """Whether Bigin still says the same, in whatever order."""
        carried, told = ({each.api_name: reduced(each) for each in group} for group in (self.fields, fields))
        return carried == told


def carry(catalog: Json, fields: Mapping[str, Sequence[Field]], *, discovered: datetime) -> None:
    """Put the fields of each module into the metadata of its stream."""
    for stream in catalog["streams"]:
        module = stream["tap_stream_id"]
        for entry in stream["metadata"]:
            if not entry["breadcrumb"] and module in fields:
                entry["metadata"][DESCRIPTION] = {
                    "module": module,
                    "discovered": to_utc_text(discovered),
                    "fields": [reduced(each) for each in fields[module]],
                }


def reduced(field: Field) -> Json:
    """Bigin's entry of a field without what nobody here reads, or what is not set.

    A pick list is left out: its values grow every week and are no part of a schema. Those of a field that
    takes several tell whether one of them holds the separator of a Bulk Read file.

    >>> raw = {"api_name": "Mood", "data_type": "picklist", "tooltip": None, "display_field": True, "id": "7"}
    >>> reduced(Field.from_json({**raw, "pick_list_values": [{"actual_value": "Good", "id": "8"}]}))
    {'api_name': 'Mood', 'data_type': 'picklist', 'display_field': True, 'id': '7'}
    """
    kept: Json = _kept(field.raw, _READ)
    if field.label != field.api_name:
        kept["field_label"] = field.label
    if field.data_type == "multiselectpicklist":
        kept["pick_list_values"] = [{"actual_value": each.actual_value} for each in field.pick_list_values]
    return kept


def carried_in(catalog: Any, state: Any) -> dict[str, Carried]:
    """What a catalog carries, by module; nothing that a run may have used already.

    Neither need be well formed, since others tell what is wrong with them.
    """
    found = dict(_well_formed(catalog))
    try:
        latest = max(_moments(state, found), default=None)
    except (AttributeError, KeyError, TypeError, ValueError):
        return {}
    return {name: each for name, each in found.items() if latest is None or latest < each.discovered}


def _well_formed(catalog: Any) -> Iterator[tuple[str, Carried]]:
    streams = catalog.get("streams") if isinstance(catalog, Mapping) else None
    for stream in streams if isinstance(streams, list) else ():
        if carried := _carried(stream):
            yield stream["tap_stream_id"], carried


def _carried(stream: Any) -> Carried | None:
    """What one stream's entry carries, None where it is not well formed or of another module."""
    try:
        root = next(each["metadata"] for each in stream["metadata"] if each["breadcrumb"] == [])
        told = root[DESCRIPTION]
        if told["module"] != stream["tap_stream_id"]:
            return None
        return Carried(from_text(told["discovered"]), tuple(map(_field, told["fields"])))
    except (AttributeError, KeyError, StopIteration, TypeError, ValueError):
        return None


def _field(raw: Mapping[str, Any]) -> Field:
    """One field. Raises KeyError or TypeError for what is none."""
    if not isinstance(raw["api_name"], str) or not isinstance(raw["data_type"], str) or not raw["api_name"]:
        raise TypeError(f"{raw!r} is no field")
    return Field.from_json(raw)


def _moments(state: Any, modules: Mapping[str, Carried]) -> Iterator[datetime]:
    """When the runs began that a state tells of. Raises what malformed state makes it raise."""
    for name, entry in ((state or {}).get("bookmarks") or {}).items():
        if name not in modules:
            continue
        if bookmark := entry.get("replication_key_value"):
            yield from_text(bookmark)
        if (under_way := entry.get("pass")) and (started := msgspec.convert(under_way, Scan).started):
            yield started


def _kept(value: Any, read: Mapping[str, Any]) -> Any:
    """The part of a value that is read. Equal parts of a list are one: profiles are many."""
    if isinstance(value, Mapping) and read:
        parts = {name: _kept(each, read[name]) for name, each in value.items() if name in read}
        return {name: each for name, each in parts.items() if each is not False and each not in _UNSET}
    if isinstance(value, list) and read:
        several = [_kept(each, read) for each in value]
        return [each for place, each in enumerate(several) if each not in several[:place]]
    return value
