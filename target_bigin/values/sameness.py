"""What makes two values of a field the same, however they are written. No I/O.

Whatever is merged, found, remembered or answered for a value is known by its form here: as Bigin compares,
and never more coarsely, or one record would be taken for another.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import partial

from bigin_api.json_values import plain_number
from bigin_api.models import Field
from target_bigin.records.record import Reject
from target_bigin.values.moments import to_date, to_datetime
from target_bigin.values.numbers import NUMBER, boolean
from target_bigin.values.text import fold, to_text

Alike = Callable[[object], str]
"""Gives the one form that all writings of a value have in common."""

_AS_SAID: Mapping[str, Callable[[object], object]] = {
    "date": to_date,
    "datetime": to_datetime,  # Bigin gives it in the user's offset
    "boolean": boolean,
}

NUMBER_TYPES = frozenset(("integer", "double", "currency", "percent"))


def compared_as(field: Field | None, *, by_case: bool = False) -> Alike:
    """The form of a field's values: outer blanks do not count, nor does case unless ``by_case`` says so.

    ``None`` stands for ``id``, which metadata do not describe. Links are the same by their ids.

    >>> amount = compared_as(Field("Amount", "currency", decimal_place=2))
    >>> amount(12.5), amount("12.50"), amount(Decimal("1E2"))
    ('12.5', '12.5', '100')
    >>> compared_as(Field("Start", "datetime"))("2026-05-14T12:53:58+03:00")
    '2026-05-14T09:53:58+00:00'
    >>> name = compared_as(Field("Last_Name"))
    >>> name(" Straße "), name("STRASSE")
    ('straße', 'strasse')
    >>> compared_as(None)(Decimal("6100000000000225013.0"))
    '6100000000000225013'
    """
    if field is None:
        return partial(_number, 0)
    if field.data_type in NUMBER_TYPES or (field.data_type, field.json_type) == ("bigint", "string"):
        return partial(_number, field.decimal_place)
    as_said = _AS_SAID.get(field.data_type)
    if as_said is not None:
        return partial(_said, as_said)
    return _exact if by_case else _folded


def is_same(alike: Alike, one: object, other: object) -> bool:
    """Whether two values are the same: nothing is the same as nothing alone."""
    if one is None or other is None:
        return one is other
    return alike(one) == alike(other)


def is_number(field: Field | None) -> bool:
    """Whether COQL takes a field's values without quotes."""
    return field is None or field.data_type in NUMBER_TYPES


def is_text(field: Field | None) -> bool:
    """Whether a field's values are asked for as they are written."""
    return field is not None and field.data_type not in (*NUMBER_TYPES, "bigint", "datetime", "boolean")


def _number(decimals: int | None, value: object) -> str:
    """Bigin keeps so many decimals and rounds the rest."""
    written = str(value).strip()
    if not NUMBER.fullmatch(written):
        return _folded(value)
    number = Decimal(written)
    if decimals is not None:
        with contextlib.suppress(InvalidOperation):  # more digits than any field takes: all of them count
            number = number.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    return plain_number(number)


def _said(convert: Callable[[object], object], value: object) -> str:
    try:
        return to_text(convert(value) if value is not None else "")
    except Reject:
        return _folded(value)


def _folded(value: object) -> str:
    return fold(value.get("id") if isinstance(value, Mapping) else value)


def _exact(value: object) -> str:
    return to_text(value.get("id") if isinstance(value, Mapping) else value).strip()
