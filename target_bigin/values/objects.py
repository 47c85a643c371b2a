"""Lookups, owners, tags, rows: objects that Bigin reads and writes in different shapes. No I/O."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from target_bigin.records.record import Unresolved
from target_bigin.values.errors import invalid, show, wrong
from target_bigin.values.moments import to_datetime
from target_bigin.values.text import decoded_json, listed, to_text

Convert = Callable[[Any], Any]

SHORTEST_ID = 15  # digits; ids of live organisations have 18 or 19
LONGEST_ID = 20


def as_id(value: Any) -> str | None:
    """The Bigin id that a value is: a string of digits, or the number that one was read as; None for others.

    A float may have lost digits, unless all of them are written out.

    >>> as_id(" 6100000000000225013 "), as_id(Decimal("6100000000000225013.0")), as_id(17), as_id(6.1e18)
    ('6100000000000225013', '6100000000000225013', None, None)
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    digits = str(value).strip().removesuffix(".0")
    if digits.isascii() and digits.isdigit() and SHORTEST_ID <= len(digits) <= LONGEST_ID:
        return digits
    return None


def lookup(
    *, by_value: bool, foreign_ids: bool, by_people: bool = False, keeps_module: bool = False
) -> Convert:
    """A link to another record: ``{"id"}``, or what has still to be looked up.

    ``by_value``: the stream says how to find the id, so a bare text is what to look for and not an id.
    ``foreign_ids``: ids are of another organisation. ``by_people``: an owner, found by e-mail.
    ``keeps_module``: it may point to any module, so a module named inside is kept.
    """

    def convert(value: Any) -> dict[str, Any] | Unresolved | None:
        if type(value) is dict and not foreign_ids:
            own = as_id(value.get("id"))
            if own is not None:
                named = value.get("module") if keeps_module else None
                return {"id": own, "module": named} if named else {"id": own}
        if isinstance(value, str):
            value = _unwrapped(value)
        if value in (None, {}):
            return None
        own = value.get("id") if isinstance(value, dict) else None if by_value else value
        known = as_id(own)
        if known is not None and not foreign_ids:
            return {"id": known}
        if by_value or foreign_ids or (by_people and _names_a_person(value)):
            return Unresolved(value)
        raise invalid(
            "NOT_AN_ID",
            f"{show(value)} is not the id of a record (18 to 19 digits). "
            "To find it by something else, say how in the stream's lookups.",
        )

    return convert


def tags(value: Any) -> list[dict[str, str]] | None:
    """The whole set of tags, from a list of names, of ``{"name"}``, or from ``a;b``.

    >>> tags("vip; new")
    [{'name': 'vip'}, {'name': 'new'}]
    """
    parts = listed(value, separators=";,")
    if parts is None:
        return None
    names: list[str] = []
    for each in parts:
        name = each.get("name") if isinstance(each, dict) else each
        if not isinstance(name, str):
            raise wrong(value, 'a list of tags, such as ["vip"] or [{"name": "vip"}]')
        names.append(name.strip())
    return [{"name": name} for name in dict.fromkeys(names) if name]


def rows(value: Any) -> list[Any] | None:
    """Rows of a subform or of a multi-select lookup, as they are; a later step gives their final form."""
    found: list[Any] | None = an_array(value)
    if found is not None and not all(isinstance(row, dict | str) for row in found):
        raise wrong(value, "a list of rows")
    return found


def participants(value: Any) -> list[dict[str, str]] | None:
    """Who takes part in an event: ``{type, participant}`` each; what Bigin adds on reading is left out."""
    found = rows(value)
    if found is None:
        return None
    kept = []
    for row in found:
        if not isinstance(row, dict) or not row.get("type"):
            raise wrong(value, 'a list of participants, such as [{"type": "contact", "participant": "<id>"}]')
        who = row.get("participant") or row.get("Email")
        if not who:
            raise wrong(row, "a participant with a value in participant")
        kept.append({"type": str(row["type"]), "participant": to_text(who)})
    return kept


def recurrence(value: Any) -> Any:
    """A rule of recurrence: ``{"RRULE": "FREQ=…"}``, or the bare rule."""
    if isinstance(value, str) and value.strip().upper().startswith("FREQ"):
        return {"RRULE": value.strip()}
    return an_object(value)


def reminder(value: Any) -> Any:
    """A reminder: as Bigin reads it (a moment) or writes it (a list); a later check brings them together."""
    if isinstance(value, str) and value.lstrip().startswith(("[", "{")):
        value = decoded_json(value)
    if isinstance(value, list | dict):
        return value
    return to_datetime(value)


def json_of(kind: type, takes: str) -> Convert:
    """A converter of objects or of lists, or of the JSON of one."""

    def convert(value: Any) -> Any:
        if isinstance(value, str):
            if not value.strip():
                return None
            value = decoded_json(value)
        if not isinstance(value, kind):
            raise wrong(value, takes)
        return value

    return convert


an_object = json_of(dict, "an object")
an_array = json_of(list, "a list")


def object_with_id(value: Any) -> Any:
    """A link that metadata calls a number (Pipeline): ``{"id"}``, or a name that a later check knows."""
    said, named = (value.get("id"), value.get("name")) if isinstance(value, dict) else (value, value)
    own = as_id(said)
    if own is not None:
        return {"id": own, "name": named} if isinstance(value, dict) and named else {"id": own}
    if isinstance(named, dict | list) or named is None:
        raise wrong(value, 'an object such as {"id": "…"}')
    written = to_text(named).strip()
    return {"name": written} if written else None


def _unwrapped(written: str) -> Any:
    written = written.strip()
    if written.startswith("{"):
        return decoded_json(written) or written
    return written or None


def _names_a_person(value: Any) -> bool:
    if isinstance(value, dict):
        return bool(value.get("email"))
    return isinstance(value, str) and "@" in value
