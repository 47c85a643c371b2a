"""Streams of which every record ends the same way: refused, or left alone."""

from __future__ import annotations

from target_bigin.records.account import Account
from target_bigin.records.ledger import Ledger
from target_bigin.records.record import Action, Fields, Record, Reject


class FixedStream:
    """A stream that can go nowhere, or of which nothing is to be written."""

    is_full = False

    def __init__(self, account: Account, ledger: Ledger, outcome: Action | Reject) -> None:
        self._account = account
        self._ledger = ledger
        self._outcome = outcome

    def take(self, raw: Fields) -> None:
        """End the record."""
        record = Record(self._ledger.read(self._account), self._account.stream, raw)
        self._ledger.end(record, self._outcome)

    def judges(self, key_property: str) -> bool:  # noqa: ARG002 -- as of a stream that does
        """A record without a key is no case of its own here."""
        return False

    def tick(self, *, flush: bool) -> None:
        """Nothing waits here."""

    def activate_version(self, version: int) -> None:
        """Nothing is deleted here."""

    def finish(self) -> None:
        """Nothing was held back."""

    def complete(self) -> None:
        """Nothing is under way."""
