"""An id in a body: a text of digits, or the JSON number that both official SDKs send. Source: FACTS 7.19."""

from __future__ import annotations

from typing import Any


def id_given(value: Any) -> str | None:
    """The id as records hold it, always a text; None if the value is neither a text nor a whole number.

    >>> id_given("6100000000000451010"), id_given(6100000000000451010), id_given(6.1e18), id_given(True)
    ('6100000000000451010', '6100000000000451010', None, None)
    """
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None
