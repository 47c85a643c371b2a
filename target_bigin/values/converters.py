"""A value → what the field's data type takes, or why not: a table by type. No I/O.

Converters are made once a stream and field. Each takes a value that is not None and gives what Bigin
shall get, None for an empty one, or raises Reject. Source: FACTS 3 and 5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from bigin_api.models import Field
from target_bigin.values.moments import to_date, to_datetime
from target_bigin.values.numbers import bigint, boolean, integer, number
from target_bigin.values.objects import (
    an_array,
    an_object,
    lookup,
    object_with_id,
    participants,
    recurrence,
    reminder,
    rows,
    tags,
)
from target_bigin.values.text import ENDLESS, choice, several_choices, text

Convert = Callable[[Any], Any]
Make = Callable[..., Convert]  # from a field and the options

UNWRITABLE_TYPES = frozenset(
    ("autonumber", "formula", "rollup_summary", "profileimage", "fileupload", "imageupload")
)
"""What no write call sets: computed by Bigin, or a file with an address of its own."""

APPENDING_TYPES = frozenset(("subform", "multiselectlookup"))
"""Rows without an id are appended, so a repeated call would double them."""


def _nobody(*_what: str) -> None:
    pass


@dataclass(frozen=True)
class ValueOptions:
    """What the stream's settings say about values, and whom to tell what was noticed."""

    truncate: bool = False
    foreign_ids: bool = False
    keys: frozenset[str] = frozenset()  # fields that tell records: sent as they are looked for, never cut
    lookups: frozenset[str] = frozenset()  # fields whose ids are found by a value
    on_cut: Callable[[str], None] = _nobody  # field
    on_unknown_choice: Callable[[str, str], None] = _nobody  # field, value


def make_converter(field: Field, options: ValueOptions | None = None) -> Convert:
    """The converter of a field. Where metadata contradicts itself, the JSON type is believed.

    >>> from bigin_api.models import Field
    >>> make_converter(Field("Amount", "currency", "double", length=16))("12.50")
    Decimal('12.50')
    """
    options = options or ValueOptions()
    make = _BY_NAME.get((field.api_name, field.json_type))
    json_type, of_data_type = _BY_DATA_TYPE.get(field.data_type, (None, None))
    if make is None and (None in (json_type, field.json_type) or _agree(json_type, field.json_type)):
        make = of_data_type
    if make is None:
        make = _BY_JSON_TYPE.get(field.json_type, _text)
    return make(field, options)


def _agree(json_type: str | None, told: str | None) -> bool:
    """Whether the JSON type of a data type is the one told; a whole number may be meant with decimals."""
    return json_type == told or (json_type, told) == ("double", "integer")


def plain_length(field: Field, options: ValueOptions) -> int:
    """Up to which length the converter gives back a text that is not blank as it is; 0 for other types."""
    is_plain = field.data_type in ("text", "textarea") and field.json_type in (None, "string")
    is_plain = is_plain and field.api_name not in options.keys
    return (field.length or ENDLESS) if is_plain else 0


def _text(field: Field, options: ValueOptions, *, strip: bool = False) -> Convert:
    if field.api_name in options.keys:
        return text(field.length, strip=True, refused=" What tells a record from others is never cut.")
    cut = partial(options.on_cut, field.api_name) if options.truncate else None
    return text(field.length, strip=strip, on_cut=cut)


def _choice(field: Field, options: ValueOptions) -> Convert:
    told = partial(options.on_unknown_choice, field.api_name)
    return choice(field.pick_list_values, field.length, on_unknown=told)


def _several(field: Field, options: ValueOptions) -> Convert:
    told = partial(options.on_unknown_choice, field.api_name)
    return several_choices(field.pick_list_values, on_unknown=told)


def _lookup(field: Field, options: ValueOptions, *, by_people: bool = False) -> Convert:
    by_value = field.api_name in options.lookups
    return lookup(
        by_value=by_value,
        foreign_ids=options.foreign_ids,
        by_people=by_people,
        keeps_module=field.api_name in ("What_Id", "Parent_Id"),
    )


def _whatever(field: Field, options: ValueOptions) -> Convert:
    as_text = _text(field, options)
    return lambda value: value if isinstance(value, dict | list) else as_text(value)


def _plain(convert: Convert) -> Make:
    return lambda _field, _options: convert


_BY_DATA_TYPE: Mapping[str, tuple[str | None, Make]] = {  # with the JSON type that belongs to it
    "text": ("string", _text),
    "textarea": ("string", _text),
    "email": ("string", partial(_text, strip=True)),
    "phone": ("string", partial(_text, strip=True)),
    "website": ("string", partial(_text, strip=True)),
    "picklist": ("string", _choice),
    "multiselectpicklist": ("jsonarray", _several),
    "integer": ("integer", lambda field, _: integer(field.length)),
    "bigint": ("string", lambda field, _: bigint(field.length)),
    "double": ("double", lambda field, _: number(field.length)),
    "currency": ("double", lambda field, _: number(field.length)),
    "percent": ("double", lambda field, _: number(field.length, percent=True)),
    "boolean": ("boolean", _plain(boolean)),
    "date": ("string", _plain(to_date)),
    "datetime": ("string", _plain(to_datetime)),
    "lookup": ("jsonobject", _lookup),
    "ownerlookup": ("jsonobject", partial(_lookup, by_people=True)),
    "userlookup": ("jsonobject", partial(_lookup, by_people=True)),
    "multiselectlookup": ("jsonarray", _plain(rows)),
    "subform": ("jsonarray", _plain(rows)),
    "RRULE": (None, _plain(recurrence)),
    "event_reminder": (None, _plain(reminder)),
}

_BY_NAME: Mapping[tuple[str, str | None], Make] = {
    # Metadata calls them text, bigint and text: FACTS 3.
    ("Tag", "jsonarray"): _plain(tags),
    ("Pipeline", "jsonobject"): _plain(object_with_id),
    ("Layout", "jsonobject"): _plain(object_with_id),
    ("Participants", "jsonarray"): _plain(participants),
}

_BY_JSON_TYPE: Mapping[str | None, Make] = {
    None: _whatever,  # neither type is known
    "string": _text,
    "integer": lambda field, _: integer(field.length),
    "double": lambda field, _: number(field.length),
    "boolean": _plain(boolean),
    "jsonobject": _plain(an_object),
    "jsonarray": _plain(an_array),
}
