"""Text and choices: cut or refused when too long, labels turned into stored values. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any

import msgspec

from bigin_api.json_values import MOST_DIGITS
from bigin_api.models import PickListValue
from target_bigin.values.errors import invalid, show, wrong
from target_bigin.values.numbers import has_lost_digits

Convert = Callable[[Any], Any]
Say = Callable[[str], None]

ENDLESS = 1 << 62  # characters: a field of which metadata gives no length

_json = msgspec.json.Encoder(decimal_format="number")
_decoder = msgspec.json.Decoder(float_hook=Decimal)


def text(
    length: int | None,
    *,
    strip: bool = False,
    on_cut: Callable[[], None] | None = None,
    refused: str = "",
) -> Convert:
    """A text of at most ``length`` characters. Blank is null; objects and lists become JSON.

    ``on_cut``: a longer text is cut and this is called; without it, it is refused, and ``refused`` says more.
    """
    most = length or ENDLESS

    def convert(value: Any) -> str | None:
        if type(value) is not str:
            if isinstance(value, float | Decimal) and (
                not isfinite(value) or has_lost_digits(Decimal(str(value)))
            ):
                raise wrong(value, "a text, or a number with all its digits")
            value = to_text(value)
        if not value or value.isspace():
            return None
        if strip:
            value = value.strip()
        if len(value) <= most:
            return value  # type: ignore[no-any-return]
        if on_cut is None:
            raise invalid("TOO_LONG", f"{show(value)} has {len(value)} characters, it takes {most}.{refused}")
        on_cut()
        return value[:most]  # type: ignore[no-any-return]

    return convert


def fold(value: object) -> str:
    """A value as Bigin compares it: outer blanks and case do not count.

    >>> fold(" Ann@Example.org ")
    'ann@example.org'
    """
    return to_text(value).strip().lower()  # casefold would make one of ß and ss


def to_text(value: Any) -> str:
    """Any value as text.

    A whole number that a data frame made a float is a whole number again: ids and phones come so.

    >>> to_text(True), to_text(Decimal("12.50")), to_text({"a": [1, "ü"]})
    ('true', '12.50', '{"a":[1,"ü"]}')
    >>> to_text(7.0), to_text(Decimal("491700000000.0"))
    ('7', '491700000000')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal | float):
        number = Decimal(str(value))
        if not number.is_finite() or abs(number.adjusted()) > MOST_DIGITS:
            return str(number)
        written = format(number, "f").removesuffix(".0")
        return "0" if written == "-0" else written
    if isinstance(value, dict | list):
        return _json.encode(value).decode()
    return str(value)


def choice(values: Sequence[PickListValue], length: int | None, *, on_unknown: Say) -> Convert:
    """One value of a pick list, by what is stored or by its label.

    Bigin stores any text: what is not in the list is said, and kept.
    """
    plain = text(length)
    said: set[str] = set()
    exact = {each.display_value: each.actual_value for each in reversed(values)}
    exact |= {each.actual_value: each.actual_value for each in values}
    alike: dict[str, str | None] = {}
    for each in values:
        for folded in (fold(each.actual_value), fold(each.display_value)):
            if alike.setdefault(folded, each.actual_value) != each.actual_value:
                alike[folded] = None  # told apart by their exact writing alone

    def convert(value: Any) -> str | None:
        written = plain(value)
        if written is None or not values:
            return written  # type: ignore[no-any-return]
        stored = exact.get(written) or alike.get(fold(written))
        if stored is not None:
            return stored
        if written not in said:
            said.add(written)
            on_unknown(written)
        return written.strip()  # type: ignore[no-any-return]

    return convert


def several_choices(values: Sequence[PickListValue], *, on_unknown: Say) -> Convert:
    """Values of a multi-select pick list, from a list or from ``a;b``; they replace what was there."""
    one = choice(values, None, on_unknown=on_unknown)

    def convert(value: Any) -> list[str] | None:
        parts = listed(value, separators=";")
        if parts is None:
            return None
        if any(isinstance(each, dict | list) for each in parts):
            raise wrong(value, "a list of texts, or a text such as a;b")
        chosen = [one(each) for each in parts if each is not None]
        return list(dict.fromkeys(each for each in chosen if each is not None))

    return convert


def listed(value: Any, *, separators: str) -> list[Any] | None:
    """A list, from a list, from JSON or from a text with separators; None for a blank text.

    >>> listed("a; b;", separators=";"), listed('["x"]', separators=";")
    (['a', 'b'], ['x'])
    """
    if isinstance(value, list):
        return value
    if isinstance(value, str):
        written = value.strip()
        if not written:
            return None
        if written.startswith("["):
            decoded = decoded_json(written)
            if isinstance(decoded, list):
                return decoded
        for separator in separators[1:]:
            written = written.replace(separator, separators[0])
        return [part.strip() for part in written.split(separators[0]) if part.strip()]
    return [value]


def decoded_json(written: str) -> Any:
    """What a text of JSON says, None if it is none."""
    try:
        return _decoder.decode(written)
    except (msgspec.DecodeError, InvalidOperation, RecursionError):
        return None
