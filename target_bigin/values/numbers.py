"""Numbers and booleans: what people and databases write, as Bigin's data types take it. No I/O."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from math import isfinite
from typing import Any

from target_bigin.values.errors import invalid, show, wrong

Convert = Callable[[Any], Any]

INTEGER_DIGITS = 9  # Bigin's integer, where the metadata gives no length
BIGINT_DIGITS = 18  # long integer
NUMBER_DIGITS = 16  # decimal and currency, before the point
FLOAT_DIGITS = 16  # that a float keeps
LONGEST = 64  # characters: a longer text is no number that any field takes

NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)

_BOOLEANS = {
    **dict.fromkeys(("true", "t", "yes", "y", "on", "1", "1.0"), True),
    **dict.fromkeys(("false", "f", "no", "n", "off", "0", "0.0"), False),
}


def integer(digits: int | None) -> Convert:
    """A whole number of at most so many digits.

    >>> integer(9)("42.0"), integer(9)(" -7 ")
    (42, -7)
    """
    most = digits or INTEGER_DIGITS
    limit = 10**most

    def convert(value: Any) -> int | None:
        if type(value) is not int:
            value = _whole(value)
            if value is None:
                return None
        if not -limit < value < limit:
            raise invalid("TOO_LONG", f"{show(value)} has more than {most} digits.")
        return value  # type: ignore[no-any-return]

    return convert


def bigint(digits: int | None) -> Convert:
    """A whole number as a string of digits: beyond 2^53 a JSON number is no longer exact.

    >>> bigint(18)(123456789012345678)
    '123456789012345678'
    """
    whole = integer(digits or BIGINT_DIGITS)

    def convert(value: Any) -> str | None:
        number = whole(value)
        return None if number is None else str(number)

    return convert


def number(digits: int | None, *, percent: bool = False) -> Convert:
    """A number with at most so many digits before the point. Decimals stay exact.

    >>> number(16)("1200.50"), number(5, percent=True)("12.5 %")
    (Decimal('1200.50'), Decimal('12.5'))
    """
    most = digits or NUMBER_DIGITS
    limit = 10**most

    def convert(value: Any) -> int | float | Decimal | None:
        kind = type(value)
        if kind is Decimal and value.is_finite() and value.adjusted() < most:
            return value  # type: ignore[no-any-return]  # not compared with an int, which is slow
        if kind is str:
            value = _written(value, percent=percent)
            if value is None:
                return None
        elif not (
            kind is int or (kind is Decimal and value.is_finite()) or (kind is float and isfinite(value))
        ):
            raise wrong(value, "a number")
        if not -limit < value < limit:
            raise invalid("TOO_LONG", f"{show(value)} has more than {most} digits before the point.")
        return value  # type: ignore[no-any-return]

    return convert


def boolean(value: Any) -> bool | None:
    """Yes or no, as people write it.

    >>> boolean("Yes"), boolean(0), boolean("off")
    (True, False, False)
    """
    if value is True or value is False:
        return value
    if isinstance(value, str):
        text = value.strip().lower()
        if not text:
            return None
    elif isinstance(value, int | float | Decimal):
        text = str(value)
    else:
        text = ""
    found = _BOOLEANS.get(text)
    if found is None:
        raise wrong(value, "true or false (true, yes, y, on, 1; false, no, n, off, 0)")
    return found


def _written(text: str, *, percent: bool) -> Decimal | None:
    text = text.strip()
    if percent and text.endswith("%"):
        text = text[:-1].rstrip()
    return _decimal(text) if text else None


def _whole(value: Any) -> int | None:
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return None
        value = _decimal(text)
    elif isinstance(value, float) and isfinite(value):
        value = Decimal(str(value))
    elif not isinstance(value, Decimal) or not value.is_finite():
        raise wrong(value, "a whole number")
    if has_lost_digits(value):
        raise invalid(
            "INVALID_VALUE", f"{show(value)} has lost digits: a float or a spreadsheet was in between."
        )
    if value.adjusted() > LONGEST:
        raise invalid("TOO_LONG", f"{show(value)} has too many digits.")
    if value != value.to_integral_value():
        raise wrong(value, "a whole number")
    return int(value)


def has_lost_digits(value: Decimal) -> bool:
    """Whether a whole number has more digits than a float keeps, and not all of them written out.

    >>> has_lost_digits(Decimal("6.1000000000022502E+17")), has_lost_digits(Decimal("610000000000225013.0"))
    (True, False)
    """
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and exponent > 0 and value.adjusted() >= FLOAT_DIGITS


def _decimal(text: str) -> Decimal:
    # Decimal() itself also takes underscores, other alphabets' digits and "NaN".
    if len(text) > LONGEST or not NUMBER.fullmatch(text):
        raise wrong(text, "a number (digits, with a point and no thousands separator)")
    return Decimal(text)
