"""Reading Bigin's JSON without trusting its shape: what is not as expected counts as absent."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

DIGITS_OF_ID = 30  # at most: there are 19
MOST_ID = 10**DIGITS_OF_ID
MOST_DIGITS = 400  # of a number that is written out; a longer one would fill the memory
MOST_VALUES = 2_000_000  # of a document, commas in texts counted too; a page of 200 records has some 10,000
RICH_TEXT_IN_LISTS = 500  # most likely of UTF-16 units, as Java counts (sister API): an emoji is two
EXACT_LENGTH = (
    16  # characters of a number that a float gives back as it was written, fifteen digits and a point
)


def exact_number(written: str) -> float | Decimal:
    """A number with every digit: a float where that gives the digits back, else a Decimal.

    Not finite where neither holds it.

    >>> exact_number("12.50"), exact_number("12345678901234567.89")
    (12.5, Decimal('12345678901234567.89'))
    >>> exact_number("1e400"), exact_number("1e-9999999999999999999")
    (inf, nan)
    """
    number = float(written)
    if len(written) <= EXACT_LENGTH or not math.isfinite(number):
        return number
    try:
        exact = Decimal(written)
    except InvalidOperation:  # an exponent of more digits than it counts
        return math.nan
    return number if Decimal(repr(number)) == exact else exact


def _finite(written: str) -> float | Decimal:
    number = exact_number(written)
    if not math.isfinite(number):
        raise msgspec.DecodeError(f"{written[:MOST_DIGITS]} is beyond what a number holds")
    return number


def _whole(written: str) -> float | int:
    return int(written) if len(written) <= MOST_DIGITS else math.inf


_decoder = msgspec.json.Decoder(float_hook=_finite)
_sorted = msgspec.json.Encoder(order="sorted")
_NUMBER_AS_ID = re.compile(rb'("id"\s*:\s*)(\d+)(?:\.0+)?(?![\d.eE])')
_MARK = b"\xef\xbb\xbf"  # of UTF-8 (BOM): what stands between may put it before a document


def read_json(body: bytes, *, tell: Callable[[str], None] = lambda _: None) -> Any:
    r"""A document. Texts that are no Unicode and numbers that are none are null; ``tell`` gets their places.

    One such value in a page must not cost the page. None for what is no whole JSON, is nested deeper than
    can be read, or holds so many values that they would fill the memory.

    >>> read_json(rb'{"data": [{"id": "7", "Name": "\ud800", "Seats": 1e400}]}', tell=print)
    record 7: Name
    record 7: Seats
    {'data': [{'id': '7', 'Name': None, 'Seats': None}]}
    >>> read_json(rb'{"id": "\udcff", "\ud800": 1}', tell=print)
    record \udcff: id
    record \udcff: \ud800
    {'id': None}
    >>> read_json(b'{"a": [1', tell=print), read_json(b"[" * 100_000, tell=print)
    (None, None)
    >>> read_json(b'\xef\xbb\xbf{"data": []}')
    {'data': []}
    """
    if body.count(b",") + body.count(b"[") > MOST_VALUES:
        return None
    body = body.removeprefix(_MARK)
    try:
        return _decoder.decode(body)
    except RecursionError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    try:
        text = body.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        text = body.decode("utf-8", "surrogateescape")
    try:
        return mended(json.loads(text, parse_float=exact_number, parse_int=_whole), tell=tell)
    except (ValueError, RecursionError):
        return None


def with_ids_as_text(body: bytes) -> bytes:
    """JSON in which each ``id`` is a text, as Bigin documents it: beyond 2^53 many a reader rounds a number.

    >>> with_ids_as_text(b'{"id": 6100000000000225013.0, "Tag": [{"id":7}], "Seats": 12}')
    b'{"id": "6100000000000225013", "Tag": [{"id":"7"}], "Seats": 12}'
    """
    return _NUMBER_AS_ID.sub(rb'\1"\2"', body)


def mended(value: Any, *, tell: Callable[[str], None], place: str = "") -> Any:
    """The value with null in the place of what JSON or UTF-8 cannot say."""
    if isinstance(value, str):
        return _mended_text(value, tell=tell, place=place)
    if isinstance(value, float) and not math.isfinite(value):
        tell(place)
        return None
    if isinstance(value, Mapping):
        is_record = text(value.get("id")) and " " not in place  # what is inside one is told by its path
        inside = f"record {_printable(value['id'])}: " if is_record else f"{place}: " if place else ""
        found = {}
        for name, each in value.items():
            part = inside + _printable(name)
            whole = _mended_text(name, tell=tell, place=part)
            if whole is not None:  # what has no name is left out
                found[whole] = mended(each, tell=tell, place=part)
        return found
    if isinstance(value, list):
        return [mended(each, tell=tell, place=place) for each in value]
    return value


def _mended_text(value: str, *, tell: Callable[[str], None], place: str) -> str | None:
    """The text with the halves of a pair joined. Cut in the middle of a character it is whole before that."""
    units = value.encode("utf-16-le", "surrogatepass")
    if len(units) == 2 * RICH_TEXT_IN_LISTS and "\ud800" <= value[-1] <= "\udbff":
        units = units[:-2]
    try:
        return units.decode("utf-16-le")
    except UnicodeDecodeError:
        tell(place)
        return None


def _printable(value: Any) -> str:
    return str(value).encode(errors="backslashreplace").decode()


def plain_number(value: Decimal | float) -> str:
    """A number's digits without an exponent or zeros that say nothing: equal numbers have equal texts.

    >>> plain_number(Decimal("1.00")), plain_number(1e3), plain_number(Decimal("-0.0"))
    ('1', '1000', '0')
    """
    number = Decimal(str(value))
    if abs(number.adjusted()) > MOST_DIGITS:
        return str(number)
    digits = format(number, "f")
    digits = digits.rstrip("0").rstrip(".") if "." in digits else digits
    return "0" if digits == "-0" else digits


def one_form(value: Any) -> bytes:
    """JSON in which equal values are written alike: numbers in one form, the keys of objects in order.

    >>> one_form({"b": Decimal("1.0"), "a": "1.0"})
    b'{"a":"1.0","b":1}'
    """
    return _sorted.encode(_with_plain_numbers(value))


def _with_plain_numbers(value: Any) -> Any:
    if isinstance(value, float | Decimal):
        return msgspec.Raw(plain_number(value).encode())
    if isinstance(value, Mapping):
        return {name: _with_plain_numbers(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_with_plain_numbers(each) for each in value]
    return value


def mapping(value: Any) -> Mapping[str, Any]:
    """The object, an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def entries(raw: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """The objects in a list, [] where there is no list."""
    found = raw.get(key)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def text(value: Any) -> str | None:
    """The value as text, None for null, an empty string, a list and an object."""
    return None if value in (None, "") or isinstance(value, list | Mapping) else str(value)


def id_text(value: Any) -> str | None:
    """An id: digits, which may come as a number or between blanks; None for what is none.

    >>> id_text(7), id_text(" 7 "), id_text(7.0), id_text("-7"), id_text("seven"), id_text(True)
    ('7', '7', None, None, None, None)
    """
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if 0 <= value < MOST_ID else None
    if not isinstance(value, str):
        return None
    digits = value.strip()
    return digits if digits.isascii() and digits.isdecimal() and len(digits) <= DIGITS_OF_ID else None


def integer(value: Any) -> int | None:
    """The whole number, which may come as digits; None for anything else.

    >>> integer(12), integer("12"), integer("12.5"), integer(True)
    (12, 12, None, None)
    """
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= MOST_DIGITS:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def is_true(value: Any) -> bool:
    """Whether it says true: Bigin mixes truths and the words for them in its metadata.

    >>> is_true(True), is_true("True"), is_true(1), is_true("false"), is_true(None)
    (True, True, True, False, False)
    """
    return value in (True, "1") or says(value, "true")


def says(value: Any, word: str) -> bool:
    """Whether a value is this word, given in small letters, whatever the case it came in.

    >>> says("Success", "success"), says(None, "success")
    (True, False)
    """
    return isinstance(value, str) and value.strip().lower() == word


def whole_number(value: Any) -> int | None:
    """A count, which may come as text; None for anything else, and for what is below zero.

    >>> whole_number(7), whole_number("7"), whole_number(-7), whole_number("many"), whole_number(True)
    (7, 7, None, None, None)
    """
    number = integer(value)
    return number if number is not None and number >= 0 else None


def api_name_of(value: Any) -> str | None:
    """The api_name of what is given by name (older form) or as an object (newer form)."""
    return text(value if isinstance(value, str) else mapping(value).get("api_name"))
