"""Streams of which every record ends the same way: refused, or left alone."""

from __future__ import annotations

from target_bigin.records.account import Account
from target_bigin.records.ledger import Ledger
from target_bigin.records.record import Action, Fields, Record, Reject
from target_bigin.streams.stream import Stream


class FixedStream(Stream):
    """A stream that can go nowhere, or of which nothing is to be written."""

    def __init__(self, account: Account, ledger: Ledger, outcome: Action | Reject) -> None:
        self._account = account
        self._ledger = ledger
        self._outcome = outcome

    def take(self, raw: Fields) -> None:
        """End the record."""
        record = Record(self._ledger.read(self._account), self._account.stream, raw)
        self._ledger.end(record, self._outcome)
