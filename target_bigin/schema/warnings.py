"""What is noticed about a stream's values: warned of once, counted for the report."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from target_bigin.records.account import Account
from target_bigin.schema.fields import Dropped

logger = logging.getLogger("target-bigin")


def dropped(account: Account, properties: Sequence[Dropped]) -> None:
    """Properties that go nowhere: one line for what Bigin lacks, maybe misspelt, one for the rest."""
    for level, is_known in ((logging.WARNING, False), (logging.INFO, True)):
        listed = ", ".join(f"{each.name} ({each.reason})" for each in properties if each.is_known is is_known)
        if listed:
            logger.log(
                level, "%s: dropped, for %s takes no such values: %s.", account.stream, account.module, listed
            )


def dropped_later(account: Account, each: Dropped) -> None:
    """A property that appeared after the warning."""
    account.notes[f"dropped {each.name} ({each.reason})"] += 1


def cut(account: Account, field: str) -> None:
    """A text was cut to the field's length."""
    note = f"cut {field} to its length"
    if note not in account.notes:
        logger.warning("%s: texts too long for %s.%s are cut.", account.stream, account.module, field)
    account.notes[note] += 1


def unknown_choice(account: Account, field: str, value: str) -> None:
    """A value that a pick list does not have; Bigin stores it all the same. Called once a value."""
    said = "%s: %s.%s has no value %r in its list; it is stored as it is."
    logger.warning(said, account.stream, account.module, field, value)
