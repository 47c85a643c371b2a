"""What a POST says: pure functions from its bytes to rows of the log. Source: FACTS 6, read.md 9 (Bigin v2).

What cannot be stored, or not be read again, is refused here, before it shares a transaction with others: NUL,
half surrogates, whole numbers beyond 64 bits, lists where text belongs, what is nested without an end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email import message_from_bytes
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from bigin_api.json_values import entries, mapping
from bigin_api.moments import utc_text

OPERATIONS = ("insert", "update", "delete")
HOOK = "hook"  # stands for the channel where a workflow told of a change
MAX_IDS = 10_000  # ids in one POST; Bigin was never seen to send more than some
_MODULE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}", re.ASCII)
_ID = re.compile(r"[0-9]{1,30}", re.ASCII)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_MOST = 2**63  # beyond, neither a database nor most readers of JSON keep a whole number
DEEPEST = 64  # lists in objects in lists …; a record has three
_LATEST = 253402300799  # seconds: the end of the year 9999


class Malformed(ValueError):  # noqa: N818 -- reads as what happened
    """A POST that says nothing that can be stored; the message says why."""


class Told(msgspec.Struct, frozen=True):
    """One record of one notification: what becomes a row of the log."""

    channel: str
    module: str
    id: str
    operation: str  # insert, update, delete
    time: str | None = None  # Bigin's, in UTC
    person: str | None = None  # who did it, as JSON {"name", "id", "email"}
    fields: tuple[str, ...] = ()
    values: str | None = None  # JSON of the values, where the channel asked for them


@dataclass(frozen=True)
class Notification:
    """One POST of Bigin's: who sent it, and what it tells."""

    channel: str
    token: str | None = field(repr=False)
    told: tuple[Told, ...]


def read_notification(body: bytes) -> Notification:
    """A notification. Raises Malformed.

    >>> body = b'{"module":"Tasks","ids":["7"],"operation":"delete","channel_id":"1","token":null}'
    >>> read_notification(body).told
    (Told(channel='1', module='Tasks', id='7', operation='delete', time=None, person=None, fields=(),
    values=None),)
    """
    said = _json_object(body)
    channel, token = said.get("channel_id"), said.get("token")
    if not (isinstance(channel, str | int) and _ID.fullmatch(str(channel))):
        raise Malformed("channel_id is no number")
    if not isinstance(token, str | None):
        raise Malformed("token is no text")
    operation = said.get("operation")
    if operation not in OPERATIONS:
        raise Malformed("operation is none of insert, update, delete")
    module, time = _module(said.get("module")), _time(said.get("server_time"))
    fields, values = _fields(said.get("affected_fields")), _values(said.get("affected_values"))
    told = tuple(
        Told(
            str(channel),
            module,
            each,
            operation,
            time,
            _person(values.get(each)),
            fields.get(each, ()),
            _text(values[each]) if each in values else None,
        )
        for each in _ids(said.get("ids"))
    )
    return Notification(str(channel), token, told)


def read_hook(module: str, query: str, content_type: str, body: bytes) -> tuple[Told, ...]:
    """What a workflow's webhook tells: ``id`` in the query, a form or JSON is enough. Raises Malformed.

    Whole records will do, too, in ``data`` or as Zoho's Signals have them in ``events``. ``operation`` is
    taken where it is one of Bigin's; else the record counts as updated.

    >>> read_hook("Tasks", "id=7", "", b"")[0].operation
    'update'
    """
    said: dict[str, Any] = dict(_form(query))
    if body.lstrip()[:1] == b"{":
        said.update(_json_object(body))
    elif "json" not in content_type:
        is_in_parts = content_type.lower().startswith("multipart/")
        said.update(_parts(content_type, body) if is_in_parts else _form(body.decode(errors="replace")))
    operation = said.get("operation")
    records = [said, *entries(said, "data"), mapping(said.get("data"))]
    records += [mapping(each.get("data")) for each in entries(said, "events")]
    named = [each.get("ids", each.get("id")) for each in records if "id" in each or "ids" in each]
    ids = [each for some in named for each in (some if isinstance(some, list) else [some])]
    return tuple(
        Told(HOOK, _module(module), each, operation if operation in OPERATIONS else "update")
        for each in _ids(ids)
    )


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        said = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        raise Malformed("no JSON") from None
    if not isinstance(said, dict):
        raise Malformed("no JSON object")
    return said


def _form(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, max_num_fields=1_000)
    except ValueError:
        raise Malformed("a form of too many fields") from None


def _parts(content_type: str, body: bytes) -> Iterable[tuple[str, str]]:
    """The texts of a form in parts (multipart/form-data)."""
    form = message_from_bytes(b"Content-Type: %b\r\n\r\n%b" % (content_type.encode(), body))
    for part in form.walk():
        name, text = part.get_param("name", header="Content-Disposition"), part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(text, bytes):
            yield name, text.decode(errors="replace").strip()


def _module(value: Any) -> str:
    if not isinstance(value, str) or not _MODULE.fullmatch(value):
        raise Malformed("module is no module's name")
    return value


def _ids(value: Any) -> list[str]:
    if not isinstance(value, list) or not 0 < len(value) <= MAX_IDS:
        raise Malformed("no list of ids")
    ids = [str(each) for each in value if isinstance(each, str | int) and _ID.fullmatch(str(each))]
    if len(ids) < len(value):
        raise Malformed("an id is no number")
    return list(dict.fromkeys(ids))


def _time(value: Any) -> str | None:
    """The milliseconds of ``server_time`` as a moment in UTC; None for what is no whole number."""
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    if not 0 <= value // 1000 <= _LATEST:
        raise Malformed("server_time is in no year that there is")
    return utc_text(datetime.fromtimestamp(value / 1000, timezone.utc), timespec="milliseconds")


def _fields(value: Any) -> dict[str, tuple[str, ...]]:
    """``[{"<id>": ["Phone"]}]`` by id. A shape that Bigin never sent says nothing; the id still counts."""
    found: dict[str, tuple[str, ...]] = {}
    for record_id, names in (pair for each in _objects(value) for pair in each.items()):
        if isinstance(names, list):
            if not all(isinstance(each, str) for each in names):
                raise Malformed("a field's name is no text")
            _check(names)
            found[record_id] = (*found.get(record_id, ()), *names)
    return found


def _values(value: Any) -> dict[str, dict[str, Any]]:
    """``[{"record_id", "values"}]`` by id."""
    found: dict[str, dict[str, Any]] = {}
    for each in _objects(value):
        found.setdefault(str(each.get("record_id")), {}).update(mapping(each.get("values")))
    return found


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _person(values: Any) -> str | None:
    person = mapping(mapping(values).get("Modified_By"))
    return _text(person) if person else None


def _text(value: Any) -> str:
    _check(value)
    return msgspec.json.encode(value).decode()


def _check(value: Any, deepest: int = DEEPEST) -> None:
    """Raise Malformed for what cannot be stored, or not be read again. All that is stored comes here."""
    if isinstance(value, str):
        if _UNSTORABLE.search(value):
            raise Malformed("a text holds a character that no database takes")
    elif isinstance(value, dict | list):
        if not deepest:
            raise Malformed("nested too deep")
        for each in (*value, *value.values()) if isinstance(value, dict) else value:
            _check(each, deepest - 1)
    elif isinstance(value, int) and not -_MOST <= value < _MOST:
        raise Malformed("a whole number is beyond 64 bits")
