"""Whose ids do the records of a stream carry: this organisation's, or those of the one they came from?

tap-bigin gives every record its ``id``, so a pipe from one organisation into another carries ids that
mean nothing here. Nobody should have to know that to copy companies; and nobody's ids may be taken for
a stranger's, since then an update would become an insert.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Literal

from bigin_api.moments import parse_moment
from target_bigin.records.record import Fields
from target_bigin.schema.fields import ID_NAMES
from target_bigin.settings import StreamSettings

CREATED = "Created_Time"
OF_AN_EXTRACTION = frozenset((CREATED, "Modified_Time", "Created_By", "Modified_By"))
"""Properties that Bigin alone fills: a stream with all of them was read from a Bigin organisation."""

Answer = Literal["bigin", "source", "look"]


def whose_ids(
    settings: StreamSettings, *, properties: Collection[str], key_properties: Sequence[str]
) -> Answer:
    """What is known before the first record; ``look``: the first record of the pipe tells.

    >>> contacts = StreamSettings("Contacts")
    >>> whose_ids(contacts, properties=["id", "Email"], key_properties=["id"])
    'bigin'
    >>> read = ["id", "Email", *OF_AN_EXTRACTION]
    >>> whose_ids(contacts, properties=read, key_properties=["id"])
    'look'
    >>> inserted = StreamSettings("Contacts", operation="insert")
    >>> whose_ids(inserted, properties=read, key_properties=["id"])
    'source'
    """
    if settings.ids != "auto":
        return settings.ids
    if not any(name in ID_NAMES for name in (*properties, *key_properties)):
        return "bigin"
    if settings.operation == "insert":
        return "source"  # a new record gets an id of its own
    if settings.operation != "upsert":
        return "bigin"
    if settings.duplicate_check_fields or settings.external_key:
        return "source"  # somebody said what a record is recognised by, and it is not the id
    from_bigin = set(properties) >= OF_AN_EXTRACTION and list(key_properties) == ["id"]
    return "look" if from_bigin else "bigin"


def is_the_same(record: Fields, found: Fields | None) -> bool:
    """Whether the record that this organisation has under the id is the one that was read.

    Ids alone may coincide; the moment of creation with them does not.

    >>> is_the_same({CREATED: "2026-05-14T09:53:58Z"}, {CREATED: "2026-05-14T12:53:58+03:00"})
    True
    >>> is_the_same({CREATED: "2026-05-14T09:53:58Z"}, None)
    False
    """
    if found is None:
        return False
    created = _instant(record.get(CREATED))
    return created is None or created == _instant(found.get(CREATED))


def _instant(value: Any) -> datetime | None:
    try:
        return parse_moment(str(value))
    except ValueError:
        return None
