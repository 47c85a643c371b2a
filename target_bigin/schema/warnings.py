"""What is noticed about a stream's values: warned of once, counted for the report."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from target_bigin.records.account import Account
from target_bigin.schema.fields import Dropped

logger = logging.getLogger("target-bigin")


class Warnings:
    """Says each thing once; what comes after the first warning of dropped properties goes to the report."""

    def __init__(self, stream: str, module: str, account: Account) -> None:
        self._stream = stream
        self._module = module
        self._account = account
        self._cut: set[str] = set()

    def dropped(self, dropped: Sequence[Dropped]) -> None:
        """Properties that go nowhere: one warning for all of them."""
        if dropped:
            listed = ", ".join(f"{each.name} ({each.reason})" for each in dropped)
            logger.warning(
                "%s: dropped, for %s takes no such values: %s.", self._stream, self._module, listed
            )

    def dropped_later(self, dropped: Dropped) -> None:
        """A property that appeared after the warning."""
        self._account.notes[f"dropped {dropped.name} ({dropped.reason})"] += 1

    def cut(self, field: str) -> None:
        """A text was cut to the field's length."""
        self._account.notes[f"cut {field} to its length"] += 1
        if field not in self._cut:
            self._cut.add(field)
            logger.warning("%s: texts too long for %s.%s are cut.", self._stream, self._module, field)

    def unknown_choice(self, field: str, value: str) -> None:
        """A value that a pick list does not have; Bigin stores it all the same. Called once a value."""
        logger.warning(
            "%s: %s.%s has no value %r in its list; it is stored as it is.",
            self._stream,
            self._module,
            field,
            value,
        )
