"""What makes two values of a field the same, however they are written. No I/O."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import partial

from bigin_api.models import Field
from target_bigin.records.record import Reject
from target_bigin.values.moments import to_datetime
from target_bigin.values.text import fold

NUMBER_TYPES = frozenset(("integer", "double", "currency", "percent"))


def compared_as(field: Field | None) -> Callable[[object], str]:
    """What gives the one form that all writings of a field's value have in common.

    ``None`` stands for ``id``, which metadata do not describe.

    >>> amount = compared_as(Field("Amount", "currency", decimal_place=2))
    >>> amount(12.5), amount("12.50"), amount(Decimal("1E2"))
    ('12.5', '12.5', '100')
    >>> compared_as(Field("Start", "datetime"))("2026-05-14T12:53:58+03:00")
    '2026-05-14T09:53:58+00:00'
    """
    if field is not None and field.data_type in NUMBER_TYPES:
        return partial(_number, field.decimal_place)
    if field is not None and field.data_type == "datetime":  # Bigin gives it in the user's offset
        return _moment
    return fold


def is_number(field: Field | None) -> bool:
    """Whether COQL takes a field's values without quotes."""
    return field is None or field.data_type in NUMBER_TYPES


def is_text(field: Field | None) -> bool:
    """Whether a field's values are asked for as they are written."""
    return not is_number(field) and field is not None and field.data_type not in ("datetime", "boolean")


def _number(decimals: int | None, value: object) -> str:
    """Bigin keeps so many decimals and rounds the rest."""
    try:
        number = Decimal(str(value))
        if decimals is not None:
            number = number.quantize(Decimal(1).scaleb(-decimals))
    except InvalidOperation:
        return fold(value)
    return format(number.normalize(), "f") if number else "0"


def _moment(value: object) -> str:
    try:
        return to_datetime(value) or ""
    except Reject:
        return fold(value)
